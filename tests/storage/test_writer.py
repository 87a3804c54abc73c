"""The writer thread: when it writes, when it makes the crawl wait, and how it gives up."""

from __future__ import annotations

import asyncio
import contextlib
import resource
import threading
import uuid
from typing import TYPE_CHECKING

import psycopg
import pytest
from sqlalchemy import column, func, literal_column, table, text
from sqlalchemy import select as sa_select
from sqlalchemy.exc import DBAPIError

from tests.coroutines import coroutine_test
from tests.patience import until
from tests.storage.database_access import (
    Recorder,
    execute_sqlite,
    failed_call,
    movie,
    select,
    series,
    sqlite_url,
    write_lock,
)
from tmdbfusion_scrapy.exceptions import ConfigurationError
from tmdbfusion_scrapy.storage.backend import WRITE_LOCK, backend_of
from tmdbfusion_scrapy.storage.database import open_database
from tmdbfusion_scrapy.storage.sql import DatabaseOptions
from tmdbfusion_scrapy.storage.writer import Writer

if TYPE_CHECKING:
    from pathlib import Path

NEVER = 3600.0
COUNT_MOVIES = "SELECT count(*) FROM movies"


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
async def test_the_crawl_waits_while_many_bytes_are_waiting(tmp_path: Path):
    recorder = Recorder()
    url = sqlite_url(tmp_path / "tmdb.db")
    # As large as a series with all its episodes.
    overview = "x" * 462_000
    writer = recorder.writer(DatabaseOptions(url, batch_size=500, batch_bytes=900_000, flush_interval=NEVER))
    await writer.start()
    put = []

    async def crawl():
        for number in range(20):
            await writer.put(series(number, overview=overview))
            put.append(number)

    with write_lock(tmp_path / "tmdb.db"):
        task = asyncio.ensure_future(crawl())
        # Two fill a batch: one batch in the writer's hands, two waiting.
        await until(lambda: recorder.waits and len(put) == 6)
        await asyncio.sleep(0.1)
        assert len(put) == 6
    await task
    await writer.close()
    assert [batch.stored["tv_shows"] for batch in recorder.batches] == [2] * 10
    assert select(url, "SELECT count(*) FROM tv_shows") == [(20,)]


@coroutine_test
async def test_one_record_larger_than_a_batch_is_written(sqlite_database):
    recorder = Recorder()
    writer = recorder.writer(DatabaseOptions(sqlite_database, batch_bytes=1000, flush_interval=NEVER))
    await writer.start()
    for number in range(5):
        await writer.put(movie(number, overview="x" * 5000))
    await until(lambda: recorder.stored_movies == 5)
    await writer.close()
    assert [batch.stored["movies"] for batch in recorder.batches] == [1] * 5


@coroutine_test
async def test_an_item_after_the_end_is_refused(sqlite_database):
    writer = Recorder().writer(DatabaseOptions(sqlite_database))
    await writer.start()
    await asyncio.gather(writer.close(), writer.close())
    with pytest.raises(RuntimeError, match="closed"):
        await writer.put(movie(1))
    assert select(sqlite_database, COUNT_MOVIES) == [(0,)]


@coroutine_test
async def test_items_that_wait_while_the_writer_is_closed_are_written_or_refused(sqlite_database):
    recorder = Recorder()
    writer = recorder.writer(DatabaseOptions(sqlite_database, batch_size=1, flush_interval=NEVER))
    await writer.start()
    tasks = [asyncio.ensure_future(writer.put(movie(number))) for number in range(40)]
    await asyncio.sleep(0)
    await writer.close()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    taken = results.count(None)
    assert select(sqlite_database, COUNT_MOVIES) == [(taken,)]
    assert all(isinstance(result, RuntimeError) for result in results if result is not None)


@coroutine_test
async def test_a_report_that_fails_does_not_stop_the_writer(sqlite_database):
    loop = asyncio.get_running_loop()
    raised = []
    before = loop.get_exception_handler()
    loop.set_exception_handler(lambda _, context: raised.append(context["exception"]))

    def fail(_):
        raise LookupError("a bug")

    writer = Writer(
        DatabaseOptions(sqlite_database, batch_size=1), on_batch=fail, on_wait=fail, on_failure=fail
    )
    try:
        await writer.start()
        for number in range(3):
            await writer.put(movie(number))
        await writer.close()
    finally:
        loop.set_exception_handler(before)
    assert len(raised) == 3
    assert select(sqlite_database, COUNT_MOVIES) == [(3,)]


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


def documents(numbers, first_person):
    """Movies that name the same genres, people and companies, each other's order reversed."""
    for number in numbers:
        people = [(first_person + step) % 40 + 1 for step in range(20)]
        yield movie(
            number,
            genres=[{"id": 1, "name": "One"}, {"id": 2, "name": "Two"}],
            production_companies=[{"id": 7, "name": "Seven"}],
            credits={
                "cast": [
                    {"id": person, "name": f"Person {person}", "credit_id": f"{number}-{person}"}
                    for person in people
                ]
            },
        )


@coroutine_test
async def test_two_writers_share_one_database(database):
    recorders = [Recorder(), Recorder()]
    writers = [
        recorder.writer(DatabaseOptions(database, batch_size=7, flush_interval=0.01))
        for recorder in recorders
    ]
    await asyncio.gather(*(writer.start() for writer in writers))

    async def crawl(writer, numbers, first_person):
        for item in documents(numbers, first_person):
            await writer.put(item)

    # They meet in the movies 60 to 99.
    await asyncio.gather(
        crawl(writers[0], range(100), 0),
        crawl(writers[1], range(159, 59, -1), 20),
    )
    await asyncio.gather(*(writer.close() for writer in writers))
    assert [recorder.failures for recorder in recorders] == [[], []]
    # Where they met, a movie that the other one fetched later was not written over.
    stored = [recorder.stored_movies for recorder in recorders]
    assert all(60 <= count <= 100 for count in stored)
    assert sum(stored) >= 160
    for statement, rows in (
        (COUNT_MOVIES, 160),
        ("SELECT count(*) FROM movie_genres", 320),
        ("SELECT count(*) FROM movie_companies", 160),
        ("SELECT count(*) FROM movie_cast", 3200),
        ("SELECT count(*) FROM people WHERE name = 'Person ' || id", 40),
    ):
        assert select(database, statement) == [(rows,)], statement


@coroutine_test
async def test_another_crawls_long_batch_is_waited_for(postgres_database, monkeypatch):
    # A batch of the other crawl that takes longer than any statement waits for a lock.
    monkeypatch.setattr("tmdbfusion_scrapy.storage.postgresql.LOCK_SECONDS", 0.05)
    engine = open_database(postgres_database)
    recorder = Recorder()
    writer = recorder.writer(
        DatabaseOptions(postgres_database, batch_size=1, flush_interval=NEVER, retry_seconds=0.1)
    )
    await writer.start()
    with engine.begin() as connection:
        backend_of(connection).take_lock(connection, WRITE_LOCK)
        await writer.put(movie(1))
        await asyncio.sleep(0.5)
        assert (recorder.batches, recorder.waits, recorder.failures) == ([], [], [])
    engine.dispose()
    await writer.close()
    assert recorder.stored_movies == 1
    assert recorder.waits == []


@coroutine_test
async def test_a_program_that_holds_a_table_is_not_waited_for_for_ever(postgres_database, monkeypatch):
    recorder = Recorder()
    writer = recorder.writer(
        DatabaseOptions(postgres_database, batch_size=1, flush_interval=NEVER, retry_seconds=0.2)
    )
    await writer.start()
    engine = open_database(postgres_database)
    monkeypatch.setattr("tmdbfusion_scrapy.storage.postgresql.LOCK_SECONDS", 0.05)
    with engine.begin() as connection:
        connection.execute(text("LOCK TABLE movies"))
        await writer.put(movie(1))
        await until(lambda: recorder.failures)
    engine.dispose()
    await writer.close()
    assert "lock timeout" in recorder.failures[0]
    assert len(recorder.waits) == 1


@pytest.mark.parametrize("within_a_copy", [False, True])
@coroutine_test
async def test_a_crawl_that_hangs_does_not_hold_the_others(postgres_database, monkeypatch, within_a_copy):
    recorder = Recorder()
    writer = recorder.writer(DatabaseOptions(postgres_database, batch_size=1, flush_interval=NEVER))
    await writer.start()
    engine = open_database(postgres_database)
    # Not before: on a busy machine the looks at the tables are further apart than that.
    monkeypatch.setattr("tmdbfusion_scrapy.storage.postgresql.IDLE_SECONDS", 0.3)
    with contextlib.suppress(DBAPIError, psycopg.Error), engine.begin() as connection:
        backend_of(connection).take_lock(connection, WRITE_LOCK)
        with contextlib.ExitStack() as stack:
            if within_a_copy:
                cursor = stack.enter_context(connection.connection.cursor())
                stack.enter_context(cursor.copy("COPY genres (id) FROM STDIN"))
            await writer.put(movie(1))
            await until(lambda: recorder.batches)
    engine.dispose()
    await writer.close()
    assert recorder.stored_movies == 1
