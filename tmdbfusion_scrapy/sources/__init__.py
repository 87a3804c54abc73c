"""Sources of the ids of a crawl: one class a source, without Scrapy."""

from tmdbfusion_scrapy.sources.changes import ChangesSource
from tmdbfusion_scrapy.sources.discover import DiscoverSource, ListSource
from tmdbfusion_scrapy.sources.export import ExportSource
from tmdbfusion_scrapy.sources.ids import CsvSource, FailedSource, IdsSource, ImagesSource, StaleSource
from tmdbfusion_scrapy.sources.plan import SOURCES, Plan
from tmdbfusion_scrapy.sources.source import Kind, Listing, Lookup, Source

__all__ = [
    "SOURCES",
    "ChangesSource",
    "CsvSource",
    "DiscoverSource",
    "ExportSource",
    "FailedSource",
    "IdsSource",
    "ImagesSource",
    "Kind",
    "ListSource",
    "Listing",
    "Lookup",
    "Plan",
    "Source",
    "StaleSource",
]
