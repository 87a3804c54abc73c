"""Records that only search names."""

from __future__ import annotations

from dataclasses import dataclass

from tmdbfusion_scrapy.models.record import Record


@dataclass
class CollectionListItem(Record):
    """A collection as search names it."""

    id: int | None = None
    adult: bool | None = None
    backdrop_path: str | None = None
    name: str | None = None
    original_language: str | None = None
    original_name: str | None = None
    overview: str | None = None
    poster_path: str | None = None
