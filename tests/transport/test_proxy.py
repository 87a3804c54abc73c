"""Proxies of both transports: forwarding, tunnels, credentials, one for a single request."""

from __future__ import annotations

import asyncio
import logging
import ssl
import sys
from typing import Any

import httpx
import pytest

from tests.client.driving import KEY, TOKEN, answer, serve
from tests.coroutines import coroutine_test
from tests.transport.proxy import proxying
from tests.transport.server import BODY
from tests.transport.test_failures import assert_tells_no_secret, closed_port, with_secret
from tmdbfusion_scrapy.client import AsyncTMDBClient, TMDBClient
from tmdbfusion_scrapy.exceptions import ServerError
from tmdbfusion_scrapy.transport import BlockingPooledTransport, PooledTransport

CREDENTIALS = "user:pass:word"
USERINFO = "user:pass%3Aword"


async def fetch(
    kind: type, url: str, *, proxy: Any = None, own: Any = None, times: int = 1, **more: Any
) -> Any:
    """Fetch through either transport; return the last body."""
    extensions = {} if own is None else {"proxy": own}
    transport = kind(proxy=proxy, **more)
    if isinstance(transport, PooledTransport):
        async with transport:
            for _ in range(times):
                request = httpx.Request("GET", url, extensions=extensions)
                body = await (await transport.handle_async_request(request)).aread()
            return body
    with transport:
        for _ in range(times):
            response = transport.handle_request(httpx.Request("GET", url, extensions=extensions))
            body = response.read()
            response.close()
        return body


@pytest.fixture(params=[PooledTransport, BlockingPooledTransport])
def kind(request: pytest.FixtureRequest) -> Any:
    return request.param


@coroutine_test
async def test_http_is_forwarded_with_credentials(server, kind):
    with proxying(credentials=CREDENTIALS) as proxy:
        url = f"http://{USERINFO}@{proxy.address}"
        assert await fetch(kind, f"{server.url}/json?a=b", proxy=url, times=3) == BODY
        assert proxy.heads[0].startswith(f"GET {server.url}/json?a=b HTTP/1.1\r\n")
        assert proxy.max_open == 1


@coroutine_test
async def test_https_goes_through_a_tunnel(tls_server, contexts, kind):
    with proxying(credentials=CREDENTIALS) as proxy:
        given = httpx.Proxy(f"http://{proxy.address}", auth=("user", "pass:word"), headers={"X-Own": "1"})
        url = f"{tls_server.url}/json"
        assert await fetch(kind, url, proxy=given, verify=contexts.client, times=3) == BODY
        assert len(proxy.heads) == 1
        assert proxy.heads[0].startswith(f"CONNECT 127.0.0.1:{tls_server.ports[0]} HTTP/1.1\r\n")
        assert "X-Own: 1\r\n" in proxy.heads[0]
        assert tls_server.requests[0].header("X-Own") is None
        assert tls_server.requests[0].header("Proxy-Authorization") is None


@coroutine_test
async def test_a_request_may_name_its_own_proxy(server, kind):
    with proxying() as first, proxying() as second:
        url = f"http://{first.address}"
        own = httpx.Proxy(f"http://{second.address}")
        assert await fetch(kind, f"{server.url}/json", proxy=url, own=own) == BODY
        assert (len(first.heads), len(second.heads)) == (0, 1)


@coroutine_test
async def test_a_request_may_do_without_a_proxy(server):
    with proxying() as proxy:
        async with PooledTransport(proxy=f"http://{proxy.address}") as transport:
            request = httpx.Request("GET", f"{server.url}/json", extensions={"proxy": None})
            assert await (await transport.handle_async_request(request)).aread() == BODY
        with BlockingPooledTransport(proxy=f"http://{proxy.address}") as transport:
            response = transport.handle_request(request)
            assert response.read() == BODY
            response.close()
        assert not proxy.heads


@coroutine_test
async def test_connections_of_different_proxies_are_not_mixed(server):
    with proxying() as first, proxying() as second:
        async with PooledTransport() as transport:
            for proxy in (first, second, None, first, second, None):
                own = None if proxy is None else httpx.Proxy(f"http://{proxy.address}")
                request = httpx.Request("GET", f"{server.url}/json", extensions={"proxy": own})
                assert await (await transport.handle_async_request(request)).aread() == BODY
            assert transport.statistics().opened == 3
            assert transport.statistics().reused == 3


@coroutine_test
async def test_wrong_credentials(server, tls_server, contexts, kind):
    with proxying(credentials="somebody:else") as proxy:
        given = f"http://user:5ec2e7@{proxy.address}"
        with pytest.raises(httpx.ProxyError, match="407") as caught:
            await fetch(kind, with_secret(f"{tls_server.url}/json"), proxy=given, verify=contexts.client)
        assert_tells_no_secret(caught.value)
    assert not tls_server.requests


@coroutine_test
async def test_no_proxy_there(server, kind):
    proxy = f"http://user:5ec2e7@127.0.0.1:{closed_port()}"
    with pytest.raises(httpx.ProxyError) as caught:
        await fetch(kind, f"{server.url}/json", proxy=proxy)
    assert_tells_no_secret(caught.value)


@coroutine_test
async def test_a_proxy_with_tls(server, contexts, kind):
    with proxying(tls=contexts.server, credentials=CREDENTIALS) as proxy:
        url = f"https://{USERINFO}@{proxy.address}"
        assert await fetch(kind, f"{server.url}/json", proxy=url, verify=contexts.client) == BODY


@coroutine_test
async def test_tls_in_tls(tls_server, contexts, kind):
    with proxying(tls=contexts.server) as proxy:
        url = f"https://{proxy.address}"
        fetching = fetch(kind, f"{tls_server.url}/json", proxy=url, verify=contexts.client, times=2)
        if sys.version_info < (3, 11):
            with pytest.raises(httpx.UnsupportedProtocol, match=r"3\.11"):
                await fetching
        else:
            assert await fetching == BODY
            assert proxy.max_open == 1


@pytest.mark.parametrize(
    "proxy", ["socks5://127.0.0.1:1", httpx.Proxy("https://a", ssl_context=ssl.create_default_context())]
)
def test_proxies_that_cannot_be(kind, proxy):
    with pytest.raises(ValueError, match="proxy"):
        kind(proxy=proxy)


def test_credentials_are_in_no_repr(kind):
    transport = kind(proxy="http://user:5ec2e7@127.0.0.1:1")
    assert "5ec2e7" not in repr(transport) + repr(vars(transport)) + repr(
        vars(getattr(transport, "_pooled", transport))
    )


@pytest.fixture(params=[AsyncTMDBClient, TMDBClient])
def client(request: pytest.FixtureRequest) -> Any:
    return request.param


async def movie(client: type, url: str, **arguments: Any) -> Any:
    """Call for a movie through either client."""
    given = {
        "token": TOKEN,
        "base_url": f"{url}/3",
        "retries": 0,
        "requests_per_second": None,
        **arguments,
    }
    if client is AsyncTMDBClient:
        async with AsyncTMDBClient(**given) as made:
            return await made.movies.details(550)
    with TMDBClient(**given) as made:
        return await asyncio.get_running_loop().run_in_executor(None, made.movies.details, 550)


@pytest.mark.parametrize("as_url", [True, False])
@coroutine_test
async def test_clients(tls_server, contexts, client, as_url, caplog):
    caplog.set_level(logging.DEBUG)
    serve(tls_server, answer())
    with proxying(credentials="user:5ec2e7") as proxy:
        url = f"http://user:5ec2e7@{proxy.address}"
        given = url if as_url else httpx.Proxy(f"http://{proxy.address}", auth=("user", "5ec2e7"))
        record = await movie(client, tls_server.url, proxy=given, verify=contexts.client)
        assert (record.id, len(proxy.heads)) == (550, 1)
    assert tls_server.requests[0].header("Proxy-Authorization") is None
    assert "5ec2e7" not in caplog.text


@coroutine_test
async def test_what_a_proxy_sees_of_a_call(tls_server, contexts, client):
    serve(tls_server, answer())
    with proxying() as proxy:
        arguments = {"token": KEY, "proxy": f"http://{proxy.address}", "verify": contexts.client}
        await movie(client, tls_server.url, **arguments)
        (head,) = proxy.heads
    assert head.startswith(f"CONNECT 127.0.0.1:{tls_server.ports[0]} HTTP/1.1\r\n")
    assert "movie" not in head
    assert KEY not in head
    assert tls_server.requests[0].query["api_key"] == KEY


@coroutine_test
async def test_clients_with_wrong_credentials(tls_server, contexts, client, caplog):
    caplog.set_level(logging.DEBUG)
    with proxying(credentials="somebody:else") as proxy:
        url = f"http://user:5ec2e7@{proxy.address}"
        with pytest.raises(ServerError, match="407 Proxy Authentication Required") as caught:
            await movie(client, tls_server.url, proxy=url, verify=contexts.client)
    assert isinstance(caught.value.__cause__, httpx.ProxyError)
    assert_tells_no_secret(caught.value)
    assert "5ec2e7" not in caplog.text
    assert not tls_server.requests


@coroutine_test
async def test_clients_whose_proxy_is_not_there(tls_server, contexts, client, caplog):
    caplog.set_level(logging.DEBUG)
    proxy = f"http://user:5ec2e7@127.0.0.1:{closed_port()}"
    with pytest.raises(ServerError) as caught:
        await movie(client, tls_server.url, proxy=proxy, verify=contexts.client)
    assert isinstance(caught.value.__cause__, httpx.ProxyError)
    assert_tells_no_secret(caught.value)
    assert "5ec2e7" not in caplog.text
    assert not tls_server.requests
