"""Status of a crawl at a moment: ``crawler.tmdb``, for people, monitors and programs.

Nothing is worked out, and no timer runs, until somebody asks.
"""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from scrapy import signals
from scrapy.utils.spider import DefaultSpider

from tmdbfusion_scrapy import stats as names
from tmdbfusion_scrapy.crawling.scheduling import RetryQueue
from tmdbfusion_scrapy.crawling.session import traffic_of
from tmdbfusion_scrapy.crawling.source_spider import TMDBSourceSpider
from tmdbfusion_scrapy.crawling.spider import TMDBSpider
from tmdbfusion_scrapy.exceptions import ConfigurationError
from tmdbfusion_scrapy.settings import settings_of
from tmdbfusion_scrapy.storage.sql import SQLPipeline

if TYPE_CHECKING:
    from typing import Literal, TypeVar

    from scrapy.crawler import Crawler
    from typing_extensions import Self

    C = TypeVar("C")

    LimitedBy = Literal["rate", "connections", "server", "database", "process"]

RATE_SECONDS = 10.0
"""Seconds over which requests a second are counted."""

_DONE_SECONDS = 60.0
"""Seconds over which the time left is reckoned."""
_LEAST_SECONDS = 2.0
"""Seconds of a crawl after which its time left can be told."""
_STATM = Path("/proc/self/statm")
_NEAR = 0.93
"""Share of the rate limit from which on it is what limits."""
_BUSY = 0.85
"""Share of one core from which on this process is what limits."""
_SLOW_SECONDS = 1.0
"""Seconds; who answers half of the requests more slowly is what limits."""


@dataclass(frozen=True, slots=True)
class Connections:
    """Connections to TMDB's API.

    Attributes:
        active: In use, being opened, or being closed.
        idle: Kept for the next request.
        open: Both.
        most: The limit (``TMDB_MAX_CONNECTIONS``); ``None`` for none.
        opened: Opened since the start.
    """

    active: int
    idle: int
    open: int
    most: int | None
    opened: int


@dataclass(frozen=True, slots=True)
class Latency:
    """Percentiles of the seconds from sending a request to the head of its answer.

    Of the last answers, 1024 at most. Waits for a connection and for the rate limit do not count.
    """

    p50: float
    p95: float
    p99: float


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Status of a crawl at one moment. Counts are of this process, an earlier one of the same run not included.

    Attributes:
        time: Seconds since 1970, UTC.
        elapsed: Seconds since the spider was opened, until it was closed; 0 before.
        spider: Name of the spider.
        source: Source of the ids in words, such as ``TMDB's list popular, 6 pages at most``; empty where the
            spider has none.
        run_id: Key of the run in ``tmdb_runs``; ``None`` where nothing is stored in a database.
        wanted: Records to fetch, as far as it is known; ``None`` where it is not.
        wanted_grows: Whether a list is still being read, so that ``wanted`` may change.
        done: Records that came, or have not changed, or are gone, or failed for good.
        seconds_left: Seconds until ``done`` is ``wanted``, by the speed of the last minute; ``None`` where it
            cannot be told.
        stored: Records of the spider's kind that the database has by now; of any where it has none.
        unchanged: Stored records that had not changed (``TMDB_CONDITIONAL``).
        gone: Calls for what TMDB does not have (404).
        failed: Calls and records that failed for good, ``gone`` not among them.
        failures: The same by name of the error, ``DatabaseError`` for what could not be stored.
        requests: Requests sent, retries included.
        responses: Responses by HTTP status.
        bytes: Bytes of all bodies as they were sent, images included.
        requests_per_second: Answers in the last 10 seconds, a second.
        rate_limit: The rate that is set (``TMDB_REQUESTS_PER_SECOND``); 0 for no limit.
        rate_now: The rate that is allowed now, which a 429 lowers; 0 for no limit.
        limited_by: What keeps the crawl from being faster: ``rate`` (the rate limit), ``connections`` (all are in
            use), ``server`` (TMDB is slow, or has asked to wait), ``database``, ``process`` (this process has all
            of a core), or ``None``: nothing, or nothing that can be told.
        connections: Those to the API.
        waiting: Requests that wait for a connection or for the rate limit.
        retries: Retries so far.
        retries_waiting: Retries that wait until they are due.
        rate_limited: Responses with status 429.
        pauses: Pauses of all requests, also after a 429 to another crawl of this process.
        paused_for: Seconds until the pause is over; 0 without one.
        latency: Seconds to an answer; ``None`` before the first.
        memory: Bytes that the process has resident, elsewhere than on Linux the most that it had; ``None`` where
            the system does not tell.
    """

    time: float
    elapsed: float
    spider: str
    source: str
    run_id: int | None
    wanted: int | None
    wanted_grows: bool
    done: int
    seconds_left: float | None
    stored: int
    unchanged: int
    gone: int
    failed: int
    failures: Mapping[str, int]
    requests: int
    responses: Mapping[int, int]
    bytes: int
    requests_per_second: float
    rate_limit: float
    rate_now: float
    limited_by: LimitedBy | None
    connections: Connections
    waiting: int
    retries: int
    retries_waiting: int
    rate_limited: int
    pauses: int
    paused_for: float
    latency: Latency | None
    memory: int | None

    def to_dict(self) -> dict[str, Any]:
        """Return the snapshot as what ``json.dumps`` takes."""
        return asdict(self)


class CrawlStatus:
    """Status of a crawl, ``crawler.tmdb``; the add-on puts it there.

    ::

        snapshot = crawler.tmdb.snapshot()
        snapshot.done, snapshot.wanted, snapshot.limited_by

    It is an extension: ``EXTENSIONS = {"tmdbfusion_scrapy.monitoring.status.CrawlStatus": None}`` leaves it
    away. For code that is type-checked there is :func:`status_of`.
    """

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler
        self._is_crawl = False
        self._opened_at: float | None = None
        self._closed_at: float | None = None
        # What was done, and the CPU seconds of the process, at moments a second or more apart.
        self._marks: deque[_Mark] = deque()
        crawler.signals.connect(self._open, signals.spider_opened)
        crawler.signals.connect(self._close, signals.spider_closed)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Make the status of a crawl, and put it on its crawler."""
        status = cls(crawler)
        target: Any = crawler
        target.tmdb = status
        return status

    @property
    def asks_tmdb(self) -> bool:
        """True where a spider crawls TMDB: not in ``scrapy shell``, nor for a URL of the command line."""
        cls = self._crawler.spidercls
        if not self._is_crawl or cls is DefaultSpider:
            return False
        return issubclass(cls, TMDBSpider) or traffic_of(self._crawler).session is not None

    @property
    def database(self) -> str:
        """The database in words, without its password; empty where nothing is stored in one."""
        pipeline = self._component(SQLPipeline)
        return pipeline.label if pipeline is not None else ""

    def snapshot(self) -> Snapshot:
        """Return the status now; it costs some tenths of a millisecond and asks neither disk nor network.

        Returns:
            The status. Before the spider is opened its counts are 0, after it is closed they stay.
        """
        crawler = self._crawler
        now = time.monotonic()
        # There is none before the settings are complete.
        stats: Any = crawler.stats
        stats = stats.get_stats() if stats is not None else {}
        spider = crawler.spider
        source, run_id, wanted, grows, pages_failed = "", None, None, False, 0
        kind: str | None = None
        if isinstance(spider, TMDBSourceSpider):
            crawl = spider.source_crawl
            source = spider.plan.source.describe(None)
            run_id = crawl.run.id if crawl.run is not None else None
            wanted, grows, pages_failed = crawl.to_fetch, crawl.is_listing, crawl.pages_failed
            kind = spider.kind()
        items = counts_below(stats, names.ITEM_COUNT)
        records = sum(items.values()) if kind is None else items.get(kind, 0)
        failures = counts_below(stats, names.FAILED_COUNT)
        gone = failures.pop("NotFoundError", 0)
        unchanged = stats.get(names.CONDITIONAL_NOT_MODIFIED, 0)
        done = max(records + unchanged + gone + sum(failures.values()) - pages_failed, 0)
        if not_stored := stats.get(names.STORAGE_FAILED, 0):
            failures["DatabaseError"] = not_stored
        pipeline = self._component(SQLPipeline)
        retries = self._component(RetryQueue)
        responses = {int(status): n for status, n in counts_below(stats, names.RESPONSE_STATUS_COUNT).items()}
        traffic = traffic_of(crawler)
        way, is_waited_for = self._way(now)
        elapsed = (self._closed_at or now) - self._opened_at if self._opened_at is not None else 0.0
        cpu = self._mark(now, done)
        snapshot = Snapshot(
            time=time.time(),
            elapsed=elapsed,
            spider=crawler.spidercls.name,
            source=source,
            run_id=run_id,
            wanted=wanted,
            wanted_grows=grows and self._closed_at is None,
            done=done,
            seconds_left=self._seconds_left(now, done, wanted, way["paused_for"]),
            stored=pipeline.stored(kind) if pipeline is not None else 0,
            unchanged=unchanged,
            gone=gone,
            failed=sum(failures.values()),
            failures=failures,
            requests=stats.get(names.REQUEST_COUNT, 0),
            responses=responses,
            bytes=traffic.received,
            requests_per_second=_rate(traffic.answers, self._closed_at or now, elapsed),
            rate_limit=settings_of(crawler.settings).requests_per_second,
            limited_by=None,
            retries=stats.get(names.RETRY_COUNT, 0),
            retries_waiting=retries.waiting if retries is not None else 0,
            rate_limited=responses.get(429, 0),
            latency=_latency(traffic.answers),
            memory=resident_bytes(),
            **way,
        )
        if self._opened_at is None or self._closed_at is not None:
            return snapshot
        is_behind = pipeline is not None and pipeline.is_behind
        limit = _limited_by(snapshot, is_behind=is_behind, is_waited_for=is_waited_for, cpu=cpu)
        return replace(snapshot, limited_by=limit)

    def _open(self) -> None:
        """Note that the crawl has begun."""
        self._is_crawl = self._crawler.crawling
        self._opened_at = time.monotonic()
        self._mark(self._opened_at, 0)

    def _close(self) -> None:
        """Note that the crawl has ended."""
        self._closed_at = time.monotonic()

    def _component(self, cls: type[C]) -> C | None:
        """Return a pipeline of the crawl, ``None`` where it has none of the class, or no engine yet."""
        try:
            found: C | None = self._crawler.get_item_pipeline(cls)
        except (RuntimeError, AttributeError):
            return None
        return found

    def _way(self, now: float) -> tuple[dict[str, Any], bool]:
        """Return what a snapshot tells of pool and rate limiter, and whether the limiter is waited for."""
        settings = settings_of(self._crawler.settings)
        most, session = settings.max_connections, traffic_of(self._crawler).session
        if session is None:
            idle = {"connections": Connections(0, 0, 0, most, 0), "rate_now": settings.requests_per_second}
            return {**idle, "waiting": 0, "pauses": 0, "paused_for": 0.0}, False
        pool, limiter = session.api.pool.statistics(), session.api.limiter
        return {
            "connections": Connections(pool.open - pool.idle, pool.idle, pool.open, most, pool.opened),
            "rate_now": limiter.member.rate,
            "waiting": pool.waiting + limiter.member.waiting,
            "pauses": limiter.member.pauses,
            "paused_for": 0.0 if self._closed_at else max(limiter.member.paused_until - now, 0.0),
        }, limiter.is_waited_for

    def _mark(self, now: float, done: int) -> float:
        """Return the share of a core that the process had since the last mark but one, and set a mark."""
        marks, cpu = self._marks, time.process_time()
        if not marks or now - marks[-1].at >= 1.0:
            marks.append(_Mark(now, done, cpu))
            while now - marks[0].at > _DONE_SECONDS and len(marks) > 2:
                marks.popleft()
        before = marks[-2] if len(marks) > 1 else marks[-1]
        return (cpu - before.cpu) / (now - before.at) if now - before.at > 0.2 else 0.0

    def _seconds_left(self, now: float, done: int, wanted: int | None, paused_for: float) -> float | None:
        """Return in how many seconds all will be done, at the speed of the last minute."""
        if wanted is None or self._closed_at is not None or not self._marks:
            return None
        if done >= wanted:
            return 0.0
        # Before the first record came, nothing tells how fast they come.
        first = self._marks[0]
        for mark in self._marks:
            if mark.done > first.done:
                break
            first = mark
        seconds = now - first.at
        if done <= first.done or seconds < _LEAST_SECONDS:
            return None
        return (wanted - done) / ((done - first.done) / seconds) + paused_for


def status_of(crawler: Crawler) -> CrawlStatus:
    """Return the status of a crawl, ``crawler.tmdb``, which Scrapy's own types do not know.

    Raises:
        ConfigurationError: The crawl has none.
    """
    status = getattr(crawler, "tmdb", None)
    if not isinstance(status, CrawlStatus):
        raise ConfigurationError(
            'the crawl has no status: have "tmdbfusion_scrapy.Addon" in ADDONS, leave TMDB_ENABLED at True, and '
            "leave CrawlStatus in EXTENSIONS"
        )
    return status


def has_status(crawler: Crawler) -> bool:
    """Return whether a crawl has a status; ``EXTENSIONS`` may leave it away."""
    return isinstance(getattr(crawler, "tmdb", None), CrawlStatus)


class _Mark(NamedTuple):
    """Work done at a moment, and the CPU seconds of the process until then."""

    at: float
    done: int
    cpu: float


def counts_below(stats: Mapping[str, Any], name: str) -> dict[str, int]:
    """Return the stats of which the names begin with a name and a slash, by what is behind it."""
    start = f"{name}/"
    return {stat[len(start) :]: count for stat, count in stats.items() if stat.startswith(start)}


def _rate(answers: deque[tuple[float, float]], now: float, elapsed: float) -> float:
    """Return the answers in the last seconds, a second."""
    count = 0
    oldest = now
    for at, _ in reversed(answers):
        if now - at > RATE_SECONDS:
            break
        count += 1
        oldest = at
    # At a high rate the answers that are remembered do not reach back so far.
    seconds = now - oldest if count == answers.maxlen else min(RATE_SECONDS, elapsed)
    return count / max(seconds, 1.0) if count else 0.0


def _latency(answers: deque[tuple[float, float]]) -> Latency | None:
    """Return percentiles, by the nearest rank."""
    found = sorted(seconds for _, seconds in answers)
    return Latency(*(found[int(len(found) * part)] for part in (0.5, 0.95, 0.99))) if found else None


def _limited_by(now: Snapshot, *, is_behind: bool, is_waited_for: bool, cpu: float) -> LimitedBy | None:
    """Return what keeps a crawl from being faster."""
    if now.paused_for > 0:
        return "server"
    if is_behind:
        return "database"
    if now.rate_now and (is_waited_for or now.requests_per_second >= now.rate_now * _NEAR):
        # A rate below the one that is set was found by a 429.
        return "rate"
    if cpu >= _BUSY:
        return "process"
    active, most = now.connections.active, now.connections.most
    if now.retries_waiting > active or (
        active and now.latency is not None and now.latency.p50 > _SLOW_SECONDS
    ):
        return "server"
    if most is not None and active >= most:
        return "connections"
    return None


def resident_bytes() -> int | None:
    """Return the memory that this process has resident, in bytes.

    Elsewhere than on Linux the most that it had so far; ``None`` where the system does not tell.
    """
    try:
        import resource

    except ImportError:
        return None
    if _STATM.exists():
        return int(_STATM.read_text(encoding="ascii").split()[1]) * resource.getpagesize()
    most: int = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most * (1 if sys.platform == "darwin" else 1024)
