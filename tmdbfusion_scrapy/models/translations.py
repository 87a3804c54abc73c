"""Translations."""

from __future__ import annotations

from dataclasses import dataclass, field

from tmdbfusion_scrapy.models.record import Record


@dataclass
class MovieTranslationData(Record):
    """The translated fields; an empty string where a translation has none."""

    homepage: str | None = None
    overview: str | None = None
    runtime: int | None = None
    tagline: str | None = None
    title: str | None = None


@dataclass
class MovieTranslation(Record):
    """A movie in one language."""

    iso_3166_1: str | None = None
    iso_639_1: str | None = None
    name: str | None = None
    english_name: str | None = None
    data: MovieTranslationData | None = None


@dataclass
class MovieTranslations(Record):
    """All translations of a movie."""

    id: int | None = None
    translations: list[MovieTranslation] = field(default_factory=list)
