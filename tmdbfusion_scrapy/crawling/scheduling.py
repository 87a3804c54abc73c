"""Requests before their download: start requests in portions, retries that wait, queues of a job, duplicates."""

from __future__ import annotations

import asyncio
import re
from hashlib import sha1
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar

from scrapy import Request, signals
from scrapy.dupefilters import BaseDupeFilter, RFPDupeFilter
from scrapy.exceptions import DontCloseSpider, IgnoreRequest
from scrapy.settings import SETTINGS_PRIORITIES
from scrapy.utils.job import job_dir
from scrapy.utils.misc import build_from_crawler, load_object
from scrapy.utils.request import RequestFingerprinter, RequestFingerprinterProtocol

from tmdbfusion_scrapy.crawling.calls import RETRY_DELAY_KEY, RUN_KEY, unseen_in_url
from tmdbfusion_scrapy.settings import previous, settings_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from scrapy import Spider
    from scrapy.crawler import Crawler
    from twisted.internet.defer import Deferred
    from typing_extensions import Self

REQUESTS_AHEAD = 1000
"""TMDB requests from ``start()`` that the scheduler holds at most: some half a megabyte."""

MOST_SCHEDULED = 50_000
"""Requests in the scheduler with which no more is taken: some 50 megabytes, the retries of 5% of a million ids."""

AHEAD_KEY = "tmdb_ahead"
"""Meta key of a start request until it reaches the downloader; a retry of it is none that was taken ahead."""


class LazyStartMiddleware:
    """Takes TMDB requests from a spider's ``start()`` in portions.

    Scrapy takes all that ``start()`` yields into the scheduler while the downloader is busy, a million ids,
    too. To wait until the scheduler is empty, as its documentation has it, lets the downloader run dry, and
    retries, which are to come last, come at the end of each portion. So more is taken as soon as half of a
    portion is left.
    """

    def __init__(self, crawler: Crawler) -> None:
        self._signals = crawler.signals
        self._stats = crawler.stats
        self._settings = settings_of(crawler.settings)
        self._ahead = 0
        self._more = asyncio.Event()

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        return cls(crawler)

    async def process_start(self, start: AsyncIterator[Any]) -> AsyncIterator[Any]:
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


class RetryQueue:
    """Keeps retries until they are due, outside the downloader, so that they hold no slot.

    Scrapy has no delayed requests (https://github.com/scrapy/scrapy/issues/802). A retry that is returned from a
    middleware goes through ``request_scheduled`` before it is scheduled; there it is taken out and kept. An item
    pipeline is closed before the scheduler, which gets what still waits, and with ``JOBDIR`` the next run.
    """

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler
        self._waiting: dict[Request, asyncio.TimerHandle] = {}
        self._expected = 0
        self._open = True

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        return cls(crawler)

    @property
    def waiting(self) -> int:
        """Number of retries that wait until they are due."""
        return len(self._waiting)

    def expect(self) -> None:
        """Listen for a retry. A crawl without failures is spared a signal handler for every request."""
        if not self._expected and not self._waiting:
            self._crawler.signals.connect(self._on_scheduled, signals.request_scheduled)
            self._crawler.signals.connect(self._on_idle, signals.spider_idle)
        self._expected += 1

    def close_spider(self) -> None:
        """Give what still waits to the scheduler."""
        self._open = False
        for request, timer in list(self._waiting.items()):
            timer.cancel()
            self._release(request)

    def _on_scheduled(self, request: Request) -> None:
        delay = request.meta.pop(RETRY_DELAY_KEY, None)
        if delay is None:
            return
        self._expected -= 1
        if self._open:
            self._waiting[request] = asyncio.get_running_loop().call_later(delay, self._release, request)
            raise IgnoreRequest("waits before it is tried again")

    def _on_idle(self) -> None:
        if self._waiting:
            raise DontCloseSpider

    def _release(self, request: Request) -> None:
        del self._waiting[request]
        if not self._expected and not self._waiting:
            self._crawler.signals.disconnect(self._on_scheduled, signals.request_scheduled)
            self._crawler.signals.disconnect(self._on_idle, signals.spider_idle)
        self._crawler.engine.crawl(request)


class RunQueue:
    """Disk queue for one slot and priority that keeps the requests of a run in memory, all others on disk.

    The next process of a run asks for them anew. On disk they would do harm: after ``kill -9`` Scrapy's FIFO queue
    hands out what the killed process left in its file, and not what came since.
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
        file = Path(key)
        if file.is_file() and not file.stat().st_size:
            # What queuelib had written of a queue was not on the disk yet when the process was killed, not even
            # the header, without which it cannot be opened.
            file.unlink()
        # The memory queue for start requests may be None.
        names = crawler.settings.get(cls.memory_setting) or crawler.settings[RunQueue.memory_setting]
        queues = crawler.settings[previous(cls.disk_setting)], names
        disk, memory = (build_from_crawler(load_object(queue), crawler, key) for queue in queues)
        return cls(disk, memory, settings_of(crawler.settings).is_tmdb)

    def push(self, request: Request) -> None:
        is_of_run = RUN_KEY in request.meta and self._is_tmdb(request.url)
        (self._memory if is_of_run else self._disk).push(request)

    def pop(self) -> Request | None:
        request: Request | None = self._disk.pop() if len(self._disk) else None
        return request or self._memory.pop()

    def peek(self) -> Request | None:
        """Return the next request; ``None`` for none. A queue of the settings may not be able to tell."""
        request: Request | None = self._disk.peek() if len(self._disk) else None
        return request or self._memory.peek()

    def close(self) -> None:
        self._memory.close()
        self._disk.close()

    def __len__(self) -> int:
        return len(self._disk) + len(self._memory)


class StartRunQueue(RunQueue):
    """The same for what ``start()`` yields."""

    disk_setting = "SCHEDULER_START_DISK_QUEUE"
    memory_setting = "SCHEDULER_START_MEMORY_QUEUE"


SEEN_FILE = "tmdb_requests.seen"
"""In the job directory: a line for each request, all but its number in hexadecimal form, and the number or 0."""

_NUMBER = re.compile(r"(?<=/)[1-9][0-9]{0,11}(?=/|$)")
"""A number that is written in one way only."""

_LINE = re.compile(rb"([0-9a-f]{40}) ([0-9]+)\n")

_BITS = 256
"""Numbers that share an integer, as ids lie close together. One alone takes no more room than a fingerprint."""


class TMDBRequestFingerprinter:
    """Tells TMDB requests apart by method, URL, body and labels of secrets, the query's parameters in any order.

    All other requests go to the fingerprinter that was there before. The URLs of the catalogue are escaped
    alike to begin with; Scrapy's own parses and escapes each anew.
    """

    def __init__(self, crawler: Crawler) -> None:
        self._settings = settings_of(crawler.settings)
        before = crawler.settings.get(previous("REQUEST_FINGERPRINTER_CLASS"), RequestFingerprinter)
        self._others: RequestFingerprinterProtocol = build_from_crawler(load_object(before), crawler)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        return cls(crawler)

    def fingerprint(self, request: Request) -> bytes:
        """Return 20 bytes, the same for requests that ask for the same."""
        if not self._settings.is_tmdb(request.url):
            return self._others.fingerprint(request)
        return self._digest(request, *_path_and_query(request.url))

    def numbered(self, request: Request) -> tuple[bytes, int] | None:
        """Return a digest of all but the first number of a request's path, and that number, 0 for none.

        ``None`` for a request that is not TMDB's.
        """
        base, url = self._settings.api_url, request.url
        if not self._settings.is_tmdb(url):
            return None
        path, query = _path_and_query(url)
        found = _NUMBER.search(path, len(base)) if url.startswith(base) else None
        if found is None:
            return self._digest(request, path, query), 0
        # Nowhere else in a URL is there a line break.
        rest = f"{path[: found.start()]}\n{path[found.end() :]}"
        return self._digest(request, rest, query), int(found.group())

    def _digest(self, request: Request, path: str, query: str) -> bytes:
        parts = [request.method, path, query, *unseen_in_url(request, self._settings.api_url)]
        told = b"\n".join([*(part.encode() for part in parts), request.body])
        return sha1(told, usedforsecurity=False).digest()


class TMDBDupeFilter(BaseDupeFilter):
    """Filter of duplicates with a bit for a TMDB request that has a number in its path.

    A million fingerprints take some 150 MB; here what the requests have in common is kept once. With
    ``JOBDIR`` the next run knows what was seen. Requests of other hosts go to the filter that was there before
    (``others``, by default Scrapy's), which logs as well; so do all with a ``REQUEST_FINGERPRINTER_CLASS`` of
    your own.
    """

    def __init__(
        self,
        path: str | None = None,
        debug: bool = False,
        *,
        fingerprinter: RequestFingerprinterProtocol | None = None,
        others: BaseDupeFilter | None = None,
    ) -> None:
        self._others = others or RFPDupeFilter(path, debug, fingerprinter=fingerprinter)
        # The base class, which filters nothing, does not log either.
        logs = type(self._others).log is not BaseDupeFilter.log
        self._logging = self._others if logs else RFPDupeFilter(None, debug, fingerprinter=fingerprinter)
        self._numbered: Callable[[Request], tuple[bytes, int] | None] | None = None
        self._seen: dict[bytes, dict[int, int]] = {}
        self._seen_without_number: set[bytes] = set()
        self._seen_file: BinaryIO | None = None
        if isinstance(fingerprinter, TMDBRequestFingerprinter):
            self._numbered = fingerprinter.numbered
            if path:
                self._seen_file = self._resume(Path(path, SEEN_FILE))

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        settings = crawler.settings
        before = settings.get(previous("DUPEFILTER_CLASS"), RFPDupeFilter)
        others = build_from_crawler(load_object(before), crawler)
        fingerprinter = crawler.request_fingerprinter
        is_chosen = (settings.getpriority("REQUEST_FINGERPRINTER_CLASS") or 0) > SETTINGS_PRIORITIES["addon"]
        if not (is_chosen or isinstance(fingerprinter, TMDBRequestFingerprinter)):
            # An add-on after ours has put another one there, which knows nothing of sessions.
            fingerprinter = TMDBRequestFingerprinter(crawler)
        debug = settings.getbool("DUPEFILTER_DEBUG")
        return cls(job_dir(settings), debug, fingerprinter=fingerprinter, others=others)

    def open(self) -> Deferred[None] | None:
        return self._others.open()

    def request_seen(self, request: Request) -> bool:
        numbered = self._numbered(request) if self._numbered is not None else None
        if numbered is None:
            return self._others.request_seen(request)
        if not self._add(*numbered):
            return True
        if self._seen_file is not None:
            group, number = numbered
            self._seen_file.write(b"%b %d\n" % (group.hex().encode(), number))
        return False

    def log(self, request: Request, spider: Spider) -> None:
        self._logging.log(request, spider)

    def close(self, reason: str) -> Deferred[None] | None:
        if self._seen_file is not None:
            self._seen_file.close()
        return self._others.close(reason)

    def _resume(self, path: Path) -> BinaryIO:
        """Take in what an earlier run of the job has seen, and return the file for what this one sees."""
        # Without a buffer: what was seen stays known after kill -9.
        file = path.open("ab", buffering=0)
        line = b"\n"
        with path.open("rb") as lines:
            for line in lines:
                # A crash may have cut one short.
                if found := _LINE.fullmatch(line):
                    self._add(bytes.fromhex(found[1].decode()), int(found[2]))
        if not line.endswith(b"\n"):
            file.write(b"\n")
        return file

    def _add(self, group: bytes, number: int) -> bool:
        if not number:
            is_new = group not in self._seen_without_number
            self._seen_without_number.add(group)
            return is_new
        masks = self._seen.setdefault(group, {})
        index, bit = divmod(number, _BITS)
        mask = masks.get(index, 0)
        masks[index] = mask | 1 << bit
        return masks[index] != mask


def _path_and_query(url: str) -> tuple[str, str]:
    """Return the path, with all before it, and the query in a fixed order."""
    path, _, query = url.partition("#")[0].partition("?")
    return path, "&".join(sorted(query.split("&"))) if "&" in query else query
