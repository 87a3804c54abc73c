"""The writer thread: when it writes, when it makes the crawl wait, and how it gives up."""

from __future__ import annotations

import asyncio
import resource
import threading
import uuid
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import column, func, literal_column, table
from sqlalchemy import select as sa_select

from tests.coroutines import coroutine_test
from tests.storage.database_access import (
    Recorder,
    execute_sqlite,
    failed_call,
    movie,
    select,
    sqlite_url,
    write_lock,
)
from tmdbfusion_scrapy.exceptions import ConfigurationError
from tmdbfusion_scrapy.storage.options import DatabaseOptions

if TYPE_CHECKING:
    from pathlib import Path

NEVER = 3600.0
COUNT_MOVIES = "SELECT count(*) FROM movies"


async def until(condition, seconds: float = 20.0) -> None:
    """Wait until a condition holds, or fail."""
    for _ in range(int(seconds / 0.01)):
        if condition():
            return
        await asyncio.sleep(0.01)
    pytest.fail("what was waited for did not come")


@coroutine_test
async def test_a_full_batch_is_written_at_once(database):
    recorder = Recorder()
    writer = recorder.writer(DatabaseOptions(database, batch_size=3, flush_interval=NEVER))
    await writer.start()
    for number in range(7):
        await writer.put(movie(number))
    await until(lambda: recorder.stored_movies == 6)
    assert select(database, COUNT_MOVIES) == [(6,)]
    await writer.close()
    assert [batch.stored["movies"] for batch in recorder.batches] == [3, 3, 1]
    assert select(database, COUNT_MOVIES) == [(7,)]


@coroutine_test
async def test_a_batch_that_does_not_fill_is_written_by_time(database):
    recorder = Recorder()
    writer = recorder.writer(DatabaseOptions(database, batch_size=1000, flush_interval=0.05))
    await writer.start()
    await writer.put(movie(1))
    await writer.put(failed_call(2))
    await until(lambda: recorder.batches)
    assert select(database, COUNT_MOVIES) == [(1,)]
    assert select(database, "SELECT id FROM tmdb_failures") == [("2",)]
    await writer.put(movie(3))
    await until(lambda: recorder.stored_movies == 2)
    await writer.close()


@coroutine_test
async def test_closing_writes_what_is_left_and_ends_the_thread(database):
    recorder = Recorder()
    writer = recorder.writer(DatabaseOptions(database, flush_interval=NEVER))
    await writer.start()
    await writer.put(movie(1))
    names = [thread.name for thread in threading.enumerate()]
    assert names.count("tmdb-database-writer") == 1
    await writer.close()
    await writer.close()
    assert select(database, COUNT_MOVIES) == [(1,)]
    assert "tmdb-database-writer" not in [thread.name for thread in threading.enumerate()]
    assert writer.lost == 0


@coroutine_test
async def test_closing_without_an_item_writes_nothing(database):
    recorder = Recorder()
    writer = recorder.writer(DatabaseOptions(database))
    await writer.start()
    await writer.close()
    assert recorder.batches == []


@coroutine_test
async def test_a_database_that_cannot_be_used_leaves_no_thread(tmp_path):
    writer = Recorder().writer(DatabaseOptions(f"sqlite:///{tmp_path}/missing/tmdb.db"))
    with pytest.raises(ConfigurationError, match="TMDB_DATABASE_URL"):
        await writer.start()
    assert not writer.running
    assert "tmdb-database-writer" not in [thread.name for thread in threading.enumerate()]
    await writer.close()


@coroutine_test
async def test_the_crawl_waits_while_the_database_is_behind(tmp_path: Path):
    recorder = Recorder()
    url = sqlite_url(tmp_path / "tmdb.db")
    writer = recorder.writer(DatabaseOptions(url, batch_size=5, flush_interval=NEVER))
    await writer.start()
    put = []

    async def crawl():
        for number in range(100):
            await writer.put(movie(number))
            put.append(number)

    with write_lock(tmp_path / "tmdb.db"):
        task = asyncio.ensure_future(crawl())
        # One batch in the writer's hands and two waiting; the crawl stands still from here on.
        await until(lambda: recorder.waits and len(put) == 15)
        await asyncio.sleep(0.1)
        assert len(put) == 15
        assert recorder.batches == []
    await task
    await writer.close()
    assert recorder.stored_movies == 100
    assert select(url, COUNT_MOVIES) == [(100,)]
    assert recorder.failures == []
    assert "locked" in recorder.waits[0]


@coroutine_test
async def test_many_that_wait_all_go_on(tmp_path: Path):
    recorder = Recorder()
    url = sqlite_url(tmp_path / "tmdb.db")
    writer = recorder.writer(DatabaseOptions(url, batch_size=2, flush_interval=0.01))
    await writer.start()
    with write_lock(tmp_path / "tmdb.db"):
        tasks = [asyncio.ensure_future(writer.put(movie(number))) for number in range(60)]
        await until(lambda: recorder.waits)
        assert sum(task.done() for task in tasks) < 10
    await asyncio.gather(*tasks)
    await writer.close()
    assert select(url, COUNT_MOVIES) == [(60,)]


@coroutine_test
async def test_a_database_that_stays_locked_is_given_up(tmp_path: Path):
    recorder = Recorder()
    url = sqlite_url(tmp_path / "tmdb.db")
    writer = recorder.writer(DatabaseOptions(url, batch_size=2, flush_interval=0.01, retry_seconds=0.3))
    await writer.start()
    with write_lock(tmp_path / "tmdb.db"):
        # More than there is room for: those that wait are let go when the writer gives up.
        tasks = [asyncio.ensure_future(writer.put(movie(number))) for number in range(30)]
        await until(lambda: recorder.failures)
        await asyncio.gather(*tasks)
        await writer.put(movie(30))
    await writer.close()
    assert recorder.failures == ["database is locked"]
    assert writer.lost == 31
    assert select(url, COUNT_MOVIES) == [(0,)]


@coroutine_test
async def test_a_database_that_lost_its_tables_is_given_up_at_once(tmp_path: Path):
    recorder = Recorder()
    url = sqlite_url(tmp_path / "tmdb.db")
    writer = recorder.writer(DatabaseOptions(url, batch_size=2, flush_interval=NEVER, retry_seconds=NEVER))
    await writer.start()
    execute_sqlite(tmp_path / "tmdb.db", "DROP TABLE movie_genres")
    for number in range(2):
        await writer.put(movie(number))
    await until(lambda: recorder.failures)
    await writer.close()
    (reason,) = recorder.failures
    assert reason.startswith("no such table")
    assert (recorder.waits, writer.lost) == ([], 2)
    assert select(url, COUNT_MOVIES) == [(0,)]


@coroutine_test
async def test_a_disk_that_takes_no_more_is_given_up_with_nothing_half_written(tmp_path: Path):
    recorder = Recorder()
    url = sqlite_url(tmp_path / "tmdb.db")
    writer = recorder.writer(DatabaseOptions(url, batch_size=50, flush_interval=NEVER))
    await writer.start()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, hard))
    try:
        for number in range(50):
            await writer.put(movie(number, overview="x" * 100_000))
        await until(lambda: recorder.failures)
        await writer.close()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert recorder.failures[0] in {"database or disk is full", "disk I/O error"}
    assert writer.lost == 50
    assert select(url, COUNT_MOVIES) == [(0,)]


@coroutine_test
async def test_a_connection_that_the_server_ended_is_replaced(postgres_database):
    recorder = Recorder()
    name = f"tmdb_test_{uuid.uuid4().hex}"
    url = f"{postgres_database}&application_name={name}"
    writer = recorder.writer(DatabaseOptions(url, batch_size=1, flush_interval=NEVER))
    await writer.start()
    await writer.put(movie(1))
    await until(lambda: recorder.stored_movies == 1)
    columns = table("pg_stat_activity", column("pid"), column("application_name")).c
    end = sa_select(func.pg_terminate_backend(columns.pid)).where(
        columns.application_name == literal_column(f"'{name}'")
    )
    assert select(postgres_database, str(end)) == [(True,)]
    await writer.put(movie(2))
    await until(lambda: recorder.stored_movies == 2)
    await writer.close()
    assert recorder.failures == []


@coroutine_test
async def test_two_writers_share_one_database(database):
    recorders = [Recorder(), Recorder()]
    writers = [
        recorder.writer(DatabaseOptions(database, batch_size=7, flush_interval=0.01))
        for recorder in recorders
    ]
    await asyncio.gather(*(writer.start() for writer in writers))
    genres = [{"id": 1, "name": "One"}, {"id": 2, "name": "Two"}]

    async def crawl(writer, numbers):
        for number in numbers:
            await writer.put(movie(number, genres=genres))

    # They meet in the movies 100 to 199.
    await asyncio.gather(crawl(writers[0], range(200)), crawl(writers[1], range(299, 99, -1)))
    await asyncio.gather(*(writer.close() for writer in writers))
    assert [recorder.failures for recorder in recorders] == [[], []]
    assert select(database, COUNT_MOVIES) == [(300,)]
    assert select(database, "SELECT count(*) FROM movie_genres") == [(600,)]
