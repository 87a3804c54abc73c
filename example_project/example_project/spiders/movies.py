"""Movies."""

from typing import ClassVar

from tmdbfusion_scrapy.crawling import TMDBSourceSpider


class MoviesSpider(TMDBSourceSpider):
    """Crawl movies: ``scrapy crawl tmdb_movies -a source=discover -a primary_release_year=1999``."""

    name = "tmdb_movies"
    details_operation = "movie-details"
    list_operations: ClassVar = {
        "popular": "movie-popular-list",
        "top_rated": "movie-top-rated-list",
        "now_playing": "movie-now-playing-list",
        "upcoming": "movie-upcoming-list",
        "trending": "trending-movies",
    }
    discover_operation = "discover-movie"
    changes_operation = "changes-movie-list"
