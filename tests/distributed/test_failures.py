"""Workers in processes of their own that are killed, stopped and halted, and a server that goes away."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.coroutines import coroutine_test
from tests.distributed.conftest import TODAY, Fleet
from tests.distributed.spiders import Movies
from tests.patience import until
from tests.storage.private_postgres import private_server
from tmdbfusion_scrapy.crawling.source_spider import ExitStatus

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
HEARTBEAT = 3.0
HELD = 120
"""Requests that a worker has sent and not stored, or is about to send, at most."""

pytestmark = pytest.mark.slow


@pytest.fixture
def fleet(postgres_with_tables: str, tmdb_sandbox_factory: Any) -> Fleet:
    """Crawls of a sandbox of 500 movies."""
    sandbox = tmdb_sandbox_factory(movies=500, today=TODAY, latency=0.01, keep_requests=10**5)
    return Fleet(sandbox, postgres_with_tables)


@pytest.fixture
def workers(tmp_path: Path) -> Iterator[Workers]:
    """Workers, of which none is left when the test ends."""
    (tmp_path / "scrapy.cfg").write_text("[settings]\ndefault = settings\n")
    (tmp_path / "settings.py").write_text('SPIDER_MODULES = ["tests.distributed.spiders"]\n')
    found = Workers(tmp_path)
    yield found
    for process in found.processes:
        process.kill()
        process.wait()


class Workers:
    """Worker processes in a folder with a project."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.processes: list[subprocess.Popen[bytes]] = []

    def start(self, fleet: Fleet) -> subprocess.Popen[bytes]:
        """Start a worker as a user does."""
        settings = fleet.settings(
            TMDB_JOB_HEARTBEAT=HEARTBEAT,
            TMDB_REQUESTS_PER_SECOND=40,
            TWISTED_REACTOR_ENABLED=False,
        )
        command = [sys.executable, "-m", "scrapy", "tmdb-worker", "movies"]
        for name, value in settings.items():
            command += ["-s", f"{name}={value}"]
        with self.log.open("ab") as log:
            environment = {**os.environ, "PYTHONPATH": str(ROOT)}
            process = subprocess.Popen(command, cwd=self.folder, stdout=log, stderr=log, env=environment)
        self.processes.append(process)
        return process

    @property
    def log(self) -> Path:
        return self.folder / "workers.log"

    async def end(self, *processes: subprocess.Popen[bytes]) -> list[int]:
        """Wait for the end of workers, and return their exit statuses."""
        return [await asyncio.to_thread(process.wait, 180) for process in processes]

    def text(self) -> str:
        """What they have logged."""
        return self.log.read_text()


def assert_whole(fleet: Fleet, again: int) -> None:
    """All that is listed is stored, the run and the watermark are there once, and little was fetched twice."""
    stored = fleet.stored()
    assert fleet.runs() == [("movies", len(stored), True)]
    asked = fleet.asked()
    assert set(asked) == stored
    assert asked.total() - len(stored) <= again
    assert fleet.select("SELECT count(*) FROM tmdb_watermarks WHERE name = 'movies/changes'") == [(1,)]
    assert fleet.select("SELECT count(*) FROM tmdb_failures") == [(0,)]
    assert fleet.select("SELECT count(*) FROM movies WHERE deleted_at IS NOT NULL") == [(0,)]
    assert fleet.select("SELECT count(*) FROM tmdb_pgqueuer") == [(0,)]


async def begin(fleet: Fleet, workers: Workers, number: int = 2) -> list[subprocess.Popen[bytes]]:
    """Enqueue all movies, start workers, and wait until both have stored something."""
    await fleet.enqueue(Movies, source="export")
    started = [workers.start(fleet) for _ in range(number)]
    await until(lambda: fleet.select("SELECT count(*) FROM tmdb_workers") == [(number,)])
    await until(lambda: len(fleet.stored()) > 60)
    return started


@coroutine_test
async def test_what_a_killed_worker_held_is_taken_up(fleet, workers):
    killed, other = await begin(fleet, workers)
    killed.send_signal(signal.SIGKILL)
    assert await workers.end(other) == [ExitStatus.DONE], workers.text()
    assert_whole(fleet, again=HELD)


@coroutine_test
async def test_all_are_killed_and_started_again(fleet, workers):
    for process in await begin(fleet, workers):
        process.send_signal(signal.SIGKILL)
    again = workers.start(fleet), workers.start(fleet)
    assert await workers.end(*again) == [ExitStatus.DONE] * 2, workers.text()
    assert_whole(fleet, again=2 * HELD)


@coroutine_test
async def test_a_worker_that_is_stopped_gives_back_what_it_has(fleet, workers):
    started = await begin(fleet, workers)
    for process in started:
        process.send_signal(signal.SIGTERM)
    assert await workers.end(*started) == [ExitStatus.LEFT] * 2, workers.text()
    assert fleet.select("SELECT DISTINCT status::text FROM tmdb_pgqueuer") == [("queued",)]
    assert fleet.select("SELECT count(*) FROM tmdb_workers") == [(0,)]
    assert await workers.end(workers.start(fleet)) == [ExitStatus.DONE], workers.text()
    assert_whole(fleet, again=0)


@coroutine_test
async def test_a_worker_that_stands_still_and_wakes(tmdb_sandbox_factory, workers):
    # It may hold the lock of those that write for a minute, which is one for a database.
    with private_server() as server:
        sandbox = tmdb_sandbox_factory(movies=500, today=TODAY, latency=0.01, keep_requests=10**5)
        fleet = Fleet(sandbox, server.url)
        halted, other = await begin(fleet, workers)
        halted.send_signal(signal.SIGSTOP)
        await until(lambda: "Run 1 is finished" in workers.text(), seconds=240)
        halted.send_signal(signal.SIGCONT)
        assert await workers.end(halted, other) == [ExitStatus.DONE] * 2, workers.text()
        assert_whole(fleet, again=HELD)


@coroutine_test
async def test_workers_wait_for_postgresql(tmdb_sandbox_factory, workers):
    with private_server() as server:
        sandbox = tmdb_sandbox_factory(movies=500, today=TODAY, latency=0.01, keep_requests=10**5)
        fleet = Fleet(sandbox, server.url)
        started = await begin(fleet, workers)
        await asyncio.to_thread(server.stop)
        await asyncio.sleep(2 * HEARTBEAT)
        await asyncio.to_thread(server.start)
        assert await workers.end(*started) == [ExitStatus.DONE] * 2, workers.text()
        assert "cannot be" in workers.text()
        assert_whole(fleet, again=2 * HELD)
