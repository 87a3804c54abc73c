"""``scrapy tmdb-plan``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scrapy.exceptions import UsageError
from scrapy.utils.conf import arglist_to_dict

from tmdbfusion_scrapy.commands.command import TMDBCommand

if TYPE_CHECKING:
    import argparse


class PlanCommand(TMDBCommand):
    """Says what a crawl would cost: requests, time, disk, and how much of it is stored already."""

    name = "tmdb-plan"
    most_arguments = 1
    usage = "[options] <spider>"
    summary = "Say what a TMDB crawl would take: requests, hours and disk"
    description = (
        "Say before a crawl what it would take: requests, hours at the set rate, disk, and how much of it is "
        "stored already. Takes the arguments of scrapy crawl. Asks TMDB for no record, only for what lists "
        "them: an export is downloaded once, and the crawl uses the same file. The database is only read."
    )

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        """Add the options."""
        super().add_options(parser)
        parser.add_argument(
            "-a",
            dest="spargs",
            action="append",
            default=[],
            metavar="NAME=VALUE",
            help="argument of the spider, as for scrapy crawl (may be repeated)",
        )

    def process_options(self, args: list[str], opts: argparse.Namespace) -> None:
        """Check the options."""
        super().process_options(args, opts)
        try:
            opts.spargs = arglist_to_dict(opts.spargs)
        except ValueError:
            raise UsageError("Invalid -a value, use -a NAME=VALUE", print_help=False) from None
        if not args:
            raise UsageError(
                "the name of a spider is missing: give it, as in scrapy tmdb-plan tmdb_movies",
                print_help=False,
            )

    def execute(self, args: list[str], opts: argparse.Namespace) -> None:
        """Make the survey and print it."""
        from tmdbfusion_scrapy.commands.plan_report import report
        from tmdbfusion_scrapy.commands.project import find_spider, unstarted_crawl

        spider = find_spider(self.project_settings, args[0])
        plan = spider.plan_of(opts.spargs)
        with unstarted_crawl(self.project_settings, spider) as crawl:
            lines = list(report(crawl, spider, plan))
        self.say(lines)
