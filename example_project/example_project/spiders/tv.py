"""Series, with their seasons and episodes."""

from typing import ClassVar

from tmdbfusion_scrapy.crawling import TMDBSeriesSpider


class TVSpider(TMDBSeriesSpider):
    """Crawl series: ``scrapy crawl tmdb_tv -a ids=1399``."""

    name = "tmdb_tv"
    list_operations: ClassVar = {
        "popular": "tv-series-popular-list",
        "top_rated": "tv-series-top-rated-list",
        "on_the_air": "tv-series-on-the-air-list",
        "airing_today": "tv-series-airing-today-list",
        "trending": "trending-tv",
    }
    discover_operation = "discover-tv"
    changes_operation = "changes-tv-list"
