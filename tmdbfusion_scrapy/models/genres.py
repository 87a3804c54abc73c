"""Genres."""

from __future__ import annotations

from dataclasses import dataclass, field

from tmdbfusion_scrapy.models.record import Record


@dataclass
class Genre(Record):
    """A genre; its name is in the language asked for."""

    id: int | None = None
    name: str | None = None


@dataclass
class GenreList(Record):
    """All genres of movies or of series."""

    genres: list[Genre] = field(default_factory=list)
