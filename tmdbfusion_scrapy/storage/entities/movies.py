"""Movies and collections."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import Column, ForeignKey

from tmdbfusion_scrapy.models.companies import CollectionDetails
from tmdbfusion_scrapy.models.list_items import MovieListItem
from tmdbfusion_scrapy.models.movies import MovieDetails
from tmdbfusion_scrapy.storage.entities.declaration import (
    Children,
    Stored,
    Stub,
    date,
    document,
    fields,
    flag,
    integer,
    long_integer,
    moment,
    number,
    position_key,
    record_table,
    shared,
    text,
    text_key,
)
from tmdbfusion_scrapy.storage.entities.parts import (
    COUNTRY,
    GENRE,
    KEYWORD,
    LANGUAGE,
    TEXT_LANGUAGES,
    Parts,
    elements_of,
    in_places,
)
from tmdbfusion_scrapy.storage.entities.people import LISTED_COMPANY, cast, credits_of_person, crew

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tmdbfusion_scrapy.models.companies import CollectionPart
    from tmdbfusion_scrapy.models.releases import CountryReleases
    from tmdbfusion_scrapy.storage.entities.declaration import Values

collections = record_table(
    "collections",
    *text("name", "original_name", "original_language", "overview", "poster_path", "backdrop_path"),
    *document("text_languages"),
)

movies = record_table(
    "movies",
    *text("title", "original_title", "original_language"),
    *date("release_date"),
    *text("status"),
    *integer("runtime"),
    # Grosses passed the 2,147,483,647 of a 32-bit integer long ago.
    *long_integer("budget", "revenue"),
    *number("popularity", "vote_average"),
    *integer("vote_count"),
    *flag("adult", "video", "softcore"),
    Column("belongs_to_collection_id", ForeignKey("collections.id"), index=True),
    *text("imdb_id", "homepage", "tagline", "overview", "poster_path", "backdrop_path"),
    *document("text_languages"),
    indexes=(("title",), ("release_date",), ("popularity",)),
)

LISTED_MOVIE = Stub(movies, shared(movies, MovieListItem))
"""A movie in a list, such as a person's credits."""
_PART_OF_COLLECTION = Stub(movies, (*LISTED_MOVIE.columns, "belongs_to_collection_id"))
_COLLECTION_OF_MOVIE = Stub(collections, ("id", "name", "poster_path", "backdrop_path"))

_listed_rows = fields(*LISTED_MOVIE.columns)


def _collection(movie: MovieDetails) -> Iterator[Values]:
    """Return the collection that a movie is part of."""
    return fields(*_COLLECTION_OF_MOVIE.columns)(filter(None, [movie.belongs_to_collection]))


def _collection_parts(movies: list[CollectionPart], collection_id: int) -> Iterator[Values]:
    """Yield the movies of a collection; some answers call their titles names."""
    for movie, (key, title, original_title, *values) in zip(movies, _listed_rows(movies), strict=True):
        titles = (movie.name if title is None else title, original_title or movie.original_name)
        yield (key, *titles, *values, collection_id)


_RELEASES = fields("release_date", "type", "certification", "iso_639_1", "note")


def _release_dates(countries: list[CountryReleases]) -> Iterator[Values]:
    """Yield release dates with their certification; a country can have several of a type."""
    for place, country in in_places(countries):
        if place is None:
            # Without a key: it is left out, and counted.
            yield (None,) * 7
        releases = elements_of(country, "release_dates")
        for (position, _), row in zip(in_places(releases), _RELEASES(releases), strict=True):
            yield (country.iso_3166_1, position, *row)


_PARTS = Parts(movies, "movie")

MOVIE = Stored(
    MovieDetails,
    movies,
    "/movie",
    computed={
        "belongs_to_collection_id": lambda movie: getattr(movie.belongs_to_collection, "id", None),
        **TEXT_LANGUAGES,
    },
    stubs=((_COLLECTION_OF_MOVIE, _collection),),
    relations=(
        _PARTS.links("genres", "genre_id", GENRE),
        _PARTS.links("companies", "company_id", LISTED_COMPANY, "production_companies"),
        _PARTS.links("production_countries", "iso_3166_1", COUNTRY),
        _PARTS.codes("origin_countries", COUNTRY, "origin_country"),
        _PARTS.links("spoken_languages", "iso_639_1", LANGUAGE),
        _PARTS.links("keywords", "keyword_id", KEYWORD, "keywords.keywords"),
        _CAST := cast(_PARTS, *integer("cast_id")),
        _CREW := crew(_PARTS),
        _PARTS.images(),
        _PARTS.videos(),
        _PARTS.translations(*text("title", "overview", "tagline", "homepage"), *integer("runtime")),
        _PARTS.external_ids(),
        _PARTS.alternative_titles("alternative_titles.titles"),
        _PARTS.watch_providers(),
        _PARTS.relation(
            "release_dates",
            (
                *text_key("iso_3166_1"),
                position_key(),
                *moment("release_date"),
                *integer("type"),
                *text("certification", "iso_639_1", "note"),
            ),
            "release_dates.results",
            _release_dates,
        ),
    ),
)

CREDITS_OF_PERSON = (
    *credits_of_person("movie", "cast", _CAST, LISTED_MOVIE, "character", "position"),
    *credits_of_person("movie", "crew", _CREW, LISTED_MOVIE, "department", "job"),
)

_COLLECTION_PARTS = Parts(collections, "collection")

COLLECTION = Stored(
    CollectionDetails,
    collections,
    "/collection",
    computed=TEXT_LANGUAGES,
    relations=(
        _COLLECTION_PARTS.images(),
        _COLLECTION_PARTS.translations(*text("title", "overview", "homepage")),
    ),
    children=(
        Children(
            movies,
            "belongs_to_collection_id",
            "parts",
            _PART_OF_COLLECTION,
            _collection_parts,
            are_parts=False,
        ),
    ),
)
