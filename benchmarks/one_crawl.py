"""One crawl in this process, printed as JSON. ``crawl.py`` and ``growth.py`` run it for each side.

A side is a download handler with Scrapy's default settings (``stock``, ``aiohttp``, ``httpx``, ``httpx2``,
``memory``), one of these with all that the add-on sets but its handler (``aiohttp, add-on's settings``), or the
add-on as it is (``add-on``), with uvloop, with storage in SQLite, without progress (``no progress``), or with
progress drawn on a terminal (``live progress``). ``memory`` answers from memory: what it takes
is what Scrapy's engine takes.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import scrapy
from loopback import MarkedBody, pin
from scrapy import signals
from scrapy.crawler import AsyncCrawlerProcess
from scrapy.http import JsonResponse
from scrapy.settings import default_settings
from scrapy.utils.misc import build_from_crawler, load_object

from tmdbfusion_scrapy import Addon
from tmdbfusion_scrapy.crawling.handler import TMDBDownloadHandler
from tmdbfusion_scrapy.crawling.responses import TMDBResponse
from tmdbfusion_scrapy.monitoring.progress import Progress

HANDLERS = "scrapy.core.downloader.handlers"
CLASSES = {
    "stock": f"{HANDLERS}.http11.HTTP11DownloadHandler",
    "aiohttp": f"{HANDLERS}._aiohttp.AiohttpDownloadHandler",
    "httpx": f"{HANDLERS}._httpx.HttpxDownloadHandler",
    "httpx2": f"{HANDLERS}._httpx.HttpxDownloadHandler",
    "memory": "one_crawl.MemoryHandler",
}
OURS = ("add-on", "add-on+uvloop", "add-on+sqlite", "add-on+postgresql")
PROGRESS = ("add-on, no progress", "add-on, live progress")
WITH_OUR_SETTINGS = ", add-on's settings"
SIDES = (*CLASSES, *(f"{handler}{WITH_OUR_SETTINGS}" for handler in CLASSES), *OURS, *PROGRESS)


class MemoryHandler:
    """Answers every request with the body in the file that ``BENCHMARK_BODY`` names, as the server does."""

    lazy = False

    def __init__(self, crawler: Any) -> None:
        self.body = MarkedBody(Path(os.environ["BENCHMARK_BODY"]).read_bytes())
        with_addon = bool(crawler.settings.getdict("ADDONS"))
        self.response: type[JsonResponse] = TMDBResponse if with_addon else JsonResponse

    @classmethod
    def from_crawler(cls, crawler: Any) -> MemoryHandler:
        """Make the handler of a crawl."""
        return cls(crawler)

    async def download_request(self, request: Any) -> Any:
        """Answer."""
        headers = {"Content-Type": "application/json;charset=utf-8", "Content-Encoding": "gzip"}
        movie_id = request.url.partition("?")[0].rpartition("/")[2].encode()
        body = self.body.gzipped(movie_id)
        return self.response(url=request.url, headers=headers, body=body, request=request)

    async def close(self) -> None:
        """Nothing is open."""


class OtherHandler(TMDBDownloadHandler):
    """Stands where the add-on demands its own handler, and is the one that ``BENCHMARK_HANDLER`` names."""

    @classmethod
    def from_crawler(cls, crawler: Any) -> Any:
        """Make that one."""
        return build_from_crawler(load_object(os.environ["BENCHMARK_HANDLER"]), crawler)


class AddonWithOtherHandler(Addon):
    """The add-on with another handler than its own."""

    def update_settings(self, settings: Any) -> None:
        """Change all settings that the add-on changes, and the handler."""
        super().update_settings(settings)
        settings.set("DOWNLOAD_HANDLERS", {"http": OtherHandler, "https": OtherHandler}, priority="cmdline")


def settings_of(side: str, url: str, concurrency: int, rate: float = 0) -> dict[str, Any]:
    """The settings of a side."""
    settings: dict[str, Any] = {
        "CONCURRENT_REQUESTS": concurrency,
        "CONCURRENT_REQUESTS_PER_DOMAIN": concurrency,
        "LOG_LEVEL": "WARNING",
        "TELNETCONSOLE_ENABLED": False,
        "ASYNCIO_EVENT_LOOP": None,
    }
    if hasattr(default_settings, "REMOTE_CONTROL_ENABLED"):
        settings["REMOTE_CONTROL_ENABLED"] = False
    handler = side.removesuffix(WITH_OUR_SETTINGS)
    if side in CLASSES:
        settings["DOWNLOAD_HANDLERS"] = {"http": CLASSES[side]}
        return settings
    addon: type[Addon] = Addon
    if handler in CLASSES:
        addon = AddonWithOtherHandler
        os.environ["BENCHMARK_HANDLER"] = CLASSES[handler]
    settings |= {
        "ADDONS": {addon: 500},
        "TMDB_API_URL": url,
        "TMDB_ACCESS_TOKEN": "benchmark",
        "TMDB_REQUESTS_PER_SECOND": rate,
    }
    if side in PROGRESS:
        settings["TMDB_PROGRESS"] = "live" if "live" in side else "off"
        settings["TMDB_SUMMARY"] = "live" in side
    if side == "add-on+uvloop":
        settings["ASYNCIO_EVENT_LOOP"] = "uvloop.Loop"
    if side == "add-on+sqlite":
        settings["TMDB_DATABASE_URL"] = f"sqlite:///{tempfile.mkdtemp()}/tmdb.db"
    elif side == "add-on+postgresql":
        settings["TMDB_DATABASE_URL"] = os.environ["BENCHMARK_DATABASE_URL"]
    else:
        settings["ITEM_PIPELINES"] = {"tmdbfusion_scrapy.storage.SQLPipeline": None}
    return settings


def open_terminal() -> None:
    """Make standard error a terminal that nobody looks at."""
    ours, theirs = os.openpty()
    os.environ["TERM"] = "xterm-256color"
    sys.stderr = os.fdopen(theirs, "w", encoding="utf-8")

    def read() -> None:
        while os.read(ours, 65536):
            pass

    threading.Thread(target=read, daemon=True).start()


def time_progress() -> list[float]:
    """Return a list that gets the CPU seconds of each time that progress is shown."""
    times: list[float] = []
    shown: Any = Progress
    show = shown._show  # noqa: SLF001 - our own

    def timed(progress: Progress) -> None:
        start = time.thread_time()
        show(progress)
        times.append(time.thread_time() - start)

    shown._show = timed  # noqa: SLF001
    return times


def resident_mb() -> float:
    """Memory of this process now, where the system tells it; elsewhere the most that it had."""
    statm = Path("/proc/self/statm")
    if statm.exists():
        return int(statm.read_text().split()[1]) * resource.getpagesize() / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def crawl(side: str, url: str, count: int, concurrency: int, samples: int, rate: float = 0) -> dict[str, Any]:
    """Crawl ids from 1 on; what it took."""
    if side.startswith("httpx") and not side.startswith("httpx2"):
        # Scrapy's handler takes httpx2 where it is installed.
        sys.modules["httpx2"] = None  # type: ignore[assignment]
    if "live" in side:
        open_terminal()
    times = time_progress()
    has_records = side not in CLASSES
    headers = {} if has_records else {"Authorization": "Bearer benchmark"}
    trace: list[tuple[int, float, float]] = []
    every = max(count // samples, 1) if samples else 0

    class Movies(scrapy.Spider):
        name = "movies"

        async def start(self) -> Any:
            for number in range(1, count + 1):
                if every and number % every == 0:
                    trace.append((number, time.perf_counter(), resident_mb()))
                movie = f"{url}/movie/{number}?append_to_response=credits"
                yield scrapy.Request(movie, headers=headers)

        def parse(self, response: Any) -> Any:
            yield response.record if has_records else response.json()

    process = AsyncCrawlerProcess(settings_of(side, url, concurrency, rate))
    crawler = process.create_crawler(Movies)
    clock: dict[str, tuple[float, float]] = {}

    def note(name: str) -> None:
        clock[name] = time.perf_counter(), time.process_time()

    crawler.signals.connect(lambda: note("opened"), signals.spider_opened, weak=False)
    crawler.signals.connect(lambda: note("closed"), signals.spider_closed, weak=False)
    process.crawl(crawler)
    process.start()
    seconds, cpu = (clock["closed"][i] - clock["opened"][i] for i in (0, 1))
    stats = crawler.stats.get_stats()
    return {
        "requests_per_second": count / seconds,
        "cpu_ms": cpu / count * 1000,
        "max_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "end_mb": resident_mb(),
        "progress_share": sum(times) / cpu,
        "items": stats.get("item_scraped_count", 0),
        "errors": stats.get("log_count/ERROR", 0),
        "samples": [(number, at - clock["opened"][0], mb) for number, at, mb in trace],
    }


def main() -> None:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("side", choices=SIDES)
    parser.add_argument("url")
    parser.add_argument("--count", type=int, default=4000)
    parser.add_argument("--concurrency", type=int, default=64)
    parser.add_argument("--samples", type=int, default=0)
    parser.add_argument(
        "--rate", type=float, default=0, help="requests a second of the add-on; 0 for no limit"
    )
    parser.add_argument("--unbound", action="store_true", help="leave the choice of cores to the system")
    options = parser.parse_args()
    if not options.unbound:
        pin(0)
    given = options.side, options.url, options.count, options.concurrency, options.samples, options.rate
    print(json.dumps(crawl(*given)))


if __name__ == "__main__":
    main()
