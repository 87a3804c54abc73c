"""Opening a database to look into it: nothing in it is changed, and none is made."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from sqlalchemy import create_engine, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import StaticPool

from tmdbfusion_scrapy.exceptions import ConfigurationError
from tmdbfusion_scrapy.storage.database import database_label, open_engine, parse_database_url
from tmdbfusion_scrapy.storage.faults import reason_of
from tmdbfusion_scrapy.storage.locks import LOCK_SECONDS
from tmdbfusion_scrapy.storage.tables import metadata
from tmdbfusion_scrapy.storage.versions import check_version, outdated_tables, stored_version

if TYPE_CHECKING:
    from sqlalchemy.engine import URL, Engine


class MissingDatabaseError(ConfigurationError):
    """There is no database, or it holds none of this package's tables: nothing was crawled yet."""


def open_for_reading(url: str) -> Engine:
    """Return an engine for a database that is there; the caller disposes of it.

    Args:
        url: ``TMDB_DATABASE_URL``.

    Raises:
        MissingDatabaseError: There is none, or it has no tables of this package.
        ConfigurationError: It cannot be read, or is of another version; the message names the fix.
    """
    parsed = parse_database_url(url)
    label = database_label(parsed)
    engine = _sqlite_engine(parsed, label) if parsed.get_backend_name() == "sqlite" else _read_only(parsed)
    try:
        with engine.connect() as connection:
            _check_tables(stored_version(connection), label)
    except SQLAlchemyError as error:
        engine.dispose()
        raise ConfigurationError(f"TMDB_DATABASE_URL={label} cannot be read: {reason_of(error)}") from error
    except ConfigurationError:
        engine.dispose()
        raise
    return engine


def empty_database() -> Engine:
    """Return an engine for a database in memory that nothing was crawled into."""
    engine = create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})
    metadata.create_all(engine)
    return engine


def database_size(engine: Engine) -> int:
    """Return the bytes on the disk that the tables and their indexes take.

    Args:
        engine: Of :func:`open_for_reading`.
    """
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            pages = connection.exec_driver_sql("PRAGMA page_count").scalar() or 0
            return int(pages * (connection.exec_driver_sql("PRAGMA page_size").scalar() or 0))
        query = text(
            "SELECT sum(pg_total_relation_size(c.oid)) FROM pg_class c JOIN pg_namespace n "
            "ON n.oid = c.relnamespace WHERE n.nspname = current_schema() AND c.relname = ANY(:names)"
        )
        return int(connection.scalar(query, {"names": list(metadata.tables)}) or 0)


_NOTHING_YET = "nothing was crawled into it yet, or another one is meant (-s TMDB_DATABASE_URL=...)"


def _check_tables(version: int | None, label: str) -> None:
    """Refuse tables of another version."""
    if version is None:
        raise MissingDatabaseError(f"TMDB_DATABASE_URL={label} has no tables of a crawl: {_NOTHING_YET}")
    check_version(version, label)
    if outdated_tables(version):
        raise ConfigurationError(
            f"TMDB_DATABASE_URL={label} was written by an older version of tmdbfusion-scrapy: the next crawl into "
            "it brings its tables up to date"
        )


def _sqlite_engine(url: URL, label: str) -> Engine:
    """An engine for a file that is there; SQLite would make one that is not."""
    path = url.database or ""
    is_uri = path.startswith("file:")
    if not is_uri and not Path(path).is_file():
        raise MissingDatabaseError(f"TMDB_DATABASE_URL={label}: there is no such file: {_NOTHING_YET}")
    # https://www.sqlite.org/uri.html
    uri = path if is_uri else f"file:{quote(os.fsencode(path))}"
    query: dict[str, Any] = {"timeout": str(LOCK_SECONDS), **url.query, "mode": "ro", "uri": "true"}
    return create_engine(url.set(database=uri, query=query), hide_parameters=True)


def _read_only(url: URL) -> Engine:
    """An engine for a server, which is told that nothing will be written."""
    return open_engine(url).execution_options(postgresql_readonly=True)
