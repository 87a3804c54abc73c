"""Getting a database ready: its tables are there, are ours, are up to date, and can be written to."""

from __future__ import annotations

import logging
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sqlalchemy import false, inspect, select
from sqlalchemy.engine.reflection import ObjectKind
from sqlalchemy.exc import SQLAlchemyError

from tmdbfusion_scrapy.exceptions import ConfigurationError
from tmdbfusion_scrapy.storage.faults import may_pass
from tmdbfusion_scrapy.storage.locks import TABLES_LOCK, is_taken, take_lock
from tmdbfusion_scrapy.storage.tables import metadata
from tmdbfusion_scrapy.storage.tables.crawl import tmdb_failures
from tmdbfusion_scrapy.storage.versions import (
    VERSION,
    bring_up_to_date,
    check_version,
    note_version,
    outdated_tables,
    stored_version,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sqlalchemy import Delete, Insert, Table, Update
    from sqlalchemy.engine import Connection, Engine, Inspector

logger = logging.getLogger(__name__)

_OPEN_SECONDS = 60
"""How long opening waits for an SQLite file that another program writes to: a crawl may bring it up to date."""


def prepare(engine: Engine, label: str) -> None:
    """Bring the tables into being and see that they can be used, or leave everything as it was.

    Args:
        engine: Of ``database.open_engine``.
        label: The database, for messages.

    Raises:
        ConfigurationError: The tables are of another program, or of a newer version of this package, or the
            encoding is not UTF-8.
        SQLAlchemyError: The database cannot be used.
    """
    deadline = time.monotonic() + _OPEN_SECONDS
    while True:
        try:
            with _transaction(engine) as connection:
                _check_encoding(connection, label)
                if is_taken(connection, TABLES_LOCK):
                    logger.info("Waiting for another crawl that prepares the tables of %s", label)
                    take_lock(connection, TABLES_LOCK)
                _prepare_tables(connection, label)
            return
        except SQLAlchemyError as error:
            # SQLite's change to WAL does not wait for its lock, and no statement longer than its time-out.
            locked = engine.dialect.name == "sqlite" and may_pass(error)
            if not locked or time.monotonic() > deadline:
                raise
            time.sleep(0.05)


@contextmanager
def _transaction(engine: Engine) -> Iterator[Connection]:
    """A transaction in which SQLite lets tables be made anew that others refer to."""
    with engine.connect() as connection:
        if engine.dialect.name != "sqlite":
            with connection.begin():
                yield connection
            return
        # Without effect inside a transaction, and SQLAlchemy begins one for each statement.
        driver: Any = connection.connection.driver_connection
        driver.execute("PRAGMA foreign_keys = OFF")
        try:
            with connection.begin():
                yield connection
        finally:
            driver.execute("PRAGMA foreign_keys = ON")


def _prepare_tables(connection: Connection, label: str) -> None:
    """Create what is missing, bring up to date what is old, and try all of it."""
    version = stored_version(connection)
    check_version(version, label)
    outdated = outdated_tables(version)
    if version != VERSION or not _is_in_order(connection):
        there = _check_tables(inspect(connection), set(metadata.sorted_tables) - outdated, label)
        missing = [table for table in metadata.sorted_tables if table.name not in there]
        metadata.create_all(connection, missing, checkfirst=False)
    if version is not None and outdated:
        bring_up_to_date(connection, version, label)
        _check_tables(inspect(connection), outdated, label)
    if version is None or outdated:
        note_version(connection)
    _probe(connection)


def _is_in_order(connection: Connection) -> bool:
    """Whether an SQLite file has all tables with all columns, at the price of one question.

    A crawl opens the file several times, and to go through it table by table takes a tenth of a second.
    """
    if connection.dialect.name != "sqlite":
        return False
    found = connection.exec_driver_sql(
        "SELECT tables.name, columns.name FROM sqlite_master AS tables, pragma_table_info(tables.name) AS columns "
        "WHERE tables.type = 'table'"
    )
    columns = {(table, column) for table, column in found}
    return all(
        (table.name, column.name) in columns for table in metadata.sorted_tables for column in table.columns
    )


def _check_encoding(connection: Connection, label: str) -> None:
    """Raise where a text of TMDB cannot be stored whatever it says; SQLite stores all."""
    if connection.dialect.name != "postgresql":
        return
    encoding = connection.exec_driver_sql("SHOW server_encoding").scalar_one()
    # jsonb takes no \u escape elsewhere. https://www.postgresql.org/docs/current/datatype-json.html
    if encoding != "UTF8":
        raise ConfigurationError(
            f"TMDB_DATABASE_URL={label} is a database with the encoding {encoding}, which cannot hold all of "
            "TMDB's texts: name another one, made with CREATE DATABASE ... ENCODING 'UTF8' TEMPLATE template0"
        )


def _probe(connection: Connection) -> None:
    """Do to no row what a batch will do: a database says no all the same where it must not be done."""
    if connection.dialect.name == "sqlite":
        # Its permissions are those of the file.
        for statement in _probes(tmdb_failures):
            connection.execute(statement)
        return
    # In one go: hundreds of questions are seconds where the server is far.
    probes = (probe for table in metadata.sorted_tables for probe in _probes(table))
    connection.exec_driver_sql("; ".join(str(probe.compile(connection)) for probe in probes))


def _probes(table: Table) -> tuple[Insert, Update, Delete]:
    """What a batch does to a table, to no row."""
    names = [column.name for column in table.columns]
    return (
        table.insert().from_select(names, select(table).where(false())),
        table.update().where(false()).values({names[0]: table.columns[names[0]]}),
        table.delete().where(false()),
    )


def _check_tables(inspector: Inspector, tables: Iterable[Table], label: str) -> set[str]:
    """Raise where a table that is there is not this package's; return the names of all of ours that are there."""
    # All at once: PostgreSQL is asked for each table else.
    asked: dict[str, Any] = {"filter_names": list(metadata.tables), "kind": ObjectKind.ANY}
    there = {name: columns for (_, name), columns in inspector.get_multi_columns(**asked).items()}
    keys = {name: key for (_, name), key in inspector.get_multi_pk_constraint(**asked).items()}
    for table in sorted(tables, key=lambda table: table.name):
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
