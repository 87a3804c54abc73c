"""Series as lists name them."""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field

from tmdbfusion_scrapy.models.record import Record


@dataclass
class TVListItem(Record):
    """A series as lists, discover and search name it; ``media_type`` is in mixed lists only."""

    id: int | None = None
    adult: bool | None = None
    backdrop_path: str | None = None
    first_air_date: datetime.date | None = None
    genre_ids: list[int] = field(default_factory=list)
    media_type: str | None = None
    name: str | None = None
    origin_country: list[str] = field(default_factory=list)
    original_language: str | None = None
    original_name: str | None = None
    overview: str | None = None
    popularity: float | None = None
    poster_path: str | None = None
    softcore: bool | None = None
    vote_average: float | None = None
    vote_count: int | None = None
