"""Companies and networks, and the collections and keywords of titles."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from tmdbfusion_scrapy.api.catalogue import E, Namespace
from tmdbfusion_scrapy.api.endpoint import get
from tmdbfusion_scrapy.models.companies import (
    AlternativeNames,
    CollectionDetails,
    CollectionImages,
    CompanyDetails,
    Keyword,
    NetworkDetails,
)
from tmdbfusion_scrapy.models.images import Logos
from tmdbfusion_scrapy.models.list_items import MovieListItem
from tmdbfusion_scrapy.models.paging import Page
from tmdbfusion_scrapy.models.translations import CollectionTranslations


class Companies(Namespace[E]):
    """Companies that produce movies and series."""

    name: ClassVar[str] = "companies"
    kind: ClassVar[str] = "companies"

    @get("company/{company_id}", operation_id="company-details", echoes={"company_id": "id"})
    @staticmethod
    def details(company_id: int, *, append_to_response: Iterable[str] | str | None = None) -> CompanyDetails:
        """A company, with the parts that are asked for.

        https://developer.themoviedb.org/reference/company-details

        Args:
            company_id: TMDB's id of the company.
            append_to_response: Parts to send along: ``alternative_names``, ``images`` and ``movies``, of which
                TMDB sends the first page.
        """
        raise NotImplementedError

    @get("company/{company_id}/alternative_names", operation_id="company-alternative-names")
    @staticmethod
    def alternative_names(company_id: int) -> AlternativeNames:
        """The other names of a company.

        https://developer.themoviedb.org/reference/company-alternative-names

        Args:
            company_id: TMDB's id of the company.
        """
        raise NotImplementedError

    @get("company/{company_id}/images", operation_id="company-images")
    @staticmethod
    def images(company_id: int) -> Logos:
        """The logos of a company.

        https://developer.themoviedb.org/reference/company-images

        Args:
            company_id: TMDB's id of the company.
        """
        raise NotImplementedError


class Networks(Namespace[E]):
    """Networks that show series."""

    name: ClassVar[str] = "networks"
    kind: ClassVar[str] = "networks"

    @get("network/{network_id}", operation_id="network-details", echoes={"network_id": "id"})
    @staticmethod
    def details(network_id: int, *, append_to_response: Iterable[str] | str | None = None) -> NetworkDetails:
        """A network, with the parts that are asked for.

        https://developer.themoviedb.org/reference/network-details

        Args:
            network_id: TMDB's id of the network.
            append_to_response: Parts to send along: ``alternative_names`` and ``images``.
        """
        raise NotImplementedError

    @get("network/{network_id}/alternative_names", operation_id="details-copy")
    @staticmethod
    def alternative_names(network_id: int) -> AlternativeNames:
        """The other names of a network.

        https://developer.themoviedb.org/reference/details-copy

        Args:
            network_id: TMDB's id of the network.
        """
        raise NotImplementedError

    @get("network/{network_id}/images", operation_id="alternative-names-copy")
    @staticmethod
    def images(network_id: int) -> Logos:
        """The logos of a network.

        https://developer.themoviedb.org/reference/alternative-names-copy

        Args:
            network_id: TMDB's id of the network.
        """
        raise NotImplementedError


class Collections(Namespace[E]):
    """Collections of movies that belong together."""

    name: ClassVar[str] = "collections"
    kind: ClassVar[str] = "collections"

    @get("collection/{collection_id}", operation_id="collection-details", echoes={"collection_id": "id"})
    @staticmethod
    def details(
        collection_id: int,
        *,
        append_to_response: Iterable[str] | str | None = None,
        include_image_language: Iterable[str | None] | str | None = None,
        language: str | None = None,
    ) -> CollectionDetails:
        """A collection and its movies, with the parts that are asked for.

        https://developer.themoviedb.org/reference/collection-details

        Args:
            collection_id: TMDB's id of the collection.
            append_to_response: Parts to send along: ``images`` and ``translations``.
            include_image_language: Languages to add to the appended ``images``, such as ``["en", "null"]``;
                ``null`` are images without text.
            language: ISO 639-1, with a country if wanted (``fr-CA``); ``en-US`` at TMDB.
        """
        raise NotImplementedError

    @get("collection/{collection_id}/images", operation_id="collection-images")
    @staticmethod
    def images(
        collection_id: int,
        *,
        include_image_language: Iterable[str | None] | str | None = None,
        language: str | None = None,
    ) -> CollectionImages:
        """The images of a collection.

        https://developer.themoviedb.org/reference/collection-images

        Args:
            collection_id: TMDB's id of the collection.
            include_image_language: Languages of images to add, such as ``["en", "null"]``; ``null`` are those
                without text.
            language: ISO 639-1, with a country if wanted (``fr-CA``); all languages at TMDB.
        """
        raise NotImplementedError

    @get("collection/{collection_id}/translations", operation_id="collection-translations")
    @staticmethod
    def translations(collection_id: int) -> CollectionTranslations:
        """The translations of a collection.

        https://developer.themoviedb.org/reference/collection-translations

        Args:
            collection_id: TMDB's id of the collection.
        """
        raise NotImplementedError


class Keywords(Namespace[E]):
    """Keywords and the movies that have them."""

    name: ClassVar[str] = "keywords"
    kind: ClassVar[str] = "keywords"

    @get("keyword/{keyword_id}", operation_id="keyword-details", echoes={"keyword_id": "id"})
    @staticmethod
    def details(keyword_id: int) -> Keyword:
        """A keyword.

        https://developer.themoviedb.org/reference/keyword-details

        Args:
            keyword_id: TMDB's id of the keyword.
        """
        raise NotImplementedError

    @get("keyword/{keyword_id}/movies", operation_id="keyword-movies")
    @staticmethod
    def movies(
        keyword_id: int,
        *,
        include_adult: bool | None = None,
        language: str | None = None,
        page: int | None = None,
    ) -> Page[MovieListItem]:
        """The movies that have a keyword.

        ``discover.movie(with_keywords=...)`` filters and sorts them too.

        https://developer.themoviedb.org/reference/keyword-movies

        Args:
            keyword_id: TMDB's id of the keyword.
            include_adult: Adult movies too; ``False`` at TMDB.
            language: ISO 639-1, with a country if wanted (``fr-CA``); ``en-US`` at TMDB.
            page: Page, 1 to 500; 1 at TMDB.
        """
        raise NotImplementedError
