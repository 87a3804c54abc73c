"""Pace and places: a call that waits for a connection has not had its turn yet."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager

import httpx
import pytest

from tests.coroutines import coroutine_test
from tmdbfusion_scrapy import AsyncTMDBClient, TMDBClient
from tmdbfusion_scrapy.client.turns import AsyncTurns, BlockingTurns
from tmdbfusion_scrapy.exceptions import ServerError
from tmdbfusion_scrapy.pacing import AsyncPacer, BlockingPacer, PaceOptions

BODY = b'{"id":1,"title":"x"}'


@asynccontextmanager
async def server(answer):
    """Serve ``answer(number)``, a body or a whole response, to the requests in their order."""
    received: list[float] = []

    async def serve(reader, writer):
        try:
            while True:
                await reader.readuntil(b"\r\n\r\n")
                received.append(time.monotonic())
                writer.write(await answer(len(received)))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/3", received
    finally:
        listening.close()
        await listening.wait_closed()


def good():
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(BODY) + BODY


@coroutine_test
async def test_calls_that_waited_for_a_connection_do_not_leave_in_a_burst():
    async def answer(number):
        await asyncio.sleep(0.5 if number <= 2 else 0)
        return good()

    async with (
        server(answer) as (url, received),
        AsyncTMDBClient("token", base_url=url, max_connections=2, requests_per_second=40) as client,
    ):
        await client.gather((client.movies.details(i) for i in range(1, 31)), limit=30)
    rest = received[2:]
    assert len(rest) == 28
    # 28 requests at 40 a second take 0.6 s at the least, less the burst.
    assert rest[-1] - rest[0] > 0.5


@coroutine_test
async def test_nothing_is_sent_during_the_pause_after_a_429():
    async def answer(number):
        await asyncio.sleep(0.05)
        if number == 3:
            return b"HTTP/1.1 429 x\r\nRetry-After: 1\r\nContent-Length: 2\r\n\r\n{}"
        return good()

    async with (
        server(answer) as (url, received),
        AsyncTMDBClient("token", base_url=url, max_connections=2, requests_per_second=0) as client,
    ):
        await client.gather((client.movies.details(i) for i in range(1, 21)), limit=20)
    assert len(received) == 21
    # Of the third and what was under way with it, nothing more, until the second is over.
    assert received[4] - received[2] > 0.9


@coroutine_test
async def test_the_pool_timeout_bounds_the_wait_for_a_place():
    async def answer(_):
        await asyncio.sleep(0.5)
        return good()

    timeout = httpx.Timeout(5, pool=0.1)
    async with (
        server(answer) as (url, received),
        AsyncTMDBClient(
            "token", base_url=url, max_connections=1, timeout=timeout, retries=0, requests_per_second=0
        ) as client,
    ):
        first, second = await client.gather(
            [client.movies.details(1), client.movies.details(2)], return_exceptions=True
        )
        # The place that was waited for in vain is not lost.
        third = await client.movies.details(3)
    assert first.id == third.id == 1
    assert isinstance(second, ServerError)
    assert isinstance(second.__cause__, httpx.PoolTimeout)
    assert len(received) == 2


@coroutine_test
async def test_a_wait_for_the_pace_is_no_wait_for_a_place():
    pacer = AsyncPacer(PaceOptions(rate=5, burst=1))
    turns = AsyncTurns(pacer, 1, 0.05)

    async def call():
        async with turns.turn():
            pass

    await asyncio.gather(*(call() for _ in range(4)))


@coroutine_test
async def test_a_cancelled_wait_gives_its_place_back():
    turns = AsyncTurns(AsyncPacer(PaceOptions(rate=0)), 1, None)
    async with turns.turn():
        waiting = asyncio.ensure_future(turns.turn().__aenter__())
        await asyncio.sleep(0.01)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    async with turns.turn():
        pass


def test_threads_wait_for_a_place_no_longer_than_the_pool_timeout():
    turns = BlockingTurns(BlockingPacer(PaceOptions(rate=0)), 1, 0.05)
    with turns.turn(), pytest.raises(httpx.PoolTimeout), turns.turn():
        pass
    with turns.turn():
        pass


def test_a_blocking_client_without_a_limit():
    transport = httpx.MockTransport(lambda _: httpx.Response(200, content=BODY))
    with TMDBClient("token", transport=transport, max_connections=None) as client:
        assert client.movies.details(1).id == 1
