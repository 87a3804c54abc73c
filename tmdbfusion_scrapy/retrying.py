"""Retry decisions, pure: no clock and no network."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tmdbfusion_scrapy.exceptions import ConfigurationError, RateLimitError, TMDBError, failure_of

IDEMPOTENT_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods that are sent again after a failure. A POST or DELETE that failed may have worked."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Number of retries and the waits before them.

    Args:
        times: Retries after the first attempt; 0 turns them off.
        base_delay: Seconds; the first wait is drawn from 0 to this, each later one from twice the range.
        max_delay: Seconds; no wait is longer, and a longer ``Retry-After`` ends the retries.
        jitter: Draws the wait from a range (``random.uniform``). Full jitter spreads the retries of many
            requests that failed together:
            https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/

    Raises:
        ConfigurationError: ``times`` is no whole number from 0, or a delay no number from 0.
    """

    times: int = 2
    base_delay: float = 1.0
    max_delay: float = 120.0
    jitter: Callable[[float, float], float] = field(default=random.uniform, repr=False, compare=False)

    def __post_init__(self) -> None:
        times: Any = self.times
        if isinstance(times, bool) or not isinstance(times, int) or times < 0:
            raise ConfigurationError(f"retries (RetryPolicy.times) is {times!r}: use a whole number from 0")
        for name in ("base_delay", "max_delay"):
            value = getattr(self, name)
            if not (isinstance(value, int | float) and 0 <= value < math.inf):
                raise ConfigurationError(f"RetryPolicy.{name} is {value!r}: use seconds from 0")

    def delay(self, error: TMDBError, attempt: int, *, times: int | None = None) -> float | None:
        """Seconds to wait before trying again, or ``None`` to give up.

        ``attempt`` is 1 for the first one; ``times`` are the retries of this call, where it has its own number.
        """
        if not error.retryable or attempt > (self.times if times is None else times):
            return None
        if not may_send_again(error):
            return None
        return self.backoff(attempt, error.retry_after)

    def backoff(self, attempt: int, retry_after: float | None = None) -> float | None:
        """Seconds to wait after attempt number ``attempt``; ``None`` where the server asks for too long.

        The longer one of ``retry_after`` and what would be waited without it: a server that asks for no wait at
        all, or for one until a moment that has passed, is not to be asked again and again at once.
        """
        if retry_after is not None and retry_after > self.max_delay:
            return None
        # The exponent is bounded: 2.0 ** 1024 does not fit a float.
        ceiling = min(self.max_delay, self.base_delay * 2.0 ** min(attempt - 1, 64))
        return max(retry_after or 0.0, self.jitter(0.0, ceiling))


def may_send_again(error: TMDBError) -> bool:
    """Return whether sending the same call again can do no harm.

    A GET can always be sent again. A POST or DELETE only where it was surely not carried out: TMDB refused it
    for its rate, or it never left because there was no connection.
    """
    if error.method is None or error.method in IDEMPOTENT_METHODS:
        return True
    if isinstance(error, RateLimitError):
        return True
    return error.__cause__ is not None and failure_of(error.__cause__).is_unsent
