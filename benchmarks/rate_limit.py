"""The rate of a crawl and of ``AsyncTMDBClient`` against a server that allows 40 requests a second.

    python benchmarks/rate_limit.py                # all cases, one minute each, some 8 minutes
    python benchmarks/rate_limit.py --plot docs/images/rate_limit.svg
    python benchmarks/rate_limit.py --seconds 20 --case clean

The server is the sandbox: it counts what it lets through in any one second, and answers a 429 above. Crawl and
client run at the same time, each in a process of its own against a sandbox of its own. Each case fetches a fixed
number of movies, as many as 40 a second are in the given time, and all of them have to come.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from bisect import bisect_left
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from line_plot import Line, Panel, write_svg
from own_process import run_crawl

if TYPE_CHECKING:
    from tmdbfusion_scrapy.sandbox import ThreadedSandbox

LIMIT = 40
SIDES = ("crawl", "client")
CONCURRENCY = 64
LATENCY = 0.05


@dataclass(frozen=True)
class Case:
    """What is set and what the server does.

    Args:
        name: Its name.
        title: What the plot calls it.
        rate: Requests a second that are set; 0 for none.
        retry_after: Seconds that a 429 announces; ``None`` for a bare one.
        dropped: The server's limit in the middle third of the time.
    """

    name: str
    title: str
    rate: float
    retry_after: int | None = None
    dropped: int | None = None


CASES = {
    case.name: case
    for case in (
        Case("clean", "Set to 38: below the limit", 38),
        Case("above", "Set to 200 by mistake: bare 429", 200),
        Case("retry-after", "Set to 200 by mistake: 429 with Retry-After: 2", 200, retry_after=2),
        Case("unset", "No rate set: bare 429", 0),
        Case("drop", "Set to 38: the limit drops to 20 for a while, bare 429", 38, dropped=20),
    )
}


@dataclass(frozen=True)
class Run:
    """What the server saw of one side."""

    rate_set: float
    asked: int
    fetched: int
    arrived: list[float]
    samples: list[tuple[float, int, int, int]]
    """Seconds, answers 200, answers 429, and the limit."""

    @property
    def refused(self) -> int:
        """Answers 429."""
        return self.samples[-1][2]

    @property
    def seconds(self) -> float:
        """From the first request to the last."""
        return self.arrived[-1] - self.arrived[0]

    @property
    def rate(self) -> float:
        """Movies a second."""
        return (self.samples[-1][1] - 1) / self.seconds

    @property
    def busiest(self) -> int:
        """Most requests in any one second."""
        return max(bisect_left(self.arrived, at + 1.0) - number for number, at in enumerate(self.arrived))

    @property
    def allowed(self) -> float:
        """What was set or what the server let through, whichever is less, a second."""
        limits = [min(limit, self.rate_set or limit) for _, _, _, limit in self.samples]
        return sum(limits) / len(limits)


def crawl(url: str, ids: list[int], rate: float) -> int:
    """Crawl the movies and return how many came."""
    from tmdbfusion_scrapy import TMDBSpider

    class Movies(TMDBSpider):
        name = "movies"

        async def start(self) -> Any:
            for movie_id in ids:
                yield self.tmdb.movies.details(movie_id)

        def parse(self, response: Any) -> Any:
            yield response.record

    crawler = run_crawl(Movies, url, CONCURRENCY, rate, LOG_LEVEL="WARNING", RETRY_TIMES=10)
    count: int = crawler.stats.get_value("item_scraped_count", 0)
    return count


async def call(url: str, ids: list[int], rate: float) -> int:
    """Ask for the movies with the client and return how many came."""
    from tmdbfusion_scrapy import AsyncTMDBClient

    async with AsyncTMDBClient("benchmark", base_url=url, requests_per_second=rate, retries=10) as client:
        movies = await client.gather((client.movies.details(i) for i in ids), limit=CONCURRENCY)
    return len({movie.id for movie in movies})


def measure(side: str, case: Case, seconds: float) -> Run:
    """Run one side of a case."""
    from tmdbfusion_scrapy.sandbox import SandboxOptions, ThreadedSandbox

    count = round(LIMIT * seconds)
    options = SandboxOptions(
        movies=count * 2,
        rate_limit=LIMIT,
        retry_after=case.retry_after,
        latency=LATENCY,
        keep_requests=count * 4,
    )
    with ThreadedSandbox(options) as sandbox:
        ids = sandbox.movie_ids[:count]
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            json.dump(ids, file)
            file.flush()
            child = subprocess.Popen(
                [
                    *(sys.executable, __file__, "--side", side, "--url", sandbox.base_url),
                    *("--ids-file", file.name, "--case", case.name),
                ],
                stdout=subprocess.PIPE,
                text=True,
            )
            samples = watch(sandbox, child, case, seconds, count)
            fetched = int(child.communicate()[0])
        if child.returncode:
            raise SystemExit(f"{side}, {case.name}: ended with status {child.returncode}")
        return Run(case.rate, count, fetched, [seen.received_at for seen in sandbox.requests], samples)


def watch(
    sandbox: ThreadedSandbox, child: subprocess.Popen[str], case: Case, seconds: float, count: int
) -> list[tuple[float, int, int, int]]:
    """Count the answers until all are there, and change the limit."""
    samples: list[tuple[float, int, int, int]] = []
    started: float | None = None
    while child.poll() is None:
        time.sleep(0.1)
        by_path = sandbox.state()["requests"]["by_path"].get("GET /3/movie/{id}", {})
        if started is None and by_path:
            started = sandbox.requests[0].received_at
        if started is None:
            continue
        now = time.monotonic() - started
        limit = LIMIT
        if case.dropped is not None and seconds / 3 < now < 2 * seconds / 3:
            limit = case.dropped
        sandbox.set_rate_limit(limit)
        samples.append((now, by_path.get("200", 0), by_path.get("429", 0), limit))
        if by_path.get("200", 0) >= count:
            break
    return samples


def measure_both(case: Case, seconds: float) -> dict[str, Run]:
    """Run both sides of a case at the same time, each server in a process of its own, too."""
    with ProcessPoolExecutor(len(SIDES)) as pool:
        running = {side: pool.submit(measure, side, case, seconds) for side in SIDES}
        return {side: run.result() for side, run in running.items()}


def panel_of(case: Case, run: Run) -> Panel:
    """The rate of a crawl over time: of good answers, of 429s, and the limit."""
    rates: list[tuple[float, float]] = []
    refused: list[tuple[float, float]] = []
    # Samples come every tenth of a second: over one second, a point each half.
    for (at, good, bad, _), (until, later_good, later_bad, _) in zip(
        run.samples[::5], run.samples[10::5], strict=False
    ):
        rates.append((until, (later_good - good) / (until - at)))
        refused.append((until, (later_bad - bad) / (until - at)))
    limit = [(at, float(allowed)) for at, _, _, allowed in run.samples[::5]]
    return Panel(
        case.title,
        [
            Line("limit", limit, "#888888", dashed=True),
            Line("429", refused, "#d62728"),
            Line("200", rates, "#1f77b4"),
        ],
    )


def main() -> None:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=60.0, help="of each case (default: %(default)s)")
    parser.add_argument("--case", choices=CASES, action="append", help="default: all")
    parser.add_argument("--plot", type=Path, help="write a plot of the crawls to this SVG file")
    parser.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)
    parser.add_argument("--url", help=argparse.SUPPRESS)
    parser.add_argument("--ids-file", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    cases = [CASES[name] for name in arguments.case or CASES]
    if arguments.side:
        ids = json.loads(arguments.ids_file.read_text())
        given = (arguments.url, ids, cases[0].rate)
        print(crawl(*given) if arguments.side == "crawl" else asyncio.run(call(*given)))
        return
    print(
        f"Python {platform.python_version()}, {os.cpu_count()} CPUs, "
        + ", ".join(f"{name} {version(name)}" for name in ("scrapy", "twisted", "httpx", "httptools"))
    )
    print(f"The server allows {LIMIT} requests a second and answers after {LATENCY * 1000:.0f} ms")
    print(f"{CONCURRENCY} concurrent\n")
    print(
        "| case | side | fetched | seconds | requests/s | of what is allowed | 429s | of all | busiest second |"
    )
    print("|---|---|---:|---:|---:|---:|---:|---:|---:|", flush=True)
    panels = []
    for case in cases:
        runs = measure_both(case, arguments.seconds)
        for side in SIDES:
            run = runs[side]
            print(
                f"| {case.name} | {side} | {run.fetched} of {run.asked} | {run.seconds:.1f} | {run.rate:.1f} "
                f"| {run.rate / run.allowed:.1%} | {run.refused} | {run.refused / len(run.arrived):.1%} "
                f"| {run.busiest} |",
                flush=True,
            )
        panels.append(panel_of(case, runs["crawl"]))
    if arguments.plot:
        write_svg(arguments.plot, panels, x_label="seconds", y_label="answers a second")


if __name__ == "__main__":
    main()
