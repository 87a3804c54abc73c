"""Reviews by users."""

from __future__ import annotations

import datetime
from dataclasses import dataclass

from tmdbfusion_scrapy.models.record import Record


@dataclass
class ReviewAuthor(Record):
    """Author of a review; ``rating`` is theirs, 0.5 to 10."""

    name: str | None = None
    username: str | None = None
    avatar_path: str | None = None
    rating: float | None = None


@dataclass
class Review(Record):
    """A review."""

    id: str | None = None
    author: str | None = None
    author_details: ReviewAuthor | None = None
    content: str | None = None
    created_at: datetime.datetime | None = None
    updated_at: datetime.datetime | None = None
    url: str | None = None


@dataclass
class ReviewDetails(Review):
    """A review with what it is of: ``media_type`` is ``movie`` or ``tv``, ``media_id`` the id of that."""

    iso_639_1: str | None = None
    media_id: int | None = None
    media_title: str | None = None
    media_type: str | None = None
