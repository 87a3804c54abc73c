"""Getting a database ready: its tables are there, are ours, are of this version, and can be written to."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, insert, inspect, select
from sqlalchemy.engine.reflection import ObjectKind
from sqlalchemy.exc import DBAPIError

from tmdbfusion_scrapy.exceptions import ConfigurationError
from tmdbfusion_scrapy.storage.backend import TABLES_LOCK, backend_of
from tmdbfusion_scrapy.storage.entities import metadata
from tmdbfusion_scrapy.storage.entities.crawl import tmdb_schema

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection, Engine, Inspector

logger = logging.getLogger(__name__)

VERSION = 4
"""Version of the tables that this package writes to; it stands in ``tmdb_schema``."""

_OPEN_SECONDS = 60
"""How long opening waits for an SQLite file that another program writes to."""


def prepare(engine: Engine, label: str) -> None:
    """Bring the tables into being and see that they can be used, or leave everything as it was.

    Args:
        engine: Of the database.
        label: The database, for messages.

    Raises:
        ConfigurationError: The tables are of another program, or of another version of this package, or the
            encoding is not UTF-8.
        SQLAlchemyError: The database cannot be used.
    """
    backend = backend_of(engine)
    deadline = time.monotonic() + _OPEN_SECONDS
    while True:
        try:
            with engine.begin() as connection:
                backend.check_encoding(connection, label)
                if backend.is_locked(connection, TABLES_LOCK):
                    logger.info("Waiting for another crawl that prepares the tables of %s", label)
                    backend.take_lock(connection, TABLES_LOCK)
                _prepare_tables(connection, label)
                backend.probe(connection, metadata.sorted_tables)
            return
        except DBAPIError as error:
            if not backend.waits_to_open(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def stored_version(connection: Connection) -> int | None:
    """Return the version of the tables that are there, ``None`` where there are none of this package."""
    inspector = inspect(connection)
    if not inspector.has_table(tmdb_schema.name):
        return None
    if "version" not in {column["name"] for column in inspector.get_columns(tmdb_schema.name)}:
        return None
    version: int | None = connection.scalar(select(func.max(tmdb_schema.columns.version)))
    return version


def check_version(version: int | None, label: str) -> None:
    """Refuse a database that another version of this package made.

    Raises:
        ConfigurationError: It is newer or older; the message names both versions and the fix.
    """
    if version is None or version == VERSION:
        return
    if version > VERSION:
        raise ConfigurationError(
            f"TMDB_DATABASE_URL={label} was written by a newer version of tmdbfusion-scrapy: its tables are of "
            f"version {version}, this one knows version {VERSION}. Upgrade with pip install -U "
            "tmdbfusion-scrapy, or name another database"
        )
    raise ConfigurationError(
        f"TMDB_DATABASE_URL={label} was written by an older version of tmdbfusion-scrapy: its tables are of "
        f"version {version}, this one writes version {VERSION}. Name another database and crawl again, or "
        "install the older version to go on with this one"
    )


def _prepare_tables(connection: Connection, label: str) -> None:
    """Create what is missing."""
    version = stored_version(connection)
    check_version(version, label)
    if version is None or not _is_complete(connection):
        there = _check_tables(inspect(connection), label)
        missing = [table for table in metadata.sorted_tables if table.name not in there]
        metadata.create_all(connection, missing, checkfirst=False)
    if version is None:
        connection.execute(insert(tmdb_schema).values(version=VERSION))


def _is_complete(connection: Connection) -> bool:
    """Return whether all tables have all columns, where that can be told at the price of one question.

    A crawl opens an SQLite file several times, and to go through it table by table takes a tenth of a second.
    """
    there = backend_of(connection).columns(connection)
    return all(
        (table.name, column.name) in there for table in metadata.sorted_tables for column in table.columns
    )


def _check_tables(inspector: Inspector, label: str) -> set[str]:
    """Raise where a table that is there is not this package's; return the names of all of ours that are there."""
    # All at once: PostgreSQL is asked for each table else.
    asked: dict[str, Any] = {"filter_names": list(metadata.tables), "kind": ObjectKind.ANY}
    there = {name: columns for (_, name), columns in inspector.get_multi_columns(**asked).items()}
    keys = {name: key for (_, name), key in inspector.get_multi_pk_constraint(**asked).items()}
    for _, table in sorted(metadata.tables.items()):
        if table.name not in there:
            continue
        found = {column["name"]: column for column in there[table.name]}
        missing = [column.name for column in table.columns if column.name not in found]
        required = [
            name
            for name, column in found.items()
            if name not in table.columns and not column["nullable"] and column["default"] is None
        ]
        key = keys[table.name]["constrained_columns"]
        wrong = []
        if missing:
            wrong.append(f"lacks {', '.join(missing)}")
        if required:
            wrong.append(f"requires {', '.join(required)}")
        if set(key) != {column.name for column in table.primary_key}:
            wrong.append("has another primary key")
        if wrong:
            raise ConfigurationError(
                f"TMDB_DATABASE_URL={label}: its table {table.name!r} is of another program or version: it "
                f"{' and '.join(wrong)}. Name another database, or rename that table"
            )
    return set(there)
