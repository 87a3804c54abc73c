"""Series, with their seasons and episodes."""

from typing import ClassVar

from tmdbfusion_scrapy.crawling import TMDBSeriesSpider


class TVSpider(TMDBSeriesSpider):
    """Crawl series: ``scrapy crawl tmdb_tv -a ids=1399``.

    ``-a append=...`` takes the place of the parts below, ``-a append=`` asks for none. The seasons come always.
    """

    name = "tmdb_tv"
    append = ("aggregate_credits", "content_ratings", "external_ids", "keywords", "watch/providers")
    list_operations: ClassVar = {
        "popular": "tv-series-popular-list",
        "top_rated": "tv-series-top-rated-list",
        "on_the_air": "tv-series-on-the-air-list",
        "airing_today": "tv-series-airing-today-list",
        "trending": "trending-tv",
    }
    discover_operation = "discover-tv"
    changes_operation = "changes-tv-list"
