"""How long storage holds the event loop: a monitor in the loop that the records come from.

    python benchmarks/storage_loop.py sqlite:////tmp/tmdb.db --case movies --seconds 20

The monitor sleeps for a millisecond and notes by how much it woke late; each time it also notes how long the loop
takes from one turn to the next. The same records come without storage, in turns with those that are stored, so
that the noise of the machine can be told from what storage does.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import time
from itertools import cycle
from typing import TYPE_CHECKING, Any

from storage_documents import movies, series

from tmdbfusion_scrapy.models import MovieDetails, TVDetails, decode
from tmdbfusion_scrapy.storage.sql import DatabaseOptions
from tmdbfusion_scrapy.storage.writer import Writer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

CASES = ("rate", "movies", "series")
"""40 movies a second; movies as fast as the database takes them; series with 1,464 episodes, likewise."""

_PAUSE = 0.001


async def watch(found: list[float], turns: list[float]) -> None:
    """Note for ever how late the loop wakes a task, and how long it takes to its next turn, in seconds."""
    clock = time.perf_counter
    while True:
        start = clock()
        await asyncio.sleep(_PAUSE)
        end = clock()
        found.append(end - start - _PAUSE)
        await asyncio.sleep(0)
        turns.append(clock() - end)


async def feed(
    records: Sequence[Any], put: Callable[[Any], Awaitable[None]], pause: float, seconds: float
) -> int:
    """Hand records over for some seconds; how many."""
    end = time.perf_counter() + seconds
    number = 0
    for record in cycle(records):
        await put(record)
        number += 1
        await asyncio.sleep(pause)
        if time.perf_counter() > end:
            break
    return number


async def drop(_record: Any) -> None:
    """Store nothing."""


def summary(samples: list[float]) -> dict[str, float]:
    """Milliseconds at the middle, at the 99th percentile, and the longest."""
    ordered = sorted(samples)
    return {
        "samples": len(ordered),
        "median": ordered[len(ordered) // 2] * 1000,
        "p99": ordered[len(ordered) * 99 // 100] * 1000,
        "longest": ordered[-1] * 1000,
    }


def records_of(case: str) -> list[Any]:
    """The records of a case."""
    if case == "series":
        return [decode(series(number), TVDetails) for number in range(1, 9)]
    return [decode(body, MovieDetails) for body in movies(1, 2000)]


async def measure(url: str, case: str, seconds: float, rounds: int) -> dict[str, Any]:
    """Alternate between storage and none; how late the loop was in both."""
    records = records_of(case)
    # What the crawl holds anyway is not looked through again and again.
    gc.collect()
    gc.freeze()
    pause = 1 / 40 if case == "rate" else 0.0
    late: dict[str, tuple[list[float], list[float]]] = {"without": ([], []), "with": ([], [])}
    stored, cpu, wall = 0, dict.fromkeys(late, 0.0), 0.0
    for _ in range(rounds):
        for side, (found, turns) in late.items():
            monitor = asyncio.ensure_future(watch(found, turns))
            started = time.perf_counter(), time.process_time()
            if side == "with":
                writer = Writer(DatabaseOptions(url), on_batch=_ignore, on_wait=_fail, on_failure=_fail)
                await writer.start()
                stored += await feed(records, writer.put, pause, seconds)
                await writer.close()
                wall += time.perf_counter() - started[0]
            else:
                await feed(records, drop, pause or 0.001, seconds)
            cpu[side] += (time.process_time() - started[1]) / (time.perf_counter() - started[0]) / rounds
            monitor.cancel()
    sides = {side: {"late": summary(found), "turn": summary(turns)} for side, (found, turns) in late.items()}
    return {"case": case, "stored": stored, "per_second": stored / wall, "cpu": cpu, **sides}


def _ignore(_result: Any) -> None:
    """A batch is stored."""


def _fail(reason: str) -> None:
    """Nothing of this may happen here."""
    raise RuntimeError(reason)


def main() -> None:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("url")
    parser.add_argument("--case", choices=CASES, default="movies")
    parser.add_argument("--seconds", type=float, default=10, help="of each side in each round")
    parser.add_argument("--rounds", type=int, default=2)
    options = parser.parse_args()
    print(json.dumps(asyncio.run(measure(options.url, options.case, options.seconds, options.rounds))))


if __name__ == "__main__":
    main()
