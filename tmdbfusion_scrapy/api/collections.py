"""Collections."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from tmdbfusion_scrapy.api.endpoint import get
from tmdbfusion_scrapy.api.namespaces import E, Namespace
from tmdbfusion_scrapy.models.collections import CollectionDetails, CollectionImages
from tmdbfusion_scrapy.models.translations import CollectionTranslations


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
