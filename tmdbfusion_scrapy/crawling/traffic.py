"""Traffic of a crawl: the answers that came last, and the bytes of all."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from tmdbfusion_scrapy.settings import once_a_crawl

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

    from tmdbfusion_scrapy.attempts import Observer

LAST_ANSWERS = 1024
"""Answers that are remembered: half a minute at TMDB's rate limit."""


class Traffic:
    """Notes that a crawl takes of each answer; nothing is worked out until somebody asks.

    Attributes:
        answers: When the last answers of the API came, on the clock of ``time.monotonic()``, and the seconds from
            the token of the rate limit to the head of the answer.
        received: Bytes of all bodies as sent, images included.
        observers: Functions that are told of each attempt, to add to and to remove from; they must not hold the
            crawler.
    """

    def __init__(self) -> None:
        self.answers: deque[tuple[float, float]] = deque(maxlen=LAST_ANSWERS)
        self.received = 0
        self.observers: list[Observer] = []


@once_a_crawl
def traffic_of(crawler: Crawler) -> Traffic:  # noqa: ARG001 - one for each
    """Return the traffic of a crawl."""
    return Traffic()
