"""For whom a series is meant, by country."""

from __future__ import annotations

from dataclasses import dataclass, field

from tmdbfusion_scrapy.models.record import Record


@dataclass
class ContentRating(Record):
    """The rating of a series in a country, such as ``TV-MA``; ``descriptors`` are its reasons."""

    iso_3166_1: str | None = None
    descriptors: list[str] = field(default_factory=list)
    rating: str | None = None


@dataclass
class ContentRatings(Record):
    """The ratings of a series by country."""

    id: int | None = None
    results: list[ContentRating] = field(default_factory=list)
