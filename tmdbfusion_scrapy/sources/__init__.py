"""What to crawl: pure planning, no network."""

from tmdbfusion_scrapy.sources.plan import DiscoverSource, IdsSource, ListSource, Plan

__all__ = ["DiscoverSource", "IdsSource", "ListSource", "Plan"]
