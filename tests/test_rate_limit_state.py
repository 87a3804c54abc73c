"""Another state of the rate limit in place of the one in this process: tokens in a file that limiters share."""

from __future__ import annotations

import asyncio

import pytest

from tests.coroutines import coroutine_test
from tests.crawling.crawls import MoviesSpider, crawl, settings_of
from tests.sqlite_rate_limit import SQLiteState, put_tokens, tokens_and_refused
from tmdbfusion_scrapy import AsyncTMDBClient, TMDBClient
from tmdbfusion_scrapy.rate_limit import RateLimit, RateLimiter, RateLimitMember, RateLimitState


@pytest.fixture
def bucket(tmp_path, monkeypatch):
    """A file that all clients and crawls take their tokens from; each kind of requests has its own."""
    monkeypatch.setattr(RateLimiter, "new_state", lambda _, kind: SQLiteState(tmp_path / kind))
    put_tokens(tmp_path / "api", 0)
    return tmp_path / "api"


@coroutine_test
async def test_clients_of_several_event_loops_take_their_tokens_from_the_file(tmdb_sandbox, bucket):
    ids = tmdb_sandbox.movie_ids[:6]
    url = tmdb_sandbox.base_url

    def call() -> list[int]:
        with TMDBClient("token", base_url=url) as client:
            return [client.movies.details(movie_id).id for movie_id in ids]

    async with AsyncTMDBClient("token", base_url=url) as client:
        calls = asyncio.gather(
            client.gather(client.movies.details(movie_id) for movie_id in ids), asyncio.to_thread(call)
        )
        put_tokens(bucket, 5)
        while tokens_and_refused(bucket)[0] or len(tmdb_sandbox.requests) < 5:  # noqa: ASYNC110 - no event
            await asyncio.sleep(0.01)
        # Time for what has no token.
        await asyncio.sleep(0.3)
        assert len(tmdb_sandbox.requests) == 5
        put_tokens(bucket, 10)
        movies, others = await calls
    assert [movie.id for movie in movies] == others == ids
    assert tokens_and_refused(bucket) == (3, 0)


@coroutine_test
async def test_a_429_reaches_the_file(tmdb_sandbox, bucket):
    put_tokens(bucket, 5)
    tmdb_sandbox.fail_next(429)
    async with AsyncTMDBClient("token", base_url=tmdb_sandbox.base_url) as client:
        call = asyncio.ensure_future(client.movies.details(1))
        while not tokens_and_refused(bucket)[1]:  # noqa: ASYNC110 - what it waits for has no event
            await asyncio.sleep(0.01)
        assert tokens_and_refused(bucket) == (0, 1)
        put_tokens(bucket, 1)
        assert (await call).id == 1


@coroutine_test
async def test_a_crawl_takes_its_tokens_from_the_file(tmdb_sandbox, bucket):
    put_tokens(bucket, 12)
    ids = tmdb_sandbox.movie_ids[:10]
    ended = await crawl(MoviesSpider, settings_of(tmdb_sandbox.base_url), ids=ids)
    assert ended.ids == set(ids)
    assert tokens_and_refused(bucket) == (2, 0)
    assert ended.stats["tmdb/request_count"] == 10


@coroutine_test
async def test_what_a_state_raises_arrives_and_harms_no_other_call(tmdb_sandbox, bucket):
    class Broken(SQLiteState):
        async def acquire(self, member: RateLimitMember, now: float) -> float:
            if not is_away:
                return await super().acquire(member, now)
            raise ConnectionError("the store is away")

    RateLimiter.new_state = lambda *_: Broken(bucket)
    put_tokens(bucket, 1)
    async with AsyncTMDBClient("token", base_url=tmdb_sandbox.base_url, max_connections=1) as client:
        is_away = True
        with pytest.raises(ConnectionError, match="the store is away"):
            await client.movies.details(1)
        is_away = False
        assert (await client.movies.details(1)).id == 1


@coroutine_test
async def test_coroutines_go_in_the_order_they_came_with_a_state_that_suspends(bucket):
    state: RateLimitState = SQLiteState(bucket)
    limiter = RateLimiter(RateLimit(), state)
    put_tokens(bucket, 20)
    order: list[int] = []

    async def go(number: int) -> None:
        await limiter.acquire()
        order.append(number)

    await asyncio.gather(*(go(number) for number in range(20)))
    assert order == list(range(20))
    assert not limiter.is_waited_for
