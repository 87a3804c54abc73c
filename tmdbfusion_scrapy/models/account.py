"""Accounts, their sessions, lists and reviews, and states of titles for them.

Who holds a session id or an approved request token can act for its user, so no ``repr`` shows them.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field
from typing import Any

from tmdbfusion_scrapy.models.list_items import MovieOrTVItem
from tmdbfusion_scrapy.models.paging import Paged
from tmdbfusion_scrapy.models.record import Record


@dataclass(repr=False, eq=False)
class Gravatar(Record):
    """A picture at https://gravatar.com by its hash."""

    hash: str | None = None


@dataclass(repr=False, eq=False)
class TMDBAvatar(Record):
    """A picture at TMDB."""

    avatar_path: str | None = None


@dataclass(repr=False, eq=False)
class Avatar(Record):
    """The pictures of a user."""

    gravatar: Gravatar | None = None
    tmdb: TMDBAvatar | None = None


@dataclass(repr=False, eq=False)
class AccountDetails(Record):
    """An account; ``include_adult`` is the user's own choice for searches."""

    id: int | None = None
    username: str | None = None
    name: str | None = None
    avatar: Avatar | None = None
    include_adult: bool | None = None
    iso_639_1: str | None = None
    iso_3166_1: str | None = None


@dataclass(repr=False, eq=False)
class AccountStates(Record):
    """State of a movie, a series or an episode for an account; ``rated`` is ``False`` or ``{"value": 8.5}``."""

    id: int | None = None
    favorite: bool | None = None
    rated: Any = None
    watchlist: bool | None = None


@dataclass(repr=False, eq=False)
class EpisodeRating(Record):
    """An account's rating of an episode; ``rated`` is ``False`` or ``{"value": 8.5}``."""

    id: int | None = None
    episode_number: int | None = None
    rated: Any = None


@dataclass(repr=False, eq=False)
class SeasonAccountStates(Record):
    """An account's ratings of the episodes of a season."""

    id: int | None = None
    results: list[EpisodeRating] = field(default_factory=list)


@dataclass(repr=False, eq=False)
class GuestSession(Record):
    """A session of a guest."""

    success: bool | None = None
    guest_session_id: str | None = field(default=None, repr=False)
    expires_at: datetime.datetime | None = None


@dataclass(repr=False, eq=False)
class RequestToken(Record):
    """A token for a user to approve."""

    success: bool | None = None
    request_token: str | None = field(default=None, repr=False)
    expires_at: datetime.datetime | None = None


@dataclass(repr=False, eq=False)
class Session(Record):
    """A session of a user."""

    success: bool | None = None
    session_id: str | None = field(default=None, repr=False)


@dataclass(repr=False, eq=False)
class Status(Record):
    """A notice; ``status_code`` is TMDB's, see :data:`tmdbfusion_scrapy.exceptions.TMDB_CODES`."""

    success: bool | None = None
    status_code: int | None = None
    status_message: str | None = None


@dataclass(repr=False, eq=False)
class ReviewAuthor(Record):
    """Author of a review; ``rating`` is theirs, 0.5 to 10."""

    name: str | None = None
    username: str | None = None
    avatar_path: str | None = None
    rating: float | None = None


@dataclass(repr=False, eq=False)
class Review(Record):
    """A review."""

    id: str | None = None
    author: str | None = None
    author_details: ReviewAuthor | None = None
    content: str | None = None
    created_at: datetime.datetime | None = None
    updated_at: datetime.datetime | None = None
    url: str | None = None


@dataclass(repr=False, eq=False)
class ReviewDetails(Review):
    """A review with what it is of: ``media_type`` is ``movie`` or ``tv``, ``media_id`` the id of that."""

    iso_639_1: str | None = None
    media_id: int | None = None
    media_title: str | None = None
    media_type: str | None = None


@dataclass(repr=False, eq=False)
class ListDetails(Paged[MovieOrTVItem]):
    """A list and one page of its items, which may be movies and series.

    ``id`` is a number as text in TMDB's document (https://developer.themoviedb.org/reference/list-details) and a
    plain number in other answers, so it is left as it comes.
    """

    id: Any = None
    created_by: str | None = None
    description: str | None = None
    favorite_count: int | None = None
    iso_639_1: str | None = None
    item_count: int | None = None
    items: list[MovieOrTVItem] = field(default_factory=list)
    name: str | None = None
    page: int | None = None
    poster_path: str | None = None
    total_pages: int | None = None
    total_results: int | None = None

    @property
    def entries(self) -> list[MovieOrTVItem]:
        """The items."""
        return self.items

    @property
    def is_whole(self) -> bool:
        """Return whether all items are here: the answer in TMDB's document has them all and counts no pages."""
        return self.total_pages is None and self.item_count is not None and len(self.items) >= self.item_count


@dataclass(repr=False, eq=False)
class ListItemStatus(Record):
    """Presence of a movie on a list; ``id`` is the list's."""

    id: int | None = None
    item_present: bool | None = None


@dataclass(repr=False, eq=False)
class CreatedList(Status):
    """The notice of a new list, with its id."""

    list_id: int | None = None
