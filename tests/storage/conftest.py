"""Databases to store in: an SQLite file, and a PostgreSQL schema where a server is at hand."""

from __future__ import annotations

import contextlib
import os
import uuid
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import create_engine, text

from tests.storage.database_access import clear, sqlite_url
from tmdbfusion_scrapy.storage.database import open_database

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy.engine import Engine

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


@contextlib.contextmanager
def postgres_schema() -> Iterator[str]:
    """A schema, gone with all that is in it at the end."""
    if not POSTGRES_URL:
        pytest.skip("TMDB_TEST_POSTGRES_URL is not set: no PostgreSQL server to try")
    schema = f"tmdb_test_{uuid.uuid4().hex}"
    engine = create_engine(POSTGRES_URL.replace("postgresql:", "postgresql+psycopg:", 1))
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
