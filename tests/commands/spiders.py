"""Spiders of the project that the commands are tried in."""

from typing import ClassVar

import scrapy

from tmdbfusion_scrapy.crawling import TMDBSeriesSpider, TMDBSourceSpider


class MoviesSpider(TMDBSourceSpider):
    name = "movies"
    details_operation = "movie-details"
    list_operations: ClassVar = {"popular": "movie-popular-list", "top_rated": "movie-top-rated-list"}
    discover_operation = "discover-movie"
    changes_operation = "changes-movie-list"


class SeriesSpider(TMDBSeriesSpider):
    name = "series"
    list_operations: ClassVar = {"popular": "tv-series-popular-list"}


class KeywordsSpider(TMDBSourceSpider):
    name = "keywords"
    details_operation = "keyword-details"


class PlainSpider(scrapy.Spider):
    name = "plain"
