"""Open, used, closed: what a client leaves behind, and what it says about wrong use."""

from __future__ import annotations

import asyncio
import gc
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.client.driving import CONTEXT, FAST, MOVIE, TOKEN, answer, serve
from tests.coroutines import coroutine_test
from tests.transport.server import wait_for_gate
from tmdbfusion_scrapy.client import AsyncTMDBClient, TMDBClient
from tmdbfusion_scrapy.exceptions import ConfigurationError, TMDBError


def details(client: Any) -> Any:
    return client.movies.details(550)


def arguments(server: Any, **more: Any) -> dict[str, Any]:
    return {
        "base_url": server.url + "/3",
        "retries": FAST,
        "requests_per_second": None,
        "verify": CONTEXT,
        **more,
    }


async def slow(connection: Any, seen: Any) -> None:
    await asyncio.sleep(0.01)
    number = seen.target.rpartition("/")[2]
    connection.respond(b'{"id":%s}' % number.encode())


@pytest.fixture(autouse=True)
def _movie(server) -> None:
    serve(server, answer())


def test_close_drains_the_pool_and_may_be_called_again(server, driver):
    driven = driver()
    driven.do(details)
    assert not driven.client.is_closed
    server.wait_open(1)
    driven.close()
    server.wait_open(0)
    driven.close()
    assert driven.client.is_closed


def test_a_client_that_was_never_used_can_be_closed(driver):
    driven = driver()
    driven.close()
    driven.close()
    assert driven.client.is_closed


def test_use_after_close(server, driver):
    driven = driver()
    driven.do(details)
    driven.close()
    for call in (details, lambda client: client.request("GET", "movie/550")):
        with pytest.raises(RuntimeError, match="is closed: make a new one"):
            driven.do(call)
    assert len(server.requests) == 1


def test_with(server):
    with TMDBClient(TOKEN, **arguments(server)) as client:
        assert details(client).id == 550
    assert client.is_closed
    server.wait_open(0)
    with pytest.raises(RuntimeError, match="is closed"):
        client.__enter__()


def test_with_closes_after_an_error(server):
    def fail() -> None:
        with TMDBClient(TOKEN, **arguments(server)) as client:
            details(client)
            raise KeyError("x")

    with pytest.raises(KeyError):
        fail()
    server.wait_open(0)


@coroutine_test
async def test_async_with(server):
    async with AsyncTMDBClient(TOKEN, **arguments(server)) as client:
        assert (await details(client)).id == 550
    assert client.is_closed
    await server.settled(0)
    with pytest.raises(RuntimeError, match="is closed"):
        await client.__aenter__()


@coroutine_test
async def test_calls_under_way_end_with_an_error_when_the_client_is_closed(server):
    server.scripts["/3/movie/550"] = wait_for_gate
    client = AsyncTMDBClient(TOKEN, **arguments(server, retries=0, max_connections=2))
    calls = [asyncio.ensure_future(details(client)) for _ in range(4)]
    await server.received(2)
    await client.aclose()
    await client.aclose()
    done = await asyncio.gather(*calls, return_exceptions=True)
    assert all(isinstance(error, TMDBError | RuntimeError) for error in done)
    await server.settled(0)
    server.open_gate()


@coroutine_test
async def test_a_cancelled_call_leaves_the_client_usable(server):
    server.scripts["/3/movie/551"] = wait_for_gate
    async with AsyncTMDBClient(TOKEN, **arguments(server, max_connections=1)) as client:
        call = asyncio.ensure_future(client.movies.details(551))
        await server.received(1)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert (await details(client)).id == 550
    server.open_gate()


def warnings_of(make: Any) -> list[str]:
    """ResourceWarnings of the clients while what ``make`` leaves behind is collected."""
    gc.collect()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        make()
        gc.collect()
    return [
        str(one.message)
        for one in caught
        if issubclass(one.category, ResourceWarning) and "TMDBClient" in str(one.message)
    ]


def test_unclosed_client_warns_and_names_the_fix(server):
    def forget() -> None:
        details(TMDBClient(TOKEN, **arguments(server)))

    (text,) = warnings_of(forget)
    assert text.startswith("unclosed <TMDBClient of http://127.0.0.1:")
    assert "with TMDBClient(...) as client" in text
    assert "client.close()" in text
    assert TOKEN not in text


def test_unclosed_async_client_warns_and_names_the_fix(server):
    def forget() -> None:
        async def run() -> None:
            await details(AsyncTMDBClient(TOKEN, **arguments(server)))

        thread = threading.Thread(target=lambda: asyncio.run(run()))
        thread.start()
        thread.join()

    (text,) = warnings_of(forget)
    assert text.startswith("unclosed <AsyncTMDBClient of http://127.0.0.1:")
    assert "async with AsyncTMDBClient(...) as client" in text
    assert "await client.aclose()" in text


def test_no_warning_of_a_client_that_was_closed_never_used_or_never_made(server):
    def leave() -> None:
        TMDBClient(TOKEN)
        AsyncTMDBClient(TOKEN)
        with TMDBClient(TOKEN, **arguments(server)) as client:
            details(client)
        for make in (TMDBClient, AsyncTMDBClient):
            with pytest.raises(ConfigurationError):
                make("")

    assert warnings_of(leave) == []


def test_a_second_event_loop(server):
    client = AsyncTMDBClient(TOKEN, **arguments(server))
    errors: list[BaseException] = []
    first = asyncio.new_event_loop()

    async def use() -> None:
        await details(client)

    async def misuse() -> None:
        for attempt in (details(client), client.request("GET", "movie/550"), client.aclose()):
            try:
                await attempt
            except RuntimeError as error:
                errors.append(error)

    def run() -> None:
        first.run_until_complete(use())
        asyncio.run(misuse())
        first.run_until_complete(client.aclose())
        first.close()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert len(errors) == 3
    assert all("belongs to another event loop" in str(error) for error in errors)
    assert all("Make one client in each loop" in str(error) for error in errors)
    assert client.is_closed
    server.wait_open(0)


@coroutine_test
async def test_made_outside_of_a_loop(server):
    made: list[AsyncTMDBClient] = []
    thread = threading.Thread(target=lambda: made.append(AsyncTMDBClient(TOKEN, **arguments(server))))
    thread.start()
    thread.join()
    async with made[0] as client:
        assert (await details(client)).id == 550


@coroutine_test
async def test_tasks_share_a_client_within_its_limits(server):
    for movie in range(1, 61):
        server.scripts[f"/3/movie/{movie}"] = slow
    async with AsyncTMDBClient(TOKEN, **arguments(server, max_connections=6)) as client:
        await asyncio.gather(*(client.movies.details(movie) for movie in range(1, 61)))
        assert len(server.requests) == 60
        assert server.max_open == 6
    await server.settled(0)


def test_threads_share_a_client_within_its_limits(server):
    for movie in range(1, 61):
        server.scripts[f"/3/movie/{movie}"] = slow
    problems: list[BaseException] = []

    def work(first: int) -> None:
        try:
            for movie in range(first, 61, 12):
                client.movies.details(movie)
        except BaseException as error:  # noqa: BLE001 - handed to the test
            problems.append(error)

    with TMDBClient(TOKEN, **arguments(server, max_connections=4, max_keepalive_connections=2)) as client:
        threads = [threading.Thread(target=work, args=(first,)) for first in range(1, 13)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert problems == []
        assert len(server.requests) == 60
        assert server.max_open <= 4
        server.wait_open(2)
    server.wait_open(0)


def test_threads_keep_the_rate_together(server):
    with TMDBClient(TOKEN, **arguments(server, requests_per_second=50)) as client:
        threads = [threading.Thread(target=lambda: [details(client) for _ in range(5)]) for _ in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        # 25 calls, 5 of them at once, the others 20 ms apart.
        assert client._sender.limiter.member.wait_seconds >= 20 * 0.02 - 0.01


@pytest.mark.parametrize("kept", [0, 1])
def test_idle_connections(server, driver, kept):
    driven = driver(max_keepalive_connections=kept)
    driven.do(details)
    server.wait_open(kept)
    driven.do(details)
    assert server.accepted == 2 - kept


def test_own_transport_is_closed_with_the_client():
    closed: list[bool] = []

    class Transport(httpx.BaseTransport):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            return httpx.Response(200, content=MOVIE)

        def close(self) -> None:
            closed.append(True)

    with TMDBClient(TOKEN, transport=Transport()) as client:
        assert details(client).id == 550
    client.close()
    assert closed == [True]


def test_without_asyncio_the_client_says_what_it_needs():
    # As under trio, whose tasks are driven by another loop. A thread of its own: here one may be running.
    def drive() -> None:
        client = AsyncTMDBClient(TOKEN)
        for coroutine in (client.movies.details(1), client.__aenter__()):
            with pytest.raises(RuntimeError, match="needs asyncio"):
                coroutine.send(None)

    with ThreadPoolExecutor(1) as pool:
        pool.submit(drive).result()
