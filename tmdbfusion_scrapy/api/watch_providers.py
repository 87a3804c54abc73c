"""Watch providers."""

from __future__ import annotations

from typing import ClassVar

from tmdbfusion_scrapy.api.endpoint import get
from tmdbfusion_scrapy.api.namespaces import E, Namespace
from tmdbfusion_scrapy.models.watch_providers import WatchProviderList, WatchRegions


class WatchProviders(Namespace[E]):
    """The services on which to watch, and their countries. Attribute the data to JustWatch."""

    name: ClassVar[str] = "watch_providers"

    @get("watch/providers/regions", operation_id="watch-providers-available-regions")
    @staticmethod
    def available_regions(*, language: str | None = None) -> WatchRegions:
        """The countries of which TMDB knows services.

        https://developer.themoviedb.org/reference/watch-providers-available-regions

        Args:
            language: ISO 639-1, with a country if wanted (``fr-CA``); ``en-US`` at TMDB.
        """
        raise NotImplementedError

    @get("watch/providers/movie", operation_id="watch-providers-movie-list")
    @staticmethod
    def movie_list(*, language: str | None = None, watch_region: str | None = None) -> WatchProviderList:
        """The services for movies.

        https://developer.themoviedb.org/reference/watch-providers-movie-list

        Args:
            language: ISO 639-1, with a country if wanted (``fr-CA``); ``en-US`` at TMDB.
            watch_region: ISO 3166-1 code of the only country wanted.
        """
        raise NotImplementedError

    @get("watch/providers/tv", operation_id="watch-provider-tv-list")
    @staticmethod
    def tv_list(*, language: str | None = None, watch_region: str | None = None) -> WatchProviderList:
        """The services for series.

        https://developer.themoviedb.org/reference/watch-provider-tv-list

        Args:
            language: ISO 639-1, with a country if wanted (``fr-CA``); ``en-US`` at TMDB.
            watch_region: ISO 3166-1 code of the only country wanted.
        """
        raise NotImplementedError
