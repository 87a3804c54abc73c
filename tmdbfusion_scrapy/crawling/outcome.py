"""Outcome of a crawl, as one number for who started it."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

from tmdbfusion_scrapy.crawling.planned_run import SOURCE_FAILED
from tmdbfusion_scrapy.crawling.retry import BAD_TOKEN_REASON, TMDBRetryMiddleware
from tmdbfusion_scrapy.crawling.source_spider import TMDBSourceSpider
from tmdbfusion_scrapy.stores import DATABASE_FAILED

if TYPE_CHECKING:
    from scrapy.crawler import Crawler


class ExitStatus(IntEnum):
    """Exit status of ``scrapy crawl``."""

    DONE = 0
    """All that was wanted is stored, gone from TMDB, or on record as failed."""

    FAILED = 1
    """The crawl could not do its work."""

    LEFT = 3
    """Records are left, and the same command goes on with them. 2 is a command line that cannot be used."""


_BROKEN = frozenset({BAD_TOKEN_REASON, SOURCE_FAILED, DATABASE_FAILED, "start_error"})
"""Reasons for closing with which a crawl could not do its work."""


def exit_status(crawler: Crawler) -> ExitStatus:
    """Return what became of a crawl that has ended.

    Args:
        crawler: One that has run. For a program that starts crawls by itself::

            crawler = process.create_crawler("tmdb_movies")
            process.crawl(crawler, source="export")
            process.start()
            sys.exit(exit_status(crawler))
    """
    try:
        reason = crawler.stats.get_value("finish_reason")
        calls = crawler.get_downloader_middleware(TMDBRetryMiddleware)
    except (AttributeError, RuntimeError):
        # It never began: a setting or an argument was refused.
        return ExitStatus.FAILED
    spider = crawler.spider
    if spider is None or reason in _BROKEN or (calls is not None and calls.found_no_one):
        return ExitStatus.FAILED
    if not isinstance(spider, TMDBSourceSpider):
        # Nobody but the spider knows what it wanted.
        return ExitStatus.DONE
    if spider.has_failed:
        return ExitStatus.FAILED
    if not spider.is_finished(reason):
        return ExitStatus.LEFT if spider.goes_on else ExitStatus.FAILED
    return ExitStatus.FAILED if calls is not None and calls.found_few else ExitStatus.DONE
