"""Sources that the database tells: stale records, failed calls, and images of what is stored."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from tmdbfusion_scrapy.exceptions import ConfigurationError
from tmdbfusion_scrapy.sources.source import NEEDS_DATABASE, Listing, Source, take_flag, take_number

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from scrapy import Request
    from typing_extensions import Self

    from tmdbfusion_scrapy.sources.source import Crawl, Kind, Lookup

DEFAULT_STALE_DAYS = 30.0
"""TMDB forbids to keep anything longer than six months; a month leaves room."""

_MOST_DAYS = 3650


@dataclass(frozen=True)
class StaleSource(Source):
    """The stored records that were not fetched for some days.

    Args:
        days: After so many days each record is due; popular ones earlier. 0 for all at once.
    """

    name: ClassVar[str] = "stale"
    implied_by: ClassVar = ("days",)
    described: ClassVar = ("days",)
    needs_database: ClassVar[bool] = True

    days: float

    @classmethod
    def from_arguments(cls, given: dict[str, str], kind: Kind) -> Self:  # noqa: ARG003 - the interface
        """Return after how many days a record is stale."""
        days = take_number(given, "days", most=_MOST_DAYS)
        return cls(DEFAULT_STALE_DAYS if days is None else days)

    def describe(self, day: str | None) -> str:  # noqa: ARG002 - the interface
        """Return in words where the ids come from."""
        return f"what was not fetched for {self.days:g} days, popular records earlier"

    async def listing(self, lookup: Lookup) -> Listing:
        """Return what is stale."""
        return Listing(lookup.known.stale(self.days, datetime.datetime.now(datetime.timezone.utc)))


@dataclass(frozen=True)
class FailedSource(Source):
    """The records whose failures stand in ``tmdb_failures``.

    Args:
        permanent: Whether those are tried again, too, for which a retry is of no use, such as a 404.
    """

    name: ClassVar[str] = "failed"
    needs_database: ClassVar[bool] = True

    permanent: bool = False

    @classmethod
    def from_arguments(cls, given: dict[str, str], kind: Kind) -> Self:  # noqa: ARG003 - the interface
        """Return whether permanent failures are tried again, too."""
        return cls(take_flag(given, "permanent"))

    def describe(self, day: str | None) -> str:  # noqa: ARG002 - the interface
        """Return in words where the ids come from."""
        return "what failed before"

    async def listing(self, lookup: Lookup) -> Listing:
        """Return what failed."""
        return Listing(lookup.known.failed(permanent=self.permanent))


@dataclass(frozen=True)
class ImagesSource(Source):
    """The images of the records that are stored: no record is asked for."""

    name: ClassVar[str] = "images"
    needs_database: ClassVar[bool] = True
    asks_for_records: ClassVar[bool] = False

    @classmethod
    def from_arguments(cls, given: dict[str, str], kind: Kind) -> Self:  # noqa: ARG003 - the interface
        """Return the source; it has no arguments."""
        return cls()

    def describe(self, day: str | None) -> str:  # noqa: ARG002 - the interface
        """Return in words where the images come from."""
        return "the images of what is stored; no record is fetched"

    async def listing(self, lookup: Lookup) -> Listing:  # noqa: ARG002 - the interface
        """Return nothing: the images of what is stored are no records to fetch."""
        return Listing()

    async def requests(self, crawl: Crawl) -> AsyncIterator[Request]:
        """Have the images downloaded; the requests for them are the pipeline's."""
        if crawl.run is None:
            raise ConfigurationError(NEEDS_DATABASE)
        await crawl.fetch_stored_images()
        # It yields the requests of no record.
        async for request in crawl.records(()):
            yield request
