"""A crawl with the add-on against Scrapy's own download handlers, side by side in one run.

    python benchmarks/crawl.py                                      # 64 concurrent, no latency, 5 rounds
    python benchmarks/crawl.py --grid --plot docs/images/crawl.svg  # 16, 64 and 200 concurrent, 0, 50 and 200 ms

Each side runs in a process of its own, in turn, against one server on loopback that answers with a movie and its
credits, 16 KB of JSON, gzipped as TMDB sends them. Sides of Scrapy have its default settings but for the handler
and the concurrency; their callback parses the JSON and yields it. The add-on has no limit on requests a second,
and yields decoded records. With "add-on's settings" a handler gets all that the add-on sets, so that only the
handlers differ. A side that answers from memory is the ceiling: Scrapy's engine and nothing else.

What progress costs::

    python benchmarks/crawl.py --sides "add-on, no progress" "add-on, live progress" --rate 35 --count 700

``httpx2`` is measured where it is installed; ``add-on+uvloop`` where the extra ``fast`` is.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import tempfile
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import msgspec
from line_plot import Line, Panel, write_svg
from loopback import MARK, running_server
from own_process import run_script

from tmdbfusion_scrapy.sandbox.movies import GeneratedMovies

SIZE = 16 * 1024
SCRAPYS = ("stock", "aiohttp", "httpx", "httpx2")
ON_OUR_TERMS = tuple(f"{side}, add-on's settings" for side in SCRAPYS)
CEILINGS = ("memory", "memory, add-on's settings")
OURS = ("add-on", "add-on+uvloop", "add-on+sqlite")
IN_GRID = ("stock", "aiohttp", "httpx", "httpx2", "add-on", "add-on+uvloop")
COLOURS = ("#999999", "#1f77b4", "#9467bd", "#e377c2", "#d62728", "#2ca02c", "#8c564b")
CONCURRENCIES = (16, 64, 200)
LATENCIES = (0.0, 0.05, 0.2)

Run = dict[str, Any]


def marked_movie() -> bytes:
    """The generated movie whose body with credits is nearest to 16 KB, its id left to the server."""
    catalogue = GeneratedMovies(200, seed=1, gaps=0.0)
    bodies = []
    for movie_id in range(1, 200):
        movie = catalogue.details(movie_id, "en-US")
        if movie is not None:
            del movie["id"]
            parts = {"credits": catalogue.part(movie_id, "credits", {}), "id": int(MARK)}
            bodies.append(msgspec.json.encode({**movie, **parts}))
    return min(bodies, key=lambda body: abs(len(body) - SIZE))


def run_side(
    side: str, origin: str, body_file: Path, count: int, concurrency: int, samples: int = 0, *flags: str
) -> Run:
    """Run a side in a process of its own."""
    options = {"count": count, "concurrency": concurrency, "samples": samples}
    result = run_script(
        Path(__file__).with_name("one_crawl.py"),
        side,
        f"{origin}/3",
        *(f"--{name}={value}" for name, value in options.items()),
        *flags,
        environment={"BENCHMARK_BODY": str(body_file)},
    )
    if result["items"] != count or result["errors"]:
        raise SystemExit(f"{side}: {result['items']} of {count} items, {result['errors']} errors")
    return result


def installed(sides: tuple[str, ...]) -> list[str]:
    """The sides that can be measured here."""
    missing = [name for name in ("httpx2", "uvloop") if find_spec(name) is None]
    return [side for side in sides if not any(name in side for name in missing)]


def ratio(ours: list[Run], theirs: list[Run], what: str = "cpu_ms") -> float:
    """How many times as good we are, the median of the rounds' own ratios."""
    pairs = zip(ours, theirs, strict=True)
    if what == "cpu_ms":
        return float(statistics.median(other[what] / our[what] for our, other in pairs))
    return float(statistics.median(our[what] / other[what] for our, other in pairs))


def compare(origin: str, body_file: Path, options: argparse.Namespace) -> None:
    """Run all sides in turn and print medians and ratios."""
    sides = options.sides or installed((*SCRAPYS, *ON_OUR_TERMS, *CEILINGS, *OURS))
    runs: dict[str, list[Run]] = {side: [] for side in sides}
    for _ in range(options.rounds):
        for side in sides:
            rate = f"--rate={options.rate}"
            run = run_side(side, origin, body_file, options.count, options.concurrency, 0, rate)
            runs[side].append(run)
    print(
        f"{options.count} movies, {options.concurrency} concurrent, {options.latency * 1000:g} ms, "
        f"median of {options.rounds} rounds; ratios are the median of the rounds' own\n"
    )
    columns = [
        "side",
        "requests/s",
        "min-max",
        "x stock",
        "CPU ms",
        "x stock by CPU",
        "of the ceiling by CPU",
        "MB",
        "progress",
    ]
    print(f"| {' | '.join(columns)} |")
    print("|---|" + "---:|" * (len(columns) - 1))
    for side, found in runs.items():
        rates = [run["requests_per_second"] for run in found]
        ceiling = "memory" if side in CEILINGS or side in SCRAPYS else "memory, add-on's settings"
        cells = [
            side,
            f"{statistics.median(rates):,.0f}",
            f"{min(rates):,.0f}-{max(rates):,.0f}",
            f"{ratio(found, runs['stock'], 'requests_per_second'):.2f}" if "stock" in runs else "",
            f"{statistics.median(run['cpu_ms'] for run in found):.2f}",
            f"{ratio(found, runs['stock']):.2f}" if "stock" in runs else "",
            f"{ratio(found, runs[ceiling]):.2f}" if ceiling in runs else "",
            f"{statistics.median(run['max_mb'] for run in found):.0f}",
            f"{statistics.median(run['progress_share'] for run in found):.2%}",
        ]
        print(f"| {' | '.join(cells)} |")


def grid(body: bytes, body_file: Path, options: argparse.Namespace) -> None:
    """Print requests a second for each concurrency and latency, and draw them."""
    sides = options.sides or installed((*IN_GRID, "memory, add-on's settings"))
    panels = []
    print(f"Requests/s and, in brackets, CPU ms a request; median of {options.rounds} rounds\n")
    print(f"| latency | concurrent | {' | '.join(sides)} |")
    print("|---:|" + "---:|" * (len(sides) + 1))
    for latency in options.latencies:
        rates: dict[str, list[tuple[float, float]]] = {side: [] for side in sides}
        with running_server(body, latency=latency, kind="marked") as origin:
            for concurrency in options.concurrencies:
                # Long enough to tell, and no longer than some seconds where the server is slow.
                reachable = concurrency / latency if latency else 1000
                count = min(options.count, max(200, round(3 * reachable)))
                runs: dict[str, list[Run]] = {side: [] for side in sides}
                for _ in range(options.rounds):
                    for side in sides:
                        runs[side].append(run_side(side, origin, body_file, count, concurrency))
                cells = [f"{latency * 1000:g} ms", str(concurrency)]
                for side, found in runs.items():
                    rate = statistics.median(run["requests_per_second"] for run in found)
                    cpu = statistics.median(run["cpu_ms"] for run in found)
                    rates[side].append((concurrency, rate))
                    cells.append(f"{rate:,.0f} ({cpu:.2f})")
                print(f"| {' | '.join(cells)} |", flush=True)
        # The ceiling knows no latency.
        drawn = [side for side in sides if not side.startswith("memory")]
        lines = [Line(side, rates[side], COLOURS[number]) for number, side in enumerate(drawn)]
        panels.append(Panel(f"{latency * 1000:g} ms until the server answers", lines))
    if options.plot is not None:
        write_svg(options.plot, panels, x_label="concurrent requests", y_label="requests/s")


def main() -> None:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=4000, help="movies (default: %(default)s)")
    parser.add_argument("--concurrency", type=int, default=64, help="default: %(default)s")
    parser.add_argument("--latency", type=float, default=0.0, help="seconds (default: %(default)s)")
    parser.add_argument("--rate", type=float, default=0.0, help="most requests a second of the add-on")
    parser.add_argument("--rounds", type=int, default=5, help="default: %(default)s")
    parser.add_argument("--sides", nargs="+", metavar="SIDE", help="only these sides")
    parser.add_argument("--grid", action="store_true", help="several concurrencies and latencies")
    parser.add_argument("--concurrencies", type=int, nargs="+", default=CONCURRENCIES, help="of --grid")
    parser.add_argument("--latencies", type=float, nargs="+", default=LATENCIES, help="of --grid, in seconds")
    parser.add_argument("--plot", type=Path, help="SVG file for --grid")
    options = parser.parse_args()
    names = [
        name for name in ("scrapy", "twisted", "aiohttp", "httpx", "httpx2", "uvloop") if find_spec(name)
    ]
    versions = ", ".join(f"{name} {version(name)}" for name in names)
    print(f"Python {platform.python_version()}, {os.cpu_count()} CPUs; {versions}")
    body = marked_movie()
    with tempfile.TemporaryDirectory() as folder:
        body_file = Path(folder) / "movie.json"
        body_file.write_bytes(body)
        if options.grid:
            grid(body, body_file, options)
            return
        with running_server(body, latency=options.latency, kind="marked") as origin:
            compare(origin, body_file, options)


if __name__ == "__main__":
    main()
