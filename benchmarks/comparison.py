"""The same movies into SQLite by this package and by others, side by side in one run: docs/comparison.md.

The others are installed beside this package, in an environment of their own; tmdbfusion needs Python 3.13:

    python3.13 -m venv /tmp/peers
    /tmp/peers/bin/pip install . aiohttp "dlt[sqlalchemy]==1.31.0" themoviedb==2.0.2 tmdbfusion==0.2.0
    /tmp/peers/bin/python benchmarks/comparison.py             # 1000 movies, 3 rounds
    /tmp/peers/bin/python benchmarks/comparison.py --faults    # one round with faults

Each tool runs in a process of its own, in turn, against one sandbox on loopback: movies with credits and
keywords, 18 KB of JSON each, 16 requests at a time, without a rate limit. It does so twice: for 20 movies, which
is its start, and for all of them; what a movie takes is the difference, divided by the number of the others.
Imports are no part of it. With ``--faults`` the sandbox takes 40 requests a second, as TMDB does, and spoils some
answers by chance; this package has its default rate limit then.
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
from tmdbfusion_scrapy.rate_limit import DEFAULT_REQUESTS_PER_SECOND
from tmdbfusion_scrapy.sandbox import SandboxProcess

FAULTS = {
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
LONGEST = 300
"""Seconds that a tool may take."""

FEW = 20
"""Movies of a run that is hardly more than the start."""

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


def run_tool(tool: str, url: str, ids: list[int], concurrency: int, rate: float = 0) -> dict[str, Any] | None:
    """Run a tool in a process of its own; None where it did not end."""
    script = Path(__file__).resolve().with_name("one_comparison.py")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "ids.json"
        file.write_text(json.dumps(ids))
        command = [
            sys.executable,
            str(script),
            tool,
            url.removesuffix("/3"),
            str(file),
            f"{folder}/movies.db",
        ]
        command += [f"--concurrency={concurrency}", f"--rate={rate}"]
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


def measured(tool: str, url: str, ids: list[int], concurrency: int) -> dict[str, Any]:
    """Run a tool for a few movies and for all: what the start and a movie take."""
    start, whole = (run_tool(tool, url, some, concurrency) for some in (ids[:FEW], ids))
    if start is None or whole is None:
        raise SystemExit(f"{tool} did not end within {LONGEST} s")
    more = len(ids) - FEW
    return whole | {
        "start": start["cpu"],
        **{f"{name}_ms": (whole[name] - start[name]) / more * 1000 for name in ("wall", "cpu")},
    }


def median(runs: list[dict[str, Any]], name: str) -> float:
    """The median of a figure."""
    return float(statistics.median(run[name] for run in runs))


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
    with SandboxProcess(arguments) as sandbox:
        ids = asyncio.run(existing_ids(sandbox.base_url, options.count))
        if not options.faults:
            compare(tools, sandbox.base_url, ids, options)
    if options.faults:
        faults = ",".join(f"{name}={share}" for name, share in FAULTS.items())
        print(f"\n{len(ids)} movies, {options.concurrency} at a time; {faults}\n")
        print("| tool | lost | seconds | errors |\n|---|---:|---:|---|")
        for tool in tools:
            # A new one for each, so that each meets the same faults.
            limited = [*arguments, "--faults", faults, "--rate-limit", "40"]
            with SandboxProcess(limited) as sandbox:
                run = run_tool(tool, sandbox.base_url, ids, options.concurrency, DEFAULT_REQUESTS_PER_SECOND)
                print(row_of_faults(tool, run, len(ids)), flush=True)


def compare(tools: list[str], url: str, ids: list[int], options: argparse.Namespace) -> None:
    """Run all tools in turn, and print the medians."""
    runs: dict[str, list[dict[str, Any]]] = {tool: [] for tool in tools}
    for _ in range(options.rounds):
        for tool in tools:
            runs[tool].append(measured(tool, url, ids, options.concurrency))
    print(f"\n{len(ids)} movies, {options.concurrency} at a time, median of {options.rounds} rounds\n")
    print("| tool | CPU ms a movie | ms a movie | start, CPU s | most MB | stored | lost |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    for tool, found in runs.items():
        stored = round(median(found, "stored"))
        cells = [
            tool,
            f"{median(found, 'cpu_ms'):.2f}",
            f"{median(found, 'wall_ms'):.2f}",
            f"{median(found, 'start'):.2f}",
            f"{median(found, 'max_mb'):.0f}",
            f"{stored:,}",
            f"{len(ids) - stored:,}",
        ]
        print(f"| {' | '.join(cells)} |")


def row_of_faults(tool: str, run: dict[str, Any] | None, asked: int) -> str:
    """The row of a tool that met faults."""
    if run is None:
        return f"| {tool} | | | did not end within {LONGEST} s |"
    errors = ", ".join(f"{number} {name}" for name, number in sorted(run["errors"].items()))
    return f"| {tool} | {asked - run['stored']:,} | {run['wall']:.0f} | {errors} |"


if __name__ == "__main__":
    main()
