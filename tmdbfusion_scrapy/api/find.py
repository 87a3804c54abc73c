"""Find."""

from __future__ import annotations

from typing import ClassVar, Literal

from tmdbfusion_scrapy.api.endpoint import get
from tmdbfusion_scrapy.api.namespaces import E, Namespace
from tmdbfusion_scrapy.models.list_items import FindResults

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
