"""A user's account."""

from __future__ import annotations

from dataclasses import dataclass

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
