"""Where retries wait: outside the downloader, so that they hold no slot and no place among the requests.

Scrapy has no delayed requests (https://github.com/scrapy/scrapy/issues/802). A retry that is returned from a
middleware goes through ``request_scheduled`` before it is scheduled; there it is taken out and kept until its
time has come.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from weakref import WeakSet

from scrapy import Request, signals
from scrapy.exceptions import DontCloseSpider, IgnoreRequest

from tmdbfusion_scrapy.crawling.calls import RETRY_DELAY_KEY

if TYPE_CHECKING:
    from scrapy.crawler import Crawler
    from typing_extensions import Self


class RetryWaitingRoom:
    """Keeps retries until they are due.

    It is an item pipeline for the sake of ``close_spider``: that runs after the last download and before the
    scheduler is closed, so what still waits then goes to the scheduler, and with ``JOBDIR`` to the next run.
    """

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler
        self._waiting: dict[Request, asyncio.TimerHandle] = {}
        self._expected = 0
        self._open = True

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Make the waiting room of a crawl."""
        return cls(crawler)

    def expect(self) -> None:
        """Listen for a retry. A crawl without failures is spared a signal handler for every request."""
        if not self._expected and not self._waiting:
            self._crawler.signals.connect(self._on_scheduled, signals.request_scheduled)
            self._crawler.signals.connect(self._on_idle, signals.spider_idle)
        self._expected += 1

    def close_spider(self) -> None:
        """Give what still waits to the scheduler."""
        self._open = False
        waiting, self._waiting = self._waiting, {}
        for request, timer in waiting.items():
            timer.cancel()
            self._crawler.engine.crawl(request)

    def _on_scheduled(self, request: Request) -> None:
        """Take a retry out on its way to the scheduler."""
        delay = request.meta.pop(RETRY_DELAY_KEY, None)
        if delay is None:
            return
        self._expected -= 1
        if self._open:
            timer = asyncio.get_running_loop().call_later(delay, self._release, request)
            self._waiting[request] = timer
            raise IgnoreRequest("waits before it is tried again")

    def _on_idle(self) -> None:
        """Keep the spider open while retries wait."""
        if self._waiting:
            raise DontCloseSpider

    def _release(self, request: Request) -> None:
        """Let a retry go whose time has come."""
        if self._waiting.pop(request, None) is None:
            return
        if not self._expected and not self._waiting:
            self._crawler.signals.disconnect(self._on_scheduled, signals.request_scheduled)
            self._crawler.signals.disconnect(self._on_idle, signals.spider_idle)
        self._crawler.engine.crawl(request)


_taken_back: WeakSet[Request] = WeakSet()


def take_back(request: Request) -> Request | None:
    """Return a request for the scheduler that waited for its turn when the spider was closed.

    With ``JOBDIR`` the next run sends it. ``None`` for one that was taken back before: it did not go to the
    scheduler but came again, for a callback awaits its response.
    """
    if request in _taken_back:
        return None
    again = request.replace(dont_filter=True)
    _taken_back.add(again)
    return again
