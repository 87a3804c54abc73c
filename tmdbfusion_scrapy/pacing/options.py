"""How a pace is kept, and what it did."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass, field

from tmdbfusion_scrapy.exceptions import ConfigurationError

DEFAULT_REQUESTS_PER_SECOND = 35.0
"""Below the "somewhere in the 40 requests per second range" of TMDB's page on rate limiting."""


@dataclass(frozen=True, slots=True)
class PaceOptions:
    """How the pace is kept.

    Args:
        rate: Requests a second; 0 for no limit but the one that a 429 tells of.
        slack: Seconds that a request may be ahead of even spacing, to make up for one that left late. No second
            has more than ``rate + 1 + rate * slack`` requests: 39 where 38 are set. More slack makes up for
            more, and leaves less room for what arrives later than it was sent.
        decrease: Factor on the rate after a 429, above 0 and at most 1.
        recovery: Seconds from half of the rate back to it, without another 429. Pauses do not count.
        max_pause: Seconds; the longest pause after a 429, whatever ``Retry-After`` says.
        jitter: Draws the pause after a 429 without ``Retry-After`` from a range (``random.uniform``).

    Raises:
        ConfigurationError: A number cannot be used.
    """

    rate: float = DEFAULT_REQUESTS_PER_SECOND
    slack: float = 0.01
    decrease: float = 0.85
    recovery: float = 60.0
    max_pause: float = 120.0
    jitter: Callable[[float, float], float] = field(default=random.uniform, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not 0 <= self.rate < math.inf:
            raise ConfigurationError(
                f"requests per second is {self.rate}: use 0 (no limit) or a positive number"
            )
        if not 0 <= self.slack < math.inf:
            raise ConfigurationError(f"slack is {self.slack}: use seconds from 0")
        if not 0 < self.decrease <= 1:
            raise ConfigurationError(f"decrease is {self.decrease}: use a factor above 0, at most 1")
        if not 0 < self.recovery < math.inf:
            raise ConfigurationError(f"recovery is {self.recovery}: use seconds above 0")
        if not 0 <= self.max_pause < math.inf:
            raise ConfigurationError(f"max_pause is {self.max_pause}: use seconds from 0")


@dataclass(frozen=True, slots=True)
class PaceStatistics:
    """What the pace did for one client or crawl.

    Args:
        rate: Requests a second now; 0 for no limit.
        lowest_rate: The lowest it was.
        waits: Requests that waited.
        wait_seconds: Seconds that they waited, added up.
        pauses: Pauses after a 429, whoever of those that share the pace got it.
    """

    rate: float
    lowest_rate: float
    waits: int
    wait_seconds: float
    pauses: int
