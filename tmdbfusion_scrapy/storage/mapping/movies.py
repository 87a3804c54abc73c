"""Movies and collections."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tmdbfusion_scrapy.models.collections import CollectionDetails
from tmdbfusion_scrapy.models.movies import MovieDetails
from tmdbfusion_scrapy.storage.mapping import cast_and_crew, parts
from tmdbfusion_scrapy.storage.mapping.declaration import (
    Children,
    Mention,
    Relation,
    Stored,
    Values,
    elements_of,
    fields,
    in_places,
)
from tmdbfusion_scrapy.storage.tables import links, records

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tmdbfusion_scrapy.models.collections import CollectionPart
    from tmdbfusion_scrapy.models.releases import CountryReleases

_LISTED = (
    "id",
    "title",
    "original_title",
    "original_language",
    "release_date",
    "popularity",
    "vote_average",
    "vote_count",
    "adult",
    "video",
    "softcore",
    "overview",
    "poster_path",
    "backdrop_path",
)
"""What a list, such as a person's credits, says of a movie."""

LISTED_MOVIE = Mention(records.movies, _LISTED)
_PART_OF_COLLECTION = Mention(records.movies, (*_LISTED, "belongs_to_collection_id"))


listed_rows = fields(*_LISTED)
"""Reads movies as a list names them."""


def _collection(movie: MovieDetails) -> Iterator[Values]:
    """The collection that a movie is part of."""
    collection = movie.belongs_to_collection
    if collection is not None:
        yield (collection.id, collection.name, collection.poster_path, collection.backdrop_path)


def _collection_parts(movies: list[CollectionPart], collection_id: int) -> Iterator[Values]:
    """The movies of a collection; some answers call their titles names."""
    for movie, (key, title, original_title, *values) in zip(movies, listed_rows(movies), strict=True):
        titles = (movie.name if title is None else title, original_title or movie.original_name)
        yield (key, *titles, *values, collection_id)


def _release_dates(countries: list[CountryReleases]) -> Iterator[Values]:
    """Release dates with their certification; a country can have several of a type."""
    for country in countries:
        for position, release in in_places(elements_of(country, "release_dates")):
            yield (
                country.iso_3166_1,
                position,
                release.release_date,
                release.type,
                release.certification,
                release.iso_639_1,
                release.note,
            )


MOVIE = Stored(
    MovieDetails,
    records.movies,
    "/movie",
    computed={
        "belongs_to_collection_id": lambda movie: getattr(movie.belongs_to_collection, "id", None),
        **parts.TEXT_LANGUAGES,
    },
    mentions=((parts.COLLECTION, _collection),),
    relations=(
        parts.genres(links.movie_genres),
        parts.companies(links.movie_companies),
        parts.production_countries(links.movie_production_countries),
        parts.origin_countries(links.movie_origin_countries),
        parts.spoken_languages(links.movie_spoken_languages),
        parts.keywords(links.movie_keywords, "keywords.keywords"),
        cast_and_crew.cast(links.movie_cast, "credits.cast", "cast_id"),
        cast_and_crew.crew(links.movie_crew),
        parts.images(links.movie_images),
        parts.videos(links.movie_videos),
        parts.translations(links.movie_translations, "title", "overview", "tagline", "homepage", "runtime"),
        parts.external_ids(links.movie_external_ids),
        parts.alternative_titles(links.movie_alternative_titles, "alternative_titles.titles"),
        parts.watch_providers(links.movie_watch_providers),
        Relation(
            links.movie_release_dates,
            "release_dates.results",
            ("iso_3166_1", "position", "release_date", "type", "certification", "iso_639_1", "note"),
            _release_dates,
        ),
    ),
)

COLLECTION = Stored(
    CollectionDetails,
    records.collections,
    "/collection",
    relations=(
        parts.images(links.collection_images),
        parts.translations(links.collection_translations, "title", "overview", "homepage"),
    ),
    computed=parts.TEXT_LANGUAGES,
    children=(
        Children(
            records.movies,
            "belongs_to_collection_id",
            "parts",
            _PART_OF_COLLECTION,
            _collection_parts,
            are_parts=False,
        ),
    ),
)
