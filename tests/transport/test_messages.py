"""Requests and responses pass the asynchronous transport as they are."""

from __future__ import annotations

import asyncio
import json

import httpx
import pytest

from tests.coroutines import coroutine_test
from tests.transport.server import BODY
from tmdbfusion_scrapy.transport import PooledTransport


@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
@coroutine_test
async def test_nothing_is_added_to_a_request(server, method):
    headers = [("X-Two", "a"), ("x-two", "b"), ("X-Umlaut", "ä".encode())]
    request = httpx.Request(method, f"{server.url}/echo", headers=headers)
    async with PooledTransport() as transport:
        await (await transport.handle_async_request(request)).aread()
    seen = server.requests[0]
    expected = [(name.decode().lower(), value.decode("latin-1")) for name, value in request.headers.raw]
    assert sorted((name.lower(), value) for name, value in seen.headers) == sorted(expected)


@coroutine_test
async def test_a_header_that_is_no_utf8_is_refused(server):
    request = httpx.Request("GET", server.url, headers=[(b"X-Odd", b"\xff")])
    async with PooledTransport() as transport:
        with pytest.raises(httpx.LocalProtocolError, match="header"):
            await transport.handle_async_request(request)


@pytest.mark.parametrize("method", ["GET / HTTP/1.1\r\nX-More: 1\r\n\r\nGET", "PO ST", "É", ""])
@coroutine_test
async def test_a_method_that_is_none_is_refused(server, method):
    request = httpx.Request(method, server.url)
    async with PooledTransport() as transport:
        with pytest.raises(httpx.LocalProtocolError, match="method"):
            await transport.handle_async_request(request)
    assert server.requests == []


@pytest.mark.parametrize(
    "target",
    ["/a%2Fb/%7euser/c d", "/x?q=%20+&y=ü&&z", "//double//slash/", "/a/../b/./c", "/x?a=b#part"],
)
@coroutine_test
async def test_the_url_goes_out_as_httpx_encoded_it(server, target):
    request = httpx.Request("GET", server.url + target)
    async with PooledTransport() as transport:
        await (await transport.handle_async_request(request)).aread()
    assert server.requests[0].target == request.url.raw_path.decode()


@coroutine_test
async def test_userinfo_is_not_sent_by_the_transport(server):
    url = server.url.replace("//", "//user:password@")
    async with PooledTransport() as transport:
        await (await transport.handle_async_request(httpx.Request("GET", url))).aread()
    assert server.requests[0].header("Authorization") is None


@coroutine_test
async def test_what_a_response_says_of_itself(server):
    async with PooledTransport() as transport:
        response = await transport.handle_async_request(httpx.Request("GET", f"{server.url}/redirect"))
        await response.aread()
        assert response.status_code == 302
        assert response.extensions["http_version"] == b"HTTP/1.1"
        assert response.extensions["reason_phrase"] == b"Moved"
        assert response.headers.raw == [(b"Content-Length", b"0"), (b"Location", b"/json")]
    stream = response.extensions["network_stream"]
    assert stream.get_extra_info("server_addr") == ("127.0.0.1", server.ports[0])
    assert stream.get_extra_info("client_addr") == server.requests[0].peer
    assert stream.get_extra_info("ssl_object") is None
    assert stream.get_extra_info("anything") is None


@coroutine_test
async def test_cookies_are_not_kept(server):
    async with PooledTransport() as transport:
        for path in ("/cookies", "/json"):
            response = await transport.handle_async_request(httpx.Request("GET", server.url + path))
            await response.aread()
    assert server.requests[1].header("Cookie") is None


@coroutine_test
async def test_the_environment_names_no_proxy(server, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    async with PooledTransport() as transport:
        response = await transport.handle_async_request(httpx.Request("GET", f"{server.url}/json"))
        assert await response.aread() == BODY


@coroutine_test
async def test_the_body_comes_raw_and_httpx_decodes_it(server):
    async with PooledTransport() as transport:
        response = await transport.handle_async_request(httpx.Request("GET", f"{server.url}/gzip"))
        raw = b"".join([chunk async for chunk in response.aiter_raw()])
        assert raw.startswith(b"\x1f\x8b")
        response = await transport.handle_async_request(httpx.Request("GET", f"{server.url}/gzip"))
        assert await response.stream.aread() == raw
        response = await transport.handle_async_request(httpx.Request("GET", f"{server.url}/gzip"))
        assert await response.aread() == BODY


@pytest.mark.parametrize(
    ("method", "path", "status", "body", "reused"),
    [
        ("HEAD", "/json?size=5000", 200, b"", True),
        ("GET", "/no-content", 204, b"", True),
        ("GET", "/chunked", 200, b"one two three", True),
        ("GET", "/early-hints", 200, BODY, True),
        ("GET", "/until-close", 200, BODY, False),
        ("GET", "/last", 200, BODY, False),
        ("GET", "/json?size=3000000", 200, b"x" * 3_000_000, True),
    ],
)
@coroutine_test
async def test_kinds_of_bodies(server, method, path, status, body, reused):
    async with PooledTransport(limits=httpx.Limits(max_connections=1)) as transport:
        for read in (lambda response: response.aread(), lambda response: response.stream.aread()):
            response = await transport.handle_async_request(httpx.Request(method, server.url + path))
            assert response.status_code == status
            assert await read(response) == body
        assert transport.statistics().reused == (1 if reused else 0)
        assert server.max_open == 1


@coroutine_test
async def test_request_bodies(server):
    async def stream():
        yield b"one"
        yield b""
        yield b"x" * 200_000

    async with httpx.AsyncClient(transport=PooledTransport(), timeout=60) as client:
        for body, size in ((b"abc", 3), (b"x" * 3_000_000, 3_000_000), (b"", 0), (stream(), 200_003)):
            response = await client.post(f"{server.url}/echo", content=body)
            assert response.json()["size"] == size
        sent = [(seen.header("Content-Length"), seen.header("Transfer-Encoding")) for seen in server.requests]
        assert sent == [("3", None), ("3000000", None), ("0", None), (None, "chunked")]
        response = await client.post(
            f"{server.url}/echo", content=stream(), headers={"Content-Length": "200003"}
        )
        assert response.json()["size"] == 200_003
        assert server.requests[-1].header("Transfer-Encoding") is None
        response = await client.post(f"{server.url}/echo", json={"a": 1})
        assert dict(json.loads(response.content)["headers"])["Content-Type"] == "application/json"


@coroutine_test
async def test_a_body_that_is_not_as_long_as_it_says(server):
    async def stream():
        yield b"abc"

    async with httpx.AsyncClient(transport=PooledTransport(), timeout=60) as client:
        with pytest.raises(httpx.LocalProtocolError, match="Content-Length"):
            await client.post(f"{server.url}/echo", content=stream(), headers={"Content-Length": "10"})
        await server.settled(0)


@coroutine_test
async def test_an_error_of_the_callers_stream_arrives_as_it_is(server):
    async def stream():
        yield b"abc"
        raise LookupError("mine")

    async with httpx.AsyncClient(transport=PooledTransport(), timeout=60) as client:
        with pytest.raises(LookupError, match="mine"):
            await client.post(f"{server.url}/echo", content=stream())
        await server.settled(0)


@coroutine_test
async def test_an_answer_before_the_whole_body_was_sent(server):
    async def stream():
        for _ in range(2000):
            yield bytes(64 * 1024)

    async with httpx.AsyncClient(transport=PooledTransport(), timeout=60) as client:
        response = await client.post(f"{server.url}/answer-early", content=stream())
        assert response.content == BODY
        await server.settled(0)


@coroutine_test
async def test_the_local_address_is_bound(server):
    async with PooledTransport(local_address="127.0.0.2") as transport:
        response = await transport.handle_async_request(httpx.Request("GET", f"{server.url}/json"))
        await response.aread()
    assert server.requests[0].peer[0] == "127.0.0.2"


@coroutine_test
async def test_many_tasks_share_a_client(server):
    async with httpx.AsyncClient(transport=PooledTransport(), timeout=60) as client:
        responses = await asyncio.gather(*(client.get(f"{server.url}/echo?n={n}") for n in range(50)))
    assert [response.json()["target"] for response in responses] == [f"/echo?n={n}" for n in range(50)]
