"""The worker: one crawl, with one pool and one rate limiter, into which the queue's jobs come while it runs."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, ClassVar

from tmdbfusion_scrapy.crawling.calls import RUN_KEY
from tmdbfusion_scrapy.crawling.source_crawl import SOURCE_FAILED, RunClosedError
from tmdbfusion_scrapy.crawling.source_spider import ExitStatus, TMDBSourceSpider, exit_status
from tmdbfusion_scrapy.crawling.spider import TMDBSpider
from tmdbfusion_scrapy.distributed.work import STUCK, Work, open_work
from tmdbfusion_scrapy.exceptions import ConfigurationError
from tmdbfusion_scrapy.stores import DATABASE_FAILED

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    from scrapy import Request
    from scrapy.settings import BaseSettings

logger = logging.getLogger(__name__)


class WorkerSpider(TMDBSpider):
    """Works on the jobs of some spiders until there are none; see :func:`worker_spider`.

    The requests are those of the spiders, and their callbacks, too. A job is done when each of its ids is stored,
    known to be deleted, or on record in ``tmdb_failures``.

    Attributes:
        hosted: The spiders by their names.
        stays: Whether it waits for more where there is nothing to do.
    """

    name = "tmdb_worker"
    hosted: ClassVar[Mapping[str, type[TMDBSourceSpider]]] = {}
    stays: ClassVar[bool] = False

    def __init__(self, name: str | None = None, **arguments: str) -> None:
        super().__init__(name, **arguments)
        self._work: Work | None = None
        self._has_failed = False

    @classmethod
    def update_settings(cls, settings: BaseSettings) -> None:
        """Take the settings of the spiders, which are the same for all, see :func:`check_spiders`."""
        super().update_settings(settings)
        for spidercls in list(cls.hosted.values())[:1]:
            spidercls.update_settings(settings)

    async def start(self) -> AsyncIterator[Any]:
        """Yield the requests of the jobs, as they come."""
        try:
            self._work = await open_work(self, self.hosted, stays=self.stays)
            async for request in self._work.requests():
                yield request
            return
        except RunClosedError:
            return
        except ConfigurationError as error:
            problem = str(error)
        except Exception:
            self._has_failed = True
            raise
        logger.error("%s", problem, extra={"spider": self})
        is_refused = self._work is None or self._work.is_refused
        reason = SOURCE_FAILED if is_refused else DATABASE_FAILED
        engine: Any = self.crawler.engine
        # Not awaited here: closing waits for start() to end.
        self._closing = asyncio.ensure_future(engine.close_spider_async(reason=reason))

    def is_obsolete(self, request: Request) -> bool:
        """Return whether a request is of a job that this worker has lost."""
        return self._work is None or not self._work.holds(request.meta[RUN_KEY])

    @property
    def status(self) -> int:
        """The exit status."""
        found = exit_status(self.crawler)
        if found is not ExitStatus.DONE:
            return found
        reason = self.crawler.stats.get_value("finish_reason")
        if reason == STUCK or self._has_failed or self._work is None:
            return ExitStatus.FAILED
        return ExitStatus.LEFT if reason != "finished" or self._work.are_left else ExitStatus.DONE


def worker_spider(hosted: Mapping[str, type[TMDBSourceSpider]], *, stays: bool = False) -> type[WorkerSpider]:
    """Return the class of a worker.

    Args:
        hosted: The spiders whose jobs it takes, by their names.
        stays: Whether it waits for more where there is nothing to do.
    """
    return type("WorkerSpider", (WorkerSpider,), {"hosted": dict(hosted), "stays": stays})


def check_spiders(spiders: Sequence[type[TMDBSourceSpider]]) -> None:
    """See that one crawl can do the work of some spiders.

    Raises:
        ConfigurationError: They have settings of their own that differ.
    """
    if len({repr(spidercls.custom_settings or {}) for spidercls in spiders}) > 1:
        own = ", ".join(spidercls.name for spidercls in spiders if spidercls.custom_settings)
        raise ConfigurationError(
            f"a worker is one crawl with one set of settings, and {own} has custom_settings: start a worker for "
            "it alone, such as scrapy tmdb-worker SPIDER, and name the others in another one"
        )
