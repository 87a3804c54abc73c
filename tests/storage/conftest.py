"""Databases to store in: an SQLite file, and a PostgreSQL schema where a server is at hand."""

from __future__ import annotations

import contextlib
import os
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import create_engine, make_url, text

from tests.crawling.crawls import empty_database
from tests.storage.database_access import clear, sqlite_url
from tmdbfusion_scrapy.storage.database import open_database

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.engine import URL, Engine

POSTGRES_URL = os.environ.get("TMDB_TEST_POSTGRES_URL")


@pytest.fixture
def sqlite_database(tmp_path: Path) -> str:
    """URL of an SQLite file that is not there yet."""
    return sqlite_url(tmp_path / "tmdb.db")


@pytest.fixture
def postgres_database() -> Iterator[str]:
    """URL of an empty schema of its own in the PostgreSQL database of ``TMDB_TEST_POSTGRES_URL``."""
    with postgres_schema() as url:
        yield url


@pytest.fixture
def postgres_with_tables(postgres_template: str) -> Iterator[str]:
    """URL of a PostgreSQL database of its own, in which the tables are there and have no rows."""
    with copy_of_database(postgres_server(), f"tmdb_test_{uuid.uuid4().hex}", postgres_template) as url:
        yield url


@pytest.fixture
def sqlite_with_tables(sqlite_database: str) -> str:
    """URL of an SQLite file, in which the tables are there and have no rows."""
    path = make_url(sqlite_database).database
    assert path is not None
    Path(path).write_bytes(empty_database())
    return sqlite_database


@pytest.fixture(params=["sqlite", "postgresql"])
def database_with_tables(request: pytest.FixtureRequest) -> str:
    """URL of a database of each kind, in which the tables are there and have no rows."""
    name = "sqlite_with_tables" if request.param == "sqlite" else "postgres_with_tables"
    url: str = request.getfixturevalue(name)
    return url


def postgres_server() -> URL:
    """Return the URL of a database on the server; skip where there is none."""
    if not POSTGRES_URL:
        pytest.skip("TMDB_TEST_POSTGRES_URL is not set: no PostgreSQL server to try")
    return make_url(POSTGRES_URL).set(drivername="postgresql+psycopg")


@contextlib.contextmanager
def database_template() -> Iterator[str]:
    """Name of a database with all tables: to copy it takes a tenth of the time in which they are made."""
    name = f"tmdb_test_{uuid.uuid4().hex}"
    with copy_of_database(postgres_server(), name, "template1") as url:
        open_database(url).dispose()
        yield name


@contextlib.contextmanager
def copy_of_database(server: URL, name: str, template: str) -> Iterator[str]:
    """A database, gone at the end with all connections to it."""
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name} TEMPLATE {template}"))
    try:
        yield server.set(database=name).render_as_string(hide_password=False)
    finally:
        with engine.connect() as connection:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
        engine.dispose()


@contextlib.contextmanager
def postgres_schema() -> Iterator[str]:
    """A schema, gone with all that is in it at the end."""
    server = postgres_server()
    schema = f"tmdb_test_{uuid.uuid4().hex}"
    engine = create_engine(server)
    with engine.begin() as connection:
        connection.execute(text(f"CREATE SCHEMA {schema}"))
    separator = "&" if "?" in POSTGRES_URL else "?"
    try:
        yield f"{POSTGRES_URL}{separator}options=-csearch_path%3D{schema}"
    finally:
        with engine.begin() as connection:
            connection.execute(text(f"DROP SCHEMA {schema} CASCADE"))
        engine.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> str:
    """URL of an empty database, of each kind."""
    name = "sqlite_database" if request.param == "sqlite" else "postgres_database"
    url: str = request.getfixturevalue(name)
    return url


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def shared_engine(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Engine]:
    """An engine for a database of each kind that many tests use: making the tables takes most of the time."""
    with contextlib.ExitStack() as stack:
        if request.param == "sqlite":
            url = sqlite_url(tmp_path_factory.mktemp("shared") / "tmdb.db")
        else:
            url = stack.enter_context(postgres_schema())
        engine = open_database(url)
        stack.callback(engine.dispose)
        yield engine


@pytest.fixture
def engine(shared_engine: Engine) -> Engine:
    """An engine for an empty database, of each kind."""
    clear(shared_engine)
    return shared_engine
