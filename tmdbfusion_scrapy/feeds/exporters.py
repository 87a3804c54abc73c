"""Scrapy's exporters, with records turned into plain rows first, and their installation.

Scrapy writes a dataclass within an item as Python's ``repr`` into CSV and XML, and into JSON at more than ten
times the cost. Items that are no records go through untouched.
"""

from __future__ import annotations

import dataclasses
import re
from functools import cache
from itertools import chain
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any
from xml.sax.saxutils import XMLGenerator

import msgspec
from itemadapter import ItemAdapter
from scrapy.exporters import CsvItemExporter, JsonItemExporter, JsonLinesItemExporter, XmlItemExporter
from scrapy.settings import SETTINGS_PRIORITIES
from scrapy.utils.misc import load_object
from w3lib.url import file_uri_to_path

from tmdbfusion_scrapy.exceptions import ConfigurationError
from tmdbfusion_scrapy.feeds.parquet import (
    NO_APPENDING,
    FeedReport,
    ParquetItemExporter,
    ParquetOptions,
    load_pyarrow,
)
from tmdbfusion_scrapy.formulas import FormulaWriter
from tmdbfusion_scrapy.items import NOT_RECORDS
from tmdbfusion_scrapy.models.record import Record, as_object
from tmdbfusion_scrapy.settings import check_boolean, settings_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from scrapy.crawler import Crawler
    from scrapy.settings import BaseSettings
    from typing_extensions import Self

_XML_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML has no way to write: https://www.w3.org/TR/xml/#charsets."""


_LEFT_OUT = (
    "A CSV feed leaves out %s: its columns are those of the first record. Set item_classes in FEEDS: with several "
    "classes a feed has the columns of all of them"
)


class RecordJsonLinesItemExporter(JsonLinesItemExporter):
    """JSON Lines: a record is an object as TMDB has it, dates as ISO 8601."""

    def export_item(self, item: Any) -> None:
        super().export_item(_plain(item))


class RecordJsonItemExporter(JsonItemExporter):
    """A JSON array of what :class:`RecordJsonLinesItemExporter` writes."""

    def export_item(self, item: Any) -> None:
        super().export_item(_plain(item))


class RecordCsvItemExporter(CsvItemExporter):
    """CSV: what is nested in a record is JSON text; a list of texts is joined by ``join_multivalued``.

    The columns are the fields of the feed, or else of the first record's class. An item with others is left out,
    said in the log and counted in ``tmdb/feed/left_out_count``; so is a
    :class:`~tmdbfusion_scrapy.items.FailedCall`, which is never the one to decide. ``item_classes`` of a
    feed gives it the columns of all of its classes. A feed without records is written as Scrapy does it.

    Args:
        file: Takes bytes.
        crawler: Whose stats and log are used; ``None`` outside a crawl.
        escape_formulas: Whether a text that a spreadsheet would take for a formula gets an apostrophe before it;
            in a crawl ``TMDB_CSV_ESCAPE_FORMULAS`` is the default.
        options: Those of Scrapy's exporter.
    """

    def __init__(
        self,
        file: IO[bytes],
        *,
        crawler: Crawler | None = None,
        escape_formulas: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(file, **options)  # type: ignore[arg-type]
        self._report = FeedReport(crawler)
        self._columns: frozenset[str] | None = None
        if check_boolean("escape_formulas", escape_formulas):
            self.csv_writer = FormulaWriter(self.csv_writer)  # type: ignore[assignment]

    @classmethod
    def from_crawler(cls, crawler: Crawler, file: IO[bytes], **options: Any) -> Self:
        escape = settings_of(crawler.settings).csv_escape_formulas
        return cls(file, crawler=crawler, **{"escape_formulas": escape, **options})

    def export_item(self, item: Any) -> None:
        if not self.fields_to_export and isinstance(item, Record):
            self.fields_to_export = list(ItemAdapter(item).field_names())
            self._columns = frozenset(self.fields_to_export)
        if self._columns is not None:
            # Nothing of an item may be lost where no one chose the columns.
            fits = self._columns.issuperset(ItemAdapter(item).field_names())
        else:
            fits = bool(self.fields_to_export) or not isinstance(item, NOT_RECORDS)
        if fits:
            super().export_item(_plain(item, _cell))
        else:
            self._report.leave_out(item, _LEFT_OUT)


class _Generator(XMLGenerator):
    """Writes XML of which every character is read back."""

    def characters(self, content: str) -> None:
        """Write text. Readers take a bare carriage return for a line feed: https://www.w3.org/TR/xml/#sec-line-ends."""
        first, *others = content.split("\r")
        super().characters(first)
        for part in others:
            # Written as it stands, which is the only public way.
            self.ignorableWhitespace("&#13;")
            super().characters(part)


class RecordXmlItemExporter(XmlItemExporter):
    """XML: a nested record is an element with its fields in it, a null an empty one."""

    def __init__(self, file: IO[bytes], **options: Any) -> None:
        super().__init__(file, **options)  # type: ignore[arg-type]
        # Scrapy 2.15 has no stream of its own.
        self.xg = _Generator(getattr(self, "stream", file), encoding=self.encoding or "utf-8")

    def export_item(self, item: Any) -> None:
        super().export_item(_plain(item, _content))


def _plain(item: Any, convert: Callable[[Any], Any] | None = None) -> Any:
    """Return a record without serializers as a mapping of its fields, each converted; any other item as it is."""
    kind: Any = type(item)
    if not isinstance(item, Record) or _has_serializers(kind):
        return item
    fields = as_object(item)
    return fields if convert is None else {name: convert(value) for name, value in fields.items()}


@cache
def _has_serializers(kind: Any) -> bool:
    """Return whether a field of a record class says how it is written, in its metadata."""
    return any("serializer" in field.metadata for field in dataclasses.fields(kind))


def _cell(value: Any) -> Any:
    """Return a value of a CSV row."""
    if isinstance(value, str):
        # Readers take NUL for the end of a text, and Python's own writer refuses it before 3.11.
        return value.replace("\0", "\N{REPLACEMENT CHARACTER}")
    if isinstance(value, list) and all(isinstance(part, str) for part in value):
        return [_cell(part) for part in value]
    return msgspec.json.encode(value).decode() if isinstance(value, (list, dict)) else value


def _content(value: Any) -> Any:
    """Return the content of an XML element."""
    if value is None:
        return ""
    if isinstance(value, str):
        return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", value)
    if isinstance(value, list):
        return [_content(part) for part in value]
    if isinstance(value, dict):
        if all(map(_XML_NAME.fullmatch, value)):
            return {name: _content(part) for name, part in value.items()}
        return _content(msgspec.json.encode(value).decode())
    return value


EXPORTERS = {
    "parquet": "tmdbfusion_scrapy.feeds.ParquetItemExporter",
    "json": "tmdbfusion_scrapy.feeds.RecordJsonItemExporter",
    "jsonlines": "tmdbfusion_scrapy.feeds.RecordJsonLinesItemExporter",
    "jsonl": "tmdbfusion_scrapy.feeds.RecordJsonLinesItemExporter",
    "jl": "tmdbfusion_scrapy.feeds.RecordJsonLinesItemExporter",
    "csv": "tmdbfusion_scrapy.feeds.RecordCsvItemExporter",
    "xml": "tmdbfusion_scrapy.feeds.RecordXmlItemExporter",
}
"""Exporters by feed format, as paths, which the user's own may be, too."""


def install_feeds(settings: BaseSettings) -> None:
    """Install the exporters where the user has none of his own, and look at the feeds that go to Parquet and CSV.

    An exporter that cannot be built would fail once for every item, and the crawl would end as if all were well.
    """
    exporters = {**EXPORTERS, **settings.getdict("FEED_EXPORTERS")}
    priority = max(settings.getpriority("FEED_EXPORTERS") or 0, SETTINGS_PRIORITIES["addon"])
    settings.set("FEED_EXPORTERS", exporters, priority=priority)
    feeds = {uri: dict(feed) for uri, feed in settings.getdict("FEEDS").items()}
    is_ours = False
    for uri, feed in feeds.items():
        # From Scrapy 2.17 the format may be that of the name.
        exporter = exporters.get(str(feed.get("format", Path(str(uri)).suffix.removeprefix("."))))
        kind = None if exporter is None else load_object(exporter)
        try:
            if kind is ParquetItemExporter:
                _check_parquet(str(uri), feed)
            elif kind is RecordCsvItemExporter:
                _check_csv(feed, has_fields=bool(settings.get("FEED_EXPORT_FIELDS")))
        except ConfigurationError as error:
            raise ConfigurationError(f"FEEDS[{str(uri)!r}]: {error}") from error
        is_ours |= kind in (ParquetItemExporter, RecordCsvItemExporter)
    if is_ours:
        settings.set("FEEDS", feeds, priority=settings.getpriority("FEEDS") or 0)


def _check_parquet(uri: str, feed: dict[str, Any]) -> None:
    """Check a feed, and give its exporter the class that the feed is said to hold."""
    load_pyarrow()
    options = feed["item_export_kwargs"] = dict(feed.get("item_export_kwargs") or {})
    known = [field.name for field in dataclasses.fields(ParquetOptions)]
    unknown = [name for name in options if name not in known]
    if unknown:
        raise ConfigurationError(
            f"item_export_kwargs has {', '.join(unknown)}, and may have {', '.join(known)}: leave the others out"
        )
    classes = [load_object(item_class) for item_class in feed.get("item_classes") or ()]
    if len(classes) > 1:
        named = ", ".join(each.__name__ for each in classes)
        raise ConfigurationError(
            f"a Parquet feed holds one class, and item_classes names {named}: give each class a feed of its own"
        )
    if classes:
        # So an empty feed has the same columns, and the first item need not decide.
        options.setdefault("item_class", classes[0])
    ParquetOptions(**options)
    local = uri.startswith("file:") or "://" not in uri
    path = Path(file_uri_to_path(uri) if uri.startswith("file:") else uri)
    if local and "%(" not in uri and not feed.get("overwrite") and path.is_file() and path.stat().st_size:
        raise ConfigurationError(NO_APPENDING.format(name=path.name))


def _check_csv(feed: dict[str, Any], *, has_fields: bool) -> None:
    """Check a feed, and give it the columns of all classes that it is said to hold."""
    options = feed.get("item_export_kwargs") or {}
    if "escape_formulas" in options:
        check_boolean("escape_formulas in item_export_kwargs", options["escape_formulas"])
    if feed.get("fields") or has_fields:
        return
    classes = [load_object(item_class) for item_class in feed.get("item_classes") or ()]
    fields = [ItemAdapter.get_field_names_from_class(item_class) for item_class in classes]
    # A dict has those that it comes with.
    if fields and all(fields):
        feed["fields"] = list(dict.fromkeys(chain.from_iterable(filter(None, fields))))
