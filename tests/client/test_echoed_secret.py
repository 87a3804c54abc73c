"""A server that is none of TMDB's may send the request line back, the v3 key with it."""

from __future__ import annotations

import socket
import threading
import traceback
from contextlib import contextmanager

import pytest

from tests.coroutines import coroutine_test
from tmdbfusion_scrapy import AsyncTMDBClient, TMDBClient
from tmdbfusion_scrapy.exceptions import ServerError

KEY = "0123456789abcdef0123456789abcdef"


@contextmanager
def echoing_server():
    """Answer each request with its own first line; yields the base URL and what was asked."""
    asked: list[bytes] = []

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                line = connection.recv(65536).split(b"\r\n")[0]
                asked.append(line)
                connection.sendall(line + b"\r\nA: b\r\n\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}/3", asked
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


def assert_not_shown(error: BaseException, asked: list[bytes]) -> None:
    assert KEY.encode() in asked[0]
    assert KEY not in "".join(traceback.format_exception(error))


def test_the_blocking_client_does_not_show_it():
    with echoing_server() as (url, asked), TMDBClient(KEY, base_url=url, retries=0) as client:
        with pytest.raises(ServerError) as caught:
            client.movies.details(550)
        assert_not_shown(caught.value, asked)


@coroutine_test
async def test_the_asyncio_client_does_not_show_it():
    with echoing_server() as (url, asked):
        async with AsyncTMDBClient(KEY, base_url=url, retries=0) as client:
            with pytest.raises(ServerError) as caught:
                await client.movies.details(550)
        assert_not_shown(caught.value, asked)
