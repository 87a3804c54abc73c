"""Day by day: the sandbox's clock, which ids exist, and which changed; computed from id and day, never stored."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from functools import lru_cache
from hashlib import blake2b
from itertools import repeat
from struct import Struct
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

EPOCH = date(2026, 6, 1)
"""The day on which a generated catalogue has exactly the ids that its options name."""

MOST_AHEAD = timedelta(days=36_525)
"""The farthest move of the clock in all: a century, beyond which the dates of the catalogue end."""

_NOON = time(12)


class Clock:
    """The sandbox's own clock, which tests move. Safe between threads."""

    def __init__(self, fixed: date | None = None) -> None:
        self._lock = Lock()
        self._fixed = None if fixed is None else as_moment(fixed)
        self._ahead = timedelta()

    def now(self) -> datetime:
        """Return the moment, in UTC."""
        return (self._fixed or datetime.now(timezone.utc)) + self._ahead

    def today(self) -> date:
        return self.now().date()

    def advance(self, *, days: float = 0, hours: float = 0) -> None:
        """Move the clock forward; ``ValueError`` for a step back, and beyond :data:`MOST_AHEAD` in all."""
        try:
            step = timedelta(days=days, hours=hours)
        except OverflowError:
            step = timedelta.max
        if step < timedelta():
            # What the sandbox told before would turn untrue.
            raise ValueError(f"the sandbox's clock goes forward only, not by days={days!r}, hours={hours!r}")
        with self._lock:
            if step > MOST_AHEAD - self._ahead:
                raise ValueError(
                    f"the sandbox's clock goes {MOST_AHEAD.days} days ahead at most, so not by days={days!r}, "
                    f"hours={hours!r}"
                )
            self._ahead += step


def as_moment(value: date) -> datetime:
    """Return a moment in UTC: noon of a day; a datetime without a zone is taken as UTC."""
    if not isinstance(value, datetime):
        return datetime.combine(value, _NOON, timezone.utc)
    return value.replace(tzinfo=timezone.utc) if value.tzinfo is None else value.astimezone(timezone.utc)


RANGE = 4294967296.0
_TWELVE = Struct("<12I").unpack
EPOCH_DAY = EPOCH.toordinal()
_MASK = (1 << 64) - 1


@dataclass(frozen=True)
class Churn:
    """The shares of a catalogue's size on ``EPOCH`` that change, appear and vanish on a day; each 0 to 0.5."""

    changed: float = 0.005
    new: float = 0.0003
    gone: float = 0.0001


class Row(NamedTuple):
    """One id on one day.

    ``numbers`` are drawn ones of 32 bits, the same on all days. ``revision`` counts the changes since ``EPOCH`` or
    its first day, negative before; ``touched`` is the ordinal of the day of the last one, or of ``EPOCH``.
    """

    id: int
    numbers: tuple[int, ...]
    revision: int
    touched: int


class _Turns:
    """Gives each id one day in ``length`` days: of each block of that many ids, one has its turn a day."""

    def __init__(self, name: str, seed: int, share: float) -> None:
        self.length = round(1 / share) if share else 0
        self._salt = int.from_bytes(blake2b(f"{name}:{seed}".encode(), digest_size=8).digest(), "little")
        # Neighbours share it.
        self.offset = lru_cache(256)(self._offset)

    def _offset(self, block: int) -> int:
        """Return the days by which the turns of a block are shifted. Mixed as splitmix64 does, for speed."""
        mixed = ((block + self._salt) * 0x9E3779B97F4A7C15) & _MASK
        mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        return (mixed >> 33) % self.length

    def phase(self, item: int) -> int:
        """Return the rest that the days of the id's turn leave when divided by ``length``."""
        block, place = divmod(item, self.length)
        return (place - self.offset(block)) % self.length

    def on(self, day: int, last_id: int) -> Iterator[int]:
        """Give the ids up to ``last_id`` whose turn it is on a day, ascending."""
        for block in range(last_id // self.length + 1):
            item = block * self.length + (day + self.offset(block)) % self.length
            if 1 <= item <= last_id:
                yield item


class Population:
    """The ids of one kind. All days are ordinals of ``datetime.date``.

    Only ids that are divisible by ``perishable`` may be missing (``gaps``) or vanish. The others can be named by
    other records, which must not lead nowhere.
    """

    def __init__(
        self, kind: str, seed: int, count: int, gaps: float, churn: Churn, *, perishable: int = 1
    ) -> None:
        self._prefix = f"{kind}:{seed}:".encode()
        self._count = count
        self._gap_below = int(gaps * RANGE)
        self._new_a_day = churn.new * count
        self._changes = _Turns(f"{kind} changes", seed, churn.changed)
        self._ends = _Turns(f"{kind} ends", seed, churn.gone)
        self._perishable = perishable

    def last_id(self, day: int) -> int:
        """Return the highest id that there was on a day."""
        return max(1, self._count + math.floor((day - EPOCH_DAY) * self._new_a_day))

    def row(self, item: int, day: int) -> Row | None:
        """Return an id on a day; None if it does not exist then."""
        return self._row(item, day) if 1 <= item <= self.last_id(day) else None

    def rows(self, day: int) -> Iterator[Row]:
        """Give all ids of a day, ascending."""
        return filter(None, map(self._row, range(1, self.last_id(day) + 1), repeat(day)))

    def latest(self, day: int) -> int | None:
        """Return the highest id that exists on a day; None if there is none."""
        return next((item for item in range(self.last_id(day), 0, -1) if self.row(item, day)), None)

    def changed(self, first: int, last: int) -> Iterator[int]:
        """Give the ids that changed or appeared on some days, latest day first, some of them several times."""
        for day in range(last, first - 1, -1):
            highest, before = self.last_id(day), self.last_id(day - 1)
            if self._changes.length:
                for item in self._changes.on(day, before):
                    if self._numbers(item) is not None and self._end(item, self._start(item)) > day:
                        yield item
            for item in range(before + 1, highest + 1):
                if self._numbers(item) is not None:
                    yield item

    def numbers(self, item: int) -> tuple[int, ...]:
        """Return the drawn numbers of an id, whether it exists or not."""
        return _TWELVE(blake2b(b"%b%d" % (self._prefix, item), digest_size=48).digest())

    def _numbers(self, item: int) -> tuple[int, ...] | None:
        """Return the drawn numbers of an id, None in a gap."""
        numbers = self.numbers(item)
        if numbers[0] < self._gap_below and item % self._perishable == 0:
            return None
        return numbers

    def _row(self, item: int, day: int) -> Row | None:
        """Return an id that has appeared; None if it is gone or never was."""
        numbers = self._numbers(item)
        start = EPOCH_DAY if item <= self._count else self._start(item)
        if numbers is None or self._end(item, start) <= day:
            return None
        length = self._changes.length
        if not length:
            return Row(item, numbers, 0, start)
        phase = self._changes.phase(item)
        turns, rest = divmod(day - phase, length)
        return Row(item, numbers, turns - (start - phase) // length, max(start, day - rest))

    def _start(self, item: int) -> int:
        """Return the day from which changes of an id are counted: ``EPOCH``, or its first day if that is later."""
        above = item - self._count
        if above <= 0:
            return EPOCH_DAY
        day = EPOCH_DAY + math.ceil(above / self._new_a_day)
        # The quotient may round to the day before or after.
        while self.last_id(day) < item:
            day += 1
        while self.last_id(day - 1) >= item:
            day -= 1
        return day

    def _end(self, item: int, start: int) -> int:
        """Return the first day on which an id is gone, after its first one and after ``EPOCH``."""
        length = self._ends.length
        if not length or item % self._perishable:
            return _NEVER
        return start + 1 + (self._ends.phase(item) - start - 1) % length


_NEVER = 1 << 40


def moved(value: float, item: int, revision: int) -> float:
    """Return a number of at least 0.5 after some changes: another one than before, itself at revision 0."""
    if not revision:
        return value
    share = (item * 7919 + revision * 104_729) % 1000 / 1000
    return round(value * (1.02 + 0.2 * share if revision & 1 else 0.98 - 0.2 * share), 4)


def more_votes(count: int, revision: int) -> int:
    """Return a number of votes after some changes; none stay none."""
    return max(1, count + revision * (1 + count // 200)) if count else 0
