"""Translations."""

from __future__ import annotations

from dataclasses import dataclass, field

from tmdbfusion_scrapy.models.record import Record


@dataclass(repr=False, eq=False)
class MovieTranslationData(Record):
    """The translated fields; an empty string where a translation has none."""

    homepage: str | None = None
    overview: str | None = None
    runtime: int | None = None
    tagline: str | None = None
    title: str | None = None


@dataclass(repr=False, eq=False)
class MovieTranslation(Record):
    """A movie in one language."""

    iso_3166_1: str | None = None
    iso_639_1: str | None = None
    name: str | None = None
    english_name: str | None = None
    data: MovieTranslationData | None = None


@dataclass(repr=False, eq=False)
class MovieTranslations(Record):
    """All translations of a movie."""

    id: int | None = None
    translations: list[MovieTranslation] = field(default_factory=list)


@dataclass(repr=False, eq=False)
class TVTranslationData(Record):
    """The translated fields of a series; an empty string where a translation has none."""

    homepage: str | None = None
    name: str | None = None
    overview: str | None = None
    tagline: str | None = None


@dataclass(repr=False, eq=False)
class TVTranslation(Record):
    """A series in one language."""

    iso_3166_1: str | None = None
    iso_639_1: str | None = None
    name: str | None = None
    english_name: str | None = None
    data: TVTranslationData | None = None


@dataclass(repr=False, eq=False)
class TVTranslations(Record):
    """All translations of a series."""

    id: int | None = None
    translations: list[TVTranslation] = field(default_factory=list)


@dataclass(repr=False, eq=False)
class SeasonTranslationData(Record):
    """The translated fields of a season or episode; an empty string where a translation has none."""

    name: str | None = None
    overview: str | None = None


@dataclass(repr=False, eq=False)
class SeasonTranslation(Record):
    """A season or episode in one language."""

    iso_3166_1: str | None = None
    iso_639_1: str | None = None
    name: str | None = None
    english_name: str | None = None
    data: SeasonTranslationData | None = None


@dataclass(repr=False, eq=False)
class SeasonTranslations(Record):
    """All translations of a season."""

    id: int | None = None
    translations: list[SeasonTranslation] = field(default_factory=list)


@dataclass(repr=False, eq=False)
class EpisodeTranslations(SeasonTranslations):
    """All translations of an episode."""


@dataclass(repr=False, eq=False)
class PersonTranslationData(Record):
    """The translated fields of a person; an empty string where a translation has none."""

    biography: str | None = None
    name: str | None = None


@dataclass(repr=False, eq=False)
class PersonTranslation(Record):
    """A person in one language."""

    iso_3166_1: str | None = None
    iso_639_1: str | None = None
    name: str | None = None
    english_name: str | None = None
    data: PersonTranslationData | None = None


@dataclass(repr=False, eq=False)
class PersonTranslations(Record):
    """All translations of a person."""

    id: int | None = None
    translations: list[PersonTranslation] = field(default_factory=list)


@dataclass(repr=False, eq=False)
class CollectionTranslationData(Record):
    """The translated fields of a collection; an empty string where a translation has none."""

    title: str | None = None
    overview: str | None = None
    homepage: str | None = None


@dataclass(repr=False, eq=False)
class CollectionTranslation(Record):
    """A collection in one language."""

    iso_3166_1: str | None = None
    iso_639_1: str | None = None
    name: str | None = None
    english_name: str | None = None
    data: CollectionTranslationData | None = None


@dataclass(repr=False, eq=False)
class CollectionTranslations(Record):
    """All translations of a collection."""

    id: int | None = None
    translations: list[CollectionTranslation] = field(default_factory=list)
