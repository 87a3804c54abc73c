"""Cast and crew: of movies and episodes, of whole series, of people."""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field

from tmdbfusion_scrapy.models.list_items import (
    EpisodeItem,
    MovieListItem,
    MovieOrTVItem,
    PersonListItem,
    SeasonItem,
    TVListItem,
)
from tmdbfusion_scrapy.models.record import Record


@dataclass(repr=False, eq=False)
class CreditedPerson(Record):
    """A person as credits name them."""

    id: int | None = None
    adult: bool | None = None
    gender: int | None = None
    known_for_department: str | None = None
    name: str | None = None
    original_name: str | None = None
    popularity: float | None = None
    profile_path: str | None = None


@dataclass(repr=False, eq=False)
class CastMember(CreditedPerson):
    """A person before the camera; ``order`` is the place in the billing, from 0."""

    cast_id: int | None = None
    character: str | None = None
    credit_id: str | None = None
    order: int | None = None


@dataclass(repr=False, eq=False)
class CrewMember(CreditedPerson):
    """A person behind the camera."""

    credit_id: str | None = None
    department: str | None = None
    job: str | None = None


@dataclass(repr=False, eq=False)
class Credits(Record):
    """The cast and crew of a movie, series or season."""

    id: int | None = None
    cast: list[CastMember] = field(default_factory=list)
    crew: list[CrewMember] = field(default_factory=list)


@dataclass(repr=False, eq=False)
class GuestStar(CastMember):
    """A guest of an episode; older answers name the character in ``character_name``."""

    character_name: str | None = None


@dataclass(repr=False, eq=False)
class EpisodeCredits(Credits):
    """The cast, crew and guests of an episode."""

    guest_stars: list[GuestStar] = field(default_factory=list)


@dataclass(repr=False, eq=False)
class Role(Record):
    """A character, and in how many episodes."""

    credit_id: str | None = None
    character: str | None = None
    episode_count: int | None = None


@dataclass(repr=False, eq=False)
class Job(Record):
    """A job behind the camera, and in how many episodes."""

    credit_id: str | None = None
    job: str | None = None
    episode_count: int | None = None


@dataclass(repr=False, eq=False)
class AggregatePerson(CreditedPerson):
    """Fields that the cast and the crew of a whole series or season have in common."""

    total_episode_count: int | None = None


@dataclass(repr=False, eq=False)
class AggregateCastMember(AggregatePerson):
    """A person before the camera, with all roles; ``order`` is the place in the billing, from 0."""

    order: int | None = None
    roles: list[Role] = field(default_factory=list)


@dataclass(repr=False, eq=False)
class AggregateCrewMember(AggregatePerson):
    """A person behind the camera, with all jobs in one department."""

    department: str | None = None
    jobs: list[Job] = field(default_factory=list)


@dataclass(repr=False, eq=False)
class AggregateCredits(Record):
    """The cast and crew of all episodes of a series or season.

    A person is in the cast once, in the crew once a department.
    """

    id: int | None = None
    cast: list[AggregateCastMember] = field(default_factory=list)
    crew: list[AggregateCrewMember] = field(default_factory=list)


@dataclass(repr=False, eq=False)
class MovieCastCredit(MovieListItem):
    """A movie with a part in it; ``order`` is the place in the billing, from 0."""

    character: str | None = None
    credit_id: str | None = None
    order: int | None = None


@dataclass(repr=False, eq=False)
class MovieCrewCredit(MovieListItem):
    """A movie with a job in its crew."""

    credit_id: str | None = None
    department: str | None = None
    job: str | None = None


@dataclass(repr=False, eq=False)
class PersonMovieCredits(Record):
    """The movies of a person."""

    id: int | None = None
    cast: list[MovieCastCredit] = field(default_factory=list)
    crew: list[MovieCrewCredit] = field(default_factory=list)


@dataclass(repr=False, eq=False)
class TVCastCredit(TVListItem):
    """A series with a part in it.

    ``episode_count`` is in how many episodes, of which the first was aired on ``first_credit_air_date``.
    """

    character: str | None = None
    credit_id: str | None = None
    episode_count: int | None = None
    first_credit_air_date: datetime.date | None = None


@dataclass(repr=False, eq=False)
class TVCrewCredit(TVListItem):
    """A series with a job in its crew.

    ``episode_count`` is for how many episodes, of which the first was aired on ``first_credit_air_date``.
    """

    credit_id: str | None = None
    department: str | None = None
    episode_count: int | None = None
    first_credit_air_date: datetime.date | None = None
    job: str | None = None


@dataclass(repr=False, eq=False)
class PersonTVCredits(Record):
    """The series of a person."""

    id: int | None = None
    cast: list[TVCastCredit] = field(default_factory=list)
    crew: list[TVCrewCredit] = field(default_factory=list)


@dataclass(repr=False, eq=False)
class CombinedCastCredit(MovieOrTVItem):
    """A movie or series with a part in it.

    ``order`` is of movies; ``episode_count`` and ``first_credit_air_date`` are of series.
    """

    character: str | None = None
    credit_id: str | None = None
    episode_count: int | None = None
    first_credit_air_date: datetime.date | None = None
    order: int | None = None


@dataclass(repr=False, eq=False)
class CombinedCrewCredit(MovieOrTVItem):
    """A movie or series with a job in its crew; ``episode_count`` and ``first_credit_air_date`` are of series."""

    credit_id: str | None = None
    department: str | None = None
    episode_count: int | None = None
    first_credit_air_date: datetime.date | None = None
    job: str | None = None


@dataclass(repr=False, eq=False)
class PersonCombinedCredits(Record):
    """The movies and series of a person."""

    id: int | None = None
    cast: list[CombinedCastCredit] = field(default_factory=list)
    crew: list[CombinedCrewCredit] = field(default_factory=list)


@dataclass(repr=False, eq=False)
class CreditMedia(MovieOrTVItem):
    """The movie or series of a credit; of a series also the ``episodes`` and ``seasons`` that it is for."""

    character: str | None = None
    episodes: list[EpisodeItem] = field(default_factory=list)
    seasons: list[SeasonItem] = field(default_factory=list)


@dataclass(repr=False, eq=False)
class CreditDetails(Record):
    """One credit: who, in what, as what; ``credit_type`` is ``cast`` or ``crew``."""

    id: str | None = None
    credit_type: str | None = None
    department: str | None = None
    job: str | None = None
    media: CreditMedia | None = None
    media_type: str | None = None
    person: PersonListItem | None = None
