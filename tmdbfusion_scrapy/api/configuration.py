"""The configuration of the API."""

from __future__ import annotations

from typing import ClassVar

from tmdbfusion_scrapy.api.endpoint import get
from tmdbfusion_scrapy.api.namespaces import E, Namespace
from tmdbfusion_scrapy.models.configuration import (
    ConfigurationDetails,
    Country,
    CountryTimezones,
    Department,
    Language,
)


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
