"""Planning a run for workers: the spider lists what its source has, and the records become jobs."""

from __future__ import annotations

import asyncio
import logging
from contextlib import AsyncExitStack
from functools import cached_property
from typing import TYPE_CHECKING, Any

from scrapy import signals
from scrapy.exceptions import DontCloseSpider

from tmdbfusion_scrapy.crawling.source_crawl import (
    ENQUEUED,
    SOURCE_FAILED,
    RunClosedError,
    SourceCrawl,
    languages_of,
)
from tmdbfusion_scrapy.crawling.source_spider import TMDBSourceSpider
from tmdbfusion_scrapy.distributed.jobs import Job, entrypoint_of
from tmdbfusion_scrapy.distributed.queue import JobQueue, check_queue
from tmdbfusion_scrapy.exceptions import ConfigurationError
from tmdbfusion_scrapy.sources import Listing
from tmdbfusion_scrapy.sources.source import NEEDS_DATABASE
from tmdbfusion_scrapy.storage.database import reopen_database
from tmdbfusion_scrapy.storage.sql import SQLPipeline, database_options_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    from scrapy import Request
    from scrapy.settings import BaseSettings

    from tmdbfusion_scrapy.stores import Run

logger = logging.getLogger(__name__)


class PlanningCrawl(SourceCrawl):
    """A crawl whose records are noted and not asked for.

    Attributes:
        listed: Their ids, in the order in which they were listed.
        was_planned: Whether an earlier process has planned the run.
    """

    def __init__(self, spider: TMDBSourceSpider) -> None:
        super().__init__(spider)
        self.listed: dict[int, None] = {}
        self.was_planned = False

    async def requests(self) -> AsyncIterator[Request]:
        """Yield the requests for what lists the records; none where the run is planned."""
        if self.run is None:
            raise ConfigurationError(NEEDS_DATABASE)
        # The spider may have settings of its own.
        check_queue(database_options_of(self.crawler.settings).url)
        self.was_planned = self.run.is_planned
        if not self.was_planned:
            async for request in super().requests():
                yield request

    async def records(self, ids: Sequence[int]) -> AsyncIterator[Request]:
        """Note the records, and yield no request."""
        self.listed.update(dict.fromkeys(ids))
        async for request in self.records_left():
            yield request

    async def records_left(self) -> AsyncIterator[Request]:
        """Yield no request: what is left of the run is for the workers."""
        nothing: tuple[Request, ...] = ()
        for request in nothing:
            yield request

    async def fetch_images_left(self) -> None:
        """Do nothing: workers fetch the images."""


class PlanningSpider(TMDBSourceSpider):
    """A spider that plans its run and enqueues it; see :func:`planning_spider`.

    Attributes:
        job_size: Most ids of a job.
        priority: Of the jobs.
        own_arguments: Arguments that the class of the spider takes besides those of the source.
        has_enqueued: Whether all jobs of the run are in the queue.
        outcome: What became of it, in words.
    """

    job_size: int
    priority: int = 0
    own_arguments: Mapping[str, str] = {}
    has_enqueued: bool = False
    outcome: str = ""
    _sharing: asyncio.Task[None] | None = None

    def __init__(self, name: str | None = None, **arguments: str) -> None:
        super().__init__(name, **arguments)
        if not self.plan.source.asks_for_records:
            raise ConfigurationError(
                f"-a source={self.plan.source.name} has no records to share: use scrapy crawl, on one machine"
            )
        self.own_arguments = {key: value for key, value in arguments.items() if key not in self.given}

    @classmethod
    def update_settings(cls, settings: BaseSettings) -> None:
        """Leave out the table at the end of a crawl: nothing is crawled."""
        super().update_settings(settings)
        settings.set("TMDB_SUMMARY", False, priority="spider")

    @cached_property
    def source_crawl(self) -> PlanningCrawl:
        """The crawl of the source, whose records are noted."""
        return PlanningCrawl(self)

    async def start(self) -> AsyncIterator[Any]:
        """Ask for what lists the records."""
        self.crawler.signals.connect(self._share_when_idle, signals.spider_idle)
        async for request in super().start():
            yield request

    def _share_when_idle(self) -> None:
        """Keep the spider open until all that was listed is in the queue."""
        if self._sharing is None:
            self._sharing = asyncio.ensure_future(self._end())
        if not self._sharing.done():
            raise DontCloseSpider

    async def _end(self) -> None:
        """Enqueue what was listed, and close the spider."""
        reason, problem = SOURCE_FAILED, None
        try:
            run = self.source_crawl.run
            if run is None or self.has_failed:
                problem = (
                    "what lists the records could not be had: nothing is added. The same command tries again"
                )
            else:
                has_jobs = await self._share(run)
                self.has_enqueued = True
                # A run of which nothing is left ends here, as any other.
                reason = ENQUEUED if has_jobs else "finished"
        except RunClosedError:
            return
        except ConfigurationError as error:
            problem = str(error)
        except Exception:
            logger.exception("The run cannot be enqueued", extra={"spider": self})
        if problem is not None:
            logger.error("%s", problem, extra={"spider": self})
        engine: Any = self.crawler.engine
        await engine.close_spider_async(reason=reason)

    async def _share(self, run: Run) -> bool:
        """Make jobs of what is left of the run; return false where nothing is."""
        if not run.is_planned:
            await self.source_crawl.plan(Listing.of_ids(self.source_crawl.listed))
        store = self.crawler.get_item_pipeline(SQLPipeline)
        assert store is not None  # noqa: S101 - the run is in its database
        async with AsyncExitStack() as stack:
            frontier = await store.open_state(self.kind())
            stack.push_async_callback(asyncio.to_thread, frontier.close)
            engine = await store.ask(reopen_database, database_options_of(self.crawler.settings).url)
            stack.push_async_callback(asyncio.to_thread, engine.dispose)
            queue = JobQueue(engine, store.ask)
            await queue.install()
            held = await queue.hold_run(run.id)
            if held is None:
                self._say("Run %d is being enqueued by another process: nothing is added", run.id)
                return True
            stack.push_async_callback(asyncio.to_thread, held.close)
            found = await store.ask(frontier.run, run.id)
            assert found is not None  # noqa: S101 - it was begun by this process
            if not await queue.begin_run(run.id, self.name, self.kind(), languages_of(self.crawler)):
                failed = len(await queue.failed([entrypoint_of(self.name, run.id)]))
                advice = f"; {failed} of its jobs have failed: scrapy tmdb-queue --retry brings them back"
                self._say(
                    "Run %d is in the queue already: nothing is added%s", run.id, advice if failed else ""
                )
                return True
            if self.source_crawl.was_planned:
                await store.ask(frontier.go_on, found[0])
            jobs = self._jobs(run.id, await store.ask(frontier.shards, found[0], self.job_size))
            added = await queue.add(jobs, priority=self.priority)
            if not await queue.end_run(run.id, jobs):
                await queue.clear(self.name, run.id)
                raise ConfigurationError(
                    f"run {run.id} was cancelled while its jobs were added: nothing is added. Give the "
                    "same command again to add them"
                )
            ids = sum(job.ids for job in jobs)
            if jobs:
                self._say("Run %d: %s records in %s jobs, %s of them added", run.id, ids, len(jobs), added)
            else:
                await queue.finish_run(run.id)
                self._say("Run %d: nothing is left to fetch", run.id)
            return bool(jobs)

    def _jobs(self, run: int, shards: Sequence[tuple[int, int, int]]) -> list[Job]:
        """Return the jobs for the shards of a run."""
        own = dict(self.own_arguments)
        return [
            Job(run, self.name, first, last, count, self.plan.append, own) for first, last, count in shards
        ]

    def _say(self, message: str, *args: Any) -> None:
        """Log what became of it, and keep it for the command."""
        self.outcome = message % args
        logger.info(message, *args, extra={"spider": self})


def planning_spider(
    spidercls: type[TMDBSourceSpider], *, size: int, priority: int = 0
) -> type[PlanningSpider]:
    """Return the class of a spider that plans in place of crawling.

    Args:
        spidercls: The spider.
        size: Most ids of a job.
        priority: Of the jobs.
    """
    members = {"__module__": spidercls.__module__, "job_size": size, "priority": priority}
    return type(spidercls.__name__, (PlanningSpider, spidercls), members)
