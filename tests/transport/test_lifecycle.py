"""Opening, closing, and the event loop a transport belongs to."""

from __future__ import annotations

import asyncio
import gc
import threading
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.coroutines import coroutine_test
from tests.patience import until
from tmdbfusion_scrapy.transport import PooledTransport, PoolStatistics


async def get(transport: PooledTransport, url: str) -> httpx.Response:
    response = await transport.handle_async_request(httpx.Request("GET", url))
    await response.aread()
    return response


def in_another_loop(coroutine: object) -> object:
    with ThreadPoolExecutor(1) as executor:
        return executor.submit(asyncio.run, coroutine).result(60)


@coroutine_test
async def test_nothing_is_open_before_the_first_use():
    transport = PooledTransport()
    assert transport.statistics() == PoolStatistics(opened=0, reused=0, open=0, idle=0, waiting=0)
    await transport.aclose()


@coroutine_test
async def test_statistics_are_a_snapshot(server):
    async with PooledTransport() as transport:
        await get(transport, f"{server.url}/json")
        before = transport.statistics()
        await get(transport, f"{server.url}/json")
        assert before == PoolStatistics(opened=1, reused=0, open=1, idle=1, waiting=0)
        assert transport.statistics() == PoolStatistics(opened=1, reused=1, open=1, idle=1, waiting=0)
        with pytest.raises(AttributeError):
            before.opened = 5


@coroutine_test
async def test_a_connection_the_server_closed_is_not_counted(server):
    async with PooledTransport() as transport:
        await get(transport, f"{server.url}/json")
        server.loop.call_soon_threadsafe(next(iter(server.open)).transport.close)
        await server.settled(0)
        await until(lambda: transport.statistics().open == 0)
        assert transport.statistics() == PoolStatistics(opened=1, reused=0, open=0, idle=0, waiting=0)
        await get(transport, f"{server.url}/json")
        assert transport.statistics().opened == 2


@coroutine_test
async def test_close_drains_the_pool(server):
    transport = PooledTransport()
    await asyncio.gather(*(get(transport, f"{server.url}/slow") for _ in range(15)))
    await transport.aclose()
    assert transport.statistics() == PoolStatistics(opened=15, reused=0, open=0, idle=0, waiting=0)
    await server.settled(0)
    await transport.aclose()
    gc.collect()


@coroutine_test
async def test_close_ends_what_is_under_way(server):
    transport = PooledTransport(limits=httpx.Limits(max_connections=3), verify=False)
    unread = await transport.handle_async_request(httpx.Request("GET", f"{server.url}/hang-in-body"))
    connecting = asyncio.ensure_future(get(transport, server.url.replace("http:", "https:")))
    answering = asyncio.ensure_future(get(transport, f"{server.url}/hang"))
    await server.received(2)
    await server.settled(3)
    waiting = asyncio.ensure_future(get(transport, f"{server.url}/json"))
    await asyncio.sleep(0)
    await transport.aclose()
    await server.settled(0)
    results = await asyncio.gather(connecting, answering, waiting, return_exceptions=True)
    assert [type(result) for result in results] == [httpx.ReadError, httpx.ReadError, RuntimeError]
    with pytest.raises(httpx.TransportError):
        await unread.aread()
    assert transport.statistics().open == 0


@coroutine_test
async def test_a_body_without_length_is_not_whole_because_we_closed(server):
    async def begin(connection, seen):
        connection.send(b"HTTP/1.1 200 OK\r\n\r\nhalf")
        await connection.hang()

    server.scripts["/begin"] = begin
    transport = PooledTransport()
    response = await transport.handle_async_request(httpx.Request("GET", f"{server.url}/begin"))
    await transport.aclose()
    with pytest.raises(httpx.TransportError):
        await response.aread()


@coroutine_test
async def test_two_tasks_may_close_at_once(server):
    transport = PooledTransport()
    await get(transport, f"{server.url}/json")
    await asyncio.gather(transport.aclose(), transport.aclose())
    await server.settled(0)


@coroutine_test
async def test_use_after_close_is_a_clear_error(server):
    for used in (False, True):
        transport = PooledTransport()
        if used:
            await get(transport, f"{server.url}/json")
        await transport.aclose()
        with pytest.raises(RuntimeError, match="closed"):
            await get(transport, f"{server.url}/json")


@coroutine_test
async def test_use_in_another_loop_is_a_clear_error(server):
    async with PooledTransport() as transport:
        await get(transport, f"{server.url}/json")
        with pytest.raises(RuntimeError, match="one client per event loop"):
            in_another_loop(get(transport, f"{server.url}/json"))
        with pytest.raises(RuntimeError, match="one client per event loop"):
            in_another_loop(transport.aclose())
        assert (await get(transport, f"{server.url}/json")).status_code == 200


def test_each_loop_has_its_own_client(server):
    async def use() -> tuple[int, int]:
        async with httpx.AsyncClient(transport=PooledTransport(), timeout=60) as client:
            responses = await asyncio.gather(*(client.get(f"{server.url}/slow") for _ in range(5)))
            return threading.get_ident(), sum(response.status_code for response in responses)

    with ThreadPoolExecutor(4) as executor:
        results = [future.result(60) for future in [executor.submit(asyncio.run, use()) for _ in range(4)]]
    assert [total for _, total in results] == [1000] * 4
    server.wait_open(0)


@coroutine_test
async def test_closing_does_not_swallow_a_later_cancellation(server):
    transport = PooledTransport()

    async def use() -> None:
        with pytest.raises(httpx.ReadError):
            await get(transport, f"{server.url}/hang")
        await asyncio.sleep(3600)

    task = asyncio.ensure_future(use())
    await server.received(1)
    await transport.aclose()
    await asyncio.sleep(0)
    assert not task.done()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
