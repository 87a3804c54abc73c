"""Parts that several kinds of records have: how their rows are read.

Each function gives tuples in the order of the columns named beside it. A row that lacks its key is left out later.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tmdbfusion_scrapy.storage.mapping.declaration import Mention, Relation, Values
from tmdbfusion_scrapy.storage.tables import records

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sqlalchemy import Table

    from tmdbfusion_scrapy.models.companies import (
        Network,
        ProductionCompany,
        ProductionCountry,
        SpokenLanguage,
    )
    from tmdbfusion_scrapy.models.genres import Genre
    from tmdbfusion_scrapy.models.images import EpisodeImages, Image, Images, SeasonImages
    from tmdbfusion_scrapy.models.keywords import Keyword
    from tmdbfusion_scrapy.models.people import PersonImages
    from tmdbfusion_scrapy.models.releases import AlternativeTitle
    from tmdbfusion_scrapy.models.videos import Video
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


def genres(table: Table) -> Relation:
    """``genres``."""
    return Relation(table, "genres", ("genre_id", "position"), _by_id, ((GENRE, _genre_rows),))


def companies(table: Table) -> Relation:
    """``production_companies``."""
    mentions = ((COMPANY, _organisation_rows),)
    return Relation(table, "production_companies", ("company_id", "position"), _by_id, mentions)


def networks(table: Table) -> Relation:
    """``networks``."""
    return Relation(table, "networks", ("network_id", "position"), _by_id, ((NETWORK, _organisation_rows),))


def production_countries(table: Table) -> Relation:
    """``production_countries``."""

    def read(countries: list[ProductionCountry]) -> Iterator[Values]:
        return ((country.iso_3166_1, position) for position, country in enumerate(countries))

    def mentioned(countries: list[ProductionCountry]) -> Iterator[Values]:
        return ((country.iso_3166_1, country.name) for country in countries)

    return Relation(table, "production_countries", ("iso_3166_1", "position"), read, ((COUNTRY, mentioned),))


def origin_countries(table: Table) -> Relation:
    """``origin_country``, a list of codes."""

    def read(codes: list[str]) -> Iterator[Values]:
        return ((code, position) for position, code in enumerate(codes))

    def mentioned(codes: list[str]) -> Iterator[Values]:
        return ((code, None) for code in codes)

    return Relation(table, "origin_country", ("iso_3166_1", "position"), read, ((COUNTRY, mentioned),))


def spoken_languages(table: Table) -> Relation:
    """``spoken_languages``."""

    def read(languages: list[SpokenLanguage]) -> Iterator[Values]:
        return ((language.iso_639_1, position) for position, language in enumerate(languages))

    def mentioned(languages: list[SpokenLanguage]) -> Iterator[Values]:
        return ((language.iso_639_1, language.english_name, language.name) for language in languages)

    return Relation(table, "spoken_languages", ("iso_639_1", "position"), read, ((LANGUAGE, mentioned),))


def languages(table: Table) -> Relation:
    """``languages``, a list of codes."""

    def read(codes: list[str]) -> Iterator[Values]:
        return ((code, position) for position, code in enumerate(codes))

    def mentioned(codes: list[str]) -> Iterator[Values]:
        return ((code, None, None) for code in codes)

    return Relation(table, "languages", ("iso_639_1", "position"), read, ((LANGUAGE, mentioned),))


def keywords(table: Table, path: str) -> Relation:
    """The list of ``keywords``."""

    def mentioned(keywords: list[Keyword]) -> Iterator[Values]:
        return ((keyword.id, keyword.name) for keyword in keywords)

    return Relation(table, path, ("keyword_id", "position"), _by_id, ((KEYWORD, mentioned),))


def images(table: Table) -> Relation:
    """``images``, of every type that the record has."""

    def rows(image_type: str, images: list[Image]) -> Iterator[Values]:
        for image in images:
            yield (
                image_type,
                image.file_path,
                image.iso_639_1,
                image.iso_3166_1,
                image.width,
                image.height,
                image.aspect_ratio,
                image.vote_average,
                image.vote_count,
            )

    def read(images: Images | SeasonImages | EpisodeImages | PersonImages) -> Iterator[Values]:
        for image_type in ("poster", "backdrop", "logo", "profile", "still"):
            yield from rows(image_type, getattr(images, f"{image_type}s", []))

    columns = ("image_type", "file_path", "iso_639_1", "iso_3166_1", "width", "height", "aspect_ratio")
    return Relation(table, "images", (*columns, "vote_average", "vote_count"), read)


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

    def read(videos: list[Video]) -> Iterator[Values]:
        for v in videos:
            yield (
                v.id,
                v.name,
                v.site,
                v.key,
                v.type,
                v.official,
                v.size,
                v.iso_639_1,
                v.iso_3166_1,
                v.published_at,
            )

    return Relation(table, "videos.results", columns, read)


def translations(table: Table, *texts: str) -> Relation:
    """``translations``; ``texts`` are the fields of their ``data``."""

    def read(translations: list[Any]) -> Iterator[Values]:
        for t in translations:
            values = (getattr(t.data, name) for name in texts) if t.data is not None else (None,) * len(texts)
            yield (t.iso_639_1 or "", t.iso_3166_1 or "", t.english_name, *values)

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
        return ((position, t.iso_3166_1, t.title, t.type) for position, t in enumerate(titles))

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


def _by_id(elements: Iterable[Any]) -> Iterator[Values]:
    """Links by the elements' id, in their order."""
    return ((element.id, position) for position, element in enumerate(elements))


def _genre_rows(genres: list[Genre]) -> Iterator[Values]:
    return ((genre.id, genre.name) for genre in genres)


def _organisation_rows(organisations: list[ProductionCompany] | list[Network]) -> Iterator[Values]:
    return ((o.id, o.name, o.logo_path, o.origin_country) for o in organisations)
