"""Movies."""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field

from tmdbfusion_scrapy.models.account import AccountStates, Review
from tmdbfusion_scrapy.models.companies import (
    Genre,
    MovieKeywords,
    ProductionCompany,
    ProductionCountry,
    SpokenLanguage,
)
from tmdbfusion_scrapy.models.credits import Credits
from tmdbfusion_scrapy.models.images import Images, Trailers, Videos
from tmdbfusion_scrapy.models.list_items import Changes, MovieListItem
from tmdbfusion_scrapy.models.paging import Page
from tmdbfusion_scrapy.models.record import Record
from tmdbfusion_scrapy.models.reference import WatchProviders
from tmdbfusion_scrapy.models.releases import AlternativeTitles, ReleaseDates, Releases
from tmdbfusion_scrapy.models.translations import MovieTranslations


@dataclass(repr=False, eq=False)
class CollectionSummary(Record):
    """The collection that a movie belongs to."""

    id: int | None = None
    name: str | None = None
    poster_path: str | None = None
    backdrop_path: str | None = None


@dataclass(repr=False, eq=False)
class MovieExternalIds(Record):
    """The ids of a movie elsewhere."""

    id: int | None = None
    imdb_id: str | None = None
    wikidata_id: str | None = None
    facebook_id: str | None = None
    instagram_id: str | None = None
    twitter_id: str | None = None


@dataclass(repr=False, eq=False)
class ListSummary(Record):
    """A user's list that a movie or series is on."""

    id: int | None = None
    description: str | None = None
    favorite_count: int | None = None
    item_count: int | None = None
    iso_639_1: str | None = None
    iso_3166_1: str | None = None
    list_type: str | None = None
    name: str | None = None
    poster_path: str | None = None


@dataclass(repr=False, eq=False)
class MovieDetails(Record):
    """A movie, with the parts that were asked for by ``append_to_response``.

    ``budget`` and ``revenue`` are in US dollars, 0 where unknown; ``runtime`` is in minutes. A part that was
    not asked for is ``None``. ``releases`` and ``trailers`` are old parts that TMDB's document no longer lists and
    the API still sends.
    """

    _needs_id = True

    id: int | None = None
    adult: bool | None = None
    backdrop_path: str | None = None
    belongs_to_collection: CollectionSummary | None = None
    budget: int | None = None
    genres: list[Genre] = field(default_factory=list)
    homepage: str | None = None
    imdb_id: str | None = None
    origin_country: list[str] = field(default_factory=list)
    original_language: str | None = None
    original_title: str | None = None
    overview: str | None = None
    popularity: float | None = None
    poster_path: str | None = None
    production_companies: list[ProductionCompany] = field(default_factory=list)
    production_countries: list[ProductionCountry] = field(default_factory=list)
    release_date: datetime.date | None = None
    revenue: int | None = None
    runtime: int | None = None
    softcore: bool | None = None
    spoken_languages: list[SpokenLanguage] = field(default_factory=list)
    status: str | None = None
    tagline: str | None = None
    title: str | None = None
    video: bool | None = None
    vote_average: float | None = None
    vote_count: int | None = None

    account_states: AccountStates | None = None
    alternative_titles: AlternativeTitles | None = None
    changes: Changes | None = None
    credits: Credits | None = None
    external_ids: MovieExternalIds | None = None
    images: Images | None = None
    keywords: MovieKeywords | None = None
    lists: Page[ListSummary] | None = None
    recommendations: Page[MovieListItem] | None = None
    release_dates: ReleaseDates | None = None
    releases: Releases | None = None
    reviews: Page[Review] | None = None
    similar: Page[MovieListItem] | None = None
    trailers: Trailers | None = None
    translations: MovieTranslations | None = None
    videos: Videos | None = None
    watch_providers: WatchProviders | None = None
