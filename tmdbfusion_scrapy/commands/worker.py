"""``scrapy tmdb-worker``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tmdbfusion_scrapy.commands.command import TMDBCommand

if TYPE_CHECKING:
    import argparse


class WorkerCommand(TMDBCommand):
    """Works on what was enqueued, beside any number of workers on this and other machines."""

    name = "tmdb-worker"
    most_arguments = 1000
    usage = "[options] [<spider> ...]"
    summary = "Work on the TMDB crawls that scrapy tmdb-enqueue has planned"
    description = (
        "Take jobs that scrapy tmdb-enqueue put into TMDB_DATABASE_URL, of the spiders that are named or of "
        "all, until none is left that this or another worker has to do. It is one crawl, whose settings are "
        "the project's. Exit status: 0 when all jobs are done; 1 when the worker could not do its work; 3 "
        "when jobs are left: it was stopped, some have failed, or not all were enqueued."
    )

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        super().add_options(parser)
        parser.add_argument("--stay", action="store_true", help="wait for more when there is nothing to do")

    def execute(self, args: list[str], opts: argparse.Namespace) -> None:
        from scrapy.crawler import AsyncCrawlerProcess

        from tmdbfusion_scrapy.commands.project import find_spider, source_spiders
        from tmdbfusion_scrapy.distributed.queue import check_queue
        from tmdbfusion_scrapy.settings import read_boolean
        from tmdbfusion_scrapy.storage.sql import database_options

        settings = self.project_settings
        check_queue(database_options(settings).url)
        spiders = [find_spider(settings, name) for name in args] or source_spiders(settings)
        # SQLAlchemy and PgQueuer are there by now.
        from tmdbfusion_scrapy.distributed.worker import WorkerSpider, check_spiders, worker_spider

        check_spiders(spiders)
        hosted = {spidercls.name: spidercls for spidercls in spiders}
        process = AsyncCrawlerProcess(settings)
        crawler = process.create_crawler(worker_spider(hosted, stays=opts.stay))
        process.crawl(crawler)
        process.start()
        if not isinstance(crawler.spider, WorkerSpider):
            self.exitcode = 1
        elif read_boolean(settings, "TMDB_EXIT_STATUS"):
            self.exitcode = crawler.spider.status
