"""The pace: how many requests a second, and when not to send at all.

TMDB allows about 40 requests a second per IP address, may change that at any time, and announces it in no
header (https://developer.themoviedb.org/docs/rate-limiting). So the pace is set below that, a 429 pauses
everything and lowers the rate, and success raises it again, never above what was set.
"""

from __future__ import annotations

import asyncio
import math
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from tmdbfusion_scrapy.exceptions import ConfigurationError

DEFAULT_REQUESTS_PER_SECOND = 35.0
"""Below the "somewhere in the 40 requests per second range" of TMDB's page on rate limiting."""

_LOWEST_SHARE = 0.05
"""The rate never falls below this share of the one that was set: from zero it would not come back."""


@dataclass(frozen=True, slots=True)
class PaceOptions:
    """How the pace is kept.

    Args:
        rate: Requests a second; 0 for no limit.
        burst: Requests that may follow each other at once after a pause.
        decrease: Factor on the rate after a 429, above 0 and at most 1; a twentieth of ``rate`` is always kept.
        recovery: Seconds from half of ``rate`` back to it, without another 429. Pauses do not count.
        max_pause: Seconds; the longest pause after a 429, whatever ``Retry-After`` says.
        jitter: Draws the pause after a 429 without ``Retry-After`` from a range (``random.uniform``).

    Raises:
        ConfigurationError: A number cannot be used.
    """

    rate: float = DEFAULT_REQUESTS_PER_SECOND
    burst: int = 5
    decrease: float = 0.7
    recovery: float = 60.0
    max_pause: float = 120.0
    jitter: Callable[[float, float], float] = field(default=random.uniform, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not 0 <= self.rate < math.inf:
            raise ConfigurationError(
                f"requests per second is {self.rate}: use 0 (no limit) or a positive number"
            )
        if self.burst < 1:
            raise ConfigurationError(f"burst is {self.burst}: use 1 or more")
        if not 0 < self.decrease <= 1:
            raise ConfigurationError(f"decrease is {self.decrease}: use a factor above 0, at most 1")
        if not 0 < self.recovery < math.inf:
            raise ConfigurationError(f"recovery is {self.recovery}: use seconds above 0")
        if not 0 <= self.max_pause < math.inf:
            raise ConfigurationError(f"max_pause is {self.max_pause}: use seconds from 0")


@dataclass(frozen=True, slots=True)
class PaceStatistics:
    """What the pace did.

    Args:
        rate: Requests a second now; 0 for no limit.
        lowest_rate: The lowest it was.
        waits: Requests that waited.
        wait_seconds: Seconds that they waited, added up.
        pauses: Pauses after a 429.
    """

    rate: float
    lowest_rate: float
    waits: int
    wait_seconds: float
    pauses: int


class Pace:
    """A token bucket with a gate, on a clock that is passed in: no sleeping, no network.

    Args:
        options: The numbers.
        now: The time of the start, in seconds of any steady clock.
    """

    def __init__(self, options: PaceOptions, now: float) -> None:
        self._options = options
        self._rate = options.rate
        self._lowest_rate = options.rate
        self._next = now
        self._closed_until = now
        self._lowered_at = now
        self._last_change = now
        self._pauses_in_a_row = 0
        self._waits = 0
        self._wait_seconds = 0.0
        self._pauses = 0

    def wait(self, now: float) -> float:
        """Seconds until the next request may go; 0 takes the place, more takes nothing."""
        closed = self._closed_until - now
        if closed > 0:
            return closed
        if not self._rate:
            return 0.0
        self._recover(now)
        interval = 1.0 / self._rate
        # The schedule never lies more than a burst in the past, and advances by whole intervals: no drift.
        earliest = max(self._next, now - (self._options.burst - 1) * interval)
        if earliest > now:
            return earliest - now
        self._next = earliest + interval
        return 0.0

    def waited(self, seconds: float) -> None:
        """Note how long a request waited."""
        self._waits += 1
        self._wait_seconds += seconds

    def succeeded(self, sent_at: float | None = None) -> None:
        """Note an answer that was no 429, to a request sent at ``sent_at``; ``None`` for just now.

        An answer to a request from before the last 429 does not tell that the pause was long enough.
        """
        if sent_at is None or sent_at > self._lowered_at:
            self._pauses_in_a_row = 0

    def limited(self, now: float, sent_at: float, retry_after: float | None = None) -> None:
        """Note a 429: close the gate for a while and lower the rate.

        Args:
            now: The time of the answer.
            sent_at: When its request was sent. A request from before the last lowering tells nothing new, so
                the rate stays.
            retry_after: Seconds that the server asked for.
        """
        options = self._options
        known = self._pauses > 0 and sent_at <= self._lowered_at
        if known and retry_after is None:
            return
        if not known:
            self._pauses += 1
            self._pauses_in_a_row += 1
            self._lowered_at = now
            self._rate = max(self._rate * options.decrease, options.rate * _LOWEST_SHARE)
            self._lowest_rate = min(self._lowest_rate, self._rate)
        if retry_after is None:
            ceiling = min(options.max_pause, 2.0 ** min(self._pauses_in_a_row - 1, 16))
            pause = options.jitter(ceiling / 2, ceiling)
        else:
            pause = min(retry_after, options.max_pause)
        self._closed_until = max(self._closed_until, now + pause)
        self._next = max(self._next, self._closed_until)
        self._last_change = self._closed_until

    def statistics(self) -> PaceStatistics:
        """Return what the pace did so far."""
        return PaceStatistics(self._rate, self._lowest_rate, self._waits, self._wait_seconds, self._pauses)

    def _recover(self, now: float) -> None:
        """Let the rate climb back, a straight line up to what was set."""
        options = self._options
        if self._rate < options.rate:
            gained = (now - self._last_change) * options.rate / 2 / options.recovery
            self._rate = min(options.rate, self._rate + gained)
            self._last_change = now


class AsyncPacer:
    """Lets coroutines of one event loop go at a pace, first come first served."""

    def __init__(self, options: PaceOptions) -> None:
        self._pace = Pace(options, time.monotonic())
        self._turn = asyncio.Lock()
        self._waiting = 0

    @property
    def is_waited_for(self) -> bool:
        """Whether a request waits for its turn."""
        return self._waiting > 0

    async def acquire(self) -> float:
        """Wait for a place and return the time at which it came, of ``time.monotonic()``."""
        start = time.monotonic()
        # Counted, for a lock that is being handed on looks free: who comes then would overtake the queue.
        if not self._waiting and self._pace.wait(start) == 0:
            return start
        self._waiting += 1
        try:
            # Who has the turn waits alone; the others queue for it, so a pause delays all of them alike.
            async with self._turn:
                # Not an event to wait for: a pause that comes meanwhile makes the wait longer.
                while (delay := self._pace.wait(time.monotonic())) > 0:  # noqa: ASYNC110
                    await asyncio.sleep(delay)
        finally:
            self._waiting -= 1
        now = time.monotonic()
        self._pace.waited(now - start)
        return now

    def succeeded(self, sent_at: float | None = None) -> None:
        """Note an answer that was no 429, to a request that was sent at ``sent_at``; ``None`` for just now."""
        self._pace.succeeded(sent_at)

    def limited(self, sent_at: float, retry_after: float | None = None) -> None:
        """Note a 429 to a request that was sent at ``sent_at``."""
        self._pace.limited(time.monotonic(), sent_at, retry_after)

    def statistics(self) -> PaceStatistics:
        """Return what the pace did so far."""
        return self._pace.statistics()


class BlockingPacer:
    """Lets threads go at a pace."""

    def __init__(self, options: PaceOptions) -> None:
        self._pace = Pace(options, time.monotonic())
        self._lock = threading.Lock()
        # Held while waiting, so that one thread sleeps for the next place and not all of them.
        self._turn = threading.Lock()

    @property
    def is_waited_for(self) -> bool:
        """Whether a request waits for its turn."""
        return self._turn.locked()

    def acquire(self) -> float:
        """Wait for a place and return the time at which it came, of ``time.monotonic()``."""
        start = time.monotonic()
        slept = False
        with self._turn:
            while True:
                with self._lock:
                    now = time.monotonic()
                    delay = self._pace.wait(now)
                    if delay <= 0:
                        if slept:
                            self._pace.waited(now - start)
                        return now
                slept = True
                time.sleep(delay)

    def succeeded(self, sent_at: float | None = None) -> None:
        """Note an answer that was no 429, to a request that was sent at ``sent_at``; ``None`` for just now."""
        with self._lock:
            self._pace.succeeded(sent_at)

    def limited(self, sent_at: float, retry_after: float | None = None) -> None:
        """Note a 429 to a request that was sent at ``sent_at``."""
        with self._lock:
            self._pace.limited(time.monotonic(), sent_at, retry_after)

    def statistics(self) -> PaceStatistics:
        """Return what the pace did so far."""
        with self._lock:
            return self._pace.statistics()
