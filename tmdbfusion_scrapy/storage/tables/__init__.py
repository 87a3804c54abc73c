"""The tables of the database: records, what belongs to them, and the crawl's own."""

from __future__ import annotations

# Importing a module declares its tables.
from tmdbfusion_scrapy.storage.tables import crawl, links, records
from tmdbfusion_scrapy.storage.tables.columns import metadata

__all__ = ["crawl", "links", "metadata", "records"]
