"""Estimate of a crawl: its records, looked up as the crawl would, and from them requests, time and disk."""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from tmdbfusion_scrapy.api.appending import MAX_APPENDS
from tmdbfusion_scrapy.client import AsyncTMDBClient
from tmdbfusion_scrapy.crawling.session import session_of
from tmdbfusion_scrapy.crawling.source_crawl import CrawlLookup
from tmdbfusion_scrapy.sources.source import Estimate

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from collections.abc import Set as AbstractSet

    from scrapy.crawler import Crawler

    from tmdbfusion_scrapy.api import Endpoint
    from tmdbfusion_scrapy.crawling import TMDBSourceSpider
    from tmdbfusion_scrapy.sources import Plan
    from tmdbfusion_scrapy.storage.crawl_state import CrawlState, Share
    from tmdbfusion_scrapy.storage.runs import Run

DOCUMENT_BYTES = {
    "movies": 1_400,
    "tv_shows": 3_000,
    "people": 700,
    "collections": 2_000,
    "companies": 300,
    "networks": 200,
    "keywords": 50,
}
"""Rough size of TMDB's answer for a record without appended parts; a movie's is the average of 3,000."""

SEASONS_BYTES = 45_000
"""Rough size of the seasons of a series: three with 29 episodes, as in the sandbox."""

PART_BYTES = 7_000
"""Rough size of an appended part: the average of ``credits`` and ``keywords`` of the sandbox's movies."""


class PlanLookup(CrawlLookup):
    """Access of a source to what it may look up; see :class:`~tmdbfusion_scrapy.sources.source.EstimateLookup`.

    Args:
        crawler: One that is not started.
        spider: The class of its spider.
        plan: What its arguments say.
        state: The database.

    Attributes:
        run: The unfinished run that the crawl would go on with.
    """

    def __init__(
        self, crawler: Crawler, spider: type[TMDBSourceSpider], plan: Plan, state: CrawlState
    ) -> None:
        super().__init__(crawler, spider.records_kind(), plan.limit)
        self._plan = plan
        self._state = state
        self._client: AsyncTMDBClient | None = None
        self.run: Run | None = state.unfinished_run(spider.name, plan.arguments)

    async def estimate(self) -> Estimate:
        """Return what the crawl would have to fetch.

        Raises:
            ConfigurationError: There is nothing to go by.
            TMDBError: TMDB could not be asked.
        """
        if self.run is not None and self.run.is_planned:
            progress = self._state.progress(self.run)
            return Estimate(progress.listed, progress.left)
        try:
            return await self._plan.source.estimate(self)
        finally:
            if self._client is not None:
                await self._client.aclose()

    @property
    def known(self) -> CrawlState:
        """Records that the database knows."""
        return self._state

    async def ask(self, question: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Return what a question to the database finds, asked in a thread."""
        return await asyncio.to_thread(partial(question, *args, **kwargs))

    def not_fetched(self, listed: int) -> int:
        """Return how many of some records are left, where an unfinished run has fetched some."""
        if self.run is None:
            return listed
        return max(0, listed - self._state.fetched_since(self.run.started_at))

    def share(
        self, listed: AbstractSet[int], *, adult: AbstractSet[int] | None = None, is_adult: bool = False
    ) -> Share:
        """Return how many of some ids are stored, given up, and how many stored ones are not listed."""
        return self._state.share(listed, adult=adult, is_adult=is_adult)

    async def first_page(self, endpoint: Endpoint[..., Any], **arguments: Any) -> Any:
        """Return the record of a list's first page."""
        if self._client is None:
            self._client = self._new_client()
        return await getattr(getattr(self._client, endpoint.namespace), endpoint.name)(**arguments)

    def _new_client(self) -> AsyncTMDBClient:
        """Return a client with the way to TMDB that the crawl would have."""
        session = session_of(self.crawler)
        settings = session.settings
        secret, is_key = session.credentials.secret, session.credentials.is_v3_key
        return AsyncTMDBClient(
            None if is_key else secret,
            api_key=secret if is_key else None,
            transport=session.transport,
            base_url=settings.api_url,
            language=None if settings.languages else settings.language,
            languages=settings.languages or None,
            region=settings.region,
            timeout=self.crawler.settings.getfloat("DOWNLOAD_TIMEOUT") or None,
            requests_per_second=settings.requests_per_second,
            retries=settings.retry_times,
        )


@dataclass(frozen=True)
class DiskModel:
    """Room of a record on the disk.

    Measured with 1,458 movies without parts (documents of 1.3 KB) and with credits and keywords (16 KB, 70 rows):
    3.6 and 29 KB in SQLite 3.40, 4.8 and 30 KB in PostgreSQL 15, indexes included. Series with their seasons take
    a tenth to a sixth more than it says, people up to a third less.

    Args:
        row: Bytes for a record, whatever its size.
        per_byte: Bytes for each byte of its document: in its rows, its indexes, and as it came.
        raw_per_byte: How much of that is the document as it came.
    """

    row: float
    per_byte: float
    raw_per_byte: float

    def size(self, document: float, *, store_raw: bool) -> float:
        """Return the bytes that a record takes.

        Args:
            document: Bytes of its document.
            store_raw: ``TMDB_STORE_RAW``.
        """
        return self.row + document * (self.per_byte - (0.0 if store_raw else self.raw_per_byte))


DISK = {"sqlite": DiskModel(1_300, 1.75, 1.0), "postgresql": DiskModel(2_500, 1.57, 0.5)}
"""By the kind of database; PostgreSQL compresses documents."""


def document_bytes(kind: str, appends: int, *, with_seasons: bool) -> float:
    """Return the rough size of a record's documents, where nothing stored tells.

    Args:
        kind: Table of the records.
        appends: How many parts are appended.
        with_seasons: Whether a series comes with its seasons.
    """
    return DOCUMENT_BYTES[kind] + appends * PART_BYTES + (SEASONS_BYTES if with_seasons else 0)


def requests_per_record(append: Sequence[str]) -> int:
    """Return how many requests a record takes with its parts."""
    return max(1, -(-len(append) // MAX_APPENDS))


def time_words(seconds: float) -> str:
    """Return a time such as ``9.7 hours``."""
    for unit, size, least in (("days", 86_400, 172_800), ("hours", 3_600, 3_600), ("minutes", 60, 120)):
        if seconds >= least:
            return f"{seconds / size:,.1f} {unit}"
    whole = math.ceil(seconds)
    return f"{whole} second{'' if whole == 1 else 's'}"


def byte_words(size: float) -> str:
    """Return a size such as ``61.3 GB``, in powers of 1,000."""
    for exponent, unit in ((4, "TB"), (3, "GB"), (2, "MB"), (1, "KB")):
        if size >= 1000**exponent:
            return f"{size / 1000**exponent:.1f} {unit}"
    return f"{size:.0f} bytes"
