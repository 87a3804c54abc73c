"""Companies, networks and collections, and the genres and keywords of titles."""

from __future__ import annotations

from dataclasses import dataclass, field

from tmdbfusion_scrapy.models.images import Image, Logos
from tmdbfusion_scrapy.models.list_items import MovieListItem
from tmdbfusion_scrapy.models.paging import Page
from tmdbfusion_scrapy.models.record import Record
from tmdbfusion_scrapy.models.translations import CollectionTranslations


@dataclass(repr=False, eq=False)
class Keyword(Record):
    """A keyword."""

    _needs_id = True

    id: int | None = None
    name: str | None = None


@dataclass(repr=False, eq=False)
class MovieKeywords(Record):
    """The keywords of a movie."""

    id: int | None = None
    keywords: list[Keyword] = field(default_factory=list)


@dataclass(repr=False, eq=False)
class Genre(Record):
    """A genre; its name is in the language asked for."""

    id: int | None = None
    name: str | None = None


@dataclass(repr=False, eq=False)
class GenreList(Record):
    """All genres of movies or of series."""

    genres: list[Genre] = field(default_factory=list)


@dataclass(repr=False, eq=False)
class AlternativeName(Record):
    """Another name; ``type`` says of what kind or when (a span of years), an empty string as a rule."""

    name: str | None = None
    type: str | None = None


@dataclass(repr=False, eq=False)
class AlternativeNames(Record):
    """The other names of a company or network."""

    id: int | None = None
    results: list[AlternativeName] = field(default_factory=list)


@dataclass(repr=False, eq=False)
class ProductionCompany(Record):
    """A company that produced a movie or series."""

    id: int | None = None
    logo_path: str | None = None
    name: str | None = None
    origin_country: str | None = None


@dataclass(repr=False, eq=False)
class CompanyDetails(Record):
    """A company, with the parts that were asked for by ``append_to_response``.

    ``origin_country`` is an ISO 3166-1 code, an empty string where unknown. A part that was not asked for is
    ``None``; ``movies`` is the first page of those that the company produced.
    """

    _needs_id = True

    id: int | None = None
    name: str | None = None
    description: str | None = None
    headquarters: str | None = None
    homepage: str | None = None
    logo_path: str | None = None
    origin_country: str | None = None
    parent_company: ProductionCompany | None = None

    alternative_names: AlternativeNames | None = None
    images: Logos | None = None
    movies: Page[MovieListItem] | None = None


@dataclass(repr=False, eq=False)
class Network(Record):
    """A network that shows a series; ``origin_country`` is an empty string where unknown."""

    id: int | None = None
    logo_path: str | None = None
    name: str | None = None
    origin_country: str | None = None


@dataclass(repr=False, eq=False)
class ProductionCountry(Record):
    """A country in which a movie or series was produced."""

    iso_3166_1: str | None = None
    name: str | None = None


@dataclass(repr=False, eq=False)
class SpokenLanguage(Record):
    """A language that is spoken in a movie or series; ``name`` is its own name for itself."""

    english_name: str | None = None
    iso_639_1: str | None = None
    name: str | None = None


@dataclass(repr=False, eq=False)
class NetworkDetails(Record):
    """A network, with the parts that were asked for by ``append_to_response``.

    ``origin_country`` is an ISO 3166-1 code, an empty string where unknown. A part that was not asked for is
    ``None``.
    """

    _needs_id = True

    id: int | None = None
    name: str | None = None
    headquarters: str | None = None
    homepage: str | None = None
    logo_path: str | None = None
    origin_country: str | None = None

    alternative_names: AlternativeNames | None = None
    images: Logos | None = None


@dataclass(repr=False, eq=False)
class CollectionPart(MovieListItem):
    """A movie of a collection; some answers name it ``name`` and ``original_name`` instead of ``title``."""

    name: str | None = None
    original_name: str | None = None


@dataclass(repr=False, eq=False)
class CollectionImages(Record):
    """The images of a collection."""

    id: int | None = None
    backdrops: list[Image] = field(default_factory=list)
    posters: list[Image] = field(default_factory=list)


@dataclass(repr=False, eq=False)
class CollectionDetails(Record):
    """A collection and its movies, with the parts that were asked for by ``append_to_response``.

    A part that was not asked for is ``None``.
    """

    _needs_id = True

    id: int | None = None
    name: str | None = None
    original_language: str | None = None
    original_name: str | None = None
    overview: str | None = None
    poster_path: str | None = None
    backdrop_path: str | None = None
    parts: list[CollectionPart] = field(default_factory=list)

    images: CollectionImages | None = None
    translations: CollectionTranslations | None = None
