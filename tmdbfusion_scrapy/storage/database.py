"""Opening the database that ``TMDB_DATABASE_URL`` names, and checking that it can be used."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from tmdbfusion_scrapy.exceptions import ConfigurationError
from tmdbfusion_scrapy.storage.faults import reason_of
from tmdbfusion_scrapy.storage.locks import LOCK_SECONDS, limit_waiting
from tmdbfusion_scrapy.storage.preparation import prepare

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.engine import Connection, Engine

_DRIVERS = {"sqlite": "sqlite", "sqlite+pysqlite": "sqlite"} | dict.fromkeys(
    # SQLAlchemy 2.0 takes psycopg2 for the bare name, 2.1 psycopg 3, which is what the extra installs.
    ("postgresql", "postgres", "postgresql+psycopg"),
    "postgresql+psycopg",
)

_ENCODE = "percent-encode @ : / ? # and % in a user name or password, @ as %40 and / as %2F"

READING = "tmdb_reading"
"""Execution option of a connection that only reads, and so takes no lock."""

_CONNECT_ARGUMENTS: dict[str, dict[str, Any]] = {
    "sqlite": {"timeout": LOCK_SECONDS},
    # A server that went away without a word must not hold the crawl for the hours TCP would wait.
    "postgresql": {
        "connect_timeout": 10,
        # psycopg gives bytes for text where the database is of SQL_ASCII, as one made in the C locale is.
        "client_encoding": "utf8",
        "keepalives_idle": 30,
        "keepalives_interval": 10,
        "keepalives_count": 3,
        "tcp_user_timeout": 60_000,
    },
}
"""What a URL may say otherwise in its query string."""


def check_database(url: str) -> None:
    """Open the database, create the tables that are missing, and try whether it can be written to.

    Args:
        url: SQLAlchemy URL; an SQLite path is relative to the working directory.

    Raises:
        ConfigurationError: It cannot be used; the message names ``TMDB_DATABASE_URL`` and the fix.
    """
    open_database(url).dispose()


def open_database(url: str) -> Engine:
    """Do what :func:`check_database` does and return the engine; the caller disposes of it."""
    return _opened(url, prepare)


def reopen_database(url: str) -> Engine:
    """Return another engine for a database that this crawl opened before; the caller disposes of it.

    Its tables are not gone through once more, which takes hundreds of questions.

    Args:
        url: As given to :func:`open_database`.

    Raises:
        ConfigurationError: It cannot be reached any more.
    """
    return _opened(url, _reach)


def _reach(engine: Engine, label: str) -> None:  # noqa: ARG001 - as prepare()
    """See that a database is there."""
    engine.connect().close()


def _opened(url: str, begin: Callable[[Engine, str], None]) -> Engine:
    """An engine for a database, of which the first use is made here."""
    parsed = parse_database_url(url)
    label = database_label(parsed)
    try:
        _check_directory(parsed)
    except (OSError, ValueError) as error:
        if isinstance(error, ConfigurationError):
            raise
        raise ConfigurationError(f"TMDB_DATABASE_URL={label} cannot be used: {error}") from error
    engine = open_engine(parsed)
    try:
        begin(engine, label)
    except SQLAlchemyError as error:
        engine.dispose()
        raise ConfigurationError(
            f"TMDB_DATABASE_URL={label} cannot be used: {reason_of(error)}. {_fix(parsed, reason_of(error))}"
        ) from error
    except ConfigurationError:
        engine.dispose()
        raise
    # What the driver says of an option in the URL's query string.
    except (ValueError, TypeError, ArithmeticError, OSError) as error:
        engine.dispose()
        raise ConfigurationError(
            f"TMDB_DATABASE_URL={label} cannot be used: {error}. Check what follows the ? in it"
        ) from error
    return engine


def parse_database_url(url: str) -> URL:
    """Return the URL with the driver that is meant.

    Raises:
        ConfigurationError: It is no SQLAlchemy URL, or not one of SQLite or PostgreSQL.
    """
    try:
        # Bytes that the locale has no letters for, of an argument or a variable, are UTF-8 all the same.
        parsed = make_url(str(url).encode("utf-8", "surrogateescape").decode("utf-8"))
    except (ArgumentError, ValueError):
        # What is no URL is not repeated: it may hold a password all the same.
        raise ConfigurationError(
            "TMDB_DATABASE_URL is not an SQLAlchemy URL: write it like sqlite:///tmdb.db or "
            f"postgresql://user:password@host/database. {_ENCODE[0].upper()}{_ENCODE[1:]}"
        ) from None
    if parsed.get_backend_name() != "sqlite" and url.count("@") > 1:
        # The rest of the password would be taken for the host or the database, and shown as that.
        raise ConfigurationError(f"TMDB_DATABASE_URL has more than one @: {_ENCODE}")
    driver = _DRIVERS.get(parsed.drivername)
    if driver is None:
        raise ConfigurationError(
            f"TMDB_DATABASE_URL names {parsed.drivername!r}, which is not supported: use sqlite:///<path> or "
            "postgresql://user:password@host/database"
        )
    if driver == "sqlite" and parsed.database in (None, "", ":memory:"):
        raise ConfigurationError(
            "TMDB_DATABASE_URL names an SQLite database in memory, which is gone when the crawl ends: name a "
            "file, such as sqlite:///tmdb.db"
        )
    if driver == "sqlite":
        # So that the letters are UTF-8 on the disk, whatever the locale.
        parsed = parsed.set(database=os.fsdecode(str(parsed.database).encode("utf-8")))
    return parsed.set(drivername=driver)


def database_label(url: URL) -> str:
    """Return the URL for messages: without the password, and without the query string, which may hold one."""
    shown = url.set(query={}, drivername=url.get_backend_name())
    if shown.database is not None:
        shown = shown.set(database=_legible(shown.database))
    return shown.render_as_string(hide_password=True)


def _legible(path: str) -> str:
    """A path with the letters that its bytes stand for."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def open_engine(url: URL) -> Engine:
    """Return an engine for a URL of :func:`parse_database_url`; nothing is connected yet."""
    backend = url.get_backend_name()
    defaults = _CONNECT_ARGUMENTS[backend]
    try:
        engine = create_engine(
            url,
            connect_args={name: value for name, value in defaults.items() if name not in url.query},
            # A connection that the server closed while the crawl was slow is replaced unseen.
            pool_pre_ping=True,
            # Errors would quote whole batches.
            hide_parameters=True,
            # A record's document is JSON text already: it is stored as it came, and not parsed for it.
            json_serializer=str,
        )
    except ImportError as error:
        raise ConfigurationError(
            f"TMDB_DATABASE_URL={database_label(url)} needs the driver {error.name}: "
            "install it with pip install 'tmdbfusion-scrapy[postgres]'"
        ) from error
    except (NoSuchModuleError, ArgumentError, ValueError, TypeError) as error:
        raise ConfigurationError(
            f"TMDB_DATABASE_URL={database_label(url)} cannot be used: {error}. Check what follows the ? in it"
        ) from error
    if backend == "sqlite":
        event.listen(engine, "connect", _set_up_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    else:
        event.listen(engine, "connect", _set_up_postgresql)
        event.listen(engine, "begin", limit_waiting)
    return engine


def _set_up_sqlite(connection: Any, _record: Any) -> None:
    """Prepare a new SQLite connection."""
    # sqlite3 begins transactions by its own rules, which leave savepoints out; see _begin_sqlite.
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
    cursor.execute("PRAGMA cache_size = -32768")
    # Pages. A batch is more than SQLite's own 1,000, so that each would end with two flushes to disk.
    cursor.execute("PRAGMA wal_autocheckpoint = 10000")
    cursor.close()


def _set_up_postgresql(connection: Any, _record: Any) -> None:
    """Prepare a new PostgreSQL connection."""
    with connection.cursor() as cursor:
        # PostgreSQL's own compression takes most of the time of storing a document. From version 14, where the
        # server was built with LZ4. https://www.postgresql.org/docs/current/runtime-config-client.html
        cursor.execute(
            "SELECT set_config(name, 'lz4', false) FROM pg_settings "
            "WHERE name = 'default_toast_compression' AND 'lz4' = ANY(enumvals)"
        )
    connection.commit()


def _begin_sqlite(connection: Connection) -> None:
    """Begin by taking the write lock.

    A transaction that reads first and writes later fails at once where another program wrote in between; one
    that begins with the lock waits its turn.
    """
    reads = connection.get_execution_options().get(READING, False)
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")


def _check_directory(url: URL) -> None:
    """Say it plainly when the directory of an SQLite file is missing; SQLite only says it cannot open it."""
    path = url.database
    if url.get_backend_name() != "sqlite" or path is None or path.startswith("file:"):
        return
    parent = Path(path).parent
    if not parent.is_dir():
        raise ConfigurationError(
            f"TMDB_DATABASE_URL={database_label(url)}: there is no directory "
            f"{_legible(str(parent.absolute()))}: create it, or name another file"
        )
    if Path(path).is_dir():
        raise ConfigurationError(
            f"TMDB_DATABASE_URL={database_label(url)} is a directory: name a file in it, such as "
            f"{database_label(url)}/tmdb.db"
        )


def _fix(url: URL, reason: str) -> str:
    """What the user may do."""
    if url.get_backend_name() == "postgresql":
        return "Check user, password, host, port and database, and that the server runs"
    if "locked" in reason:
        return "Another program is writing to it: end that one, or name another file"
    if "not a database" in reason or "malformed" in reason:
        return "Name another file, or move that one away"
    return "Make the file and its directory writable, or name another file"
