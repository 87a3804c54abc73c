"""HTTP/2, by way of httpx's own transport."""

from __future__ import annotations

import asyncio
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.client.driving import MOVIE, TOKEN, Asynchronous
from tests.transport.certificates import make_contexts
from tests.transport.server import close_listening
from tmdbfusion_scrapy import TMDBClient

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.transport.certificates import Contexts

pytest.importorskip("h2", reason="httpx speaks HTTP/2 with h2, which is not installed")


class Http2Server(asyncio.Protocol):
    """Answers each stream with a movie, and keeps the headers of the requests."""

    def __init__(self, seen: list[dict[bytes, bytes]]) -> None:
        from h2.config import H2Configuration
        from h2.connection import H2Connection

        self.seen = seen
        self.closed = asyncio.get_running_loop().create_future()
        self.connection = H2Connection(H2Configuration(client_side=False, header_encoding=None))

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.connection.initiate_connection()
        transport.write(self.connection.data_to_send())

    def connection_lost(self, error: Exception | None) -> None:
        self.closed.set_result(None)

    def data_received(self, data: bytes) -> None:
        from h2.events import RequestReceived, StreamEnded

        for event in self.connection.receive_data(data):
            if isinstance(event, RequestReceived):
                self.seen.append(dict(event.headers))
            elif isinstance(event, StreamEnded):
                headers = [(":status", "200"), ("content-type", "application/json")]
                self.connection.send_headers(event.stream_id, headers)
                self.connection.send_data(event.stream_id, MOVIE, end_stream=True)
        self.transport.write(self.connection.data_to_send())


@pytest.fixture
def contexts(tmp_path: Path) -> Contexts:
    return make_contexts(tmp_path)


@contextmanager
def serving(contexts: Contexts, seen: list[dict[bytes, bytes]]) -> Iterator[str]:
    """Run a server that speaks nothing but HTTP/2, in a thread; yields its base URL."""
    contexts.server.set_alpn_protocols(["h2"])
    connections: list[Http2Server] = []
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    def connection() -> Http2Server:
        connections.append(Http2Server(seen))
        return connections[-1]

    async def start() -> asyncio.Server:
        return await loop.create_server(connection, "127.0.0.1", 0, ssl=contexts.server)

    async def stop() -> None:
        await close_listening(server)
        for each in connections:
            each.transport.abort()
        await asyncio.gather(*(each.closed for each in connections))

    server = asyncio.run_coroutine_threadsafe(start(), loop).result(30)
    try:
        yield f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/3"
    finally:
        asyncio.run_coroutine_threadsafe(stop(), loop).result(30)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def test_a_client_over_httpxs_transport(contexts):
    seen: list[dict[bytes, bytes]] = []
    with serving(contexts, seen) as base_url:
        transport = httpx.AsyncHTTPTransport(http2=True, verify=contexts.client)
        driven = Asynchronous(token=TOKEN, base_url=base_url, transport=transport)
        try:
            calls = driven.do(lambda client: client.gather([client.movies.details(550) for _ in range(3)]))
            response = driven.do(lambda client: client.http.get(f"{base_url}/movie/550"))
        finally:
            driven.stop()
    assert [movie.title for movie in calls] == ["Loop"] * 3
    assert response.http_version == "HTTP/2"
    # Pseudo-headers are HTTP/2's own.
    assert [headers[b":path"] for headers in seen] == [b"/3/movie/550"] * 4
    assert [headers.get(b"authorization") for headers in seen] == [f"Bearer {TOKEN}".encode()] * 3 + [None]


def test_a_blocking_client_over_httpxs_transport(contexts):
    seen: list[dict[bytes, bytes]] = []
    with serving(contexts, seen) as base_url:
        transport = httpx.HTTPTransport(http2=True, verify=contexts.client)
        with TMDBClient(TOKEN, base_url=base_url, transport=transport) as client:
            assert client.movies.details(550).title == "Loop"
    assert [headers[b":path"] for headers in seen] == [b"/3/movie/550"]
