"""Other orders of the episodes of series."""

from __future__ import annotations

from typing import ClassVar

from tmdbfusion_scrapy.api.endpoint import get
from tmdbfusion_scrapy.api.namespaces import E, Namespace
from tmdbfusion_scrapy.models.tv_episodes import EpisodeGroupDetails


class TVEpisodeGroups(Namespace[E]):
    """Orders of the episodes of a series: one by its id."""

    name: ClassVar[str] = "tv_episode_groups"

    @get(
        "tv/episode_group/{tv_episode_group_id}",
        operation_id="tv-episode-group-details",
        echoes={"tv_episode_group_id": "id"},
    )
    @staticmethod
    def details(tv_episode_group_id: str) -> EpisodeGroupDetails:
        """An order of the episodes of a series, with its groups of episodes.

        https://developer.themoviedb.org/reference/tv-episode-group-details

        Args:
            tv_episode_group_id: TMDB's id of the order, as ``tv.episode_groups`` names it.
        """
        raise NotImplementedError
