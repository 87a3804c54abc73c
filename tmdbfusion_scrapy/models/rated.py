"""Titles with the rating of a user or guest; ``rating`` is theirs, 0.5 to 10."""

from __future__ import annotations

from dataclasses import dataclass

from tmdbfusion_scrapy.models.media import EpisodeItem
from tmdbfusion_scrapy.models.movie_list_item import MovieListItem
from tmdbfusion_scrapy.models.tv_list_item import TVListItem


@dataclass
class RatedMovie(MovieListItem):
    """A movie with the user's rating."""

    rating: float | None = None


@dataclass
class RatedTV(TVListItem):
    """A series with the user's rating."""

    rating: float | None = None


@dataclass
class RatedEpisode(EpisodeItem):
    """An episode with the user's rating."""

    rating: float | None = None
