"""Requests that were prepared for the pool: the same bytes as those of httpx, and the same limits."""

from __future__ import annotations

import httpx
import pytest

from tests.coroutines import coroutine_test
from tests.transport.server import BODY
from tmdbfusion_scrapy.transport import PooledTransport
from tmdbfusion_scrapy.transport.outgoing import prepare

ONE = httpx.Limits(max_connections=1)
NO_TIMEOUTS: dict[str, float | None] = {}


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("proxy", [None, "http://user:password@127.0.0.1:3128"])
def test_the_bytes_are_those_of_a_request_of_httpx(method, proxy):
    url, fields = httpx.URL("http://api.example/3"), [(b"Host", b"api.example"), (b"Accept", b"*/*")]
    transport = PooledTransport(proxy=proxy)
    made = transport.head(url, fields).without_body(method, b"/3/movie/1?a=%20b")
    request = httpx.Request(method, url, headers=fields, extensions={"target": b"/3/movie/1?a=%20b"})
    expected = prepare(request, made.origin.proxy)
    assert (made.head, made.origin) == (expected.head, expected.origin)
    assert made.is_repeatable


@pytest.mark.parametrize("target", [b"/a b", b"/a#b", "/ü".encode(), b"/a HTTP/1.1\r\nX-B:2"])
def test_a_target_that_is_none_is_refused(target):
    head = PooledTransport().head(httpx.URL("http://api.example"), [])
    with pytest.raises(httpx.LocalProtocolError):
        head.without_body("GET", target)


@coroutine_test
async def test_a_body_is_read_to_its_end_and_the_connection_is_used_again(server):
    async with PooledTransport(limits=ONE) as transport:
        head = transport.head(httpx.URL(server.url), [(b"Host", b"127.0.0.1")])
        for number in range(3):
            answer = await transport.send(head.without_body("GET", b"/%d" % number), NO_TIMEOUTS)
            assert (answer.status, await answer.read_all()) == (200, BODY)
            assert answer.headers.get("content-length") == str(len(BODY))
            assert answer.headers.get("x-none") is None
    assert server.accepted == 1


@coroutine_test
async def test_what_is_too_large_or_abandoned_does_not_keep_its_connection(server):
    async def endless(connection, _seen):
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n" + b"x" * 1000)

    server.scripts["/endless"] = endless
    async with PooledTransport(limits=ONE) as transport:
        head = transport.head(httpx.URL(server.url), [(b"Host", b"127.0.0.1")])
        answer = await transport.send(head.without_body("GET", b"/endless"), NO_TIMEOUTS)
        assert len(await answer.read_all(max_size=10)) > 10
        (await transport.send(head.without_body("GET", b"/endless"), NO_TIMEOUTS)).abandon()
        answer = await transport.send(head.without_body("GET", b"/"), NO_TIMEOUTS)
        assert await answer.read_all() == BODY
        assert transport.statistics().opened == 3
    await server.settled(0)
