"""Disk queues of the scheduler that keep the requests of a run in memory.

The next process asks for them anew, whatever is on disk. There they would do harm: after ``kill -9`` Scrapy's FIFO
queue hands out what the killed process left in its file in place of what it is given.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from scrapy.settings import SETTINGS_PRIORITIES
from scrapy.utils.misc import build_from_crawler, load_object

from tmdbfusion_scrapy.crawling.calls import RUN_KEY
from tmdbfusion_scrapy.settings import settings_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from scrapy import Request
    from scrapy.crawler import Crawler
    from scrapy.settings import BaseSettings
    from typing_extensions import Self


class RunQueue:
    """Queue for one slot and priority: requests of a run in memory, all others on disk.

    The queues are those of the settings. What is on disk comes first.

    Args:
        disk: The queue on disk.
        memory: The queue in memory.
        is_tmdb: Says whether a URL is TMDB's.

    Attributes:
        disk_setting: Setting that names the queue on disk.
        memory_setting: Setting that names the one in memory.
        before_setting: Set by the add-on: what ``disk_setting`` was before.
    """

    disk_setting: ClassVar[str] = "SCHEDULER_DISK_QUEUE"
    memory_setting: ClassVar[str] = "SCHEDULER_MEMORY_QUEUE"
    before_setting: ClassVar[str] = "TMDB_FALLBACK_DISK_QUEUE"

    def __init__(self, disk: Any, memory: Any, is_tmdb: Callable[[str], bool]) -> None:
        self._disk = disk
        self._memory = memory
        self._is_tmdb = is_tmdb

    @classmethod
    def from_crawler(cls, crawler: Crawler, key: str) -> Self:
        """Make the queue of a slot and priority, with what an earlier process left on disk."""
        settings = crawler.settings
        disk = build_from_crawler(load_object(settings[cls.before_setting]), crawler, key)
        # The one for start requests may be None.
        name = settings[cls.memory_setting] or settings[RunQueue.memory_setting]
        memory = build_from_crawler(load_object(name), crawler, key)
        return cls(disk, memory, settings_of(crawler.settings).is_tmdb)

    def push(self, request: Request) -> None:
        """Take a request in.

        Raises:
            ValueError: It goes on disk, which cannot keep it.
        """
        is_of_run = RUN_KEY in request.meta and self._is_tmdb(request.url)
        (self._memory if is_of_run else self._disk).push(request)

    def pop(self) -> Request | None:
        """Return the next request and take it out; ``None`` for none."""
        request: Request | None = self._disk.pop() if len(self._disk) else None
        return self._memory.pop() if request is None else request

    def peek(self) -> Request | None:
        """Return the next request; ``None`` for none.

        Raises:
            NotImplementedError: A queue of the settings cannot tell.
        """
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
    before_setting = "TMDB_FALLBACK_START_DISK_QUEUE"


def install_run_queues(settings: BaseSettings) -> None:
    """Put our queues before those that were there, where there is a job directory."""
    if not settings.get("JOBDIR"):
        return
    for ours in (RunQueue, StartRunQueue):
        name = ours.disk_setting
        before = settings[name]
        # None is the start requests' for having no queue of their own.
        if before is None or load_object(before) is ours:
            continue
        settings.set(ours.before_setting, before, priority="addon")
        priority = max(settings.getpriority(name) or 0, SETTINGS_PRIORITIES["addon"])
        settings.set(name, ours, priority=priority)
