"""Interfaces of what stores: as a crawl and its sources see a database, and the pipelines for records and images.

A crawl finds the pipelines among its item pipelines by the classes here, so that it knows no database.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
    from typing import TypeVar

    T = TypeVar("T")

Entry = tuple[int, float | None]
"""An id and its popularity, by which the most popular come first."""

DATABASE_FAILED = "tmdb_database_failed"
"""Reason with which a crawl is closed when the database failed for good."""

RECORD_CAME = object()
"""Signal: a call was answered with its whole record. ``call()`` returns its kind, id and path."""


@dataclass(frozen=True)
class Run:
    """One crawl, from its first start until nothing is left of it, however many processes it takes.

    Args:
        id: Its key.
        started_at: When it was first started, in UTC.
        since: What was stored, found deleted or failed from then on is done; ``None`` if what was stored at any
            time is, and what has failed for good.
        upto: The watermark that stands when it is finished; ``None`` for none.
        is_planned: Whether all that it is to fetch stands in the database.
        is_resumed: Whether an earlier process began it.
    """

    id: int
    started_at: datetime
    since: datetime | None
    upto: str | None
    is_planned: bool
    is_resumed: bool


@dataclass(frozen=True)
class Progress:
    """Progress of a run.

    Args:
        listed: Records that its source listed.
        left: Records that are to be fetched.
    """

    listed: int
    left: int


class KnownRecords(Protocol):
    """Records of one kind that a database knows. All methods block."""

    def now(self) -> datetime:
        """Return the time by the database's clock."""

    def watermark(self, name: str) -> str | None:
        """Return how far something was read; ``None`` where it never was."""

    def stale(self, days: float, now: datetime) -> Iterable[Entry]:
        """Return what was not fetched for some days, popular records earlier."""

    def failed(self, *, permanent: bool = True) -> Iterable[Entry]:
        """Return what failed; with ``permanent`` also that for which a retry is of no use."""

    def has_adult(self) -> bool:
        """Return whether records for adults are stored."""

    def export_size(self, name: str) -> int | None:
        """Return how many lines the last export of a name had; ``None`` where none was read."""

    def etags_of(self, ids: Sequence[int], *, with_raw: bool = False) -> Mapping[int, str]:
        """Return the ETags of those of some records that are stored, by id."""

    def stored_records(
        self, *, since: datetime | None = None, until: datetime | None = None, after: int = 0
    ) -> Sequence[Any]:
        """Return some stored records behind an id: each has an ``id``, and ``decoded(model)`` gives the record."""


class CrawlState(KnownRecords, Protocol):
    """The state of the crawls of one kind of records, in a database. All methods block."""

    def begin(
        self, spider: str, arguments: Mapping[str, str], *, again: bool, language: str | None = None
    ) -> Run:
        """Return the unfinished run of these arguments, else a new one."""

    def plan(
        self,
        run: Run,
        listed: Iterable[Entry],
        *,
        is_complete: bool = False,
        limit: int | None = None,
        upto: str | None = None,
        adult: Iterable[int] | None = None,
        is_adult: bool = False,
        export: tuple[str, int] | None = None,
        coverage: str | None = None,
    ) -> tuple[Run, Progress]:
        """Make what is listed, and not done, what a run that is not planned is to fetch.

        The arguments are those of :class:`~tmdbfusion_scrapy.sources.Listing`, and ``limit``, the most records;
        ``coverage`` is what a crawl of discover in parts found, as JSON.
        """

    def renew(self, run: Run, listed: Iterable[Entry], *, upto: str) -> tuple[Run, Progress]:
        """Add what is listed to what is left of a planned run."""

    def go_on(self, run: Any) -> Progress:
        """Take off what was done since."""

    def left(self, run: Run, *, after: int = 0, limit: int = 1000) -> Sequence[tuple[int, int]]:
        """Return position and id of what is to be fetched, behind a position."""

    def not_done(self, run: Run, keys: Sequence[int]) -> list[int]:
        """Return those of some ids that the run did not store, find deleted or give up."""

    def fetched_otherwise(self, run: Run, parts: Sequence[str], language: str) -> Sequence[Any]:
        """Return groups of records stored without some parts (``missing``), or in another ``language``."""

    def finish(self, run: Run, *, watermark: str | None = None, coverage: str | None = None) -> Progress:
        """End a run of which nothing is left; else return how far it is."""

    def close(self) -> None:
        """Close the connections."""


class RecordStore:
    """An item pipeline that stores records, and the state of crawls."""

    async def open_state(self, kind: str) -> CrawlState:
        """Return the state of the crawls of a kind of records (their table); who asks for it closes it.

        Raises:
            ConfigurationError: The database cannot be used.
        """
        raise NotImplementedError

    async def ask(self, question: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """Return what a blocking question to the database finds, asked in a thread.

        Where the database is locked or away it is asked again, from its beginning.

        Raises:
            ConfigurationError: The database was away for too long, or cannot be asked.
        """
        raise NotImplementedError


class ImageStore:
    """An item pipeline that downloads and stores the images of records."""

    def fetch_stored(self, record: Any) -> Awaitable[None]:
        """Have the images of a record downloaded that an earlier crawl has stored, where they are not there."""
        raise NotImplementedError

    def waits_for(self, ids: Iterable[int]) -> bool:
        """Return whether images of records with some ids are still to be stored, or may be."""
        raise NotImplementedError
