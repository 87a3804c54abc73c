"""TLS: checked, counted, closed, and the certificate stays known."""

from __future__ import annotations

import asyncio
import gc

import httpx
import pytest

from tests.coroutines import coroutine_test
from tests.patience import until
from tmdbfusion_scrapy.transport import BlockingPooledTransport, PooledTransport


@coroutine_test
async def test_limits_hold_with_tls(tls_server, contexts):
    limits = httpx.Limits(max_connections=4, max_keepalive_connections=2)
    transport = PooledTransport(verify=contexts.client, limits=limits)
    async with httpx.AsyncClient(transport=transport, timeout=60) as client:
        responses = await asyncio.gather(*(client.get(f"{tls_server.url}/slow") for _ in range(40)))
        assert {response.status_code for response in responses} == {200}
        assert tls_server.max_open == 4
        await tls_server.settled(2)
        assert transport.statistics().idle == 2
    await tls_server.settled(0)
    gc.collect()


@coroutine_test
async def test_the_certificate_is_known_after_the_connection_was_closed(tls_server, contexts):
    async with PooledTransport(verify=contexts.client) as transport:
        response = await transport.handle_async_request(httpx.Request("GET", f"{tls_server.url}/last"))
        await response.aread()
        await tls_server.settled(0)
    stream = response.extensions["network_stream"]
    assert stream.get_extra_info("server_addr") == ("127.0.0.1", tls_server.ports[0])
    ssl_object = stream.get_extra_info("ssl_object")
    assert ssl_object.getpeercert(binary_form=True).startswith(b"0")
    assert ssl_object.version() in {"TLSv1.2", "TLSv1.3"}


@coroutine_test
async def test_an_unknown_certificate_is_a_connect_error(tls_server):
    async with PooledTransport(limits=httpx.Limits(max_connections=1)) as transport:
        for _ in range(2):
            with pytest.raises(httpx.ConnectError, match="certificate verify failed"):
                await transport.handle_async_request(httpx.Request("GET", tls_server.url))
        await tls_server.settled(0)
        await until(lambda: transport.statistics().open == 0)


@coroutine_test
async def test_another_name_is_a_connect_error(tls_server, contexts):
    async with PooledTransport(verify=contexts.client) as transport:
        request = httpx.Request("GET", tls_server.url, extensions={"sni_hostname": "example.com"})
        with pytest.raises(httpx.ConnectError, match=r"example\.com"):
            await transport.handle_async_request(request)
        request = httpx.Request("GET", tls_server.url, extensions={"sni_hostname": "localhost"})
        response = await transport.handle_async_request(request)
        assert await response.aread() == b'{"ok": true}'


@coroutine_test
async def test_the_check_can_be_turned_off(tls_server):
    async with PooledTransport(verify=False) as transport:
        response = await transport.handle_async_request(httpx.Request("GET", tls_server.url))
        assert await response.aread() == b'{"ok": true}'


@coroutine_test
async def test_cut_short_under_tls(tls_server, contexts):
    async with PooledTransport(verify=contexts.client) as transport:
        for path in ("/truncate", "/truncate-chunked?delay=0.05"):
            response = await transport.handle_async_request(httpx.Request("GET", tls_server.url + path))
            with pytest.raises(httpx.RemoteProtocolError):
                await response.aread()


@coroutine_test
async def test_cancelled_handshakes_and_requests_free_their_places(tls_server, contexts):
    limits = httpx.Limits(max_connections=2)
    async with PooledTransport(verify=contexts.client, limits=limits) as transport:

        async def get() -> httpx.Response:
            return await transport.handle_async_request(httpx.Request("GET", f"{tls_server.url}/hang"))

        for turns in range(12):
            tasks = [asyncio.ensure_future(get()) for _ in range(3)]
            for _ in range(turns):
                await asyncio.sleep(0.001)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        assert tls_server.max_open <= 2
        await tls_server.settled(0)


def test_blocking_with_tls(tls_server, contexts):
    with httpx.Client(transport=BlockingPooledTransport(verify=contexts.client)) as client:
        response = client.get(f"{tls_server.url}/json")
        client.get(f"{tls_server.url}/json")
        assert tls_server.accepted == 1
        tls_server.wait_open(1)
    tls_server.wait_open(0)
    stream = response.extensions["network_stream"]
    assert stream.get_extra_info("server_addr") == ("127.0.0.1", tls_server.ports[0])
    assert stream.get_extra_info("ssl_object").version() in {"TLSv1.2", "TLSv1.3"}
    with BlockingPooledTransport() as transport:
        with pytest.raises(httpx.ConnectError, match="certificate verify failed"):
            transport.handle_request(httpx.Request("GET", tls_server.url))
        assert transport.statistics().open == 0
