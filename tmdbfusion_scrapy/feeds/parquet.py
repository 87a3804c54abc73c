"""The feed format ``parquet``."""

from __future__ import annotations

import dataclasses
import datetime
import logging
from dataclasses import dataclass
from functools import cache
from typing import IO, TYPE_CHECKING, Any

from scrapy.exporters import BaseItemExporter
from scrapy.utils.misc import load_object

from tmdbfusion_scrapy import stats as names
from tmdbfusion_scrapy.exceptions import ConfigurationError
from tmdbfusion_scrapy.items import NOT_RECORDS
from tmdbfusion_scrapy.models.record import hint_of

if TYPE_CHECKING:
    from scrapy.crawler import Crawler
    from typing_extensions import Self

    from tmdbfusion_scrapy.feeds.parquet_rows import RowBuilder, RowGroupWriter


COMPRESSIONS = ("zstd", "snappy", "gzip", "brotli", "lz4", "none")
"""Compressions of pyarrow's own packages."""


@dataclass(frozen=True)
class ParquetOptions:
    """Options of a Parquet feed.

    Args:
        item_class: The dataclass that the feed holds, or its import path. ``None`` for that of the first item.
        compression: One of :data:`COMPRESSIONS`.
        compression_level: As the compression has them, such as 1 to 22 for ``zstd``; ``None`` for its default.
        row_group_size: Rows of a row group at most.
        row_group_bytes: Size of a row group in memory, before compression, at which it is written. The larger
            the better for reading; but the last one is written while the event loop waits, 10 ms for each MB.
        raw: Whether a record's JSON goes into a column ``raw``.
        fetched_at: Whether the time at which a record came goes into a column ``fetched_at``.

    Raises:
        ConfigurationError: A value is of no use.
    """

    item_class: Any = None
    compression: str = "zstd"
    compression_level: int | None = None
    row_group_size: int = 100_000
    row_group_bytes: int = 4 * 2**20
    raw: bool = False
    fetched_at: bool = True

    def __post_init__(self) -> None:
        if self.compression not in COMPRESSIONS:
            raise ConfigurationError(
                f"compression is {self.compression!r}, not one of {', '.join(COMPRESSIONS)}: set it to one"
            )
        for name in ("row_group_size", "row_group_bytes"):
            value = getattr(self, name)
            if type(value) is not int or value < 1:
                raise ConfigurationError(f"{name} is {value!r}, not a whole number from 1: set it to one")
        flag, level = (bool,), (int, type(None))
        for name, kinds in (("compression_level", level), ("raw", flag), ("fetched_at", flag)):
            value = getattr(self, name)
            if type(value) not in kinds:
                kind = "bool" if kinds is flag else "int or None"
                raise ConfigurationError(f"{name} is {value!r}, not of type {kind}: set it to one")
        if self.item_class is not None:
            object.__setattr__(self, "item_class", _dataclass_of(self.item_class))


def _dataclass_of(given: Any) -> Any:
    """Return the dataclass that is meant."""
    try:
        found = load_object(given)
    except (ImportError, NameError, ValueError, TypeError) as error:
        raise ConfigurationError(
            f"item_class is {given!r}, which cannot be loaded ({error}): name a dataclass by its import path"
        ) from error
    if not isinstance(found, type) or not dataclasses.is_dataclass(found):
        raise ConfigurationError(
            f"item_class is {given!r}, not a dataclass: name one, such as tmdbfusion_scrapy.models.MovieDetails"
        )
    return found


@cache
def load_pyarrow() -> Any:
    """Return the module ``pyarrow``, loaded when it is first needed."""
    try:
        import pyarrow as pa
        import pyarrow.parquet
    except ImportError as error:
        raise ConfigurationError(
            "the feed format parquet needs pyarrow: pip install 'tmdbfusion-scrapy[parquet]'"
        ) from error
    return pa


logger = logging.getLogger(__name__)

# Turned into rows at once: fewer cost more an item, as each of 240 columns has a price; more hold the event loop.
_SLICE_ITEMS = 25
_SLICE_BYTES = 500_000

NO_APPENDING = (
    "{name} is there already, and Parquet cannot be appended to: set 'overwrite': True in FEEDS, or put %(time)s "
    "into the name"
)
"""Message for a feed whose file exists."""

_LEFT_OUT = (
    "A Parquet feed of {} leaves out %s: a feed holds one class. Set item_classes in FEEDS, and give each class a "
    "feed of its own"
)


class FeedReport:
    """Stats and log of a feed; without a crawler nothing is counted."""

    def __init__(self, crawler: Crawler | None) -> None:
        self._crawler = crawler
        self._said: set[type] = set()

    def count(self, name: str, number: int = 1) -> None:
        """Count in the stats of the crawl."""
        if self._crawler is not None and self._crawler.stats is not None:
            self._crawler.stats.inc_value(name, number)

    def log(self, level: int, message: str, *arguments: Any) -> None:
        """Say something, as of the crawl's spider."""
        spider = None if self._crawler is None else self._crawler.spider
        logger.log(level, message, *arguments, extra={"spider": spider})

    def leave_out(self, item: Any, message: str) -> None:
        """Count an item that is left out, and say so once a class, whose name goes into the message."""
        kind = type(item)
        self.count(f"{names.FEED_LEFT_OUT}/{kind.__name__}")
        if kind not in self._said:
            self._said.add(kind)
            level = logging.WARNING if isinstance(item, NOT_RECORDS) else logging.ERROR
            self.log(level, message, kind.__name__)


class ParquetItemExporter(BaseItemExporter):
    """Writes records, or instances of another dataclass, to a Parquet file.

    ::

        FEEDS = {"movies-%(time)s.parquet": {"format": "parquet", "item_classes": [MovieDetails]}}

    The columns are those of the class, whatever the data: see ``docs/feeds.md``. A feed holds one class, that of
    ``item_class`` or else of its first item. An item of another class is left out, said in the log and counted in
    ``tmdb/feed/left_out_count``; so is a :class:`~tmdbfusion_scrapy.items.FailedCall`, which is never
    the one to decide. An item with a value of the wrong type is lost alone and counted in
    ``tmdb/feed/failed_count``; only one that was built by hand can have one. A whole number beyond 64 bits
    becomes null and is counted in ``tmdb/feed/null_count``.

    Nothing is raised for an item, because Scrapy would keep it from the feeds after this one.

    Args:
        file: Takes bytes. It is neither closed nor asked for another position.
        crawler: Whose stats and log are used; ``None`` outside a crawl.
        fields_to_export: Columns in their order, or a mapping of fields to names of columns; ``None`` for all.
            Besides the fields, a record has ``raw`` and ``fetched_at``.
        encoding: Not used: texts are UTF-8.
        indent: Not used.
        options: See :class:`~tmdbfusion_scrapy.feeds.parquet.ParquetOptions`.

    Raises:
        ConfigurationError: pyarrow is not installed, or an option is of no use.
        TypeError: There is no such option.
    """

    def __init__(self, file: IO[bytes], *, crawler: Crawler | None = None, **options: Any) -> None:
        load_pyarrow()
        given = {field.name for field in dataclasses.fields(ParquetOptions)} & options.keys()
        self._options = ParquetOptions(**{name: options.pop(name) for name in given})
        super().__init__(**options)
        self._file = file
        self._report = FeedReport(crawler)
        self._kind: Any = None
        self._rows: RowBuilder | None = None
        self._writer: RowGroupWriter | None = None
        self._waiting: list[tuple[Any, datetime.datetime]] = []
        self._waiting_bytes = self._taken = 0
        self._failure: Exception | None = None

    @classmethod
    def from_crawler(cls, crawler: Crawler, file: IO[bytes], **options: Any) -> Self:
        return cls(file, crawler=crawler, **options)

    def start_exporting(self) -> None:
        """Begin the file where its class is known."""
        if self._options.item_class is not None:
            self._begin(self._options.item_class)

    def export_item(self, item: Any) -> None:
        """Take an item. It is written with others, at the latest by :meth:`finish_exporting`."""
        from tmdbfusion_scrapy.feeds.parquet_rows import fits

        if self._kind is None and dataclasses.is_dataclass(item) and not isinstance(item, NOT_RECORDS):
            self._begin(hint_of(item))
        if self._failure is not None:
            self._report.count(names.FEED_FAILED)
        elif self._kind is None and not isinstance(item, NOT_RECORDS):
            self._report.leave_out(item, "A Parquet feed takes dataclasses, which %s is not: it is left out")
        elif self._kind is None or not fits(item, self._kind):
            self._report.leave_out(item, _LEFT_OUT.format(_name(self._kind)))
        else:
            self._taken += 1
            self._waiting.append((item, datetime.datetime.now(datetime.timezone.utc)))
            self._waiting_bytes += len(getattr(item, "raw", None) or b"")
            if len(self._waiting) >= _SLICE_ITEMS or self._waiting_bytes >= _SLICE_BYTES:
                self._add_waiting()

    def finish_exporting(self) -> None:
        """Write what is left. Waits for the last row group, 10 ms for each MB of ``row_group_bytes``.

        Raises:
            OSError: The file could not be written; Scrapy does not store it.
        """
        self._add_waiting()
        if self._writer is None and self._failure is None:
            self._begin(None)
        if self._writer is not None and self._failure is None:
            try:
                self._writer.close()
            except Exception as error:  # noqa: BLE001 - a storage may raise anything
                self._fail(error)
        if self._failure is not None:
            raise self._failure

    def _begin(self, kind: Any) -> None:
        """Begin the file for a class; one without a class has no columns."""
        pa = load_pyarrow()
        from tmdbfusion_scrapy.feeds.parquet_rows import ADDED, RowBuilder, RowGroupWriter

        self._kind = kind
        try:
            _check_empty(self._file)
            schema = pa.schema([])
            if kind is not None:
                added = [name for name in ADDED if getattr(self._options, name)]
                self._rows = RowBuilder(kind, self.fields_to_export, added)
                schema = self._rows.schema
            self._writer = RowGroupWriter(self._file, schema, self._options)
        except Exception as error:  # noqa: BLE001 - a storage may raise anything, and so may a user's class
            self._fail(error)
        if self._rows is not None and self._rows.unknown:
            unknown = ", ".join(self._rows.unknown)
            message = "%s has no field %s: a Parquet feed goes without"
            self._report.log(logging.ERROR, message, _name(kind), unknown)

    def _add_waiting(self) -> None:
        """Turn the items that wait into rows."""
        waiting, self._waiting, self._waiting_bytes = self._waiting, [], 0
        try:
            self._add(waiting)
        except Exception:  # noqa: BLE001 - which item it is, and what is wrong with it, is found out here
            for one in waiting:
                try:
                    self._add([one])
                except Exception as error:  # noqa: BLE001 - an item must not cost the others
                    self._taken -= 1
                    self._report.count(names.FEED_FAILED)
                    message = "%s is not in a Parquet feed: %s"
                    self._report.log(logging.ERROR, message, _name(self._kind), error)

    def _add(self, items: list[tuple[Any, datetime.datetime]]) -> None:
        """Add rows to the file; none is added where an item cannot be turned into one, which raises."""
        if not items or self._failure is not None or self._rows is None or self._writer is None:
            return
        batch, nulled = self._rows.batch(*zip(*items, strict=True))
        for label, number in nulled.items():
            self._report.count(f"{names.FEED_NULLED}/{label}", number)
        try:
            self._writer.add(batch)
        except Exception as error:  # noqa: BLE001 - a storage may raise anything
            self._fail(error)

    def _fail(self, error: Exception) -> None:
        """Give the file up: without its end, nothing of it can be read."""
        self._failure = error
        if self._taken:
            self._report.count(names.FEED_FAILED, self._taken)
        message = "A Parquet feed cannot be written, and no item of it is kept: %s"
        self._report.log(logging.ERROR, message, error)
        if self._writer is not None:
            self._writer.abandon()


def _name(kind: Any) -> str:
    """Return the name of a class for the log."""
    return "records" if kind is None else getattr(kind, "__name__", str(kind))


def _check_empty(file: IO[bytes]) -> None:
    """Refuse a file that Scrapy opened to append to it; behind its post-processing the mode is not known."""
    if str(getattr(file, "mode", "")).startswith("a") and file.tell():
        raise ConfigurationError(NO_APPENDING.format(name=getattr(file, "name", "the file")))
