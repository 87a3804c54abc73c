"""Databases of another version are refused, and what another program made is left alone."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import create_engine, inspect, make_url, text

from tests.storage.database_access import execute_sqlite, select, write_lock
from tmdbfusion_scrapy.exceptions import ConfigurationError
from tmdbfusion_scrapy.storage import check_database
from tmdbfusion_scrapy.storage.database import VERSION, MissingDatabaseError, open_for_reading
from tmdbfusion_scrapy.storage.entities import metadata

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from sqlalchemy.engine import Connection


@contextlib.contextmanager
def transaction(url: str) -> Iterator[Connection]:
    """A transaction of a program that is not this package."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "postgresql":
        parsed = parsed.set(drivername="postgresql+psycopg")
    engine = create_engine(parsed)
    try:
        with engine.begin() as connection:
            yield connection
    finally:
        engine.dispose()


def version_of(url: str) -> list[Any]:
    return select(url, "SELECT version FROM tmdb_schema")


def tables_of(url: str) -> set[str]:
    with transaction(url) as connection:
        return set(inspect(connection).get_table_names())


def test_a_new_database_has_the_version(database: str) -> None:
    check_database(database)
    check_database(database)
    assert version_of(database) == [(VERSION,)]


def test_several_crawls_open_a_new_database_at_once(database: str) -> None:
    together = threading.Barrier(3)
    errors: list[Exception] = []

    def crawl() -> None:
        together.wait()
        try:
            check_database(database)
        except Exception as error:  # noqa: BLE001 - the test looks at it
            errors.append(error)

    threads = [threading.Thread(target=crawl) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert set(metadata.tables) <= tables_of(database)
    assert version_of(database) == [(VERSION,)]


def test_a_file_that_another_crawl_prepares_is_waited_for(sqlite_database: str, tmp_path: Path) -> None:
    # Statements give up after 0.05 seconds here; another crawl may take longer.
    errors: list[Exception] = []

    def crawl() -> None:
        try:
            check_database(sqlite_database)
        except Exception as error:  # noqa: BLE001 - the test looks at it
            errors.append(error)

    execute_sqlite(tmp_path / "tmdb.db", "PRAGMA journal_mode = WAL")
    with write_lock(tmp_path / "tmdb.db"):
        thread = threading.Thread(target=crawl)
        thread.start()
        thread.join(0.3)
        assert thread.is_alive()
    thread.join()
    assert errors == []
    assert version_of(sqlite_database) == [(VERSION,)]


@pytest.mark.parametrize("opened", [check_database, open_for_reading])
@pytest.mark.parametrize(
    ("version", "said"),
    [
        (
            VERSION + 2,
            "a newer version of tmdbfusion-scrapy: its tables are of version {}, this one knows",
        ),
        (
            VERSION - 1,
            "an older version of tmdbfusion-scrapy: its tables are of version {}, this one writes",
        ),
    ],
    ids=["newer", "older"],
)
def test_another_version_is_refused(
    database: str, opened: Callable[[str], object], version: int, said: str
) -> None:
    check_database(database)
    with transaction(database) as connection:
        connection.execute(text("UPDATE tmdb_schema SET version = :version"), {"version": version})
        # It may have other tables, too.
        connection.exec_driver_sql("DROP TABLE movie_cast")
    with pytest.raises(ConfigurationError) as refused:
        opened(database)
    message = str(refused.value)
    assert message.startswith("TMDB_DATABASE_URL=")
    assert f"was written by {said.format(version)} version {VERSION}. " in message
    fix = (
        "pip install -U tmdbfusion-scrapy, or name"
        if version > VERSION
        else "crawl again, or install the older"
    )
    assert fix in message
    assert "ame another database" in message
    assert "movie_cast" not in tables_of(database)
    assert version_of(database) == [(version,)]


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("CREATE TABLE people (id INTEGER PRIMARY KEY, phone TEXT)", "'people' is of another program"),
        ("CREATE TABLE genres (name TEXT PRIMARY KEY)", "'genres' is of another program"),
        ("CREATE TABLE seen (movie_id INTEGER)", None),
    ],
)
def test_another_programs_table_is_left_alone(database: str, statement: str, said: str | None) -> None:
    with transaction(database) as connection:
        connection.exec_driver_sql(statement)
    before = tables_of(database)
    if said is None:
        check_database(database)
        assert tables_of(database) > before
        return
    with pytest.raises(ConfigurationError, match=said):
        check_database(database)
    assert tables_of(database) == before


def test_what_a_user_added_stays(database: str) -> None:
    check_database(database)
    with transaction(database) as connection:
        connection.exec_driver_sql("ALTER TABLE genres ADD COLUMN slug TEXT NOT NULL DEFAULT ''")
        connection.exec_driver_sql("CREATE VIEW my_view AS SELECT slug FROM genres")
    check_database(database)
    assert select(database, "SELECT count(*) FROM my_view") == [(0,)]


def test_a_database_without_our_tables_is_missing(sqlite_database: str, tmp_path: Path) -> None:
    execute_sqlite(tmp_path / "tmdb.db", "CREATE TABLE seen (movie_id INTEGER)")
    with pytest.raises(MissingDatabaseError, match="has no tables of a crawl"):
        open_for_reading(sqlite_database)
