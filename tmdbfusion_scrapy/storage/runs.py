"""Runs: a crawl from its first start until all that it wants is done, however many processes it takes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Run:
    """One crawl, from its first start until all that it wants is done.

    Args:
        id: Its key.
        started_at: When it was first started, in UTC.
        since: What was stored, found deleted or failed from then on is done; ``None`` if what was stored at any
            time is, and what has failed for good.
        upto: The watermark that stands when it is finished; ``None`` for none.
        is_planned: Whether all that it wants stands in the database.
        is_resumed: Whether an earlier process began it.
    """

    id: int
    started_at: datetime
    since: datetime | None
    upto: str | None
    is_planned: bool
    is_resumed: bool


@dataclass(frozen=True)
class Progress:
    """How far a run is.

    Args:
        wanted: Records that it wants.
        left: Of these the ones that are to be fetched.
    """

    wanted: int
    left: int
