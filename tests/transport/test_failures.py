"""What goes wrong on the wire becomes httpx's exception, with its cause and without secrets."""

from __future__ import annotations

import asyncio
import socket
import traceback

import httpx
import pytest

from tests.coroutines import coroutine_test
from tests.patience import until
from tmdbfusion_scrapy.transport import BlockingPooledTransport, PooledTransport

READ_ERRORS = (httpx.ReadError, httpx.RemoteProtocolError)

FAILURES = {
    "/close-early": httpx.RemoteProtocolError,
    "/reset-early": httpx.ReadError,
    "/close-in-head": httpx.RemoteProtocolError,
    "/garbage": httpx.RemoteProtocolError,
    "/truncate": httpx.RemoteProtocolError,
    "/truncate?delay=0.05": httpx.RemoteProtocolError,
    "/truncate-chunked": httpx.RemoteProtocolError,
    "/truncate-chunked?delay=0.05": httpx.RemoteProtocolError,
    "/bad-chunk": httpx.RemoteProtocolError,
    # httpx's own transport raises ReadError for these, ours says that the body is cut short.
    "/reset-in-body": READ_ERRORS,
    "/reset-until-close": READ_ERRORS,
    "/hang": httpx.ReadTimeout,
    "/hang-in-body": httpx.ReadTimeout,
    "/drip": httpx.ReadTimeout,
}

LONG = dict.fromkeys(("connect", "read", "write", "pool", "total"), 60.0)
# Of the paths that have nothing else to end them.
TIMEOUTS = {
    "/hang": {**LONG, "read": 0.1},
    "/hang-in-body": {**LONG, "read": 0.1},
    "/drip": {**LONG, "total": 0.3},
}


def closed_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def with_secret(url: str) -> str:
    return f"{url}{'&' if '?' in url else '?'}api_key=5ec2e7"


def assert_tells_no_secret(error: BaseException) -> None:
    assert str(error)
    text = "".join(traceback.format_exception(type(error), error, error.__traceback__))
    seen: BaseException | None = error
    while seen is not None:
        text += repr(seen) + str(seen)
        seen = seen.__cause__
    assert "5ec2e7" not in text


def request_of(method: str, url: str) -> httpx.Request:
    request = httpx.Request(method, with_secret(url))
    request.extensions["timeout"] = TIMEOUTS.get(request.url.path, LONG)
    return request


async def fetch(transport: PooledTransport, url: str, method: str = "GET") -> bytes:
    request = request_of(method, url)
    response = await transport.handle_async_request(request)
    return await response.aread()


def fetch_blocking(transport: BlockingPooledTransport, url: str, method: str = "GET") -> bytes:
    response = transport.handle_request(request_of(method, url))
    try:
        return response.read()
    finally:
        response.close()


@pytest.mark.parametrize(("path", "expected"), FAILURES.items())
@coroutine_test
async def test_faults(server, path, expected):
    async with PooledTransport(limits=httpx.Limits(max_connections=1)) as transport:
        with pytest.raises(expected) as caught:
            await fetch(transport, server.url + path)
        assert_tells_no_secret(caught.value)
        await server.received(1)
        assert len(server.requests) == 1
        # The place is free again, and the broken connection is not used any more.
        assert await fetch(transport, f"{server.url}/json") == b'{"ok": true}'
        assert server.max_open == 1


@pytest.mark.parametrize(("path", "expected"), FAILURES.items())
def test_faults_of_the_blocking_transport(server, path, expected):
    with BlockingPooledTransport(limits=httpx.Limits(max_connections=1)) as transport:
        with pytest.raises(expected) as caught:
            fetch_blocking(transport, server.url + path)
        assert_tells_no_secret(caught.value)
        server.wait_requests(1)
        assert len(server.requests) == 1
        assert fetch_blocking(transport, f"{server.url}/json") == b'{"ok": true}'
        assert server.max_open == 1


@pytest.mark.parametrize("path", ["/close-early", "/truncate", "/hang"])
@coroutine_test
async def test_the_cause_is_kept(server, path):
    async with PooledTransport() as transport:
        with pytest.raises(httpx.TransportError) as caught:
            await fetch(transport, server.url + path)
    assert caught.value.__cause__ is not None


@coroutine_test
async def test_the_fast_path_sees_a_cut_short_body_too(server):
    async with PooledTransport() as transport:
        for path in ("/truncate?delay=0.05", "/truncate-chunked?delay=0.05", "/reset-until-close"):
            response = await transport.handle_async_request(httpx.Request("GET", server.url + path))
            with pytest.raises(httpx.RemoteProtocolError):
                await response.stream.aread()


@coroutine_test
async def test_nobody_listens():
    async with PooledTransport() as transport:
        with pytest.raises(httpx.ConnectError, match="Cannot connect") as caught:
            await fetch(transport, f"http://127.0.0.1:{closed_port()}/")
        assert_tells_no_secret(caught.value)
        assert caught.value.__cause__ is not None
        assert transport.statistics().opened == 0


@pytest.mark.parametrize("url", ["ftp://example.com/", "/relative"])
@coroutine_test
async def test_other_schemes(url):
    async with PooledTransport() as transport:
        with pytest.raises(httpx.UnsupportedProtocol):
            await fetch(transport, url)
    with BlockingPooledTransport() as transport, pytest.raises(httpx.UnsupportedProtocol):
        fetch_blocking(transport, url)


@coroutine_test
async def test_a_name_that_does_not_resolve(monkeypatch):
    async def fail(*args: object, **kwargs: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", fail)
    async with PooledTransport() as transport:
        for _ in range(2):
            with pytest.raises(httpx.ConnectError, match="not known") as caught:
                await fetch(transport, "http://nobody.invalid/")
        assert_tells_no_secret(caught.value)


@coroutine_test
async def test_a_name_is_resolved_once_for_all_connections(server, monkeypatch):
    lookups = []
    loop = asyncio.get_running_loop()

    async def find(host: str, port: int, **kwargs: object) -> list[object]:
        lookups.append(host)
        await asyncio.sleep(0)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    monkeypatch.setattr(loop, "getaddrinfo", find)
    async with PooledTransport() as transport:
        url = server.url.replace("127.0.0.1", "api.invalid")
        await asyncio.gather(*(fetch(transport, f"{url}/slow") for _ in range(10)))
        assert transport.statistics().opened == 10
    assert lookups == ["api.invalid"]


@coroutine_test
async def test_a_tls_server_that_says_nothing_is_a_connect_timeout(server):
    async with PooledTransport(verify=False, limits=httpx.Limits(max_connections=1)) as transport:
        url = server.url.replace("http:", "https:")
        request = httpx.Request("GET", with_secret(url), extensions={"timeout": {"connect": 0.1}})
        with pytest.raises(httpx.ConnectTimeout) as caught:
            await transport.handle_async_request(request)
        assert_tells_no_secret(caught.value)
        await server.settled(0)


@coroutine_test
async def test_the_total_time_covers_connecting(server):
    async with PooledTransport(verify=False) as transport:
        url = server.url.replace("http:", "https:")
        request = httpx.Request("GET", url, extensions={"timeout": {"connect": 60.0, "total": 0.1}})
        with pytest.raises(httpx.ReadTimeout, match="total"):
            await transport.handle_async_request(request)


@coroutine_test
async def test_a_peer_that_takes_nothing_is_a_write_timeout(server):
    async def body():
        for _ in range(2000):
            yield bytes(64 * 1024)

    async with PooledTransport() as transport:
        extensions = {"timeout": {"write": 0.1, "read": 30.0}}
        request = httpx.Request("POST", f"{server.url}/take-nothing", content=body(), extensions=extensions)
        with pytest.raises(httpx.WriteTimeout):
            await transport.handle_async_request(request)
        request = httpx.Request(
            "POST", f"{server.url}/take-nothing", content=bytes(40_000_000), extensions=extensions
        )
        with pytest.raises(httpx.WriteTimeout):
            await transport.handle_async_request(request)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@coroutine_test
async def test_a_stale_connection_is_replaced_once(server, method):
    async with PooledTransport(limits=httpx.Limits(max_connections=1)) as transport:
        await fetch(transport, f"{server.url}/serve-once", method)
        await fetch(transport, f"{server.url}/serve-once", method)
        assert [(seen.method, seen.connection) for seen in server.requests] == [
            (method, 1),
            (method, 1),
            (method, 2),
        ]
        assert server.max_open == 1


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_stale_connection_is_replaced_once_when_blocking(server, method):
    with BlockingPooledTransport(limits=httpx.Limits(max_connections=1)) as transport:
        fetch_blocking(transport, f"{server.url}/serve-once", method)
        fetch_blocking(transport, f"{server.url}/serve-once", method)
        assert [seen.connection for seen in server.requests] == [1, 1, 2]
        assert server.max_open == 1
        assert transport.statistics().opened == 2


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
@coroutine_test
async def test_other_methods_are_never_sent_twice(server, method):
    async with PooledTransport() as transport:
        await fetch(transport, f"{server.url}/serve-once")
        with pytest.raises(httpx.RemoteProtocolError):
            await fetch(transport, f"{server.url}/serve-once", method)
    with BlockingPooledTransport() as transport:
        fetch_blocking(transport, f"{server.url}/serve-once")
        with pytest.raises(httpx.RemoteProtocolError):
            fetch_blocking(transport, f"{server.url}/serve-once", method)
    assert [seen.method for seen in server.requests] == ["GET", method, "GET", method]


@coroutine_test
async def test_a_get_is_sent_once_more_only(server):
    async def close_at_second(connection, seen):
        if len(server.requests) == 1:
            connection.respond()
        else:
            connection.transport.close()
            await connection.hang()

    server.scripts["/close-at-second"] = close_at_second
    async with PooledTransport() as transport:
        await fetch(transport, f"{server.url}/close-at-second")
        with pytest.raises(httpx.RemoteProtocolError):
            await fetch(transport, f"{server.url}/close-at-second")
    assert len(server.requests) == 3


@coroutine_test
async def test_an_answer_nobody_asked_for_is_not_the_next_answer(server):
    async with PooledTransport(limits=httpx.Limits(max_connections=1)) as transport:
        assert await fetch(transport, f"{server.url}/unasked") == b'{"ok": true}'
        # The second answer arrives, and the connection is not used any more.
        await until(lambda: transport.statistics().open == 0)
        assert await fetch(transport, f"{server.url}/json") == b'{"ok": true}'
        assert transport.statistics().opened == 2
