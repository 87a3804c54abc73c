"""A mirror planned from an export of any size: how soon it starts, what memory it takes, how soon it goes on.

    python benchmarks/mirror.py --movies 1200000 --crawled 5000 --stored 1000000

The bundled sandbox serves the export and the movies, in a process of its own. The first crawl fetches the
file, plans and crawls some of it; then movies are put into the database as if they had been crawled, and the
same command goes on. Seconds are counted from the moment when the file is there, or when the spider starts, to
the first request of a movie.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import tempfile
import time
from contextlib import closing
from pathlib import Path
from sqlite3 import connect
from typing import Any

from own_process import run_script
from scrapy import signals
from scrapy.crawler import AsyncCrawlerProcess, Crawler

from tmdbfusion_scrapy.crawling import TMDBSourceSpider
from tmdbfusion_scrapy.sandbox import SandboxProcess
from tmdbfusion_scrapy.sources.export_file import ExportDownload

DAY = "2026-06-01"


class Mirror(TMDBSourceSpider):
    """Movies of an export."""

    name = "mirror"
    details_operation = "movie-details"


class Moments:
    """When things happened in a crawl."""

    def __init__(self, crawler: Crawler) -> None:
        self._begun = self._first = 0.0
        self._requests = 0
        crawler.signals.connect(self._on_opened, signals.spider_opened)
        crawler.signals.connect(self._on_request, signals.request_reached_downloader)
        fetch = ExportDownload.fetch

        async def fetch_and_note(*args: Any, **kwargs: Any) -> Any:
            export = await fetch(*args, **kwargs)
            self._begun = time.monotonic()
            return export

        # No signal tells that the file is there.
        setattr(ExportDownload, "fetch", fetch_and_note)  # noqa: B010 - a method is not assigned to otherwise

    def _on_opened(self) -> None:
        self._begun = time.monotonic()

    def _on_request(self) -> None:
        self._requests += 1
        self._first = self._first or time.monotonic()

    def report(self) -> dict[str, float]:
        """Seconds to the first request, requests, and the most memory in MB."""
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
        return {"seconds": self._first - self._begun, "requests": self._requests, "megabytes": memory}


def crawl_here(settings: dict[str, Any]) -> None:
    """Crawl in this process, and print what came of it as JSON."""
    process = AsyncCrawlerProcess(settings)
    crawler = process.create_crawler(Mirror)
    moments = Moments(crawler)
    process.crawl(crawler, source="export", day=DAY)
    process.start()
    print(json.dumps(moments.report()))


def crawl(folder: Path, sandbox: SandboxProcess, crawled: int) -> dict[str, float]:
    """Crawl in a process of its own, in a folder."""
    settings = {
        "TMDB_API_URL": sandbox.base_url,
        "TMDB_EXPORTS_URL": sandbox.exports_url,
        "TMDB_ACCESS_TOKEN": "sandbox",
        "TMDB_REQUESTS_PER_SECOND": 0,
        "CLOSESPIDER_ITEMCOUNT": crawled,
        "CONCURRENT_REQUESTS": 64,
        "CONCURRENT_REQUESTS_PER_DOMAIN": 64,
        "TELNETCONSOLE_ENABLED": False,
        "LOG_LEVEL": "ERROR",
    }
    return run_script(Path(__file__), "--settings", json.dumps(settings), cwd=folder)


def store(folder: Path, number: int) -> None:
    """Put movies into the database as a crawl would have, those that come first."""
    with closing(connect(folder / "tmdb.db")) as connection, connection:
        connection.execute(
            "INSERT OR IGNORE INTO movies (id, title, popularity, fetched_at, raw) "
            "SELECT id, 'Movie ' || id, 1.0, '2026-06-01 12:00:00.000000', json_object('id', id) "
            "FROM tmdb_frontier WHERE position <= ?",
            (number,),
        )


def main() -> None:
    """Print one line for each crawl."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--movies", type=int, default=1_200_000)
    parser.add_argument("--crawled", type=int, default=5_000)
    parser.add_argument("--stored", type=int, default=1_000_000)
    parser.add_argument("--settings", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.settings:
        crawl_here(json.loads(options.settings))
        return
    arguments = ["--movies", str(options.movies), "--today", DAY]
    sandbox = SandboxProcess(arguments)
    sandbox.start()
    try:
        with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR")) as name:
            folder = Path(name)
            (folder / "scrapy.cfg").write_text("[settings]\n")
            for title, number in (("a new mirror", None), ("the same, gone on with", options.stored)):
                if number is not None:
                    store(folder, number)
                found = crawl(folder, sandbox, options.crawled)
                stored = "" if number is None else f", {number:,} stored"
                print(
                    f"{title}: {options.movies:,} listed{stored}: first request after {found['seconds']:.1f} s, "
                    f"{found['requests']:,} requests, {found['megabytes']:.0f} MB at most"
                )
    finally:
        sandbox.stop()


if __name__ == "__main__":
    main()
