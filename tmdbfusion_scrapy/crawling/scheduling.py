"""Requests before their download: start requests in portions, and queues that keep those of a run off the disk."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, ClassVar

from scrapy import Request, signals
from scrapy.utils.misc import build_from_crawler, load_object

from tmdbfusion_scrapy.crawling.calls import RUN_KEY
from tmdbfusion_scrapy.settings import previous, settings_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

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
        self._signals.connect(self.take, signals.request_dropped)
        self._signals.connect(self._on_empty, signals.scheduler_empty)
        taken = 0
        async for result in start:
            if not (isinstance(result, Request) and self._settings.is_tmdb(result.url)):
                yield result
                continue
            result.meta[AHEAD_KEY] = True
            self._ahead += 1
            yield result
            taken += 1
            if self._ahead >= REQUESTS_AHEAD:
                self._more.clear()
                await self._more.wait()
            elif taken % REQUESTS_AHEAD == 0:
                # Many were dropped as duplicates. Nothing else is done while they are taken.
                await asyncio.sleep(0)
        self._signals.disconnect(self.take, signals.request_dropped)
        self._signals.disconnect(self._on_empty, signals.scheduler_empty)

    def take(self, request: Request) -> None:
        """Note a request that left the scheduler, or never came into it."""
        if request.meta.pop(AHEAD_KEY, False):
            self._ahead = max(0, self._ahead - 1)
        if self._ahead <= REQUESTS_AHEAD // 2 and not self._more.is_set():
            # A scheduler that does not count is never full.
            count = self._stats.get_value
            if count("scheduler/enqueued", 0) - count("scheduler/dequeued", 0) < MOST_SCHEDULED:
                self._more.set()

    def _on_empty(self) -> None:
        """Note that nothing is ahead: some request was answered by a cache, say."""
        self._ahead = 0
        self._more.set()


class RunQueue:
    """Disk queue for one slot and priority that keeps the requests of a run in memory, all others on disk.

    The next process of a run asks for them anew, whatever is on disk. There they would do harm: after ``kill -9``
    Scrapy's FIFO queue hands out what the killed process left in its file. Both queues are those of the settings.
    """

    disk_setting: ClassVar[str] = "SCHEDULER_DISK_QUEUE"
    memory_setting: ClassVar[str] = "SCHEDULER_MEMORY_QUEUE"

    def __init__(self, disk: Any, memory: Any, is_tmdb: Callable[[str], bool]) -> None:
        self._disk = disk
        self._memory = memory
        self._is_tmdb = is_tmdb

    @classmethod
    def from_crawler(cls, crawler: Crawler, key: str) -> Self:
        """Make the queue of a slot and priority, with what an earlier process left on disk."""
        settings = crawler.settings
        disk = build_from_crawler(load_object(settings[previous(cls.disk_setting)]), crawler, key)
        # The one for start requests may be None.
        name = settings[cls.memory_setting] or settings[RunQueue.memory_setting]
        memory = build_from_crawler(load_object(name), crawler, key)
        return cls(disk, memory, settings_of(crawler.settings).is_tmdb)

    def push(self, request: Request) -> None:
        """Take a request in; ``ValueError`` for one that the disk cannot keep."""
        is_of_run = RUN_KEY in request.meta and self._is_tmdb(request.url)
        (self._memory if is_of_run else self._disk).push(request)

    def pop(self) -> Request | None:
        """Return the next request and take it out; ``None`` for none."""
        request: Request | None = self._disk.pop() if len(self._disk) else None
        return self._memory.pop() if request is None else request

    def peek(self) -> Request | None:
        """Return the next request; ``None`` for none. A queue of the settings may not be able to tell."""
        request: Request | None = self._disk.peek() if len(self._disk) else None
        return self._memory.peek() if request is None else request

    def close(self) -> None:
        """Close both queues: what is on disk stays."""
        self._memory.close()
        self._disk.close()

    def __len__(self) -> int:
        return len(self._disk) + len(self._memory)


class StartRunQueue(RunQueue):
    """The same for what ``start()`` yields."""

    disk_setting = "SCHEDULER_START_DISK_QUEUE"
    memory_setting = "SCHEDULER_START_MEMORY_QUEUE"
