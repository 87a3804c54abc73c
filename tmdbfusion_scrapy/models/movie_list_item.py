"""A movie in a list."""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field

from tmdbfusion_scrapy.models.record import Record


@dataclass
class MovieListItem(Record):
    """A movie as lists, discover and search name it."""

    id: int | None = None
    adult: bool | None = None
    backdrop_path: str | None = None
    genre_ids: list[int] = field(default_factory=list)
    media_type: str | None = None
    original_language: str | None = None
    original_title: str | None = None
    overview: str | None = None
    popularity: float | None = None
    poster_path: str | None = None
    release_date: datetime.date | None = None
    softcore: bool | None = None
    title: str | None = None
    video: bool | None = None
    vote_average: float | None = None
    vote_count: int | None = None
