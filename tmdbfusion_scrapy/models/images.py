"""Images of a movie, series, person or company."""

from __future__ import annotations

from dataclasses import dataclass, field

from tmdbfusion_scrapy.models.record import Record


@dataclass
class Image(Record):
    """One image; its address is the base URL of the configuration, a size and ``file_path``.

    ``width`` and ``height`` are in pixels, ``aspect_ratio`` is width by height.
    """

    aspect_ratio: float | None = None
    height: int | None = None
    iso_639_1: str | None = None
    iso_3166_1: str | None = None
    file_path: str | None = None
    vote_average: float | None = None
    vote_count: int | None = None
    width: int | None = None


@dataclass
class Images(Record):
    """The images of a movie or a series."""

    id: int | None = None
    backdrops: list[Image] = field(default_factory=list)
    logos: list[Image] = field(default_factory=list)
    posters: list[Image] = field(default_factory=list)


@dataclass
class SeasonImages(Record):
    """The images of a season."""

    id: int | None = None
    posters: list[Image] = field(default_factory=list)


@dataclass
class EpisodeImages(Record):
    """The images of an episode."""

    id: int | None = None
    stills: list[Image] = field(default_factory=list)


@dataclass
class Logo(Record):
    """A logo of a company or network.

    ``file_type`` is what was uploaded, ``.svg`` or ``.png``. A PNG is there in every size, an SVG in the size
    ``original`` only (https://developer.themoviedb.org/docs/image-basics).
    """

    id: str | None = None
    aspect_ratio: float | None = None
    file_path: str | None = None
    file_type: str | None = None
    height: int | None = None
    vote_average: float | None = None
    vote_count: int | None = None
    width: int | None = None


@dataclass
class Logos(Record):
    """The logos of a company or network."""

    id: int | None = None
    logos: list[Logo] = field(default_factory=list)
