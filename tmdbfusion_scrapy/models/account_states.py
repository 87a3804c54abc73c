"""States of an account: of a movie, a series, an episode and the episodes of a season."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tmdbfusion_scrapy.models.record import Record


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
