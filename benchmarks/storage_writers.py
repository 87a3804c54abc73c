"""Full movies that several processes store in one PostgreSQL database at the same time.

    python benchmarks/storage_writers.py postgresql://postgres@127.0.0.1/postgres
    python benchmarks/storage_writers.py postgresql://postgres@127.0.0.1/postgres --writers 8 --movies 4000

Each writer has movies of its own, of 20 KB with 72 rows each, which name the same people, companies and keywords.
They are decoded before the clock runs. The tables are in a schema of their own, which is dropped at the end. The
server's CPU is read from ``/proc``, so it has to be on this machine.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import psycopg
from storage_documents import movies
from storage_sides import Pipeline

from tmdbfusion_scrapy.models import MovieDetails, decode
from tmdbfusion_scrapy.storage import check_database

SCHEMA = "tmdb_writers"


def write(url: str, first: int, count: int) -> None:
    """Be a writer: decode, say so, wait for the word, store, and say what it took."""
    pipeline = Pipeline(url)
    records = pipeline.prepare([decode(body, MovieDetails) for body in movies(first, count)])
    print("ready", flush=True)
    sys.stdin.readline()
    cpu = time.process_time()
    pipeline.store(records)
    print(time.process_time() - cpu, flush=True)


class Watch(threading.Thread):
    """Samples of what the connections of the writers wait for, and the CPU of their servers."""

    def __init__(self, url: str) -> None:
        super().__init__(daemon=True)
        self.connection = psycopg.connect(url, autocommit=True)
        self.active = self.locked = 0
        self.cpu: dict[int, float] = {}
        self.is_over = False

    def run(self) -> None:
        """Look twenty times a second."""
        while not self.is_over:
            rows = self.connection.execute(
                "SELECT pid, state = 'active', wait_event = 'advisory' FROM pg_stat_activity "
                "WHERE pid <> pg_backend_pid() AND datname = current_database()"
            )
            for pid, is_active, is_locked in rows:
                self.active += bool(is_active)
                self.locked += bool(is_locked)
                self.cpu[pid] = cpu_of(pid, self.cpu.get(pid, 0.0))
            time.sleep(0.05)


def cpu_of(pid: int, known: float) -> float:
    """Return the CPU seconds of a process, or what was known of one that has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return known
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure(url: str, writers: int, count: int) -> str:
    """Return a line of the table for so many writers."""
    each = count // writers
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE; CREATE SCHEMA {SCHEMA}")
    own = f"{url}{'&' if '?' in url else '?'}options=-csearch_path%3D{SCHEMA}"
    check_database(own)
    children = [
        subprocess.Popen(
            [sys.executable, __file__, own, "--write", str(1 + each * number), str(each)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(writers)
    ]
    for child in children:
        assert child.stdout is not None  # noqa: S101 - a pipe
        child.stdout.readline()
    watch = Watch(url)
    before = {
        pid: cpu_of(pid, 0.0) for (pid,) in watch.connection.execute("SELECT pid FROM pg_stat_activity")
    }
    watch.start()
    begun = time.perf_counter()
    for child in children:
        assert child.stdin is not None  # noqa: S101 - a pipe
        child.stdin.write("\n")
        child.stdin.flush()
    cpu = sum(float(child.communicate()[0]) for child in children)
    seconds = time.perf_counter() - begun
    watch.is_over = True
    watch.join()
    server = sum(used - before.get(pid, 0.0) for pid, used in watch.cpu.items())
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"SET search_path TO {SCHEMA}")
        (stored,) = connection.execute("SELECT count(*) FROM movies WHERE fetched_at IS NOT NULL")
        connection.execute(f"DROP SCHEMA {SCHEMA} CASCADE")
    assert stored[0] == each * writers, stored  # noqa: S101 - else nothing was measured
    return (
        f"| {writers} | {each * writers / seconds:.0f} | {watch.locked / max(1, watch.active):.0%} "
        f"| {cpu / each / writers * 1000:.2f} | {server / each / writers * 1000:.2f} |"
    )


def main() -> None:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("url", help="URL of a database")
    parser.add_argument("--writers", type=int, action="append", help="default: 1, 2 and 4")
    parser.add_argument("--movies", type=int, default=4000, help="of all writers (default: %(default)s)")
    parser.add_argument("--write", type=int, nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.write:
        write(options.url, *options.write)
        return
    print("| writers | movies/s | waiting for the write lock | client CPU ms | server CPU ms |")
    print("|---:|---:|---:|---:|---:|", flush=True)
    for writers in options.writers or (1, 2, 4):
        print(measure(options.url, writers, options.movies), flush=True)


if __name__ == "__main__":
    main()
