"""Genres."""

from __future__ import annotations

from typing import ClassVar

from tmdbfusion_scrapy.api.endpoint import get
from tmdbfusion_scrapy.api.namespaces import E, Namespace
from tmdbfusion_scrapy.models.keywords import GenreList


class Genres(Namespace[E]):
    """The genres of movies and of series."""

    name: ClassVar[str] = "genres"
    kind: ClassVar[str] = "genres"

    @get("genre/movie/list", operation_id="genre-movie-list")
    @staticmethod
    def movie_list(*, language: str | None = None) -> GenreList:
        """The genres of movies.

        https://developer.themoviedb.org/reference/genre-movie-list

        Args:
            language: ISO 639-1, with a country if wanted (``fr-CA``); ``en`` at TMDB.
        """
        raise NotImplementedError

    @get("genre/tv/list", operation_id="genre-tv-list")
    @staticmethod
    def tv_list(*, language: str | None = None) -> GenreList:
        """The genres of series.

        https://developer.themoviedb.org/reference/genre-tv-list

        Args:
            language: ISO 639-1, with a country if wanted (``fr-CA``); ``en`` at TMDB.
        """
        raise NotImplementedError
