"""The ids of series, seasons and episodes elsewhere.

``freebase_id``, ``freebase_mid`` and ``tvrage_id`` are of sites that are gone; TMDB still sends them.
"""

from __future__ import annotations

from dataclasses import dataclass

from tmdbfusion_scrapy.models.record import Record


@dataclass
class SeasonExternalIds(Record):
    """The ids of a season elsewhere."""

    id: int | None = None
    freebase_id: str | None = None
    freebase_mid: str | None = None
    tvdb_id: int | None = None
    tvrage_id: int | None = None
    wikidata_id: str | None = None


@dataclass
class EpisodeExternalIds(SeasonExternalIds):
    """The ids of an episode elsewhere: those that a season has, and IMDb's."""

    imdb_id: str | None = None


@dataclass
class TVExternalIds(EpisodeExternalIds):
    """The ids of a series elsewhere: those that an episode has, and its accounts."""

    facebook_id: str | None = None
    instagram_id: str | None = None
    twitter_id: str | None = None
