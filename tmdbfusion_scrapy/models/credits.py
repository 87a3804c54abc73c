"""Cast and crew."""

from __future__ import annotations

from dataclasses import dataclass, field

from tmdbfusion_scrapy.models.record import Record


@dataclass
class CastMember(Record):
    """A person before the camera; ``order`` is the place in the billing, from 0."""

    id: int | None = None
    adult: bool | None = None
    gender: int | None = None
    known_for_department: str | None = None
    name: str | None = None
    original_name: str | None = None
    popularity: float | None = None
    profile_path: str | None = None
    cast_id: int | None = None
    character: str | None = None
    credit_id: str | None = None
    order: int | None = None


@dataclass
class CrewMember(Record):
    """A person behind the camera."""

    id: int | None = None
    adult: bool | None = None
    gender: int | None = None
    known_for_department: str | None = None
    name: str | None = None
    original_name: str | None = None
    popularity: float | None = None
    profile_path: str | None = None
    credit_id: str | None = None
    department: str | None = None
    job: str | None = None


@dataclass
class Credits(Record):
    """The cast and crew of a movie, series or season."""

    id: int | None = None
    cast: list[CastMember] = field(default_factory=list)
    crew: list[CrewMember] = field(default_factory=list)
