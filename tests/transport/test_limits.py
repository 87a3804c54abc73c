"""The limits of the asynchronous transport, as the server sees them."""

from __future__ import annotations

import asyncio
import gc

import httpx
import pytest

from tests.coroutines import coroutine_test
from tests.transport.server import running
from tmdbfusion_scrapy.transport import PooledTransport


def limits(connections: int | None, idle: int | None = None, expiry: float | None = 30.0) -> httpx.Limits:
    return httpx.Limits(max_connections=connections, max_keepalive_connections=idle, keepalive_expiry=expiry)


async def get(transport: PooledTransport, url: str, **timeout: float) -> httpx.Response:
    request = httpx.Request("GET", url, extensions={"timeout": {"read": 60.0, **timeout}})
    response = await transport.handle_async_request(request)
    await response.aread()
    return response


@coroutine_test
async def test_open_sockets_never_pass_the_limit(server):
    async with PooledTransport(limits=limits(7)) as transport:
        await asyncio.gather(*(get(transport, f"{server.url}/slow?delay=0.002") for _ in range(150)))
        assert server.max_open == 7
        assert transport.statistics().opened == 7
        assert transport.statistics().reused == 143
    assert len(server.requests) == 150


@coroutine_test
async def test_the_limit_holds_over_several_hosts():
    with running(ports=3) as server:
        async with PooledTransport(limits=limits(4)) as transport:
            urls = [f"{server.urls[number % 3]}/slow?delay=0.001" for number in range(120)]
            await asyncio.gather(*(get(transport, url) for url in urls))
            assert server.max_open == 4
        assert len(server.requests) == 120


@coroutine_test
async def test_the_limit_holds_while_connections_die_and_requests_are_cancelled(server):
    paths = ["/json", "/close-early", "/reset-early", "/truncate", "/last", "/until-close", "/hang"]
    async with PooledTransport(limits=limits(5)) as transport:
        tasks = [
            asyncio.ensure_future(
                get(transport, server.url + paths[number % 7], read=0.1 if number % 7 == 6 else 60.0)
            )
            for number in range(140)
        ]

        def cancel_some(_: object) -> None:
            for task in tasks[::10]:
                task.cancel()

        tasks[30].add_done_callback(cancel_some)
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert server.max_open == 5
        assert transport.statistics().waiting == 0
        assert (await get(transport, f"{server.url}/json")).status_code == 200
    kinds = {type(result) for result in results}
    assert kinds == {
        httpx.Response,
        httpx.RemoteProtocolError,
        httpx.ReadError,
        httpx.ReadTimeout,
        asyncio.CancelledError,
    }


@coroutine_test
async def test_idle_connections_beyond_the_limit_are_closed(server):
    async with PooledTransport(limits=limits(20, idle=3)) as transport:
        await asyncio.gather(*(get(transport, f"{server.url}/slow") for _ in range(20)))
        await server.settled(3)
        assert server.max_open == 20
        assert transport.statistics().idle == 3
        assert transport.statistics().open == 3


@coroutine_test
async def test_no_idle_connections_at_all(server):
    async with PooledTransport(limits=limits(5, idle=0)) as transport:
        await get(transport, f"{server.url}/json")
        await server.settled(0)
        await get(transport, f"{server.url}/json")
        assert transport.statistics().opened == 2


@coroutine_test
async def test_idle_connections_expire_without_being_asked(server):
    async with PooledTransport(limits=limits(5, expiry=0.05)) as transport:
        await asyncio.gather(*(get(transport, f"{server.url}/slow") for _ in range(5)))
        await server.settled(0)
        assert transport.statistics().open == 0


@coroutine_test
async def test_without_limits_every_request_gets_a_connection(server):
    async with PooledTransport(limits=limits(None, expiry=None)) as transport:
        tasks = [asyncio.ensure_future(get(transport, f"{server.url}/gate")) for _ in range(120)]
        await server.settled(120)
        server.open_gate()
        await asyncio.gather(*tasks)
        assert transport.statistics().idle == 120


@coroutine_test
async def test_another_host_takes_the_place_of_an_idle_connection():
    with running(ports=2) as server:
        async with PooledTransport(limits=limits(1)) as transport:
            for _ in range(3):
                for url in server.urls:
                    await get(transport, f"{url}/json")
            assert server.max_open == 1
            assert transport.statistics().opened == 6


@coroutine_test
async def test_requests_wait_in_the_order_they_came(server):
    async with PooledTransport(limits=limits(1)) as transport:
        tasks = [asyncio.ensure_future(get(transport, f"{server.url}/gate"))]
        await server.received(1)
        tasks += [asyncio.ensure_future(get(transport, f"{server.url}/json?n={n}")) for n in range(20)]
        await asyncio.sleep(0)
        assert transport.statistics().waiting == 20
        server.open_gate()
        await asyncio.gather(*tasks)
    assert [seen.query["n"] for seen in server.requests[1:]] == [str(n) for n in range(20)]


@coroutine_test
async def test_waiting_is_bounded_by_the_pool_timeout(server):
    async with PooledTransport(limits=limits(1)) as transport:
        first = asyncio.ensure_future(get(transport, f"{server.url}/gate"))
        await server.received(1)
        with pytest.raises(httpx.PoolTimeout):
            await get(transport, f"{server.url}/json", pool=0.02)
        with pytest.raises(httpx.ReadTimeout):
            await get(transport, f"{server.url}/json", pool=60.0, total=0.02)
        assert transport.statistics().waiting == 0
        server.open_gate()
        assert (await first).status_code == 200
        assert (await get(transport, f"{server.url}/json", pool=0.02)).status_code == 200


@coroutine_test
async def test_a_cancelled_waiter_leaves_the_queue(server):
    async with PooledTransport(limits=limits(1)) as transport:
        first = asyncio.ensure_future(get(transport, f"{server.url}/gate"))
        await server.received(1)
        waiting = [asyncio.ensure_future(get(transport, f"{server.url}/json?n={n}")) for n in range(3)]
        await asyncio.sleep(0)
        waiting[0].cancel()
        server.open_gate()
        await asyncio.gather(first, *waiting[1:])
        assert waiting[0].cancelled()
    assert [seen.query.get("n") for seen in server.requests] == [None, "1", "2"]


@coroutine_test
async def test_a_cancelled_request_gives_its_place_back(server):
    async with PooledTransport(limits=limits(1)) as transport:
        task = asyncio.ensure_future(get(transport, f"{server.url}/hang"))
        await server.received(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await get(transport, f"{server.url}/json", pool=60.0)
        assert [seen.connection for seen in server.requests] == [1, 2]
        assert server.max_open == 1


@pytest.mark.parametrize("path", ["/hang-in-body", "/json?size=5000000"])
@coroutine_test
async def test_an_unread_response_gives_its_place_back_when_closed(server, path):
    async with PooledTransport(limits=limits(1)) as transport:
        response = await transport.handle_async_request(httpx.Request("GET", server.url + path))
        await response.aclose()
        await response.aclose()
        await get(transport, f"{server.url}/json", pool=60.0)
        assert [seen.connection for seen in server.requests] == [1, 2]
        assert server.max_open == 1


@coroutine_test
async def test_a_dropped_response_gives_its_place_back(server):
    async with PooledTransport(limits=limits(1)) as transport:
        response = await transport.handle_async_request(httpx.Request("GET", f"{server.url}/hang-in-body"))
        del response
        gc.collect()
        await get(transport, f"{server.url}/json", pool=60.0)
        assert server.max_open == 1


@coroutine_test
async def test_a_whole_body_frees_the_connection_before_it_is_read(server):
    async with PooledTransport(limits=limits(1)) as transport:
        responses = []
        for _ in range(3):
            request = httpx.Request("GET", f"{server.url}/json", extensions={"timeout": {"pool": 60.0}})
            responses.append(await transport.handle_async_request(request))
        assert [await response.aread() for response in responses] == [b'{"ok": true}'] * 3
        assert transport.statistics().opened == 1


@pytest.mark.parametrize("wrong", [{"connections": 0}, {"connections": -1}, {"connections": 1, "idle": -1}])
def test_impossible_limits_are_refused(wrong):
    with pytest.raises(ValueError, match="max_"):
        PooledTransport(limits=limits(**wrong))
