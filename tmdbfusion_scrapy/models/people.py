"""People."""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field

from tmdbfusion_scrapy.models.credits import (
    PersonCombinedCredits,
    PersonMovieCredits,
    PersonTVCredits,
)
from tmdbfusion_scrapy.models.images import Image
from tmdbfusion_scrapy.models.list_items import Changes, MovieOrTVItem
from tmdbfusion_scrapy.models.paging import Page
from tmdbfusion_scrapy.models.record import Record
from tmdbfusion_scrapy.models.translations import PersonTranslations


@dataclass(repr=False, eq=False)
class PersonExternalIds(Record):
    """The ids of a person elsewhere."""

    id: int | None = None
    imdb_id: str | None = None
    wikidata_id: str | None = None
    facebook_id: str | None = None
    instagram_id: str | None = None
    tiktok_id: str | None = None
    twitter_id: str | None = None
    youtube_id: str | None = None
    freebase_id: str | None = None
    freebase_mid: str | None = None
    tvrage_id: int | None = None


@dataclass(repr=False, eq=False)
class PersonImages(Record):
    """The portraits of a person."""

    id: int | None = None
    profiles: list[Image] = field(default_factory=list)


@dataclass(repr=False, eq=False)
class TaggedMedia(MovieOrTVItem):
    """Subject of an image: a movie, a series, a season or an episode.

    Here ``media_type`` is ``movie``, ``tv``, ``tv_season`` or ``tv_episode``. ``runtime`` is in minutes,
    ``show_id`` is the id of the series of a season or episode, and ``_id`` is TMDB's internal key.
    """

    _id: str | None = None
    air_date: datetime.date | None = None
    episode_count: int | None = None
    episode_number: int | None = None
    episode_type: str | None = None
    production_code: str | None = None
    runtime: int | None = None
    season_number: int | None = None
    show_id: int | None = None
    still_path: str | None = None


@dataclass(repr=False, eq=False)
class TaggedImage(Image):
    """An image that a person was tagged in.

    ``image_type`` is ``poster``, ``backdrop`` or ``still``. ``media_type`` is what TMDB calls the kind of
    ``media`` here: ``episode`` where ``media.media_type`` is ``tv_episode``.
    """

    id: str | None = None
    image_type: str | None = None
    media: TaggedMedia | None = None
    media_type: str | None = None


@dataclass(repr=False, eq=False)
class PersonDetails(Record):
    """A person, with the parts that were asked for by ``append_to_response``.

    ``gender``: 0 not set, 1 female, 2 male, 3 non-binary. A part that was not asked for is ``None``.
    """

    _needs_id = True

    id: int | None = None
    adult: bool | None = None
    also_known_as: list[str] = field(default_factory=list)
    biography: str | None = None
    birthday: datetime.date | None = None
    deathday: datetime.date | None = None
    gender: int | None = None
    homepage: str | None = None
    imdb_id: str | None = None
    known_for_department: str | None = None
    name: str | None = None
    place_of_birth: str | None = None
    popularity: float | None = None
    profile_path: str | None = None

    changes: Changes | None = None
    combined_credits: PersonCombinedCredits | None = None
    external_ids: PersonExternalIds | None = None
    images: PersonImages | None = None
    movie_credits: PersonMovieCredits | None = None
    tagged_images: Page[TaggedImage] | None = None
    translations: PersonTranslations | None = None
    tv_credits: PersonTVCredits | None = None
