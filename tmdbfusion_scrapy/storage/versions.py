"""Versions of the tables: what an older version of this package made is brought up to date.

The version stands in ``tmdb_schema``. Version 0, which had no such table, knew movies and their genres only.
Version 1 had ids of 32 bits in PostgreSQL, and no languages of texts.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any

from sqlalchemy import BigInteger, Column, MetaData, Text, cast, delete, func, insert, inspect, select, text
from sqlalchemy.exc import NotSupportedError, SQLAlchemyError
from sqlalchemy.schema import AddConstraint, CreateColumn, CreateTable, ForeignKeyConstraint
from sqlalchemy.types import UserDefinedType

from tmdbfusion_scrapy.exceptions import ConfigurationError, TMDBError
from tmdbfusion_scrapy.models import decode
from tmdbfusion_scrapy.models.movies import MovieDetails
from tmdbfusion_scrapy.storage.batches import write_changes
from tmdbfusion_scrapy.storage.faults import RECORD_ERRORS, is_record_fault, reason_of
from tmdbfusion_scrapy.storage.rows import Changes
from tmdbfusion_scrapy.storage.tables import metadata
from tmdbfusion_scrapy.storage.tables.crawl import tmdb_failures, tmdb_schema
from tmdbfusion_scrapy.storage.tables.records import collections, genres, movies

if TYPE_CHECKING:
    import datetime
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from sqlalchemy import Table
    from sqlalchemy.engine import Connection

logger = logging.getLogger(__name__)

VERSION = 2
"""Version of the tables that this package writes to."""

_FIRST_TABLES = (genres, movies, metadata.tables["movie_genres"], tmdb_failures)
_ONLY_OURS = ((movies, ("raw", "fetched_at")), (tmdb_failures, ("tmdb_code", "retryable", "tried_at")))
"""Tables and columns that tell version 0 from another program's database."""

_DOCUMENTS = 100
"""Documents that are read again at a time: more would only take memory."""


def stored_version(connection: Connection) -> int | None:
    """Return the version of the tables that are there, ``None`` where there are none of this package."""
    inspector = inspect(connection)

    def has(table: Table, names: Sequence[str]) -> bool:
        return inspector.has_table(table.name) and {
            column["name"] for column in inspector.get_columns(table.name)
        }.issuperset(names)

    if has(tmdb_schema, ["version"]):
        version: int | None = connection.scalar(select(func.max(tmdb_schema.columns.version)))
        return version
    if all(has(table, names) for table, names in _ONLY_OURS):
        return 0
    return None


def check_version(version: int | None, label: str) -> None:
    """Refuse a database that a newer version of this package made.

    Raises:
        ConfigurationError: It is newer; the message names both versions and the fix.
    """
    if version is not None and version > VERSION:
        raise ConfigurationError(
            f"TMDB_DATABASE_URL={label} was written by a newer version of tmdbfusion-scrapy: its tables are of "
            f"version {version}, this one knows version {VERSION}. Upgrade with pip install -U "
            "tmdbfusion-scrapy, or name another database"
        )


def outdated_tables(version: int | None) -> frozenset[Table]:
    """Return the tables that may still be of an older version: they are not checked before they are changed."""
    if version is None or version == VERSION:
        return frozenset()
    return frozenset(metadata.sorted_tables if version else _FIRST_TABLES)


def bring_up_to_date(connection: Connection, version: int, label: str) -> None:
    """Change tables of an older version, in the transaction that is open; rows and tables missing are added.

    In SQLite foreign keys must be off on this connection. No row is lost, and what a user added to the tables,
    columns, indexes, triggers and views, stays.

    Args:
        connection: In a transaction; the tables that are new are there already.
        version: What :func:`stored_version` found, less than :data:`VERSION`.
        label: The database, for the log.
    """
    started = time.monotonic()
    also = ""
    if version == 0:
        rows = connection.scalar(select(func.count()).select_from(movies))
        also = f", and reading {rows} movies again from their documents"
    logger.info(
        "%s is of version %d: bringing its tables to version %d%s. Nothing is lost",
        label,
        version,
        VERSION,
        also,
    )
    for step in _STEPS[version:]:
        step(connection)
    logger.debug("%s is of version %d now, after %.1f seconds", label, VERSION, time.monotonic() - started)


def note_version(connection: Connection) -> None:
    """Write down that the tables are of this version."""
    connection.execute(delete(tmdb_schema))
    connection.execute(insert(tmdb_schema).values(version=VERSION))


def bring_into_shape(connection: Connection, tables: Iterable[Table]) -> None:
    """Give tables of ours the columns, foreign keys, indexes and bits that they lack, and let go of NOT NULL.

    A column that changes its type otherwise, or its name, needs a step of its own.

    Raises:
        ConfigurationError: A user added a computed column to an SQLite table that has to be made anew, or a view
            to a column of PostgreSQL that gets another type.
    """
    # Copies: SQLAlchemy leaves a constraint out of CREATE TABLE once it was added by itself.
    copies = MetaData()
    for each in metadata.sorted_tables:
        each.to_metadata(copies)
    for table in tables:
        _bring_into_shape(connection, table, copies.tables[table.name])


def _bring_into_shape(connection: Connection, table: Table, wanted: Table) -> None:
    """Change one table into the one that is wanted, which is a copy of it."""
    inspector = inspect(connection)
    found = {column["name"]: column for column in inspector.get_columns(table.name)}
    keys = {tuple(key["constrained_columns"]) for key in inspector.get_foreign_keys(table.name)}
    changes = [
        f"ADD COLUMN {CreateColumn(column).compile(dialect=connection.dialect)}"
        for column in wanted.columns
        if column.name not in found
    ]
    loosened = [
        f"ALTER COLUMN {name} DROP NOT NULL"
        for name, column in found.items()
        if name in wanted.columns and wanted.columns[name].nullable and not column["nullable"]
    ]
    if connection.dialect.name == "postgresql":
        loosened += [
            f"ALTER COLUMN {name} TYPE BIGINT"
            for name, column in found.items()
            if name in wanted.columns
            and isinstance(wanted.columns[name].type, BigInteger)
            and not isinstance(column["type"], BigInteger)
        ]
    linked = [
        constraint
        for constraint in wanted.constraints
        if isinstance(constraint, ForeignKeyConstraint) and tuple(constraint.column_keys) not in keys
    ]
    if connection.dialect.name == "sqlite" and (loosened or linked):
        _rebuild(connection, wanted)
    else:
        _alter(connection, table, changes + loosened)
        for constraint in linked:
            connection.execute(AddConstraint(constraint))
    for index in table.indexes:
        index.create(connection, checkfirst=True)


def _alter(connection: Connection, table: Table, changes: Sequence[str]) -> None:
    """Change a table; in PostgreSQL all at once, as it may write all rows anew for each statement."""
    statements = [", ".join(changes)] if changes and connection.dialect.name == "postgresql" else changes
    for statement in statements:
        try:
            connection.exec_driver_sql(f"ALTER TABLE {table.name} {statement}")
        except NotSupportedError as error:
            raise ConfigurationError(
                f"TMDB_DATABASE_URL: its table {table.name} cannot be brought up to date "
                f"({reason_of(error)}): drop the views that use it, and make them again after the crawl"
            ) from error


def _rebuild(connection: Connection, wanted: Table) -> None:
    """Make a table anew, as SQLite cannot change constraints: https://www.sqlite.org/lang_altertable.html."""
    name, new = wanted.name, f"tmdb_new_{wanted.name}"
    copied = []
    for column in _sqlite_columns(connection, name):
        copied.append(column.name)
        if column.name not in wanted.columns:
            wanted.append_column(column)
    definition = str(CreateTable(wanted).compile(dialect=connection.dialect))
    connection.exec_driver_sql(definition.replace(f"CREATE TABLE {name}", f"CREATE TABLE {new}", 1))
    columns = ", ".join(map(connection.dialect.identifier_preparer.quote, copied))
    copy = f"INSERT INTO {new} ({columns}) SELECT {columns} FROM {name}"  # noqa: S608 - quoted names of columns
    connection.exec_driver_sql(copy)
    others = connection.execute(
        text("SELECT sql FROM sqlite_master WHERE tbl_name = :name AND type <> 'table' AND sql IS NOT NULL"),
        {"name": name},
    )
    statements = list(others.scalars())
    connection.exec_driver_sql(f"DROP TABLE {name}")
    # Otherwise SQLite looks into views and other tables, which name the table that is just not there.
    connection.exec_driver_sql("PRAGMA legacy_alter_table = ON")
    connection.exec_driver_sql(f"ALTER TABLE {new} RENAME TO {name}")
    connection.exec_driver_sql("PRAGMA legacy_alter_table = OFF")
    for statement in statements:
        connection.exec_driver_sql(statement)


class _AsWritten(UserDefinedType[Any]):
    """A type of SQLite, which takes any word for one, and none."""

    cache_ok = True

    def __init__(self, written: str) -> None:
        self.written = written

    def get_col_spec(self, **_options: Any) -> str:
        """Return what CREATE TABLE has."""
        return self.written


def _sqlite_columns(connection: Connection, table: str) -> Iterator[Column[Any]]:
    """The columns of a table as a user may have added some."""
    found = connection.execute(text("SELECT * FROM pragma_table_xinfo(:table)"), {"table": table})
    for column in found.mappings():
        if column["hidden"]:
            # SQLite tells the expression in the text of CREATE TABLE only.
            raise ConfigurationError(
                f"TMDB_DATABASE_URL: its table {table} has the computed column {column['name']}, which cannot be "
                f"kept while the table is brought up to date: drop that column, and add it again after the crawl"
            )
        default = None if column["dflt_value"] is None else text(column["dflt_value"])
        yield Column(
            column["name"],
            _AsWritten(column["type"]),
            nullable=not column["notnull"],
            server_default=default,
        )


def _to_version_1(connection: Connection) -> None:
    """Movies refer to their collections, and what else their documents say has tables of its own."""
    collection = movies.columns.belongs_to_collection_id
    # Those whose movies have no document have nothing but their id.
    connection.execute(
        insert(collections).from_select(
            ["id"],
            select(collection)
            .distinct()
            .where(collection.is_not(None), collection.not_in(select(collections.columns.id))),
        )
    )
    bring_into_shape(connection, _FIRST_TABLES)
    for entries in _documents(connection):
        _read_again(connection, entries)


def _to_version_2(connection: Connection) -> None:
    """Ids have 64 bits, and tables the columns and indexes that came with it."""
    bring_into_shape(connection, metadata.sorted_tables)


def _documents(connection: Connection) -> Iterator[Sequence[tuple[bytes, datetime.datetime]]]:
    """The documents of movies and when they were fetched, some at a time."""
    columns = movies.columns
    last = None
    while True:
        statement = (
            select(columns.id, cast(columns.raw, Text), columns.fetched_at)
            .where(columns.raw.is_not(None), columns.fetched_at.is_not(None))
            .order_by(columns.id)
            .limit(_DOCUMENTS)
        )
        rows = connection.execute(statement if last is None else statement.where(columns.id > last)).all()
        if not rows:
            return
        last = rows[-1][0]
        yield [(raw.encode(), fetched_at) for _, raw, fetched_at in rows]


def _read_again(connection: Connection, entries: Sequence[tuple[bytes, datetime.datetime]]) -> None:
    """Store what belongs to movies that are stored; one that cannot be read, or does not fit, stays as it is."""
    changes = Changes()
    try:
        for raw, fetched_at in entries:
            changes.add(decode(raw, MovieDetails), fetched_at)
        # What version 0 stored stays untouched, and so does what failed after a movie came.
        changes.records.clear()
        changes.fetched.clear()
        for declared in (changes.mentions, changes.links, changes.merged):
            _leave_out(declared, _FIRST_TABLES)
        with connection.begin_nested():
            write_changes(connection, changes)
    except (TMDBError, *RECORD_ERRORS) as error:
        if isinstance(error, SQLAlchemyError) and not is_record_fault(error):
            raise
        if len(entries) > 1:
            for entry in entries:
                _read_again(connection, [entry])


def _leave_out(declared: dict[Any, Any], tables: Sequence[Table]) -> None:
    """Take away the rows for some tables."""
    for declaration in [each for each in declared if each.table in tables]:
        del declared[declaration]


_STEPS: tuple[Callable[[Connection], None], ...] = (_to_version_1, _to_version_2)
"""What leads from each version to the next."""
