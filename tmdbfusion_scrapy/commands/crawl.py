"""``scrapy crawl`` with an exit status that tells what became of the crawl; also ``scrapy tmdb-crawl``.

In a project it takes the place of Scrapy's own command::

    COMMANDS_MODULE = "tmdbfusion_scrapy.commands.crawl"
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydispatch import dispatcher
from scrapy import signals
from scrapy.commands.crawl import Command as ScrapyCrawlCommand
from scrapy.exceptions import UsageError
from scrapy.signalmanager import SignalManager

if TYPE_CHECKING:
    import argparse

    from scrapy.crawler import Crawler


class CrawlCommand(ScrapyCrawlCommand):
    """Scrapy's command; a crawl of TMDB ends with a status of :class:`ExitStatus`."""

    def short_desc(self) -> str:
        return (
            "Run a spider of the current project, by name, with an exit status that tells what became of it"
        )

    def long_desc(self) -> str:
        return (
            "Run a spider. Exit status: 0 when all that was wanted is stored, gone from TMDB or on record as "
            "failed; 1 when the crawl could not do its work; 3 when records are left and the same command "
            "goes on. With -s TMDB_EXIT_STATUS=False it is Scrapy's own."
        )

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        """Run the crawl, and look at what became of it."""
        assert self.crawler_process is not None  # noqa: S101 - Scrapy sets it before anything else
        for name in args[:1]:
            known = self.crawler_process.spider_loader.list()
            if name not in known:
                where = f"use one of {', '.join(sorted(known))}" if known else "run this where scrapy.cfg is"
                raise UsageError(f"there is no spider {name!r} here: {where}", print_help=False)
        crawlers: list[Crawler] = []

        def note(sender: Crawler, **_: Any) -> None:
            crawlers.append(sender)

        # Scrapy's command keeps its crawler to itself.
        crawls = SignalManager(dispatcher.Any)
        crawls.connect(note, signals.engine_started)
        try:
            super().run(args, opts)
        finally:
            crawls.disconnect(note, signals.engine_started)
        if self.exitcode == 0:
            self.exitcode = max(map(_status, crawlers), default=0)


def _status(crawler: Crawler) -> int:
    """The status of a crawl; Scrapy's own where TMDB has no part in it, or where that is wanted."""
    from tmdbfusion_scrapy.crawling import Addon
    from tmdbfusion_scrapy.crawling.source_spider import exit_status
    from tmdbfusion_scrapy.settings import read_boolean

    if crawler.get_addon(Addon) is None or not read_boolean(crawler.settings, "TMDB_EXIT_STATUS"):
        return 0
    return exit_status(crawler)
