"""Opening the database that ``TMDB_DATABASE_URL`` names, to write or to read."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from sqlalchemy import create_engine
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import StaticPool

from tmdbfusion_scrapy.exceptions import ConfigurationError
from tmdbfusion_scrapy.storage.backend import SQLITE, backend_for, backend_of, reason_of
from tmdbfusion_scrapy.storage.entities import metadata
from tmdbfusion_scrapy.storage.schema import check_version, prepare, stored_version
from tmdbfusion_scrapy.storage.sqlite import READING, legible

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy.engine import Connection, Engine

    from tmdbfusion_scrapy.storage.backend import Backend

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
    """Return an engine for a database, of which the first use is made here."""
    parsed = parse_database_url(url)
    label = database_label(parsed)
    backend = _backend(parsed)
    try:
        backend.check_place(parsed, label)
    except (OSError, ValueError) as error:
        if isinstance(error, ConfigurationError):
            raise
        raise ConfigurationError(
            f"TMDB_DATABASE_URL={label} cannot be used: {error}. Name another database"
        ) from error
    engine = _engine(parsed)
    try:
        begin(engine, label)
    except SQLAlchemyError as error:
        engine.dispose()
        raise ConfigurationError(
            f"TMDB_DATABASE_URL={label} cannot be used: {reason_of(error)}. {backend.advice(reason_of(error))}"
        ) from error
    except ConfigurationError:
        engine.dispose()
        raise
    # The driver's word on an option in the URL's query string.
    except (ValueError, TypeError, ArithmeticError, OSError) as error:
        engine.dispose()
        raise ConfigurationError(
            f"TMDB_DATABASE_URL={label} cannot be used: {error}. Check what follows the ? in it"
        ) from error
    return engine


def open_for_reading(url: str) -> Engine:
    """Return an engine for a database that is there, in which nothing is changed; the caller disposes of it.

    Args:
        url: ``TMDB_DATABASE_URL``.

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
    try:
        with engine.connect() as connection:
            version = stored_version(connection)
        if version is None:
            raise MissingDatabaseError(f"TMDB_DATABASE_URL={label} has no tables of a crawl: {_NOTHING_YET}")
        check_version(version, label)
    except SQLAlchemyError as error:
        engine.dispose()
        raise ConfigurationError(
            f"TMDB_DATABASE_URL={label} cannot be read: {reason_of(error)}. See that "
            "it is a database of a crawl, and that its server runs"
        ) from error
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
