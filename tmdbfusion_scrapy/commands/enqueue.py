"""``scrapy tmdb-enqueue``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tmdbfusion_scrapy.commands.command import SpiderCommand

if TYPE_CHECKING:
    import argparse

_DEFAULT_SIZE = 100
"""Ids of a job: three seconds of TMDB's rate limit, so that at the end no worker waits long for another one."""


class EnqueueCommand(SpiderCommand):
    """Plans a crawl and enqueues it for workers on any number of machines."""

    name = "tmdb-enqueue"
    example = "tmdb_movies -a source=export"
    summary = "Plan a TMDB crawl and enqueue it for scrapy tmdb-worker on many machines"
    description = (
        "Plan a crawl: read what the source lists (an export, discover, changes and so on), and put what is "
        "to be fetched as jobs into TMDB_DATABASE_URL, which is PostgreSQL. Takes the arguments of scrapy "
        "crawl. A crawl that is in the queue already is not added once more. Exit status: 0 when it is in the "
        "queue, or nothing is to be fetched; 1 when not."
    )

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        super().add_options(parser)
        add = parser.add_argument
        add(
            "--size", type=int, default=_DEFAULT_SIZE, metavar="N",
            help=f"most records of a job (default: {_DEFAULT_SIZE})",
        )  # fmt: skip
        add(
            "--priority", type=int, default=0, metavar="N",
            help="jobs with a higher one are taken first (default: 0)",
        )  # fmt: skip

    def process_options(self, args: list[str], opts: argparse.Namespace) -> None:
        super().process_options(args, opts)
        # PostgreSQL's integer.
        furthest = 2**31 - 1
        message = f"--priority {opts.priority}: use a whole number from -{furthest} to {furthest}"
        self.refuse(message, where=abs(opts.priority) > furthest)
        self.refuse(f"--size {opts.size}: use a whole number from 1", where=opts.size < 1)

    def execute(self, args: list[str], opts: argparse.Namespace) -> None:
        from scrapy.crawler import AsyncCrawlerProcess

        from tmdbfusion_scrapy.commands.project import find_spider
        from tmdbfusion_scrapy.distributed.queue import check_queue
        from tmdbfusion_scrapy.storage.sql import database_options

        check_queue(database_options(self.project_settings).url)
        spidercls = find_spider(self.project_settings, args[0])
        # SQLAlchemy and PgQueuer are there by now.
        from tmdbfusion_scrapy.distributed.plan import PlanningSpider, planning_spider

        planner = planning_spider(spidercls, size=opts.size, priority=opts.priority)
        process = AsyncCrawlerProcess(self.project_settings)
        crawler = process.create_crawler(planner)
        process.crawl(crawler, **opts.spargs)
        process.start()
        spider = crawler.spider
        if isinstance(spider, PlanningSpider) and spider.has_enqueued:
            self.say([spider.outcome])
        else:
            self.exitcode = 1
