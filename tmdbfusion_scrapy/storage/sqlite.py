"""The backend for SQLite."""

from __future__ import annotations

import json
import os
import sqlite3
from contextlib import suppress
from functools import cache
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite
from sqlalchemy.exc import OperationalError, ProgrammingError

from tmdbfusion_scrapy.exceptions import ConfigurationError
from tmdbfusion_scrapy.storage.backend import Backend, RowWriter
from tmdbfusion_scrapy.storage.entities.declaration import UTCDateTime
from tmdbfusion_scrapy.storage.upserts import MOST_KEYS, give_way, in_slices, probes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from sqlalchemy.engine import URL, Connection, Engine
    from sqlalchemy.exc import DBAPIError

    from tmdbfusion_scrapy.storage.entities.declaration import Relation
    from tmdbfusion_scrapy.storage.upserts import Row, Upsert

READING = "tmdb_reading"
"""Execution option of a connection that only reads, and so takes no lock."""

LOCK_SECONDS = 5
"""How long one statement waits for another program's lock; the writer tries a batch again after that."""

_MOST_ROWS = 256
"""Rows of one statement. Fewer mean more waiting for the GIL, more are no faster; SQLite takes 32,766 values."""

_IDS_AT_ONCE = 20_000

_DIALECT: Any = sqlite.dialect()

_READING_ACTIONS = frozenset(
    {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE}
)


class SQLiteRows(RowWriter):
    """Writer of rows, many to a statement.

    sqlite3 gives up the GIL for each statement and takes it back after it. With a row a statement that is
    thousands of times a batch, and each time the event loop may hold it.
    """

    def _counts(self, relation: Relation, owners: Sequence[Any]) -> Iterator[Sequence[Any]]:
        for part in in_slices(owners, MOST_KEYS):
            # As one row: sqlite3 gives up the GIL for each.
            yield from json.loads(self._connection.scalar(_count_statement(relation), {"owners": part}))

    def _write(self, upsert: Upsert, rows: Sequence[Row]) -> None:
        values = upsert.prepared(rows, _processor_of)
        start = 0
        while start < len(values):
            give_way()
            # Powers of two: few statements for any number of rows.
            size = min(_MOST_ROWS, 1 << ((len(values) - start).bit_length() - 1))
            part = values[start : start + size]
            self._connection.exec_driver_sql(_statement(upsert, size), tuple(chain.from_iterable(part)))
            start += size


class SQLite(Backend):
    """All that is particular to SQLite.

    It has one writer at a time, which ``BEGIN IMMEDIATE`` waits for: no other locks are needed. Who writes to a
    file is on the machine that has it, so there is one clock.
    """

    name = "SQLite"
    drivers = ("sqlite", "sqlite+pysqlite")
    driver = "sqlite"
    rows = SQLiteRows

    def path(self, url: URL) -> Path | None:
        name = url.database or ""
        return None if name.startswith("file:") else Path(name)

    def checked_url(self, url: URL) -> URL:
        if url.database in (None, "", ":memory:"):
            raise ConfigurationError(
                "TMDB_DATABASE_URL names an SQLite database in memory, which is gone when the crawl ends: name "
                "a file, such as sqlite:///tmdb.db"
            )
        # So that the letters are UTF-8 on the disk, whatever the locale.
        return url.set(database=os.fsdecode(str(url.database).encode("utf-8")))

    def check_place(self, url: URL, label: str) -> None:
        # SQLite only says that it cannot open the file.
        path = self.path(url)
        if path is None:
            return
        if not path.parent.is_dir():
            raise ConfigurationError(
                f"TMDB_DATABASE_URL={label}: there is no directory {legible(str(path.parent.absolute()))}: create "
                "it, or name another file"
            )
        if path.is_dir():
            raise ConfigurationError(
                f"TMDB_DATABASE_URL={label} is a directory: name a file in it, such as {label}/tmdb.db"
            )

    def engine(self, url: URL, *, read_only: bool, **options: Any) -> Engine:
        if read_only:
            return sa.create_engine(_read_only_url(url), **options)
        arguments = {} if "timeout" in url.query else {"timeout": LOCK_SECONDS}
        engine = sa.create_engine(url, connect_args=arguments, **options)
        sa.event.listen(engine, "connect", _set_up)
        sa.event.listen(engine, "begin", _begin)
        return engine

    def advice(self, reason: str) -> str:
        if "locked" in reason:
            return "Another program is writing to it: end that one, or name another file"
        if "not a database" in reason or "malformed" in reason:
            return "Name another file, or move that one away"
        return "Make the file and its directory writable, or name another file"

    def is_record_fault(self, error: DBAPIError) -> bool:
        # The driver cannot send a value; sqlite3 raised an InterfaceError before Python 3.12.
        return isinstance(error, ProgrammingError) or isinstance(error.orig, sqlite3.InterfaceError)

    def may_pass(self, error: DBAPIError) -> bool:
        # sqlite3 gives no code before Python 3.11.
        return isinstance(error, OperationalError) and "locked" in str(error.orig)

    # The change to WAL does not wait for its lock.
    waits_to_open = may_pass

    def columns(self, connection: Connection) -> set[tuple[str, str]]:
        found = connection.exec_driver_sql(
            "SELECT tables.name, columns.name FROM sqlite_master AS tables, "
            "pragma_table_info(tables.name) AS columns WHERE tables.type = 'table'"
        )
        return {(table, column) for table, column in found}

    def probe(self, connection: Connection, tables: Sequence[sa.Table]) -> None:
        # Nothing into one table: permissions are those of the file.
        for statement in probes(tables[-1]):
            connection.execute(statement)

    def size(self, connection: Connection, tables: Sequence[str]) -> int:  # noqa: ARG002 - as in PostgreSQL
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar() or 0
        return int(pages * (connection.exec_driver_sql("PRAGMA page_size").scalar() or 0))

    def document_bytes(self, column: sa.Column[Any]) -> sa.ColumnElement[int]:
        # octet_length is of 3.43.
        return sa.func.length(sa.cast(column, sa.LargeBinary))

    def fill(self, connection: Connection, table: sa.Table, entries: Iterable[tuple[Any, ...]]) -> None:
        table.create(connection)
        names = table.columns.keys()
        places = ", ".join("?" * len(names))
        statement = f"INSERT OR REPLACE INTO {table.name} ({', '.join(names)}) VALUES ({places})"  # noqa: S608
        rest = iter(entries)
        while part := list(islice(rest, _IDS_AT_ONCE)):
            connection.exec_driver_sql(statement, part)

    def forbid_writing(self, connection: Connection) -> None:
        # A file that is opened for reading lets a statement attach another.
        driver: Any = connection.connection.dbapi_connection
        driver.set_authorizer(_allow_reading)

    def parameter(self, value: str) -> Any:
        # A number for what is one: SQLite takes any text for greater than any number.
        for kind in (int, float):
            with suppress(ValueError):
                number = kind(value)
                if str(number) == value:
                    return number
        return value


SQLITE = SQLite()


def _allow_reading(action: int, *_: Any) -> int:
    """Return whether a part of a statement may be run."""
    return sqlite3.SQLITE_OK if action in _READING_ACTIONS else sqlite3.SQLITE_DENY


def legible(path: str) -> str:
    """Return a path with the letters that its bytes stand for."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _read_only_url(url: URL) -> URL:
    """Return the URL that opens a file that is there; SQLite would make one that is not."""
    path = url.database or ""
    is_uri = path.startswith("file:")
    if not is_uri and not Path(path).is_file():
        raise FileNotFoundError
    # https://www.sqlite.org/uri.html
    uri = path if is_uri else f"file:{quote(os.fsencode(path))}"
    query: dict[str, Any] = {"timeout": str(LOCK_SECONDS), **url.query, "mode": "ro", "uri": "true"}
    return url.set(database=uri, query=query)


def _set_up(connection: Any, _record: Any) -> None:
    """Prepare a new connection."""
    # sqlite3 begins transactions by its own rules, which leave savepoints out; see _begin.
    # https://docs.sqlalchemy.org/en/20/dialects/sqlite.html#pysqlite-serializable
    connection.isolation_level = None
    cursor = connection.cursor()
    # Readers go on reading while a batch is written: the database can be looked into during a crawl.
    # Changing to WAL takes a lock of its own, so it is done once in the life of the file.
    if cursor.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
        cursor.execute("PRAGMA journal_mode = WAL")
    # With WAL this may lose the last batches on a power cut, never spoil the file, and saves a disk flush
    # for each batch. https://www.sqlite.org/pragma.html#pragma_synchronous
    cursor.execute("PRAGMA synchronous = NORMAL")
    # SQLite does not look at foreign keys unless told so, on every connection.
    cursor.execute("PRAGMA foreign_keys = ON")
    # KB. SQLite's own 2 MB hold neither a batch nor the indexes that it touches: pages go out and come in again.
    cursor.execute("PRAGMA cache_size = -16384")
    # Pages. A batch is more than SQLite's own 1,000, so that each would end with two flushes to disk.
    cursor.execute("PRAGMA wal_autocheckpoint = 10000")
    cursor.close()


def _begin(connection: Connection) -> None:
    """Begin by taking the write lock.

    A transaction that reads first and writes later fails at once where another program wrote in between; one
    that begins with the lock waits for it.
    """
    reads = connection.get_execution_options().get(READING, False)
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")


class _Flags(dict[Any, Any]):
    """Booleans as SQLite has them; SQLAlchemy's own function for it takes ten times as long."""

    def __missing__(self, value: Any) -> Any:
        """Refuse anything else: the message goes on record."""
        raise TypeError(f"{value!r} is neither true nor false")


_FLAGS = _Flags({None: None, False: 0, True: 1})


def _processor_of(kind: sa.types.TypeEngine[Any]) -> Callable[[Any], Any] | None:
    """Return the function for a value of a type: SQLite has no dates and no booleans of its own.

    A document is JSON text already.
    """
    if isinstance(kind, sa.Boolean):
        return _FLAGS.__getitem__
    if isinstance(kind, sa.Date | sa.DateTime | UTCDateTime):
        return kind.dialect_impl(_DIALECT).bind_processor(_DIALECT)
    return None


@cache
def _statement(upsert: Upsert, size: int) -> str:
    """Return the text of a statement for some rows."""
    if size > 1:
        # SQLAlchemy takes some 30 ms to write one of 64 rows.
        places = f"({', '.join('?' * len(upsert.columns))})"
        return _statement(upsert, 1).replace(places, ", ".join([places] * size), 1)
    statement = sqlite.insert(upsert.table).values({name: sa.bindparam(name) for name in upsert.names})
    return str(upsert.on_conflict(statement).compile(dialect=_DIALECT))


@cache
def _count_statement(relation: Relation) -> sa.Select[Any]:
    """Return the statement that counts the rows of some owners, as JSON."""
    owner = relation.table.columns[relation.owner].label("owner")
    found = sa.select(owner, sa.func.count().label("number")).group_by(owner)
    counts = found.where(owner.in_(sa.bindparam("owners", expanding=True))).subquery()
    return sa.select(sa.func.json_group_array(sa.func.json_array(counts.c.owner, counts.c.number)))
