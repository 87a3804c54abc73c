"""Opening: what cannot be used is said at once, with the setting and the fix."""

from __future__ import annotations

import os
import sys
import uuid
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import create_engine, func, make_url, text
from sqlalchemy import select as sa_select

from tests.storage.database_access import execute_sqlite, select, sqlite_url, write_lock
from tmdbfusion_scrapy.exceptions import ConfigurationError
from tmdbfusion_scrapy.storage import check_database
from tmdbfusion_scrapy.storage.database import database_label, open_database, parse_database_url
from tmdbfusion_scrapy.storage.entities import metadata
from tmdbfusion_scrapy.storage.entities.crawl import tmdb_schema

if TYPE_CHECKING:
    from pathlib import Path

SECRET = "hunter2"


def refusal(url: str) -> str:
    """The message with which a URL is refused."""
    with pytest.raises(ConfigurationError) as refused:
        check_database(url)
    message = str(refused.value)
    assert "TMDB_DATABASE_URL" in message
    assert SECRET not in message
    assert "\n" not in message
    return message


@pytest.mark.parametrize(
    ("url", "fix"),
    [
        ("tmdb.db", "write it like sqlite:///tmdb.db"),
        (f"postgresql:/user:{SECRET}@host/db", "write it like"),
        (f"postgresql://user:{SECRET}@host:port/db", "write it like"),
        (f"mysql://user:{SECRET}@host/db", "'mysql', which is not supported: use sqlite:///<path>"),
        ("sqlite+aiosqlite:///tmdb.db", "not supported: use sqlite:///<path>"),
        ("nonsense://x", "not supported"),
        ("sqlite://", "in memory"),
        ("sqlite:///:memory:", "name a file"),
        ("sqlite:///missing/tmdb.db", "missing: create it"),
        ("sqlite:///.", "is a directory: name a file in it"),
        ("sqlite:///tmdb.db?timeout=abc", "Check what follows the ?"),
        ("sqlite:///tmdb.db?uri=maybe", "cannot be used"),
        ("sqlite:///tmdb.db?cached_statements=9999999999999", "Check what follows the ?"),
        (f"sqlite:///{'x' * 300}", "cannot be used"),
        ("sqlite:///a\0b", "cannot be used"),
        (
            f"postgresql://user:{SECRET}@127.0.0.1:1/db?connect_timeout=2",
            "Check user, password, host, port and database",
        ),
        (f"postgresql://user:{SECRET}@127.0.0.1:1/db?password={SECRET}", "cannot be used"),
        (f"postgresql://user:{SECRET}@127.0.0.1:1/db?no_such_option=1", "no_such_option"),
    ],
)
def test_a_bad_url_is_refused_with_the_fix(url: str, fix: str) -> None:
    if url.startswith("postgresql://") and ":1/" in url:
        pytest.importorskip("psycopg", reason="the PostgreSQL driver is not installed")
    assert fix in refusal(url)


def test_a_missing_driver_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    # None in sys.modules is what makes an import fail as if nothing were installed.
    for name in [name for name in sys.modules if name.split(".")[0] == "psycopg"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "psycopg", None)
    message = refusal(f"postgresql://user:{SECRET}@host/db")
    assert "driver psycopg" in message
    assert "pip install 'tmdbfusion-scrapy[postgres]'" in message


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "notes.db").write_text("these are my notes, not a database\n" * 40)
    assert "not a database. Name another file" in refusal("sqlite:///notes.db")


def test_a_read_only_database(tmp_path: Path) -> None:
    check_database("sqlite:///tmdb.db")
    message = refusal(f"sqlite:///file:{tmp_path}/tmdb.db?mode=ro&uri=true")
    assert "readonly database. Make the file and its directory writable" in message


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write to read-only files")
def test_a_read_only_file(tmp_path: Path) -> None:
    check_database("sqlite:///tmdb.db")
    (tmp_path / "tmdb.db").chmod(0o444)
    assert "Make the file and its directory writable" in refusal("sqlite:///tmdb.db")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write to read-only directories")
def test_a_read_only_directory(tmp_path: Path) -> None:
    tmp_path.chmod(0o555)
    try:
        assert "Make the file and its directory writable" in refusal("sqlite:///tmdb.db")
    finally:
        tmp_path.chmod(0o755)


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("CREATE TABLE movies (id INTEGER PRIMARY KEY, title TEXT)", "'movies' is of another program"),
        (
            "CREATE TABLE genres (id INTEGER, name TEXT)",
            "'genres' is of another program or version: it has another",
        ),
        ("CREATE TABLE genres (id INTEGER PRIMARY KEY, name TEXT, slug TEXT NOT NULL)", "it requires slug"),
        ("CREATE VIEW genres AS SELECT 1 AS id, 'x' AS name", "'genres'"),
    ],
)
def test_tables_of_another_program(tmp_path: Path, table: str, said: str) -> None:
    execute_sqlite(tmp_path / "other.db", table)
    assert said in refusal("sqlite:///other.db")
    left = select("sqlite:///other.db", "SELECT count(*) FROM sqlite_master WHERE type IN ('table', 'view')")
    assert left == [(1,)], "nothing is created in a database that cannot be used"


def test_tables_of_another_program_in_postgresql(postgres_database: str) -> None:
    engine = open_database(postgres_database)
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE movies DROP COLUMN title"))
    engine.dispose()
    assert "it lacks title" in refusal(postgres_database)


def test_columns_that_a_user_added_are_no_trouble(tmp_path: Path) -> None:
    check_database("sqlite:///tmdb.db")
    execute_sqlite(tmp_path / "tmdb.db", "ALTER TABLE movies ADD COLUMN my_rating REAL")
    check_database("sqlite:///tmdb.db")


def test_a_database_that_cannot_hold_every_text(postgres_database: str) -> None:
    # What a server has that was set up in the C locale.
    server = make_url(postgres_database).set(drivername="postgresql+psycopg", query={})
    name = f"tmdb_test_{uuid.uuid4().hex}"
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE 'C'"))
        try:
            message = refusal(server.set(database=name).render_as_string(hide_password=False))
        finally:
            connection.execute(text(f"DROP DATABASE {name}"))
    engine.dispose()
    assert "encoding SQL_ASCII" in message
    assert "CREATE DATABASE ... ENCODING 'UTF8'" in message


def test_a_role_that_may_not_write(postgres_database: str) -> None:
    check_database(postgres_database)
    separator = "%20-c%20"
    message = refusal(f"{postgres_database}{separator}default_transaction_read_only%3Don")
    assert "read-only transaction" in message


def test_a_locked_file_is_refused_after_a_while(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tmdbfusion_scrapy.storage.database._OPEN_SECONDS", 0.2)
    check_database("sqlite:///tmdb.db")
    with write_lock(tmp_path / "tmdb.db"):
        assert "Another program is writing to it" in refusal(sqlite_url(tmp_path / "tmdb.db"))


def test_checking_creates_the_tables_and_writes_nothing(database: str) -> None:
    check_database(database)
    check_database(database)
    for table in metadata.sorted_tables:
        statement = sa_select(func.count()).select_from(table)
        assert select(database, str(statement)) == [(1 if table is tmdb_schema else 0,)]


def test_a_relative_path_is_relative_to_the_working_directory(tmp_path: Path) -> None:
    check_database("sqlite:///here.db")
    assert (tmp_path / "here.db").is_file()


def test_sqlite_is_set_up(sqlite_database: str) -> None:
    engine = open_database(sqlite_database)
    with engine.connect() as connection:
        values = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    engine.dispose()
    assert values == {"journal_mode": "wal", "synchronous": 1, "foreign_keys": 1, "busy_timeout": 50}


def test_sqlite_waits_for_a_lock_by_default() -> None:
    engine = open_database("sqlite:///tmdb.db")
    with engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA busy_timeout").scalar() == 5000
    engine.dispose()


@pytest.mark.parametrize(
    ("url", "label"),
    [
        ("sqlite:///tmdb.db?timeout=3", "sqlite:///tmdb.db"),
        ("sqlite:////data/tmdb.db", "sqlite:////data/tmdb.db"),
        (f"postgresql://u:{SECRET}@h:5433/d?sslpassword={SECRET}", "postgresql://u:***@h:5433/d"),
        ("postgresql+psycopg:///d", "postgresql:///d"),
    ],
)
def test_the_label_has_no_secret(url: str, label: str) -> None:
    assert database_label(parse_database_url(url)) == label
