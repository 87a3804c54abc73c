"""Cast and crew of series, over all their episodes, and of episodes."""

from __future__ import annotations

from dataclasses import dataclass, field

from tmdbfusion_scrapy.models.credits import CastMember, Credits
from tmdbfusion_scrapy.models.record import Record


@dataclass
class GuestStar(CastMember):
    """A guest of an episode; older answers name the character in ``character_name``."""

    character_name: str | None = None


@dataclass
class EpisodeCredits(Credits):
    """The cast, crew and guests of an episode."""

    guest_stars: list[GuestStar] = field(default_factory=list)


@dataclass
class Role(Record):
    """A character, and in how many episodes."""

    credit_id: str | None = None
    character: str | None = None
    episode_count: int | None = None


@dataclass
class Job(Record):
    """A job behind the camera, and in how many episodes."""

    credit_id: str | None = None
    job: str | None = None
    episode_count: int | None = None


@dataclass
class AggregatePerson(Record):
    """Fields that the cast and the crew of a whole series or season have in common."""

    id: int | None = None
    adult: bool | None = None
    gender: int | None = None
    known_for_department: str | None = None
    name: str | None = None
    original_name: str | None = None
    popularity: float | None = None
    profile_path: str | None = None
    total_episode_count: int | None = None


@dataclass
class AggregateCastMember(AggregatePerson):
    """A person before the camera, with all roles; ``order`` is the place in the billing, from 0."""

    order: int | None = None
    roles: list[Role] = field(default_factory=list)


@dataclass
class AggregateCrewMember(AggregatePerson):
    """A person behind the camera, with all jobs in one department."""

    department: str | None = None
    jobs: list[Job] = field(default_factory=list)


@dataclass
class AggregateCredits(Record):
    """The cast and crew of all episodes of a series or season.

    A person is in the cast once, in the crew once a department.
    """

    id: int | None = None
    cast: list[AggregateCastMember] = field(default_factory=list)
    crew: list[AggregateCrewMember] = field(default_factory=list)
