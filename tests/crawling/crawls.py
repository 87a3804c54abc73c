"""Real crawls in the event loop of the test run, and what came of them."""

from __future__ import annotations

import asyncio
import sqlite3
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from scrapy import signals
from scrapy.crawler import Crawler
from scrapy.settings import Settings
from scrapy.settings.default_settings import __dict__ as scrapy_defaults
from scrapy.utils.reactor import is_reactor_installed

from tmdbfusion_scrapy import TMDBSpider
from tmdbfusion_scrapy.storage.database import open_database

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from scrapy import Spider
    from twisted.python.failure import Failure

TOKEN = "eyJhbGciOiJIUzI1NiJ9.token-of-the-tests"
DATABASE = "tmdb.db"


@cache
def empty_database() -> bytes:
    """Return an SQLite file with all tables: to make them takes longer than the rest of a small crawl."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / DATABASE
        open_database(f"sqlite:///{path}").dispose()
        return path.read_bytes()


def provide_database() -> None:
    """Put the tables where a crawl looks for them by default, unless it has been there."""
    path = Path(DATABASE)
    if not path.exists():
        path.write_bytes(empty_database())


@dataclass(frozen=True)
class Crawl:
    """A crawl that has ended."""

    items: list[Any]
    crawler: Crawler

    @property
    def stats(self) -> dict[str, Any]:
        stats: dict[str, Any] = self.crawler.stats.get_stats()
        return stats

    @property
    def spider(self) -> Any:
        return self.crawler.spider

    @property
    def ids(self) -> set[Any]:
        """Ids of the records that came, failed calls not among them."""
        return {item.id for item in self.items if type(item).__name__ == "MovieDetails"}


class MoviesSpider(TMDBSpider):
    """Asks for movies by id. ``meta`` and ``arguments`` go into each call."""

    name = "movies"

    def __init__(
        self,
        ids: Any = (),
        meta: Mapping[str, Any] | None = None,
        arguments: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.ids = ids
        self.meta = dict(meta or {})
        self.arguments = dict(arguments or {})
        self.responses: list[Any] = []
        self.failures: list[Failure] = []

    async def start(self) -> AsyncIterator[Any]:
        for movie_id in self.ids:
            yield self.movie(movie_id)

    def movie(self, movie_id: int, **arguments: Any) -> Any:
        return self.tmdb.movies.details(
            movie_id,
            **{
                "callback": self.parse,
                "errback": self.failed,
                "meta": dict(self.meta),
                **self.arguments,
                **arguments,
            },
        )

    def parse(self, response: Any) -> Any:
        self.responses.append(response)
        yield response.record

    def failed(self, failure: Failure) -> Any:
        self.failures.append(failure)
        yield from self.record_failure(failure)


def settings_of(api_url: str, **settings: Any) -> dict[str, Any]:
    """Settings of a quick crawl: no rate limit, hardly any wait before a retry."""
    quick: dict[str, Any] = {
        "TWISTED_REACTOR_ENABLED": is_reactor_installed(),
        "TELNETCONSOLE_ENABLED": False,
        # Scrapy reads the source of each callback for it.
        "WARN_ON_GENERATOR_RETURN_VALUE": False,
        "DOWNLOAD_TIMEOUT": 60,
        "TMDB_API_URL": api_url,
        "TMDB_ACCESS_TOKEN": TOKEN,
        "TMDB_REQUESTS_PER_SECOND": 0,
        "TMDB_RETRY_MAX_DELAY": 0.05,
    }
    if "REMOTE_CONTROL_ENABLED" in scrapy_defaults:
        quick["REMOTE_CONTROL_ENABLED"] = False
    return {**quick, **settings}


async def crawl(
    spidercls: type[Spider],
    settings: Mapping[str, Any],
    *,
    finish_reason: str = "finished",
    errors: int | None = 0,
    **arguments: Any,
) -> Crawl:
    """Crawl to the end, and see that it ended as it should.

    Args:
        spidercls: The spider.
        settings: As of `settings_of`, at project priority.
        finish_reason: Why the spider must have closed.
        errors: How many lines of level ERROR there must have been.
        arguments: Of the spider.
    """
    # None is what takes the pipeline of the database away.
    stores = issubclass(spidercls, TMDBSpider) and None not in settings.get("ITEM_PIPELINES", {}).values()
    if stores and not settings.get("TMDB_DATABASE_URL"):
        provide_database()
    # Without a runner, which copies all settings once more to look for spiders by name.
    crawler = Crawler(spidercls, Settings(dict(settings)))
    items: list[Any] = []

    def keep(item: Any) -> None:
        items.append(item)

    crawler.signals.connect(keep, signals.item_scraped)
    # A crawl that hangs fails its test, not the whole run.
    await asyncio.wait_for(crawler.crawl_async(**arguments), 120)
    ended = Crawl(items, crawler)
    assert ended.stats["finish_reason"] == finish_reason
    if errors is not None:
        assert ended.stats.get("log_count/ERROR", 0) == errors
    assert not [name for name in ended.stats if name.startswith("spider_exceptions/")]
    return ended


def rows(query: str, database: str | Path = DATABASE, given: Any = ()) -> list[tuple[Any, ...]]:
    """Ask the database of a crawl; `given` are the values for the question marks."""
    connection = sqlite3.connect(database)
    try:
        return connection.execute(query, given).fetchall()
    finally:
        connection.close()


def failure_rows(database: str | Path = DATABASE) -> list[tuple[Any, ...]]:
    """Return kind, id, path, error, HTTP status, TMDB code and attempts of the failed calls."""
    return rows(
        "SELECT kind, id, path, error, status_code, tmdb_code, attempts FROM tmdb_failures ORDER BY path",
        database,
    )
