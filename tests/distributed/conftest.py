"""A queue in a PostgreSQL schema of its own, and crawls that plan and work in the event loop of the test run."""

from __future__ import annotations

import asyncio
import datetime
import logging
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from scrapy.crawler import AsyncCrawlerRunner
from scrapy.settings import Settings
from sqlalchemy import text

from tests.crawling.crawls import settings_of
from tests.distributed.spiders import ALL
from tests.storage.conftest import postgres_with_tables  # noqa: F401 - a fixture
from tests.storage.database_access import select
from tmdbfusion_scrapy.sandbox import ThreadedSandbox
from tmdbfusion_scrapy.storage.database import reopen_database

if TYPE_CHECKING:
    from pathlib import Path

    from tmdbfusion_scrapy.crawling import TMDBSourceSpider
    from tmdbfusion_scrapy.distributed.status import QueueStatus


HEARTBEAT = 4.0
"""Seconds; the test run may be busy for one or two."""
TODAY = datetime.datetime.now(datetime.timezone.utc).date()


@dataclass
class Started:
    """A crawl that has begun.

    Args:
        crawler: Its crawler.
        task: Ends with it.
    """

    crawler: Any
    task: asyncio.Future[None]

    async def end(self) -> Any:
        """Wait for the end, and return the spider."""
        await asyncio.wait_for(self.task, 90)
        return self.crawler.spider


@dataclass
class Fleet:
    """Crawls that share one database and one sandbox."""

    sandbox: ThreadedSandbox
    url: str

    def settings(self, **changed: Any) -> dict[str, Any]:
        """Settings of all of them; a worker is dead after some seconds."""
        quick = {
            "TMDB_DATABASE_FLUSH_INTERVAL": 0.05,
            "TMDB_JOB_HEARTBEAT": HEARTBEAT,
            "TMDB_PROGRESS": "off",
        }
        return settings_of(
            self.sandbox.base_url,
            TMDB_EXPORTS_URL=self.sandbox.exports_url,
            TMDB_DATABASE_URL=self.url,
            **{**quick, **changed},
        )

    async def enqueue(
        self,
        spidercls: type[TMDBSourceSpider],
        *,
        size: int = 20,
        changed: dict[str, Any] | None = None,
        **arguments: str,
    ) -> Any:
        """Plan a crawl, and return the spider that did."""
        from tmdbfusion_scrapy.distributed.plan import planning_spider

        return await self.start(planning_spider(spidercls, size=size), changed or {}, **arguments).end()

    def worker(self, *spiders: type[TMDBSourceSpider], stays: bool = False, **changed: Any) -> Started:
        """Start a worker."""
        from tmdbfusion_scrapy.distributed.worker import worker_spider

        hosted = {spidercls.name: spidercls for spidercls in spiders or ALL}
        return self.start(worker_spider(hosted, stays=stays), changed)

    async def work(self, *spiders: type[TMDBSourceSpider], **changed: Any) -> Any:
        """Work until there is nothing left, and return the spider that did."""
        return await self.worker(*spiders, **changed).end()

    def start(self, spidercls: Any, changed: dict[str, Any], **arguments: str) -> Started:
        """Start a crawl."""
        runner = AsyncCrawlerRunner(Settings(self.settings(**changed)))
        crawler = runner.create_crawler(spidercls)
        return Started(crawler, asyncio.ensure_future(runner.crawl(crawler, **arguments)))

    async def status(self, wish: str | None = None) -> QueueStatus:
        """What is in the queue, after something was done with all of it."""
        from tmdbfusion_scrapy.commands.queue import _do
        from tmdbfusion_scrapy.distributed.status import QueueReader

        engine = await asyncio.to_thread(reopen_database, self.url)
        try:
            reader = QueueReader(engine)
            if wish is not None:
                await _do(reader, wish, ())
            return await reader.status()
        finally:
            engine.dispose()

    def asked(self, name: str = "movie") -> Counter[int]:
        """How often each record was asked for."""
        counts: Counter[int] = Counter()
        for request in self.sandbox.requests:
            found, _, key = request.path.removeprefix("/3/").partition("/")
            if found == name and key.isdecimal():
                counts[int(key)] += 1
        return counts

    def select(self, query: str) -> list[tuple[Any, ...]]:
        """Ask the database."""
        return select(self.url, query)

    def change(self, statement: str) -> None:
        """Change the database, as something else would that went wrong."""
        engine = reopen_database(self.url)
        try:
            with engine.begin() as connection:
                connection.execute(text(statement))
        finally:
            engine.dispose()

    def stored(self, table: str = "movies") -> set[int]:
        """Ids of the records that were fetched."""
        return {key for (key,) in self.select(f"SELECT id FROM {table} WHERE fetched_at IS NOT NULL")}  # noqa: S608

    def runs(self) -> list[tuple[Any, ...]]:
        """Spider, number of listed records, and whether it is finished, of each run."""
        return self.select("SELECT spider, listed, finished_at IS NOT NULL FROM tmdb_runs ORDER BY id")


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """A project of its own, where exports go."""
    pytest.importorskip("pgqueuer", reason="PgQueuer is not installed")
    monkeypatch.chdir(tmp_path)
    caplog.set_level(logging.INFO)
    (tmp_path / "scrapy.cfg").write_text("[settings]\n")


@pytest.fixture
def fleet(postgres_with_tables: str, tmdb_sandbox_factory: Any) -> Fleet:  # noqa: F811
    """Crawls of a small sandbox."""
    sandbox = tmdb_sandbox_factory(movies=150, series=12, people=80, today=TODAY, keep_requests=10**5)
    return Fleet(sandbox, postgres_with_tables)
