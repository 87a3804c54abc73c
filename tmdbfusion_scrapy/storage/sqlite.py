"""The backend for SQLite."""

from __future__ import annotations

import json
import os
import sqlite3
from contextlib import suppress
from datetime import timedelta
from functools import cache
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from sqlalchemy import (
    Boolean,
    Date,
    DateTime,
    LargeBinary,
    bindparam,
    create_engine,
    delete,
    event,
    func,
    insert,
    select,
)
from sqlalchemy import cast as sql_cast
from sqlalchemy.dialects import sqlite
from sqlalchemy.exc import OperationalError, ProgrammingError
from sqlalchemy.types import TypeDecorator

from tmdbfusion_scrapy.exceptions import ConfigurationError
from tmdbfusion_scrapy.storage.upserts import (
    MOST_KEYS,
    give_way,
    in_key_order,
    in_slices,
    prepared,
    probes,
    table_order,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from sqlalchemy import Column, ColumnElement, Table
    from sqlalchemy.engine import URL, Connection, Engine
    from sqlalchemy.exc import DBAPIError
    from sqlalchemy.sql import Executable
    from sqlalchemy.types import TypeEngine

    from tmdbfusion_scrapy.storage.upserts import Replacement, Row, Upsert

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


class SQLite:
    """All that is particular to SQLite, see :class:`~tmdbfusion_scrapy.storage.backend.Backend`.

    It has one writer at a time, which ``BEGIN IMMEDIATE`` waits for: no other locks are needed.
    """

    name = "SQLite"
    drivers: tuple[str, ...] = ("sqlite", "sqlite+pysqlite")
    driver = "sqlite"

    def path(self, url: URL) -> Path | None:
        """Return the file of a database, ``None`` for a URI of SQLite's own."""
        name = url.database or ""
        return None if name.startswith("file:") else Path(name)

    def version(self, engine: Engine) -> str:  # noqa: ARG002 - as for PostgreSQL
        """Return the version of SQLite."""
        return sqlite3.sqlite_version

    def checked_url(self, url: URL) -> URL:
        """Return a URL with its path in the bytes of the file system; refuse a database in memory."""
        if url.database in (None, "", ":memory:"):
            raise ConfigurationError(
                "TMDB_DATABASE_URL names an SQLite database in memory, which is gone when the crawl ends: name "
                "a file, such as sqlite:///tmdb.db"
            )
        # So that the letters are UTF-8 on the disk, whatever the locale.
        return url.set(database=os.fsdecode(str(url.database).encode("utf-8")))

    def check_place(self, url: URL, label: str) -> None:
        """Say it plainly when the directory of the file is missing; SQLite only says it cannot open it."""
        path = url.database or ""
        if path.startswith("file:"):
            return
        parent = Path(path).parent
        if not parent.is_dir():
            raise ConfigurationError(
                f"TMDB_DATABASE_URL={label}: there is no directory {legible(str(parent.absolute()))}: create "
                "it, or name another file"
            )
        if Path(path).is_dir():
            raise ConfigurationError(
                f"TMDB_DATABASE_URL={label} is a directory: name a file in it, such as {label}/tmdb.db"
            )

    def engine(self, url: URL, *, read_only: bool, **options: Any) -> Engine:
        """Return an engine; nothing is connected yet."""
        if read_only:
            return create_engine(_read_only_url(url), **options)
        arguments = {} if "timeout" in url.query else {"timeout": LOCK_SECONDS}
        engine = create_engine(url, connect_args=arguments, **options)
        event.listen(engine, "connect", _set_up)
        event.listen(engine, "begin", _begin)
        return engine

    def advice(self, reason: str) -> str:
        """Return what the user may do about a database that cannot be opened."""
        if "locked" in reason:
            return "Another program is writing to it: end that one, or name another file"
        if "not a database" in reason or "malformed" in reason:
            return "Name another file, or move that one away"
        return "Make the file and its directory writable, or name another file"

    def is_record_fault(self, error: DBAPIError) -> bool:
        """Return whether a value that the driver cannot send is to blame."""
        # sqlite3 raised an InterfaceError before Python 3.12.
        return isinstance(error, ProgrammingError) or isinstance(error.orig, sqlite3.InterfaceError)

    def may_pass(self, error: DBAPIError) -> bool:
        """Return whether another program holds the lock."""
        # sqlite3 gives no code before Python 3.11.
        return isinstance(error, OperationalError) and "locked" in str(error.orig)

    def waits_to_open(self, error: DBAPIError) -> bool:
        """Return whether opening is tried again: the change to WAL does not wait for its lock."""
        return self.may_pass(error)

    def take_lock(self, connection: Connection, lock: int) -> None:
        """Do nothing: a transaction has the only lock from its beginning."""

    def is_locked(self, connection: Connection, lock: int) -> bool:  # noqa: ARG002 - as in PostgreSQL
        """Return that no other transaction holds a lock."""
        return False

    def clock_offset(self, connection: Connection) -> timedelta:  # noqa: ARG002 - as in PostgreSQL
        """Return none: who writes to a file is on the machine that has it."""
        return timedelta()

    def check_encoding(self, connection: Connection, label: str) -> None:
        """Do nothing: every text can be stored."""

    def columns(self, connection: Connection) -> set[tuple[str, str]]:
        """Return the tables that are there with their columns, at the price of one question."""
        found = connection.exec_driver_sql(
            "SELECT tables.name, columns.name FROM sqlite_master AS tables, "
            "pragma_table_info(tables.name) AS columns WHERE tables.type = 'table'"
        )
        return {(table, column) for table, column in found}

    def probe(self, connection: Connection, tables: Sequence[Table]) -> None:
        """Write nothing to one table: permissions are those of the file."""
        for statement in probes(tables[-1]):
            connection.execute(statement)

    def size(self, connection: Connection, tables: Sequence[str]) -> int:  # noqa: ARG002 - as in PostgreSQL
        """Return the bytes of the file."""
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar() or 0
        return int(pages * (connection.exec_driver_sql("PRAGMA page_size").scalar() or 0))

    def document_bytes(self, column: Column[Any]) -> ColumnElement[int]:
        """Return the expression for the bytes of a document; ``octet_length`` is of 3.43."""
        return func.length(sql_cast(column, LargeBinary))

    def fill(self, connection: Connection, table: Table, entries: Iterable[tuple[Any, ...]]) -> None:
        """Create a temporary table, and fill it; of two rows with the same id the later counts."""
        table.create(connection)
        names = [column.name for column in table.columns]
        statement = (
            f"INSERT OR REPLACE INTO {table.name} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"  # noqa: S608
        )
        rest = iter(entries)
        while part := list(islice(rest, _IDS_AT_ONCE)):
            connection.exec_driver_sql(statement, part)

    def add_ids(self, connection: Connection, table: Table, ids: Iterable[int]) -> None:
        """Add ids to a table that :meth:`fill` made."""
        statement = insert(table).prefix_with("OR IGNORE")
        rest = iter(ids)
        while part := list(islice(rest, _IDS_AT_ONCE)):
            connection.execute(statement, [{"id": key} for key in part])

    def expect_many(self, connection: Connection) -> None:
        """Do nothing: the planner needs no hint."""

    def analyze(self, connection: Connection, table: Table) -> None:
        """Do nothing: the planner does not count rows."""

    def rows(self, connection: Connection) -> SQLiteRows:
        """Return the writer of rows for the transaction that is open."""
        return SQLiteRows(connection)

    def forbid_writing(self, connection: Connection) -> None:
        """Allow to read alone: a file that is opened for reading lets a statement attach another."""
        driver: Any = connection.connection.dbapi_connection
        driver.set_authorizer(_allow_reading)

    def parameter(self, value: str) -> Any:
        """Return a number for what is one: SQLite takes any text for greater than any number."""
        for kind in (int, float):
            with suppress(ValueError):
                number = kind(value)
                if str(number) == value:
                    return number
        return value


def _allow_reading(action: int, *_: Any) -> int:
    """Return whether a part of a statement may be run."""
    return sqlite3.SQLITE_OK if action in _READING_ACTIONS else sqlite3.SQLITE_DENY


class SQLiteRows:
    """Writer of rows, many to a statement.

    sqlite3 gives up the GIL for each statement and takes it back after it. With a row a statement that is
    thousands of times a batch, and each time the event loop may hold it.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def upsert(self, upsert: Upsert, rows: Iterable[Row]) -> None:
        """Insert rows, or update those that are there."""
        self._write(upsert, in_key_order(upsert.table, upsert.columns, rows))

    def replace(self, replacement: Replacement, rows: Mapping[Any, Sequence[Row]]) -> None:
        """Make these rows, by their owner, all that there are; see :class:`Replacement`.

        Writing what differs and counting spares the three indexes of a table those rows that stay as they are.
        """
        self._write(replacement.upsert, replacement.rows(rows))
        wrong = [
            owner for owner, number in self._counts(replacement, list(rows)) if number != len(rows[owner])
        ]
        if wrong:
            column = replacement.table.columns[replacement.owner]
            statement = delete(replacement.table).where(column == bindparam("of_owner"))
            self._connection.execute(statement, [{"of_owner": owner} for owner in wrong])
            self._write(replacement.upsert, replacement.rows({owner: rows[owner] for owner in wrong}))

    def _counts(self, replacement: Replacement, owners: Sequence[Any]) -> Iterator[tuple[Any, int]]:
        """Return how many rows belong to each of these that has any."""
        for part in in_slices(owners, MOST_KEYS):
            # As one row: sqlite3 gives up the GIL for each.
            yield from json.loads(self._connection.scalar(_count_statement(replacement), {"owners": part}))

    def _write(self, upsert: Upsert, rows: Sequence[Row]) -> None:
        """Execute a statement for as many rows as it takes, and so on."""
        values = prepared(upsert.table, upsert.columns, rows, _processor_of)
        start = 0
        while start < len(values):
            give_way()
            # Powers of two: few statements for any number of rows.
            size = min(_MOST_ROWS, 1 << ((len(values) - start).bit_length() - 1))
            part = values[start : start + size]
            self._connection.exec_driver_sql(_statement(upsert, size), tuple(chain.from_iterable(part)))
            start += size


def legible(path: str) -> str:
    """Return a path with the letters that its bytes stand for."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _read_only_url(url: URL) -> URL:
    """Return the URL that opens a file that is there; SQLite would make one that is not.

    Raises:
        FileNotFoundError: There is none.
    """
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
        """Refuse anything else."""
        raise TypeError(f"{value!r} is neither true nor false")


_FLAGS = _Flags({None: None, False: 0, True: 1})


def _processor_of(kind: TypeEngine[Any]) -> Callable[[Any], Any] | None:
    """Return the function for a value of a type: SQLite has no dates and no booleans of its own.

    A document is JSON text already.
    """
    if isinstance(kind, Boolean):
        return _FLAGS.__getitem__
    if isinstance(kind, Date | DateTime | TypeDecorator):
        return kind.dialect_impl(_DIALECT).bind_processor(_DIALECT)
    return None


@cache
def _statement(upsert: Upsert, size: int) -> str:
    """Return the text of a statement for some rows."""
    if size > 1:
        # SQLAlchemy takes some 30 ms to write one of 64 rows.
        places = f"({', '.join('?' * len(upsert.columns))})"
        return _statement(upsert, 1).replace(places, ", ".join([places] * size), 1)
    names = table_order(upsert.table, upsert.columns)
    statement = sqlite.insert(upsert.table).values({name: bindparam(name) for name in names})
    return str(upsert.on_conflict(statement).compile(dialect=_DIALECT))


@cache
def _count_statement(replacement: Replacement) -> Executable:
    """Return the statement that counts the rows of some owners, as JSON."""
    owner = replacement.table.columns[replacement.owner].label("owner")
    found = select(owner, func.count().label("number")).group_by(owner)
    counts = found.where(owner.in_(bindparam("owners", expanding=True))).subquery()
    return select(func.json_group_array(func.json_array(counts.c.owner, counts.c.number)))
