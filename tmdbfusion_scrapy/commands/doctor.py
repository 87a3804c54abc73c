"""``scrapy tmdb-doctor``."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from tmdbfusion_scrapy.commands.command import TMDBCommand, paragraph
from tmdbfusion_scrapy.exceptions import ConfigurationError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from scrapy import Spider

    from tmdbfusion_scrapy.monitoring.doctor import Report


class DoctorCommand(TMDBCommand):
    """Says whether a crawl would work: the token, the way to TMDB, the settings, the database, the machine."""

    name = "tmdb-doctor"
    most_arguments = 1
    usage = "[options] [spider]"
    summary = "Check token, network, settings and database before a TMDB crawl"
    description = (
        "Check what a crawl needs, in the way that it would have: token, proxy, DNS, IPv4 and IPv6, TLS, the "
        "API and its latency, the clock, the hosts of exports and images, the rate, the database and the "
        "disk. Nothing is stored. Exit status 1 where there is a problem; warnings are none. With the name of "
        "a spider, its custom_settings count."
    )

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        super().add_options(parser)
        parser.add_argument("--json", action="store_true", help="print the report as JSON")

    def execute(self, args: list[str], opts: argparse.Namespace) -> None:
        from tmdbfusion_scrapy.commands.project import load_spider
        from tmdbfusion_scrapy.crawling import TMDBSpider

        spider = load_spider(self.project_settings, args[0]) if args else TMDBSpider
        report = self._report(spider)
        self.say(report.to_json().split("\n") if opts.json else _lines(report))
        self.exitcode = report.exit_status

    def _report(self, spider: type[Spider]) -> Report:
        """Return the report on a crawl, as far as its settings let one begin."""
        from tmdbfusion_scrapy.commands.project import unstarted_crawl
        from tmdbfusion_scrapy.monitoring.doctor import STAND_IN, examine, examine_unusable

        settings, reason = self.project_settings, None
        others = settings.copy()
        others.set("TMDB_ACCESS_TOKEN", STAND_IN, priority="cmdline")
        # All but the token can be looked at, if it is only that.
        for tried in (settings, others):
            try:
                with unstarted_crawl(tried, spider) as (crawler, stores):
                    return asyncio.run(examine(crawler, stores=stores, token_error=reason))
            except ConfigurationError as error:
                reason = str(error)
        return asyncio.run(examine_unusable(settings, reason or ""))


def _lines(report: Report) -> Iterator[str]:
    """Yield the report for a terminal of 80 columns, the fix of each result in lines of its own."""
    for result in report.results:
        start = f"{result.status.ljust(len('problem'))}  {result.name.ljust(8)}  "
        yield paragraph(result.text, start, break_long_words=False)
        if result.fix:
            yield paragraph(result.fix, f"{' ' * len(start)}-> ", break_long_words=False)
    problems, warnings = report.count("problem"), report.count("warning")
    yield f"{problems} problem{'s' * (problems != 1)}, {warnings} warning{'s' * (warnings != 1)}."
