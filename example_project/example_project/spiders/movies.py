"""Movies."""

from typing import ClassVar

from tmdbfusion_scrapy.crawling import TMDBSourceSpider


class MoviesSpider(TMDBSourceSpider):
    """Crawl movies: ``scrapy crawl tmdb_movies -a source=discover -a primary_release_year=1999``.

    ``-a append=...`` takes the place of the parts below, ``-a append=`` asks for none.
    """

    name = "tmdb_movies"
    details_operation = "movie-details"
    # What the queries of scrapy tmdb-query --list are about.
    append = ("credits", "external_ids", "keywords", "release_dates", "translations", "watch/providers")
    list_operations: ClassVar = {
        "popular": "movie-popular-list",
        "top_rated": "movie-top-rated-list",
        "now_playing": "movie-now-playing-list",
        "upcoming": "movie-upcoming-list",
        "trending": "trending-movies",
    }
    discover_operation = "discover-movie"
    changes_operation = "changes-movie-list"
