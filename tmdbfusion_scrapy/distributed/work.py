"""Work of a worker: it takes jobs, makes their requests, keeps them by heartbeats, ends them or gives back."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import time
from typing import TYPE_CHECKING, Any

from scrapy import signals

from tmdbfusion_scrapy import stats as names
from tmdbfusion_scrapy.api import OPERATIONS
from tmdbfusion_scrapy.crawling.calls import RUN_KEY
from tmdbfusion_scrapy.crawling.responses import conditions_of
from tmdbfusion_scrapy.crawling.scrapy_internals import is_closing
from tmdbfusion_scrapy.crawling.session import session_of
from tmdbfusion_scrapy.crawling.source_crawl import SOURCE_FAILED, RunClosedError, languages_of
from tmdbfusion_scrapy.distributed.jobs import HeldJob, Job, LostIdsError, Stalls, entrypoint_of
from tmdbfusion_scrapy.distributed.queue import JobQueue, check_queue
from tmdbfusion_scrapy.exceptions import ConfigurationError
from tmdbfusion_scrapy.settings import check_boolean, job_times
from tmdbfusion_scrapy.sources import FailedSource, Plan
from tmdbfusion_scrapy.storage.database import reopen_database
from tmdbfusion_scrapy.storage.sql import SQLPipeline, database_options_of
from tmdbfusion_scrapy.stores import DATABASE_FAILED, ImageStore

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence

    from scrapy import Request
    from sqlalchemy.engine import Engine

    from tmdbfusion_scrapy.crawling.source_spider import TMDBSourceSpider
    from tmdbfusion_scrapy.crawling.spider import TMDBSpider
    from tmdbfusion_scrapy.storage.frontier import Frontier
    from tmdbfusion_scrapy.stores import Run

logger = logging.getLogger(__name__)

STUCK = "tmdb_worker_stuck"
"""Reason with which the crawl is closed when nothing comes any more, of whatever job."""

_AHEAD = 64
"""Requests that wait for their turn, at least, while there are jobs: nobody waits for the next job."""
_AHEAD_KEY = "tmdb_job_ahead"
"""Meta key of a request until it reaches the downloader."""
_UNANSWERED = 100
"""Requests that failed one after the other, without an answer to any: their records are on record as failed, and a
worker that does not reach TMDB would go through the whole queue like that."""
_BEATS = 4
"""Heartbeats that are sent in the time after which a worker without one counts as dead."""
_TAKEN = "they are another worker's now, or were cancelled"
_LONGEST_WAIT = 1.0
"""Seconds between two looks at the queue."""


def hosted_spider(spidercls: type[TMDBSourceSpider], job: Job) -> type[TMDBSourceSpider]:
    """Return the class of a spider that makes the requests of a job, whatever its source is."""

    def plan_of(cls: type[TMDBSourceSpider], arguments: Mapping[str, str]) -> Plan:  # noqa: ARG001
        # A source that needs neither arguments nor files: it is asked for nothing.
        return Plan(FailedSource(), job.append, None, arguments)

    members = {"__module__": spidercls.__module__, "plan_of": classmethod(plan_of)}
    return type(spidercls.__name__, (spidercls,), members)


async def open_work(spider: TMDBSpider, hosted: Mapping[str, type[TMDBSourceSpider]], *, stays: bool) -> Work:
    """Return the work of a worker.

    Args:
        spider: The spider of its crawl.
        hosted: The spiders whose jobs it takes, by their names.
        stays: Whether it waits for more where there is nothing to do.

    Raises:
        ConfigurationError: There is no database, or it is none for several machines.
    """
    store = spider.crawler.get_item_pipeline(SQLPipeline)
    if store is None:
        raise ConfigurationError("a worker needs the database: leave SQLPipeline in ITEM_PIPELINES")
    url = database_options_of(spider.crawler.settings).url
    check_queue(url)
    engine = await store.ask(reopen_database, url)
    return Work(spider, store, engine, hosted, stays=stays)


class Work:
    """The jobs that a worker holds, and what becomes of them.

    Attributes:
        is_refused: Whether there are runs, and none that this worker can do.
        are_left: Whether jobs failed, of this worker or of another one, or records have no job.
    """

    def __init__(
        self,
        spider: TMDBSpider,
        store: SQLPipeline,
        engine: Engine,
        hosted: Mapping[str, type[TMDBSourceSpider]],
        *,
        stays: bool,
    ) -> None:
        settings = spider.crawler.settings
        self._spider = spider
        self._hosted = hosted
        self._stays = stays
        self._crawler = spider.crawler
        self._stats: Any = spider.crawler.stats
        self._store = store
        self._engine = engine
        self._queue = JobQueue(engine, self._ask)
        self._language = languages_of(spider.crawler)
        self._timeout, self._heartbeat = job_times(settings)
        self._wait = min(_LONGEST_WAIT, self._heartbeat / _BEATS)
        self._held: dict[str, HeldJob] = {}
        self._asking: set[asyncio.Future[Any]] = set()
        self._over = asyncio.Event()
        self._is_leaving = False
        self._frontiers: dict[str, Frontier] = {}
        self._spiders: dict[tuple[int, str], TMDBSourceSpider] = {}
        self._images = spider.crawler.get_item_pipeline(ImageStore)
        self._stalls = Stalls(self._timeout)
        self._looking = asyncio.Lock()
        self._ahead = self._in_flight = 0
        # Failed since the last answer, and the answers until then; without Scrapy's count nothing is said of them.
        self._unanswered = self._answers = 0
        self._counts_answers = settings.getbool("DOWNLOADER_STATS")
        self._changed = asyncio.Event()
        self._beat_at = self._moved_at = time.monotonic()
        self._skipped: set[str] = set()
        # Runs that are not finished, though none of their jobs is in the queue.
        self._without_jobs: set[int] = set()
        self._done = 0
        self.is_refused = False
        self.are_left = False
        self._keepers: list[asyncio.Future[None]] = []
        for receiver, signal in (
            (self._note_sent, signals.request_reached_downloader),
            (self._note_answered, signals.request_left_downloader),
            (self._note_none_ahead, signals.scheduler_empty),
            (self._close, signals.spider_closed),
        ):
            spider.crawler.signals.connect(receiver, signal)

    def holds(self, lease: str) -> bool:
        """Return whether a lease is one of a job that the worker holds."""
        if lease in self._held and self._has_lapsed(time.monotonic()):
            # Another worker may have it by now.
            self._skipped.add(lease)
            return False
        return lease in self._held

    async def requests(self) -> AsyncIterator[Request]:
        """Yield the requests of the jobs that are taken, until there is nothing to do."""
        if not await self._queue.is_installed():
            if not self._stays:
                self._say("Nothing was ever enqueued in this database: there is nothing to do")
                return
            await self._queue.install()
        await self._queue.begin_worker(socket.gethostname(), os.getpid(), sorted(self._hosted))
        # Two of them: however long it takes to look, the heartbeat goes on.
        self._keepers = [asyncio.ensure_future(self._repeat(step)) for step in (self._beat, self._look)]
        while not self._is_closing():
            if self._ahead >= _AHEAD or self._stalls.rests(time.monotonic()):
                await self._pause()
                continue
            held = await self._take()
            if held is not None:
                async for request in self._requests_of(held):
                    self._ahead += 1
                    held.unsent += 1
                    yield request
            elif await self._is_all_done():
                return
            else:
                await self._pause()

    async def _ask(self, question: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Ask the database; what is being asked when the crawl is stopped is waited for before it is left.

        Raises:
            RunClosedError: The jobs have been given back.
        """
        if self._over.is_set() and not self._is_leaving:
            raise RunClosedError
        asking = asyncio.ensure_future(self._store.ask(question, *args, **kwargs))
        self._asking.add(asking)
        asking.add_done_callback(self._note_asked)
        return await asyncio.shield(asking)

    def _note_asked(self, asking: asyncio.Future[Any]) -> None:
        """Note that a question was answered, which may be wanted no more."""
        self._asking.discard(asking)
        if not asking.cancelled():
            asking.exception()

    async def _pause(self) -> None:
        """Wait until there is room for requests, but not long."""
        self._changed.clear()
        try:
            await asyncio.wait_for(self._changed.wait(), self._wait)
        except asyncio.TimeoutError:
            return

    def _is_closing(self) -> bool:
        """Return whether the crawl is being closed."""
        return self._over.is_set() or is_closing(self._crawler)

    async def _entrypoints(self, *, with_paused: bool) -> list[str]:
        """Return those of the runs that are open, in the languages of this worker.

        Raises:
            ConfigurationError: There are none but in other languages, and nothing was done before.
        """
        runs = await self._queue.open_runs(sorted(self._hosted))
        own = [one for one in runs if one.language == self._language]
        if runs and not own and not self._done and not self._stays:
            self.is_refused = True
            raise ConfigurationError(
                f"run {runs[0].run} was enqueued with texts in {runs[0].language or 'no language'}, and this "
                f"worker asks for {self._language or 'none'}: set TMDB_LANGUAGE or TMDB_LANGUAGES as there"
            )
        return [entrypoint_of(one.spider, one.run) for one in own if with_paused or not one.is_paused]

    async def _is_all_done(self) -> bool:
        """Return whether there is nothing to do, and nothing that another worker may leave."""
        if self._held:
            return False
        if self._stays:
            await self._finish_runs()
            return False
        entrypoints = await self._entrypoints(with_paused=True)
        if entrypoints and await self._queue.has_work(entrypoints):
            return False
        self._without_jobs.clear()
        await self._finish_runs()
        failed = await self._queue.failed(entrypoints)
        self.are_left = bool(failed or self._without_jobs)
        if failed:
            logger.warning(
                "%d jobs have failed: scrapy tmdb-queue names them, scrapy tmdb-queue --retry brings them back",
                len(failed),
                extra={"spider": self._spider},
            )
        elif not self._done:
            self._say("There is nothing to do: no job waits, and none is being worked on")
        else:
            self._say("All jobs are done, %d of them by this worker", self._done)
        return True

    async def _take(self) -> HeldJob | None:
        """Take a job; ``None`` where there is none that can be had."""
        taken = await self._queue.take(await self._entrypoints(with_paused=False), self._heartbeat)
        if taken is None:
            return None
        job = Job.from_bytes(bytes(taken.payload))
        frontier = await self._frontier(self._hosted[job.spider].kind())
        found = await self._ask(frontier.run, job.run)
        if found is None or found[1]:
            # A crawl on one machine has finished it: none of its jobs is of any use.
            await self._queue.clear(job.spider, job.run)
            return None
        self._without_jobs.discard(job.run)
        run: Run = found[0]
        left = await self._ask(frontier.left_between, run, job.first, job.last, again=True)
        held = HeldJob(job, taken, run, left, time.monotonic())
        # Its own job comes again where no heartbeat came through for too long.
        self._lose([one for one in self._held.values() if one.id == held.id], "they came again by the queue")
        self._held[held.lease] = held
        if self._images is not None and await self._queue.was_taken_before(taken):
            await self._fetch_images_left(held, frontier)
        if not left:
            async with self._looking:
                await self._look_at(held)
        return held

    async def _fetch_images_left(self, held: HeldJob, frontier: Frontier) -> None:
        """Have the images downloaded that a worker before did not come to, whose record it has stored."""
        assert self._images is not None  # noqa: S101 - else nobody asks for them
        job = held.job
        model: Any = OPERATIONS[self._hosted[job.spider].details_operation].model
        rows = await self._ask(frontier.left, held.run, after=job.first - 1, limit=job.last - job.first + 1)
        stored = [key for position, key in rows if position <= job.last and key not in held.left]
        held.ids |= frozenset(stored)
        for key in stored:
            found = await self._ask(frontier.stored_records, after=key - 1, limit=1)
            if found and found[0].id == key:
                await self._images.fetch_stored(found[0].decoded(model))

    async def _frontier(self, kind: str) -> Frontier:
        """Return the state of the crawls of a kind."""
        if kind not in self._frontiers:
            self._frontiers[kind] = await self._store.open_state(kind)
        return self._frontiers[kind]

    def _spider_of(self, job: Job) -> TMDBSourceSpider:
        """Return the spider that makes the requests of a job, one for a run."""
        place = job.run, job.spider
        if place not in self._spiders:
            spidercls = hosted_spider(self._hosted[job.spider], job)
            self._spiders[place] = spidercls.from_crawler(self._crawler, **job.arguments)
        return self._spiders[place]

    async def _requests_of(self, held: HeldJob) -> AsyncIterator[Request]:
        """Yield the requests for the records of a job that have not come."""
        spider = self._spider_of(held.job)
        conditions = conditions_of(self._crawler)
        ids = sorted(held.left)
        etags: Mapping[int, str] = {}
        if conditions.asks:
            frontier = await self._frontier(spider.kind())
            store_raw = check_boolean("TMDB_STORE_RAW", self._crawler.settings.get("TMDB_STORE_RAW", True))
            etags = await self._ask(frontier.etags_of, ids, with_raw=store_raw)
        for record_id in ids:
            if not self.holds(held.lease):
                return
            request = spider.details_request(record_id)
            request.dont_filter = True
            request.meta[RUN_KEY] = held.lease
            request.meta[_AHEAD_KEY] = True
            yield conditions.conditional(request, record_id, etags.get(record_id))

    def _note_sent(self, request: Request) -> None:
        """Note that a request came to its turn; a retry, too, is a sign of life."""
        self._in_flight += RUN_KEY in request.meta
        held = self._held.get(request.meta.get(RUN_KEY, ""))
        is_first = request.meta.pop(_AHEAD_KEY, False)
        if held is not None:
            self._moved_at = time.monotonic()
            held.note_sent(self._moved_at, is_first=is_first)
        if is_first:
            self._ahead = max(0, self._ahead - 1)
            if self._ahead < _AHEAD:
                self._changed.set()

    def _note_answered(self, request: Request) -> None:
        """Note that a request was answered, or failed; end the worker where none is answered any more."""
        self._in_flight -= RUN_KEY in request.meta
        answers = self._stats.get_value("downloader/response_count", 0)
        self._unanswered = 0 if answers != self._answers else self._unanswered + 1
        self._answers = answers
        if self._counts_answers and self._unanswered == _UNANSWERED:
            logger.error(
                "%d requests have failed one after the other, without an answer to any: this worker ends, and "
                "gives back its jobs. See whether it reaches TMDB, and start it again; -a source=failed asks for "
                "what is on record as failed",
                _UNANSWERED,
                extra={"spider": self._spider},
            )
            self._close_crawl(STUCK)

    def _note_none_ahead(self) -> None:
        """Note that no request waits: some were dropped, or answered by a cache."""
        if self._ahead:
            self._ahead = 0
            for held in self._held.values():
                held.unsent = 0
            self._changed.set()

    # What is held

    def _has_lapsed(self, now: float) -> bool:
        """Return whether no heartbeat was sent for so long that others may have taken the jobs."""
        return now - self._beat_at > self._heartbeat

    async def _is_over_after(self, seconds: float) -> bool:
        """Return whether the crawl is closed, after some seconds at most."""
        try:
            await asyncio.wait_for(self._over.wait(), seconds)
        except asyncio.TimeoutError:
            return False
        return True

    async def _repeat(self, step: Callable[[], Awaitable[None]]) -> None:
        """Do something again and again until the crawl is closed."""
        while not await self._is_over_after(self._wait):
            try:
                await step()
                continue
            except RunClosedError:
                return
            except ConfigurationError as error:
                problem = str(error)
            except Exception:
                logger.exception("The jobs cannot be kept", extra={"spider": self._spider})
                self._close_crawl(SOURCE_FAILED)
                return
            logger.error("%s", problem, extra={"spider": self._spider})
            self._close_crawl(DATABASE_FAILED)
            return

    async def _look(self) -> None:
        """End the jobs that are done or stalled."""
        async with self._looking:
            if self._over.is_set():
                return
            now = time.monotonic()
            if session_of(self._crawler).api.limiter.member.paused_until > now or self._store.is_behind:
                # TMDB asks to wait, or the database is slow: nothing can come.
                self._moved_at = now
                for held in self._held.values():
                    held.wait_until(now)
            for held in list(self._held.values()):
                if held.lease in self._held:
                    await self._look_at(held)
            await self._end_stalled()

    async def _beat(self) -> None:
        """Send the heartbeat; drop what has been taken by others meanwhile."""
        now = time.monotonic()
        if self._has_lapsed(now) and self._held:
            # This process stood still, or the database was away for too long: whoever has the jobs now, they come
            # by the queue.
            self._lose(list(self._held.values()), "no heartbeat could be sent for too long")
        held = {one.id: one for one in self._held.values()}
        kept = await self._queue.keep(list(held))
        self._beat_at = time.monotonic()
        skipped = [self._held[lease] for lease in self._skipped if lease in self._held]
        self._skipped.clear()
        if skipped:
            # Requests of them were left out.
            await self._queue.give_back([one.id for one in skipped])
            self._lose(skipped, "no heartbeat could be sent for too long")
        self._lose([one for key, one in held.items() if key not in kept], _TAKEN)

    def _lose(self, lost: Sequence[HeldJob], reason: str) -> None:
        """Forget jobs, so that what was not sent yet for them is not."""
        # Another look may have ended some meanwhile.
        lost = [held for held in lost if held.lease in self._held]
        if not lost:
            return
        logger.warning("%d jobs are let go: %s", len(lost), reason, extra={"spider": self._spider})
        for held in lost:
            del self._held[held.lease]
        self._stats.inc_value(names.JOBS_LOST, len(lost))
        self._changed.set()

    async def _look_at(self, held: HeldJob) -> None:
        """End a job that is done."""
        frontier = await self._frontier(self._hosted[held.job.spider].kind())
        job = held.job
        left = await self._ask(frontier.left_between, held.run, job.first, job.last)
        now = time.monotonic()
        if held.note_left(left, now):
            self._moved_at = now
            self._stalls.note_progress()
        elif held.unsent:
            # Others are before it.
            held.wait_until(self._moved_at)
        if left or held.unsent:
            # What was gone before counts as done; it is listed again, and was not asked for yet.
            return
        if self._images is not None and self._images.waits_for(held.ids):
            held.wait_until(now)
            return
        await self._queue.end(held.taken)
        self._held.pop(held.lease, None)
        self._done += 1
        self._stats.inc_value(names.JOBS_DONE)
        self._changed.set()
        await self._finish(held.job.run, held.job.spider)

    async def _end_stalled(self) -> None:
        """Give back the jobs of which nothing comes; those that were tried before have failed."""
        now = time.monotonic()
        stalled = [held for held in self._held.values() if held.has_stalled(now, self._timeout)]
        if not stalled:
            return
        self._stalls.note_stall(now)
        kept = await self._queue.keep([held.id for held in stalled])
        # Also what another worker has by now stalls here: it is that one's to fail.
        self._lose([held for held in stalled if held.id not in kept], _TAKEN)
        for held in (held for held in stalled if held.id in kept):
            self._held.pop(held.lease, None)
            error = LostIdsError(sorted(held.left), held.job.ids, self._timeout)
            place = f"run {held.job.run}, positions {held.job.first} to {held.job.last}"
            if held.was_tried:
                await self._queue.fail(held.taken, error)
                self._stats.inc_value(names.JOBS_FAILED)
                logger.error("A job has failed (%s): %s", place, error, extra={"spider": self._spider})
            else:
                await self._queue.give_back([held.id], as_tried=True)
                self._stats.inc_value(names.JOBS_GIVEN_BACK)
                logger.warning(
                    "Nothing comes of a job (%s): it is given back, for another worker to try",
                    place,
                    extra={"spider": self._spider},
                )
        self._changed.set()
        # Where everything was answered, it is the jobs that are to blame.
        if self._stalls.is_stuck and self._in_flight:
            logger.error(
                "Nothing comes any more, of whatever job: this worker ends, and others go on. See whether it "
                "reaches TMDB, and start it again",
                extra={"spider": self._spider},
            )
            self._close_crawl(STUCK)

    async def _finish_runs(self) -> None:
        """Finish the runs of which nothing is left: who did the last job may have died before."""
        for one in await self._queue.open_runs(sorted(self._hosted)):
            run, spider = one.run, one.spider
            if self._stays and not one.is_enqueued:
                # Its jobs are being added.
                continue
            frontier = await self._frontier(self._hosted[spider].kind())
            found = await self._ask(frontier.run, run)
            if found is not None and found[1]:
                # A crawl on one machine has finished it, and what has failed, too.
                await self._queue.clear(spider, run)
            await self._finish(run, spider)

    async def _finish(self, run: int, spider: str) -> None:
        """Finish a run without jobs."""
        if await self._queue.has_jobs(spider, run):
            self._without_jobs.discard(run)
            return
        if run in self._without_jobs:
            return
        kind = self._hosted[spider].kind()
        frontier = await self._frontier(kind)
        found = await self._ask(frontier.run, run)
        if found is None:
            return
        progress = await self._ask(frontier.finish, found[0], watermark=f"{kind}/changes")
        if not progress.left:
            if await self._queue.finish_run(run):
                self._say("Run %d is finished", run)
        else:
            self._without_jobs.add(run)
            self._say(
                "Run %d has no jobs in the queue, but %d records are left: scrapy tmdb-enqueue adds them",
                run,
                progress.left,
            )

    # The end

    def _close_crawl(self, reason: str) -> None:
        """Close the crawl."""
        engine: Any = self._crawler.engine
        self._closing = asyncio.ensure_future(engine.close_spider_async(reason=reason))

    async def _close(self) -> None:
        """End what is done, give back what is not, and leave."""
        self._over.set()
        self._changed.set()
        try:
            if self._keepers:
                await asyncio.wait(self._keepers)
                await self._end_asking()
                self._is_leaving = True
                await self._leave()
        finally:
            await self._end_asking()
            await asyncio.to_thread(self._engine.dispose)
            for frontier in self._frontiers.values():
                await asyncio.to_thread(frontier.close)

    async def _end_asking(self) -> None:
        """Wait for what is being asked."""
        while self._asking:
            await asyncio.wait(self._asking)

    async def _leave(self) -> None:
        """Give back what is held, unless the database is away: others take it when the heartbeat is missed."""
        try:
            for held in list(self._held.values()):
                await self._look_at(held)
            self._held.clear()
            # Also one that was being taken when the crawl was stopped.
            if number := await self._queue.give_back():
                self._stats.inc_value(names.JOBS_GIVEN_BACK, number)
                self._say("%d jobs are given back to the queue", number)
            await self._queue.end_worker()
            return
        except ConfigurationError as error:
            problem = str(error)
        logger.error("Jobs are not given back: %s", problem, extra={"spider": self._spider})

    def _say(self, message: str, *args: Any) -> None:
        """Log what a user wants to know."""
        logger.info(message, *args, extra={"spider": self._spider})
