"""The sandbox's own clock: which day it is, and how a test moves it."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta, timezone
from threading import Lock

EPOCH = date(2026, 6, 1)
"""The day on which a generated catalogue has exactly the ids that its options name."""

MOST_AHEAD = timedelta(days=36_525)
"""How far the clock can be moved in all: a century, beyond which the dates of the catalogue end."""

_NOON = time(12)


class Clock:
    """Tells the time in UTC. Safe between threads.

    Args:
        fixed: The day to stand still on, at noon, or the moment; None follows the real clock.
    """

    def __init__(self, fixed: date | None = None) -> None:
        self._lock = Lock()
        self._fixed = None if fixed is None else as_moment(fixed)
        self._ahead = timedelta()

    def now(self) -> datetime:
        """The moment, in UTC."""
        return (self._fixed or datetime.now(timezone.utc)) + self._ahead

    def today(self) -> date:
        """The day, in UTC."""
        return self.now().date()

    def advance(self, *, days: float = 0, hours: float = 0) -> None:
        """Move the clock forward.

        Raises:
            ValueError: The step is no number, or negative: what the sandbox told before would turn untrue. Or the
                clock would go beyond :data:`MOST_AHEAD`.
        """
        try:
            step = timedelta(days=days, hours=hours)
        except OverflowError:
            step = timedelta.max
        if step < timedelta():
            raise ValueError(f"the sandbox's clock goes forward only, not by days={days!r}, hours={hours!r}")
        with self._lock:
            if step > MOST_AHEAD - self._ahead:
                raise ValueError(
                    f"the sandbox's clock goes {MOST_AHEAD.days} days ahead at most, so not by days={days!r}, "
                    f"hours={hours!r}"
                )
            self._ahead += step


def as_moment(value: date) -> datetime:
    """A moment in UTC: noon of a day; a datetime without a zone is taken as UTC."""
    if not isinstance(value, datetime):
        return datetime.combine(value, _NOON, timezone.utc)
    return value.replace(tzinfo=timezone.utc) if value.tzinfo is None else value.astimezone(timezone.utc)
