"""Many tasks, many threads, many cancellations: limits are exact and nothing is left."""

from __future__ import annotations

import asyncio
import gc
import random
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.coroutines import coroutine_test
from tests.transport.server import running
from tmdbfusion_scrapy.transport import BlockingPooledTransport, PooledTransport

PATHS = (
    "/json",
    "/slow?delay=0.003",
    "/gzip",
    "/chunked",
    "/last",
    "/truncate",
    "/reset-early",
    "/close-early",
)


async def fetch(transport: PooledTransport, url: str) -> int:
    request = httpx.Request("GET", url, extensions={"timeout": {"read": 60.0, "pool": 60.0, "connect": 60.0}})
    response = await transport.handle_async_request(request)
    try:
        return len(await response.aread())
    finally:
        await response.aclose()


async def cancel_many(count: int, tasks: int, *, tls: object = None, verify: object = True) -> None:
    """Cancel so many requests at any moment of theirs."""
    chance = random.Random(7)
    with running(tls) as server:  # type: ignore[arg-type]
        limits = httpx.Limits(max_connections=20, max_keepalive_connections=5)
        async with PooledTransport(limits=limits, verify=verify) as transport:  # type: ignore[arg-type]
            cancelled = 0
            while cancelled < count:
                under_way = [
                    asyncio.ensure_future(fetch(transport, server.url + chance.choice(PATHS)))
                    for _ in range(tasks)
                ]
                for _ in range(chance.randrange(12)):
                    await asyncio.sleep(0)
                if chance.random() < 0.5:
                    await asyncio.sleep(chance.random() * 0.01)
                for task in chance.sample(under_way, tasks // 2):
                    task.cancel()
                results = await asyncio.gather(*under_way, return_exceptions=True)
                cancelled += sum(isinstance(result, asyncio.CancelledError) for result in results)
                assert {type(result) for result in results} <= {
                    int,
                    asyncio.CancelledError,
                    httpx.RemoteProtocolError,
                    httpx.ReadError,
                }
            assert server.max_open <= 20
            statistics = transport.statistics()
            assert statistics.waiting == 0
            assert await fetch(transport, f"{server.url}/json")
            await server.settled(transport.statistics().open)
            assert transport.statistics().open <= 5
        await server.settled(0)
    gc.collect()


@coroutine_test
async def test_cancelled_at_any_moment():
    await cancel_many(300, 40)


@coroutine_test
async def test_cancelled_at_any_moment_over_tls(contexts):
    await cancel_many(150, 30, tls=contexts.server, verify=contexts.client)


@pytest.mark.slow
@coroutine_test
async def test_ten_thousand_cancellations_of_four_hundred_tasks():
    await cancel_many(10_000, 400)


@pytest.mark.slow
def test_thirty_two_threads():
    with running() as server:
        limits = httpx.Limits(max_connections=10, max_keepalive_connections=4)
        transport = BlockingPooledTransport(limits=limits)

        def work(seed: int) -> int:
            chance = random.Random(seed)
            good = 0
            for _ in range(100):
                try:
                    client.get(server.url + chance.choice(PATHS), timeout=60)
                    good += 1
                except (httpx.RemoteProtocolError, httpx.ReadError):
                    pass
            return good

        with httpx.Client(transport=transport, timeout=60) as client:
            with ThreadPoolExecutor(32) as executor:
                assert sum(executor.map(work, range(32))) > 1000
            assert server.max_open <= 10
            server.wait_open(transport.statistics().open)
            assert transport.statistics().open <= 4
        server.wait_open(0)
