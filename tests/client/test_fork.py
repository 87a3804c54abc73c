"""A client that was used before a fork begins anew in the child: no child gets another's records."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.client.driving import CONTEXT, TOKEN, Script, answer
from tests.coroutines import coroutine_test
from tests.transport.server import hang
from tests.transport.test_fork import in_child
from tmdbfusion_scrapy import AsyncTMDBClient, TMDBClient

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")


async def movie(connection, seen):
    number = seen.target.rpartition("/")[2]
    connection.respond(b'{"id": %s, "title": "movie %s"}' % (number.encode(), number.encode()))


@pytest.fixture
def url(server) -> str:
    server.script_for = lambda path: movie
    return f"{server.url}/3"


def arguments(url: str, **more: Any) -> dict[str, Any]:
    return {"token": TOKEN, "base_url": url, "requests_per_second": None, "max_connections": 4, **more}


def wrong_of(client: TMDBClient, first: int, count: int = 15) -> list[int]:
    """Which of some movies came as another."""
    return [n for n in range(first, first + count) if client.movies.details(n).title != f"movie {n}"]


@pytest.mark.parametrize("rate", [None, 1000])
def test_children_of_a_busy_parent(url, rate):
    with TMDBClient(**arguments(url, requests_per_second=rate, verify=CONTEXT)) as client:
        assert wrong_of(client, 1) == []
        stop = threading.Event()

        def work(first: int) -> list[int]:
            wrong = []
            while not stop.is_set():
                wrong += wrong_of(client, first, 5)
            return wrong

        with ThreadPoolExecutor(4) as threads:
            working = [threads.submit(work, 1000 * number) for number in range(1, 5)]
            try:
                said = [
                    in_child(lambda number=number: str(wrong_of(client, 10_000 * number)))
                    for number in range(1, 6)
                ]
            finally:
                stop.set()
            assert said == ["[]"] * 5
            assert [each.result(60) for each in working] == [[]] * 4


@coroutine_test
async def test_an_asyncio_client_in_a_loop_of_the_child(url):
    async def fetch(first: int) -> list[int]:
        movies = await client.gather((client.movies.details(n) for n in range(first, first + 20)), limit=10)
        return [each.id for each in movies if each.title != f"movie {each.id}"]

    async def fetch_and_close(first: int) -> list[int]:
        async with client:
            return await fetch(first)

    async with AsyncTMDBClient(**arguments(url, verify=CONTEXT)) as client:
        assert await fetch(1) == []
        for first in (100, 200):
            # In a thread, for asyncio runs no second loop inside of a running one.
            run = lambda first=first: str(asyncio.run(fetch_and_close(first)))  # noqa: E731
            assert await asyncio.to_thread(in_child, run) == "[]"
        assert await fetch(300) == []


def serve_from(client: TMDBClient, first: int, queue: Any) -> None:
    queue.put(wrong_of(client, first))


def test_workers_forked_after_the_client_was_used(url):
    """As a server does that loads its application before it forks its workers."""
    client = TMDBClient(**arguments(url, verify=CONTEXT))
    assert wrong_of(client, 1) == []
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        workers = [
            context.Process(target=serve_from, args=(client, 1000 * number, queue)) for number in range(1, 5)
        ]
        for worker in workers:
            worker.start()
    assert [queue.get(timeout=60) for _ in workers] == [[]] * 4
    for worker in workers:
        worker.join(60)
    assert wrong_of(client, 9000) == []
    client.close()


def make_and_fetch(url: str, first: int, queue: Any) -> None:
    with TMDBClient(**arguments(url)) as client:
        queue.put(wrong_of(client, first, 3))


def test_spawned_workers_make_their_own(url):
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    workers = [
        context.Process(target=make_and_fetch, args=(url, 1000 * number, queue)) for number in range(1, 3)
    ]
    for worker in workers:
        worker.start()
    assert [queue.get(timeout=60) for _ in workers] == [[]] * 2
    for worker in workers:
        worker.join(60)


def test_a_child_does_not_warn_of_its_parents_clients(url):
    client = TMDBClient(**arguments(url, verify=CONTEXT))
    client.movies.details(1)

    def child() -> str:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            client.__del__()
        return str([str(one.message) for one in caught])

    assert in_child(child) == "[]"
    client.close()


@coroutine_test
async def test_images_that_the_parent_is_asking_for(server):
    images = b'{"images":{"secure_base_url":"https://image.example/t/p/","poster_sizes":["w500","original"]}}'
    server.scripts["/3/configuration"] = Script(hang, answer(images))
    async with AsyncTMDBClient(**arguments(f"{server.url}/3", verify=CONTEXT)) as client:
        asking = asyncio.ensure_future(client.images.url("/a.jpg", "w500"))
        await server.received(1)
        ask = lambda: asyncio.run(client.images.url("/a.jpg", "w500"))  # noqa: E731
        assert await asyncio.to_thread(in_child, ask) == "https://image.example/t/p/w500/a.jpg"
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        assert await client.images.url("/a.jpg", "w500") == "https://image.example/t/p/w500/a.jpg"


def test_a_closed_client_holds_nobody_back_in_a_child(url):
    slow = TMDBClient(**arguments(url, requests_per_second=0.01))
    assert wrong_of(slow, 1, 1) == []
    slow.close()
    with TMDBClient(**arguments(url)) as client:
        assert wrong_of(client, 1, 1) == []

        def limited() -> str:
            with TMDBClient(**arguments(url, requests_per_second=1000)) as other:
                return str(wrong_of(other, 2, 5))

        # At the rate of the slow one it would take 500 seconds.
        assert in_child(limited) == "[]"


def test_a_client_that_a_child_closes_holds_nobody_back_there(url):
    with TMDBClient(**arguments(url, requests_per_second=0.01)) as slow:
        assert wrong_of(slow, 1, 1) == []

        def limited() -> str:
            slow.close()
            with TMDBClient(**arguments(url, requests_per_second=1000)) as other:
                return str(wrong_of(other, 2, 5))

        assert in_child(limited) == "[]"
