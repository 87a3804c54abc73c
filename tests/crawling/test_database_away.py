"""A crawl of which the database goes away for a moment: it waits, and goes on with all that it wants."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

import pytest
from scrapy import signals
from scrapy.crawler import AsyncCrawlerRunner
from scrapy.settings import Settings

from tests.coroutines import coroutine_test
from tests.crawling.crawls import settings_of
from tests.crawling.test_mirror import TODAY, Movies
from tests.patience import until
from tests.storage.database_access import select
from tests.storage.private_postgres import private_server
from tests.storage.test_outages import execute, hinder
from tests.storage.test_sql_pipeline import messages
from tmdbfusion_scrapy.crawling import source_crawl
from tmdbfusion_scrapy.storage import check_database

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.storage.private_postgres import PrivateServer

MOVIES = 120
SLEEPING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'"


@pytest.fixture(scope="module")
def private() -> Iterator[PrivateServer]:
    """A server for the tests of this module."""
    with private_server() as server:
        check_database(server.url)
        yield server


@pytest.fixture
def server(private: PrivateServer) -> Iterator[PrivateServer]:
    """The server, running, with empty tables."""
    yield private
    private.start()
    execute(
        private.url,
        "DROP FUNCTION IF EXISTS hinder CASCADE",
        "DROP SEQUENCE IF EXISTS tries",
        "TRUNCATE movies, people, tmdb_runs, tmdb_frontier, tmdb_watermarks CASCADE",
    )


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """A project of its own, where exports go; and ids are read in many portions."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(source_crawl, "_IDS_AT_ONCE", 10)
    caplog.set_level(logging.INFO)
    (tmp_path / "scrapy.cfg").write_text("[settings]\n")


class Started:
    """A crawl of an export that has begun."""

    def __init__(self, sandbox: Any, server: PrivateServer, **settings: Any) -> None:
        given = settings_of(
            sandbox.base_url,
            TMDB_EXPORTS_URL=sandbox.exports_url,
            TMDB_DATABASE_URL=server.url,
            TMDB_DATABASE_FLUSH_INTERVAL=0.05,
            **settings,
        )
        runner = AsyncCrawlerRunner(Settings(given))
        self.crawler = runner.create_crawler(Movies)
        self.scheduled = 0
        self.task = asyncio.ensure_future(runner.crawl(self.crawler, source="export"))

    def is_waiting(self, caplog: pytest.LogCaptureFixture) -> bool:
        """Whether the crawl has said that it waits for the database; not without end where it has ended."""
        said = [line for line in messages(caplog, logging.WARNING) if "again for up to" in line]
        return bool(said) or self.task.done()

    async def end(self) -> dict[str, Any]:
        await asyncio.wait_for(self.task, 120)
        stats: dict[str, Any] = self.crawler.stats.get_stats()
        return stats


def is_whole(url: str) -> bool:
    """Whether all that was listed is stored, and the run is finished."""
    ((stored,),) = select(url, "SELECT count(*) FROM movies WHERE fetched_at IS NOT NULL")
    runs = select(url, "SELECT listed FROM tmdb_runs WHERE finished_at IS NOT NULL")
    return stored >= MOVIES and runs == [(stored,)]


@coroutine_test
async def test_a_restart_while_ids_are_read_costs_none_of_them(server, tmdb_sandbox_factory, caplog):
    sandbox = tmdb_sandbox_factory(movies=MOVIES, today=TODAY)
    crawl = Started(sandbox, server)

    def stop() -> None:
        crawl.scheduled += 1
        if crawl.scheduled == 15:
            # Before the next ids are read.
            server.stop()

    crawl.crawler.signals.connect(stop, signals.request_scheduled)
    await until(lambda: crawl.is_waiting(caplog))
    await asyncio.to_thread(server.start)
    stats = await crawl.end()
    assert (stats["finish_reason"], stats.get("log_count/ERROR", 0)) == ("finished", 0)
    assert is_whole(server.url)


@pytest.mark.parametrize("table", ["tmdb_runs", "tmdb_frontier"], ids=["begun", "planned"])
@coroutine_test
async def test_a_restart_while_the_run_is_planned(server, tmdb_sandbox_factory, table):
    sandbox = tmdb_sandbox_factory(movies=MOVIES, today=TODAY)
    crawl = Started(sandbox, server)

    def sleep() -> None:
        # Not before: opening tries each table.
        hinder(server.url, table, 1, "PERFORM pg_sleep(600)")

    crawl.crawler.signals.connect(sleep, signals.spider_opened)
    await until(lambda: select(server.url, SLEEPING) == [(1,)])
    await asyncio.to_thread(server.stop)
    await asyncio.to_thread(server.start)
    stats = await crawl.end()
    assert (stats["finish_reason"], stats.get("log_count/ERROR", 0)) == ("finished", 0)
    assert is_whole(server.url)


@coroutine_test
async def test_a_restart_at_the_very_end(server, tmdb_sandbox_factory, caplog):
    sandbox = tmdb_sandbox_factory(movies=MOVIES, today=TODAY)
    crawl = Started(sandbox, server)
    crawl.crawler.signals.connect(server.stop, signals.spider_idle)
    await until(lambda: crawl.is_waiting(caplog))
    await asyncio.to_thread(server.start)
    stats = await crawl.end()
    assert (stats["finish_reason"], stats.get("log_count/ERROR", 0)) == ("finished", 0)
    assert is_whole(server.url)
