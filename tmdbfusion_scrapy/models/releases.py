"""Releases, certifications and content ratings."""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field

from tmdbfusion_scrapy.models.record import Record


@dataclass(repr=False, eq=False)
class Certification(Record):
    """A certification; ``order`` is its place in its country, the mildest first."""

    certification: str | None = None
    meaning: str | None = None
    order: int | None = None


@dataclass(repr=False, eq=False)
class Certifications(Record):
    """The certifications by country: an ISO 3166-1 code, or one of a region (``CA-QC``)."""

    certifications: dict[str, list[Certification]] = field(default_factory=dict)


@dataclass(repr=False, eq=False)
class ContentRating(Record):
    """The rating of a series in a country, such as ``TV-MA``; ``descriptors`` are its reasons."""

    iso_3166_1: str | None = None
    descriptors: list[str] = field(default_factory=list)
    rating: str | None = None


@dataclass(repr=False, eq=False)
class ContentRatings(Record):
    """The ratings of a series by country."""

    id: int | None = None
    results: list[ContentRating] = field(default_factory=list)


@dataclass(repr=False, eq=False)
class AlternativeTitle(Record):
    """A title in a country."""

    iso_3166_1: str | None = None
    title: str | None = None
    type: str | None = None


@dataclass(repr=False, eq=False)
class AlternativeTitles(Record):
    """The titles of a movie by country."""

    id: int | None = None
    titles: list[AlternativeTitle] = field(default_factory=list)


@dataclass(repr=False, eq=False)
class TVAlternativeTitles(Record):
    """The titles of a series by country."""

    id: int | None = None
    results: list[AlternativeTitle] = field(default_factory=list)


@dataclass(repr=False, eq=False)
class Release(Record):
    """One release.

    ``type``: 1 premiere, 2 theatrical (limited), 3 theatrical, 4 digital, 5 physical, 6 TV
    (https://developer.themoviedb.org/reference/movie-release-dates).
    """

    certification: str | None = None
    descriptors: list[str] = field(default_factory=list)
    iso_639_1: str | None = None
    note: str | None = None
    release_date: datetime.datetime | None = None
    type: int | None = None


@dataclass(repr=False, eq=False)
class CountryReleases(Record):
    """The releases in one country."""

    iso_3166_1: str | None = None
    release_dates: list[Release] = field(default_factory=list)


@dataclass(repr=False, eq=False)
class ReleaseDates(Record):
    """The releases of a movie by country."""

    id: int | None = None
    results: list[CountryReleases] = field(default_factory=list)


@dataclass(repr=False, eq=False)
class CountryRelease(Record):
    """A release in a country, in the form before ``release_dates``."""

    certification: str | None = None
    descriptors: list[str] = field(default_factory=list)
    iso_3166_1: str | None = None
    primary: bool | None = None
    release_date: datetime.date | None = None


@dataclass(repr=False, eq=False)
class Releases(Record):
    """The releases of a movie in the form before ``release_dates``."""

    countries: list[CountryRelease] = field(default_factory=list)
