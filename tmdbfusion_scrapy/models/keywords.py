"""Keywords and genres."""

from __future__ import annotations

from dataclasses import dataclass, field

from tmdbfusion_scrapy.models.record import Record


@dataclass
class Keyword(Record):
    """A keyword."""

    _needs_id = True

    id: int | None = None
    name: str | None = None


@dataclass
class MovieKeywords(Record):
    """The keywords of a movie."""

    id: int | None = None
    keywords: list[Keyword] = field(default_factory=list)


@dataclass
class Genre(Record):
    """A genre; its name is in the language asked for."""

    id: int | None = None
    name: str | None = None


@dataclass
class GenreList(Record):
    """All genres of movies or of series."""

    genres: list[Genre] = field(default_factory=list)
