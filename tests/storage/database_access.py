"""Reading and disturbing a database from outside the code under test."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from datetime import datetime, timezone
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import create_engine, delete, exists, make_url, text
from sqlalchemy import select as sa_select
from sqlalchemy.pool import NullPool

from tmdbfusion_scrapy.items import FailedCall
from tmdbfusion_scrapy.models import decode
from tmdbfusion_scrapy.models.movies import MovieDetails
from tmdbfusion_scrapy.models.tv import TVDetails
from tmdbfusion_scrapy.storage.entities import metadata
from tmdbfusion_scrapy.storage.writer import Writer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy import Table
    from sqlalchemy.engine import Connection, Engine

    from tmdbfusion_scrapy.storage.batches import BatchResult
    from tmdbfusion_scrapy.storage.sql import DatabaseOptions

TRIED_AT = datetime(2026, 11, 20, 10, 30, 0, 250000, tzinfo=timezone.utc)


def sqlite_url(path: Path, **query: str) -> str:
    """URL of a file; statements wait but a moment for a lock, so that tests need not."""
    parameters = "&".join(f"{name}={value}" for name, value in {"timeout": "0.05", **query}.items())
    return f"sqlite:///{path}?{parameters}"


def select(url: str, statement: str) -> list[tuple[Any, ...]]:
    """Rows of a SELECT, without this package's types."""
    with plain_engine(url).connect() as connection:
        return [tuple(row) for row in connection.execute(text(statement))]


@lru_cache(maxsize=8)
def plain_engine(url: str) -> Engine:
    """An engine that keeps no connection open: to make it takes longer than most questions."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "postgresql":
        parsed = parsed.set(drivername="postgresql+psycopg")
    return create_engine(parsed, poolclass=NullPool)


def clear(engine: Engine) -> None:
    """Delete all rows, but the version of the schema."""
    with engine.begin() as connection:
        for table in reversed(tables_with_rows(connection)):
            if table.name != "tmdb_schema":
                connection.execute(delete(table))


def tables_with_rows(connection: Connection) -> list[Table]:
    """The tables that have rows, those before which others refer to."""
    (found,) = connection.execute(sa_select(*(exists(sa_select(table)) for table in metadata.sorted_tables)))
    return [table for table, has_rows in zip(metadata.sorted_tables, found, strict=True) if has_rows]


def execute_sqlite(path: Path, *statements: str) -> None:
    """Run statements on an SQLite file as another program would."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


@contextlib.contextmanager
def write_lock(path: Path) -> Iterator[sqlite3.Connection]:
    """Hold the write lock of an SQLite file, as another program would."""
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield connection


def movie(movie_id: Any = 1, **fields: Any) -> MovieDetails:
    """A movie as it is decoded from a response."""
    return decode(json.dumps({"id": movie_id, "title": f"Movie {movie_id}", **fields}).encode(), MovieDetails)


def series(series_id: int = 1, **fields: Any) -> TVDetails:
    """A TV series as it is decoded from a response."""
    return decode(json.dumps({"id": series_id, "name": f"Series {series_id}", **fields}).encode(), TVDetails)


def failed_call(movie_id: int = 1, **fields: Any) -> FailedCall:
    """A failed call for a movie."""
    values: dict[str, Any] = {
        "kind": "movies",
        "id": str(movie_id),
        "path": f"/movie/{movie_id}",
        "error": "NotFoundError",
        "status_code": 404,
        "tmdb_code": 34,
        "message": "The resource you requested could not be found.",
        "attempts": 1,
        "retryable": False,
        "tried_at": TRIED_AT,
    }
    return FailedCall(**values | fields)


class Recorder:
    """What a writer reports."""

    def __init__(self) -> None:
        self.batches: list[BatchResult] = []
        self.waits: list[str] = []
        self.failures: list[str] = []

    def writer(self, options: DatabaseOptions) -> Writer:
        """A writer that reports here."""
        return Writer(
            options,
            on_batch=self.batches.append,
            on_wait=self.waits.append,
            on_failure=self.failures.append,
        )

    @property
    def stored_movies(self) -> int:
        """Movies stored in all batches."""
        return sum(batch.stored["movies"] for batch in self.batches)
