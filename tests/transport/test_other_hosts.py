"""The pool under httpx2, and in the event loop of uvloop."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.coroutines import coroutine_test
from tests.transport.server import BODY
from tests.transport.test_failures import closed_port
from tmdbfusion_scrapy.transport import BlockingPooledTransport, PooledTransport


@coroutine_test
async def test_httpx2(server):
    httpx2 = pytest.importorskip("httpx2", reason="httpx2 is not installed")
    async with httpx2.AsyncClient(transport=PooledTransport()) as client:
        response = await client.get(f"{server.url}/gzip")
        assert type(response) is httpx2.Response
        assert response.json() == {"ok": True}
        posted = await client.post(f"{server.url}/echo", json={"a": 1})
        assert posted.json()["size"] == len(b'{"a":1}')
        async with client.stream("GET", f"{server.url}/json?size=500000") as streamed:
            assert sum([len(piece) async for piece in streamed.aiter_bytes()]) == 500_000
        assert server.accepted == 1
        with pytest.raises(httpx2.RemoteProtocolError, match="cut short"):
            await client.get(f"{server.url}/truncate?delay=0.05")
        with pytest.raises(httpx2.ConnectError):
            await client.get(f"http://127.0.0.1:{closed_port()}/")
        with pytest.raises(httpx2.ReadTimeout):
            await client.get(f"{server.url}/hang", timeout=0.05)


@coroutine_test
async def test_what_is_no_request_is_refused_in_a_sentence():
    async with PooledTransport() as transport:
        with pytest.raises(TypeError, match=r"must be an httpx\.Request or an httpx2\.Request, not a str"):
            await transport.handle_async_request("https://api.example/")  # type: ignore[arg-type]


def test_uvloop(server, tls_server, contexts):
    uvloop = pytest.importorskip("uvloop", reason="uvloop is not installed")
    limits = httpx.Limits(max_connections=5, max_keepalive_connections=2)

    async def use() -> list[Any]:
        async with PooledTransport(limits=limits, verify=contexts.client) as transport:
            client = httpx.AsyncClient(transport=transport)
            urls = [f"{each.url}/slow?n={n}" for n in range(40) for each in (server, tls_server)]
            bodies = [response.content for response in await asyncio.gather(*map(client.get, urls))]
            hanging = [asyncio.ensure_future(client.get(f"{server.url}/hang")) for _ in range(5)]
            await asyncio.sleep(0.05)
            for task in hanging:
                task.cancel()
            await asyncio.gather(*hanging, return_exceptions=True)
            with pytest.raises(httpx.RemoteProtocolError):
                await client.get(f"{server.url}/truncate?delay=0.02")
            with pytest.raises(httpx.ConnectError):
                await client.get(f"http://127.0.0.1:{closed_port()}/")
            bodies.append((await client.get(f"{server.url}/json")).content)
            assert transport.statistics().open <= 2
            return bodies

    with ThreadPoolExecutor(1) as executor:
        assert executor.submit(uvloop.run, use()).result(30) == [BODY] * 81
    server.wait_open(0)
    tls_server.wait_open(0)
    assert server.max_open <= 5
    assert tls_server.max_open <= 5


def test_threads_get_their_turns_in_order(server):
    """More threads than connections: none of them waits while others go ahead of it."""
    limits = httpx.Limits(max_connections=3, max_keepalive_connections=3)
    done: dict[int, int] = dict.fromkeys(range(12), 0)

    with httpx.Client(transport=BlockingPooledTransport(limits=limits)) as client:

        def work(number: int) -> None:
            while sum(done.values()) < 360:
                client.get(f"{server.url}/slow?delay=0.001")
                done[number] += 1

        with ThreadPoolExecutor(12) as executor:
            for each in [executor.submit(work, number) for number in done]:
                each.result(60)
    assert server.max_open <= 3
    # In turn each would have 30.
    assert min(done.values()) >= 15
