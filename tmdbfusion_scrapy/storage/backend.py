"""SQLite or PostgreSQL: the interface to all that differs between them, and what their errors mean.

A record's fault costs that record only, one of the moment is tried again, the database's ends the crawl.
"""

from __future__ import annotations

import sqlite3
import time
from datetime import datetime, timedelta, timezone
from functools import cache
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import URL, Column, ColumnElement, Connection, Engine, Table, delete, insert
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, StatementError

from tmdbfusion_scrapy.exceptions import ConfigurationError
from tmdbfusion_scrapy.storage.upserts import MOST_KEYS, in_slices

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
    from pathlib import Path

    from tmdbfusion_scrapy.storage.entities.declaration import Relation
    from tmdbfusion_scrapy.storage.upserts import Row, Upsert

    T = TypeVar("T")
    Links = Mapping[Any, Collection[Row]]
    """Rows of a link table, by the id of the record that they belong to."""

# Any numbers, the same in every process.
TABLES_LOCK = 8_471_263
"""Held while tables are created: two crawls that start at once would both find them missing."""
WRITE_LOCK = 8_471_264
"""Held while a batch is written: two batches name the same genres and people, and each would wait for rows that
the other holds."""
RUNS_LOCK = 8_471_265
"""Held while a run is begun: the same command started twice is to be one run."""
_RUN_LOCKS = 8_471_266 << 32

_FIRST_WAIT = 0.1
_LONGEST_WAIT = 5.0
"""Seconds between two tries."""

_RECORD_ERRORS = (StatementError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""What a record that fits no row may raise, besides what the database says (a ``StatementError`` too)."""

_IDS_AT_ONCE = 20_000

_DIALECTS = frozenset({"sqlite", "postgresql", "postgres"})


class RowWriter:
    """Writer of rows in a transaction that is open."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def upsert(self, upsert: Upsert, rows: Iterable[Row]) -> None:
        """Insert rows, or update those that are there."""
        self._write(upsert, upsert.in_key_order(rows))

    def replace(self, relation: Relation, rows: Links) -> None:
        """Make these rows all that there are of the records that they belong to.

        What differs is written and what is there counted: that spares the indexes the rows that stay as they are.
        """
        rest = self._without_new(relation, rows)
        self._write(relation.upsert, with_owner(rest))
        counts = self._counts(relation, list(rest)) if rest else ()
        wrong = {owner: rest[owner] for owner, number in counts if number != len(rest[owner])}
        column = relation.table.columns[relation.owner]
        for owners in in_slices(list(wrong), MOST_KEYS):
            self._connection.execute(delete(relation.table).where(column.in_(owners)))
        self._write(relation.upsert, with_owner(wrong))

    def _write(self, upsert: Upsert, rows: Sequence[Row]) -> None:
        """Insert rows that are in the order of their key, or update those that are there."""
        raise NotImplementedError

    def _without_new(self, relation: Relation, rows: Links) -> Links:  # noqa: ARG002 - for others
        """Write the rows of records that have none, if there is a faster way for that; return the others."""
        return rows

    def _counts(self, relation: Relation, owners: Sequence[Any]) -> Iterable[Sequence[Any]]:
        """Return those of some records that have rows, and how many."""
        raise NotImplementedError


class Backend:
    """All that differs between databases; nobody else asks which one it is.

    Attributes:
        name: The product's name.
        drivers: Names before the ``://`` of a URL.
        driver: The one that is used for them.
        rows: The writer of rows for a transaction that is open.
    """

    name: str
    drivers: tuple[str, ...]
    driver: str
    rows: type[RowWriter]

    def path(self, url: URL) -> Path | None:  # noqa: ARG002 - for others
        """Return the file of a database, ``None`` for a server and for a URI of SQLite's own."""
        return None

    def version(self, engine: Engine) -> str:
        """Return the version of the product, empty before the first connection."""
        return ".".join(map(str, engine.dialect.server_version_info or ()))

    def checked_url(self, url: URL) -> URL:
        """Return a URL as it is used; raise ``ConfigurationError`` where its database is of no use."""
        return url

    def check_place(self, url: URL, label: str) -> None:
        """Raise ``ConfigurationError`` where there cannot be a database; ``label`` is for messages."""

    def engine(self, url: URL, *, read_only: bool, **options: Any) -> Engine:
        """Return an engine, not connected yet; raise ``FileNotFoundError`` where there is no database to read."""
        raise NotImplementedError

    def advice(self, reason: str) -> str:
        """Return what the user may do about a database that cannot be opened, as the driver says the reason."""
        raise NotImplementedError

    def is_record_fault(self, error: DBAPIError) -> bool:
        """Return whether other records may be stored although this error came."""
        raise NotImplementedError

    def may_pass(self, error: DBAPIError) -> bool:
        """Return whether the same may work a little later."""
        raise NotImplementedError

    def waits_to_open(self, error: DBAPIError) -> bool:  # noqa: ARG002 - for others
        """Return whether opening is tried again: a server that does not answer is most often the wrong one."""
        return False

    def take_lock(self, connection: Connection, lock: int) -> None:
        """Wait for a lock, and hold it until the transaction ends."""

    def is_locked(self, connection: Connection, lock: int) -> bool:  # noqa: ARG002 - for others
        """Return whether another transaction holds a lock; else this one may have it."""
        return False

    def clock_offset(self, connection: Connection) -> timedelta:  # noqa: ARG002 - for others
        """Return what the database's clock is ahead of this machine's, as measured when it was connected."""
        return timedelta()

    def check_encoding(self, connection: Connection, label: str) -> None:
        """Raise ``ConfigurationError`` where not every text can be stored."""

    def columns(self, connection: Connection) -> set[tuple[str, str]]:  # noqa: ARG002 - for others
        """Return the columns of all tables by name; none where that takes longer than looking closely."""
        return set()

    def probe(self, connection: Connection, tables: Sequence[Table]) -> None:
        """Raise the driver's error where tables cannot be written to."""
        raise NotImplementedError

    def size(self, connection: Connection, tables: Sequence[str]) -> int:
        """Return the bytes on the disk that tables and their indexes take."""
        raise NotImplementedError

    def document_bytes(self, column: Column[Any]) -> ColumnElement[int]:
        """Return the expression for the bytes of a document."""
        raise NotImplementedError

    def fill(self, connection: Connection, table: Table, entries: Iterable[tuple[Any, ...]]) -> None:
        """Create a temporary table with the key ``id``, and fill it; the later of two with the same id counts."""
        raise NotImplementedError

    def add_ids(self, connection: Connection, table: Table, ids: Iterable[int]) -> None:
        """Add ids to a table that :meth:`fill` made; some may stand there twice from then on."""
        statement = insert(table).prefix_with("OR IGNORE", dialect="sqlite")
        rest = iter(ids)
        while part := list(islice(rest, _IDS_AT_ONCE)):
            connection.execute(statement, [{"id": key} for key in part])

    def expect_many(self, connection: Connection) -> None:
        """Prepare a transaction for questions about a million ids."""

    def analyze(self, connection: Connection, table: Table) -> None:
        """Let the planner know that a table has grown."""

    def forbid_writing(self, connection: Connection) -> None:
        """Have the database refuse all that a statement of a user would change."""
        raise NotImplementedError

    def parameter(self, value: str) -> Any:
        """Return a value that is given as text as a statement of a user takes it."""
        return value


@cache
def _backend(name: str) -> Backend:
    """Return the backend for SQLAlchemy's name of a dialect, one of :data:`_DIALECTS`.

    The other one is not loaded: its dialect takes as long as all tables together.
    """
    if name == "sqlite":
        from tmdbfusion_scrapy.storage.sqlite import SQLITE

        return SQLITE
    from tmdbfusion_scrapy.storage.postgresql import POSTGRESQL

    return POSTGRESQL


def backend_of(bind: Engine | Connection) -> Backend:
    """Return the backend of an engine or a connection."""
    return _backend(bind.dialect.name)


def backend_for(url: URL) -> Backend | None:
    """Return the backend for a URL; ``None`` where there is none."""
    name = url.get_backend_name()
    backend = _backend(name) if name in _DIALECTS else None
    return backend if backend is not None and url.drivername in backend.drivers else None


def with_owner(rows: Links) -> list[Row]:
    """Return rows of a link table with the record that each belongs to, in the order of the records."""
    return [(owner, *row) for owner in sorted(rows) for row in rows[owner]]


def now_of(connection: Connection) -> datetime:
    """Return the time by the database's clock, which all that write to it go by."""
    return datetime.now(timezone.utc) + backend_of(connection).clock_offset(connection)


def run_lock(run_id: int) -> int:
    """Return the lock that is held while a run is planned or finished; others go on meanwhile."""
    return _RUN_LOCKS + run_id


def is_record_fault(error: Exception) -> bool:
    """Return whether other records may be stored although this error came."""
    if not isinstance(error, DBAPIError):
        return isinstance(error, _RECORD_ERRORS)
    if error.connection_invalidated:
        return False
    return isinstance(error, DataError | IntegrityError) or _raised_by(error).is_record_fault(error)


def may_pass(error: BaseException | None) -> bool:
    """Return whether the same batch may be stored a little later."""
    if not isinstance(error, DBAPIError):
        return False
    return error.connection_invalidated or _raised_by(error).may_pass(error)


def _raised_by(error: DBAPIError) -> Backend:
    """Return the backend whose driver raised an error."""
    return _backend("sqlite" if isinstance(error.orig, sqlite3.Error) else "postgresql")


def reason_of(error: BaseException | None) -> str:
    """Return what went wrong, in the driver's own words: one line, without the statement and the row."""
    cause = error.orig if isinstance(error, StatementError) and error.orig is not None else error
    lines = str(cause).strip().splitlines()
    return lines[0] if lines else type(cause).__name__


def patiently(action: Callable[[], T], seconds: float, on_wait: Callable[[str], None]) -> T:
    """Return what an action returns; try it again while the database is locked or away. Blocks.

    It is done from its beginning each time, for some seconds from the first failure on, of which waiting for
    another crawl is none. The reason is told to ``on_wait``, once.
    """
    deadline = None
    wait = _FIRST_WAIT
    while True:
        try:
            return action()
        except Exception as error:
            # Opening says so of a database that cannot be reached.
            fault = error.__cause__ if isinstance(error, ConfigurationError) else error
            if not may_pass(fault) or (deadline is not None and time.monotonic() > deadline):
                raise
            if deadline is None:
                deadline = time.monotonic() + seconds
                on_wait(reason_of(fault))
        time.sleep(wait)
        wait = min(wait * 2, _LONGEST_WAIT)
