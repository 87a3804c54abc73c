"""Store of a rate limit that processes share: one row, in PostgreSQL or in an SQLite file, asked in a thread."""

from __future__ import annotations

import logging
import os
import re
import sqlite3
import threading
import time
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Protocol
from weakref import WeakSet

from tmdbfusion_scrapy.credentials import hidden
from tmdbfusion_scrapy.exceptions import ConfigurationError
from tmdbfusion_scrapy.forking import leave_to_parent, renew_in_children
from tmdbfusion_scrapy.rate_limit import SharedLimit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import TypeAlias

    Work: TypeAlias = "Callable[[StoreConnection], None]"
    _Job: TypeAlias = "tuple[Work, Callable[[Exception], None]]"

logger = logging.getLogger(__name__)

TABLE = "tmdb_rate_limits"

_SQLITE = ("sqlite", "sqlite+pysqlite")
_POSTGRESQL = ("postgresql", "postgres", "postgresql+psycopg")
_LONGEST_KEY = 200
_EXAMPLE = "postgresql://user:password@host/database, or sqlite:////var/tmp/tmdb-rate.db on one machine"

_COLUMNS = (
    *("next_at", "paused_until", "set_rate", "set_at", "lowered_at"),
    *("limited_at", "climbs_from", "rate_before", "passed", "refused"),
)
_CREATE = (
    f"CREATE TABLE IF NOT EXISTS {TABLE} (name TEXT PRIMARY KEY, "
    + ", ".join(f"{column} DOUBLE PRECISION NOT NULL DEFAULT 0" for column in _COLUMNS)
    + ")"
)
_TABLE_LOCK = 8_471_262
"""Any number, the same in every process: who creates a table while another does fails."""

_CONNECT_ARGUMENTS: Mapping[str, Any] = {
    "connect_timeout": 5,
    "application_name": "tmdbfusion-scrapy rate limit",
    "client_encoding": "utf8",
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
}
"""What a URL may say otherwise in its query string; a server that went away without a word is found out soon."""

_SESSION = (
    # What a crash of the server loses of half a second is made good by the time that its start takes.
    "SET synchronous_commit = off; SET statement_timeout = '5s'; SET lock_timeout = '5s'"
)
_BUSY_SECONDS = 5.0


def open_store(limit: SharedLimit) -> None:
    """Connect to a store, and create the table if it is missing. Blocks.

    Raises:
        ConfigurationError: The store cannot be used.
    """
    store = store_of(limit)
    try:
        store.connect().close()
    except Exception as error:
        raise ConfigurationError(store.unusable(error)) from error
    store.was_reached = True


def check_shared_limit(
    names: tuple[str, str], key: object, store: object, database: tuple[str, object] | None = None
) -> SharedLimit | None:
    """Return the rate limit that is to be shared; ``None`` where none is named.

    ``names`` are the settings or arguments that key and store are of. ``database`` is the name and URL of the one
    that is used where ``store`` is not set and this is PostgreSQL.

    Raises:
        ConfigurationError: One of them is of no use, or one is missing.
    """
    key_name, store_name = names
    name = "" if key is None else str(key).strip()
    url = "" if store is None else str(store).strip()
    if not name and not url:
        return None
    if not name:
        raise ConfigurationError(
            f"{store_name} is set and {key_name} is not: set {key_name} to a name for the rate limit, such as the "
            "address that TMDB sees; all that have the same name share it"
        )
    if len(name) > _LONGEST_KEY or not name.isprintable():
        raise ConfigurationError(
            f"{key_name} is {name[:50]!r}: use at most {_LONGEST_KEY} printable characters, such as 203.0.113.7"
        )
    if not url and database is not None and str(database[1]).partition("://")[0] in _POSTGRESQL:
        store_name, url = database[0], str(database[1]).strip()
    if not url:
        raise ConfigurationError(
            f"{key_name} is set and there is no place for the rate limit: set {store_name} to the URL of a "
            f"database, such as {_EXAMPLE}"
        )
    return SharedLimit(name, hidden(url), _label(store_name, url), store_name)


def _label(name: str, url: str) -> str:
    """Return the URL of a store without its secrets, once it is checked."""
    scheme, _, rest = url.partition("://")
    if scheme in _SQLITE:
        path = _path(url)
        if path in ("", ":memory:"):
            raise ConfigurationError(f"{name} names no file: write it like {_EXAMPLE}")
        if not Path(path).absolute().parent.is_dir() or Path(path).is_dir():
            raise ConfigurationError(f"{name}={url}: name a file in a directory that is there")
        return f"sqlite:///{path}"
    if scheme not in _POSTGRESQL or not rest:
        # What is no URL is not repeated: it may hold a password all the same.
        raise ConfigurationError(f"{name} is no URL of a database that can be used: write it like {_EXAMPLE}")
    if url.count("@") > 1:
        raise ConfigurationError(f"{name} has more than one @: write the one of the password as %40")
    try:
        parts = _arguments(url)
    except ImportError as error:
        raise ConfigurationError(
            f"{name} needs the driver {error.name}: install it with pip install 'tmdbfusion-scrapy[postgres]'"
        ) from error
    except Exception:  # noqa: BLE001 - whatever psycopg says may quote the password
        raise ConfigurationError(
            f"{name} cannot be read: write it like {_EXAMPLE}, with what is no letter or digit of the password "
            "as %XX"
        ) from None
    user = f"{parts['user']}@" if parts.get("user") else ""
    port = f":{parts['port']}" if parts.get("port") else ""
    return f"postgresql://{user}{parts.get('host') or ''}{port}/{parts.get('dbname') or ''}"


def _path(url: str) -> str:
    """Return the path of ``sqlite:///path``."""
    return url.partition("://")[2].partition("?")[0].removeprefix("/")


def _arguments(url: str) -> dict[str, Any]:
    """Return what a URL of PostgreSQL says, as libpq reads it."""
    from psycopg import conninfo

    return conninfo.conninfo_to_dict("postgresql://" + url.partition("://")[2])


class StoreConnection(Protocol):
    """Open connection to a store, of one thread.

    Statements name their values ``:name``, and the time of the store in seconds since 1970, one for all of a
    statement, ``{now}``.
    """

    def run(self, statement: str, values: Mapping[str, Any]) -> bool:
        """Run an INSERT or UPDATE and return whether it changed a row."""

    def row(self, statement: str, values: Mapping[str, Any]) -> dict[str, float] | None:
        """Run an UPDATE and return the row it changed, with the store's time as ``now``; ``None`` for none."""

    def close(self) -> None:
        """Close it."""


class _PostgreSQLConnection:
    def __init__(self, url: str) -> None:
        import psycopg

        self._connection = psycopg.connect(autocommit=True, **{**_CONNECT_ARGUMENTS, **_arguments(url)})
        self._cursor = self._connection.cursor()
        self._cursor.execute(_SESSION)
        if self._cursor.execute(f"SELECT to_regclass('{TABLE}')").fetchone() == (None,):
            self._cursor.execute(
                f"BEGIN; SELECT pg_advisory_xact_lock({_TABLE_LOCK}); "
                # Room for new versions of a row on its page: no index is written to.
                f"{_CREATE} WITH (fillfactor = 20); COMMIT"
            )

    def run(self, statement: str, values: Mapping[str, Any]) -> bool:
        self._cursor.execute(_of_postgresql(statement), values)
        return self._cursor.rowcount > 0

    def row(self, statement: str, values: Mapping[str, Any]) -> dict[str, float] | None:
        returning = f"{statement} RETURNING {{now}}, {', '.join(_COLUMNS)}"
        self._cursor.execute(_of_postgresql(returning), values)
        return _named(self._cursor.fetchone())

    def close(self) -> None:
        self._connection.close()


def _named(row: tuple[float, ...] | None) -> dict[str, float] | None:
    return None if row is None else dict(zip(("now", *_COLUMNS), row, strict=True))


@cache
def _of_postgresql(statement: str) -> str:
    """Return a statement as psycopg takes it."""
    # Neither now(), which stands still in a transaction, nor clock_timestamp(), which goes on in a statement.
    now = "CAST(extract(epoch FROM statement_timestamp()) AS double precision)"
    return re.sub(r":(\w+)", r"%(\1)s", statement).replace("{now}", now)


class _SQLiteConnection:
    """Connection to a file, which is closed while the process forks.

    A file that is open then is not locked in the child:
    https://sqlite.org/howtocorrupt.html#_carrying_an_open_database_file_across_a_fork_
    """

    def __init__(self, url: str) -> None:
        self._path = _path(url)
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = _open_file(self._path)
        _files.add(self)

    def run(self, statement: str, values: Mapping[str, Any]) -> bool:
        with self._open() as connection:
            timed = {"now": time.time(), **values}
            return connection.execute(statement.replace("{now}", ":now"), timed).rowcount > 0

    def row(self, statement: str, values: Mapping[str, Any]) -> dict[str, float] | None:
        with self._open() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                timed = {"now": time.time(), **values}
                connection.execute(statement.replace("{now}", ":now"), timed)
                select = f"SELECT :now, {', '.join(_COLUMNS)} FROM {TABLE} WHERE name = :name"  # noqa: S608
                return _named(connection.execute(select, timed).fetchone())
            finally:
                connection.execute("COMMIT")

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def close_to_fork(self) -> None:
        """Wait until it is idle, and close the file until :meth:`forked`."""
        self._lock.acquire()
        self.close()

    def forked(self) -> None:
        """Let it go on, in the parent."""
        self._lock.release()

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            self._connection = self._connection or _open_file(self._path)
            yield self._connection


def _open_file(path: str) -> sqlite3.Connection:
    """Open an SQLite file, and create the table if it is missing."""
    # Whoever forks closes it.
    connection = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    deadline = time.monotonic() + _BUSY_SECONDS
    # SQLite does not wait for who opens the file at the same time.
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            break
        except sqlite3.OperationalError:
            if time.monotonic() > deadline:
                connection.close()
                raise
        time.sleep(0.05)
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.create_function("greatest", -1, max, deterministic=True)
    connection.create_function("least", -1, min, deterministic=True)
    connection.execute(_CREATE)
    return connection


_files: WeakSet[_SQLiteConnection] = WeakSet()
_closed_to_fork: list[_SQLiteConnection] = []


def _close_files() -> None:
    for file in list(_files):
        file.close_to_fork()
        _closed_to_fork.append(file)


def _let_files_go_on() -> None:
    while _closed_to_fork:
        _closed_to_fork.pop().forked()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_close_files, after_in_parent=_let_files_go_on, after_in_child=_closed_to_fork.clear
    )


class RateStore:
    """Connection to the database of a shared rate limit, in a thread that lives while somebody uses it.

    Attributes:
        was_reached: Whether it could be used once; from then on it is waited for where it is away.
    """

    def __init__(self, limit: SharedLimit) -> None:
        self._limit = limit
        self.was_reached = False
        self._lock = threading.Lock()
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._connection: StoreConnection | None = None
        self._users = 0
        self._is_away = False
        renew_in_children(self)

    def begin_anew(self) -> None:
        """Leave thread and connection to the parent, in a child process."""
        leave_to_parent((self._jobs, self._connection))
        self._lock = threading.Lock()
        self._jobs = SimpleQueue()
        self._thread = self._connection = None
        self._users = 0

    def connect(self) -> StoreConnection:
        """Connect, and create the table if it is missing. Blocks."""
        url = self._limit.url
        is_file = url.partition("://")[0] in _SQLITE
        return _SQLiteConnection(url) if is_file else _PostgreSQLConnection(url)

    def use(self) -> None:
        """Count one more who uses it."""
        with self._lock:
            self._users += 1

    def release(self) -> None:
        """Count one less; after the last one the connection is closed, which is not waited for."""
        with self._lock:
            self._users -= 1
            if self._users <= 0 and self._thread is not None:
                self._jobs.put(None)
                self._thread, self._jobs = None, SimpleQueue()

    def submit(self, work: Work, failed: Callable[[Exception], None]) -> None:
        """Have work done in the thread, and be told there where it cannot be; this does not block."""
        with self._lock:
            self._jobs.put((work, failed))
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._run, args=(self._jobs,), name="tmdb-rate-limit", daemon=True
                )
                self._thread.start()

    def unusable(self, error: Exception) -> str:
        """Return the message about a store that could not be used even once."""
        return (
            f"{self._limit.setting}={self._limit.label}: the shared rate limit cannot be kept there "
            f"({_reason(error)}). Check the URL, that the database can be reached, and that the user may create "
            f"the table {TABLE}"
        )

    def _run(self, jobs: SimpleQueue[_Job | None]) -> None:
        connection: StoreConnection | None = None
        while (job := jobs.get()) is not None:
            work, failed = job
            try:
                if connection is None:
                    connection = self._connection = self.connect()
                work(connection)
            except Exception as error:  # noqa: BLE001 - whatever it is, those who wait are told
                with suppress(Exception):
                    if connection is not None:
                        connection.close()
                connection = self._connection = None
                self._note_reach(error)
                failed(error)
            else:
                self._note_reach(None)
            with self._lock:
                # What is told after the last one has gone is no reason to stay.
                if self._users <= 0 and self._jobs is jobs and jobs.empty():
                    self._thread = None
                    break
        if connection is not None:
            connection.close()

    def _note_reach(self, error: Exception | None) -> None:
        """Say once that requests wait for the store, and once that they need not any longer."""
        setting, label = self._limit.setting, self._limit.label
        if self.was_reached and error is not None and not self._is_away:
            logger.warning(
                "%s=%s: the shared rate limit cannot be asked now (%s). Requests wait until it can be; see that "
                "the database runs",
                setting,
                label,
                _reason(error),
            )
        elif self.was_reached and error is None and self._is_away:
            logger.info("%s=%s: the shared rate limit can be asked again", setting, label)
        self.was_reached = self.was_reached or error is None
        self._is_away = error is not None


def _reason(error: Exception) -> str:
    """Return the first line of what went wrong, in the driver's words."""
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


_stores: dict[tuple[str, str], RateStore] = {}


def store_of(limit: SharedLimit) -> RateStore:
    """Return the store of this process for a database."""
    return _stores.setdefault((str(limit.url), limit.setting), RateStore(limit))
