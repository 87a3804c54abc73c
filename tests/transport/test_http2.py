"""HTTP/2: one connection for all, within the limits of the pool, whoever is at the other end."""

from __future__ import annotations

import asyncio
import gc
import socket
import sys

import httpx
import pytest

from tests.coroutines import coroutine_test
from tests.transport.certificates import make_contexts
from tests.transport.http2_client import becomes, fetch, fetch_all, request
from tests.transport.http2_server import (
    hang,
    hang_in_body,
    hypercorn,
    respond,
    running_http2,
    wait_for_gate,
)
from tests.transport.proxy import proxying
from tests.transport.server import BODY, running
from tmdbfusion_scrapy.transport import BlockingPooledTransport, PooledTransport


@pytest.fixture
def server(tls):
    with running_http2(tls.server) as server:
        yield server


# One connection.


@coroutine_test
async def test_hypercorn_sees_one_connection(certificate):
    async def application(scope, receive, send):
        await asyncio.sleep(0.001)
        await respond(send, b"x" * 20_000)

    with hypercorn(application, certificate) as server:
        async with PooledTransport(http2=True, verify=False) as transport:
            responses = await fetch_all(transport, server.url, 150)
            await fetch_all(transport, server.url, 50)
            statistics = transport.statistics()
    assert {response.http_version for response in responses} == {"HTTP/2"}
    assert {len(response.content) for response in responses} == {20_000}
    assert len(server.scopes) == 200
    assert server.versions == {"2"}
    assert len(server.connections) == 1
    assert (statistics.opened, statistics.reused, statistics.tls_handshakes) == (1, 199, 1)


@coroutine_test
async def test_what_is_sent(server, pool):
    token = "Bearer eyJhbGciOiJIUzI1NiJ9.x.y"
    async with pool() as transport:
        sent = request(
            f"{server.url}/3/movie/550?language=fr", headers={"Authorization": token, "X-Two": "a"}
        )
        sent.extensions["target"] = b"/3/movie/550?api_key=k"
        sent.headers["Connection"] = "keep-alive"
        response = await transport.handle_async_request(sent)
        assert await response.aread() == BODY
    (asked,) = server.requests
    assert asked.headers[:4] == [
        (":method", "GET"),
        (":authority", f"127.0.0.1:{server.port}"),
        (":scheme", "https"),
        (":path", "/3/movie/550?api_key=k"),
    ]
    assert asked.header("authorization") == token
    assert asked.header("x-two") == "a"
    assert {asked.header(name) for name in ("connection", "host")} == {None}
    stream = response.extensions["network_stream"]
    assert stream.get_extra_info("server_addr") == ("127.0.0.1", server.port)
    assert stream.get_extra_info("ssl_object").selected_alpn_protocol() == "h2"


@coroutine_test
async def test_more_than_the_server_allows_waits(tls, pool):
    with running_http2(tls.server, max_streams=3) as server:
        async with pool() as transport:
            tasks = [asyncio.ensure_future(fetch(transport, f"{server.url}/gate")) for _ in range(20)]
            server.scripts["/gate"] = wait_for_gate
            await server.received(3)
            assert transport.statistics().waiting == 17
            server.loop.call_soon_threadsafe(server.gate.set)
            responses = await asyncio.gather(*tasks)
        assert {response.status_code for response in responses} == {200}
        assert (server.accepted, server.max_streams_seen, len(server.requests)) == (1, 3, 20)


@coroutine_test
async def test_waiting_for_a_stream_is_bounded(tls, pool):
    with running_http2(tls.server, max_streams=1) as server:
        server.scripts["/hang"] = hang
        async with pool() as transport:
            hanging = asyncio.ensure_future(fetch(transport, f"{server.url}/hang"))
            await server.received(1)
            with pytest.raises(httpx.PoolTimeout, match="allowed no more requests"):
                await fetch(transport, server.url, pool=0.05)
            with pytest.raises(httpx.ReadTimeout, match="total time"):
                await fetch(transport, server.url, pool=5, total=0.05)
            cancelled = asyncio.ensure_future(fetch(transport, server.url))
            await asyncio.sleep(0.01)
            cancelled.cancel()
            await asyncio.gather(cancelled, return_exceptions=True)
            assert transport.statistics().waiting == 0
            hanging.cancel()
            assert (await fetch(transport, server.url)).status_code == 200
        assert server.accepted == 1


@coroutine_test
async def test_a_limit_that_falls_under_way(server, pool):
    """httpcore waits for itself there: https://github.com/pydantic/httpx2/issues/1216."""
    server.scripts["/gate"] = wait_for_gate
    async with pool() as transport:
        await fetch(transport, server.url)
        tasks = [asyncio.ensure_future(fetch(transport, f"{server.url}/gate")) for _ in range(10)]
        await server.received(11)

        def lower(connection):
            connection.h2.update_settings({3: 2})
            connection.flush()

        server.on_all(lower)
        (lane,) = transport._multiplexer._lent
        await becomes(lambda: lane.http2._slots._room == 2)
        tasks += [asyncio.ensure_future(fetch(transport, f"{server.url}/late")) for _ in range(10)]
        await asyncio.sleep(0)
        assert transport.statistics().waiting == 10
        server.loop.call_soon_threadsafe(server.gate.set)
        assert {response.status_code for response in await asyncio.gather(*tasks)} == {200}


@coroutine_test
async def test_bodies_of_requests(server, pool):
    async def pieces():
        yield b"a" * 100_000
        yield b"b" * 200_000

    async with pool() as transport:
        for content in (b"small", b"x" * 300_000, pieces()):
            assert (await fetch(transport, server.url, "POST", content=content)).status_code == 200
        wrong = request(server.url, "POST", content=pieces(), headers={"Content-Length": "5"})
        with pytest.raises(httpx.LocalProtocolError, match="Content-Length says 5 bytes"):
            await transport.handle_async_request(wrong)
        with pytest.raises(httpx.WriteTimeout):
            await fetch(transport, f"{server.url}/take-nothing", "POST", content=b"x" * 300_000, write=0.05)
        assert (await fetch(transport, server.url)).status_code == 200
    assert [len(asked.body) for asked in server.requests] == [5, 300_000, 300_000, 0]


@coroutine_test
async def test_odd_but_right_responses(server, pool):
    async def hints(connection, asked):
        connection.h2.send_headers(asked.stream, [(":status", "103"), ("link", "</style.css>")])
        connection.respond(asked)

    async def no_length(connection, asked):
        connection.head(asked)
        connection.send(asked, b"part")
        connection.send(asked, b"", end=True)

    async def trailers(connection, asked):
        connection.head(asked)
        connection.send(asked, b"part")
        connection.h2.send_headers(asked.stream, [("checksum", "1")], end_stream=True)
        connection.flush()

    async def empty(connection, asked):
        connection.head(asked, 204, end=True)

    async def only_head(connection, asked):
        connection.head(asked, content_length="1000", end=True)

    server.scripts = {
        f"/{script.__name__}": script for script in (hints, no_length, trailers, empty, only_head)
    }
    async with pool() as transport:
        assert (await fetch(transport, f"{server.url}/hints")).content == BODY
        assert (await fetch(transport, f"{server.url}/no_length")).content == b"part"
        assert (await fetch(transport, f"{server.url}/trailers")).content == b"part"
        assert (await fetch(transport, f"{server.url}/empty")).status_code == 204
        assert (await fetch(transport, f"{server.url}/only_head", "HEAD")).headers["content-length"] == "1000"
        server.on_all(lambda connection: (connection.h2.ping(b"12345678"), connection.flush()))
        assert (await fetch(transport, server.url)).content == BODY
    assert server.accepted == 1


@coroutine_test
async def test_bodies_that_nobody_reads_hold_up_no_other(server, pool):
    size = 3 * 2**20

    async def large(connection, asked):
        connection.head(asked)
        await connection.send_all(asked, b"x" * size)

    server.scripts["/large"] = large
    async with pool() as transport:
        unread = [await transport.handle_async_request(request(f"{server.url}/large")) for _ in range(5)]
        await fetch_all(transport, server.url, 30)
        for response in unread:
            assert len(await response.aread()) == size
    assert server.accepted == 1


# Limits, and the end.


@coroutine_test
async def test_limits_of_the_pool_hold(tls, pool):
    with running_http2(tls.server) as server, running_http2(tls.server) as other:
        limits = httpx.Limits(max_connections=1, max_keepalive_connections=1)
        async with pool(limits=limits) as transport:
            for _ in range(3):
                await fetch_all(transport, server.url, 5)
                await fetch_all(transport, other.url, 5)
            await asyncio.gather(*(fetch(transport, one.url) for one in (server, other) * 5))
        assert (server.max_open, other.max_open) == (1, 1)
        async with pool(limits=httpx.Limits(max_keepalive_connections=0)) as transport:
            before = server.accepted
            await fetch_all(transport, server.url, 5)
            await server.settled(0)
            await becomes(lambda: transport.statistics().open == 0)
            assert server.accepted == before + 1
        async with pool(limits=httpx.Limits(keepalive_expiry=0.05)) as transport:
            await fetch_all(transport, server.url, 5)
            await server.settled(0)
            await becomes(lambda: transport.statistics().open == 0)


@coroutine_test
async def test_closing_says_goodbye_and_leaves_nothing(server, pool):
    transport = pool()
    await fetch_all(transport, server.url, 5)
    assert transport.statistics().idle == 1
    await transport.aclose()
    await server.settled(0)
    assert server.farewells == [1]
    with pytest.raises(RuntimeError, match="closed"):
        await fetch(transport, server.url)
    gc.collect()


@coroutine_test
async def test_closing_ends_what_is_under_way(tls, pool):
    with running_http2(tls.server, max_streams=2) as server:
        server.scripts = {"/hang": hang, "/body": hang_in_body}
        transport = pool()
        response = await transport.handle_async_request(request(f"{server.url}/body"))
        tasks = [asyncio.ensure_future(fetch(transport, f"{server.url}/hang")) for _ in range(2)]
        await server.received(2)
        assert transport.statistics().waiting == 1
        await transport.aclose()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert [type(result) for result in results] == [httpx.ReadError, RuntimeError]
        with pytest.raises(httpx.ReadError):
            await response.aread()
        await server.settled(0)
        assert transport.statistics().open == 0


@coroutine_test
async def test_closing_while_connecting(pool):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        transport = pool()
        url = f"https://127.0.0.1:{silent.getsockname()[1]}"
        tasks = [asyncio.ensure_future(fetch(transport, url)) for _ in range(3)]
        await asyncio.sleep(0.05)
        await transport.aclose()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert [type(result) for result in results] == [httpx.ReadError] * 3


# Who is at the other end.


@coroutine_test
async def test_http1_where_the_server_knows_no_other(tls, pool):
    with running(tls.server) as server:
        limits = httpx.Limits(max_connections=4)
        async with pool(limits=limits) as transport:
            responses = await fetch_all(transport, f"{server.url}/slow", 12)
            assert {response.http_version for response in responses} == {"HTTP/1.1"}
            assert (server.accepted, server.max_open) == (4, 4)
            statistics = transport.statistics()
            assert (statistics.opened, statistics.reused, statistics.tls_handshakes) == (4, 8, 4)
        server.wait_open(0)


def test_handshakes_of_the_blocking_transport(tls):
    with running(tls.server) as server, BlockingPooledTransport(verify=tls.client) as transport:
        for headers in ({}, {}, {"Connection": "close"}, {}):
            transport.handle_request(httpx.Request("GET", f"{server.url}/json", headers=headers)).read()
            if headers:
                server.wait_open(0)
        statistics = transport.statistics()
    assert (statistics.opened, statistics.tls_handshakes) == (server.accepted, 2)


@coroutine_test
async def test_http1_without_tls(pool):
    with running() as server:
        async with pool() as transport:
            response = await fetch(transport, f"{server.url}/json")
            assert response.http_version == "HTTP/1.1"
            assert transport.statistics().tls_handshakes == 0


@pytest.mark.parametrize("verify", ["unknown", "other name"])
@coroutine_test
async def test_a_certificate_that_is_not_right(server, pool, tls, verify):
    async with pool(**({"verify": True} if verify == "unknown" else {})) as transport:

        async def get():
            asked = request(server.url)
            if verify == "other name":
                asked.extensions["sni_hostname"] = "example.com"
            return await transport.handle_async_request(asked)

        results = await asyncio.gather(*(get() for _ in range(3)), return_exceptions=True)
        assert [type(result) for result in results] == [httpx.ConnectError] * 3
        assert "certificate verify failed" in str(results[0]) or "example.com" in str(results[0])
    assert server.requests == []


@coroutine_test
async def test_the_check_of_certificates_can_be_turned_off(server, pool):
    async with pool(verify=False) as transport:
        assert (await fetch(transport, server.url)).http_version == "HTTP/2"


@coroutine_test
async def test_nobody_is_there(pool, server):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        async with pool() as transport:
            for url in (f"https://127.0.0.1:{port}", "https://no-such-host.invalid"):
                results = await asyncio.gather(
                    *(fetch(transport, url) for _ in range(3)), return_exceptions=True
                )
                assert [type(result) for result in results] == [httpx.ConnectError] * 3
            assert (await fetch(transport, server.url)).status_code == 200


@coroutine_test
async def test_through_a_proxy(server, pool):
    with proxying(credentials="user:pass") as proxy:
        async with pool() as transport:

            def through(credentials):
                asked = request(server.url)
                asked.extensions["proxy"] = f"http://{credentials}@{proxy.address}"
                return transport.handle_async_request(asked)

            responses = await asyncio.gather(*(through("user:pass") for _ in range(20)))
            for response in responses:
                assert await response.aread() == BODY
            assert {response.http_version for response in responses} == {"HTTP/2"}
            assert len(proxy.heads) == server.accepted == 1
            # Others do not take it, and a request without a proxy does not take that connection.
            assert (await fetch(transport, server.url)).status_code == 200
            assert (len(proxy.heads), server.accepted) == (1, 2)
            with pytest.raises(httpx.ProxyError, match="407"):
                await through("user:wrong")
        async with pool(proxy=f"http://user:pass@{proxy.address}") as transport:
            assert (await fetch(transport, server.url)).http_version == "HTTP/2"
            assert len(proxy.heads) == 3
        assert not [asked for asked in server.requests if asked.header("proxy-authorization")]


@pytest.mark.skipif(sys.version_info < (3, 11), reason="asyncio cannot nest TLS before Python 3.11")
@coroutine_test
async def test_through_a_proxy_over_tls(server, pool, tls, tmp_path_factory):
    proxys_own = make_contexts(tmp_path_factory.mktemp("proxy")).server
    with proxying(proxys_own) as proxy:
        async with pool(proxy=f"https://{proxy.address}", verify=False) as transport:
            assert (await fetch(transport, server.url)).http_version == "HTTP/2"
            assert transport.statistics().tls_handshakes == 2


@coroutine_test
async def test_a_server_that_learns_http2(tls, pool):
    with running(tls.server) as server:
        async with pool() as transport:
            assert (await fetch(transport, f"{server.url}/json")).http_version == "HTTP/1.1"
            tls.server.set_alpn_protocols(["h2"])
            server.loop.call_soon_threadsafe(next(iter(server.open)).transport.close)
            await server.settled(0)
            with pytest.raises(httpx.ReadError):
                await fetch(transport, f"{server.url}/json")
            # It was asked again what it speaks; this one has only learned to say so.
            with pytest.raises(httpx.RemoteProtocolError, match="not HTTP/2"):
                await fetch(transport, f"{server.url}/json")
