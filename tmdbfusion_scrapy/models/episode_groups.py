"""Other orders of the episodes of a series."""

from __future__ import annotations

from dataclasses import dataclass, field

from tmdbfusion_scrapy.models.companies import Network
from tmdbfusion_scrapy.models.media import EpisodeItem
from tmdbfusion_scrapy.models.record import Record


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
