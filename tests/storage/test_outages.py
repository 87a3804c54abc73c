"""A PostgreSQL server that goes away: it is waited for, with nothing lost and nothing half written."""

from __future__ import annotations

import asyncio
import itertools
import logging
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import create_engine, make_url, text

from tests.coroutines import coroutine_test
from tests.patience import until
from tests.storage.database_access import Recorder, movie, select
from tests.storage.private_postgres import private_server
from tests.storage.test_sql_pipeline import ImpatientPipeline, crawl, messages, pause
from tmdbfusion_scrapy.storage import check_database
from tmdbfusion_scrapy.storage.sql import DatabaseOptions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.storage.private_postgres import PrivateServer

NEVER = 3600.0
GENRES = [{"id": 28, "name": "Action"}]
COUNTS = "SELECT (SELECT count(*) FROM movies), (SELECT count(*) FROM movie_genres)"


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
        "TRUNCATE movies, genres CASCADE",
    )


def execute(url: str, *statements: str) -> None:
    """Run statements in one transaction."""
    engine = create_engine(make_url(url).set(drivername="postgresql+psycopg"))
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()


def hinder(url: str, table: str, times: int, action: str) -> None:
    """Let the server do something the first times that rows are to be inserted into a table."""
    # A sequence goes on counting when a transaction is rolled back.
    execute(
        url,
        "CREATE SEQUENCE tries",
        f"""
        CREATE FUNCTION hinder() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF nextval('tries') <= {times} THEN {action}; END IF;
            RETURN NULL;
        END $$
        """,
        f"CREATE TRIGGER hinder BEFORE INSERT ON {table} FOR EACH STATEMENT EXECUTE FUNCTION hinder()",
    )


@coroutine_test
async def test_a_server_that_comes_back_loses_nothing(server):
    recorder = Recorder()
    writer = recorder.writer(DatabaseOptions(server.url, batch_size=3, flush_interval=0.05))
    await writer.start()
    for number in range(3):
        await writer.put(movie(number, genres=GENRES))
    await until(lambda: recorder.stored_movies == 3)
    await asyncio.to_thread(server.stop)
    # As much as there is room for.
    for number in range(3, 12):
        await writer.put(movie(number, genres=GENRES))
    await until(lambda: recorder.waits)
    await asyncio.to_thread(server.start)
    await writer.close()
    assert recorder.failures == []
    assert writer.lost == 0
    assert select(server.url, COUNTS) == [(12, 12)]


@coroutine_test
async def test_a_server_that_goes_away_in_the_middle_of_a_batch(server):
    recorder = Recorder()
    writer = recorder.writer(DatabaseOptions(server.url, batch_size=3, flush_interval=NEVER))
    await writer.start()
    hinder(server.url, "movie_genres", 1, "PERFORM pg_sleep(600)")
    for number in range(3):
        await writer.put(movie(number, genres=GENRES))
    sleeping = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
    await until(lambda: select(server.url, sleeping) == [(1,)])
    await asyncio.to_thread(server.stop)
    await until(lambda: recorder.waits)
    await asyncio.to_thread(server.start)
    await until(lambda: recorder.batches)
    await writer.close()
    assert (recorder.failures, writer.lost) == ([], 0)
    assert select(server.url, COUNTS) == [(3, 3)]


@coroutine_test
async def test_a_server_that_stays_away_is_given_up_with_nothing_half_written(server):
    recorder = Recorder()
    writer = recorder.writer(
        DatabaseOptions(server.url, batch_size=3, flush_interval=NEVER, retry_seconds=0.2)
    )
    await writer.start()
    hinder(server.url, "movie_genres", 1, "PERFORM pg_sleep(600)")
    for number in range(3):
        await writer.put(movie(number, genres=GENRES))
    sleeping = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
    await until(lambda: select(server.url, sleeping) == [(1,)])
    await asyncio.to_thread(server.stop)
    await until(lambda: recorder.failures)
    await writer.close()
    await asyncio.to_thread(server.start)
    assert len(recorder.failures) == 1
    assert writer.lost == 3
    assert select(server.url, COUNTS) == [(0, 0)]


@coroutine_test
async def test_a_crawl_goes_on_when_the_server_is_back(server, caplog):
    async def stop() -> None:
        await asyncio.to_thread(server.stop)

    async def start() -> None:
        await asyncio.to_thread(server.start)

    async def warned() -> None:
        await until(lambda: messages(caplog, logging.WARNING))

    items = [movie(1), stop, *(movie(number) for number in range(2, 30)), warned, start, movie(30)]
    stats = await crawl(
        items,
        TMDB_DATABASE_URL=server.url,
        TMDB_DATABASE_BATCH_SIZE=40,
        TMDB_DATABASE_FLUSH_INTERVAL=0.01,
    )
    assert stats["finish_reason"] == "finished"
    assert stats["tmdb/stored_count/movies"] == 30
    assert "log_count/ERROR" not in stats
    assert select(server.url, COUNTS) == [(30, 0)]


@coroutine_test
async def test_a_crawl_ends_when_the_server_stays_away(server, caplog):
    async def stop() -> None:
        await asyncio.to_thread(server.stop)

    def items() -> Any:
        yield stop
        # Without an end: only the closing of the crawl stops it.
        for number in itertools.count():
            yield movie(number)
            yield pause

    stats = await crawl(
        items(),
        ImpatientPipeline,
        TMDB_DATABASE_URL=server.url,
        TMDB_DATABASE_BATCH_SIZE=5,
        TMDB_DATABASE_FLUSH_INTERVAL=0.01,
    )
    await asyncio.to_thread(server.start)
    assert stats["finish_reason"] == "tmdb_database_failed"
    assert messages(caplog, logging.ERROR)[-1].startswith(
        f"{stats['tmdb/storage/failed_count']} records are not stored in postgresql://"
    )
    assert select(server.url, COUNTS) == [(0, 0)]


# https://www.postgresql.org/docs/current/errcodes-appendix.html
@pytest.mark.parametrize(
    ("table", "code"),
    # Rows go into the one by INSERT, into the other by COPY.
    [("movies", "53100"), ("movie_genres", "53100"), ("movie_genres", "40P01"), ("movie_genres", "57014")],
)
@coroutine_test
async def test_what_passes_is_waited_for(server, table, code):
    recorder = Recorder()
    writer = recorder.writer(DatabaseOptions(server.url, batch_size=2, flush_interval=NEVER))
    await writer.start()
    hinder(server.url, table, 1, f"RAISE EXCEPTION 'for a moment' USING ERRCODE = '{code}'")
    for number in range(2):
        await writer.put(movie(number, genres=GENRES))
    await until(lambda: recorder.batches or recorder.failures)
    await writer.close()
    assert (recorder.waits, recorder.failures) == (["for a moment"], [])
    assert select(server.url, COUNTS) == [(2, 2)]
