"""TMDB's lists as a source."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from tmdbfusion_scrapy.exceptions import ConfigurationError
from tmdbfusion_scrapy.models.paging import LAST_PAGE
from tmdbfusion_scrapy.sources.arguments import take_count
from tmdbfusion_scrapy.sources.source import Estimate, EstimateLookup, Source, estimate_pages

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from scrapy import Request
    from typing_extensions import Self

    from tmdbfusion_scrapy.sources.source import Crawl, Kind

DEFAULT_LIST_PAGES = 6
"""Pages of a list where the spider is not told: 120 records, enough for a first look."""


@dataclass(frozen=True)
class ListSource(Source):
    """The records of one of TMDB's lists.

    Args:
        list_name: TMDB's name of the list, such as ``popular``.
        pages: Most pages, 20 records each.
    """

    name: ClassVar[str] = "list"
    described: ClassVar = ("list", "pages")

    list_name: str
    pages: int

    @classmethod
    def is_offered(cls, kind: Kind) -> bool:
        """Return whether TMDB has lists of the kind."""
        return bool(kind.lists)

    @classmethod
    def from_arguments(cls, given: dict[str, str], kind: Kind) -> Self:
        """Return one of TMDB's lists.

        Raises:
            ConfigurationError: The list is unknown, or the pages are no number from 1 to 500.
        """
        names = list(kind.lists)
        name = given.pop("list", names[0])
        if name not in names:
            raise ConfigurationError(f"-a list={name} is unknown: use one of {', '.join(names)}")
        return cls(name, take_count(given, "pages", most=LAST_PAGE) or DEFAULT_LIST_PAGES)

    def describe(self, day: str | None) -> str:  # noqa: ARG002 - the interface
        """Return in words where the ids come from."""
        return f"TMDB's list {self.list_name}, {self.pages} pages at most"

    async def requests(self, crawl: Crawl) -> AsyncIterator[Request]:
        """Yield the request for the pages of the list."""
        endpoint = crawl.kind.lists[self.list_name]
        window = {"time_window": "day"} if "time_window" in endpoint.parameters else {}
        yield crawl.pages(endpoint, self.pages, **window)

    async def estimate(self, lookup: EstimateLookup) -> Estimate:
        """Return what a crawl would have to fetch: the first page tells how long the list is."""
        page = await lookup.first_page(lookup.kind.lists[self.list_name])
        return estimate_pages(page, self.pages, lookup)
