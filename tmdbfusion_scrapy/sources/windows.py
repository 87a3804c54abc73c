"""The days that a change feed is asked for, in windows that TMDB takes."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

LONGEST = datetime.timedelta(days=14)
"""Longest span of one request (https://developer.themoviedb.org/reference/changes-movie-list)."""

OVERLAP = datetime.timedelta(days=1)
"""How far a window goes back into the one before it: a change of the last minutes may be listed late."""

LONGEST_GAP = datetime.timedelta(days=84)
"""A longer gap is not read from the feed: so many records changed that all are looked at."""


@dataclass(frozen=True)
class Window:
    """Days that one feed request asks for, the first and the last among them.

    Args:
        start: First day, UTC.
        end: Last day, UTC.
    """

    start: datetime.date
    end: datetime.date

    def halves(self) -> tuple[Window, Window] | None:
        """Return two windows for this one; ``None`` where it is one day."""
        days = (self.end - self.start).days
        if days == 0:
            return None
        middle = self.start + datetime.timedelta(days=days // 2)
        return Window(self.start, middle), Window(middle + datetime.timedelta(days=1), self.end)


def windows(since: datetime.date, today: datetime.date) -> Iterator[Window]:
    """Yield the windows from a day on until today, the oldest first.

    Args:
        since: The day up to which the feed was read; one to come, after a clock was wrong, counts as today.
        today: The day it is, UTC.
    """
    start = min(since, today) - OVERLAP
    while True:
        end = min(start + LONGEST - datetime.timedelta(days=1), today)
        yield Window(start, end)
        if end >= today:
            return
        start = end + datetime.timedelta(days=1) - OVERLAP


def is_too_long(since: datetime.date, today: datetime.date) -> bool:
    """Whether so many days passed that the feed is not worth reading."""
    return today - since > LONGEST_GAP
