"""People."""

from typing import ClassVar

from tmdbfusion_scrapy.crawling import TMDBSourceSpider


class PeopleSpider(TMDBSourceSpider):
    """Crawl people: ``scrapy crawl tmdb_people -a ids=31``.

    ``-a append=...`` takes the place of the parts below, ``-a append=`` asks for none.
    """

    name = "tmdb_people"
    details_operation = "person-details"
    append = ("combined_credits", "external_ids")
    list_operations: ClassVar = {"popular": "person-popular-list", "trending": "trending-people"}
    changes_operation = "changes-people-list"
