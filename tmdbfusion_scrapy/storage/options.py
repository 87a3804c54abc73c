"""Options of writing records to a database, as the settings have them; SQLAlchemy is not loaded for it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Protocol

from tmdbfusion_scrapy.exceptions import ConfigurationError
from tmdbfusion_scrapy.settings import SETTINGS, check_boolean, once_a_crawl

DEFAULT_DATABASE_URL: str = SETTINGS["TMDB_DATABASE_URL"].default
DEFAULT_BATCH_SIZE: int = SETTINGS["TMDB_DATABASE_BATCH_SIZE"].default
DEFAULT_FLUSH_INTERVAL: float = SETTINGS["TMDB_DATABASE_FLUSH_INTERVAL"].default


class Settings(Protocol):
    """Part of Scrapy's settings that is needed; a ``dict`` will do."""

    def get(self, name: str, default: Any = None, /) -> Any:
        """Return the value of a setting, or ``default``."""


@dataclass(frozen=True)
class DatabaseOptions:
    """Options of writing records.

    Args:
        url: SQLAlchemy URL of the database, with its password: not for logs.
        batch_size: Records in one transaction, at most.
        flush_interval: Seconds that a record waits for its batch to fill, at most.
        retry_seconds: Seconds for which a batch is tried again while the database is locked or away.
        batch_bytes: Bytes of documents in one transaction, past which no more is added: a series with all its
            episodes is as large as twenty movies.
        batches_ahead: Batches that may wait for the writer before the crawl has to.
        store_raw: Whether the documents are kept beside the columns.
    """

    url: str = field(default=DEFAULT_DATABASE_URL, repr=False)
    batch_size: int = DEFAULT_BATCH_SIZE
    flush_interval: float = DEFAULT_FLUSH_INTERVAL
    retry_seconds: float = 60.0
    batch_bytes: int = 8_000_000
    batches_ahead: int = 2
    store_raw: bool = True

    def fills_batch(self, items: int, size: int) -> bool:
        """Return whether items of this size, in bytes, are enough for a batch."""
        return items >= self.batch_size or size >= self.batch_bytes

    def is_too_much(self, items: int, size: int) -> bool:
        """Return whether with these waiting the crawl has to wait too."""
        return self.fills_batch(items // self.batches_ahead, size // self.batches_ahead)


def database_options(settings: Settings) -> DatabaseOptions:
    """Read ``TMDB_DATABASE_URL``, ``TMDB_DATABASE_BATCH_SIZE``, ``..._FLUSH_INTERVAL`` and ``TMDB_STORE_RAW``.

    The URL itself is checked when the database is opened.

    Raises:
        ConfigurationError: A setting is of no use; the message names it and the fix.
    """
    url = settings.get("TMDB_DATABASE_URL", DEFAULT_DATABASE_URL)
    if not isinstance(url, str) or not url.strip():
        raise ConfigurationError(
            f"TMDB_DATABASE_URL is empty or no text: set an SQLAlchemy URL, such as {DEFAULT_DATABASE_URL}"
        )
    return DatabaseOptions(
        url=url.strip(),
        batch_size=_batch_size(settings.get("TMDB_DATABASE_BATCH_SIZE", DEFAULT_BATCH_SIZE)),
        flush_interval=_flush_interval(settings.get("TMDB_DATABASE_FLUSH_INTERVAL", DEFAULT_FLUSH_INTERVAL)),
        store_raw=check_boolean("TMDB_STORE_RAW", settings.get("TMDB_STORE_RAW", True)),
    )


@once_a_crawl
def database_options_of(settings: Settings) -> DatabaseOptions:
    """Return what :func:`database_options` makes of the settings of a crawl, read at the first call."""
    return database_options(settings)


def _batch_size(value: Any) -> int:
    """A whole number of records; the upper bound keeps a transaction and its memory within reason."""
    try:
        size = int(value)
    except (TypeError, ValueError):
        size = 0
    if not 1 <= size <= 10_000:
        raise ConfigurationError(
            f"TMDB_DATABASE_BATCH_SIZE={value!r} is no number of records: set a whole number from 1 to 10000"
        )
    return size


def _flush_interval(value: Any) -> float:
    """A number of seconds above zero."""
    try:
        seconds = float(value)
    except (TypeError, ValueError):
        seconds = math.nan
    if not 0 < seconds <= 3600:
        raise ConfigurationError(
            f"TMDB_DATABASE_FLUSH_INTERVAL={value!r} is not a number of seconds: set one above 0, up to 3600"
        )
    return seconds
