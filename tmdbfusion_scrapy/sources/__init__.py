"""What to crawl: pure planning, no network."""

from tmdbfusion_scrapy.sources.kinds import (
    ChangesSource,
    DiscoverSource,
    ExportSource,
    FailedSource,
    IdsSource,
    ImagesSource,
    ListSource,
    Source,
    StaleSource,
)
from tmdbfusion_scrapy.sources.plan import Plan

__all__ = [
    "ChangesSource",
    "DiscoverSource",
    "ExportSource",
    "FailedSource",
    "IdsSource",
    "ImagesSource",
    "ListSource",
    "Plan",
    "Source",
    "StaleSource",
]
