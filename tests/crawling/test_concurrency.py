"""Scrapy's concurrency settings, seen from the server."""

from __future__ import annotations

import pytest
import scrapy

from tests.coroutines import coroutine_test
from tests.crawling.crawls import MoviesSpider, crawl, settings_of


@pytest.mark.parametrize(
    ("settings", "most"),
    [
        ({"CONCURRENT_REQUESTS": 3, "CONCURRENT_REQUESTS_PER_DOMAIN": 50}, 3),
        ({"CONCURRENT_REQUESTS": 50, "CONCURRENT_REQUESTS_PER_DOMAIN": 5}, 5),
        ({"CONCURRENT_REQUESTS": 50, "DOWNLOAD_SLOTS": {"tmdb": {"concurrency": 6}}}, 6),
        ({"CONCURRENT_REQUESTS": 50, "TMDB_MAX_CONNECTIONS": 2}, 2),
        ({"CONCURRENT_REQUESTS": 1}, 1),
        # 0 is no limit; the other limit holds.
        ({"CONCURRENT_REQUESTS": 0, "CONCURRENT_REQUESTS_PER_DOMAIN": 4}, 4),
        ({"CONCURRENT_REQUESTS": 7, "CONCURRENT_REQUESTS_PER_DOMAIN": 0}, 7),
        ({"CONCURRENT_REQUESTS": 9, "DOWNLOAD_SLOTS": {"tmdb": {"concurrency": 0}}}, 9),
        ({"CONCURRENT_REQUESTS": 10, "CONCURRENT_REQUESTS_PER_DOMAIN": 10, "TMDB_MAX_CONNECTIONS": 0}, 10),
        # From the command line, settings are text.
        ({"CONCURRENT_REQUESTS": "50", "DOWNLOAD_SLOTS": '{"tmdb": {"concurrency": 2}}'}, 2),
    ],
    ids=str,
)
@coroutine_test
async def test_the_most_connections_that_the_server_sees(tmdb_sandbox_factory, settings, most):
    # Slow enough for every place to be taken.
    sandbox = tmdb_sandbox_factory(latency=0.02)
    ids = sandbox.movie_ids[:30]
    ended = await crawl(MoviesSpider, settings_of(sandbox.base_url, **settings), ids=ids)
    assert ended.ids == set(ids)
    assert sandbox.connections.max_open == most
    assert sandbox.state()["requests"]["max_in_flight"] == most
    assert ended.stats["tmdb/pool/connections_opened"] == most
    assert ended.stats["tmdb/pool/connections_reused"] == 30 - most


@coroutine_test
async def test_no_limit_at_all(tmdb_sandbox_factory):
    sandbox = tmdb_sandbox_factory(latency=0.5)
    ids = sandbox.movie_ids[:40]
    settings = settings_of(sandbox.base_url, CONCURRENT_REQUESTS=0, CONCURRENT_REQUESTS_PER_DOMAIN=0)
    ended = await crawl(MoviesSpider, settings, ids=ids)
    assert ended.ids == set(ids)
    assert sandbox.connections.max_open == 40


@pytest.mark.parametrize("name", ["CONCURRENT_REQUESTS", "CONCURRENT_REQUESTS_PER_DOMAIN"])
@coroutine_test
async def test_no_limit_is_none_for_other_hosts_either(tmdb_sandbox, raw_server, name):
    class OtherSpider(MoviesSpider):
        name = "other"

        async def start(self):
            yield scrapy.Request(raw_server.url, callback=self.parse_other)

        def parse_other(self, response):
            yield {"status": response.status}

    ended = await crawl(OtherSpider, settings_of(tmdb_sandbox.base_url, **{name: 0}))
    assert ended.items == [{"status": 200}]


@coroutine_test
async def test_idle_connections_that_are_not_kept(tmdb_sandbox):
    ids = tmdb_sandbox.movie_ids[:10]
    settings = settings_of(tmdb_sandbox.base_url, CONCURRENT_REQUESTS=1, TMDB_MAX_KEEPALIVE_CONNECTIONS=0)
    await crawl(MoviesSpider, settings, ids=ids)
    assert tmdb_sandbox.connections.total == 10


@coroutine_test
async def test_the_rate_holds(tmdb_sandbox):
    ids = tmdb_sandbox.movie_ids[:12]
    settings = settings_of(tmdb_sandbox.base_url, TMDB_REQUESTS_PER_SECOND=20)
    ended = await crawl(MoviesSpider, settings, ids=ids)
    times = [seen.received_at for seen in tmdb_sandbox.requests]
    # A burst of 5 at once, then one each 50 ms.
    assert times[-1] - times[0] >= 0.05 * (12 - 5) - 0.01
    assert ended.stats["tmdb/rate_limit/wait_count"] >= 1
    assert ended.stats["tmdb/rate_limit/requests_per_second"] == 20


@coroutine_test
async def test_no_connection_is_left_open(tmdb_sandbox):
    await crawl(MoviesSpider, settings_of(tmdb_sandbox.base_url), ids=tmdb_sandbox.movie_ids[:10])
    while tmdb_sandbox.connections.open:
        pass
