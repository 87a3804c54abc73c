"""Feed exporters that know records: Parquet, and Scrapy's JSON, CSV and XML."""

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
