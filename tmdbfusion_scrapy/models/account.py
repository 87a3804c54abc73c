"""Accounts, their sessions, and states of titles for them.

Who holds a session id or an approved request token can act for its user, so no ``repr`` shows them.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field
from typing import Any

from tmdbfusion_scrapy.models.record import Record


@dataclass
class Gravatar(Record):
    """A picture at https://gravatar.com by its hash."""

    hash: str | None = None


@dataclass
class TMDBAvatar(Record):
    """A picture at TMDB."""

    avatar_path: str | None = None


@dataclass
class Avatar(Record):
    """The pictures of a user."""

    gravatar: Gravatar | None = None
    tmdb: TMDBAvatar | None = None


@dataclass
class AccountDetails(Record):
    """An account; ``include_adult`` is the user's own choice for searches."""

    id: int | None = None
    username: str | None = None
    name: str | None = None
    avatar: Avatar | None = None
    include_adult: bool | None = None
    iso_639_1: str | None = None
    iso_3166_1: str | None = None


@dataclass
class AccountStates(Record):
    """State of a movie, a series or an episode for an account; ``rated`` is ``False`` or ``{"value": 8.5}``."""

    id: int | None = None
    favorite: bool | None = None
    rated: Any = None
    watchlist: bool | None = None


@dataclass
class EpisodeRating(Record):
    """An account's rating of an episode; ``rated`` is ``False`` or ``{"value": 8.5}``."""

    id: int | None = None
    episode_number: int | None = None
    rated: Any = None


@dataclass
class SeasonAccountStates(Record):
    """An account's ratings of the episodes of a season."""

    id: int | None = None
    results: list[EpisodeRating] = field(default_factory=list)


@dataclass
class GuestSession(Record):
    """A session of a guest."""

    success: bool | None = None
    guest_session_id: str | None = field(default=None, repr=False)
    expires_at: datetime.datetime | None = None


@dataclass
class RequestToken(Record):
    """A token for a user to approve."""

    success: bool | None = None
    request_token: str | None = field(default=None, repr=False)
    expires_at: datetime.datetime | None = None


@dataclass
class Session(Record):
    """A session of a user."""

    success: bool | None = None
    session_id: str | None = field(default=None, repr=False)
