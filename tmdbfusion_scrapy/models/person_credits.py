"""Credits as seen from the person: in which movies and series, and as what."""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field

from tmdbfusion_scrapy.models.media import EpisodeItem, MovieOrTVItem, SeasonItem
from tmdbfusion_scrapy.models.movie_list_item import MovieListItem
from tmdbfusion_scrapy.models.person_list_item import PersonListItem
from tmdbfusion_scrapy.models.record import Record
from tmdbfusion_scrapy.models.tv_list_item import TVListItem


@dataclass
class MovieCastCredit(MovieListItem):
    """A movie with a part in it; ``order`` is the place in the billing, from 0."""

    character: str | None = None
    credit_id: str | None = None
    order: int | None = None


@dataclass
class MovieCrewCredit(MovieListItem):
    """A movie with a job in its crew."""

    credit_id: str | None = None
    department: str | None = None
    job: str | None = None


@dataclass
class PersonMovieCredits(Record):
    """The movies of a person."""

    id: int | None = None
    cast: list[MovieCastCredit] = field(default_factory=list)
    crew: list[MovieCrewCredit] = field(default_factory=list)


@dataclass
class TVCastCredit(TVListItem):
    """A series with a part in it.

    ``episode_count`` is in how many episodes, of which the first was aired on ``first_credit_air_date``.
    """

    character: str | None = None
    credit_id: str | None = None
    episode_count: int | None = None
    first_credit_air_date: datetime.date | None = None


@dataclass
class TVCrewCredit(TVListItem):
    """A series with a job in its crew.

    ``episode_count`` is for how many episodes, of which the first was aired on ``first_credit_air_date``.
    """

    credit_id: str | None = None
    department: str | None = None
    episode_count: int | None = None
    first_credit_air_date: datetime.date | None = None
    job: str | None = None


@dataclass
class PersonTVCredits(Record):
    """The series of a person."""

    id: int | None = None
    cast: list[TVCastCredit] = field(default_factory=list)
    crew: list[TVCrewCredit] = field(default_factory=list)


@dataclass
class CombinedCastCredit(MovieOrTVItem):
    """A movie or series with a part in it.

    ``order`` is of movies; ``episode_count`` and ``first_credit_air_date`` are of series.
    """

    character: str | None = None
    credit_id: str | None = None
    episode_count: int | None = None
    first_credit_air_date: datetime.date | None = None
    order: int | None = None


@dataclass
class CombinedCrewCredit(MovieOrTVItem):
    """A movie or series with a job in its crew; ``episode_count`` and ``first_credit_air_date`` are of series."""

    credit_id: str | None = None
    department: str | None = None
    episode_count: int | None = None
    first_credit_air_date: datetime.date | None = None
    job: str | None = None


@dataclass
class PersonCombinedCredits(Record):
    """The movies and series of a person."""

    id: int | None = None
    cast: list[CombinedCastCredit] = field(default_factory=list)
    crew: list[CombinedCrewCredit] = field(default_factory=list)


@dataclass
class CreditMedia(MovieOrTVItem):
    """The movie or series of a credit; of a series also the ``episodes`` and ``seasons`` that it is for."""

    character: str | None = None
    episodes: list[EpisodeItem] = field(default_factory=list)
    seasons: list[SeasonItem] = field(default_factory=list)


@dataclass
class CreditDetails(Record):
    """One credit: who, in what, as what; ``credit_type`` is ``cast`` or ``crew``."""

    id: str | None = None
    credit_type: str | None = None
    department: str | None = None
    job: str | None = None
    media: CreditMedia | None = None
    media_type: str | None = None
    person: PersonListItem | None = None
