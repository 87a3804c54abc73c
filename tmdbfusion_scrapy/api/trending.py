"""Trending."""

from __future__ import annotations

from typing import ClassVar, Literal

from tmdbfusion_scrapy.api.endpoint import get
from tmdbfusion_scrapy.api.namespaces import E, Namespace
from tmdbfusion_scrapy.models.list_items import MediaItem, MovieListItem, PersonListItem, TVListItem
from tmdbfusion_scrapy.models.paging import Page

TimeWindow = Literal["day", "week"]
"""The time that trending looks back on."""


class Trending(Namespace[E]):
    """Trending titles and people, by day or week."""

    name: ClassVar[str] = "trending"

    @get("trending/all/{time_window}", operation_id="trending-all")
    @staticmethod
    def all(
        time_window: TimeWindow = "day",
        *,
        language: str | None = None,
        page: int | None = None,
    ) -> Page[MediaItem]:
        """Movies, series and people in one list, told apart by ``media_type``.

        https://developer.themoviedb.org/reference/trending-all

        Args:
            time_window: The last ``day`` or the last ``week``.
            language: ISO 639-1, with a country if wanted (``fr-CA``); ``en-US`` at TMDB.
            page: Page, 1 to 500; 1 at TMDB.
        """
        raise NotImplementedError

    @get("trending/movie/{time_window}", operation_id="trending-movies")
    @staticmethod
    def movies(
        time_window: TimeWindow = "day",
        *,
        language: str | None = None,
        page: int | None = None,
    ) -> Page[MovieListItem]:
        """The trending movies.

        https://developer.themoviedb.org/reference/trending-movies

        Args:
            time_window: The last ``day`` or the last ``week``.
            language: ISO 639-1, with a country if wanted (``fr-CA``); ``en-US`` at TMDB.
            page: Page, 1 to 500; 1 at TMDB.
        """
        raise NotImplementedError

    @get("trending/person/{time_window}", operation_id="trending-people")
    @staticmethod
    def people(
        time_window: TimeWindow = "day",
        *,
        language: str | None = None,
        page: int | None = None,
    ) -> Page[PersonListItem]:
        """The trending people.

        https://developer.themoviedb.org/reference/trending-people

        Args:
            time_window: The last ``day`` or the last ``week``.
            language: ISO 639-1, with a country if wanted (``fr-CA``); ``en-US`` at TMDB.
            page: Page, 1 to 500; 1 at TMDB.
        """
        raise NotImplementedError

    @get("trending/tv/{time_window}", operation_id="trending-tv")
    @staticmethod
    def tv(
        time_window: TimeWindow = "day",
        *,
        language: str | None = None,
        page: int | None = None,
    ) -> Page[TVListItem]:
        """The trending series.

        https://developer.themoviedb.org/reference/trending-tv

        Args:
            time_window: The last ``day`` or the last ``week``.
            language: ISO 639-1, with a country if wanted (``fr-CA``); ``en-US`` at TMDB.
            page: Page, 1 to 500; 1 at TMDB.
        """
        raise NotImplementedError
