"""HTTP/2 in both clients, against hypercorn: the same records and errors as over HTTP/1.1."""

from __future__ import annotations

import asyncio
import gzip
import json
import logging
import socket
import threading
import traceback
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.client.driving import KEY, NOTICE, TOKEN, Asynchronous, Blocking
from tests.coroutines import coroutine_test
from tests.transport import server as http1
from tests.transport.certificates import make_contexts
from tests.transport.http2_server import (
    close_connection,
    close_in_body,
    hang,
    hang_in_body,
    hypercorn,
    reset_in_body,
    respond,
    running_http2,
)
from tests.transport.proxy import proxying
from tmdbfusion_scrapy.client import AsyncTMDBClient
from tmdbfusion_scrapy.exceptions import RateLimitError, ServerError, TMDBError
from tmdbfusion_scrapy.http2 import prepare_http2
from tmdbfusion_scrapy.retrying import RetryPolicy
from tmdbfusion_scrapy.transport import BlockingHttp2Transport

NEVER = RetryPolicy(times=0)


def movie(number: int) -> bytes:
    body = {"id": number, "title": f"Movie {number}", "overview": "x" * 10_000}
    return json.dumps(body).encode()


async def application(scope: Any, receive: Any, send: Any) -> None:
    """TMDB, well and unwell."""
    number = int(scope["path"].rpartition("/")[2])
    if number == 404:
        await respond(send, NOTICE % 34, 404)
    elif number == 429:
        await respond(send, NOTICE % 25, 429, retry_after="1")
    elif number == 500:
        await respond(send, NOTICE % 11, 500)
    elif number == 503:
        await respond(send, b"<html>Busy</html>", 503, content_type="text/html")
    elif number == 601:
        await respond(send, b"<html>Please wait</html>", content_type="text/html")
    elif number == 602:
        await respond(send, gzip.compress(movie(602)))
    elif number == 603:
        await respond(send, gzip.compress(movie(603)), content_encoding="gzip")
    elif number == 604:
        await respond(send, gzip.compress(movie(604))[:-20], content_encoding="gzip")
    elif number == 605:
        await asyncio.sleep(3)
    else:
        await asyncio.sleep(0.002)
        await respond(send, movie(number))


# What makes the pace pause comes last.
ODD = (404, 500, 503, 601, 602, 603, 604, 605, 429)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    folder = tmp_path_factory.mktemp("http2")
    make_contexts(folder)
    return folder / "certificate.pem"


@pytest.fixture
def server(certificate):
    with hypercorn(application, certificate) as server:
        yield server


@pytest.fixture(params=[Blocking, Asynchronous], ids=["blocking", "asyncio"])
def driver(request):
    """Makes driven clients; every test that takes it runs with both."""
    made = []

    def make(url, **arguments):
        given = {"token": TOKEN, "base_url": f"{url}/3", "http2": True, "verify": False, "retries": NEVER}
        given["requests_per_second"] = None
        made.append(request.param(**{**given, **arguments}))
        return made[-1]

    yield make
    for driven in made:
        driven.stop()


def outcome(driven, number):
    """What comes of asking for a movie: all of its record, or all of its error that can be told."""
    try:
        record = driven.do(lambda client: client.movies.details(number))
    except TMDBError as error:
        said = (error.status_code, error.tmdb_code, error.path, error.retry_after, error.retryable)
        # The host's port and the words for a broken exchange are the transports' own.
        message = error.message if error.status_code else None
        return type(error), said, message, type(error.__cause__)
    return record


def test_records_and_errors_are_those_of_http1(certificate, driver):
    outcomes = {}
    for http2 in (True, False):
        # A server of its own for each: what hangs on one does not hold up the other.
        with hypercorn(application, certificate) as server:
            driven = driver(server.url, http2=http2, timeout=httpx.Timeout(5.0, read=0.3))
            outcomes[http2] = {number: outcome(driven, number) for number in (1, 2, *ODD)}
            driven.close()
        assert server.versions == {"2" if http2 else "1.1"}
    assert outcomes[True] == outcomes[False]
    assert [type(outcomes[True][number]).__name__ for number in (1, 602, 603)] == ["MovieDetails"] * 3
    assert outcomes[True][429][:2] == (RateLimitError, (429, 25, "/movie/429", 1.0, True))
    assert outcomes[True][605][3] is httpx.ReadTimeout


@pytest.mark.parametrize(
    ("over_http1", "over_http2"),
    [
        pytest.param(http1.close_early, close_connection, id="closed"),
        pytest.param(http1.truncate, close_in_body, id="closed in the body"),
        pytest.param(http1.truncate_chunked, reset_in_body, id="ended in the body"),
        pytest.param(http1.hang_in_body, hang_in_body, id="hangs in the body"),
    ],
)
def test_broken_exchanges_are_those_of_http1(tmp_path, driver, over_http1, over_http2):
    tls = make_contexts(tmp_path)
    with http1.running(tls.server) as one, running_http2(make_contexts(tmp_path).server) as two:
        one.scripts["/3/movie/1"] = over_http1
        two.scripts["/3/movie/1"] = over_http2
        first, second = (outcome(driver(raw.url, http2=raw is two, timeout=0.2), 1) for raw in (one, two))
    assert first == second
    assert first[:2] == (ServerError, (None, None, "/movie/1", None, True))


def test_nobody_is_there(driver):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"https://127.0.0.1:{free.getsockname()[1]}"
        kind, said, _, cause = outcome(driver(url), 1)
        assert (kind, cause) == (ServerError, httpx.ConnectError)
        assert said == outcome(driver(url, http2=False), 1)[1]


def test_certificates_are_checked(server, driver):
    kind, _, _, cause = outcome(driver(server.url, verify=True), 1)
    assert (kind, cause) == (ServerError, httpx.ConnectError)
    assert server.scopes == []


def test_through_a_proxy(server, driver):
    with proxying(credentials="user:pass") as proxy:
        driven = driver(server.url, proxy=f"http://user:pass@{proxy.address}")
        for number in (1, 2):
            assert outcome(driven, number).id == number
        driven.close()
        assert len(proxy.heads) == 1
    assert server.versions == {"2"}


def test_a_wait_for_a_retry_and_the_retry(server, driver):
    driven = driver(server.url, retries=RetryPolicy(times=2, base_delay=0.001, max_delay=0.01))
    kind, _, _, _ = outcome(driven, 500)
    assert kind is ServerError
    assert len(server.scopes) == 3
    assert len(server.connections) == 1


def test_threads_share_one_connection(server):
    driven = Blocking(
        token=TOKEN, base_url=f"{server.url}/3", http2=True, verify=False, requests_per_second=None
    )
    with ThreadPoolExecutor(16) as executor:
        records = list(executor.map(lambda number: outcome(driven, number), range(1, 201)))
    driven.stop()
    assert [record.id for record in records] == list(range(1, 201))
    assert (len(server.scopes), len(server.connections)) == (200, 1)


@coroutine_test
async def test_tasks_share_one_connection(server):
    async with AsyncTMDBClient(
        TOKEN, base_url=f"{server.url}/3", http2=True, verify=False, requests_per_second=None
    ) as client:
        records = await client.gather((client.movies.details(number) for number in range(1, 201)), limit=64)
    assert [record.id for record in records] == list(range(1, 201))
    assert (len(server.scopes), len(server.connections)) == (200, 1)


@coroutine_test
async def test_a_failed_gather_leaves_the_connection_as_it_was(server):
    async with AsyncTMDBClient(
        TOKEN, base_url=f"{server.url}/3", http2=True, verify=False, requests_per_second=None, retries=NEVER
    ) as client:
        for _ in range(5):
            with pytest.raises(TMDBError):
                await client.gather((client.movies.details(n) for n in (1, 605, 2, 404, 605, 3)), limit=6)
        records = await client.gather(client.movies.details(number) for number in range(1, 101))
    assert len(records) == 100
    assert len(server.connections) == 1


def test_a_credential_is_in_no_log(server, driver, caplog):
    hpack = logging.getLogger("hpack")
    hpack.setLevel(logging.NOTSET)
    with caplog.at_level(logging.DEBUG):
        for secret in (TOKEN, KEY):
            driven = driver(server.url, token=secret)
            # The parent's level is what counts for all of hpack.
            for name in ("hpack.hpack", "hpack.table", "h2.connection", "h2.stream"):
                logging.getLogger(name)
            for number in (1, 404):
                outcome(driven, number)
            driven.close()
    text = caplog.text + repr([record.args for record in caplog.records])
    for secret in (TOKEN, KEY):
        assert secret not in text
    assert "api_key" not in text


@pytest.mark.parametrize("script", [close_connection, hang, hang_in_body])
def test_a_credential_is_in_no_error(tmp_path, driver, script):
    tls = make_contexts(tmp_path)
    with running_http2(tls.server) as server:
        server.scripts["/3/movie/550"] = script
        driven = driver(server.url, token=KEY, timeout=0.2)
        with pytest.raises(ServerError) as caught:
            driven.do(lambda client: client.movies.details(550))
        assert f"api_key={KEY}" in server.requests[0].header(":path")
        assert KEY not in "".join(traceback.format_exception(caught.value))
        driven.close()


# The blocking transport.


@pytest.fixture
def blocking(tmp_path):
    tls = make_contexts(tmp_path).server
    with running_http2(tls) as server, BlockingHttp2Transport(verify=False) as transport:
        yield server, transport


def get(transport, url, **timeout):
    request = httpx.Request("GET", url, extensions={"timeout": {"total": 10, **timeout}})
    return transport.handle_request(request)


def test_one_threads_time_out_is_its_own(blocking):
    server, transport = blocking
    server.scripts["/hang"] = hang
    with ThreadPoolExecutor(2) as executor:
        hanging = executor.submit(get, transport, f"{server.url}/hang", read=0.2)
        while not hanging.done():
            assert get(transport, server.url).read() == b'{"ok": true}'
        with pytest.raises(httpx.ReadTimeout):
            hanging.result()
    assert server.accepted == 1
    assert transport.statistics().opened == 1


def test_a_body_from_an_iterator(blocking):
    server, transport = blocking
    content = (piece for piece in (b"a" * 10, b"b" * 10))
    response = transport.handle_request(httpx.Request("POST", server.url, content=content))
    assert response.read() == b'{"ok": true}'
    assert server.requests[0].body == b"a" * 10 + b"b" * 10


def test_closing_ends_what_other_threads_wait_for(blocking):
    server, transport = blocking
    server.scripts["/hang"] = hang
    with ThreadPoolExecutor(3) as executor:
        waiting = [executor.submit(get, transport, f"{server.url}/hang") for _ in range(3)]
        server.wait(lambda: len(server.requests) == 3)
        transport.close()
        assert [type(one.exception(10)) for one in waiting] == [httpx.ReadError] * 3
    server.wait(lambda: not server.open)
    with pytest.raises(RuntimeError, match="closed"):
        get(transport, server.url)
    assert transport.statistics().open == 0
    transport.close()


def test_no_thread_is_left(blocking):
    def ours():
        return [thread for thread in threading.enumerate() if thread.name == "tmdbfusion-http2"]

    server, transport = blocking
    assert ours() == []
    get(transport, server.url)
    assert len(ours()) == 1
    transport.close()
    assert ours() == []


# The package hpack.


@pytest.fixture
def hpack():
    """The logger of hpack, at the level of the root as in a crawl at DEBUG."""
    logger = logging.getLogger("hpack")
    before = logger.level
    logger.setLevel(logging.NOTSET)
    yield logging.getLogger("hpack.hpack")
    logger.setLevel(before)


def test_the_paths_of_requests_are_not_logged(hpack, caplog):
    pytest.importorskip("h2", reason="the extra http2 is not installed")
    from hpack import Encoder

    path = [(":path", "/3/movie/550?api_key=0123456789abcdef0123456789abcdef")]
    with caplog.at_level(logging.DEBUG):
        Encoder().encode(path)
        assert "api_key" in caplog.text
        caplog.clear()
        prepare_http2("http2")
        Encoder().encode(path)
    assert not caplog.text
