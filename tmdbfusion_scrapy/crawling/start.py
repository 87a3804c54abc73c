"""Start requests as they are needed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scrapy import Request, signals

from tmdbfusion_scrapy.settings import TMDBSettings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from scrapy.crawler import Crawler
    from typing_extensions import Self

REQUESTS_AHEAD = 1000
"""TMDB requests that are taken from ``start()`` before the scheduler has to run empty: some half a megabyte."""


class LazyStartMiddleware:
    """Takes TMDB requests from a spider's ``start()`` in portions.

    Scrapy takes all that ``start()`` yields into the scheduler while the downloader is busy, a million ids as well
    (https://docs.scrapy.org/en/latest/topics/spiders.html#start-requests-lazy shows the way out).
    """

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler
        self._settings = TMDBSettings.from_settings(crawler.settings)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Make the middleware of a crawl."""
        return cls(crawler)

    async def process_start(self, start: AsyncIterator[Any]) -> AsyncIterator[Any]:
        """Yield what ``start()`` yields, with a wait for the scheduler after each portion of TMDB requests."""
        ahead = 0
        async for item_or_request in start:
            yield item_or_request
            if isinstance(item_or_request, Request) and self._settings.is_tmdb(item_or_request.url):
                ahead += 1
                if ahead >= REQUESTS_AHEAD:
                    ahead = 0
                    if self._crawler.engine.needs_backout():
                        await self._crawler.signals.wait_for(signals.scheduler_empty)
