"""A rate limit that processes behind one address share, in PostgreSQL and in an SQLite file."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.coroutines import coroutine_test
from tests.crawling.crawls import MoviesSpider, crawl, settings_of
from tests.patience import until
from tests.storage.conftest import database, postgres_database, sqlite_database  # noqa: F401 - fixtures
from tests.storage.private_postgres import private_server
from tests.transport.test_fork import in_child
from tmdbfusion_scrapy import AsyncTMDBClient, TMDBClient
from tmdbfusion_scrapy.exceptions import ConfigurationError
from tmdbfusion_scrapy.rate_limit import RateLimit, RateLimiter, RateLimitMember
from tmdbfusion_scrapy.rate_store import check_shared_limit
from tmdbfusion_scrapy.shared_rate import SharedRate, shared_rate

KEY = "203.0.113.7"
NAMES = ("rate_limit_key", "rate_limit_store")

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")

PROCESSES = """
import asyncio, json, os, sys
from tmdbfusion_scrapy import AsyncTMDBClient

async def main(base_url, store, rate, ids):
    async with AsyncTMDBClient(
        "token", base_url=base_url, requests_per_second=rate, retries=5, max_connections=16,
        rate_limit_key="203.0.113.7", rate_limit_store=store,
    ) as client:
        os.write(1, b"ready\\n")
        os.read(gate, 1)
        movies = await client.gather((client.movies.details(i) for i in ids), limit=16)
    os.write(1, b"%d\\n" % len(movies))

base_url, store, rate, shares = json.loads(sys.argv[1])
gate, opens = os.pipe()
children = []
for ids in shares:
    child = os.fork()
    if not child:
        asyncio.run(main(base_url, store, rate, ids))
        os._exit(0)
    children.append(child)
sys.stdin.readline()
os.write(opens, b"." * len(children))
for child in children:
    os.waitpid(child, 0)
"""
"""Processes that know nothing of each other: to start one and fork it takes less time than to start all."""


@pytest.fixture
def closed_port():
    """A port that nobody listens on."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


@pytest.fixture
def store(database):  # noqa: F811
    """URL of a store, of each kind."""
    return database


def fetched(sandbox, store, rate, ids, processes):
    """Let processes share the ids, all from the same time on, which is returned when all have come."""
    given = json.dumps([sandbox.base_url, store, rate, [ids[first::processes] for first in range(processes)]])
    with subprocess.Popen(
        [sys.executable, "-c", PROCESSES, given], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as starter:
        assert [starter.stdout.readline() for _ in range(processes)] == ["ready\n"] * processes
        begun = time.monotonic()
        said, _ = starter.communicate("go\n")
    assert sum(map(int, said.split())) == len(ids)
    return begun


def shared(store, rate=0.0, key=KEY):
    """Return a member and a state of its own, as another process has it."""
    limit = check_shared_limit(NAMES, key, store)
    assert limit is not None
    state = SharedRate(limit, "https://api.themoviedb.org/3", "api")
    member = RateLimitMember(rate)
    state.join(member, time.monotonic())
    return member, state


async def token(member, state):
    """Wait for a token and return when it came."""
    member.waiting_since = time.monotonic()
    while (wait := await state.acquire(member, time.monotonic())) > 0:  # noqa: ASYNC110 - as limiters do
        await asyncio.sleep(min(wait, 0.25))
    return time.monotonic()


@needs_fork
@pytest.mark.parametrize("processes", [2, 4])
def test_processes_keep_to_one_rate(tmdb_sandbox_factory, store, processes):
    # Requests of a busy machine come in bunches: not of 40, which would take four seconds.
    sandbox = tmdb_sandbox_factory(rate_limit=40)
    ids = sandbox.movie_ids[:40]
    begun = fetched(sandbox, store, 10, ids, processes)
    state = sandbox.state()["requests"]
    assert state["by_path"]["GET /3/movie/{id}"] == {"200": len(ids)}
    assert state["max_per_second"] <= 40
    # 39 intervals of 100 ms. Two processes for themselves would take half of that.
    arrived = [request.received_at for request in sandbox.requests]
    assert max(arrived) - begun > 0.9 * 39 / 10


@needs_fork
def test_a_429_to_one_process_stops_all(tmdb_sandbox_factory, store):
    sandbox = tmdb_sandbox_factory()
    ids = sandbox.movie_ids[:50]
    sandbox.fail_next(429, path=f"movie/{ids[25]}", headers={"Retry-After": "3"})
    fetched(sandbox, store, 20, ids, 2)
    arrived = sorted(request.received_at for request in sandbox.requests)
    longest = max(range(1, len(arrived)), key=lambda number: arrived[number] - arrived[number - 1])
    # Of one process alone it would be at 10 a second meanwhile.
    assert arrived[longest] - arrived[longest - 1] > 1.5
    assert len(arrived) == len(ids) + 1


@needs_fork
def test_a_child_of_a_fork_keeps_to_the_rate_of_its_parent(tmdb_sandbox_factory, store):
    sandbox = tmdb_sandbox_factory()
    ids = sandbox.movie_ids[:40]

    def fetch(some):
        return str(len([client.movies.details(each) for each in some]))

    with TMDBClient(
        "token",
        base_url=sandbox.base_url,
        requests_per_second=20,
        rate_limit_key=KEY,
        rate_limit_store=store,
    ) as client:
        begun = time.monotonic()
        fetch(ids[:1])
        with ThreadPoolExecutor(1) as beside:
            child = beside.submit(in_child, lambda: fetch(ids[1:20]))
            fetch(ids[20:])
            assert child.result() == "19"
    arrived = [request.received_at for request in sandbox.requests]
    assert len(arrived) == len(ids)
    # 39 intervals of 50 ms; each for itself would take half of that.
    assert max(arrived) - begun > 0.9 * 39 / 20


@coroutine_test
async def test_pause_and_found_rate_are_known_to_all(store):
    first, one = shared(store, 38.0)
    second, other = shared(store, 38.0)
    sent_at = await token(first, one)
    await token(second, other)
    assert (first.rate, second.rate) == (38.0, 38.0)
    now = time.monotonic()
    assert await one.answered(now, sent_at, 429, 2.0) >= 2.0
    assert 31 < first.rate < 33
    resumed = await token(second, other)
    assert resumed - now > 1.9
    assert 31 < second.rate < 34
    assert (first.pauses, second.pauses) == (1, 1)


@coroutine_test
async def test_the_rate_is_found_by_what_came_through_to_all(store):
    members = [shared(store, 100.0) for _ in range(2)]
    for member, state in members:
        sent = [await token(member, state) for _ in range(12)]
        for sent_at in sent:
            await state.answered(time.monotonic(), sent_at, 200, None)
    member, state = members[0]
    sent_at = await token(member, state)
    await state.answered(time.monotonic(), sent_at, 429, 1.0)
    await asyncio.gather(*(token(*each) for each in members))
    for each in members:
        await token(*each)
    # 24 came through, where 100 are set; on a busy machine not all of them in that second.
    assert all(8 < member.rate < 25 for member, _ in members)


@coroutine_test
async def test_the_lowest_rate_that_is_set_holds_for_all(store):
    slow, one = shared(store, 5.0)
    fast, other = shared(store, 500.0)
    unlimited, third = shared(store)
    await token(slow, one)
    await token(fast, other)
    await token(unlimited, third)
    assert (slow.rate, fast.rate, unlimited.rate) == (5.0, 5.0, 0.0)


@coroutine_test
async def test_keys_and_hosts_are_told_apart(store):
    first, one = shared(store, 0.01)
    await token(first, one)
    second, other = shared(store, 0.01, key="198.51.100.1")
    await asyncio.wait_for(token(second, other), 60)
    limit = check_shared_limit(NAMES, KEY, store)
    third = RateLimitMember(0.01)
    elsewhere = shared_rate(limit, "https://api.tmdb.org/3")
    elsewhere.join(third, time.monotonic())
    await asyncio.wait_for(token(third, elsewhere), 60)
    elsewhere.leave(third, time.monotonic())


@coroutine_test
async def test_clients_of_several_event_loops_share_a_connection(tmdb_sandbox, store):
    ids = tmdb_sandbox.movie_ids[:10]
    shares = {"base_url": tmdb_sandbox.base_url, "rate_limit_key": KEY, "rate_limit_store": store}

    def call():
        with TMDBClient("token", **shares) as client:
            return [client.movies.details(movie_id).id for movie_id in ids]

    async with AsyncTMDBClient("token", **shares) as client:
        movies, *others = await asyncio.gather(
            client.gather(client.movies.details(movie_id) for movie_id in ids),
            asyncio.to_thread(call),
            asyncio.to_thread(call),
        )
    assert [movie.id for movie in movies] == ids
    assert others == [ids, ids]


@coroutine_test
async def test_a_crawl_takes_the_database_it_stores_in(tmdb_sandbox, postgres_database, caplog):  # noqa: F811
    settings = settings_of(
        tmdb_sandbox.base_url, TMDB_DATABASE_URL=postgres_database, TMDB_RATE_LIMIT_KEY=KEY
    )
    ids = tmdb_sandbox.movie_ids[:10]
    tmdb_sandbox.fail_next(429)
    ended = await crawl(MoviesSpider, settings, ids=ids)
    assert ended.ids == set(ids)
    assert ended.stats["tmdb/rate_limit/pause_count"] == 1
    member, state = shared(postgres_database, 100.0)
    await token(member, state)
    # Another host, to which that 429 does not count.
    assert member.rate == 100.0
    limit = check_shared_limit(NAMES, KEY, postgres_database)
    same = RateLimiter(RateLimit(100.0), shared_rate(limit, tmdb_sandbox.base_url))
    await same.acquire()
    assert same.member.rate < 40
    same.close()


@pytest.fixture(scope="module")
def server():
    with private_server() as private:
        yield private


@coroutine_test
async def test_a_store_that_goes_away_is_waited_for(tmdb_sandbox, server, caplog):
    server.start()
    ids = tmdb_sandbox.movie_ids[:60]
    async with AsyncTMDBClient(
        "token",
        base_url=tmdb_sandbox.base_url,
        requests_per_second=20,
        rate_limit_key=KEY,
        rate_limit_store=server.url,
    ) as client:
        calls = asyncio.ensure_future(client.gather(client.movies.details(i) for i in ids[:40]))
        await until(lambda: len(tmdb_sandbox.requests) >= 10)
        await asyncio.to_thread(server.stop)
        # All of those before may have gone while it stopped.
        later = asyncio.ensure_future(client.gather(client.movies.details(i) for i in ids[40:]))
        await until(lambda: "cannot be asked now" in caplog.text)
        seen = len(tmdb_sandbox.requests)
        assert seen < len(ids)
        # Time for what has no token.
        await asyncio.sleep(1)
        assert len(tmdb_sandbox.requests) <= seen + 1
        await asyncio.to_thread(server.start)
        movies = [*await calls, *await later]
    assert [movie.id for movie in movies] == ids
    warnings = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert len(warnings) == 1
    assert "rate_limit_store=postgresql://postgres@127.0.0.1" in warnings[0].getMessage()


@coroutine_test
async def test_a_crawl_that_is_closed_does_not_wait_for_the_store(tmdb_sandbox, server, caplog):
    server.start()
    settings = settings_of(tmdb_sandbox.base_url, TMDB_RATE_LIMIT_KEY=KEY, TMDB_RATE_LIMIT_STORE=server.url)

    class Stopped(MoviesSpider):
        async def start(self):
            await asyncio.to_thread(server.stop)
            for movie_id in self.ids:
                yield self.movie(movie_id)
            await until(lambda: "cannot be asked now" in caplog.text)
            asyncio.ensure_future(self.crawler.engine.close_spider_async(reason="enough"))  # noqa: RUF006

    try:
        ended = await crawl(Stopped, settings, finish_reason="enough", ids=tmdb_sandbox.movie_ids[:40])
    finally:
        server.start()
    assert not ended.items
    assert not tmdb_sandbox.requests


@coroutine_test
async def test_a_store_that_was_never_reached_ends_a_call(tmdb_sandbox, closed_port):
    store = f"postgresql://user:secret-word@127.0.0.1:{closed_port}/nowhere"
    shares = {"base_url": tmdb_sandbox.base_url, "rate_limit_key": KEY, "rate_limit_store": store}
    async with AsyncTMDBClient("token", **shares) as client:
        with pytest.raises(ConfigurationError, match="Check the URL") as caught:
            await client.gather(client.movies.details(i) for i in (1, 2, 3))
    assert f"rate_limit_store=postgresql://user@127.0.0.1:{closed_port}/nowhere" in str(caught.value)
    assert "secret-word" not in str(caught.value)
    assert not tmdb_sandbox.requests


@coroutine_test
async def test_a_crawl_with_such_a_store_does_not_begin(tmdb_sandbox, closed_port):
    store = f"postgresql://user:secret-word@127.0.0.1:{closed_port}/nowhere"
    settings = settings_of(tmdb_sandbox.base_url, TMDB_RATE_LIMIT_KEY=KEY, TMDB_RATE_LIMIT_STORE=store)
    with pytest.raises(ConfigurationError, match="TMDB_RATE_LIMIT_STORE=postgresql://user@127") as caught:
        await crawl(MoviesSpider, settings, ids=[1])
    assert "secret-word" not in str(caught.value)


@pytest.mark.parametrize(
    ("key", "url", "words"),
    [
        (KEY, None, "rate_limit_store"),
        (None, "sqlite:///rate.db", "set rate_limit_key to a name"),
        ("a" * 300, "sqlite:///rate.db", "rate_limit_key is"),
        ("two\nlines", "sqlite:///rate.db", "rate_limit_key is"),
        (KEY, "sqlite://", "names no file"),
        (KEY, "sqlite:///missing/rate.db", "in a directory that is there"),
        (KEY, "mysql://user:secret-word@host/database", "is no URL"),
        (KEY, "postgresql://user:secret-word@pass@host/database", "more than one @"),
        (KEY, "postgresql://user:secret-word@host:port:5/database?nonsense=1", "cannot be read"),
    ],
)
def test_bad_values_are_named(key, url, words):
    with pytest.raises(ConfigurationError, match=words) as caught:
        TMDBClient("token", rate_limit_key=key, rate_limit_store=url)
    assert "rate_limit_" in str(caught.value)
    assert "secret-word" not in str(caught.value)


def test_one_process_alone_notices_nothing():
    script = (
        "import sys\nfrom tmdbfusion_scrapy import AsyncTMDBClient, TMDBClient\nTMDBClient('token')\n"
        "print([name for name in ('rate_store', 'shared_rate') if 'tmdbfusion_scrapy.' + name in sys.modules], "
        "'psycopg' in sys.modules)"
    )
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ended.stdout.split("\n")[0] == "[] False"
