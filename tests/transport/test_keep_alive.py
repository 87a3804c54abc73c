"""A request on a kept-alive connection goes out as on a new one, and nobody can tell."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.coroutines import coroutine_test
from tests.transport.server import SCRIPTS
from tests.transport.test_failures import LONG, TIMEOUTS
from tmdbfusion_scrapy.transport import PooledTransport
from tmdbfusion_scrapy.transport.outgoing import prepare

if TYPE_CHECKING:
    from tests.transport.server import Connection, Seen

ONE = httpx.Limits(max_connections=1, max_keepalive_connections=1)

# These need a test to open a gate, a request body, or a pause before the next request.
OTHERS = ("/gate", "/take-nothing", "/answer-early", "/serve-once", "/unasked")
CASES = [("GET", path) for path in SCRIPTS if path not in OTHERS]
# These send no body in answer to HEAD.
CASES += [
    ("HEAD", f"/{path}") for path in ("json", "no-content", "redirect", "close-early", "reset-early", "hang")
]


async def outcome(transport: PooledTransport, request: httpx.Request) -> Any:
    """What comes of a request: the response, or the exception."""
    try:
        response = await transport.handle_async_request(request)
        content = await response.aread()
    except httpx.TransportError as error:
        return type(error), str(error), type(error.__cause__)
    known = {name: response.extensions[name] for name in ("http_version", "reason_phrase")}
    return response.status_code, response.headers.raw, content, known


@pytest.mark.parametrize(("method", "path"), CASES)
@coroutine_test
async def test_the_outcome_is_that_of_a_new_connection(server, method, path):
    url = f"{server.url}{path}?delay=0.02"
    timeout = TIMEOUTS.get(path, LONG)
    request = httpx.Request(method, url, extensions={"timeout": timeout}, headers={"X-Mine": "yes"})
    async with PooledTransport(limits=ONE) as transport:
        fresh = await outcome(transport, request)
    async with PooledTransport(limits=ONE) as transport:
        await outcome(transport, httpx.Request("GET", f"{server.url}/json"))
        again = await outcome(transport, request)
        # What the server counts the same way but its own numbers.
        assert again[:2] == fresh[:2]
        if path != "/echo":
            assert again == fresh
        assert (await outcome(transport, httpx.Request("GET", f"{server.url}/json")))[0] == 200


@coroutine_test
async def test_the_bytes_are_the_same(server):
    request = httpx.Request(
        "GET",
        f"{server.url}/echo?b=1%2C2&a=%C3%BC",
        headers=[("X-One", "1"), ("accept", "*/*"), ("X-One", "2"), ("Authorization", "Bearer x")],
    )
    async with PooledTransport(limits=ONE) as transport:
        first, second = [await outcome(transport, request) for _ in range(2)]
        assert transport.statistics().reused == 1
    assert first == second


@coroutine_test
async def test_close_while_a_head_or_a_body_is_awaited(server):
    for path in ("/hang", "/hang-in-body"):
        transport = PooledTransport(limits=ONE)
        await outcome(transport, httpx.Request("GET", f"{server.url}/json"))
        task = asyncio.ensure_future(outcome(transport, httpx.Request("GET", f"{server.url}{path}")))
        await server.received(len(server.requests) + 1)
        await asyncio.sleep(0.05)
        await transport.aclose()
        assert (await task)[0] is httpx.ReadError
        await server.settled(0)


@coroutine_test
async def test_who_gives_up_closes_the_connection(server):
    async with PooledTransport(limits=ONE) as transport:
        await outcome(transport, httpx.Request("GET", f"{server.url}/json"))
        task = asyncio.ensure_future(outcome(transport, httpx.Request("GET", f"{server.url}/hang")))
        await server.received(2)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await server.settled(0)
        assert (await outcome(transport, httpx.Request("GET", f"{server.url}/json")))[0] == 200


@coroutine_test
async def test_a_body_that_nobody_reads_on(server):
    async with PooledTransport(limits=ONE) as transport:
        await outcome(transport, httpx.Request("GET", f"{server.url}/json"))
        request = httpx.Request("GET", f"{server.url}/drip", extensions={"timeout": {"total": 60.0}})
        response = await transport.handle_async_request(request)
        await response.aclose()
        await server.settled(0)


@coroutine_test
async def test_the_total_time_ends_with_the_body(server):
    """A timer that went on would break the next request of the connection."""
    async with PooledTransport(limits=ONE) as transport:
        await outcome(transport, httpx.Request("GET", f"{server.url}/json"))
        # The machine may be too busy for the short ones.
        for total in (0.1, 1.0, 10.0):
            short = httpx.Request("GET", f"{server.url}/json", extensions={"timeout": {"total": total}})
            if (await outcome(transport, short))[0] == 200:
                break
        opened = transport.statistics().opened
        slow = httpx.Request("GET", f"{server.url}/slow?delay={total * 2}")
        assert (await outcome(transport, slow))[0] == 200
        assert transport.statistics().opened == opened


@coroutine_test
async def test_interim_answers_count_as_bytes_not_as_an_answer(server):
    async def hints(connection: Connection, seen: Seen) -> None:
        for _ in range(3):
            connection.send(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")
            await asyncio.sleep(0.02)
        connection.respond(b"at last")

    server.scripts["/hints"] = hints
    async with PooledTransport(limits=ONE) as transport:
        await outcome(transport, httpx.Request("GET", f"{server.url}/json"))
        found = await outcome(transport, httpx.Request("GET", f"{server.url}/hints"))
        assert (found[0], found[2]) == (200, b"at last")


@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
@coroutine_test
async def test_some_answers_have_no_body_whatever_their_headers_say(server, status):
    async def announce(connection: Connection, seen: Seen) -> None:
        head = f"HTTP/1.1 {status}\r\nContent-Length: 500\r\nContent-Encoding: gzip\r\nETag: x\r\n\r\n"
        connection.send(head.encode())

    server.scripts["/announce"] = announce
    async with PooledTransport(limits=ONE) as transport:
        request = httpx.Request("GET", f"{server.url}/announce", extensions={"timeout": LONG})
        for _ in range(2):
            found = await outcome(transport, request)
            assert (found[0], found[2]) == (int(status[:3]), b"")
        assert (await outcome(transport, httpx.Request("GET", f"{server.url}/json")))[0] == 200
        assert transport.statistics().opened == 1


def request_with(
    method: str = "GET", url: str = "https://api.example/3/movie/1", **arguments: Any
) -> httpx.Request:
    return httpx.Request(method, url, **arguments)


REFUSED = {
    "line break": request_with(headers=[("X-A", "1\r\nX-B: 2")]),
    "new line": request_with(headers=[("X-A", "1\nX-B: 2")]),
    "return": request_with(headers=[("X-A", "1\rX-B: 2")]),
    "zero": request_with(headers=[("X-A", "1\x00")]),
    "line break in a name": request_with(headers=[("X-A: 1\r\nX-B", "2")]),
    "space in a name": request_with(headers=[("X A", "2")]),
    "not in utf-8": request_with(headers=[(b"X-A", b"\xff")]),
    "length that is none": request_with("POST", headers={"Content-Length": "x"}, content=b"x"),
    "length of another body": request_with("POST", headers={"Content-Length": "5"}, content=b"x"),
    "target with a space": request_with(extensions={"target": b"/a b"}),
    "target with a line break": request_with(extensions={"target": b"/a HTTP/1.1\r\nX-B:2"}),
    "target with a fragment": request_with(extensions={"target": b"/a#b"}),
    "target with a letter beyond ASCII": request_with(extensions={"target": "/ü".encode()}),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_sent_is_refused(name):
    with pytest.raises(httpx.LocalProtocolError):
        prepare(REFUSED[name], None)


AS_GIVEN = {
    "not in ascii": (request_with(headers=[("X-A", "ü".encode())]), "X-A: ü".encode()),
    "tab in a value": (request_with(headers=[("X-A", "a\tb")]), b"X-A: a\tb"),
    "connection": (request_with(headers={"Connection": "close"}), b"Connection: close"),
    "length": (request_with(headers={"Content-Length": "0"}), b"Content-Length: 0"),
    "target of a server": (request_with("OPTIONS", extensions={"target": b"*"}), b"OPTIONS * HTTP/1.1"),
    "body": (request_with("POST", content=b"abc"), b"Content-Length: 3\r\n\r\nabc"),
    "chunks": (
        request_with("POST", headers={"Transfer-Encoding": "chunked"}, content=b"abc"),
        b"\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    ),
    "body without a header": (
        request_with("POST", stream=httpx.ByteStream(b"abc")),
        b"Transfer-Encoding: chunked\r\n\r\n",
    ),
}


@pytest.mark.parametrize("name", AS_GIVEN)
def test_the_rest_goes_out_as_given(name):
    request, expected = AS_GIVEN[name]
    assert expected in prepare(request, None).head


def test_what_may_be_sent_twice():
    assert prepare(request_with(), None).is_repeatable
    assert prepare(request_with("HEAD"), None).is_repeatable
    for request in (request_with("POST"), request_with("DELETE"), request_with("GET", content=b"x")):
        assert not prepare(request, None).is_repeatable


def test_a_head():
    request = request_with(
        "HEAD", headers={"Accept": "application/json"}, extensions={"target": b"/3/movie/2?a=1"}
    )
    head = prepare(request, None).head
    assert head.startswith(b"HEAD /3/movie/2?a=1 HTTP/1.1\r\nHost: api.example\r\n")
    assert head.endswith(b"\r\n\r\n")
    assert b"\r\nAccept: application/json\r\n" in head
