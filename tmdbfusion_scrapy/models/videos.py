"""Trailers, teasers and clips."""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field

from tmdbfusion_scrapy.models.record import Record


@dataclass
class Video(Record):
    """A video on another site; ``key`` is its id there, ``size`` its height in lines."""

    id: str | None = None
    iso_639_1: str | None = None
    iso_3166_1: str | None = None
    name: str | None = None
    key: str | None = None
    site: str | None = None
    size: int | None = None
    type: str | None = None
    official: bool | None = None
    published_at: datetime.datetime | None = None


@dataclass
class Videos(Record):
    """The videos of a movie or series."""

    id: int | None = None
    results: list[Video] = field(default_factory=list)
