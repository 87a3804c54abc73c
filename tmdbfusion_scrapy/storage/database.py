"""The database of a crawl: its URL and options, how it is opened, and the version of its tables."""

from __future__ import annotations

import logging
import time
from contextlib import ExitStack, contextmanager
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Engine, Inspector, create_engine, func, insert, inspect, select
from sqlalchemy.engine import URL, make_url
from sqlalchemy.engine.reflection import ObjectKind
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import StaticPool
from sqlalchemy.schema import CreateIndex, CreateTable, ExecutableDDLElement

from tmdbfusion_scrapy.exceptions import ConfigurationError
from tmdbfusion_scrapy.storage.backend import TABLES_LOCK, backend_for, backend_of, reason_of
from tmdbfusion_scrapy.storage.entities import TABLES, metadata
from tmdbfusion_scrapy.storage.entities.crawl import tmdb_schema
from tmdbfusion_scrapy.storage.sqlite import READING, SQLITE, legible

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tmdbfusion_scrapy.storage.backend import Backend


logger = logging.getLogger(__name__)

VERSION = 4
"""Version of the tables that this package writes to; it stands in ``tmdb_schema``."""

_OPEN_SECONDS = 60
"""How long opening waits for an SQLite file that another program writes to."""


def _prepare(engine: Engine, label: str) -> None:
    """Bring the tables into being and see that they can be used, or leave everything as it was."""
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
                backend.probe(connection, TABLES)
            return
        except DBAPIError as error:
            if not backend.waits_to_open(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def _stored_version(connection: Connection, label: str) -> int | None:
    """Return the version of the tables, ``None`` where there are none of this package; refuse another one."""
    inspector = inspect(connection)
    columns = inspector.get_columns(tmdb_schema.name) if inspector.has_table(tmdb_schema.name) else ()
    if "version" not in {column["name"] for column in columns}:
        return None
    version: int | None = connection.scalar(select(func.max(tmdb_schema.columns.version)))
    if version is None or version == VERSION:
        return version
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
    version = _stored_version(connection, label)
    if version is None or not _is_complete(connection):
        there = _check_tables(inspect(connection), label)
        missing = [table for table in TABLES if table.name not in there]
        indexes = (index for table in missing for index in sorted(table.indexes, key=attrgetter("name")))
        parts: list[ExecutableDDLElement] = [*map(CreateTable, missing), *map(CreateIndex, indexes)]
        for part in parts:
            # As text: create_all() takes twice as long.
            connection.exec_driver_sql(str(part.compile(connection)))
    if version is None:
        connection.execute(insert(tmdb_schema).values(version=VERSION))


def _is_complete(connection: Connection) -> bool:
    """Return whether all tables have all columns, where that can be told at the price of one question.

    A crawl opens an SQLite file several times, and to go through it table by table takes a tenth of a second.
    """
    there = backend_of(connection).columns(connection)
    return all((table.name, column.name) in there for table in TABLES for column in table.columns)


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
        key = set(keys[table.name]["constrained_columns"])
        wrong = [f"lacks {', '.join(missing)}"] if missing else []
        wrong += [f"requires {', '.join(required)}"] if required else []
        wrong += ["has another primary key"] if key != set(table.primary_key.columns.keys()) else []
        if wrong:
            raise ConfigurationError(
                f"TMDB_DATABASE_URL={label}: its table {table.name!r} is of another program or version: it "
                f"{' and '.join(wrong)}. Name another database, or rename that table"
            )
    return set(there)


_ENCODE = "percent-encode @ : / ? # and % in a user name or password, @ as %40 and / as %2F"

_NOTHING_YET = "nothing was crawled into it yet, or another one is meant (-s TMDB_DATABASE_URL=...)"


class MissingDatabaseError(ConfigurationError):
    """There is no database, or it holds none of this package's tables: nothing was crawled yet."""


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
    return _opened(url, _prepare)


def reopen_database(url: str) -> Engine:
    """Return another engine for a database that this crawl opened before; the caller disposes of it.

    Its tables are not gone through once more, which takes hundreds of questions.

    Raises:
        ConfigurationError: It cannot be reached any more.
    """
    return _opened(url, lambda engine, _: engine.connect().close())


def _opened(url: str, begin: Callable[[Engine, str], None]) -> Engine:
    """Return an engine for a database, of which the first use is made here."""
    parsed = parse_database_url(url)
    label = database_label(parsed)
    backend = _backend(parsed)
    with ExitStack() as undo:
        fix = "Name another database"
        try:
            backend.check_place(parsed, label)
            # The driver may say more of an option in the URL's query string.
            fix = "Check what follows the ? in it"
            engine = _engine(parsed)
            undo.callback(engine.dispose)
            begin(engine, label)
        except ConfigurationError:
            raise
        except SQLAlchemyError as error:
            reason = reason_of(error)
            raise ConfigurationError(
                f"TMDB_DATABASE_URL={label} cannot be used: {reason}. {backend.advice(reason)}"
            ) from error
        except (ValueError, TypeError, ArithmeticError, OSError) as error:
            raise ConfigurationError(f"TMDB_DATABASE_URL={label} cannot be used: {error}. {fix}") from error
        undo.pop_all()
    return engine


def open_for_reading(url: str) -> Engine:
    """Return an engine for a database that is there, in which nothing is changed; the caller disposes of it.

    Raises:
        MissingDatabaseError: There is none, or it has no tables of this package.
        ConfigurationError: It cannot be read, or is of another version; the message names the fix.
    """
    parsed = parse_database_url(url)
    label = database_label(parsed)
    try:
        engine = _engine(parsed, read_only=True)
    except FileNotFoundError:
        raise MissingDatabaseError(
            f"TMDB_DATABASE_URL={label}: there is no such file: {_NOTHING_YET}"
        ) from None
    with ExitStack() as undo:
        undo.callback(engine.dispose)
        try:
            with engine.connect() as connection:
                version = _stored_version(connection, label)
        except SQLAlchemyError as error:
            raise ConfigurationError(
                f"TMDB_DATABASE_URL={label} cannot be read: {reason_of(error)}. See that "
                "it is a database of a crawl, and that its server runs"
            ) from error
        if version is None:
            raise MissingDatabaseError(f"TMDB_DATABASE_URL={label} has no tables of a crawl: {_NOTHING_YET}")
        undo.pop_all()
    return engine


def empty_database() -> Engine:
    """Return an engine for a database in memory that nothing was crawled into."""
    engine = create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})
    metadata.create_all(engine)
    return engine


def database_size(engine: Engine) -> int:
    """Return the bytes on the disk that the tables and their indexes take."""
    with engine.connect() as connection:
        return backend_of(engine).size(connection, list(metadata.tables))


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """Yield a connection to read on, which keeps no one from writing."""
    with engine.connect().execution_options(**{READING: True}) as connection:
        yield connection


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
    backend = backend_for(parsed)
    if backend is not SQLITE and url.count("@") > 1:
        # The rest of the password would be taken for the host or the database, and shown as that.
        raise ConfigurationError(f"TMDB_DATABASE_URL has more than one @: {_ENCODE}")
    if backend is None:
        raise ConfigurationError(
            f"TMDB_DATABASE_URL names {parsed.drivername!r}, which is not supported: use sqlite:///<path> or "
            "postgresql://user:password@host/database"
        )
    return backend.checked_url(parsed).set(drivername=backend.driver)


def database_label(url: URL) -> str:
    """Return the URL for messages: without the password, and without the query string, which may hold one."""
    shown = url.set(query={}, drivername=url.get_backend_name())
    if shown.database is not None:
        shown = shown.set(database=legible(shown.database))
    return shown.render_as_string(hide_password=True)


def _engine(url: URL, *, read_only: bool = False) -> Engine:
    """Return an engine for a URL of :func:`parse_database_url`; nothing is connected yet."""
    try:
        return _backend(url).engine(
            url,
            read_only=read_only,
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


def _backend(url: URL) -> Backend:
    """Return the backend for a URL of :func:`parse_database_url`."""
    backend = backend_for(url)
    assert backend is not None  # noqa: S101 - else the URL was refused
    return backend
