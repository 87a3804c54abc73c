"""Results of a search by an id of another site."""

from __future__ import annotations

from dataclasses import dataclass, field

from tmdbfusion_scrapy.models.media import EpisodeItem, SeasonItem
from tmdbfusion_scrapy.models.movie_list_item import MovieListItem
from tmdbfusion_scrapy.models.person_list_item import PersonListItem
from tmdbfusion_scrapy.models.record import Record
from tmdbfusion_scrapy.models.tv_list_item import TVListItem


@dataclass
class FindResults(Record):
    """Records that have the id, by kind; all lists are empty where nothing was found."""

    movie_results: list[MovieListItem] = field(default_factory=list)
    person_results: list[PersonListItem] = field(default_factory=list)
    tv_results: list[TVListItem] = field(default_factory=list)
    tv_episode_results: list[EpisodeItem] = field(default_factory=list)
    tv_season_results: list[SeasonItem] = field(default_factory=list)
