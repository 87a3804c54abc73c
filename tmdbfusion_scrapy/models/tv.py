"""Series."""

from __future__ import annotations

import copy
import datetime
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from tmdbfusion_scrapy.models.account import AccountStates
from tmdbfusion_scrapy.models.changes import Changes
from tmdbfusion_scrapy.models.companies import Network, ProductionCompany, ProductionCountry, SpokenLanguage
from tmdbfusion_scrapy.models.credits import AggregateCredits, Credits
from tmdbfusion_scrapy.models.external_ids import TVExternalIds
from tmdbfusion_scrapy.models.images import Images
from tmdbfusion_scrapy.models.keywords import Genre, Keyword
from tmdbfusion_scrapy.models.list_items import EpisodeItem, SeasonItem, TVListItem
from tmdbfusion_scrapy.models.lists import Review
from tmdbfusion_scrapy.models.movies import ListSummary
from tmdbfusion_scrapy.models.paging import Page
from tmdbfusion_scrapy.models.record import Record
from tmdbfusion_scrapy.models.releases import ContentRatings, TVAlternativeTitles
from tmdbfusion_scrapy.models.translations import TVTranslations
from tmdbfusion_scrapy.models.tv_episodes import EpisodeGroups
from tmdbfusion_scrapy.models.tv_seasons import SeasonDetails
from tmdbfusion_scrapy.models.videos import Videos
from tmdbfusion_scrapy.models.watch_providers import WatchProviders

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

R = TypeVar("R", bound=Record)


@dataclass
class Creator(Record):
    """A person who created a series."""

    id: int | None = None
    credit_id: str | None = None
    gender: int | None = None
    name: str | None = None
    original_name: str | None = None
    profile_path: str | None = None


@dataclass
class TVKeywords(Record):
    """The keywords of a series."""

    id: int | None = None
    results: list[Keyword] = field(default_factory=list)


@dataclass
class ScreenedEpisode(Record):
    """An episode that was shown in theatres; ``id`` is the episode's."""

    id: int | None = None
    episode_number: int | None = None
    season_number: int | None = None


@dataclass
class ScreenedTheatrically(Record):
    """The episodes of a series that were shown in theatres."""

    id: int | None = None
    results: list[ScreenedEpisode] = field(default_factory=list)


@dataclass
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
