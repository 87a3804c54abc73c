"""A crawl in which one movie in twenty fails for good, beside a clean one.

    python benchmarks/retries.py                   # 3,000 movies, 16 concurrent, 3 rounds

The failing ids answer 503 each time, and are tried again three times with the real back-off of up to 1, 2 and 4
seconds. In the clean crawl the same ids answer like all others. What is compared is how fast the healthy ones
come: those that answer in both crawls, nineteen of twenty, counted from the first one to the last. First without
a limit on requests a second (16 connections to a server that takes 50 ms are the limit), and then at 200 a second,
of which 190 are healthy in a clean crawl. Crawls run in turn, each in a process of its own.

Retries are not free: three for one id in twenty are 15% more requests, and a retry takes a turn that a healthy one
could have had. Spread evenly over the crawl they would leave 1 / 1.15 = 0.87 of a clean crawl's rate, whatever
carries them. More is possible only because they give way: Scrapy gives them a lower priority
(``RETRY_PRIORITY_ADJUST``), so they are sent when there is nothing else to send, here after the last healthy one.
That time is not in the rate; it is in the column of seconds, which is the whole crawl.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

from loopback import Server, answer_with, id_in
from own_process import run_crawl, run_script

LATENCY = 0.05
EVERY = 20


def serve() -> None:
    """Serve movies: with ``/bad/3`` as the base URL each twentieth is a 503."""
    unavailable = answer_with(
        b'{"success":false,"status_code":9,"status_message":"Service offline."}',
        status=b"503 Service Unavailable",
    )

    def answer(head: bytes) -> bytes:
        number = id_in(head)
        if b" /bad/" in head and int(number) % EVERY == 0:
            return unavailable
        movie = b'{"id":%b,"title":"Movie %b","overview":"%b"}'
        return answer_with(movie % (number, number, b"x" * 2000))

    async def run() -> None:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: Server(answer, LATENCY), "127.0.0.1", 0)
        print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
        await server.serve_forever()

    asyncio.run(run())


def crawl(url: str, count: int, concurrency: int, rate: float) -> None:
    """Crawl once and print what came of it, as JSON."""
    from tmdbfusion_scrapy import TMDBSpider

    came: list[float] = []

    class Movies(TMDBSpider):
        name = "movies"

        async def start(self) -> Any:
            for movie_id in range(1, count + 1):
                yield self.tmdb.movies.details(movie_id, errback=self.failed)

        def parse(self, response: Any) -> Any:
            if response.record.id % EVERY:
                came.append(time.monotonic())

        def failed(self, failure: Any) -> None:
            pass

    crawler = run_crawl(Movies, url, concurrency, rate, LOG_LEVEL="CRITICAL", RETRY_TIMES=3)
    stats = crawler.stats.get_stats()
    print(
        json.dumps(
            {
                "healthy": len(came),
                "rate": (len(came) - 1) / (came[-1] - came[0]),
                "requests": stats["tmdb/request_count"],
                "retries": stats.get("tmdb/retry/count", 0),
                "given_up": stats.get("tmdb/retry/given_up_count", 0),
                "seconds": stats["elapsed_time_seconds"],
            }
        )
    )


def spawn(kind: str, origin: str, rate: float, arguments: argparse.Namespace) -> dict[str, float]:
    """Run a crawl in a process of its own."""
    result = run_script(
        Path(__file__),
        f"--url={origin}/{kind}/3",
        f"--rate={rate}",
        f"--count={arguments.count}",
        f"--concurrency={arguments.concurrency}",
    )
    bad = arguments.count // EVERY
    expected = (arguments.count - bad, 0, 0) if kind == "clean" else (arguments.count - bad, 3 * bad, bad)
    if (result["healthy"], result["retries"], result["given_up"]) != expected:
        raise SystemExit(f"{kind}: {result}, expected {expected}")
    return result


def compare(origin: str, arguments: argparse.Namespace) -> None:
    """Run both in turn and print the table."""
    print("| requests/s set | crawl | healthy/s | requests | seconds in all | healthy/s of the clean crawl |")
    print("|---|---|---:|---:|---:|---:|")
    for rate in (0, 200):
        runs: dict[str, list[dict[str, float]]] = {"clean": [], "bad": []}
        for _ in range(arguments.rounds):
            for kind, found in runs.items():
                found.append(spawn(kind, origin, rate, arguments))
        share = statistics.median(
            bad["rate"] / clean["rate"] for bad, clean in zip(runs["bad"], runs["clean"], strict=True)
        )
        for kind, found in runs.items():
            medians = {name: statistics.median(run[name] for run in found) for name in found[0]}
            name = "clean" if kind == "clean" else "5% fail for good"
            print(
                f"| {rate or 'none'} | {name} | {medians['rate']:.0f} | {medians['requests']:.0f} "
                f"| {medians['seconds']:.1f} | {share if kind == 'bad' else 1:.3f} |",
                flush=True,
            )


def main() -> None:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=3000, help="movies (default: %(default)s)")
    parser.add_argument("--concurrency", type=int, default=16, help="default: %(default)s")
    parser.add_argument("--rounds", type=int, default=3, help="default: %(default)s")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--url", help=argparse.SUPPRESS)
    parser.add_argument("--rate", type=float, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        serve()
        return
    if arguments.url:
        crawl(arguments.url, arguments.count, arguments.concurrency, arguments.rate)
        return
    print(f"Python {platform.python_version()}, {os.cpu_count()} CPUs, scrapy {version('scrapy')}")
    print(
        f"{arguments.count} movies, {arguments.concurrency} concurrent, median of {arguments.rounds} rounds\n"
    )
    server = subprocess.Popen([sys.executable, __file__, "--serve"], stdout=subprocess.PIPE, text=True)
    try:
        if server.stdout is None:
            raise RuntimeError("the server's pipe is not there")
        compare(server.stdout.readline().strip(), arguments)
    finally:
        server.terminate()
        server.wait()


if __name__ == "__main__":
    main()
