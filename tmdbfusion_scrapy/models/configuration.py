"""What TMDB's configuration endpoints answer."""

from __future__ import annotations

from dataclasses import dataclass, field

from tmdbfusion_scrapy.models.record import Record


@dataclass
class ImagesConfiguration(Record):
    """Where images are and in which sizes: ``w500`` is 500 pixels wide, ``h632`` 632 high."""

    base_url: str | None = None
    secure_base_url: str | None = None
    backdrop_sizes: list[str] = field(default_factory=list)
    logo_sizes: list[str] = field(default_factory=list)
    poster_sizes: list[str] = field(default_factory=list)
    profile_sizes: list[str] = field(default_factory=list)
    still_sizes: list[str] = field(default_factory=list)


@dataclass
class ConfigurationDetails(Record):
    """The configuration of the API."""

    images: ImagesConfiguration | None = None
    change_keys: list[str] = field(default_factory=list)


@dataclass
class Country(Record):
    """A country that TMDB knows."""

    iso_3166_1: str | None = None
    english_name: str | None = None
    native_name: str | None = None


@dataclass
class Department(Record):
    """A department of a crew and its jobs."""

    department: str | None = None
    jobs: list[str] = field(default_factory=list)


@dataclass
class Language(Record):
    """A language that TMDB knows; ``name`` is its own name for itself."""

    iso_639_1: str | None = None
    english_name: str | None = None
    name: str | None = None


@dataclass
class CountryTimezones(Record):
    """The time zones of a country."""

    iso_3166_1: str | None = None
    zones: list[str] = field(default_factory=list)
