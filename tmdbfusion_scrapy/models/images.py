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
class MovieImages(Record):
    """The images of a movie."""

    id: int | None = None
    backdrops: list[Image] = field(default_factory=list)
    logos: list[Image] = field(default_factory=list)
    posters: list[Image] = field(default_factory=list)
