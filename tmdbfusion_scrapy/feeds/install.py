"""Feeds: the exporters that know records, and a look at what ``FEEDS`` says of Parquet and CSV."""

from __future__ import annotations

import dataclasses
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from itemadapter import ItemAdapter
from scrapy.settings import SETTINGS_PRIORITIES
from scrapy.utils.misc import load_object
from w3lib.url import file_uri_to_path

from tmdbfusion_scrapy.exceptions import ConfigurationError
from tmdbfusion_scrapy.feeds.exporters import RecordCsvItemExporter
from tmdbfusion_scrapy.feeds.parquet import NO_APPENDING, ParquetItemExporter
from tmdbfusion_scrapy.feeds.parquet_options import ParquetOptions, load_pyarrow
from tmdbfusion_scrapy.settings import check_boolean

if TYPE_CHECKING:
    from scrapy.settings import BaseSettings

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

    Raises:
        ConfigurationError: A feed cannot be written; the message names it and the fix.
    """
    exporters = {**EXPORTERS, **settings.getdict("FEED_EXPORTERS")}
    priority = max(settings.getpriority("FEED_EXPORTERS") or 0, SETTINGS_PRIORITIES["addon"])
    settings.set("FEED_EXPORTERS", exporters, priority=priority)
    feeds = {uri: dict(feed) for uri, feed in settings.getdict("FEEDS").items()}
    is_ours = False
    for uri, feed in feeds.items():
        exporter = exporters.get(_format(uri, feed))
        try:
            if _is_parquet(exporter):
                _check_parquet(str(uri), feed)
            elif exporter is not None and load_object(exporter) is RecordCsvItemExporter:
                _check_csv(feed, has_fields=bool(settings.get("FEED_EXPORT_FIELDS")))
            else:
                continue
        except ConfigurationError as error:
            raise ConfigurationError(f"FEEDS[{str(uri)!r}]: {error}") from error
        is_ours = True
    if is_ours:
        settings.set("FEEDS", feeds, priority=settings.getpriority("FEEDS") or 0)


def _format(uri: Any, feed: dict[str, Any]) -> str:
    """The format of a feed, which from Scrapy 2.17 may be that of its name."""
    return str(feed.get("format", Path(str(uri)).suffix.removeprefix(".")))


def _is_parquet(exporter: Any) -> bool:
    """Return whether an exporter, or its import path, is ours for Parquet."""
    return exporter is not None and load_object(exporter) is ParquetItemExporter


def _check_parquet(uri: str, feed: dict[str, Any]) -> None:
    """Check a feed, and give its exporter the class that the feed is said to hold.

    Raises:
        ConfigurationError: The feed cannot be written.
    """
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
        names = ", ".join(item_class.__name__ for item_class in classes)
        raise ConfigurationError(
            f"a Parquet feed holds one class, and item_classes names {names}: give each class a feed of its own"
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
    """Check a feed, and give it the columns of all classes that it is said to hold.

    Raises:
        ConfigurationError: An option is of no use.
    """
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
