"""The pipeline in real crawls."""

from __future__ import annotations

import asyncio
import itertools
import logging
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest
from scrapy import Request, Spider
from scrapy.utils.test import get_crawler

from tests.coroutines import coroutine_test
from tests.storage.database_access import (
    execute_sqlite,
    failed_call,
    movie,
    select,
    sqlite_url,
    write_lock,
)
from tmdbfusion_scrapy.exceptions import ConfigurationError
from tmdbfusion_scrapy.models.movies import MovieDetails
from tmdbfusion_scrapy.storage import SQLPipeline
from tmdbfusion_scrapy.storage.batches import store_batch
from tmdbfusion_scrapy.storage.database import open_database
from tmdbfusion_scrapy.storage.sql import database_options

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from scrapy.crawler import Crawler
    from scrapy.http import Response

NO_NETWORK = dict.fromkeys(("http", "https", "ftp", "s3"))
"""Without a reactor Scrapy 2.19 leaves the session of its http handler open when a pipeline fails to open."""

ACTION = {"id": 28, "name": "Action"}


class ItemsSpider(Spider):
    """Yields the items it is given, each from the callback of a response; what is callable is called instead."""

    name = "items"
    items: Any = ()

    async def start(self) -> AsyncIterator[Any]:
        for item in self.items:
            if callable(item):
                await item()
            else:
                yield Request("data:,", self.parse, cb_kwargs={"item": item}, dont_filter=True)

    async def parse(self, response: Response, item: Any) -> AsyncIterator[Any]:
        yield item


async def pause() -> None:
    """Let the crawl go on for a while."""
    await asyncio.sleep(0.01)


class ImpatientPipeline(SQLPipeline):
    """Gives a locked database up soon."""

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> ImpatientPipeline:
        return cls(crawler, replace(database_options(crawler.settings), retry_seconds=0.2))


async def crawl(items: Any, pipeline: Any = SQLPipeline, **settings: Any) -> dict[str, Any]:
    """Crawl and return the stats."""
    crawler = get_crawler(
        ItemsSpider,
        {
            "ITEM_PIPELINES": {pipeline: 500},
            "TELNETCONSOLE_ENABLED": False,
            "DOWNLOAD_HANDLERS": NO_NETWORK,
            **settings,
        },
    )
    await crawler.crawl_async(items=items)
    stats: dict[str, Any] = crawler.stats.get_stats()
    return stats


def messages(caplog: pytest.LogCaptureFixture, level: int) -> list[str]:
    return [
        record.getMessage()
        for record in caplog.records
        if record.levelno == level and record.name.startswith("tmdbfusion_scrapy")
    ]


@coroutine_test
async def test_a_crawl_stores_its_items(database, caplog):
    caplog.set_level(logging.INFO)
    items = [movie(number, genres=[ACTION]) for number in range(1, 8)]
    stats = await crawl(
        [*items, {"title": "not TMDB's"}, failed_call(99)],
        TMDB_DATABASE_URL=database,
        TMDB_DATABASE_BATCH_SIZE=5,
        TMDB_DATABASE_FLUSH_INTERVAL=3600,
    )
    assert select(database, "SELECT count(*) FROM movies") == [(7,)]
    assert select(database, "SELECT count(*) FROM movie_genres") == [(7,)]
    assert select(database, "SELECT id FROM tmdb_failures") == [("99",)]
    own = {key: value for key, value in stats.items() if key.startswith("tmdb/")}
    assert own == {
        "tmdb/stored_count/movies": 7,
        "tmdb/stored_count/genres": 2,
        "tmdb/stored_count/tmdb_failures": 1,
        "tmdb/storage/batch_count": 2,
    }
    assert stats["item_scraped_count"] == 9
    assert stats["finish_reason"] == "finished"
    assert "log_count/ERROR" not in stats
    # Other tests' crawls may prepare their tables on the same server at this moment.
    said = [message for message in messages(caplog, logging.INFO) if not message.startswith("Waiting for")]
    assert len(said) == 1
    assert said[0].startswith("Stored 7 movies and 1 failed call (table tmdb_failures) in ")


@coroutine_test
async def test_the_default_database_is_in_the_working_directory(tmp_path, caplog):
    caplog.set_level(logging.INFO)
    await crawl([movie(1)])
    assert (tmp_path / "tmdb.db").is_file()
    assert messages(caplog, logging.INFO) == ["Stored 1 movie in sqlite:///tmdb.db"]


@coroutine_test
async def test_an_empty_crawl_says_so(caplog):
    caplog.set_level(logging.INFO)
    await crawl([])
    assert messages(caplog, logging.INFO) == ["Stored nothing in sqlite:///tmdb.db"]


@coroutine_test
async def test_items_are_returned_as_they_came(sqlite_database):
    pipeline = SQLPipeline.from_crawler(get_crawler(settings_dict={"TMDB_DATABASE_URL": sqlite_database}))
    await pipeline.open_spider()
    for item in (movie(1), failed_call(2), {"id": 3}, object()):
        assert await pipeline.process_item(item) is item
    await pipeline.close_spider()
    assert select(sqlite_database, "SELECT id FROM movies") == [(1,)]


@coroutine_test
async def test_a_bad_record_is_logged_once_with_its_id(sqlite_database, caplog):
    stats = await crawl([movie(1), MovieDetails(id=2**70), movie(3)], TMDB_DATABASE_URL=sqlite_database)
    assert select(sqlite_database, "SELECT id FROM movies ORDER BY id") == [(1,), (3,)]
    assert select(sqlite_database, "SELECT id, error FROM tmdb_failures") == [(str(2**70), "StorageError")]
    assert stats["tmdb/storage/failed_count"] == 1
    assert stats["tmdb/stored_count/tmdb_failures"] == 1
    (error,) = messages(caplog, logging.ERROR)
    assert error.startswith(f"Cannot store movies {2**70} in sqlite:///")
    assert stats["log_count/ERROR"] == 1


@coroutine_test
async def test_a_value_that_does_not_fit_is_named_and_costs_only_itself(sqlite_database, caplog):
    stats = await crawl([MovieDetails(id=2, title="Two", budget=2**70)], TMDB_DATABASE_URL=sqlite_database)
    assert select(sqlite_database, "SELECT id, title, budget FROM movies") == [(2, "Two", None)]
    assert "tmdb/storage/failed_count" not in stats
    (warning,) = messages(caplog, logging.WARNING)
    assert warning.startswith("Not all of movies 2: movies.budget fits its column in sqlite:///")


@coroutine_test
async def test_a_database_that_fails_closes_the_crawl(tmp_path: Path, caplog):
    path = tmp_path / "tmdb.db"

    async def drop() -> None:
        execute_sqlite(path, "DROP TABLE movies")

    def items() -> Any:
        # Without an end: only the closing of the crawl stops it.
        yield movie(1)
        yield drop
        for number in itertools.count(2):
            yield movie(number)
            yield pause

    stats = await crawl(
        items(),
        TMDB_DATABASE_URL=sqlite_url(path),
        TMDB_DATABASE_FLUSH_INTERVAL=0.05,
        TMDB_DATABASE_BATCH_SIZE=10,
    )
    assert stats["finish_reason"] == "tmdb_database_failed"
    first, last = messages(caplog, logging.ERROR)
    assert first.startswith(f"Cannot write to sqlite:///{path}: no such table")
    assert last == f"{stats['tmdb/storage/failed_count']} records are not stored in sqlite:///{path}"
    assert stats["item_scraped_count"] == stats["tmdb/storage/failed_count"] + stats.get(
        "tmdb/stored_count/movies", 0
    )


@coroutine_test
async def test_a_database_that_stays_locked_closes_the_crawl(tmp_path: Path, caplog):
    path = tmp_path / "tmdb.db"
    locks: list[Any] = []

    async def lock() -> None:
        locks.append(write_lock(path))
        locks[0].__enter__()

    def items() -> Any:
        yield lock
        yield from (movie(number) for number in range(50))
        # Other items go on until the crawl is closed.
        yield from itertools.cycle([pause, {"title": "not TMDB's"}])

    try:
        stats = await crawl(
            items(),
            ImpatientPipeline,
            TMDB_DATABASE_URL=sqlite_url(path),
            TMDB_DATABASE_FLUSH_INTERVAL=0.01,
            TMDB_DATABASE_BATCH_SIZE=10,
        )
    finally:
        locks[0].__exit__(None, None, None)
    assert stats["finish_reason"] == "tmdb_database_failed"
    last = messages(caplog, logging.ERROR)[-1]
    assert last == f"{stats['tmdb/storage/failed_count']} records are not stored in sqlite:///{path}"
    (warning,) = messages(caplog, logging.WARNING)
    assert "database is locked): trying again for up to 0.2 seconds" in warning
    assert select(sqlite_url(path), "SELECT count(*) FROM movies") == [(0,)]


@coroutine_test
async def test_what_fails_at_the_very_end_is_said(tmp_path: Path, caplog):
    path = tmp_path / "tmdb.db"

    async def drop() -> None:
        execute_sqlite(path, "DROP TABLE movies")

    stats = await crawl([drop, movie(1), movie(2)], TMDB_DATABASE_URL=sqlite_url(path))
    assert stats["tmdb/storage/failed_count"] == 2
    assert stats["finish_reason"] == "tmdb_database_failed"
    assert messages(caplog, logging.ERROR)[-1] == f"2 records are not stored in sqlite:///{path}"


@coroutine_test
async def test_a_database_that_cannot_be_opened_late_is_the_reason_too(tmp_path: Path, caplog):
    stats = await crawl(
        [movie(1)], TMDB_DATABASE_URL=f"sqlite:///{tmp_path}/missing/tmdb.db", TMDB_DATABASE_OPEN_LATE=True
    )
    assert stats["finish_reason"] == "tmdb_database_failed"
    assert stats["tmdb/storage/failed_count"] == 1
    assert "there is no directory" in messages(caplog, logging.ERROR)[0]


@coroutine_test
async def test_a_record_after_the_end_is_an_error(sqlite_database):
    pipeline = SQLPipeline.from_crawler(get_crawler(settings_dict={"TMDB_DATABASE_URL": sqlite_database}))
    await pipeline.open_spider()
    await pipeline.close_spider()
    with pytest.raises(RuntimeError, match="closed"):
        await pipeline.process_item(movie(1))
    assert select(sqlite_database, "SELECT id FROM movies") == []


@coroutine_test
async def test_a_bad_url_ends_the_crawl_before_it_begins():
    with pytest.raises(ConfigurationError, match=r"TMDB_DATABASE_URL.*there is no directory"):
        await crawl([movie(1)], TMDB_DATABASE_URL="sqlite:///missing/tmdb.db")


def test_a_bad_batch_size_is_refused():
    crawler = get_crawler(settings_dict={"TMDB_DATABASE_BATCH_SIZE": "many"})
    with pytest.raises(ConfigurationError, match="TMDB_DATABASE_BATCH_SIZE"):
        SQLPipeline.from_crawler(crawler)


@coroutine_test
async def test_two_crawls_into_one_file(tmp_path: Path):
    url = sqlite_url(tmp_path / "tmdb.db")
    results = await asyncio.gather(
        *(
            crawl(
                [movie(number, genres=[ACTION]) for number in range(first, first + 200)],
                TMDB_DATABASE_URL=url,
                TMDB_DATABASE_BATCH_SIZE=9,
            )
            for first in (0, 100)
        )
    )
    # Of the movies that both have, what was fetched last stays, whichever of the two is the first to write.
    assert [
        stats["tmdb/stored_count/movies"] + stats.get("tmdb/outdated_count/movies", 0) for stats in results
    ] == [200, 200]
    assert all("log_count/ERROR" not in stats for stats in results)
    assert select(url, "SELECT count(*) FROM movies") == [(300,)]


@coroutine_test
async def test_records_that_another_process_stored_fetched_later_are_counted(tmp_path: Path):
    url = sqlite_url(tmp_path / "tmdb.db")
    engine = open_database(url)
    later = datetime.now(timezone.utc) + timedelta(hours=1)
    store_batch(engine, [(movie(1, title="later"), later)])
    engine.dispose()
    stats = await crawl([movie(1, title="earlier"), movie(2)], TMDB_DATABASE_URL=url)
    assert stats["tmdb/outdated_count/movies"] == 1
    assert stats["tmdb/stored_count/movies"] == 1
    assert select(url, "SELECT title FROM movies WHERE id = 1") == [("later",)]


@coroutine_test
async def test_no_password_in_the_log(postgres_database, caplog):
    caplog.set_level(logging.DEBUG)
    scheme, rest = postgres_database.split("://", 1)
    user, host = rest.split("@", 1)
    await crawl([movie(1)], TMDB_DATABASE_URL=f"{scheme}://{user.split(':')[0]}:hunter2@{host}")
    assert "Stored 1 movie in postgresql://" in caplog.text
    assert "hunter2" not in caplog.text
