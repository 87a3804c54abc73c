"""Changes."""

from __future__ import annotations

from datetime import date
from typing import ClassVar

from tmdbfusion_scrapy.api.catalogue import E, Namespace
from tmdbfusion_scrapy.api.endpoint import get
from tmdbfusion_scrapy.models.list_items import ChangedItem
from tmdbfusion_scrapy.models.paging import Page


class Changes(Namespace[E]):
    """The ids of what was edited; the edits are at ``movies.changes``, ``tv.changes`` and ``people.changes``."""

    name: ClassVar[str] = "changes"

    @get("movie/changes", operation_id="changes-movie-list")
    @staticmethod
    def movie_list(
        *,
        start_date: date | str | None = None,
        end_date: date | str | None = None,
        page: int | None = None,
    ) -> Page[ChangedItem]:
        """The ids of movies that were edited.

        https://developer.themoviedb.org/reference/changes-movie-list

        Args:
            start_date: First day of the edits (UTC), at most 14 days before ``end_date``. With neither of the two
                TMDB gives the last 24 hours.
            end_date: Last day of the edits (UTC).
            page: Page of 100, 1 to 500; 1 at TMDB.
        """
        raise NotImplementedError

    @get("person/changes", operation_id="changes-people-list")
    @staticmethod
    def people_list(
        *,
        start_date: date | str | None = None,
        end_date: date | str | None = None,
        page: int | None = None,
    ) -> Page[ChangedItem]:
        """The ids of people that were edited.

        https://developer.themoviedb.org/reference/changes-people-list

        Args:
            start_date: First day of the edits (UTC), at most 14 days before ``end_date``. With neither of the two
                TMDB gives the last 24 hours.
            end_date: Last day of the edits (UTC).
            page: Page of 100, 1 to 500; 1 at TMDB.
        """
        raise NotImplementedError

    @get("tv/changes", operation_id="changes-tv-list")
    @staticmethod
    def tv_list(
        *,
        start_date: date | str | None = None,
        end_date: date | str | None = None,
        page: int | None = None,
    ) -> Page[ChangedItem]:
        """The ids of series that were edited.

        https://developer.themoviedb.org/reference/changes-tv-list

        Args:
            start_date: First day of the edits (UTC), at most 14 days before ``end_date``. With neither of the two
                TMDB gives the last 24 hours.
            end_date: Last day of the edits (UTC).
            page: Page of 100, 1 to 500; 1 at TMDB.
        """
        raise NotImplementedError
