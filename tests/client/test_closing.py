"""A client that is closed while calls are under way: each ends with the error that the documentation names."""

from __future__ import annotations

import asyncio
import threading

import pytest

from tests.client.driving import CONTEXT, TOKEN, answer
from tests.coroutines import coroutine_test
from tests.transport.server import hang
from tmdbfusion_scrapy import AsyncTMDBClient, TMDBClient
from tmdbfusion_scrapy.exceptions import TMDBError


async def begin(connection, seen):
    connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{")
    await connection.hang()


@pytest.mark.parametrize("script", [hang, begin])
def test_from_another_thread(server, script):
    server.script_for = lambda path: script
    client = TMDBClient(
        TOKEN,
        base_url=f"{server.url}/3",
        verify=CONTEXT,
        max_connections=2,
        requests_per_second=None,
        timeout=120,
    )
    ended = []

    def call():
        with pytest.raises(RuntimeError, match="closed") as caught:
            client.movies.details(550)
        ended.append(caught.value)

    # Two are under way, two wait for a connection.
    threads = [threading.Thread(target=call, daemon=True) for _ in range(4)]
    for thread in threads:
        thread.start()
    server.wait_requests(2)
    client.close()
    for thread in threads:
        thread.join(60)
    server.call(drop(server))
    assert len(ended) == 4


async def drop(server):
    for connection in list(server.open):
        connection.transport.abort()


@pytest.mark.parametrize("script", [hang, begin])
@coroutine_test
async def test_from_another_task(server, script):
    server.script_for = lambda path: script
    client = AsyncTMDBClient(
        TOKEN,
        base_url=f"{server.url}/3",
        verify=CONTEXT,
        max_connections=2,
        requests_per_second=None,
        timeout=120,
    )
    calls = [asyncio.ensure_future(client.movies.details(550)) for _ in range(4)]
    await server.received(2)
    await client.aclose()
    results = await asyncio.wait_for(asyncio.gather(*calls, return_exceptions=True), 60)
    assert [type(result) for result in results if not isinstance(result, RuntimeError)] == []


def call_on(client, ended):
    """Make calls until one fails."""
    try:
        while True:
            client.movies.details(550)
    except (RuntimeError, TMDBError) as error:
        ended.append(error)


def test_threads_that_call_while_a_client_is_closed_do_not_hang(server):
    """Each call ends: with its record, or with the error of a closed client."""
    server.script_for = lambda path: answer()
    for _ in range(20):
        client = TMDBClient(
            TOKEN, base_url=f"{server.url}/3", verify=CONTEXT, requests_per_second=None, retries=0
        )
        client.movies.details(550)
        ended: list[Exception] = []
        threads = [threading.Thread(target=call_on, args=(client, ended), daemon=True) for _ in range(4)]
        for thread in threads:
            thread.start()
        client.close()
        for thread in threads:
            thread.join(60)
        assert len(ended) == 4
        assert all("closed" in str(error) for error in ended)
