"""Rate limit and connections: a call that waits for a connection has no token yet."""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from contextlib import asynccontextmanager

import httpx
import pytest

from tests.coroutines import coroutine_test
from tests.patience import with_more_time
from tmdbfusion_scrapy import AsyncTMDBClient, TMDBClient
from tmdbfusion_scrapy.exceptions import RateLimitError, ServerError
from tmdbfusion_scrapy.rate_limit import RateLimiterClosed
from tmdbfusion_scrapy.transport import PooledTransport

BODY = b'{"id":1,"title":"x"}'


@asynccontextmanager
async def server(answer):
    """Serve ``answer(number)``, a body or a whole response, to the requests in their order."""
    received: list[float] = []

    async def serve(reader, writer):
        try:
            while True:
                await reader.readuntil(b"\r\n\r\n")
                received.append(time.monotonic())
                writer.write(await answer(len(received)))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/3", received
    finally:
        listening.close()
        await listening.wait_closed()


def good():
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(BODY) + BODY


@coroutine_test
async def test_calls_that_waited_for_a_connection_do_not_leave_in_a_burst():
    answered: list[float] = []

    async def answer(number):
        await asyncio.sleep(0.5 if number <= 2 else 0)
        answered.append(time.monotonic())
        return good()

    async with (
        server(answer) as (url, received),
        AsyncTMDBClient("token", base_url=url, max_connections=2, requests_per_second=40) as client,
    ):
        await client.gather((client.movies.details(1) for _ in range(1, 31)), limit=30)
    rest = received[2:]
    assert len(rest) == 28
    # No connection was free before the first answer: 28 requests at 40 a second take 0.67 s from there.
    assert rest[-1] - answered[0] > 0.6


@coroutine_test
async def test_nothing_is_sent_during_the_pause_after_a_429():
    async def answer(number):
        # What is sent together with the third one is not answered before the client knows of the limit.
        while number == 4 and not client._sender.limiter.member.pauses:  # noqa: ASYNC110 - no event
            await asyncio.sleep(0.01)
        if number == 3:
            return b"HTTP/1.1 429 x\r\nRetry-After: 1\r\nContent-Length: 2\r\n\r\n{}"
        return good()

    async with (
        server(answer) as (url, received),
        AsyncTMDBClient("token", base_url=url, max_connections=2, requests_per_second=0) as client,
    ):
        await client.gather((client.movies.details(1) for _ in range(1, 21)), limit=20)
    assert len(received) == 21
    # Of the third and what was under way with it, nothing more, until the second is over.
    assert received[4] - received[2] > 0.9


@coroutine_test
async def test_a_connection_that_the_server_closes_during_a_pause_costs_no_call_and_no_token():
    received: list[float] = []
    closed = asyncio.Event()

    async def serve(reader, writer):
        try:
            while True:
                await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 0.2 if len(received) == 1 else None)
                received.append(time.monotonic())
                if len(received) == 1:
                    writer.write(b"HTTP/1.1 429 x\r\nRetry-After: 1\r\nContent-Length: 2\r\n\r\n{}")
                else:
                    writer.write(good())
        except (asyncio.IncompleteReadError, asyncio.TimeoutError, ConnectionError):
            pass
        finally:
            closed.set()
            writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/3"
    async with AsyncTMDBClient(
        "token", base_url=url, max_connections=1, retries=0, requests_per_second=0
    ) as client:
        with pytest.raises(RateLimitError):
            await client.movies.details(1)
        # It has the idle connection while it waits.
        call = asyncio.ensure_future(client.movies.details(1))
        await closed.wait()
        assert (await call).id == 1
        assert client._sender.limiter.member.waits == 1
    listening.close()
    await listening.wait_closed()
    assert len(received) == 2
    assert received[1] - received[0] > 0.95


@coroutine_test
async def test_the_pool_timeout_bounds_the_wait_for_a_place():
    gate = asyncio.Event()

    async def answer(_):
        await gate.wait()
        return good()

    timeout = httpx.Timeout(60, pool=0.1)
    async with (
        server(answer) as (url, received),
        AsyncTMDBClient(
            "token", base_url=url, max_connections=1, timeout=timeout, retries=0, requests_per_second=0
        ) as client,
    ):
        first, second = [asyncio.ensure_future(client.movies.details(1)) for _ in range(2)]
        with pytest.raises(ServerError) as caught:
            await second
        gate.set()
        assert (await first).id == 1
        # The place that was waited for in vain is not lost.
        third = await client.movies.details(1)
    assert third.id == 1
    assert isinstance(caught.value.__cause__, httpx.PoolTimeout)
    assert len(received) == 2


@pytest.mark.parametrize("is_given", [False, True])
@coroutine_test
@with_more_time
async def test_a_wait_for_the_rate_limit_is_no_wait_for_a_connection(is_given, scale):
    async def answer(_):
        return good()

    async with server(answer) as (url, received):
        given = {"transport": httpx.AsyncHTTPTransport()} if is_given else {}
        async with AsyncTMDBClient(
            "token",
            base_url=url,
            max_connections=1,
            timeout=httpx.Timeout(60, pool=0.5 * scale),
            retries=0,
            requests_per_second=12 / scale,
            **given,
        ) as client:
            # The last one goes after 0.8 s.
            await client.gather((client.movies.details(1) for _ in range(11)), limit=11)
    assert len(received) == 11


@pytest.mark.parametrize("is_given", [False, True])
@coroutine_test
async def test_a_cancelled_wait_gives_its_connection_back(is_given):
    gate = asyncio.Event()

    async def answer(_):
        await gate.wait()
        return good()

    async with server(answer) as (url, received):
        given = {"transport": httpx.AsyncHTTPTransport()} if is_given else {}
        async with AsyncTMDBClient(
            "token", base_url=url, max_connections=1, requests_per_second=0, **given
        ) as client:
            first, second = [asyncio.ensure_future(client.movies.details(1)) for _ in range(2)]
            await asyncio.sleep(0.05)
            second.cancel()
            with pytest.raises(asyncio.CancelledError):
                await second
            gate.set()
            await first
            assert (await client.movies.details(1)).id == 1
    assert len(received) == 2


@pytest.mark.parametrize("is_given", [False, True])
@coroutine_test
async def test_threads_wait_for_a_connection_no_longer_than_the_pool_timeout(is_given):
    gate = asyncio.Event()
    loop = asyncio.get_running_loop()

    async def answer(_):
        await gate.wait()
        return good()

    def call() -> list[object]:
        given = {"transport": httpx.HTTPTransport()} if is_given else {}
        with (
            TMDBClient(
                "token",
                base_url=url,
                max_connections=1,
                timeout=httpx.Timeout(60, pool=0.1),
                retries=0,
                requests_per_second=0,
                **given,
            ) as client,
            ThreadPoolExecutor(2) as threads,
        ):
            calls = [threads.submit(client.movies.details, 1) for _ in range(2)]
            wait(calls, return_when=FIRST_COMPLETED)
            loop.call_soon_threadsafe(gate.set)
            return [call.exception() or call.result() for call in calls] + [client.movies.details(1)]

    async with server(answer) as (url, received):
        results = await asyncio.to_thread(call)
    (failed,) = [result for result in results if isinstance(result, ServerError)]
    assert isinstance(failed.__cause__, httpx.PoolTimeout)
    assert len(received) == 2


def test_a_blocking_client_without_a_limit():
    transport = httpx.MockTransport(lambda _: httpx.Response(200, content=BODY))
    with TMDBClient("token", transport=transport, max_connections=None) as client:
        assert client.movies.details(1).id == 1


@coroutine_test
async def test_clients_of_one_host_share_the_rate_limit():
    async def answer(_):
        return good()

    before = time.monotonic()
    async with (
        server(answer) as (url, received),
        AsyncTMDBClient("token", base_url=url, requests_per_second=20) as slow,
        AsyncTMDBClient("token", base_url=url, requests_per_second=200) as fast,
    ):
        await asyncio.gather(*(client.movies.details(1) for _ in range(1, 7) for client in (slow, fast)))
    assert len(received) == 12
    # At 20 a second together; each on its own would be done in half the time or less.
    assert received[-1] - before > 0.7 * 11 / 20


class Counting(PooledTransport):
    """A transport of the user's on our own."""

    calls = 0

    async def handle_async_request(self, request):
        self.calls += 1
        return await super().handle_async_request(request)


@coroutine_test
async def test_the_limit_holds_for_a_pooled_transport_of_ones_own():
    async def answer(_):
        return good()

    transport = Counting()
    async with (
        server(answer) as (url, received),
        AsyncTMDBClient("token", base_url=url, transport=transport, requests_per_second=10) as client,
    ):
        await asyncio.gather(*(client.movies.details(1) for _ in range(8)))
    assert transport.calls == len(received) == 8
    assert received[-1] - received[0] > 0.7 * 7 / 10


@coroutine_test
async def test_a_429_of_one_client_makes_the_others_wait():
    async def answer(number):
        if number == 1:
            return b"HTTP/1.1 429 x\r\nRetry-After: 1\r\nContent-Length: 2\r\n\r\n{}"
        return good()

    async with (
        server(answer) as (url, received),
        AsyncTMDBClient("token", base_url=url, retries=0, requests_per_second=0) as first,
        AsyncTMDBClient("token", base_url=url, requests_per_second=0) as second,
    ):
        with pytest.raises(RateLimitError):
            await first.movies.details(1)
        # A blocking client in a thread and one in another event loop wait, too.
        await asyncio.gather(
            second.movies.details(1),
            asyncio.to_thread(call_blocking, url),
            asyncio.to_thread(asyncio.run, call_elsewhere(url)),
        )
        third = AsyncTMDBClient("token", base_url=url, requests_per_second=0)
        assert third._sender.limiter.member.rate > 0
    assert len(received) == 4
    assert min(received[1:]) - received[0] > 0.95


def call_blocking(url):
    with TMDBClient("token", base_url=url, requests_per_second=0) as client:
        client.movies.details(1)


async def call_elsewhere(url):
    async with AsyncTMDBClient("token", base_url=url, requests_per_second=0) as client:
        await client.movies.details(1)


@pytest.mark.parametrize("retries", [0, 2])
@coroutine_test
async def test_closing_a_client_ends_its_waiting(retries):
    async def answer(_):
        return b"HTTP/1.1 429 x\r\nRetry-After: 100\r\nContent-Length: 2\r\n\r\n{}"

    async with server(answer) as (url, received):
        async with AsyncTMDBClient("token", base_url=url, retries=retries) as client:
            calls = [asyncio.ensure_future(client.movies.details(number)) for number in range(1, 4)]
            while not client._sender.limiter.member.pauses:  # noqa: ASYNC110 - what it waits for has no event
                await asyncio.sleep(0.01)
        ended = await asyncio.gather(*calls, return_exceptions=True)
        assert {type(error) for error in ended} <= {RateLimitError, RateLimiterClosed}
        assert RateLimiterClosed in {type(error) for error in ended}
    assert len(received) <= 3


def test_closing_a_blocking_client_ends_the_waiting_of_its_threads():
    transport = httpx.MockTransport(lambda _: httpx.Response(429, headers={"Retry-After": "100"}))
    ended: list[BaseException] = []

    def work() -> None:
        try:
            client.movies.details(1)
        except BaseException as error:  # noqa: BLE001 - handed to the test
            ended.append(error)

    with TMDBClient("token", transport=transport, base_url="http://127.0.0.1:1/3") as client:
        threads = [threading.Thread(target=work) for _ in range(3)]
        for thread in threads:
            thread.start()
        while not client._sender.limiter.member.pauses:
            time.sleep(0.01)
    for thread in threads:
        thread.join()
    assert len(ended) == 3
    assert all(isinstance(error, RuntimeError) and "closed" in str(error) for error in ended)


@coroutine_test
async def test_no_thread_starves_where_there_are_more_than_connections():
    done = dict.fromkeys(range(20), 0)

    async def answer(_):
        return good()

    def call(url: str) -> None:
        with (
            TMDBClient("token", base_url=url, max_connections=5, requests_per_second=0) as client,
            ThreadPoolExecutor(20) as threads,
        ):

            def work(number: int) -> None:
                while sum(done.values()) < 1000:
                    client.movies.details(1)
                    done[number] += 1

            for each in [threads.submit(work, number) for number in done]:
                each.result(30)

    async with server(answer) as (url, _):
        await asyncio.to_thread(call, url)
    # In turn each would have 50.
    assert min(done.values()) >= 10
