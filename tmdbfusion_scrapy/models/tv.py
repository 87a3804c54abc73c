"""Series, their seasons and episodes.

``freebase_id``, ``freebase_mid`` and ``tvrage_id`` are of sites that are gone; TMDB still sends them.
"""

from __future__ import annotations

import copy
import datetime
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar, cast

from tmdbfusion_scrapy.models.account import AccountStates, Review, SeasonAccountStates
from tmdbfusion_scrapy.models.companies import (
    Genre,
    Keyword,
    Network,
    ProductionCompany,
    ProductionCountry,
    SpokenLanguage,
)
from tmdbfusion_scrapy.models.credits import AggregateCredits, Credits, CrewMember, EpisodeCredits, GuestStar
from tmdbfusion_scrapy.models.images import EpisodeImages, Images, SeasonImages, Videos
from tmdbfusion_scrapy.models.list_items import Changes, EpisodeItem, SeasonItem, TVListItem
from tmdbfusion_scrapy.models.movies import ListSummary
from tmdbfusion_scrapy.models.paging import Page
from tmdbfusion_scrapy.models.record import Record
from tmdbfusion_scrapy.models.reference import WatchProviders
from tmdbfusion_scrapy.models.releases import ContentRatings, TVAlternativeTitles
from tmdbfusion_scrapy.models.translations import EpisodeTranslations, SeasonTranslations, TVTranslations

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


@dataclass(repr=False, eq=False)
class SeasonExternalIds(Record):
    """The ids of a season elsewhere."""

    id: int | None = None
    freebase_id: str | None = None
    freebase_mid: str | None = None
    tvdb_id: int | None = None
    tvrage_id: int | None = None
    wikidata_id: str | None = None


@dataclass(repr=False, eq=False)
class EpisodeExternalIds(SeasonExternalIds):
    """The ids of an episode elsewhere: those that a season has, and IMDb's."""

    imdb_id: str | None = None


@dataclass(repr=False, eq=False)
class TVExternalIds(EpisodeExternalIds):
    """The ids of a series elsewhere: those that an episode has, and its accounts."""

    facebook_id: str | None = None
    instagram_id: str | None = None
    twitter_id: str | None = None


@dataclass(repr=False, eq=False)
class Episode(EpisodeItem):
    """An episode as its season names it, with crew and guests; ``runtime`` is in minutes."""

    crew: list[CrewMember] = field(default_factory=list)
    guest_stars: list[GuestStar] = field(default_factory=list)


@dataclass(repr=False, eq=False)
class EpisodeDetails(Episode):
    """An episode, with the parts that were asked for by ``append_to_response``.

    ``runtime`` is in minutes. A part that was not asked for is ``None``.
    """

    _needs_id = True

    account_states: AccountStates | None = None
    credits: EpisodeCredits | None = None
    external_ids: EpisodeExternalIds | None = None
    images: EpisodeImages | None = None
    translations: EpisodeTranslations | None = None
    videos: Videos | None = None


@dataclass(repr=False, eq=False)
class EpisodeGroupSummary(Record):
    """An order of the episodes, as the list of them names it.

    ``type``: 1 original air date, 2 absolute, 3 DVD, 4 digital, 5 story arc, 6 production, 7 TV
    (https://developer.themoviedb.org/reference/tv-episode-group-details).
    """

    id: str | None = None
    description: str | None = None
    episode_count: int | None = None
    group_count: int | None = None
    name: str | None = None
    network: Network | None = None
    type: int | None = None


@dataclass(repr=False, eq=False)
class EpisodeGroups(Record):
    """All orders of the episodes of a series; ``id`` is the series'."""

    id: int | None = None
    results: list[EpisodeGroupSummary] = field(default_factory=list)


@dataclass(repr=False, eq=False)
class GroupedEpisode(EpisodeItem):
    """An episode in a group; ``order`` is its place there, from 0."""

    order: int | None = None


@dataclass(repr=False, eq=False)
class EpisodeGroup(Record):
    """A group of episodes, such as a season of the DVDs; ``order`` is its place among the groups."""

    id: str | None = None
    episodes: list[GroupedEpisode] = field(default_factory=list)
    locked: bool | None = None
    name: str | None = None
    order: int | None = None


@dataclass(repr=False, eq=False)
class EpisodeGroupDetails(EpisodeGroupSummary):
    """An order of the episodes, with its groups."""

    groups: list[EpisodeGroup] = field(default_factory=list)


@dataclass(repr=False, eq=False)
class SeasonDetails(Record):
    """A season, with the parts that were asked for by ``append_to_response``.

    ``_id`` is TMDB's own key, as it sends it beside ``id``. It has no other name here, because a season that was
    appended to a series has it alone: its ``id`` is ``None``. A part that was not asked for is ``None``.
    """

    _needs_id = True

    # Id of the series that it came in; not annotated, for it is no field.
    _of_show = cast("int | None", None)

    _id: str | None = None
    id: int | None = None
    air_date: datetime.date | None = None
    episodes: list[Episode] = field(default_factory=list)
    name: str | None = None
    networks: list[Network] = field(default_factory=list)
    overview: str | None = None
    poster_path: str | None = None
    season_number: int | None = None
    vote_average: float | None = None

    account_states: SeasonAccountStates | None = None
    aggregate_credits: AggregateCredits | None = None
    credits: Credits | None = None
    external_ids: SeasonExternalIds | None = None
    images: SeasonImages | None = None
    translations: SeasonTranslations | None = None
    videos: Videos | None = None
    watch_providers: WatchProviders | None = None


R = TypeVar("R", bound=Record)


@dataclass(repr=False, eq=False)
class Creator(Record):
    """A person who created a series."""

    id: int | None = None
    credit_id: str | None = None
    gender: int | None = None
    name: str | None = None
    original_name: str | None = None
    profile_path: str | None = None


@dataclass(repr=False, eq=False)
class TVKeywords(Record):
    """The keywords of a series."""

    id: int | None = None
    results: list[Keyword] = field(default_factory=list)


@dataclass(repr=False, eq=False)
class ScreenedEpisode(Record):
    """An episode that was shown in theatres; ``id`` is the episode's."""

    id: int | None = None
    episode_number: int | None = None
    season_number: int | None = None


@dataclass(repr=False, eq=False)
class ScreenedTheatrically(Record):
    """The episodes of a series that were shown in theatres."""

    id: int | None = None
    results: list[ScreenedEpisode] = field(default_factory=list)


@dataclass(repr=False, eq=False)
class TVDetails(Record):
    """A series, with the parts that were asked for by ``append_to_response``.

    ``episode_run_time`` is in minutes. A part that was not asked for is ``None``.

    ``appended_seasons`` are the seasons that were asked for as ``season/0``, ``season/1`` and so on, in the order
    of their ``season_number``, which is that of the key where TMDB sends none. Empty where none was asked for. A
    season that the series does not have is not among them, and one that is has no ``id`` but ``_id``.
    """

    _needs_id = True

    id: int | None = None
    adult: bool | None = None
    backdrop_path: str | None = None
    created_by: list[Creator] = field(default_factory=list)
    episode_run_time: list[int] = field(default_factory=list)
    first_air_date: datetime.date | None = None
    genres: list[Genre] = field(default_factory=list)
    homepage: str | None = None
    in_production: bool | None = None
    languages: list[str] = field(default_factory=list)
    last_air_date: datetime.date | None = None
    last_episode_to_air: EpisodeItem | None = None
    name: str | None = None
    networks: list[Network] = field(default_factory=list)
    next_episode_to_air: EpisodeItem | None = None
    number_of_episodes: int | None = None
    number_of_seasons: int | None = None
    origin_country: list[str] = field(default_factory=list)
    original_language: str | None = None
    original_name: str | None = None
    overview: str | None = None
    popularity: float | None = None
    poster_path: str | None = None
    production_companies: list[ProductionCompany] = field(default_factory=list)
    production_countries: list[ProductionCountry] = field(default_factory=list)
    seasons: list[SeasonItem] = field(default_factory=list)
    softcore: bool | None = None
    spoken_languages: list[SpokenLanguage] = field(default_factory=list)
    status: str | None = None
    tagline: str | None = None
    type: str | None = None
    vote_average: float | None = None
    vote_count: int | None = None

    account_states: AccountStates | None = None
    aggregate_credits: AggregateCredits | None = None
    alternative_titles: TVAlternativeTitles | None = None
    appended_seasons: list[SeasonDetails] = field(default_factory=list)
    changes: Changes | None = None
    content_ratings: ContentRatings | None = None
    credits: Credits | None = None
    episode_groups: EpisodeGroups | None = None
    external_ids: TVExternalIds | None = None
    images: Images | None = None
    keywords: TVKeywords | None = None
    lists: Page[ListSummary] | None = None
    recommendations: Page[TVListItem] | None = None
    reviews: Page[Review] | None = None
    screened_theatrically: ScreenedTheatrically | None = None
    similar: Page[TVListItem] | None = None
    translations: TVTranslations | None = None
    videos: Videos | None = None
    watch_providers: WatchProviders | None = None


def whole_seasons(show: TVDetails, seasons: Iterable[SeasonDetails]) -> Iterator[SeasonDetails]:
    """Yield seasons that were appended to their series with the ids that they lack there.

    An appended season has no id; the series' list of seasons has it. One that has none there either comes without,
    for its episodes have ids of their own.

    Args:
        show: The series.
        seasons: Its seasons as they came; they are not changed.
    """
    ids = {season.season_number: season.id for season in show.seasons}
    for season in seasons:
        episodes = [
            episode if episode.show_id is not None else _changed(episode, show_id=show.id)
            for episode in season.episodes
        ]
        key = season.id if season.id is not None else ids.get(season.season_number)
        yield _changed(season, id=key, episodes=episodes, _of_show=show.id)


def _changed(record: R, **values: Any) -> R:
    """A copy of a record with other values."""
    changed = copy.copy(record)
    for name, value in values.items():
        setattr(changed, name, value)
    return changed
