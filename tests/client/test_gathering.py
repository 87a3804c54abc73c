"""Many calls, a few at a time."""

from __future__ import annotations

import asyncio
import gc
import itertools
from collections import deque
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.client.driving import TOKEN
from tests.coroutines import coroutine_test
from tmdbfusion_scrapy.client import AsyncTMDBClient
from tmdbfusion_scrapy.exceptions import ConfigurationError, NotFoundError, ResponseError

if TYPE_CHECKING:
    from collections.abc import Iterator


class Server:
    """Answers in memory and counts what is under way; ids from 900 do not exist, 800 to 899 never answer."""

    def __init__(self) -> None:
        self.under_way = self.most = self.asked = self.cancelled = 0

    async def handle(self, request: httpx.Request) -> httpx.Response:
        number = int(request.url.path.rpartition("/")[2])
        self.asked += 1
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            for _ in range(number % 7 + 1):
                await asyncio.sleep(0)
            if number >= 900:
                return httpx.Response(404, content=b"")
            if number >= 800:
                await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self.under_way -= 1
        return httpx.Response(200, json={"id": number})


def client_of(server: Server) -> AsyncTMDBClient:
    return AsyncTMDBClient(
        TOKEN, transport=httpx.MockTransport(server.handle), requests_per_second=None, retries=0
    )


@coroutine_test
async def test_order_and_bound():
    server = Server()
    async with client_of(server) as client:
        records = await client.gather((client.movies.details(i) for i in range(1, 301)), limit=7)
        assert [record.id for record in records] == list(range(1, 301))
        assert server.most == 7
        assert server.under_way == 0


@coroutine_test
async def test_bound_of_fifty_by_default():
    server = Server()
    async with client_of(server) as client:
        await client.gather(client.movies.details(i) for i in range(1, 301))
        assert server.most == 50


@pytest.mark.parametrize("kind", [list, tuple, iter, deque])
@coroutine_test
async def test_iterables(kind):
    server = Server()
    async with client_of(server) as client:
        records = await client.gather(kind([client.movies.details(i) for i in (5, 3, 1)]), limit=2)
        assert [record.id for record in records] == [5, 3, 1]
        mapped = await client.gather(map(client.movies.details, (4, 2)))
        assert [record.id for record in mapped] == [4, 2]


@pytest.mark.parametrize("nothing", [[], (), iter(())])
@coroutine_test
async def test_nothing(nothing):
    async with client_of(Server()) as client:
        assert await client.gather(nothing) == []


@coroutine_test
async def test_the_first_error_cancels_what_is_under_way():
    server = Server()
    async with client_of(server) as client:
        with pytest.raises(NotFoundError):
            await client.gather((client.movies.details(i) for i in (801, 802, 900, 803, 1, 2)), limit=4)
        assert server.cancelled == 3
        assert server.asked == 4
        assert server.under_way == 0
        assert (await client.movies.details(1)).id == 1


@coroutine_test
async def test_errors_in_the_place_of_results():
    server = Server()
    async with client_of(server) as client:
        results = await client.gather(
            (client.movies.details(i) for i in (1, 900, 2, 0, 3)), limit=2, return_exceptions=True
        )
        assert [getattr(result, "id", None) for result in results] == [1, None, 2, None, 3]
        assert isinstance(results[1], NotFoundError)
        assert "ids start at 1" in str(results[3])


@coroutine_test
async def test_a_million_calls_are_not_started():
    server = Server()
    made = 0

    def calls(client: AsyncTMDBClient) -> Iterator[Any]:
        nonlocal made
        for number in range(1_000_000):
            made += 1
            yield client.movies.details(900 if number == 100 else 1)

    async with client_of(server) as client:
        with pytest.raises(NotFoundError):
            await client.gather(calls(client), limit=10)
        assert made <= 300
        assert server.asked <= 300


@coroutine_test
async def test_a_generator_is_closed_and_left_over_coroutines_do_not_warn(recwarn):
    closed: list[bool] = []

    def calls(client: AsyncTMDBClient) -> Iterator[Any]:
        try:
            for number in itertools.count(900):
                yield client.movies.details(number)
        finally:
            closed.append(True)

    async with client_of(Server()) as client:
        with pytest.raises(NotFoundError):
            await client.gather(calls(client), limit=3)
        assert closed == [True]
        for kind in (list, tuple, deque):
            with pytest.raises(NotFoundError):
                await client.gather(kind([client.movies.details(900 + i) for i in range(20)]), limit=3)
        gc.collect()
    assert [str(warning.message) for warning in recwarn if "never awaited" in str(warning.message)] == []


@pytest.mark.parametrize("limit", [0, -1, True, 2.5, "3", None])
@coroutine_test
async def test_bad_limit(limit, recwarn):
    async with client_of(Server()) as client:
        with pytest.raises(ConfigurationError, match="limit is "):
            await client.gather([client.movies.details(1)], limit=limit)
        gc.collect()
    assert [str(warning.message) for warning in recwarn if "never awaited" in str(warning.message)] == []


@pytest.mark.parametrize("return_exceptions", [False, True])
@coroutine_test
async def test_an_error_of_the_generator_is_raised(return_exceptions):
    server = Server()

    def calls(client: AsyncTMDBClient) -> Iterator[Any]:
        yield client.movies.details(801)
        yield client.movies.details(1)
        raise KeyError("the generator's own")

    async with client_of(server) as client:
        with pytest.raises(KeyError, match="own"):
            await client.gather(calls(client), limit=3, return_exceptions=return_exceptions)
        assert server.cancelled == 1


@coroutine_test
async def test_cancelling_the_whole_cancels_each():
    server = Server()
    async with client_of(server) as client:
        for return_exceptions in (False, True):
            calls = (client.movies.details(801) for _ in range(50))
            whole = asyncio.ensure_future(client.gather(calls, limit=5, return_exceptions=return_exceptions))
            while server.under_way < 5:  # noqa: ASYNC110 - nothing tells when
                await asyncio.sleep(0)
            whole.cancel()
            with pytest.raises(asyncio.CancelledError):
                await whole
            assert server.under_way == 0
        assert server.asked == 10
        assert server.cancelled == 10


@coroutine_test
async def test_a_call_that_someone_else_cancelled():
    async with client_of(Server()) as client:
        for return_exceptions in (True, False):
            gone = asyncio.ensure_future(client.movies.details(801))
            await asyncio.sleep(0)
            gone.cancel()
            stuck = client.movies.details(802)
            if return_exceptions:
                stuck.close()
                results = await client.gather(
                    [gone, client.movies.details(2)], limit=1, return_exceptions=True
                )
                assert isinstance(results[0], asyncio.CancelledError)
                assert results[1].id == 2
            else:
                # It ends the whole at once, though another call would never come to an end.
                with pytest.raises(asyncio.CancelledError):
                    await client.gather([stuck, gone], limit=2)


@coroutine_test
async def test_what_is_no_awaitable():
    async with client_of(Server()) as client:
        with pytest.raises(TypeError):
            await client.gather([5])  # type: ignore[list-item]


@coroutine_test
async def test_the_error_is_the_first_and_not_that_of_the_cancelled():
    async def late() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise ResponseError("while it was cancelled") from None

    async with client_of(Server()) as client:
        with pytest.raises(NotFoundError):
            await client.gather([late(), client.movies.details(900)], limit=2)
