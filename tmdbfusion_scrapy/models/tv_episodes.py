"""Episodes, and groups of them."""

from __future__ import annotations

from dataclasses import dataclass, field

from tmdbfusion_scrapy.models.account import AccountStates
from tmdbfusion_scrapy.models.companies import Network
from tmdbfusion_scrapy.models.credits import CrewMember, EpisodeCredits, GuestStar
from tmdbfusion_scrapy.models.external_ids import EpisodeExternalIds
from tmdbfusion_scrapy.models.images import EpisodeImages
from tmdbfusion_scrapy.models.list_items import EpisodeItem
from tmdbfusion_scrapy.models.record import Record
from tmdbfusion_scrapy.models.translations import EpisodeTranslations
from tmdbfusion_scrapy.models.videos import Videos


@dataclass
class Episode(EpisodeItem):
    """An episode as its season names it, with crew and guests; ``runtime`` is in minutes."""

    crew: list[CrewMember] = field(default_factory=list)
    guest_stars: list[GuestStar] = field(default_factory=list)


@dataclass
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


@dataclass
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


@dataclass
class EpisodeGroups(Record):
    """All orders of the episodes of a series; ``id`` is the series'."""

    id: int | None = None
    results: list[EpisodeGroupSummary] = field(default_factory=list)


@dataclass
class GroupedEpisode(EpisodeItem):
    """An episode in a group; ``order`` is its place there, from 0."""

    order: int | None = None


@dataclass
class EpisodeGroup(Record):
    """A group of episodes, such as a season of the DVDs; ``order`` is its place among the groups."""

    id: str | None = None
    episodes: list[GroupedEpisode] = field(default_factory=list)
    locked: bool | None = None
    name: str | None = None
    order: int | None = None


@dataclass
class EpisodeGroupDetails(EpisodeGroupSummary):
    """An order of the episodes, with its groups."""

    groups: list[EpisodeGroup] = field(default_factory=list)
