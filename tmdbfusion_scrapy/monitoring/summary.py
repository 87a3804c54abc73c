"""End of a crawl: a short table of what came of it, and its stats in a file."""

from __future__ import annotations

import datetime
import io
import json
import logging
import shlex
import sys
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console, Group
from rich.table import Table
from rich.text import Text
from scrapy import signals
from scrapy.exceptions import NotConfigured

from tmdbfusion_scrapy import stats as names
from tmdbfusion_scrapy.crawling.errors import plain_messages
from tmdbfusion_scrapy.crawling.middleware import BAD_TOKEN_REASON
from tmdbfusion_scrapy.crawling.source_spider import ExitStatus, TMDBSourceSpider, exit_status
from tmdbfusion_scrapy.exceptions import ConfigurationError
from tmdbfusion_scrapy.monitoring.status import counts_below, has_status, status_of
from tmdbfusion_scrapy.monitoring.words import TERMS, counted, duration, logs_info, size
from tmdbfusion_scrapy.settings import SETTINGS, read_boolean
from tmdbfusion_scrapy.stores import DATABASE_FAILED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scrapy.crawler import Crawler
    from typing_extensions import Self

    from tmdbfusion_scrapy.monitoring.status import Snapshot

logger = logging.getLogger(__name__)

_PLAIN_WIDTH = 100
"""Columns where there is no terminal."""
_MOST_COMMAND = 100
_COMMAND_LINE = 40
"""Priority of settings of the command line."""

_ENDS = {
    BAD_TOKEN_REASON: "stopped: TMDB does not accept the token",
    DATABASE_FAILED: "stopped: the database failed",
    "shutdown": "stopped by you",
    "memusage_exceeded": "stopped: it took too much memory (MEMUSAGE_LIMIT_MB)",
}


class Summary:
    """Extension that ends a crawl with a table (``TMDB_SUMMARY``) and a file of stats (``TMDB_STATS_FILE``).

    In a terminal the table is the last thing on the screen; elsewhere it is a record of the log.

    Raises:
        ConfigurationError: A setting cannot be used.
    """

    def __init__(self, crawler: Crawler, *, has_table: bool, stats_file: str | None) -> None:
        self._crawler = crawler
        self._has_table = has_table
        self._stats_file = stats_file
        # After all else that a crawl says.
        crawler.signals.connect(self._end, signals.engine_stopped)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Make the extension, unless neither is asked for."""
        settings = crawler.settings
        with plain_messages():
            has_table = read_boolean(settings, "TMDB_SUMMARY")
            if not settings.getbool("LOG_ENABLED") and not settings.getpriority("TMDB_SUMMARY"):
                # Such as scrapy check, and --nolog.
                has_table = False
            stats_file = settings.get("TMDB_STATS_FILE") or None
            if stats_file is not None:
                stats_file = str(stats_file).replace("%(spider)s", crawler.spidercls.name)
                if not Path(stats_file).absolute().parent.is_dir():
                    raise ConfigurationError(
                        f"TMDB_STATS_FILE is {stats_file!r}, and there is no such folder: make it, or name another"
                    )
        is_seen = logs_info(settings) or (sys.stderr is not None and sys.stderr.isatty())
        has_table = has_table and is_seen and has_status(crawler)
        if not has_table and stats_file is None:
            raise NotConfigured
        return cls(crawler, has_table=has_table, stats_file=stats_file)

    def _end(self) -> None:
        """Write what there is to write."""
        crawler = self._crawler
        extra = {"spider": crawler.spider}
        if self._stats_file is not None:
            try:
                write_stats(crawler.stats.get_stats(), Path(self._stats_file))
            except OSError as error:
                logger.error("TMDB_STATS_FILE cannot be written: %s", error, extra=extra)  # noqa: TRY400
        if not self._has_table or not status_of(crawler).asks_tmdb:
            return
        if sys.stderr is not None and sys.stderr.isatty():
            Console(stderr=True, highlight=False).print(table(crawler))
        else:
            text = io.StringIO()
            Console(file=text, width=_PLAIN_WIDTH, color_system=None, highlight=False).print(table(crawler))
            lines = (line.rstrip() for line in text.getvalue().rstrip().splitlines())
            logger.info("%s", "\n".join(lines), extra=extra)


def write_stats(stats: Any, path: Path) -> None:
    """Write the stats of a crawl as a JSON object.

    Args:
        stats: Stats by name.
        path: The file; one that is there is replaced when the new one is whole.

    Raises:
        OSError: It cannot be written.
    """
    part = path.with_name(f"{path.name}.part")
    part.write_text(json.dumps(stats, indent=2, sort_keys=True, default=_plain) + "\n", encoding="utf-8")
    part.replace(path)


def _plain(value: Any) -> Any:
    """Return a value that JSON lacks."""
    return value.isoformat() if isinstance(value, datetime.datetime) else str(value)


def table(crawler: Crawler) -> Group:
    """Return what came of a crawl that has ended, for ``rich.console.Console``."""
    found = Table.grid(padding=(0, 2), pad_edge=False)
    found.add_column(no_wrap=True)
    found.add_column(justify="right", no_wrap=True)
    found.add_column(overflow="fold")
    for name, number, text in _rows(crawler):
        found.add_row(f"  {name}", number, Text(text))
    title = Text(f"{crawler.spidercls.name}: {_end_of(crawler)}", style="bold")
    return Group(title, found, Text(TERMS))


def _rows(crawler: Crawler) -> Iterator[tuple[str, str, str]]:
    """Yield names, numbers and remarks."""
    status = status_of(crawler)
    now = status.snapshot()
    if now.wanted is not None:
        yield "Wanted", f"{now.wanted:,}", now.source
    feeds = [_without_user(str(uri)) for uri in crawler.settings.getdict("FEEDS")]
    if status.database:
        yield "Stored", f"{now.stored:,}", f"in {', '.join([status.database, *feeds])}"
    else:
        where = f"in {', '.join(feeds)}" if feeds else "not stored"
        yield "Records", f"{now.done - now.unchanged - now.gone - now.failed:,}", where
    if outdated := sum(counts_below(crawler.stats.get_stats(), names.OUTDATED_COUNT).values()):
        yield "Outdated", f"{outdated:,}", "the database has them fetched later"
    yield "Unchanged", f"{now.unchanged:,}", ""
    yield "Gone upstream", f"{now.gone:,}", ""
    reasons = sorted(now.failures.items(), key=lambda failure: -failure[1])
    yield "Failed", f"{now.failed:,}", ", ".join(f"{number:,} {name}" for name, number in reasons)
    if left := max((now.wanted or 0) - now.done, 0):
        yield "Left", f"{left:,}", ""
    speed = now.requests / now.elapsed if now.elapsed else 0.0
    retried, refused = (
        counted(now.retries, "retry", "retries"),
        counted(now.rate_limited, "answer 429", "answers 429"),
    )
    yield "Requests", f"{now.requests:,}", f"{speed:.1f} a second, {retried}, {refused}"
    yield "Time", duration(now.elapsed), f"{size(now.bytes)} received"
    commands = list(_next(crawler, now))
    for command, text in commands:
        yield text, "", command
    if commands and any(crawler.settings.getpriority(name) == _COMMAND_LINE for name in crawler.settings):
        yield "", "", "each with the -s settings of this crawl"


def _without_user(uri: str) -> str:
    """Return the URI of a feed without user and password."""
    scheme, mark, rest = uri.partition("://")
    if not mark:
        return uri
    host, slash, path = rest.partition("/")
    return f"{scheme}://{host.rpartition('@')[2]}{slash}{path}".partition("?")[0]


def _end_of(crawler: Crawler) -> str:
    """Return how a crawl has ended."""
    reason = str(crawler.stats.get_value("finish_reason"))
    status = exit_status(crawler)
    if reason in _ENDS:
        return _ENDS[reason]
    if status is ExitStatus.LEFT:
        return "ended, and records are left"
    if status is ExitStatus.FAILED:
        return "could not do its work; the errors above say why"
    return "done" if reason == "finished" else f"ended ({reason})"


def _next(crawler: Crawler, now: Snapshot) -> Iterator[tuple[str, str]]:
    """Yield commands that may come next, and what each is for."""
    spider = crawler.spider
    if not isinstance(spider, TMDBSourceSpider):
        return
    settings = crawler.settings
    reason = crawler.stats.get_value("finish_reason")
    if spider.goes_on and not spider.is_finished(reason):
        yield command_of(spider), "Go on"
    has_database = now.run_id is not None
    if has_database and now.failed and "failed" in spider.sources:
        yield f"scrapy crawl {spider.name} -a source=failed", "Try failed again"
        yield "scrapy tmdb-failures", "See what failed"
    if has_database and now.stored:
        commands = entry_points(group="scrapy.commands").names
        url = str(settings.get("TMDB_DATABASE_URL", SETTINGS["TMDB_DATABASE_URL"].default))
        path = url.removeprefix("sqlite:///")
        if "tmdb-query" in commands:
            yield "scrapy tmdb-query --list", "Look at it"
        elif path != url:
            query = f"select * from {spider.kind()} limit 5"  # noqa: S608 - the name of a table of ours
            yield f"sqlite3 {shlex.quote(path)} {shlex.quote(query)}", "Look at it"


def command_of(spider: TMDBSourceSpider) -> str:
    """Return the command that began a crawl; without settings, which may hold a token."""
    given = [shlex.quote(f"{name}={value}") for name, value in spider.given.items()]
    command = " ".join(["scrapy crawl", spider.name, *(f"-a {argument}" for argument in given)])
    return command if len(command) <= _MOST_COMMAND else "the same command"
