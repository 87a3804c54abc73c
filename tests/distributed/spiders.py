"""Spiders of the workers that the tests start."""

from __future__ import annotations

from typing import ClassVar

from tmdbfusion_scrapy.crawling import TMDBSeriesSpider, TMDBSourceSpider


class Movies(TMDBSourceSpider):
    name = "movies"
    details_operation = "movie-details"
    list_operations: ClassVar = {"popular": "movie-popular-list"}
    discover_operation = "discover-movie"
    changes_operation = "changes-movie-list"


class Series(TMDBSeriesSpider):
    name = "series"


class People(TMDBSourceSpider):
    name = "people"
    details_operation = "person-details"
    append = ("external_ids",)


class Collections(TMDBSourceSpider):
    name = "collections"
    details_operation = "collection-details"


class Companies(TMDBSourceSpider):
    name = "companies"
    details_operation = "company-details"


class Networks(TMDBSourceSpider):
    name = "networks"
    details_operation = "network-details"


class Keywords(TMDBSourceSpider):
    name = "keywords"
    details_operation = "keyword-details"


ALL = (Movies, Series, People, Collections, Companies, Networks, Keywords)
