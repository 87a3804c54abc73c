"""How a crawl grows: requests a second and memory at 1,000, 10,000, 100,000 and 1,000,000 ids.

    python benchmarks/growth.py --plot docs/images/growth.svg       # the last one takes some 15 minutes
    python benchmarks/growth.py --counts 1000 10000 100000

The crawl and its server are those of ``crawl.py``, with the add-on, 64 concurrent. The ids come from ``start()``;
records are not stored. The first 1,000 ids are gone in a second, so the smallest crawl is run several times.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import tempfile
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path

from crawl import marked_movie, run_side
from line_plot import Line, Panel, write_svg
from loopback import running_server

COUNTS = (1_000, 10_000, 100_000, 1_000_000)
SAMPLES = 200


def points_of(
    samples: list[tuple[int, float, float]],
) -> tuple[list[tuple[float, float]], list[tuple[float, float]]]:
    """Requests a second between the samples, and memory at each, over thousands of ids."""
    rates = []
    for (first, start, _), (last, end, _) in pairwise(samples):
        rates.append((last / 1000, (last - first) / (end - start)))
    return rates, [(number / 1000, mb) for number, _, mb in samples]


def main() -> None:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--counts", type=int, nargs="+", default=COUNTS, help="ids of each crawl")
    parser.add_argument("--concurrency", type=int, default=64, help="default: %(default)s")
    parser.add_argument("--side", default="add-on", help="a side of crawl.py (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of the smallest (default: %(default)s)")
    parser.add_argument("--plot", type=Path, help="SVG file for the largest crawl")
    options = parser.parse_args()
    print(
        f"Python {platform.python_version()}, {os.cpu_count()} CPUs, scrapy {version('scrapy')}; {options.side}"
    )
    print("\n| ids | requests/s | CPU ms | most MB | MB at the end |")
    print("|---:|---:|---:|---:|---:|")
    body = marked_movie()
    with tempfile.TemporaryDirectory() as folder, running_server(body, kind="marked") as origin:
        body_file = Path(folder) / "movie.json"
        body_file.write_bytes(body)
        for count in options.counts:
            runs = [
                run_side(options.side, origin, body_file, count, options.concurrency, SAMPLES)
                for _ in range(options.rounds if count == min(options.counts) else 1)
            ]
            medians = {
                name: statistics.median(run[name] for run in runs)
                for name in ("requests_per_second", "cpu_ms", "max_mb", "end_mb")
            }
            print(
                f"| {count:,} | {medians['requests_per_second']:,.0f} | {medians['cpu_ms']:.2f} | "
                f"{medians['max_mb']:.0f} | {medians['end_mb']:.0f} |",
                flush=True,
            )
            if options.plot is not None and count == max(options.counts):
                rates, memory = points_of(runs[0]["samples"])
                lines = [Line("requests/s", rates, "#d62728"), Line("MB", memory, "#1f77b4")]
                panel = Panel(f"{count:,} ids", lines)
                write_svg(options.plot, [panel], x_label="thousand ids", y_label="requests/s, MB")


if __name__ == "__main__":
    main()
