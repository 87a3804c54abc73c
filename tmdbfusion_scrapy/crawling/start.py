"""Start requests as they are needed."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from scrapy import Request, signals

from tmdbfusion_scrapy.settings import settings_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from scrapy.crawler import Crawler
    from typing_extensions import Self

REQUESTS_AHEAD = 1000
"""TMDB requests from ``start()`` that the scheduler holds at most: some half a megabyte."""

MOST_SCHEDULED = 50_000
"""Requests in the scheduler with which no more is taken: some 50 megabytes, the retries of 5% of a million ids."""

AHEAD_KEY = "tmdb_ahead"
"""Meta key of a start request until it reaches the downloader; a retry of it is none that was taken ahead."""


class LazyStartMiddleware:
    """Takes TMDB requests from a spider's ``start()`` in portions.

    Scrapy takes all that ``start()`` yields into the scheduler while the downloader is busy, a million ids, too.
    https://docs.scrapy.org/en/latest/topics/spiders.html#start-requests-lazy waits until the scheduler is empty.
    But then the downloader runs dry, and retries, which are to come last (``RETRY_PRIORITY_ADJUST``), come at the
    end of each portion. So more is taken as soon as half of a portion is left.
    """

    def __init__(self, crawler: Crawler) -> None:
        self._signals = crawler.signals
        self._stats = crawler.stats
        self._settings = settings_of(crawler.settings)
        self._ahead = 0
        self._more = asyncio.Event()

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Make the middleware of a crawl."""
        return cls(crawler)

    async def process_start(self, start: AsyncIterator[Any]) -> AsyncIterator[Any]:
        """Yield what ``start()`` yields, with a wait after each portion of TMDB requests."""
        receivers = (
            (self._on_taken, signals.request_reached_downloader),
            (self._on_taken, signals.request_dropped),
            (self._on_empty, signals.scheduler_empty),
        )
        for receiver, signal in receivers:
            self._signals.connect(receiver, signal)
        taken = 0
        async for item_or_request in start:
            if not (isinstance(item_or_request, Request) and self._settings.is_tmdb(item_or_request.url)):
                yield item_or_request
                continue
            item_or_request.meta[AHEAD_KEY] = True
            self._ahead += 1
            yield item_or_request
            taken += 1
            if self._ahead >= REQUESTS_AHEAD:
                self._more.clear()
                await self._more.wait()
            elif taken % REQUESTS_AHEAD == 0:
                # Many were dropped as duplicates. Nothing else is done while they are taken.
                await asyncio.sleep(0)
        for receiver, signal in receivers:
            self._signals.disconnect(receiver, signal)

    def _on_taken(self, request: Request) -> None:
        """Note a request that left the scheduler, or never came into it."""
        if request.meta.pop(AHEAD_KEY, False):
            self._ahead = max(0, self._ahead - 1)
        if self._ahead <= REQUESTS_AHEAD // 2 and not self._more.is_set() and not self._is_full():
            self._more.set()

    def _on_empty(self) -> None:
        """Note that nothing is ahead: some request was answered by a cache, say."""
        self._ahead = 0
        self._more.set()

    def _is_full(self) -> bool:
        """Whether the scheduler holds as much as it may; one that does not count is never full."""
        scheduled = self._stats.get_value("scheduler/enqueued", 0)
        return bool(scheduled - self._stats.get_value("scheduler/dequeued", 0) >= MOST_SCHEDULED)
