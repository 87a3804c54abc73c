"""A crawl's run in the database: what it wants, where it goes on, when it is finished."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from scrapy import Request, signals

from tmdbfusion_scrapy import stats as names
from tmdbfusion_scrapy.crawling.calls import RUN_KEY
from tmdbfusion_scrapy.crawling.middleware import BAD_TOKEN_REASON, TMDBRetryMiddleware
from tmdbfusion_scrapy.settings import read_boolean, settings_of
from tmdbfusion_scrapy.stores import DATABASE_FAILED, CrawlState, RecordStore, Run

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

    from tmdbfusion_scrapy.crawling.source_spider import TMDBSourceSpider
    from tmdbfusion_scrapy.sources import Listing

logger = logging.getLogger(__name__)

SOURCE_FAILED = "tmdb_source_failed"
"""Reason with which the crawl is closed when it cannot be found out what to crawl."""

ENQUEUED = "tmdb_enqueued"
"""Reason with which the crawl is closed when what it planned was left to workers."""

_IDS_AT_ONCE = 1000


class RunClosedError(Exception):
    """The crawl was closed meanwhile: what it wants is the next one's."""


class PlannedRun:
    """The run of a spider, see :class:`~tmdbfusion_scrapy.stores.CrawlState`.

    The database is asked in a thread, one question at a time.

    Attributes:
        known: The records that the database knows.
        process: Mark of the requests of this process.
        to_fetch: Number of records that this process is to fetch; ``None`` until all of them are known.
        coverage: What a crawl of discover in parts found, as JSON.
        is_finished: Whether nothing is left; known when the crawl has ended.
        has_failed: Whether the database could not be asked about that.
    """

    def __init__(self, spider: TMDBSourceSpider, store: RecordStore, state: CrawlState, run: Run) -> None:
        self._spider = spider
        self._stats = spider.crawler.stats
        self._store = store
        self.known = self._state = state
        self._run = run
        self._asking = asyncio.Lock()
        self._is_closed = False
        self.process = uuid4().hex
        self.to_fetch: int | None = None
        self.coverage: str | None = None
        self.is_finished = False
        self.has_failed = False
        spider.crawler.signals.connect(self._close, signals.spider_closed)

    @property
    def id(self) -> int:
        """Key of the run in ``tmdb_runs``."""
        return self._run.id

    @property
    def is_planned(self) -> bool:
        """True where all that is to be fetched stands in the database."""
        return self._run.is_planned

    @property
    def upto(self) -> str | None:
        """The day up to which changes are known when the run is finished; ``None`` for none, or not yet known."""
        return self._run.upto

    @property
    def is_resumed(self) -> bool:
        """True where an earlier process began it."""
        return self._run.is_resumed

    def adopt(self, request: Request) -> Request:
        """Return a request as one of the run's, which decides what is asked for."""
        # With JOBDIR the duplicate filter remembers what earlier processes asked for, and kill -9 leaves the
        # answers out. The process is noted for a scheduler of the user's own that keeps requests.
        request.dont_filter = True
        request.meta[RUN_KEY] = self.process
        return request

    async def plan(self, listing: Listing, limit: int | None) -> None:
        """Make what is listed, and not stored yet, what the run fetches."""
        self._run, progress = await self.ask(
            self._state.plan,
            self._run,
            _repeatable(listing.entries),
            is_complete=listing.is_complete and limit is None,
            limit=limit,
            upto=listing.upto if limit is None else None,
            adult=listing.adult,
            is_adult=listing.is_adult,
            export=listing.export,
            coverage=self.coverage,
        )
        self.to_fetch = max(progress.left, 0)
        done = progress.listed - progress.left
        self._say("%d records are listed, %d are to be fetched", progress.listed, self.to_fetch)
        if limit is None and done > 0:
            self._say("%d of them are stored or given up already", done)

    async def renew(self, listing: Listing) -> None:
        """Add what is listed to what is left, even what the run has stored before."""
        entries = _repeatable(listing.entries)
        self._run, progress = await self.ask(self._state.renew, self._run, entries, upto=listing.upto or "")
        self.to_fetch = progress.left
        self._say("With what changed since, %d records are to be fetched", progress.left)

    async def tell_others(self) -> None:
        """Say how many records are stored without these parts, or in other languages, and what changes that."""
        spider, parts = self._spider, self._spider.plan.append
        language = languages_of(spider.crawler)
        append = f" -a append={','.join(parts)}" if parts else ""
        for other in await self.ask(self._state.fetched_otherwise, self._run, parts, language):
            without = f"without {', '.join(other.missing)}" if other.missing else ""
            if other.language != language:
                tongue = other.language or "TMDB's own choice of language"
                without += f"{' and ' if without else ''}in {tongue}"
            advice = "%s %s are stored %s: scrapy crawl %s -a source=stale -a days=0%s fetches them again"
            kind = spider.kind().replace("_", " ")
            self._say(advice, f"{other.count:,}", kind, without, spider.name, append)

    async def ids(self) -> AsyncIterator[list[int]]:
        """Yield the ids that are still wanted, in their order and in portions."""
        if self._run.is_resumed:
            self.to_fetch = (await self.ask(self._state.go_on, self._run)).left
            begun = f"{self._run.started_at:%Y-%m-%d %H:%M} UTC"
            self._say("Going on with the run begun at %s: %d records are left", begun, self.to_fetch)
        after = 0
        while part := await self.ask(self._state.left, self._run, after=after, limit=_IDS_AT_ONCE):
            after = part[-1][0]
            yield [key for _, key in part]

    async def etags(self, ids: Sequence[int]) -> dict[int, str]:
        """Return the ETags of those of some records that are stored."""
        store_raw = read_boolean(self._spider.settings, "TMDB_STORE_RAW")
        return dict(await self.ask(self.known.etags_of, ids, with_raw=store_raw))

    async def stored_records(self, model: Any, *, of_run: bool) -> AsyncIterator[Any]:
        """Yield what was stored before now; with ``of_run``, only what earlier processes stored for this run."""
        until = await self.ask(self.known.now)
        since = self._run.started_at if of_run else None
        after = 0
        while part := await self.ask(self.known.stored_records, since=since, until=until, after=after):
            for stored in part:
                # Not in the thread: the event loop is decoding, too.
                yield stored.decoded(model)
            after = part[-1].id

    async def not_done(self, keys: Sequence[int]) -> list[int]:
        """Return those of some ids that this run did not store, find deleted or give up."""
        return list(await self.ask(self._state.not_done, self._run, keys) if self.is_resumed else keys)

    async def ask(self, question: Any, *args: Any, **kwargs: Any) -> Any:
        """Ask the database in a thread, with patience where it is locked or away; see :meth:`RecordStore.ask`."""
        async with self._asking:
            if self._is_closed:
                raise RunClosedError
            return await self._store.ask(question, *args, **kwargs)

    async def _close(self, reason: str) -> None:
        """End the run if the crawl came to its end, else say how to go on."""
        try:
            # Where nothing was planned, the database cannot tell that the pipeline lost something at the end.
            lost = 0 if self.is_planned else self._stats.get_value(names.STORAGE_FAILED, 0)
            if reason == "finished" and not lost:
                known = {"watermark": f"{self._spider.kind()}/changes", "coverage": self.coverage}
                left = (await self.ask(self._state.finish, self._run, **known)).left
                self.is_finished = not left
                if left:
                    self._say("%d records are left", left)
            # The pipeline has a say in the reason.
            if advice := self._advice(self._stats.get_value("finish_reason", reason)):
                self._say(advice)
        except Exception:
            self.has_failed = True
            raise
        finally:
            async with self._asking:
                self._is_closed = True
                await asyncio.to_thread(self._state.close)

    def _advice(self, reason: str) -> str | None:
        """Return how to go on; ``None`` where there is nothing to do, or an error has said it."""
        calls = self._spider.crawler.get_downloader_middleware(TMDBRetryMiddleware)
        if self.is_finished:
            if calls is None or not (calls.found_no_one or calls.found_few):
                return None
            return (
                "Most calls were not answered. Once TMDB can be reached, -a source=failed tries those again that "
                "are on record in tmdb_failures"
            )
        goes_on = "the same command goes on from here"
        if reason in (SOURCE_FAILED, ENQUEUED):
            return None
        if reason == BAD_TOKEN_REASON:
            return f"With a token that TMDB accepts, in TMDB_ACCESS_TOKEN or TMDB_API_KEY, {goes_on}"
        if reason == DATABASE_FAILED:
            return f"Once the database can be written to again, {goes_on}"
        if self._spider.has_failed:
            return f"Once what the error above names is mended, {goes_on}"
        if calls is not None and calls.found_no_one:
            return f"Once TMDB can be reached again, {goes_on}"
        return goes_on.capitalize()

    def _say(self, message: str, *args: Any) -> None:
        logger.info(message, *args, extra={"spider": self._spider})


async def open_run(spider: TMDBSourceSpider, *, again: bool) -> PlannedRun | None:
    """Return the run of a spider, with ``again`` of stored records too; ``None`` where there is no database."""
    store = spider.crawler.get_item_pipeline(RecordStore)
    if store is None:
        return None
    state = await store.open_state(spider.kind())
    language = languages_of(spider.crawler)
    try:
        run = await store.ask(state.begin, spider.name, spider.plan.arguments, again=again, language=language)
    except BaseException:
        await asyncio.to_thread(state.close)
        raise
    return PlannedRun(spider, store, state, run)


def languages_of(crawler: Crawler) -> str:
    """Return the languages that a crawl asks for, best first, with commas; empty for TMDB's own choice."""
    settings = settings_of(crawler.settings)
    return ",".join(settings.languages) or settings.language or ""


def _repeatable(listed: Iterable[tuple[int, float | None]]) -> Iterable[tuple[int, float | None]]:
    """Return entries that can be gone through once more, where the database is lost meanwhile."""
    return list(listed) if isinstance(listed, Iterator) else listed
