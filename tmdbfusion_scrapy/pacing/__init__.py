"""The pace: how many requests a second, and when not to send at all.

TMDB allows about 40 requests a second per IP address, may change that at any time, and announces it in no
header (https://developer.themoviedb.org/docs/rate-limiting). So the pace is set below that, a 429 pauses
everything and lowers the rate, and success raises it again, never above what was set.

The limit is one of this machine's address, not of a client: all clients and crawls of a process that ask the same
host share one pace.
"""

from __future__ import annotations

from tmdbfusion_scrapy.pacing.options import DEFAULT_REQUESTS_PER_SECOND, PaceOptions, PaceStatistics
from tmdbfusion_scrapy.pacing.pace import Claim, Pace
from tmdbfusion_scrapy.pacing.pacers import AsyncPacer, PacerClosed
from tmdbfusion_scrapy.pacing.shared import SharedPace, forget_paces, shared_pace

__all__ = [
    "DEFAULT_REQUESTS_PER_SECOND",
    "AsyncPacer",
    "Claim",
    "Pace",
    "PaceOptions",
    "PaceStatistics",
    "PacerClosed",
    "SharedPace",
    "forget_paces",
    "shared_pace",
]
