"""Parts that several kinds of records have: how their rows are read.

Each function gives tuples in the order of the columns named beside it. A row that lacks its key is left out later.
"""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Any

import msgspec

from tmdbfusion_scrapy.models.languages import text_languages
from tmdbfusion_scrapy.storage.mapping.declaration import (
    Mention,
    Relation,
    Values,
    fields,
    in_places,
)
from tmdbfusion_scrapy.storage.tables import records

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from sqlalchemy import Table

    from tmdbfusion_scrapy.models.collections import CollectionImages
    from tmdbfusion_scrapy.models.images import EpisodeImages, Images, Logos, SeasonImages
    from tmdbfusion_scrapy.models.people import PersonImages
    from tmdbfusion_scrapy.models.record import Record
    from tmdbfusion_scrapy.models.releases import AlternativeTitle
    from tmdbfusion_scrapy.models.watch_providers import CountryWatchProviders

GENRE = Mention(records.genres, ("id", "name"))
COUNTRY = Mention(records.countries, ("iso_3166_1", "name"))
LANGUAGE = Mention(records.languages, ("iso_639_1", "english_name", "name"))
KEYWORD = Mention(records.keywords, ("id", "name"))
COMPANY = Mention(records.companies, ("id", "name", "logo_path", "origin_country"))
NETWORK = Mention(records.networks, ("id", "name", "logo_path", "origin_country"))
COLLECTION = Mention(records.collections, ("id", "name", "poster_path", "backdrop_path"))
WATCH_PROVIDER = Mention(records.watch_providers, ("id", "name", "logo_path"))
OFFERS = ("flatrate", "rent", "buy", "ads", "free")
"""How a provider offers a title; the fields of a country's answer, and the values of ``offer``."""


def _text_languages(record: Record) -> str | None:
    """The language of each text, as JSON."""
    found = text_languages(record)
    return msgspec.json.encode(found).decode() if found else None


TEXT_LANGUAGES: Mapping[str, Callable[[Any], Any]] = {"text_languages": _text_languages}
"""The computed column of records with texts."""


def genres(table: Table) -> Relation:
    """``genres``."""
    return _named(table, "genres", GENRE, "genre_id")


def companies(table: Table) -> Relation:
    """``production_companies``."""
    return _named(table, "production_companies", COMPANY, "company_id")


def networks(table: Table) -> Relation:
    """``networks``."""
    return _named(table, "networks", NETWORK, "network_id")


def production_countries(table: Table) -> Relation:
    """``production_countries``."""
    return _named(table, "production_countries", COUNTRY, "iso_3166_1")


def origin_countries(table: Table) -> Relation:
    """``origin_country``, a list of codes."""
    return _codes(table, "origin_country", COUNTRY)


def spoken_languages(table: Table) -> Relation:
    """``spoken_languages``."""
    return _named(table, "spoken_languages", LANGUAGE, "iso_639_1")


def languages(table: Table) -> Relation:
    """``languages``, a list of codes."""
    return _codes(table, "languages", LANGUAGE)


def keywords(table: Table, path: str) -> Relation:
    """The list of ``keywords``."""
    return _named(table, path, KEYWORD, "keyword_id")


def images(table: Table) -> Relation:
    """``images``, of every type that the record has."""
    columns = (
        "file_path",
        "iso_639_1",
        "iso_3166_1",
        "width",
        "height",
        "aspect_ratio",
        "vote_average",
        "vote_count",
    )
    rows_of = fields(*columns)

    def read(
        images: Images | SeasonImages | EpisodeImages | PersonImages | CollectionImages,
    ) -> Iterator[Values]:
        for image_type in ("poster", "backdrop", "logo", "profile", "still"):
            for row in rows_of(getattr(images, f"{image_type}s", [])):
                yield (image_type, *row)

    return Relation(table, "images", ("image_type", *columns), read)


def logos(table: Table) -> Relation:
    """``images`` of what has logos alone, which are of no language."""
    columns = ("file_path", "width", "height", "aspect_ratio", "vote_average", "vote_count")
    rows_of = fields(*columns)

    def read(images: Logos) -> Iterator[Values]:
        return (("logo", *row) for row in rows_of(images.logos))

    return Relation(table, "images", ("image_type", *columns), read)


def videos(table: Table) -> Relation:
    """``videos``."""
    columns = (
        "id",
        "name",
        "site",
        "key",
        "type",
        "official",
        "size",
        "iso_639_1",
        "iso_3166_1",
        "published_at",
    )
    return Relation(table, "videos.results", columns, fields(*columns))


def translations(table: Table, *texts: str) -> Relation:
    """``translations``; ``texts`` are the fields of their ``data``."""

    def read(translations: list[Any]) -> Iterator[Values]:
        for t in translations:
            values = (getattr(t.data, name) for name in texts) if t.data is not None else (None,) * len(texts)
            # One without a language has texts all the same.
            language = None if t.data is None else ""
            yield (t.iso_639_1 or language, t.iso_3166_1 or "", t.english_name, *values)

    columns = ("iso_639_1", "iso_3166_1", "language", *texts)
    return Relation(table, "translations.translations", columns, read)


def external_ids(table: Table) -> Relation:
    """``external_ids``: a row for each that is there."""

    def read(ids: Any) -> Iterator[Values]:
        for name, value in vars(ids).items():
            # TMDB says "" and 0 where it knows none.
            if value and name != "id" and not name.startswith("_"):
                yield (name.removesuffix("_id"), str(value))

    return Relation(table, "external_ids", ("source", "external_id"), read)


def alternative_titles(table: Table, path: str) -> Relation:
    """The list of ``alternative_titles``."""

    def read(titles: list[AlternativeTitle]) -> Iterator[Values]:
        return ((position, t.iso_3166_1, t.title, t.type) for position, t in in_places(titles))

    return Relation(table, path, ("position", "iso_3166_1", "title", "type"), read)


def watch_providers(table: Table) -> Relation:
    """``watch/providers``: a row for each country, offer and provider."""

    def read(countries: dict[str, CountryWatchProviders]) -> Iterator[Values]:
        for country, offers in countries.items():
            for offer in OFFERS:
                for provider in getattr(offers, offer):
                    yield (country, offer, provider.provider_id, provider.display_priority)

    def mentioned(countries: dict[str, CountryWatchProviders]) -> Iterator[Values]:
        for offers in countries.values():
            for offer in OFFERS:
                for provider in getattr(offers, offer):
                    yield (provider.provider_id, provider.provider_name, provider.logo_path)

    return Relation(
        table,
        "watch_providers.results",
        ("iso_3166_1", "offer", "provider_id", "display_priority"),
        read,
        ((WATCH_PROVIDER, mentioned),),
    )


def _named(table: Table, path: str, mention: Mention, column: str) -> Relation:
    """A list that names each of its elements; ``column`` of the links has their keys."""
    key_of = attrgetter(mention.columns[0])

    def read(elements: Iterable[Any]) -> Iterator[Values]:
        return ((key_of(element), position) for position, element in in_places(elements))

    return Relation(table, path, (column, "position"), read, ((mention, fields(*mention.columns)),))


def _codes(table: Table, path: str, mention: Mention) -> Relation:
    """A list of codes, which say no more of what they are the keys of."""
    nothing_more = (None,) * (len(mention.columns) - 1)

    def read(codes: list[str]) -> Iterator[Values]:
        return ((code, position) for position, code in in_places(codes))

    def mentioned(codes: list[str]) -> Iterator[Values]:
        return ((code, *nothing_more) for code in codes)

    return Relation(table, path, (mention.columns[0], "position"), read, ((mention, mentioned),))
