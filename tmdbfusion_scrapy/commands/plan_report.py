"""Estimate of what a crawl would take, and the report of it."""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tmdbfusion_scrapy.api import OPERATIONS
from tmdbfusion_scrapy.api.appending import MAX_APPENDS, room_for_seasons, with_translations
from tmdbfusion_scrapy.client import AsyncTMDBClient
from tmdbfusion_scrapy.commands.command import described, paragraph
from tmdbfusion_scrapy.crawling import Addon, TMDBSeriesSpider
from tmdbfusion_scrapy.crawling.session import session_of
from tmdbfusion_scrapy.crawling.source_crawl import CrawlLookup
from tmdbfusion_scrapy.monitoring.probes import free_bytes
from tmdbfusion_scrapy.settings import settings_of
from tmdbfusion_scrapy.sources.source import Estimate
from tmdbfusion_scrapy.storage.backend import backend_for
from tmdbfusion_scrapy.storage.crawl_state import CrawlState
from tmdbfusion_scrapy.storage.database import (
    MissingDatabaseError,
    database_label,
    database_size,
    empty_database,
    open_for_reading,
    parse_database_url,
)
from tmdbfusion_scrapy.storage.sql import database_options_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from collections.abc import Set as AbstractSet

    from scrapy.crawler import Crawler
    from sqlalchemy.engine import Engine

    from tmdbfusion_scrapy.api import Endpoint
    from tmdbfusion_scrapy.crawling import TMDBSourceSpider
    from tmdbfusion_scrapy.sources import Plan
    from tmdbfusion_scrapy.storage.crawl_state import Share
    from tmdbfusion_scrapy.stores import Run


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

    Its crawler is not started, and its spider is a class; ``run`` is what the crawl would go on with.
    """

    def __init__(
        self, crawler: Crawler, spider: type[TMDBSourceSpider], plan: Plan, state: CrawlState
    ) -> None:
        super().__init__(crawler, spider.records_kind(), plan.limit)
        self.spider = spider
        self.plan = plan
        self.known = state
        self.settings = settings_of(crawler.settings)
        self._client: AsyncTMDBClient | None = None
        self.run: Run | None = state.unfinished_run(spider.name, plan.arguments)

    async def estimate(self) -> Estimate:
        """Return what the crawl would have to fetch."""
        if self.run is not None and self.run.is_planned:
            progress = self.known.progress(self.run)
            return Estimate(progress.listed, progress.left)
        try:
            return await self.plan.source.estimate(self)
        finally:
            if self._client is not None:
                await self._client.aclose()

    async def ask(self, question: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Return what a question to the database finds, asked in a thread."""
        return await asyncio.to_thread(question, *args, **kwargs)

    def not_fetched(self, listed: int) -> int:
        """Return how many of some records are left, where an unfinished run has fetched some."""
        done = self.known.fetched_since(self.run.started_at) if self.run is not None else 0
        return max(0, listed - done)

    def share(
        self, listed: AbstractSet[int], *, adult: AbstractSet[int] | None = None, is_adult: bool = False
    ) -> Share:
        """Return how many of some ids are stored, given up, and how many stored ones are not listed."""
        return self.known.share(listed, adult=adult, is_adult=is_adult)

    async def first_page(self, endpoint: Endpoint[..., Any], **arguments: Any) -> Any:
        """Return the record of a list's first page, asked for in the way that the crawl would have."""
        if self._client is None:
            session, settings = session_of(self.crawler), self.settings
            secret, is_key = session.credentials.secret, session.credentials.is_v3_key
            self._client = AsyncTMDBClient(
                None if is_key else secret,
                api_key=secret if is_key else None,
                transport=session.api.failover or session.api.pool,
                base_url=settings.api_url,
                language=None if settings.languages else settings.language,
                languages=settings.languages or None,
                region=settings.region,
                timeout=self.crawler.settings.getfloat("DOWNLOAD_TIMEOUT") or None,
                requests_per_second=settings.requests_per_second,
                retries=settings.retry_times,
            )
        return await getattr(getattr(self._client, endpoint.namespace), endpoint.name)(**arguments)

    @property
    def has_seasons(self) -> bool:
        """True where each record comes with its seasons."""
        return issubclass(self.spider, TMDBSeriesSpider) and self.spider.seasons

    @property
    def parts(self) -> tuple[str, ...]:
        """The parts that are appended to each record, seasons apart."""
        has_chain = "languages" in OPERATIONS[self.spider.details_operation].parameters
        return with_translations(self.plan.append, self.settings.languages if has_chain else ())


@dataclass(frozen=True)
class DiskModel:
    """Room of a record on the disk, in bytes: for itself, and for each byte of its document.

    Measured with 1,458 movies without parts (1.3 KB) and with credits and keywords (16 KB, 70 rows): 3.6 and 29 KB
    in SQLite 3.40, 4.8 and 30 KB in PostgreSQL 15. Series with seasons take a sixth more, people a third less.
    """

    row: float
    per_byte: float
    raw_per_byte: float

    def size(self, document: float, *, store_raw: bool) -> float:
        """Return the bytes that a record takes whose document has so many; see ``TMDB_STORE_RAW``."""
        return self.row + document * (self.per_byte - (0.0 if store_raw else self.raw_per_byte))


DISK = {"sqlite": DiskModel(1_300, 1.75, 1.0), "postgresql": DiskModel(2_500, 1.57, 0.5)}
"""By the kind of database; PostgreSQL compresses documents."""


def document_bytes(kind: str, appends: int, *, with_seasons: bool) -> float:
    """Return the rough size of a record's documents with so many parts, where nothing stored tells."""
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


Row = tuple[str, str, str]
"""Name, number, and a remark."""


def report(crawler: Crawler, spider: type[TMDBSourceSpider], plan: Plan, *, stores: bool) -> Iterator[str]:
    """Yield the lines of a plan."""
    try:
        engine = open_for_reading(database_options_of(crawler.settings).url) if stores else empty_database()
    except MissingDatabaseError:
        engine = empty_database()
    try:
        lookup = PlanLookup(crawler, spider, plan, CrawlState(engine, spider.kind()))
        estimate = asyncio.run(lookup.estimate())
        yield paragraph(f"{spider.name}: {source_words(plan, estimate)}")
        rows = [*_record_rows(lookup, estimate), *_request_rows(lookup, estimate)]
        if stores:
            rows += _disk_rows(lookup, estimate, engine)
        yield from described(rows)
    finally:
        engine.dispose()
    if lookup.run is not None:
        begun = f"{lookup.run.started_at:%Y-%m-%d %H:%M} UTC"
        yield paragraph(f"The run begun at {begun} is not finished: the same command goes on with it.")
    if not stores:
        yield paragraph("SQLPipeline is turned off: the crawl stores nothing, and cannot be gone on with.")
    if crawler.settings.get("TMDB_IMAGES"):
        yield paragraph("Images are not counted: they have a rate limit and a folder of their own.")


def source_words(plan: Plan, estimate: Estimate) -> str:
    """Return where the ids come from, in words."""
    told = {"source", "limit", "append", *plan.source.described}
    others = [f", {name}={value}" for name, value in plan.arguments.items() if name not in told]
    limit = f", {plan.limit:,} at most" if plan.limit is not None else ""
    return f"{plan.source.describe(estimate.day)}{''.join(others)}{limit}"


def _record_rows(lookup: PlanLookup, estimate: Estimate) -> Iterator[Row]:
    """Yield how many records there are, and how many are left."""
    fetches_again = lookup.plan.source.fetches_again
    is_planned = lookup.run is not None and lookup.run.is_planned
    at_most = "" if estimate.is_exact else "at most: some are listed more than once"
    yield "Listed", f"{estimate.listed:,}", at_most
    if estimate.stored is not None:
        is_again = estimate.stored and fetches_again
        yield "Stored already", f"{estimate.stored:,}", "fetched again all the same" if is_again else ""
    elif is_planned and lookup.plan.limit is None:
        done = max(0, estimate.listed - estimate.left)
        yield "Done already", f"{done:,}", "stored, found deleted or given up"
    else:
        stored = lookup.known.stored()
        again = "in all; those that are listed are fetched again" if fetches_again else "in all"
        yield "Stored already", f"{stored:,}", again if stored else ""
    if estimate.given_up:
        again = "-a source=failed -a permanent=true tries them again"
        yield "Given up", f"{estimate.given_up:,}", f"failed for good: {again}"
    if estimate.unlisted:
        yield "Not listed", f"{estimate.unlisted:,}", "stored, looked up to see whether TMDB deleted them"
    yield "To be fetched", f"{estimate.left:,}", ""


def _request_rows(lookup: PlanLookup, estimate: Estimate) -> Iterator[Row]:
    """Yield the requests, and the time that they take at the set rate."""
    each: float = requests_per_record(lookup.parts)
    number = f"{each:g}" if each > 1 else "one"
    remarks = [f"{number} a record"]
    if lookup.has_seasons:
        room = room_for_seasons(len(lookup.parts))
        remarks = [f"{number} a series, with {room} seasons"]
        which = "texts of seasons and episodes that are not in the first of TMDB_LANGUAGES"
        more = [("longer ones", lookup.known.long_series(room, MAX_APPENDS))]
        if len(lookup.settings.languages) > 1:
            more.append((which, lookup.known.other_languages()))
        for what, requests_more in more:
            if requests_more is None:
                remarks.append(f"{what} take more, which are not counted")
            else:
                remarks.append(f"{requests_more:.2f} for {what}, by the series stored")
                each += requests_more
    if estimate.pages:
        remarks.append(f"{estimate.pages:,} for what lists them")
    requests = round(estimate.left * each) + estimate.pages
    yield "Requests", f"{requests:,}", "; ".join([*remarks, "retries not counted"])
    addon = lookup.crawler.get_addon(Addon)
    speed = addon.speed if addon is not None else None
    if speed is not None and speed.per_second is not None:
        yield "Time", time_words(requests / speed.per_second), speed.words
    else:
        yield "Time", "unknown", "TMDB_REQUESTS_PER_SECOND is 0: no rate is set"


def _disk_rows(lookup: PlanLookup, estimate: Estimate, engine: Engine) -> Iterator[Row]:
    """Yield what the records take on the disk, and what the database takes now."""
    options = database_options_of(lookup.crawler.settings)
    url = parse_database_url(options.url)
    documents = lookup.known.documents()
    if documents is not None:
        size, by = documents.bytes, f"by the {documents.count:,} stored last"
    else:
        size = document_bytes(lookup.kind.table, len(lookup.parts), with_seasons=lookup.has_seasons)
        by = "a rough guess: none is stored yet"
    each = DISK[url.get_backend_name()].size(size, store_raw=options.store_raw)
    # What is fetched again takes the place of what was.
    fetches_again = lookup.plan.source.fetches_again
    again = (estimate.stored or 0) if fetches_again else estimate.unlisted
    needed = max(0, estimate.left - again) * each
    # Which of them are stored already is not known before their ids are.
    may_be_less = estimate.stored is None and documents is not None and fetches_again
    remark = f"if all are new: {byte_words(each)} each" if may_be_less else f"{byte_words(each)} a new record"
    yield "Disk", byte_words(needed), f"{remark}, {by}"
    # In memory: one that is not there.
    now = database_size(engine) if engine.url.database is not None else 0
    yield "Database", byte_words(now), f"{'now' if now else 'not there yet'}: {database_label(url)}"
    backend = backend_for(url)
    if backend is not None and (path := backend.path(url)) is not None:
        free = free_bytes(path.parent)
        yield "Free", byte_words(free), "" if free > needed else "that is not enough"
