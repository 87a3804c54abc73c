"""The same movies into SQLite by this package and by others, side by side in one run: docs/comparison.md.

The others are installed beside this package, in an environment of their own; tmdbfusion needs Python 3.13:

    python3.13 -m venv /tmp/peers
    /tmp/peers/bin/pip install . aiohttp "dlt[sqlalchemy]==1.31.0" themoviedb==2.0.2 tmdbfusion==0.2.0
    /tmp/peers/bin/python benchmarks/comparison.py             # 1000 movies, 3 rounds
    /tmp/peers/bin/python benchmarks/comparison.py --faults    # one round with faults

Each tool runs in a process of its own, in turn, against one sandbox on loopback: movies with credits and
keywords, 18 KB of JSON each, 16 requests at a time, without a rate limit. Time and CPU are from the first line
of the task to the closed database; starting Python is no part of it. With ``--faults`` the sandbox spoils some
answers by chance; a tool that has not ended after three minutes is ended.
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
import tempfile
from pathlib import Path
from typing import Any

import peers
from one_comparison import PARTS, TOOLS

from tmdbfusion_scrapy import AsyncTMDBClient
from tmdbfusion_scrapy.exceptions import NotFoundError
from tmdbfusion_scrapy.sandbox import SandboxProcess

FAULTS = {
    "429": 0.01,
    "500": 0.02,
    "timeout": 0.003,
    "reset-body": 0.005,
    "truncate": 0.005,
    "gzip-unlabelled": 0.005,
    "html": 0.005,
    "string-numbers": 0.01,
    "null-fields": 0.01,
    "unknown-fields": 0.01,
}
LONGEST = 180
NEEDS = {"themoviedb": "themoviedb", "tmdbfusion": "tmdbfusion", "dlt": "dlt"}
"""What has to be installed for a tool."""


async def existing_ids(url: str, number: int) -> list[int]:
    """The first ids that are there; the sandbox has their answers ready afterwards."""

    async def look(client: AsyncTMDBClient, movie_id: int) -> int | None:
        try:
            await client.movies.details(movie_id, append_to_response=PARTS.split(","))
        except NotFoundError:
            return None
        return movie_id

    async with AsyncTMDBClient("benchmark", base_url=url, requests_per_second=0) as client:
        found = await client.gather((look(client, each) for each in range(1, number * 11 // 10)), limit=16)
    return [movie_id for movie_id in found if movie_id is not None][:number]


def run_tool(tool: str, origin: str, ids: Path, concurrency: int) -> dict[str, Any] | None:
    """Run a tool in a process of its own; None where it did not end."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, str(Path(__file__).with_name("one_comparison.py")), tool, origin, str(ids)]
        command += [f"{folder}/movies.db", f"--concurrency={concurrency}"]
        try:
            done = subprocess.run(
                command, cwd=folder, check=False, capture_output=True, text=True, timeout=LONGEST
            )
        except subprocess.TimeoutExpired:
            return None
    if done.returncode:
        raise SystemExit(f"{tool} ended with status {done.returncode}\n{done.stderr}")
    result: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return result


def median(runs: list[dict[str, Any]], name: str) -> float:
    """The median of a figure."""
    return statistics.median(float(run[name]) for run in runs)


def main() -> None:
    """Read the arguments, run all tools, print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=1000, help="movies (default: %(default)s)")
    parser.add_argument("--concurrency", type=int, default=16, help="default: %(default)s")
    parser.add_argument("--rounds", type=int, default=3, help="default: %(default)s")
    parser.add_argument("--tools", nargs="+", choices=TOOLS, help="only these")
    parser.add_argument("--faults", action="store_true", help="one round in which some answers are spoilt")
    options = parser.parse_args()
    tools = [
        tool
        for tool in options.tools or TOOLS
        if tool not in NEEDS or peers.version_of(NEEDS[tool]) is not None
    ]
    names = ("scrapy", "themoviedb", "tmdbfusion", "dlt", "sqlalchemy", "aiohttp", "httpx")
    versions = ", ".join(f"{name} {peers.version_of(name)}" for name in names if peers.version_of(name))
    print(f"Python {platform.python_version()}, {os.cpu_count()} CPUs; {versions}")
    arguments = ["--movies", "10000", "--today", "2026-06-01"]
    faults = ["--faults", ",".join(f"{name}={share}" for name, share in FAULTS.items())]
    runs: dict[str, list[dict[str, Any] | None]] = {tool: [] for tool in tools}
    with tempfile.TemporaryDirectory() as folder:
        ids = Path(folder) / "ids.json"
        with SandboxProcess(arguments) as sandbox:
            ids.write_text(json.dumps(asyncio.run(existing_ids(sandbox.base_url, options.count))))
            for _ in range(0 if options.faults else options.rounds):
                for tool in tools:
                    origin = sandbox.base_url.removesuffix("/3")
                    runs[tool].append(run_tool(tool, origin, ids, options.concurrency))
        for tool in tools if options.faults else []:
            # A new one for each, so that the same requests are struck.
            with SandboxProcess([*arguments, *faults]) as sandbox:
                origin = sandbox.base_url.removesuffix("/3")
                runs[tool].append(run_tool(tool, origin, ids, options.concurrency))
    print(
        f"\n{options.count} movies, {options.concurrency} at a time, median of {len(runs[tools[0]])} rounds\n"
    )
    print("| tool | stored | lost | wall ms a movie | CPU ms a movie | most MB | errors |")
    print("|---|---:|---:|---:|---:|---:|---|")
    for tool, found in runs.items():
        ended = [run for run in found if run is not None]
        if not ended:
            print(f"| {tool} | | | | | | did not end within {LONGEST} s |")
            continue
        stored = round(median(ended, "stored"))
        errors = ", ".join(f"{number} {name}" for name, number in sorted(ended[-1]["errors"].items()))
        figures = (
            f"{median(ended, 'wall_ms'):.2f} | {median(ended, 'cpu_ms'):.2f} | {median(ended, 'max_mb'):.0f}"
        )
        print(f"| {tool} | {stored:,} | {options.count - stored:,} | {figures} | {errors} |")


if __name__ == "__main__":
    main()
