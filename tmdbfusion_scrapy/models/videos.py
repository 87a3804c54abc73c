"""Trailers, teasers and clips."""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field
from typing import Any

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


@dataclass
class Trailer(Record):
    """A trailer; ``source`` is its id at YouTube, ``size`` is ``HD`` or ``Standard``."""

    name: str | None = None
    size: str | None = None
    source: str | None = None
    type: str | None = None


@dataclass
class Trailers(Record):
    """The trailers of a movie in the form before ``videos``; ``quicktime`` has been empty in all answers seen."""

    youtube: list[Trailer] = field(default_factory=list)
    quicktime: list[Any] = field(default_factory=list)
