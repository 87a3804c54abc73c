"""The item pipeline to an SQL database, and its options. A crawl without one does not load SQLAlchemy."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from scrapy import signals
from scrapy.utils.misc import load_object

from tmdbfusion_scrapy import stats as names
from tmdbfusion_scrapy.exceptions import ConfigurationError
from tmdbfusion_scrapy.items import ClearedFailure, FailedCall
from tmdbfusion_scrapy.settings import SETTINGS, check_boolean, once_a_crawl
from tmdbfusion_scrapy.stores import DATABASE_FAILED, RECORD_CAME, RecordStore

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Mapping
    from typing import TypeVar

    from scrapy.crawler import Crawler
    from scrapy.settings import BaseSettings
    from sqlalchemy.engine import Engine
    from typing_extensions import Self

    from tmdbfusion_scrapy.models.record import Record
    from tmdbfusion_scrapy.storage.batches import BatchResult
    from tmdbfusion_scrapy.storage.frontier import Frontier

    T = TypeVar("T")

logger = logging.getLogger(__name__)

_FAILURES = "tmdb_failures"
"""The table of failed calls."""

OPEN_LATE_SETTING = "TMDB_DATABASE_OPEN_LATE"
"""Set by the add-on where nobody asked for storage: a crawl without a record leaves no empty database behind."""


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

    url: str = field(default=SETTINGS["TMDB_DATABASE_URL"].default, repr=False)
    batch_size: int = SETTINGS["TMDB_DATABASE_BATCH_SIZE"].default
    flush_interval: float = SETTINGS["TMDB_DATABASE_FLUSH_INTERVAL"].default
    retry_seconds: float = 60.0
    batch_bytes: int = 2_000_000
    batches_ahead: int = 2
    store_raw: bool = True

    def fills_batch(self, items: int, size: int) -> bool:
        """Return whether items of this size, in bytes, are enough for a batch."""
        return items >= self.batch_size or size >= self.batch_bytes

    def is_too_much(self, items: int, size: int) -> bool:
        """Return whether with these waiting the crawl has to wait too."""
        return self.fills_batch(items // self.batches_ahead, size // self.batches_ahead)


def database_options(settings: Mapping[Any, Any]) -> DatabaseOptions:
    """Read ``TMDB_DATABASE_URL``, ``TMDB_DATABASE_BATCH_SIZE``, ``..._FLUSH_INTERVAL`` and ``TMDB_STORE_RAW``.

    The URL itself is checked when the database is opened.

    Raises:
        ConfigurationError: A setting is of no use; the message names it and the fix.
    """
    url = settings.get("TMDB_DATABASE_URL", DatabaseOptions.url)
    if not isinstance(url, str) or not url.strip():
        raise ConfigurationError(
            f"TMDB_DATABASE_URL is empty or no text: set an SQLAlchemy URL, such as {DatabaseOptions.url}"
        )
    size = settings.get("TMDB_DATABASE_BATCH_SIZE", DatabaseOptions.batch_size)
    # The bound keeps a transaction and its memory within reason.
    if not 1 <= _number(int, size) <= 10_000:
        raise ConfigurationError(
            f"TMDB_DATABASE_BATCH_SIZE={size!r} is no number of records: set a whole number from 1 to 10000"
        )
    seconds = settings.get("TMDB_DATABASE_FLUSH_INTERVAL", DatabaseOptions.flush_interval)
    if not 0 < _number(float, seconds) <= 3600:
        raise ConfigurationError(
            f"TMDB_DATABASE_FLUSH_INTERVAL={seconds!r} is not a number of seconds: set one above 0, up to 3600"
        )
    store_raw = check_boolean("TMDB_STORE_RAW", settings.get("TMDB_STORE_RAW", True))
    return DatabaseOptions(url.strip(), int(size), float(seconds), store_raw=store_raw)


def _number(kind: type[float], value: Any) -> float:
    """Return a value as a number, 0 for what is none."""
    try:
        return kind(value)
    except (TypeError, ValueError):
        return 0


@once_a_crawl
def database_options_of(settings: BaseSettings) -> DatabaseOptions:
    """Return what :func:`database_options` makes of the settings of a crawl, read at the first call."""
    return database_options(settings)


class SQLPipeline(RecordStore):
    """Stores TMDB records and failed calls in the database of ``TMDB_DATABASE_URL``.

    A record goes to the table of its kind and to those of what is in it, a ``FailedCall`` to ``tmdb_failures``,
    a ``Watermark`` to ``tmdb_watermarks``, and a ``ClearedFailure`` takes a failed call away; every other item
    passes through untouched. Items are written in batches by a thread of its own and are returned at once, unless
    the database is two batches behind. A pipeline after this one must not change an item any more.

    A crawl of which something is not stored because the database failed has ``tmdb_database_failed`` as its
    ``finish_reason`` in the stats, also where the database failed when all was fetched; Scrapy's own log line,
    and the reason that the spider's ``closed`` gets, say ``finished`` then.

    Args:
        crawler: The crawler.
        options: What the settings say, see :func:`database_options`.

    Attributes:
        label: The database in words, without a password; empty before it is opened.
    """

    def __init__(self, crawler: Crawler, options: DatabaseOptions) -> None:
        from tmdbfusion_scrapy.storage.rows import STORABLE
        from tmdbfusion_scrapy.storage.writer import Writer

        self._storable = STORABLE
        self._crawler = crawler
        # Older Scrapy types it as optional; a crawler that builds pipelines has its stats.
        self._stats: Any = crawler.stats
        self._options = options
        self.label = ""
        self._open_late = crawler.settings.getbool(OPEN_LATE_SETTING)
        self._opening = asyncio.Lock()
        self._unopened = 0
        self._failed = False
        self._closed = False
        self._closing_crawl: asyncio.Task[None] | None = None
        self._stored: Counter[str] = Counter()
        self._clearing: set[asyncio.Task[None]] = set()
        self._before_closing: list[Callable[[], Awaitable[None]]] = []
        self._writer = Writer(
            options, on_batch=self._count_batch, on_wait=self._warn, on_failure=self._close_crawl
        )

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Build the pipeline from the crawler's settings.

        Raises:
            ConfigurationError: A setting is of no use.
        """
        return cls(crawler, database_options_of(crawler.settings))

    async def open_spider(self) -> None:
        """Open the database and create the tables that are missing.

        Raises:
            ConfigurationError: The database cannot be used.
        """
        from tmdbfusion_scrapy.storage.database import database_label, parse_database_url

        self.label = database_label(parse_database_url(self._options.url))
        self._logger = logging.LoggerAdapter(logger, {"spider": self._crawler.spider})
        # Extensions are there before pipelines, so Scrapy's CoreStats has written its reason by then.
        self._crawler.signals.connect(self._correct_reason, signals.spider_closed)
        self._crawler.signals.connect(self._note_call, RECORD_CAME)
        if not self._open_late:
            await self._writer.start()

    async def process_item(self, item: Any) -> Any:
        """Hand a record or a failed call to the writer; return the item as it came."""
        if isinstance(item, self._storable) and (self._writer.running or await self._opened_now()):
            if isinstance(item, FailedCall):
                self._writer.failing.add(item.kind, item.path, item.id)
            await self._writer.put(cast("Record | FailedCall", item))
        return item

    async def clear_failure(self, kind: str | None, path: str) -> None:
        """Take the failure of a call away that came by now; without effect where there is none."""
        if self._writer.running and self._writer.failing.discard(kind, path):
            await self._writer.put(ClearedFailure(kind, path))

    def stored(self, kind: str | None = None) -> int:
        """Return the number of records stored so far for their own sake, of a kind or of all.

        Args:
            kind: The name of their table. With a series come its seasons and episodes, which are of other kinds.
        """
        if kind is not None:
            return self._stored[kind]
        return self._stored.total() - self._stored[_FAILURES]

    @property
    def is_behind(self) -> bool:
        """True while the crawl has to wait for the database."""
        return self._writer.is_behind

    @property
    def failing_images(self) -> Mapping[str, Mapping[int, Collection[str]]]:
        """Addresses of the images that could not be had, by kind and id of their record."""
        return self._writer.failing.images if self._writer.running else {}

    async def read(self, question: Callable[[Engine], T]) -> T:
        """Return what a question finds in the database, asked in another thread; what waits is not there yet.

        Raises:
            RuntimeError: The database is not open.
            SQLAlchemyError: It cannot be asked, and could not for :attr:`DatabaseOptions.retry_seconds`.
        """
        # The writer's thread takes it away when it ends.
        engine = self._writer.engine
        if engine is None:
            raise RuntimeError("the database is closed")
        return await self._patiently(partial(question, engine))

    def before_closing(self, wait: Callable[[], Awaitable[None]]) -> None:
        """Have something waited for before the database is closed: Scrapy closes all pipelines at once."""
        self._before_closing.append(wait)

    async def open_state(self, kind: str) -> Frontier:
        """Return the state of the crawls of a kind of records; who asks for it closes it."""
        from tmdbfusion_scrapy.storage.database import reopen_database
        from tmdbfusion_scrapy.storage.frontier import Frontier

        return Frontier(await self.ask(reopen_database, self._options.url), kind)

    async def ask(self, question: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """Return what a blocking question finds; see :class:`~tmdbfusion_scrapy.stores.RecordStore`."""
        from sqlalchemy.exc import SQLAlchemyError

        from tmdbfusion_scrapy.storage.backend import reason_of

        try:
            return await self._patiently(partial(question, *args, **kwargs))
        except SQLAlchemyError as error:
            raise ConfigurationError(
                f"TMDB_DATABASE_URL={self.label}: the database cannot be asked ({reason_of(error)}); see that "
                "its server runs, and start the crawl again, which goes on"
            ) from error

    async def _patiently(self, question: Callable[[], T]) -> T:
        """Return what a blocking question finds, asked in a thread, and again while the database is away."""
        from tmdbfusion_scrapy.storage.backend import patiently

        return await asyncio.to_thread(patiently, question, self._options.retry_seconds, self._warn_of_asking)

    def _warn_of_asking(self, reason: str) -> None:
        """Say why the crawl waits."""
        self._logger.warning(
            "The database cannot be asked now (%s): trying again for up to %g seconds",
            reason,
            self._options.retry_seconds,
        )

    def _note_call(self, call: Callable[[], tuple[str | None, str | None, str]]) -> None:
        """Take the failure of a call away whose record came, if it is not to be stored first."""
        if not self._writer.failing:
            return
        kind, _, path = call()
        if (kind or "", path) in self._writer.failing:
            task = asyncio.ensure_future(self.clear_failure(kind, path))
            self._clearing.add(task)
            task.add_done_callback(self._clearing.discard)

    async def _opened_now(self) -> bool:
        """Open the database for the first record, and say whether it is open."""
        async with self._opening:
            if not self._writer.running and not self._unopened:
                if self._closed:
                    raise RuntimeError("the database is closed")
                try:
                    await self._writer.start()
                except Exception as error:  # noqa: BLE001 - whatever it is, nothing can be stored
                    self._close_crawl(str(error))
            self._unopened += not self._writer.running
            return self._writer.running

    async def close_spider(self) -> None:
        """Write what is left and say what stands where."""
        for wait in self._before_closing:
            await wait()
        if self._clearing:
            await asyncio.wait(list(self._clearing))
        self._closed = True
        if not self._writer.running and not self._unopened:
            return
        await self._writer.close()
        lost = self._writer.lost + self._unopened
        if lost:
            self._stats.inc_value(names.STORAGE_FAILED, lost)
            self._logger.error("%d records are not stored in %s", lost, self.label)
        self._logger.info("Stored %s in %s", _summary(self._stored), self.label)

    def _count_batch(self, result: BatchResult) -> None:
        """Count what was stored and name what was not."""
        self._stats.inc_value(names.STORAGE_BATCHES, 1)
        if result.spared_bytes:
            self._stats.inc_value(names.CONDITIONAL_SPARED_BYTES, result.spared_bytes)
        for table, number in result.stored.items():
            self._stats.inc_value(f"{names.STORED_COUNT}/{table}", number)
        for kind, number in result.deleted.items():
            self._stats.inc_value(f"{names.DELETED_COUNT}/{kind}", number)
        for kind, number in result.outdated.items():
            self._stats.inc_value(f"{names.OUTDATED_COUNT}/{kind}", number)
        self._stored += result.records
        for name, left_out in result.left_out.items():
            key = f"{names.STORAGE_LEFT_OUT}/{name}"
            is_first = not self._stats.get_value(key)
            self._stats.inc_value(key, left_out.number)
            if is_first:
                self._logger.warning(
                    "TMDB sent nothing that can be stored as %s of %s: what else it sent is stored, and no row of "
                    "that list is deleted. Further ones are counted in %s",
                    name,
                    left_out.first,
                    key,
                )
        for what in result.fitted:
            self._logger.warning(
                "Not all of %s fits its column in %s: NULL is stored there", what, self.label
            )
        if result.refused:
            self._stats.inc_value(names.STORAGE_FAILED, len(result.refused))
        for failure in result.refused:
            self._logger.error(
                "Cannot store %s %s in %s: %s. It is in %s",
                failure.kind,
                failure.id,
                self.label,
                failure.message,
                _FAILURES,
            )

    def _warn(self, reason: str) -> None:
        """Say why nothing is written for a while."""
        self._logger.warning(
            "Cannot write to %s now (%s): trying again for up to %g seconds",
            self.label,
            reason,
            self._options.retry_seconds,
        )

    def _close_crawl(self, reason: str) -> None:
        """End a crawl whose records have nowhere to go."""
        self._logger.error(
            "Cannot write to %s: %s. Nothing more is stored, the crawl is closed", self.label, reason
        )
        self._failed = True
        if self._closed:
            return
        # Older Scrapy types it as optional; a spider that was opened has an engine.
        engine: Any = self._crawler.engine
        # Not awaited here: closing waits for the items that wait for the writer.
        self._closing_crawl = asyncio.ensure_future(engine.close_spider_async(reason=DATABASE_FAILED))

    def _correct_reason(self) -> None:
        """Put on record that the database failed, also when the crawl was at its end already."""
        if self._failed:
            self._stats.set_value("finish_reason", DATABASE_FAILED)


def install_storage(settings: BaseSettings, *, asks_tmdb: bool) -> None:
    """Install the pipeline, and try the database before the crawl asks TMDB for anything.

    Args:
        settings: Those of the crawl; what the user set wins.
        asks_tmdb: Whether the spider is sure to ask TMDB: another one gets a database with its first record only.

    Raises:
        ConfigurationError: The database cannot be used.
    """
    chosen = {load_object(path): order for path, order in settings.getdict("ITEM_PIPELINES").items()}
    if chosen.get(SQLPipeline, 0) is None:
        return
    from tmdbfusion_scrapy.storage.database import check_database, parse_database_url

    url = database_options_of(settings).url
    if SQLPipeline in chosen or asks_tmdb:
        check_database(url)
    else:
        parse_database_url(url)
        settings.set(OPEN_LATE_SETTING, True, priority="addon")
    settings.setdefault_in_component_priority_dict("ITEM_PIPELINES", SQLPipeline, 900)


_IRREGULAR = {"people": "person", "companies": "company"}


def _summary(stored: Counter[str]) -> str:
    """Return numbers of rows in words: ``3000 movies and 2 failed calls (table tmdb_failures)``."""
    parts = []
    for table, number in stored.items():
        words = "failed calls" if table == _FAILURES else table.replace("_", " ")
        if number == 1:
            words = _IRREGULAR.get(words) or words.removesuffix("s")
        where = f" (table {table})" if table == _FAILURES else ""
        parts.append(f"{number} {words}{where}")
    return " and ".join(parts) or "nothing"
