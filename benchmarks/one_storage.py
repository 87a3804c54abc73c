"""One side of ``storage.py`` in this process, printed as JSON."""

from __future__ import annotations

import argparse
import gc
import json
import tempfile
import time
from pathlib import Path
from typing import Any

from one_crawl import resident_mb
from storage_documents import movies
from storage_sides import EACH, PIPELINES, SIDES, open_side

from tmdbfusion_scrapy.models import MovieDetails, decode

PORTION = 2000
"""Movies that are decoded before the clock runs: all of them would take more memory than what is measured."""


def run(side: str, count: int, postgresql_url: str) -> dict[str, Any]:
    """Store movies, twice where it makes a difference; records a second, CPU each, and memory."""
    result: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        opened = open_side(side, Path(folder), postgresql_url)
        for edition in (1, 2) if side in (*PIPELINES, *EACH) else (1,):
            seconds = cpu = 0.0
            memory = []
            for first in range(1, count + 1, PORTION):
                part = min(PORTION, count + 1 - first)
                decoded = [decode(body, MovieDetails) for body in movies(first, part, edition=edition)]
                records = opened.prepare(decoded)
                # A crawl does not hold two thousand decoded movies for the collector to go through.
                gc.collect()
                gc.freeze()
                started = time.perf_counter(), time.process_time()
                opened.store(records)
                if edition == 1 and first + part > count and side not in (*PIPELINES, *EACH):
                    opened.close()
                seconds += time.perf_counter() - started[0]
                cpu += time.process_time() - started[1]
                memory.append(resident_mb())
                gc.unfreeze()
            result["insert" if edition == 1 else "upsert"] = {
                "per_second": count / seconds,
                "cpu_ms": cpu / count * 1000,
                "first_mb": memory[0],
                "last_mb": memory[-1],
            }
        if side in (*PIPELINES, *EACH):
            opened.close()
    return result


def main() -> None:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("side", choices=SIDES)
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--postgresql-url", default="")
    options = parser.parse_args()
    print(json.dumps(run(options.side, options.count, options.postgresql_url)))


if __name__ == "__main__":
    main()
