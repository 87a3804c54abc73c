"""Records that TMDB lists as changed as a source: its feed is read in windows of days."""

from __future__ import annotations

import asyncio
import datetime
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from tmdbfusion_scrapy.exceptions import ConfigurationError
from tmdbfusion_scrapy.models.paging import LAST_PAGE
from tmdbfusion_scrapy.sources.export import ExportSource
from tmdbfusion_scrapy.sources.source import (
    NEEDS_DATABASE,
    Estimate,
    Listing,
    Source,
    take_day,
    take_flag,
    today,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from scrapy import Request
    from typing_extensions import Self

    from tmdbfusion_scrapy.exceptions import TMDBError
    from tmdbfusion_scrapy.sources.source import Crawl, EstimateLookup, Kind, Lookup


LONGEST = datetime.timedelta(days=14)
"""Longest span of one request (https://developer.themoviedb.org/reference/changes-movie-list)."""

OVERLAP = datetime.timedelta(days=1)
"""Reach of a window back into the one before it: a change of the last minutes may be listed late."""

LONGEST_GAP = datetime.timedelta(days=84)
"""A longer gap is not read from the feed: so many records changed that all are looked at."""


@dataclass(frozen=True)
class Window:
    """Days in UTC that one feed request asks for, the first and the last among them."""

    start: datetime.date
    end: datetime.date

    def halves(self) -> tuple[Window, Window] | None:
        """Return two windows for this one; ``None`` where it is one day."""
        days = (self.end - self.start).days
        if days == 0:
            return None
        middle = self.start + datetime.timedelta(days=days // 2)
        return Window(self.start, middle), Window(middle + datetime.timedelta(days=1), self.end)


def windows(since: datetime.date, today: datetime.date) -> Iterator[Window]:
    """Yield the windows from a day on until today, the oldest first.

    A day to come, up to which the feed was read while a clock was wrong, counts as today.
    """
    start = min(since, today) - OVERLAP
    while True:
        end = min(start + LONGEST - datetime.timedelta(days=1), today)
        yield Window(start, end)
        if end >= today:
            return
        start = end + datetime.timedelta(days=1) - OVERLAP


def is_too_long(since: datetime.date, today: datetime.date) -> bool:
    """Return whether so many days passed that the feed is not worth reading."""
    return today - since > LONGEST_GAP


@dataclass(frozen=True)
class ChangesSource(Source):
    """The records that TMDB lists as changed since a day; ``None`` for that up to which they were read before."""

    name: ClassVar[str] = "changes"
    listed_by: ClassVar = "changes"
    implied_by: ClassVar = ("since",)
    described: ClassVar = ("since",)
    needs_database: ClassVar[bool] = True
    is_mirror: ClassVar[bool] = True

    since: datetime.date | None
    force: bool = False

    @classmethod
    def from_arguments(cls, given: dict[str, str], kind: Kind) -> Self:  # noqa: ARG003 - the interface
        """Return the day from which changes are read."""
        return cls(take_day(given, "since"), take_flag(given, "force"))

    def describe(self, day: str | None) -> str:
        return f"what changed{f' since {day}' if day else ''}"

    async def requests(self, crawl: Crawl) -> AsyncIterator[Request]:
        """Yield the requests for the feed, and when all of it came those for the records.

        Where too much time passed, all that TMDB has is fetched, by an export.
        """
        run, day = crawl.run, today()
        if run is None:
            raise ConfigurationError(NEEDS_DATABASE)
        is_behind = run.is_planned and run.upto is not None and run.upto < day.isoformat()
        if not run.is_planned or is_behind:
            # An earlier process has read what changed until then.
            read_before = datetime.date.fromisoformat(run.upto) if is_behind and run.upto else None
            since = read_before or await self._first_day(crawl, day)
            if since is None:
                listing = await ExportSource(force=self.force).listing(crawl)
            else:
                feed = ChangeFeed(crawl)
                crawl.reader = feed
                # Made before the first is sent: with the last answer the feed is read.
                for request in [feed.request(window) for window in windows(since, day)]:
                    yield request
                listing = Listing([(key, None) for key in await feed.ids], upto=day.isoformat())
            await (crawl.renew(listing) if is_behind else crawl.plan(listing))
        async for request in super().requests(crawl):
            yield request

    async def estimate(self, lookup: EstimateLookup) -> Estimate:
        """Return what a crawl would have to fetch: the first page of each window tells how long it is."""
        day = today()
        since = await self._first_day(lookup, day)
        if since is None:
            return self.estimate_of(await ExportSource(force=self.force).listing(lookup), lookup)
        listed = pages = 0
        for window in windows(since, day):
            page = await lookup.first_page(lookup.kind.changes, start_date=window.start, end_date=window.end)
            listed += page.total_results or 0
            pages += page.total_pages or 1
        left = lookup.not_fetched(listed if lookup.limit is None else min(listed, lookup.limit))
        # What changed more than once is listed in several windows, or on several days.
        return Estimate(listed, left, pages, is_exact=False, day=since.isoformat())

    async def _first_day(self, lookup: Lookup, day: datetime.date) -> datetime.date | None:
        """Return the day from which the feed is to be read; ``None`` where too much time passed."""
        if self.since is not None:
            return self.since
        mark: str | None = await lookup.ask(lookup.known.watermark, f"{lookup.kind.table}/changes")
        if mark is None:
            raise ConfigurationError(
                "the changes were never read into this database, so nobody can say from which "
                "day on: crawl -a source=export first, or add -a since=2026-11-01"
            )
        since = datetime.date.fromisoformat(mark)
        return None if is_too_long(since, day) else since


class ChangeFeed:
    """Reader of the ``ids`` that changed in some windows, known when all pages have come."""

    def __init__(self, crawl: Crawl) -> None:
        self._crawl = crawl
        self._ids: dict[int, None] = {}
        self._open = 0
        self.ids: asyncio.Future[list[int]] = asyncio.get_running_loop().create_future()

    def request(self, window: Window, page: int = 1) -> Request:
        """Return the request for a page of a window."""
        self._open += 1
        days: dict[str, Any] = {"start_date": window.start, "end_date": window.end}
        place = {"window": window, "page": page}
        return self._crawl.page(self._crawl.kind.changes, **days, page=page, cb_kwargs=place)

    async def read(self, response: Any, *, window: Window, page: int) -> AsyncIterator[Request]:
        """Take the ids of a page, and yield the requests for the pages behind a first one."""
        feed = response.record
        halves = window.halves() if page == 1 and (feed.total_pages or 0) > LAST_PAGE else None
        if halves is not None:
            # TMDB serves 500 pages; half of the days have fewer.
            for half in halves:
                yield self.request(half)
        else:
            self._ids.update((entry.id, None) for entry in feed.results if entry.id is not None)
            if page == 1:
                for number in range(2, feed.last_page + 1):
                    yield self.request(window, number)
        self._open -= 1
        if not self._open and not self.ids.done():
            self.ids.set_result(list(self._ids))

    def fail(self, error: TMDBError) -> None:
        """Note that a page could not be had: what changed is not known."""
        if not self.ids.done():
            self.ids.set_exception(error)
