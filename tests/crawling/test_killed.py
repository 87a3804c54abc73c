"""Crawls that are killed, again and again, at any moment: the same command goes on, and nothing is lost."""

from __future__ import annotations

import datetime
import gzip
import json
import random
import signal
import sqlite3
import subprocess
import time
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.scrapy_program import scrapy_program
from tmdbfusion_scrapy.sandbox import SandboxOptions, ThreadedSandbox

if TYPE_CHECKING:
    from collections.abc import Iterator

PROJECT = Path(__file__).parents[2] / "example_project"
KILLS = 20
MOVIES = 4500
IN_FLIGHT = 16
BATCH = 100

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def sandbox() -> Iterator[ThreadedSandbox]:
    """A sandbox that lives on when a crawl is killed."""
    options = SandboxOptions(
        movies=MOVIES, today=datetime.date(2026, 6, 1), latency=0.005, keep_requests=10**6
    )
    with ThreadedSandbox(options) as sandbox:
        yield sandbox


def start(sandbox: ThreadedSandbox, folder: Path) -> subprocess.Popen[bytes]:
    """Start the crawl as a user does."""
    settings = {
        "TMDB_API_URL": sandbox.base_url,
        "TMDB_EXPORTS_URL": sandbox.exports_url,
        "TMDB_ACCESS_TOKEN": "sandbox",
        "TMDB_DATABASE_URL": f"sqlite:///{folder / 'tmdb.db'}",
        "TMDB_DATABASE_BATCH_SIZE": BATCH,
        "TMDB_DATABASE_FLUSH_INTERVAL": 0.2,
        "TMDB_REQUESTS_PER_SECOND": 300,
        "CONCURRENT_REQUESTS": IN_FLIGHT,
        "TELNETCONSOLE_ENABLED": False,
    }
    command = [*scrapy_program(), "crawl", "tmdb_movies", "-a", "source=export", "-a", "day=2026-06-01"]
    for name, value in settings.items():
        command += ["-s", f"{name}={value}"]
    with (folder / "crawl.log").open("ab") as log:
        return subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, stderr=log)


def stored(folder: Path) -> set[int]:
    """Ids of the movies that were fetched."""
    path = folder / "tmdb.db"
    if not path.exists():
        return set()
    with closing(sqlite3.connect(path)) as connection:
        try:
            return {
                key for (key,) in connection.execute("SELECT id FROM movies WHERE fetched_at IS NOT NULL")
            }
        except sqlite3.OperationalError:
            # Killed before the tables were there.
            return set()


def assert_whole(folder: Path) -> None:
    """Every record that is visible has all that belongs to it."""
    with closing(sqlite3.connect(folder / "tmdb.db")) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        links = Counter(key for (key,) in connection.execute("SELECT movie_id FROM movie_genres"))
        companies = Counter(key for (key,) in connection.execute("SELECT movie_id FROM movie_companies"))
        for key, raw in connection.execute("SELECT id, raw FROM movies WHERE fetched_at IS NOT NULL"):
            body = json.loads(raw)
            assert links[key] == len({genre["id"] for genre in body["genres"]})
            assert companies[key] == len({company["id"] for company in body["production_companies"]})


def listed(sandbox: ThreadedSandbox) -> set[int]:
    """Ids of the export."""
    body = httpx.get(f"{sandbox.exports_url}/movie_ids_06_01_2026.json.gz", trust_env=False).content
    return {json.loads(line)["id"] for line in gzip.decompress(body).splitlines()}


def requests_by_id(sandbox: ThreadedSandbox) -> Counter[int]:
    """How often each movie was asked for."""
    counts: Counter[int] = Counter()
    for request in sandbox.requests:
        name, _, key = request.path.removeprefix("/3/").partition("/")
        if name == "movie" and key.isdecimal():
            counts[int(key)] += 1
    return counts


def test_a_crawl_that_is_killed_goes_on(sandbox: ThreadedSandbox, tmp_path: Path) -> None:
    moments = random.Random(20)
    kills = 0
    seen: set[int] = set()
    while kills < KILLS:
        process = start(sandbox, tmp_path)
        # Import and start take a while; then kills fall into requests, batches and flushes alike.
        deadline = time.monotonic() + 300
        while process.poll() is None and stored(tmp_path) == seen and time.monotonic() < deadline:
            time.sleep(0.02)
        time.sleep(moments.uniform(0, 0.4))
        if process.poll() is not None:
            process.communicate()
            break
        process.send_signal(signal.SIGKILL)
        process.communicate()
        kills += 1
        now = stored(tmp_path)
        assert seen <= now
        seen = now
        assert_whole(tmp_path)
    log = (tmp_path / "crawl.log").read_text()
    assert kills == KILLS, log[-2000:]

    wanted = listed(sandbox)
    last = start(sandbox, tmp_path)
    last.communicate(timeout=240)
    assert last.returncode == 0
    log = (tmp_path / "crawl.log").read_text()
    assert log.count("Going on with the run begun at") >= KILLS - 1
    assert stored(tmp_path) == wanted
    assert_whole(tmp_path)
    # What was in flight, or waited for its batch, is all that was asked for twice.
    counts = requests_by_id(sandbox)
    assert set(counts) == wanted
    at_risk = IN_FLIGHT + 3 * BATCH
    assert sum(counts.values()) - len(wanted) <= KILLS * at_risk
