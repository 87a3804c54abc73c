"""Records that TMDB lists as changed as a source: its feed is read in windows of days."""

from __future__ import annotations

import asyncio
import datetime
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from tmdbfusion_scrapy.exceptions import ConfigurationError
from tmdbfusion_scrapy.models.paging import LAST_PAGE
from tmdbfusion_scrapy.sources.export import ExportSource
from tmdbfusion_scrapy.sources.export_file import ExportFilter
from tmdbfusion_scrapy.sources.source import NEEDS_DATABASE, Estimate, Listing, Source, take_day, take_flag

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from scrapy import Request
    from typing_extensions import Self

    from tmdbfusion_scrapy.api import Endpoint
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
    """Days that one feed request asks for, the first and the last among them.

    Args:
        start: First day, UTC.
        end: Last day, UTC.
    """

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

    Args:
        since: The day up to which the feed was read; one to come, after a clock was wrong, counts as today.
        today: The day it is, UTC.
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
    """The records that TMDB lists as changed.

    Args:
        since: The first day, UTC; ``None`` for the day up to which the changes were read before.
        force: Whether an export that takes the feed's place is believed even if it is much shorter than the last.
    """

    name: ClassVar[str] = "changes"
    implied_by: ClassVar = ("since",)
    described: ClassVar = ("since",)
    needs_database: ClassVar[bool] = True
    is_mirror: ClassVar[bool] = True

    since: datetime.date | None
    force: bool = False

    @classmethod
    def is_offered(cls, kind: Kind) -> bool:
        """Return whether TMDB lists changes of the kind."""
        return kind.changes is not None

    @classmethod
    def from_arguments(cls, given: dict[str, str], kind: Kind) -> Self:  # noqa: ARG003 - the interface
        """Return the day from which changes are read.

        Raises:
            ConfigurationError: ``since`` is no day, or one to come, or ``force`` is neither true nor false.
        """
        return cls(take_day(given, "since"), take_flag(given, "force"))

    def describe(self, day: str | None) -> str:
        """Return in words where the ids come from."""
        return f"what changed{f' since {day}' if day else ''}"

    async def requests(self, crawl: Crawl) -> AsyncIterator[Request]:
        """Yield the requests for the feed, and when all of it came those for the records.

        Where too much time passed, all that TMDB has is fetched, by an export.
        """
        run, today = crawl.run, _today()
        if run is None:
            raise ConfigurationError(NEEDS_DATABASE)
        is_behind = run.is_planned and run.upto is not None and run.upto < today.isoformat()
        if not run.is_planned or is_behind:
            # An earlier process has read what changed until then.
            source = ChangesSource(datetime.date.fromisoformat(run.upto)) if is_behind and run.upto else self
            since = await source._first_day(crawl, today)  # noqa: SLF001 - another of this class
            if since is None:
                listing = await self._export().listing(crawl)
            else:
                feed = ChangeFeed(crawl, since, today)
                crawl.read_with(feed)
                for request in feed.first_requests():
                    yield request
                listing = Listing([(key, None) for key in await feed.ids()], upto=today.isoformat())
            await (run.renew(listing) if is_behind else run.plan(listing, crawl.limit))
        async for request in super().requests(crawl):
            yield request

    async def estimate(self, lookup: EstimateLookup) -> Estimate:
        """Return what a crawl would have to fetch: the first page of each window tells how long it is."""
        today = _today()
        since = await self._first_day(lookup, today)
        if since is None:
            return self.estimate_of(await self._export().listing(lookup), lookup)
        listed = pages = 0
        for window in windows(since, today):
            page = await lookup.first_page(
                _endpoint(lookup.kind), start_date=window.start, end_date=window.end
            )
            listed += page.total_results or 0
            pages += page.total_pages or 1
        left = lookup.not_fetched(listed if lookup.limit is None else min(listed, lookup.limit))
        # What changed more than once is listed in several windows, or on several days.
        return Estimate(listed, left, pages, is_exact=False, day=since.isoformat())

    async def _first_day(self, lookup: Lookup, today: datetime.date) -> datetime.date | None:
        """Return the day from which the feed is to be read; ``None`` where too much time passed.

        Raises:
            ConfigurationError: The changes were never read into the database, and no day is given.
        """
        if self.since is not None:
            return self.since
        mark: str | None = await lookup.ask(lookup.known.watermark, f"{lookup.kind.table}/changes")
        if mark is None:
            raise ConfigurationError(
                "the changes were never read into this database, so nobody can say from which "
                "day on: crawl -a source=export first, or add -a since=2026-11-01"
            )
        since = datetime.date.fromisoformat(mark)
        return None if is_too_long(since, today) else since

    def _export(self) -> ExportSource:
        """Return the export that takes the place of the feed."""
        return ExportSource(ExportFilter(), None, self.force)


def _today() -> datetime.date:
    """Return the day it is, UTC."""
    return datetime.datetime.now(datetime.timezone.utc).date()


def _endpoint(kind: Kind) -> Endpoint[..., Any]:
    """Return the list of changed ids of a kind for which the source is offered."""
    endpoint: Endpoint[..., Any] = kind.changes
    return endpoint


class IncompleteFeedError(Exception):
    """A page of the feed could not be had: what changed is not known.

    Args:
        error: What became of the page.

    Attributes:
        retryable: Whether the same may work later.
    """

    def __init__(self, error: TMDBError) -> None:
        super().__init__(str(error))
        self.retryable = error.retryable


class ChangeFeed:
    """Reader of the ids that changed from a day on.

    Args:
        crawl: Makes the requests.
        since: The day up to which the feed was read before.
        today: The day it is, UTC.
    """

    def __init__(self, crawl: Crawl, since: datetime.date, today: datetime.date) -> None:
        self._crawl = crawl
        self._endpoint = _endpoint(crawl.kind)
        self._windows = list(windows(since, today))
        self._ids: dict[int, None] = {}
        self._open = 0
        self._done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def first_requests(self) -> Iterator[Request]:
        """Yield the requests for the first page of each window."""
        for window in self._windows:
            yield self._request(window, 1)

    async def read(self, response: Any, *, window: Window, page: int) -> AsyncIterator[Request]:
        """Take the ids of a page, and yield the requests for the pages behind a first one."""
        feed = response.record
        halves = window.halves() if page == 1 and (feed.total_pages or 0) > LAST_PAGE else None
        if halves is not None:
            # TMDB serves 500 pages; half of the days have fewer.
            for half in halves:
                yield self._request(half, 1)
        else:
            self._ids.update((entry.id, None) for entry in feed.results if entry.id is not None)
            if page == 1:
                for number in range(2, feed.last_page + 1):
                    yield self._request(window, number)
        self._close_one(None)

    def fail(self, error: TMDBError) -> None:
        """Note that a page could not be had."""
        self._close_one(error)

    async def ids(self) -> list[int]:
        """Return the ids when all pages have come.

        Raises:
            IncompleteFeedError: A page could not be had.
        """
        await self._done
        return list(self._ids)

    def _request(self, window: Window, page: int) -> Request:
        """The request for a page."""
        self._open += 1
        arguments: dict[str, Any] = {"start_date": window.start, "end_date": window.end, "page": page}
        return self._crawl.page(self._endpoint, **arguments, cb_kwargs={"window": window, "page": page})

    def _close_one(self, error: TMDBError | None) -> None:
        """Note that a page is done; with the last one all are."""
        self._open -= 1
        if self._done.done():
            return
        if error is not None:
            self._done.set_exception(IncompleteFeedError(error))
        elif self._open == 0:
            self._done.set_result(None)
