"""A crawl with the add-on against Scrapy's stock handler, side by side in one run.

    python benchmarks/crawl.py                 # 4,000 movies, 64 concurrent, 5 rounds
    python benchmarks/crawl.py --memory        # 1,000 against 100,000 ids from a generator

Each side runs in a process of its own, in turn, against one sandbox on loopback. The stock side has Scrapy's
default settings but for the concurrency; its callback parses the JSON and yields it. The side of this package
has the add-on, without a limit on requests a second, and yields decoded records; then the same with uvloop
(extra ``fast``), and the same with storage in SQLite. The movies come with credits and keywords, 16 to 20 KB each,
gzipped as TMDB sends them.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

SIDES = ("stock", "addon", "addon+uvloop", "addon+sqlite")


def settings_of(side: str, url: str, concurrency: int) -> dict[str, Any]:
    """The settings of a side."""
    settings: dict[str, Any] = {
        "CONCURRENT_REQUESTS": concurrency,
        "CONCURRENT_REQUESTS_PER_DOMAIN": concurrency,
        "LOG_LEVEL": "WARNING",
        "TELNETCONSOLE_ENABLED": False,
    }
    if "REMOTE_CONTROL_ENABLED" in default_settings():
        settings["REMOTE_CONTROL_ENABLED"] = False
    if side != "stock":
        settings |= {
            "ADDONS": {"tmdbfusion_scrapy.Addon": 500},
            "TMDB_API_URL": url,
            "TMDB_ACCESS_TOKEN": "benchmark",
            "TMDB_REQUESTS_PER_SECOND": 0,
        }
        if side != "addon+uvloop":
            settings["ASYNCIO_EVENT_LOOP"] = None
        if side != "addon+sqlite":
            settings["ITEM_PIPELINES"] = {"tmdbfusion_scrapy.storage.SQLPipeline": None}
        else:
            settings["TMDB_DATABASE_URL"] = f"sqlite:///{tempfile.mkdtemp()}/tmdb.db"
    return settings


def default_settings() -> dict[str, Any]:
    """Scrapy's default settings."""
    from scrapy.settings import default_settings as defaults

    return vars(defaults)


def run_side(side: str, url: str, count: int, concurrency: int, append: str) -> None:
    """Crawl once and print what it took, as JSON."""
    import scrapy
    from scrapy import signals
    from scrapy.crawler import AsyncCrawlerProcess

    class Movies(scrapy.Spider):
        name = "movies"

        async def start(self) -> Any:
            for number in range(count):
                # More ids than the sandbox has movies are told apart by a parameter that it does not know.
                movie = f"{url}/movie/{IDS[number % movies]}?append_to_response={append}&n={number // movies}"
                yield scrapy.Request(movie, meta=dict(meta), headers=headers)

        def parse(self, response: Any) -> Any:
            yield response.json() if side == "stock" else response.record

    movies = len(IDS)
    meta = {} if side == "stock" else {"tmdb_operation": "movie-details"}
    headers = {"Authorization": "Bearer benchmark"} if side == "stock" else {}
    process = AsyncCrawlerProcess(settings_of(side, url, concurrency))
    crawler = process.create_crawler(Movies)
    clock: dict[str, tuple[float, float]] = {}

    def opened() -> None:
        clock["opened"] = time.perf_counter(), time.process_time()

    def closed() -> None:
        clock["closed"] = time.perf_counter(), time.process_time()

    crawler.signals.connect(opened, signals.spider_opened)
    crawler.signals.connect(closed, signals.spider_closed)
    process.crawl(crawler)
    process.start()
    seconds, cpu = (clock["closed"][i] - clock["opened"][i] for i in (0, 1))
    stats = crawler.stats.get_stats()
    print(
        json.dumps(
            {
                "requests_per_second": count / seconds,
                "cpu_ms": cpu / count * 1000,
                "rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
                "items": stats.get("item_scraped_count", 0),
                "errors": stats.get("log_count/ERROR", 0),
            }
        )
    )


IDS: list[int] = []


def ids_of_sandbox(url: str, movies: int) -> list[int]:
    """Ids that the sandbox answers with 200."""
    import httpx

    with httpx.Client(headers={"Authorization": "Bearer benchmark"}) as client:
        candidates = range(1, movies * 2)
        found = []
        for candidate in candidates:
            if client.get(f"{url}/movie/{candidate}").status_code == 200:
                found.append(candidate)
            if len(found) == movies:
                break
    return found


def spawn(side: str, url: str, ids_file: Path, count: int, arguments: argparse.Namespace) -> dict[str, float]:
    """Run a side in a process of its own."""
    command = [
        sys.executable,
        __file__,
        "--side",
        side,
        "--url",
        url,
        "--ids-file",
        str(ids_file),
        "--count",
        str(count),
        "--concurrency",
        str(arguments.concurrency),
        "--append",
        arguments.append,
    ]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=dict(os.environ))
    result: dict[str, float] = json.loads(done.stdout.strip().splitlines()[-1])
    if result["items"] != count or result["errors"]:
        raise SystemExit(
            f"{side}: {result['items']:.0f} of {count} items, {result['errors']} errors\n{done.stderr}"
        )
    return result


def compare(url: str, ids_file: Path, arguments: argparse.Namespace) -> None:
    """Run all sides in turn and print medians and ratios."""
    sides = [side for side in SIDES if side != "addon+uvloop" or find_spec("uvloop") is not None]
    # The sandbox makes a movie when it is first asked for.
    spawn("stock", url, ids_file, arguments.count, arguments)
    runs: dict[str, list[dict[str, float]]] = {side: [] for side in sides}
    for _ in range(arguments.rounds):
        for side in sides:
            runs[side].append(spawn(side, url, ids_file, arguments.count, arguments))
    print(
        f"{arguments.count} movies, {arguments.concurrency} concurrent, median of {arguments.rounds} rounds\n"
    )
    print(f"{'side':<14}{'requests/s':>12}{'(min-max)':>16}{'CPU ms':>9}{'RSS MB':>9}{'x stock':>9}")
    stock = statistics.median(run["requests_per_second"] for run in runs["stock"])
    for side in sides:
        rates = [run["requests_per_second"] for run in runs[side]]
        pairs = [
            ours["requests_per_second"] / theirs["requests_per_second"]
            for ours, theirs in zip(runs[side], runs["stock"], strict=True)
        ]
        print(
            f"{side:<14}{statistics.median(rates):>12.0f}{f'{min(rates):.0f}-{max(rates):.0f}':>16}"
            f"{statistics.median(run['cpu_ms'] for run in runs[side]):>9.2f}"
            f"{statistics.median(run['rss_mb'] for run in runs[side]):>9.0f}"
            f"{statistics.median(pairs):>9.2f}"
        )
    print(f"\nx stock is the median of the rounds' own ratios; medians alone: {stock:.0f} requests/s stock")


def memory(url: str, ids_file: Path, arguments: argparse.Namespace) -> None:
    """Print the memory of a small and a large crawl."""
    few, many = 1_000, arguments.many
    sizes = {count: spawn("addon", url, ids_file, count, arguments) for count in (few, many)}
    for count, result in sizes.items():
        print(
            f"{count:>9} ids: {result['rss_mb']:.0f} MB at most, {result['requests_per_second']:.0f} requests/s"
        )
    print(f"difference: {sizes[many]['rss_mb'] - sizes[few]['rss_mb']:.0f} MB")


def main() -> None:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=4000, help="movies")
    parser.add_argument("--concurrency", type=int, default=64)
    parser.add_argument("--append", default="credits,keywords", help="parts of each movie")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--memory", action="store_true", help="compare the memory of few and many ids")
    parser.add_argument("--many", type=int, default=100_000, help="ids of the larger crawl of --memory")
    parser.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)
    parser.add_argument("--url", help=argparse.SUPPRESS)
    parser.add_argument("--ids-file", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.side:
        IDS.extend(json.loads(arguments.ids_file.read_text()))
        run_side(arguments.side, arguments.url, arguments.count, arguments.concurrency, arguments.append)
        return
    from tmdbfusion_scrapy.sandbox import SandboxProcess

    print(
        f"Python {platform.python_version()}, {os.cpu_count()} CPUs, "
        + ", ".join(f"{name} {version(name)}" for name in ("scrapy", "twisted", "aiohttp", "httpx"))
    )
    movies = 4_000
    with SandboxProcess(["--movies", str(movies * 2)]) as sandbox:
        ids_file = Path(tempfile.mkdtemp()) / "ids.json"
        ids_file.write_text(json.dumps(ids_of_sandbox(sandbox.base_url, movies)))
        (memory if arguments.memory else compare)(sandbox.base_url, ids_file, arguments)


if __name__ == "__main__":
    main()
