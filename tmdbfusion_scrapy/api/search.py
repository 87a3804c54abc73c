"""Search by words, and by ids of other sites."""

from __future__ import annotations

from typing import ClassVar, Literal

from tmdbfusion_scrapy.api.catalogue import E, Namespace
from tmdbfusion_scrapy.api.endpoint import get
from tmdbfusion_scrapy.models.companies import Keyword, ProductionCompany
from tmdbfusion_scrapy.models.list_items import (
    CollectionListItem,
    FindResults,
    MediaItem,
    MovieListItem,
    PersonListItem,
    TVListItem,
)
from tmdbfusion_scrapy.models.paging import Page


class Search(Namespace[E]):
    """Search by text."""

    name: ClassVar[str] = "search"

    @get("search/collection", operation_id="search-collection")
    @staticmethod
    def collection(
        query: str,
        *,
        include_adult: bool | None = None,
        language: str | None = None,
        page: int | None = None,
        region: str | None = None,
    ) -> Page[CollectionListItem]:
        """Collections by their original, translated and alternative names.

        https://developer.themoviedb.org/reference/search-collection

        Args:
            query: The text to search for.
            include_adult: Whether to include adult content; not at TMDB.
            language: ISO 639-1, with a country if wanted (``fr-CA``); ``en-US`` at TMDB.
            page: Page, 1 to 500; 1 at TMDB.
            region: ISO 3166-1 code of a country.
        """
        raise NotImplementedError

    @get("search/company", operation_id="search-company")
    @staticmethod
    def company(query: str, *, page: int | None = None) -> Page[ProductionCompany]:
        """Companies by their original and alternative names.

        https://developer.themoviedb.org/reference/search-company

        Args:
            query: The text to search for.
            page: Page, 1 to 500; 1 at TMDB.
        """
        raise NotImplementedError

    @get("search/keyword", operation_id="search-keyword")
    @staticmethod
    def keyword(query: str, *, page: int | None = None) -> Page[Keyword]:
        """Keywords by their name.

        https://developer.themoviedb.org/reference/search-keyword

        Args:
            query: The text to search for.
            page: Page, 1 to 500; 1 at TMDB.
        """
        raise NotImplementedError

    @get("search/movie", operation_id="search-movie")
    @staticmethod
    def movie(
        query: str,
        *,
        include_adult: bool | None = None,
        language: str | None = None,
        page: int | None = None,
        primary_release_year: int | str | None = None,
        region: str | None = None,
        year: int | str | None = None,
    ) -> Page[MovieListItem]:
        """Movies by their original, translated and alternative titles.

        https://developer.themoviedb.org/reference/search-movie

        Args:
            query: The text to search for.
            include_adult: Whether to include adult content; not at TMDB.
            language: ISO 639-1, with a country if wanted (``fr-CA``); ``en-US`` at TMDB.
            page: Page, 1 to 500; 1 at TMDB.
            primary_release_year: Year of the first release.
            region: ISO 3166-1 code of the country whose release dates count.
            year: Year of any release.
        """
        raise NotImplementedError

    @get("search/multi", operation_id="search-multi")
    @staticmethod
    def multi(
        query: str,
        *,
        include_adult: bool | None = None,
        language: str | None = None,
        page: int | None = None,
    ) -> Page[MediaItem]:
        """Movies, series and people in one list, told apart by ``media_type``.

        https://developer.themoviedb.org/reference/search-multi

        Args:
            query: The text to search for.
            include_adult: Whether to include adult content; not at TMDB.
            language: ISO 639-1, with a country if wanted (``fr-CA``); ``en-US`` at TMDB.
            page: Page, 1 to 500; 1 at TMDB.
        """
        raise NotImplementedError

    @get("search/person", operation_id="search-person")
    @staticmethod
    def person(
        query: str,
        *,
        include_adult: bool | None = None,
        language: str | None = None,
        page: int | None = None,
    ) -> Page[PersonListItem]:
        """People by their names, also those they are also known as.

        https://developer.themoviedb.org/reference/search-person

        Args:
            query: The text to search for.
            include_adult: Whether to include adult content; not at TMDB.
            language: ISO 639-1, with a country if wanted (``fr-CA``); ``en-US`` at TMDB.
            page: Page, 1 to 500; 1 at TMDB.
        """
        raise NotImplementedError

    @get("search/tv", operation_id="search-tv")
    @staticmethod
    def tv(
        query: str,
        *,
        first_air_date_year: int | None = None,
        include_adult: bool | None = None,
        language: str | None = None,
        page: int | None = None,
        year: int | None = None,
    ) -> Page[TVListItem]:
        """Series by their original, translated and also-known-as names.

        https://developer.themoviedb.org/reference/search-tv

        Args:
            query: The text to search for.
            first_air_date_year: Year in which the series was first on air, 1000 to 9999.
            include_adult: Whether to include adult content; not at TMDB.
            language: ISO 639-1, with a country if wanted (``fr-CA``); ``en-US`` at TMDB.
            page: Page, 1 to 500; 1 at TMDB.
            year: Year in which the series or any of its episodes was first on air, 1000 to 9999.
        """
        raise NotImplementedError


ExternalSource = Literal[
    "imdb_id",
    "facebook_id",
    "instagram_id",
    "tvdb_id",
    "tiktok_id",
    "twitter_id",
    "wikidata_id",
    "youtube_id",
]
"""The sites whose ids TMDB knows."""


class Find(Namespace[E]):
    """Records by their id of another site."""

    name: ClassVar[str] = "find"

    @get("find/{external_id}", operation_id="find-by-id")
    @staticmethod
    def by_id(
        external_id: str,
        *,
        external_source: ExternalSource,
        language: str | None = None,
    ) -> FindResults:
        """Movies, people, series, seasons and episodes with an id of another site.

        https://developer.themoviedb.org/reference/find-by-id

        Args:
            external_id: The id at the other site, such as ``tt0137523``.
            external_source: The other site.
            language: ISO 639-1, with a country if wanted (``fr-CA``); ``en-US`` at TMDB.
        """
        raise NotImplementedError
