"""State of a rate limit that processes and machines behind one address share."""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import TYPE_CHECKING

from tmdbfusion_scrapy.exceptions import ConfigurationError
from tmdbfusion_scrapy.rate_limit import (
    FoundRate,
    LocalMembers,
    RateLimit,
    RateLimitMember,
    lowest,
    origin_of,
)
from tmdbfusion_scrapy.rate_store import TABLE, store_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from tmdbfusion_scrapy.rate_limit import SharedLimit
    from tmdbfusion_scrapy.rate_store import StoreConnection

    Note = Callable[[StoreConnection], object]

_SET_SECONDS = 60.0
"""So long a rate that is set counts after the last request of who set it."""
_FURTHEST_SECONDS = 240.0
"""No token is further away: the clock of the store was set back."""
_LONGEST_ASK = 0.2
"""Seconds. Who waits for an answer of the store looks up that often: the waiting may be over."""
_FIRST_WAIT, _LONGEST_WAIT = 0.1, 5.0
"""Seconds until a store that is away is asked again."""
_SOON = 0.005
"""Seconds until who is not first asks again."""
_GOOD_ANSWERS = 1024
_LATE = 1.0
"""Tokens that may have come since a reserved one; later it is left, or a second would have too many."""
_GRANT_SECONDS = 1.0
"""So long a token may be used that the store has just granted: an event loop may be busy."""

_IS_LOWEST = f":rate > 0 AND (set_rate = 0 OR :rate <= set_rate OR set_at < {{now}} - {_SET_SECONDS})"
_ASK = (
    f"UPDATE {TABLE} SET "  # noqa: S608 - no text of anybody's
    f"set_rate = CASE WHEN {_IS_LOWEST} THEN :rate ELSE set_rate END, "
    f"set_at = CASE WHEN {_IS_LOWEST} THEN {{now}} ELSE set_at END, "
    "refused = CASE WHEN lowered_at < {now} - :passed_age THEN 0 ELSE refused END, "
    "next_at = CASE WHEN :wish = 2 OR (:wish = 1 AND paused_until > {now}) "
    f"THEN greatest(least(next_at, {{now}} + {_FURTHEST_SECONDS}), paused_until, {{now}} - :burst) + :interval "
    "ELSE next_at END "
    "WHERE name = :name"
)
"""The question for a token: https://en.wikipedia.org/wiki/Generic_cell_rate_algorithm by the store's clock."""
_ADD = f"INSERT INTO {TABLE} (name) VALUES (:name) ON CONFLICT (name) DO NOTHING"  # noqa: S608
_LIMITED = (
    f"UPDATE {TABLE} SET lowered_at = {{now}}, limited_at = {{now}} - :age, rate_before = :rate, passed = 0, "  # noqa: S608
    "refused = refused + 1, paused_until = greatest(paused_until, {now} + :pause), "
    "climbs_from = greatest(paused_until, {now} + :pause) "
    # A request from before the last 429 does not tell of another limit.
    "WHERE name = :name AND lowered_at < {now} - :age"
)
_PAUSE = (
    f"UPDATE {TABLE} SET "  # noqa: S608
    "climbs_from = climbs_from + greatest(0, {now} + :pause - greatest({now}, paused_until)), "
    "paused_until = greatest(paused_until, {now} + :pause) WHERE name = :name"
)
_PASSED = f"UPDATE {TABLE} SET passed = passed + :passed WHERE name = :name AND lowered_at = :episode"  # noqa: S608


class _Wish(IntEnum):
    """Tokens that a question reserves."""

    NONE = 0
    IN_A_PAUSE = 1
    """One, if there is a pause: the token that is there does not count then."""
    ONE = 2


@dataclass(frozen=True, slots=True)
class Known:
    """Knowledge of the store, as of the last question; times are of ``time.monotonic()`` in this process.

    Attributes:
        episode: Number of the last 429: its time by the store's clock; 0 for none.
        lowered_at: When the last 429 was noted; its request was sent at ``limited_at``.
        climbs_from: When the rate that was found begins to climb.
        rate_before: The rate before the last 429; 0 for none.
        passed: Good answers in the second before it, of all.
        refused: 429s without a good answer between them.
    """

    episode: float = 0.0
    lowered_at: float = -math.inf
    limited_at: float = -math.inf
    paused_until: float = -math.inf
    climbs_from: float = -math.inf
    set_rate: float = 0.0
    rate_before: float = 0.0
    passed: int = 0
    refused: int = 0

    def found_rate(self, now: float, limit: RateLimit) -> float:
        """Return the rate that was found after a 429, 0 for none or one that has reached what is set."""
        if self.lowered_at == -math.inf:
            return 0.0
        found = FoundRate.lowered(limit, self.rate_before or math.inf, self.passed, self.set_rate)
        rate = found.after(max(0.0, now - self.climbs_from))
        return 0.0 if 0 < self.set_rate <= rate else rate


class SharedRate(LocalMembers):
    """State of a rate limit in a row that processes share: the next token, the pause, the rate that was found.

    A process reserves one token at a time, and asks again when its time has come, reserving the next one with the
    same UPDATE: so a 429 to any of them stops all. Whoever is not told in time sends one more request. A process
    that does not use its token costs the others that one. Another host or kind of requests has another row.
    """

    def __init__(self, limit: SharedLimit, url: str, kind: str) -> None:
        self.name = " ".join((limit.key, kind, origin_of(url)))
        self._store = store_of(limit)
        super().__init__(RateLimit())

    def _forget_members(self) -> None:
        super()._forget_members()
        self._known = Known()
        # The token that is reserved: its time, and when that was known.
        self._due: tuple[float, float] | None = None
        # When the store said that a token may be used now.
        self._granted_at: float | None = None
        self._is_asking = False
        self._waiters: list[tuple[asyncio.AbstractEventLoop, asyncio.Future[None]]] = []
        self._notes: deque[Note] = deque()
        self._passed: deque[float] = deque(maxlen=_GOOD_ANSWERS)
        self._counted = 0.0
        self._count_at = math.inf
        self._was_late = False
        self._failures = 0
        self._away_until = -math.inf
        self._fault = ""

    def join(self, member: RateLimitMember, now: float) -> None:
        """Let a client or crawl share the limit."""
        with self._lock:
            if member not in self._members:
                self._store.use()
            self._members.add(member)
            member.paused_until = self._known.paused_until
            self._tell_members(*self._rates(now))

    def leave(self, member: RateLimitMember, now: float) -> None:
        """Let a client or crawl go; what it set no longer counts."""
        with self._lock:
            if member in self._members:
                self._store.release()
            self._members.discard(member)
            self._tell_members(*self._rates(now))

    async def acquire(self, member: RateLimitMember, now: float) -> float:
        """Take a token and return 0, or return the seconds to wait.

        Raises:
            ConfigurationError: The store could not be used even once.
        """
        until = now + _LONGEST_ASK
        while True:
            with self._lock:
                wait = self._take(member, now)
                if wait is not None:
                    return wait
                loop = asyncio.get_running_loop()
                told: asyncio.Future[None] = loop.create_future()
                waiter = loop, told
                self._waiters.append(waiter)
            timer = loop.call_later(max(0.0, until - now), _tell, told)
            try:
                await told
            finally:
                timer.cancel()
                with self._lock, suppress(ValueError):
                    self._waiters.remove(waiter)
            now = time.monotonic()
            if now >= until:
                return _SOON

    def _take(self, member: RateLimitMember, now: float) -> float | None:
        """Take a token and return 0, or return the seconds to wait; ``None`` while the store is asked."""
        if now >= self._count_at:
            self._count_passed()
        if now < self._away_until:
            if self._fault:
                raise ConfigurationError(self._fault)
            return self._away_until - now
        if now < self._known.paused_until:
            if self._notes:
                self._ask(_Wish.NONE)
            return min(self._known.paused_until, max(self._count_at, now + _SOON)) - now
        ahead = self._ahead_of(member)
        interval = self._interval(now)
        grace = max(_LATE * interval, self._limit.burst)
        reserved_at = self._granted_at if self._due is None else self._due[0]
        # Who is late by its own token is not waited for.
        if ahead and (reserved_at is None or now - reserved_at <= grace):
            return max(_SOON, ahead * interval)
        if self._is_asking:
            return None
        if self._granted_at is not None:
            granted_at, self._granted_at = self._granted_at, None
            if now - granted_at <= _GRANT_SECONDS:
                return 0.0
        if self._due is None:
            self._ask(_Wish.ONE)
            return None
        due, known_at = self._due
        if now < due:
            return due - now
        # Never twice: in an event loop that is always late there would be no end.
        self._was_late = not self._was_late and now - max(due, known_at) > grace
        if self._was_late:
            self._due = None
        is_more_wanted = sum(member.waiting for member in self._members) > 1
        self._ask(_Wish.ONE if self._due is None or is_more_wanted else _Wish.IN_A_PAUSE)
        return None

    def _own_rate(self) -> float:
        """Return the lowest rate that is set in this process; 0 for none."""
        return lowest(*(member.requests_per_second for member in self._members))

    def _rates(self, now: float) -> tuple[float, float]:
        """Return the rate that is set and the one that was found, 0 for none."""
        own, known = self._own_rate(), self._known.set_rate
        return min(own, known or own), self._known.found_rate(now, self._limit)

    def _interval(self, now: float) -> float:
        """Return the seconds between two tokens."""
        rate = lowest(*self._rates(now))
        return 1.0 / rate if rate else 0.0

    def _ask(self, wish: _Wish) -> None:
        """Ask the store in its thread, unless it is being asked."""
        if self._is_asking:
            return
        self._is_asking = True
        now = time.monotonic()
        is_due = self._due is not None
        interval = self._interval(now)
        values = {
            "name": self.name,
            "wish": int(wish),
            "rate": self._own_rate(),
            "burst": self._limit.burst,
            "interval": interval,
            "passed_age": now - self._passed[-1] if self._passed else now,
        }

        def talk(connection: StoreConnection) -> None:
            # Kept until they are written.
            while self._notes:
                self._notes[0](connection)
                self._notes.popleft()
            row = connection.row(_ASK, values)
            if row is None:
                connection.run(_ADD, {"name": self.name})
                row = connection.row(_ASK, values)
            if row is None:
                raise RuntimeError(f"{TABLE} takes no row for {self.name}")
            self._learn(row, wish, interval, is_due=is_due)

        self._store.submit(talk, self._failed)

    def _learn(self, row: dict[str, float], wish: _Wish, interval: float, *, is_due: bool) -> None:
        """Take in what the store said; ``is_due`` tells that the time of the reserved token had come."""
        now = time.monotonic()
        with self._lock:
            self._is_asking = False
            self._failures = 0
            if self._notes:
                # It did not know of them; nor of the pause that they begin.
                self._granted_at = self._due = None
                self._ask(_Wish.NONE)
            else:
                self._take_in(row, now, wish, interval, is_due=is_due)
            self._wake()

    def _take_in(
        self, row: dict[str, float], now: float, wish: _Wish, interval: float, *, is_due: bool
    ) -> None:
        offset = now - row["now"]
        self._know(
            Known(
                episode=row["lowered_at"],
                lowered_at=row["lowered_at"] + offset if row["lowered_at"] else -math.inf,
                limited_at=row["limited_at"] + offset,
                paused_until=min(row["paused_until"] + offset, now + self._limit.longest_pause),
                climbs_from=row["climbs_from"] + offset,
                set_rate=row["set_rate"],
                rate_before=row["rate_before"],
                passed=int(row["passed"]),
                refused=int(row["refused"]),
            ),
            now,
        )
        is_paused = row["paused_until"] > row["now"]
        reserved = (row["next_at"] - interval + offset, now)
        if wish is not _Wish.NONE:
            is_now = not is_paused and (is_due or reserved[0] <= now)
            self._granted_at = now if is_now else self._granted_at
            self._due = None if is_now and not (is_due and wish is _Wish.ONE) else reserved
        if self._known.episode not in (0.0, self._counted) and self._count_at == math.inf:
            # Requests in flight may succeed yet.
            self._count_at = now + max(0.0, self._known.paused_until - now) / 2

    def _know(self, known: Known, now: float) -> None:
        """Replace what is known, and tell the members."""
        is_new_pause = known.paused_until > now >= self._known.paused_until
        self._known = known
        for member in self._members:
            member.pauses += is_new_pause
            member.paused_until = known.paused_until
        self._tell_members(*self._rates(now))

    def _count_passed(self) -> None:
        """Have the good answers of the second before the last 429 added to those of the others."""
        self._count_at = math.inf
        episode, until = self._known.episode, self._known.limited_at
        self._counted = episode
        passed = sum(until - 1.0 < at <= until for at in self._passed)
        if passed and episode:
            values = {"name": self.name, "passed": passed, "episode": episode}
            self._notes.append(lambda connection: connection.run(_PASSED, values))

    def _succeeded(self, sent_at: float) -> None:
        self._passed.append(sent_at)

    def _limited(self, now: float, sent_at: float, retry_after: float | None) -> float:
        is_new = sent_at > self._known.lowered_at
        if not is_new and retry_after is None:
            return 0.0
        refused = self._known.refused + 1
        pause = self._limit.pause(retry_after, refused if is_new else None)
        set_rate, found_rate = self._rates(now)
        rate = found_rate or set_rate
        if is_new:
            self._known = replace(
                self._known,
                episode=0.0,
                lowered_at=now,
                limited_at=sent_at,
                climbs_from=now + pause,
                rate_before=rate,
                passed=0,
                refused=refused,
            )
            self._count_at = math.inf
        until = now + pause

        def note(connection: StoreConnection) -> None:
            at = time.monotonic()
            values = {"name": self.name, "pause": max(0.0, until - at), "age": at - sent_at, "rate": rate}
            is_noted = is_new and connection.run(_LIMITED, values)
            if not is_noted and retry_after is not None:
                self._pause_in_store(connection, until)

        return self._note(note, now, until)

    def _pause(self, now: float, pause: float) -> float:
        until = now + pause
        return self._note(lambda connection: self._pause_in_store(connection, until), now, until)

    def _pause_in_store(self, connection: StoreConnection, until: float) -> None:
        connection.run(_PAUSE, {"name": self.name, "pause": max(0.0, until - time.monotonic())})

    def _note(self, note: Note, now: float, until: float) -> float:
        """Pause at once, and have the store told; return the seconds by which the pause is longer."""
        longer = max(0.0, until - max(now, self._known.paused_until))
        self._notes.append(note)
        self._know(replace(self._known, paused_until=max(self._known.paused_until, until)), now)
        self._granted_at = self._due = None
        self._ask(_Wish.NONE)
        return longer

    def _failed(self, error: Exception) -> None:
        """Wait a little, as the store is away; in the thread of the store."""
        with self._lock:
            self._is_asking = False
            self._granted_at = self._due = None
            wait = min(_LONGEST_WAIT, _FIRST_WAIT * 2 ** min(self._failures, 16))
            self._failures += 1
            self._away_until = time.monotonic() + wait
            self._fault = "" if self._store.was_reached else self._store.unusable(error)
            self._wake()

    def _wake(self) -> None:
        """Let those look who wait for what the store says."""
        waiters, self._waiters = self._waiters, []
        for loop, told in waiters:
            # The loop may be closed by now.
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(_tell, told)


def _tell(told: asyncio.Future[None]) -> None:
    if not told.done():
        told.set_result(None)


_states: dict[tuple[str, str, str], SharedRate] = {}


def shared_rate(limit: SharedLimit, url: str, kind: str = "api") -> SharedRate:
    """Return the state of this process for a shared rate limit, the host of a URL and a kind of requests."""
    state = SharedRate(limit, url, kind)
    return _states.setdefault((limit.key, str(limit.url), state.name), state)
