"""Rate limit: how many requests a second, and when not to send at all.

TMDB allows about 40 requests a second per IP address, may change that at any time, and announces it in no
header (https://developer.themoviedb.org/docs/rate-limiting). So requests are spaced below that, a 429 pauses all
of them and lowers the rate, and success raises it again, never above what was set.

The limit is one of this machine's address, not of a client: all clients and crawls of a process that ask the same
host share one state. For many processes behind one address `shared_rate.py` has another kind of state.
"""

from __future__ import annotations

import asyncio
import logging
import math
import random
import threading
import time
from abc import ABC, abstractmethod
from bisect import bisect_right
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import ClassVar, Protocol
from weakref import WeakSet

from tmdbfusion_scrapy.exceptions import ConfigurationError
from tmdbfusion_scrapy.forking import renew_in_children

logger = logging.getLogger(__name__)

DEFAULT_REQUESTS_PER_SECOND = 35.0
"""Below the "somewhere in the 40 requests per second range" of TMDB's page on rate limiting."""

_LOWEST_SHARE = 0.05
"""The rate never falls below this share of the usual one: from zero it would not come back."""
_ENOUGH_ANSWERS = 10
"""Fewer good answers in the second before a 429 do not tell what the server allows."""
_MEASURED_ANSWERS = 1024
"""Good answers that are remembered; at a higher rate their time span stands for the second."""
_NEAR = 0.05
"""Share of the limit that the last 429 told of, within which the rate climbs at a quarter of its speed."""
_LONGEST_SLEEP = 0.25
"""Seconds. Who waits looks up that often: the rate may have changed, or the waiting may be over."""
_LONG_PAUSE = 5.0
"""Seconds; a pause that is longer is logged, so that nobody takes it for a crawl that hangs."""


class RateLimiterClosed(RuntimeError):
    """The client was closed, or the crawl is being stopped, while a request waited for the rate limit."""

    def __init__(self) -> None:
        super().__init__("closed while a request waited for the rate limit")


@dataclass(frozen=True, slots=True)
class RateLimit:
    """Numbers of a rate limit.

    Args:
        requests_per_second: The rate that is set; 0 for no limit but the one that a 429 tells of.
        burst: Seconds that a request may be ahead of even spacing, to make up for one that left late. No second
            has more than ``rate + 1 + rate * burst`` requests: 39 where 38 are set. More makes up for more, and
            leaves less room for what arrives later than it was sent.
        decrease: Factor on the rate after a 429, above 0 and at most 1.
        recovery: Seconds from half of the rate back to it, without another 429. Pauses do not count.
        longest_pause: Seconds; the longest pause after a 429, whatever ``Retry-After`` says.
        jitter: Draws the pause after a 429 without ``Retry-After`` from a range (``random.uniform``).

    Raises:
        ConfigurationError: A number cannot be used.
    """

    requests_per_second: float = DEFAULT_REQUESTS_PER_SECOND
    burst: float = 0.01
    decrease: float = 0.85
    recovery: float = 60.0
    longest_pause: float = 120.0
    jitter: Callable[[float, float], float] = field(default=random.uniform, repr=False, compare=False)

    def __post_init__(self) -> None:
        rate, burst, longest = self.requests_per_second, self.burst, self.longest_pause
        for name, value, is_good, use in (
            ("requests per second", rate, 0 <= rate < math.inf, "0 (no limit) or a positive number"),
            ("burst", burst, 0 <= burst < math.inf, "seconds from 0"),
            ("decrease", self.decrease, 0 < self.decrease <= 1, "a factor above 0, at most 1"),
            ("recovery", self.recovery, 0 < self.recovery < math.inf, "seconds above 0"),
            ("longest_pause", longest, 0 <= longest < math.inf, "seconds from 0"),
        ):
            if not is_good:
                raise ConfigurationError(f"{name} is {value}: use {use}")

    def pause(self, retry_after: float | None, refused: int | None) -> float:
        """Return the seconds to pause after a 429, one of so many in a row; ``None`` for one more of an event."""
        pause = min(retry_after or 0.0, self.longest_pause)
        if refused is None:
            return pause
        # A second at the least: limits are counted by the second, so a shorter pause meets the same one.
        shortest = 2.0 ** min(refused - 1, 16)
        return max(pause, min(self.longest_pause, self.jitter(shortest, 1.5 * shortest)))


@dataclass(frozen=True, slots=True)
class SharedLimit:
    """Name of a rate limit that processes share, and the database that holds it.

    Attributes:
        url: URL of the database; no ``repr`` shows it, for its password.
        label: The database as it may be shown.
        setting: Setting or argument that named the database, for messages.
    """

    key: str
    url: str = field(repr=False)
    label: str
    setting: str


@dataclass(frozen=True, slots=True)
class FoundRate:
    """Rate that was found after a 429, and how fast it climbs; all in requests a second.

    It is a factor below what the server let through before the 429, climbs by a constant amount each second, and
    by a quarter of it near the limit that the 429 told of.
    """

    rate: float
    passed: float
    climb: float

    @classmethod
    def lowered(cls, limit: RateLimit, before: float, passed: float, set_rate: float) -> FoundRate:
        """Return the rate after a 429.

        ``before`` is the one before it, infinite for none; ``passed`` are the good answers in the second before;
        ``set_rate`` is the one that is set, 0 for none.
        """
        known = before
        if passed >= _ENOUGH_ANSWERS:
            known = min(known, passed)
        elif known == math.inf:
            known = DEFAULT_REQUESTS_PER_SECOND
        usual = min(set_rate or math.inf, DEFAULT_REQUESTS_PER_SECOND)
        rate = max(known * limit.decrease, usual * _LOWEST_SHARE)
        return cls(rate, known, max(known, usual) / 2 / limit.recovery)

    def after(self, seconds: float) -> float:
        """Return the rate after so many seconds without another 429."""
        rate = self.rate
        near, beyond = self.passed * (1 - _NEAR), self.passed * (1 + _NEAR)
        for end, climb in ((near, self.climb), (beyond, self.climb / 4), (math.inf, self.climb)):
            if rate < end:
                needed = min(seconds, (end - rate) / climb)
                rate += needed * climb
                seconds -= needed
        return rate


@dataclass(eq=False)
class RateLimitMember:
    """A client or crawl that shares a rate limit, and what became of its requests.

    Args:
        requests_per_second: The rate that it set; 0 for none.
        rate: Requests a second that the state allows it now; 0 for no limit.
        lowest_rate: The lowest that it was allowed; 0 for no limit.
        pauses: Pauses since it joined, after a 429 or a 503 that asked for one, whoever of the members got it.
        waits: Its requests that waited.
        wait_seconds: Seconds that they waited, added up.
        waiting_since: When the request that asks for a token now began to ask; infinite while none does.
        waiting: Its requests that wait for a token now, with the one that asks.
        paused_until: When the last pause ends, or ended.
    """

    requests_per_second: float
    rate: float = 0.0
    lowest_rate: float = 0.0
    pauses: int = 0
    waits: int = 0
    wait_seconds: float = 0.0
    waiting_since: float = math.inf
    waiting: int = 0
    paused_until: float = -math.inf

    def allow(self, rate: float) -> None:
        """Note the rate that the state allows, 0 for no limit."""
        self.rate = rate
        self.lowest_rate = lowest(rate, self.lowest_rate)


class RateLimitState(Protocol):
    """Interface of what a rate limit knows: its tokens, its pause, the rate that it found.

    `InProcessState` is used; another one may keep its knowledge in a database that many machines share. Give it
    before clients and crawls are made::

        RateLimiter.new_state = lambda url, kind: PostgresState(dsn, url, kind)

    An implementation holds to this:

    - A token lets one request go, at once. During a pause, which a 429 to any member begins, there is none.
    - Of each member one request asks at a time, again after the seconds that it was told, or sooner: four times a
      second it looks whether it is to give up. Among members, who has the smallest ``waiting_since`` is first.
    - A member to which nobody refers any longer, as its client was not closed, does not count: refer to it weakly.
    - Times are of ``time.monotonic()`` in this process. Between machines only differences of them mean something.
    - ``join`` and ``leave`` do not block, in whatever thread. The others are awaited in the event loop of the
      member's limiter, so a state that several limiters are given is used in several loops at the same time.
    - What ``acquire`` raises, the request fails with. If the store is away for a while, return seconds.
    """

    def join(self, member: RateLimitMember, now: float) -> None:
        """Let a client or crawl share the limit, and tell it the rate with ``member.allow``."""

    def leave(self, member: RateLimitMember, now: float) -> None:
        """Let a client or crawl go; what it set no longer counts."""

    async def acquire(self, member: RateLimitMember, now: float) -> float:
        """Take a token and return 0, or take none and return the seconds to wait until there may be one."""

    async def answered(self, now: float, sent_at: float, status: int, retry_after: float | None) -> float:
        """Note an answer, and return the seconds by which it made the pause longer.

        Args:
            now: The time of the answer.
            sent_at: When its request got its token.
            status: HTTP status. A 429 pauses and lowers the rate; 500 and above pauses if `retry_after` is given.
            retry_after: Seconds that the server asks to wait.
        """


class LocalMembers(ABC):
    """Clients and crawls of this process that share a rate limit, and their answers; states stand on it."""

    def __init__(self, limit: RateLimit) -> None:
        self._limit = limit
        self._forget_members()
        renew_in_children(self)

    def begin_anew(self) -> None:
        """Forget who waits, in a child process: they wait in the parent, and one of them may hold the lock."""
        self._forget_members()

    def _forget_members(self) -> None:
        self._lock = threading.Lock()
        # Weak, for a client that nobody closed must not hold the others back.
        self._members: WeakSet[RateLimitMember] = WeakSet()

    async def answered(self, now: float, sent_at: float, status: int, retry_after: float | None) -> float:
        """Note an answer, and return the seconds by which it made the pause longer."""
        with self._lock:
            if status == HTTPStatus.TOO_MANY_REQUESTS:
                return self._limited(now, sent_at, retry_after)
            if status >= HTTPStatus.INTERNAL_SERVER_ERROR and retry_after is not None:
                # For longer, a server that is down is not waited for: its calls fail, and are on record.
                return self._pause(now, retry_after) if 0 < retry_after <= self._limit.longest_pause else 0.0
            self._succeeded(sent_at)
            return 0.0

    def _tell_members(self, set_rate: float, found_rate: float) -> None:
        """Tell each member the rate that it is allowed."""
        for member in self._members:
            member.allow(lowest(found_rate, set_rate if member.requests_per_second else 0.0))

    def _ahead_of(self, member: RateLimitMember) -> int:
        """Return how many members wait for longer, and go first."""
        since = member.waiting_since
        return sum(other.waiting_since < since for other in self._members)

    @abstractmethod
    def _limited(self, now: float, sent_at: float, retry_after: float | None) -> float:
        """Note a 429: pause, and lower the rate unless the request is from before the last 429."""

    @abstractmethod
    def _pause(self, now: float, pause: float) -> float:
        """Give no token for some seconds; return by how many that is longer than before."""

    @abstractmethod
    def _succeeded(self, sent_at: float) -> None:
        """Note a good answer."""


class InProcessState(LocalMembers):
    """State of a rate limit for the event loops and threads of this process.

    The lowest rate that is set among the members holds for all who set one. The rate that was found after a 429
    holds for everybody, and is given up where it reaches what was set (additive increase, multiplicative
    decrease). Neither ``acquire`` nor ``answered`` suspends.
    """

    def __init__(self, limit: RateLimit | None = None, now: float | None = None) -> None:
        super().__init__(limit or RateLimit())
        now = time.monotonic() if now is None else now
        self._counted = 0
        self._all_set = False
        self._set_rate, self._set_next = 0.0, now
        self._found_next = now
        self._paused_until = self._last_climb = now
        self._lowered_at = self._limited_sent_at = -math.inf
        self._rate_before = 0.0
        self._found: FoundRate | None = None
        self._is_measuring = False
        self._pauses_in_a_row = 0
        self._answered: deque[float] = deque(maxlen=_MEASURED_ANSWERS)

    def begin_anew(self) -> None:
        """Forget who waits, but not who shares the limit."""
        self._lock = threading.Lock()
        for member in self._members:
            member.waiting_since = math.inf

    def join(self, member: RateLimitMember, now: float) -> None:
        """Let a client or crawl share the limit."""
        with self._lock:
            self._members.add(member)
            member.paused_until = self._paused_until
            self._count_members(now)

    def leave(self, member: RateLimitMember, now: float) -> None:
        """Let a client or crawl go; what it set no longer counts."""
        with self._lock:
            self._members.discard(member)
            self._count_members(now)

    async def acquire(self, member: RateLimitMember, now: float) -> float:
        """Take a token and return 0, or return the seconds to wait.

        Requests are spaced evenly: https://en.wikipedia.org/wiki/Generic_cell_rate_algorithm.
        """
        with self._lock:
            if now < self._paused_until:
                return self._paused_until - now
            if self._is_measuring:
                self._is_measuring = False
                self._lower()
            if self._found is not None:
                # It climbs, up to what was set; slowly where the limit is thought to be.
                self._found = replace(self._found, rate=self._found.after(now - self._last_climb))
                self._last_climb = now
                if self._all_set and self._found.rate >= self._set_rate:
                    self._found = None
                    self._set_next = max(self._set_next, self._found_next)
                self._tell_members(self._set_rate, self._found_rate)
            if len(self._members) != self._counted:
                self._count_members(now)
            found_rate = 0.0 if self._found is None else self._found.rate
            set_rate = self._set_rate if member.requests_per_second else 0.0
            # Who is late by its own token is not waited for.
            ahead = self._ahead_of(member) if self._counted > 1 else 0
            due = max(
                self._set_next + ahead / set_rate if set_rate else now,
                self._found_next + ahead / found_rate if found_rate else now,
            )
            if due > now:
                return due - now
            # By whole intervals, so there is no drift.
            earliest = now - self._limit.burst
            if set_rate:
                self._set_next = max(self._set_next, earliest) + 1.0 / set_rate
            if found_rate:
                self._found_next = max(self._found_next, earliest) + 1.0 / found_rate
            return 0.0

    def _succeeded(self, sent_at: float) -> None:
        self._answered.append(sent_at)
        # A request from before the last 429 does not tell that the pause was long enough.
        if sent_at > self._lowered_at:
            self._pauses_in_a_row = 0

    def _count_members(self, now: float) -> None:
        """Find the rate that is set, after members have come or gone."""
        before = self._set_rate
        rates = [member.requests_per_second for member in self._members]
        self._counted = len(rates)
        self._all_set = bool(rates) and all(rates)
        self._set_rate = lowest(*rates)
        if self._set_rate and (not before or self._set_rate > before):
            # The next token of a slow rate may be far away, also that of one who has left.
            self._set_next = min(self._set_next, now + 1.0 / self._set_rate)
        self._tell_members(self._set_rate, self._found_rate)

    def _limited(self, now: float, sent_at: float, retry_after: float | None) -> float:
        is_new = sent_at > self._lowered_at
        if not is_new and retry_after is None:
            return 0.0
        if is_new:
            self._pauses_in_a_row += 1
            self._rate_before = self._found_rate or (self._set_rate if self._all_set else 0.0)
            self._lowered_at = now
            self._limited_sent_at = sent_at
            # Requests in flight may succeed yet: measured again when the pause is over.
            self._is_measuring = True
            self._lower()
        return self._pause(now, self._limit.pause(retry_after, self._pauses_in_a_row if is_new else None))

    def _pause(self, now: float, pause: float) -> float:
        before = max(now, self._paused_until)
        is_new = now >= self._paused_until
        self._paused_until = max(self._paused_until, now + pause)
        for member in self._members:
            member.pauses += is_new
            member.paused_until = self._paused_until
        self._set_next = max(self._set_next, self._paused_until)
        self._found_next = max(self._found_next, self._paused_until)
        self._last_climb = self._paused_until
        return max(0.0, self._paused_until - before)

    def _lower(self) -> None:
        """Lower the rate, from what it was before the 429 or from what the server let through, if that is less."""
        self._found = FoundRate.lowered(
            self._limit, self._rate_before or math.inf, self._passed(), self._set_rate
        )
        self._tell_members(self._set_rate, self._found_rate)

    def _passed(self) -> float:
        """Return the requests that the server let through in the busiest second before the last 429."""
        sent = sorted(at for at in self._answered if self._limited_sent_at - 1.0 < at <= self._lowered_at)
        if len(sent) == _MEASURED_ANSWERS and sent[-1] - sent[0] < 1.0:
            return len(sent) / max(sent[-1] - sent[0], 1e-3)
        return max((count - bisect_right(sent, at - 1.0) for count, at in enumerate(sent, 1)), default=0)

    @property
    def _found_rate(self) -> float:
        return 0.0 if self._found is None else self._found.rate


def lowest(*rates: float) -> float:
    """Return the lowest of some rates; 0, which stands for no limit, where there is none."""
    return min(filter(None, rates), default=0.0)


def origin_of(url: str) -> str:
    """Return scheme, host and port of a URL."""
    return "/".join(url.split("/", 3)[:3])


_shared: dict[tuple[str, str], InProcessState] = {}


def shared_state(url: str, kind: str = "api") -> InProcessState:
    """Return the state of this process for the scheme, host and port of a URL, and a kind of requests.

    It outlives its members, so that a new client goes on where the last one stopped.
    """
    key = (origin_of(url), kind)
    return _shared.get(key) or _shared.setdefault(key, InProcessState())


def forget_shared_states() -> None:
    """Forget all shared states, for tests: who has one keeps it, and who comes next gets a new one."""
    _shared.clear()


class RateLimiter:
    """Lets the requests of a client or crawl go at a rate limit, in one event loop, first come, first served.

    Args:
        limit: The rate that this client or crawl wants; with a `state` nothing else of it counts.
        state: What is shared with others, from `new_state`; by default one of its own.
        is_stopping: Tells whether those who wait are to give up.

    Attributes:
        new_state: Returns the state for a base URL and a kind of requests (``api`` or ``images``), for each client
            and crawl that is made; assign another function than `shared_state` for another kind of state.
        member: What the state allows, and what became of the requests so far.
    """

    new_state: ClassVar[Callable[[str, str], RateLimitState]] = shared_state

    def __init__(
        self,
        limit: RateLimit,
        state: RateLimitState | None = None,
        *,
        is_stopping: Callable[[], bool] | None = None,
    ) -> None:
        self.member = RateLimitMember(limit.requests_per_second)
        self._state = InProcessState(limit) if state is None else state
        self._state.join(self.member, time.monotonic())
        self._queue = asyncio.Lock()
        self._closed = asyncio.Event()
        self._is_stopping = is_stopping

    @classmethod
    def state_of(cls, url: str, kind: str, shared: SharedLimit | None) -> RateLimitState:
        """Return the state for a base URL and a kind of requests, shared with other processes if that is set."""
        if shared is None:
            return cls.new_state(url, kind)
        from tmdbfusion_scrapy.shared_rate import shared_rate

        return shared_rate(shared, url, kind)

    @property
    def is_in_process(self) -> bool:
        """True where the state is of this process, so that its methods never suspend."""
        return isinstance(self._state, InProcessState)

    @property
    def is_waited_for(self) -> bool:
        """True while a request waits for its token."""
        return self.member.waiting > 0

    async def acquire(self) -> float:
        """Wait for a token and return the time at which it came, of ``time.monotonic()``.

        Raises:
            RateLimiterClosed: The waiting is over without one.
        """
        start = time.monotonic()
        waits = self.member.waiting > 0
        self.member.waiting += 1
        try:
            # One request asks; the others queue behind it, so a pause delays all of them alike.
            async with self._queue:
                now = self.member.waiting_since = time.monotonic() if waits else start
                try:
                    while (delay := await self._state.acquire(self.member, now)) > 0:
                        waits = True
                        if self._closed.is_set() or (self._is_stopping is not None and self._is_stopping()):
                            raise RateLimiterClosed
                        await asyncio.sleep(min(delay, _LONGEST_SLEEP))
                        now = time.monotonic()
                finally:
                    self.member.waiting_since = math.inf
        finally:
            self.member.waiting -= 1
        now = time.monotonic()
        if waits:
            self.member.waits += 1
            self.member.wait_seconds += now - start
        return now

    async def answered(self, sent_at: float, status: int, retry_after: float | None) -> None:
        """Note the status of an answer, and the seconds that it asks to wait; ``acquire`` returned ``sent_at``."""
        pause = await self._state.answered(time.monotonic(), sent_at, status, retry_after)
        if pause >= _LONG_PAUSE:
            reason = "TMDB asks to wait" if retry_after else "TMDB refuses requests again: waiting"
            logger.warning("%s %.0f s (%d); all requests wait", reason, pause, status)

    async def sleep(self, seconds: float) -> None:
        """Sleep, at most until the limiter is closed.

        Raises:
            RateLimiterClosed: It was.
        """
        try:
            await asyncio.wait_for(self._closed.wait(), seconds)
        except asyncio.TimeoutError:
            return
        raise RateLimiterClosed

    def close(self) -> None:
        """Let those who wait give up, and no longer count for the others."""
        self._closed.set()
        self.leave()

    def leave(self) -> None:
        """No longer count for the others."""
        self._state.leave(self.member, time.monotonic())
