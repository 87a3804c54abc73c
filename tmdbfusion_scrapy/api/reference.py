"""Reference data: certifications, genres, watch providers, and TMDB's configuration."""

from __future__ import annotations

from typing import ClassVar

from tmdbfusion_scrapy.api.catalogue import E, Namespace
from tmdbfusion_scrapy.api.endpoint import get
from tmdbfusion_scrapy.models.companies import GenreList
from tmdbfusion_scrapy.models.reference import (
    ConfigurationDetails,
    Country,
    CountryTimezones,
    Department,
    Language,
    WatchProviderList,
    WatchRegions,
)
from tmdbfusion_scrapy.models.releases import Certifications as CertificationsByCountry


class Certifications(Namespace[E]):
    """The certifications of each country: ``PG-13``, ``TV-MA``."""

    name: ClassVar[str] = "certifications"

    @get("certification/movie/list", operation_id="certification-movie-list")
    @staticmethod
    def movie_list() -> CertificationsByCountry:
        """The certifications of movies.

        https://developer.themoviedb.org/reference/certification-movie-list
        """
        raise NotImplementedError

    @get("certification/tv/list", operation_id="certifications-tv-list")
    @staticmethod
    def tv_list() -> CertificationsByCountry:
        """The certifications of series.

        https://developer.themoviedb.org/reference/certifications-tv-list
        """
        raise NotImplementedError


class Configuration(Namespace[E]):
    """Facts beyond one movie, series or person: image sizes, countries, languages, jobs."""

    name: ClassVar[str] = "configuration"

    @get("configuration", operation_id="configuration-details")
    @staticmethod
    def details() -> ConfigurationDetails:
        """The base URL and the sizes of images, and the keys that change lists use.

        https://developer.themoviedb.org/reference/configuration-details
        """
        raise NotImplementedError

    @get("configuration/countries", operation_id="configuration-countries")
    @staticmethod
    def countries(*, language: str | None = None) -> list[Country]:
        """The countries that TMDB knows.

        https://developer.themoviedb.org/reference/configuration-countries

        Args:
            language: ISO 639-1, with a country if wanted (``fr-CA``); ``en-US`` at TMDB.
        """
        raise NotImplementedError

    @get("configuration/jobs", operation_id="configuration-jobs")
    @staticmethod
    def jobs() -> list[Department]:
        """The departments and jobs of a crew.

        https://developer.themoviedb.org/reference/configuration-jobs
        """
        raise NotImplementedError

    @get("configuration/languages", operation_id="configuration-languages")
    @staticmethod
    def languages() -> list[Language]:
        """The languages that TMDB knows.

        https://developer.themoviedb.org/reference/configuration-languages
        """
        raise NotImplementedError

    @get("configuration/primary_translations", operation_id="configuration-primary-translations")
    @staticmethod
    def primary_translations() -> list[str]:
        """The languages that TMDB is translated into, such as ``pt-BR``.

        https://developer.themoviedb.org/reference/configuration-primary-translations
        """
        raise NotImplementedError

    @get("configuration/timezones", operation_id="configuration-timezones")
    @staticmethod
    def timezones() -> list[CountryTimezones]:
        """The time zones of each country.

        https://developer.themoviedb.org/reference/configuration-timezones
        """
        raise NotImplementedError


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
