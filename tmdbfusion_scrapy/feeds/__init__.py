"""Feed exporters that know records: Parquet, and Scrapy's JSON, CSV and XML.

The public names are loaded on first use, so that pyarrow's options cost those nothing who have no Parquet feed.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tmdbfusion_scrapy.feeds.exporters import (
        RecordCsvItemExporter,
        RecordJsonItemExporter,
        RecordJsonLinesItemExporter,
        RecordXmlItemExporter,
    )
    from tmdbfusion_scrapy.feeds.parquet import ParquetItemExporter

__all__ = [
    "ParquetItemExporter",
    "RecordCsvItemExporter",
    "RecordJsonItemExporter",
    "RecordJsonLinesItemExporter",
    "RecordXmlItemExporter",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = "parquet" if name == "ParquetItemExporter" else "exporters"
    return getattr(import_module(f"tmdbfusion_scrapy.feeds.{home}"), name)
