"""A crawl's run in the database: what it wants, where it goes on, when it is finished."""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from scrapy import signals

from tmdbfusion_scrapy import stats as names
from tmdbfusion_scrapy.settings import check_boolean

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Mapping, Sequence

    from scrapy import Spider
    from scrapy.crawler import Crawler

    from tmdbfusion_scrapy.storage.frontier import Frontier
    from tmdbfusion_scrapy.storage.known import Known
    from tmdbfusion_scrapy.storage.runs import Progress, Run

logger = logging.getLogger(__name__)

_IDS_AT_ONCE = 1000


class RunClosedError(Exception):
    """The crawl was closed meanwhile: what it wants is the next one's."""


class PlannedRun:
    """The run of a spider, see :class:`~tmdbfusion_scrapy.storage.frontier.Frontier`.

    The database is asked in a thread, one question at a time.

    Args:
        spider: The spider.
        frontier: The database.
        run: The run.
        watermark: Name of the watermark that moves when the run is finished.
    """

    def __init__(self, spider: Spider, frontier: Frontier, run: Run, watermark: str) -> None:
        self._spider = spider
        self._frontier = frontier
        self._run = run
        self._watermark = watermark
        self._asking = asyncio.Lock()
        self._is_closed = False
        self.coverage: str | None = None
        spider.crawler.signals.connect(self._close, signals.spider_closed)

    @property
    def is_planned(self) -> bool:
        """Whether all that is wanted stands in the database."""
        return self._run.is_planned

    @property
    def is_resumed(self) -> bool:
        """Whether an earlier process began it."""
        return self._run.is_resumed

    @property
    def known(self) -> Known:
        """What the database can tell of the records."""
        return self._frontier.known

    async def plan(
        self,
        listed: Iterable[tuple[int, float | None]],
        *,
        is_complete: bool = False,
        limit: int | None = None,
        upto: str | None = None,
    ) -> None:
        """Make what is listed what the run wants; see ``Frontier.plan``."""
        self._run, progress = await self._ask(
            self._frontier.plan, self._run, listed, is_complete=is_complete, limit=limit, upto=upto
        )
        done = progress.wanted - progress.left
        self._say("%d records are listed, %d are to be fetched", progress.wanted, max(progress.left, 0))
        if limit is None and done > 0:
            self._say("%d of them are stored or given up already", done)

    async def ids(self) -> AsyncIterator[list[int]]:
        """Yield the ids that are still wanted, in their order and in portions."""
        if self._run.is_resumed:
            progress = await self._ask(self._frontier.go_on, self._run)
            self._say(
                "Going on with the run begun at %s: %d records are left",
                f"{self._run.started_at:%Y-%m-%d %H:%M} UTC",
                progress.left,
            )
        after = 0
        while part := await self._ask(self._frontier.left, self._run, after=after, limit=_IDS_AT_ONCE):
            after = part[-1][0]
            yield [key for _, key in part]

    async def etags(self, ids: list[int]) -> dict[int, str]:
        """Return the ETags of those of some records that are stored."""
        store_raw = check_boolean("TMDB_STORE_RAW", self._spider.settings.get("TMDB_STORE_RAW", True))
        found: dict[int, str] = await self._ask(self.known.etags_of, ids, with_raw=store_raw)
        return found

    async def stored_records(self, model: Any, *, of_run: bool) -> AsyncIterator[Any]:
        """Yield what was stored before now.

        Args:
            model: The record class.
            of_run: Whether only what earlier processes stored for this run.
        """
        until = datetime.now(timezone.utc)
        since = self._run.started_at if of_run else None
        after = 0
        while part := await self._ask(self.known.stored_records, since=since, until=until, after=after):
            for stored in part:
                # Not in the thread: the event loop is decoding, too.
                yield stored.decoded(model)
            after = part[-1].id

    async def not_done(self, keys: Sequence[int]) -> list[int]:
        """Return those of some ids that this run did not store, find deleted or give up."""
        if not self._run.is_resumed:
            return list(keys)
        found: list[int] = await self._ask(self._frontier.not_done, self._run, keys)
        return found

    async def _ask(self, question: Any, *args: Any, **kwargs: Any) -> Any:
        """Ask the database in a thread.

        Raises:
            RunClosedError: The database was closed: ``start()`` is not told that a crawl is stopped.
        """
        async with self._asking:
            if self._is_closed:
                raise RunClosedError
            return await asyncio.to_thread(question, *args, **kwargs)

    async def _close(self, reason: str) -> None:
        """End the run if the crawl came to its end, else say how to go on."""
        try:
            # Where nothing was planned, the database cannot tell that the pipeline lost something at the end.
            lost = 0 if self.is_planned else self._spider.crawler.stats.get_value(names.STORAGE_FAILED, 0)
            if reason == "finished" and not lost:
                progress: Progress = await self._ask(
                    self._frontier.finish, self._run, watermark=self._watermark, coverage=self.coverage
                )
                if not progress.left:
                    return
                self._say("%d records are left", progress.left)
            self._say("The same command goes on from here")
        finally:
            async with self._asking:
                self._is_closed = True
                await asyncio.to_thread(self._frontier.close)

    def _say(self, message: str, *args: Any) -> None:
        """Log what a user wants to know."""
        logger.info(message, *args, extra={"spider": self._spider})


async def open_run(
    spider: Spider, kind: str, arguments: Mapping[str, str], *, again: bool, watermark: str
) -> PlannedRun | None:
    """Return the run of a spider; ``None`` where nothing is stored in a database.

    Args:
        spider: The spider.
        kind: Table of its records.
        arguments: Its arguments: the same command goes on with a run that is not finished.
        again: Whether what was stored before the run is fetched again.
        watermark: Name of the watermark that moves when the run is finished.

    Raises:
        ConfigurationError: The database cannot be used.
    """
    url = _database_url(spider.crawler)
    if url is None:
        return None
    from tmdbfusion_scrapy.storage.database import reopen_database
    from tmdbfusion_scrapy.storage.frontier import Frontier

    # The pipeline has opened it.
    frontier = Frontier(await asyncio.to_thread(reopen_database, url), kind)
    run = await asyncio.to_thread(frontier.begin, spider.name, arguments, again=again)
    return PlannedRun(spider, frontier, run, watermark)


def _database_url(crawler: Crawler) -> str | None:
    """The database that the crawl stores in."""
    # SQLAlchemy is loaded for those who store.
    from tmdbfusion_scrapy.storage.options import database_options
    from tmdbfusion_scrapy.storage.sql import SQLPipeline

    stored = crawler.get_item_pipeline(SQLPipeline) is not None
    return database_options(crawler.settings).url if stored else None
