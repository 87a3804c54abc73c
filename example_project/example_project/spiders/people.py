"""People."""

from typing import ClassVar

from tmdbfusion_scrapy.crawling import TMDBSourceSpider


class PeopleSpider(TMDBSourceSpider):
    """Crawl people: ``scrapy crawl tmdb_people -a append=combined_credits``."""

    name = "tmdb_people"
    details_operation = "person-details"
    list_operations: ClassVar = {"popular": "person-popular-list", "trending": "trending-people"}
    changes_operation = "changes-people-list"
