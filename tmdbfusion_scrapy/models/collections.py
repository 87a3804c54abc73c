"""Collections of movies."""

from __future__ import annotations

from dataclasses import dataclass, field

from tmdbfusion_scrapy.models.images import Image
from tmdbfusion_scrapy.models.list_items import MovieListItem
from tmdbfusion_scrapy.models.record import Record
from tmdbfusion_scrapy.models.translations import CollectionTranslations


@dataclass
class CollectionPart(MovieListItem):
    """A movie of a collection; some answers name it ``name`` and ``original_name`` instead of ``title``."""

    name: str | None = None
    original_name: str | None = None


@dataclass
class CollectionImages(Record):
    """The images of a collection."""

    id: int | None = None
    backdrops: list[Image] = field(default_factory=list)
    posters: list[Image] = field(default_factory=list)


@dataclass
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
