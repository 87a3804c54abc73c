"""The records: dataclasses with TMDB's field names, decoded by :func:`decode`."""

from __future__ import annotations

from tmdbfusion_scrapy.models.decoding import decode
from tmdbfusion_scrapy.models.paging import DatedPage, Page
from tmdbfusion_scrapy.models.record import Record

__all__ = ["DatedPage", "Page", "Record", "decode"]
