"""Titles, people and collections as lists, search and other records name them, and what changed of them.

A list of several kinds is of one class with the fields of all of them, and those of the others stay at their
defaults: a movie has ``title`` and ``release_date`` where a series has ``name`` and ``first_air_date``.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field
from typing import Any

from tmdbfusion_scrapy.models.record import Record


@dataclass(repr=False, eq=False)
class MovieListItem(Record):
    """A movie as lists, discover and search name it."""

    id: int | None = None
    adult: bool | None = None
    backdrop_path: str | None = None
    genre_ids: list[int] = field(default_factory=list)
    media_type: str | None = None
    original_language: str | None = None
    original_title: str | None = None
    overview: str | None = None
    popularity: float | None = None
    poster_path: str | None = None
    release_date: datetime.date | None = None
    softcore: bool | None = None
    title: str | None = None
    video: bool | None = None
    vote_average: float | None = None
    vote_count: int | None = None


@dataclass(repr=False, eq=False)
class TVListItem(Record):
    """A series as lists, discover and search name it; ``media_type`` is in mixed lists only."""

    id: int | None = None
    adult: bool | None = None
    backdrop_path: str | None = None
    first_air_date: datetime.date | None = None
    genre_ids: list[int] = field(default_factory=list)
    media_type: str | None = None
    name: str | None = None
    origin_country: list[str] = field(default_factory=list)
    original_language: str | None = None
    original_name: str | None = None
    overview: str | None = None
    popularity: float | None = None
    poster_path: str | None = None
    softcore: bool | None = None
    vote_average: float | None = None
    vote_count: int | None = None


@dataclass(repr=False, eq=False)
class MovieOrTVItem(Record):
    """A movie or a series; ``media_type`` is ``movie`` or ``tv``."""

    id: int | None = None
    adult: bool | None = None
    backdrop_path: str | None = None
    first_air_date: datetime.date | None = None
    genre_ids: list[int] = field(default_factory=list)
    media_type: str | None = None
    name: str | None = None
    origin_country: list[str] = field(default_factory=list)
    original_language: str | None = None
    original_name: str | None = None
    original_title: str | None = None
    overview: str | None = None
    popularity: float | None = None
    poster_path: str | None = None
    release_date: datetime.date | None = None
    softcore: bool | None = None
    title: str | None = None
    video: bool | None = None
    vote_average: float | None = None
    vote_count: int | None = None


@dataclass(repr=False, eq=False)
class MediaItem(MovieOrTVItem):
    """A movie, a series or a person; ``media_type`` is ``movie``, ``tv`` or ``person``."""

    gender: int | None = None
    known_for: list[MovieOrTVItem] = field(default_factory=list)
    known_for_department: str | None = None
    profile_path: str | None = None


@dataclass(repr=False, eq=False)
class SeasonItem(Record):
    """A season as lists name it; ``show_id`` is the id of its series."""

    id: int | None = None
    air_date: datetime.date | None = None
    episode_count: int | None = None
    media_type: str | None = None
    name: str | None = None
    overview: str | None = None
    poster_path: str | None = None
    season_number: int | None = None
    show_id: int | None = None
    vote_average: float | None = None


@dataclass(repr=False, eq=False)
class EpisodeItem(Record):
    """An episode as lists name it.

    ``runtime`` is in minutes; ``show_id`` is the id of its series.
    """

    id: int | None = None
    air_date: datetime.date | None = None
    episode_number: int | None = None
    episode_type: str | None = None
    media_type: str | None = None
    name: str | None = None
    overview: str | None = None
    production_code: str | None = None
    runtime: int | None = None
    season_number: int | None = None
    show_id: int | None = None
    still_path: str | None = None
    vote_average: float | None = None
    vote_count: int | None = None


@dataclass(repr=False, eq=False)
class PersonListItem(Record):
    """A person as lists and search name them; ``media_type`` is in mixed lists only.

    ``gender``: 0 not set, 1 female, 2 male, 3 non-binary
    (https://developer.themoviedb.org/reference/person-details).
    """

    id: int | None = None
    adult: bool | None = None
    gender: int | None = None
    known_for: list[MovieOrTVItem] = field(default_factory=list)
    known_for_department: str | None = None
    media_type: str | None = None
    name: str | None = None
    original_name: str | None = None
    popularity: float | None = None
    profile_path: str | None = None


@dataclass(repr=False, eq=False)
class CollectionListItem(Record):
    """A collection as search names it."""

    id: int | None = None
    adult: bool | None = None
    backdrop_path: str | None = None
    name: str | None = None
    original_language: str | None = None
    original_name: str | None = None
    overview: str | None = None
    poster_path: str | None = None


@dataclass(repr=False, eq=False)
class FindResults(Record):
    """Records that have the id, by kind; all lists are empty where nothing was found."""

    movie_results: list[MovieListItem] = field(default_factory=list)
    person_results: list[PersonListItem] = field(default_factory=list)
    tv_results: list[TVListItem] = field(default_factory=list)
    tv_episode_results: list[EpisodeItem] = field(default_factory=list)
    tv_season_results: list[SeasonItem] = field(default_factory=list)


@dataclass(repr=False, eq=False)
class RatedMovie(MovieListItem):
    """A movie with the user's rating."""

    rating: float | None = None


@dataclass(repr=False, eq=False)
class RatedTV(TVListItem):
    """A series with the user's rating."""

    rating: float | None = None


@dataclass(repr=False, eq=False)
class RatedEpisode(EpisodeItem):
    """An episode with the user's rating."""

    rating: float | None = None


@dataclass(repr=False, eq=False)
class ChangeItem(Record):
    """One edit; ``value`` and ``original_value`` are of the shape of the field that changed."""

    id: str | None = None
    action: str | None = None
    time: datetime.datetime | None = None
    iso_639_1: str | None = None
    iso_3166_1: str | None = None
    value: Any = None
    original_value: Any = None


@dataclass(repr=False, eq=False)
class Change(Record):
    """The edits of one field."""

    key: str | None = None
    items: list[ChangeItem] = field(default_factory=list)


@dataclass(repr=False, eq=False)
class Changes(Record):
    """The edits of one movie, series or person."""

    changes: list[Change] = field(default_factory=list)


@dataclass(repr=False, eq=False)
class ChangedItem(Record):
    """A movie, series or person that was edited; ``adult`` may be null."""

    id: int | None = None
    adult: bool | None = None
    softcore: bool | None = None
