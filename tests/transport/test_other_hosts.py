"""The pool under httpx2, and in the event loop of uvloop."""

from __future__ import annotations

import asyncio
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

import tmdbfusion_scrapy
from tests.coroutines import coroutine_test
from tests.transport.proxy import proxying
from tests.transport.server import BODY
from tests.transport.test_failures import closed_port
from tmdbfusion_scrapy import AsyncTMDBClient, TMDBClient
from tmdbfusion_scrapy.exceptions import ConfigurationError
from tmdbfusion_scrapy.transport import BlockingPooledTransport, FailoverTransport, PooledTransport


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
        with pytest.raises(httpx2.RemoteProtocolError, match="cut short") as broken:
            await client.get(f"{server.url}/truncate?delay=0.05")
        with pytest.raises(httpx2.ConnectError) as refused:
            await client.get(f"http://127.0.0.1:{closed_port()}/")
        for caught in (broken, refused):
            chain = [caught.value, caught.value.__context__, caught.value.__cause__]
            assert not any(isinstance(error, httpx.HTTPError) for error in chain)
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
            client = httpx.AsyncClient(transport=transport, timeout=60)
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
        assert executor.submit(uvloop.run, use()).result(60) == [BODY] * 81
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


@coroutine_test
async def test_a_blocking_transport_and_failover_refuse_a_request_of_httpx2_in_a_sentence(server):
    httpx2 = pytest.importorskip("httpx2", reason="httpx2 is not installed")
    sentence = r"a request must be an httpx\.Request, not an httpx2 Request"
    with (
        httpx2.Client(transport=BlockingPooledTransport()) as client,
        pytest.raises(TypeError, match=sentence),
    ):
        client.get(f"{server.url}/json")
    async with httpx2.AsyncClient(
        transport=FailoverTransport(PooledTransport(), [server.url] * 2)
    ) as several:
        with pytest.raises(TypeError, match=sentence):
            await several.get(f"{server.url}/json")
    assert not server.requests


@coroutine_test
async def test_limits_and_a_proxy_of_httpx2(server):
    httpx2 = pytest.importorskip("httpx2", reason="httpx2 is not installed")
    limits = httpx2.Limits(max_connections=1, max_keepalive_connections=0)
    with proxying(credentials="me:words") as proxy:
        given = httpx2.Proxy(f"http://127.0.0.1:{proxy.port}", auth=("me", "words"))
        async with httpx2.AsyncClient(transport=PooledTransport(limits=limits, proxy=given)) as client:
            assert (await client.get(f"{server.url}/json")).json()
    assert len(server.requests) == 1


@pytest.mark.parametrize("client", [TMDBClient, AsyncTMDBClient])
def test_a_client_refuses_objects_of_httpx2_in_a_sentence(client):
    httpx2 = pytest.importorskip("httpx2", reason="httpx2 is not installed")
    given = {
        "transport": (httpx2.MockTransport(lambda request: httpx2.Response(200)), "MockTransport"),
        "timeout": (httpx2.Timeout(5), "Timeout"),
        "proxy": (httpx2.Proxy("http://me:words@proxy.example"), "Proxy"),
    }
    for name, (value, kind) in given.items():
        with pytest.raises(ConfigurationError, match=f"^{name} is an httpx2 {kind}: ") as caught:
            client("a" * 32, **{name: value})
        assert "words" not in str(caught.value)


def test_one_module_imports_httpx():
    package = Path(tmdbfusion_scrapy.__file__).parent
    importing = [
        str(path.relative_to(package))
        for path in package.rglob("*.py")
        if re.search(r"^\s*(import httpx|from httpx)\d?\b", path.read_text("utf-8"), re.MULTILINE)
    ]
    assert importing == ["http.py"]
