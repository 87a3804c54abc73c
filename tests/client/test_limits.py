"""What a call may cost: bytes and time."""

from __future__ import annotations

import asyncio
import gzip
import json

import httpx
import pytest

from tests.client.driving import MOVIE, TOKEN, Asynchronous, Blocking, answer, serve
from tmdbfusion_scrapy.exceptions import ResponseError, ServerError

MIB = 1024 * 1024


def details(client):
    return client.movies.details(550)


def movie_of(size: int) -> bytes:
    return json.dumps({"id": 550, "overview": "x" * size}).encode()


async def endless(connection, seen):
    connection.send(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n")
    while connection.server.is_sending:
        connection.send(b"x" * MIB)
        await asyncio.sleep(0)


async def drip(connection, seen):
    connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
    while True:
        connection.send(b" ")
        await asyncio.sleep(0.02)


def test_a_body_that_unpacks_to_too_much_is_refused(server, driver):
    bomb = gzip.compress(b" " * 100 * MIB, compresslevel=1)
    assert len(bomb) < MIB
    serve(server, answer(bomb, headers="Content-Encoding: gzip\r\n"))
    with pytest.raises(
        ResponseError, match=r"67\d{6} bytes or more, and max_response_size is 67108864"
    ) as caught:
        driver().do(details)
    assert not caught.value.retryable
    assert len(server.requests) == 1


def test_a_body_that_does_not_end_is_not_read_on(server, driver):
    server.is_sending = True
    server.scripts["/3/movie/550"] = endless
    try:
        with pytest.raises(ResponseError, match="max_response_size is 2000000"):
            driver(max_response_size=2_000_000).do(details)
    finally:
        server.is_sending = False


@pytest.mark.parametrize("limit", [100_000, None])
def test_a_body_within_the_limit_is_read(server, driver, limit):
    serve(server, answer(movie_of(90_000)))
    assert len(driver(max_response_size=limit).do(details).overview) == 90_000


def test_one_byte_too_many(server, driver):
    body = movie_of(1000)
    serve(server, answer(body))
    assert driver(max_response_size=len(body)).do(details).id == 550
    with pytest.raises(ResponseError, match="max_response_size"):
        driver(max_response_size=len(body) - 1).do(details)


def test_an_error_page_that_is_too_large_is_still_that_error(server, driver):
    serve(server, answer(b"x" * 5000, status="503 Away", headers="Content-Type: text/html\r\n"))
    with pytest.raises(ServerError) as caught:
        driver(max_response_size=1000, retries=0).do(details)
    assert caught.value.status_code == 503


def test_a_byte_now_and_then_does_not_outlast_the_total_time(server, driver):
    server.scripts["/3/movie/550"] = drip
    with pytest.raises(ServerError, match="longer than its total time") as caught:
        driver(timeout=60, total_timeout=0.3, retries=0).do(details)
    assert isinstance(caught.value.__cause__, httpx.ReadTimeout)


def test_the_total_time_follows_the_time_out(server, driver):
    server.scripts["/3/movie/550"] = drip
    # On a busy machine a byte may come later than the short ones allow.
    for timeout in (0.1, 0.4, 1.6):
        with pytest.raises(ServerError) as caught:
            driver(timeout=timeout, retries=0).do(details)
        if "total time" in str(caught.value):
            break
    else:
        pytest.fail(str(caught.value))


@pytest.mark.parametrize(
    ("kind", "transport"), [(Blocking, httpx.HTTPTransport), (Asynchronous, httpx.AsyncHTTPTransport)]
)
def test_limits_of_a_transport_of_ones_own(server, kind, transport):
    def fetch(**arguments):
        driven = kind(token=TOKEN, base_url=f"{server.url}/3", transport=transport(), retries=0, **arguments)
        try:
            return driven.do(details)
        finally:
            driven.stop()

    server.scripts["/3/movie/550"] = drip
    with pytest.raises(ServerError, match="total time"):
        fetch(timeout=60, total_timeout=0.3)
    serve(server, answer(movie_of(5000)))
    with pytest.raises(ResponseError, match="max_response_size"):
        fetch(max_response_size=1000)
    assert fetch().id == 550


def test_all_members_of_a_gzip_body_are_read(server, driver):
    body = gzip.compress(MOVIE[:20]) + gzip.compress(MOVIE[20:])
    serve(server, answer(body, headers="Content-Encoding: gzip\r\n"))
    assert driver().do(details).title == "Loop"
