"""``scrapy tmdb-plan``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tmdbfusion_scrapy.commands.command import SpiderCommand

if TYPE_CHECKING:
    import argparse


class PlanCommand(SpiderCommand):
    """Says what a crawl would cost: requests, time, disk, and how much of it is stored already."""

    name = "tmdb-plan"
    example = "tmdb_movies"
    summary = "Say what a TMDB crawl would take: requests, hours and disk"
    description = (
        "Say before a crawl what it would take: requests, hours at the set rate, disk, and how much of it is "
        "stored already. Takes the arguments of scrapy crawl. Asks TMDB for no record, only for what lists "
        "them: an export is downloaded once, and the crawl uses the same file. The database is only read."
    )

    def execute(self, args: list[str], opts: argparse.Namespace) -> None:
        from tmdbfusion_scrapy.commands.plan_report import report
        from tmdbfusion_scrapy.commands.project import find_spider, unstarted_crawl

        spider = find_spider(self.project_settings, args[0])
        plan = spider.plan_of(opts.spargs)
        with unstarted_crawl(self.project_settings, spider) as (crawler, stores):
            lines = list(report(crawler, spider, plan, stores=stores))
        self.say(lines)
