"""Threads that use record classes for the first time at once; what goes wrong ends the process."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.transport.server import running

DECODING = """
import sys, threading
from concurrent.futures import ThreadPoolExecutor
from tmdbfusion_scrapy.models import (
    MovieDetails, Page, PersonDetails, SeasonDetails, TVDetails, decode)
from tmdbfusion_scrapy.models.list_items import MediaItem

BODIES = (
    (TVDetails, b'{"id": 1, "seasons": [{"id": 2}], "genres": [{"id": 3}], "networks": [{"id": 4}]}'),
    (MovieDetails, b'{"id": 1, "genres": [{"id": 3}], "production_companies": [{"id": 4}]}'),
    (PersonDetails, b'{"id": 1, "combined_credits": {"cast": [{"id": 2}], "crew": [{"id": 3}]}}'),
    (SeasonDetails, b'{"id": 1, "episodes": [{"id": 2, "crew": [{"id": 3}]}]}'),
    (Page[MediaItem], b'{"page": 1, "results": [{"id": 2, "known_for": [{"id": 3}]}]}'),
)
barrier = threading.Barrier(8)

def work(number):
    barrier.wait()
    for place in range(5):
        model, body = BODIES[(number + place) % 5]
        for _ in range(10):
            record = decode(body, model)
        # The lenient way, too.
        assert decode(body.replace(b"1", b'"1"', 1), model) == record

with ThreadPoolExecutor(8) as pool:
    list(pool.map(work, range(8)))
print("alive")
"""

SHARED_CLIENT = """
import sys
from concurrent.futures import ThreadPoolExecutor
from tmdbfusion_scrapy import TMDBClient

with TMDBClient("x" * 32, base_url=sys.argv[1], requests_per_second=None) as client:
    with ThreadPoolExecutor(8) as pool:
        assert [movie.id for movie in pool.map(client.movies.details, range(1, 33))] == list(range(1, 33))
print("alive")
"""

CLIENT_A_THREAD = """
import asyncio, sys
from concurrent.futures import ThreadPoolExecutor
from tmdbfusion_scrapy import AsyncTMDBClient, TMDBClient

def blocking(number):
    with TMDBClient("x" * 32, base_url=sys.argv[1], requests_per_second=None) as client:
        return client.tv.details(number).id

def in_a_loop(number):
    async def run():
        async with AsyncTMDBClient("x" * 32, base_url=sys.argv[1], requests_per_second=None) as client:
            return (await client.people.details(number)).id
    return asyncio.run(run())

with ThreadPoolExecutor(8) as pool:
    found = [pool.submit(work, number) for number in range(1, 9) for work in (blocking, in_a_loop)]
    assert [one.result() for one in found] == [number for number in range(1, 9) for _ in "ab"]
print("alive")
"""


def deaths(count: int, script: str, *arguments: str) -> list[tuple[int, str]]:
    """Run a script so many times; the return codes and messages of those that did not come to their end."""
    ended = [
        subprocess.run(
            [sys.executable, "-c", script, *arguments],
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        for _ in range(count)
    ]
    return [(one.returncode, one.stderr[-500:]) for one in ended if one.stdout != "alive\n"]


def test_decoding_in_threads():
    assert deaths(3, DECODING) == []


@pytest.mark.slow
def test_decoding_in_threads_of_fifty_processes():
    assert deaths(50, DECODING) == []


def served(script: str, count: int) -> list[tuple[int, str]]:
    async def record(connection, seen):
        number = seen.target.partition("?")[0].rpartition("/")[2]
        connection.respond(
            b'{"id": %s, "genres": [{"id": 1}]}' % number.encode(),
            headers="Content-Type: application/json\r\n",
        )

    with running() as server:
        for number in range(1, 33):
            for kind in ("movie", "tv", "person"):
                server.scripts[f"/3/{kind}/{number}"] = record
        return deaths(count, script, f"{server.url}/3")


def test_clients_in_threads():
    assert served(SHARED_CLIENT, 1) == []
    assert served(CLIENT_A_THREAD, 1) == []


@pytest.mark.slow
@pytest.mark.parametrize("script", [SHARED_CLIENT, CLIENT_A_THREAD])
def test_clients_in_threads_of_many_processes(script):
    assert served(script, 12) == []
