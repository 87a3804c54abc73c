"""The rate limit of a crawl: shared in the process, told in the stats, ended by a stop, beside Scrapy's delays."""

from __future__ import annotations

import asyncio
import time

import pytest

from tests.coroutines import coroutine_test
from tests.crawling.crawls import MoviesSpider, crawl, failure_rows, settings_of
from tests.patience import with_more_time
from tmdbfusion_scrapy import AsyncTMDBClient
from tmdbfusion_scrapy.rate_limit import (
    RateLimiterClosed,
    RateLimitMember,
    forget_shared_states,
    shared_state,
)

# Scrapy 2.15 does not close the files of empty queues when it opens a job directory again.
OPEN_QUEUES = "ignore:unclosed file .*requests.queue:ResourceWarning"


def seconds_since(before, sandbox):
    """Return how long it took until the last request came: the first one comes late where the machine is busy."""
    return sandbox.requests[-1].received_at - before


@coroutine_test
async def test_crawls_and_clients_of_a_process_share_the_rate_limit(tmdb_sandbox):
    ids = tmdb_sandbox.movie_ids[:30]
    url = tmdb_sandbox.base_url

    class OtherSpider(MoviesSpider):
        name = "other"

    async def call() -> None:
        async with AsyncTMDBClient("token", base_url=url, requests_per_second=40) as client:
            await client.gather(client.movies.details(movie_id) for movie_id in ids[20:])

    none = {"tmdbfusion_scrapy.storage.SQLPipeline": None}
    slow = settings_of(url, TMDB_REQUESTS_PER_SECOND=20, ITEM_PIPELINES=none)
    fast = settings_of(url, TMDB_REQUESTS_PER_SECOND=200, ITEM_PIPELINES=none)
    before = time.monotonic()
    first, second, _ = await asyncio.gather(
        crawl(MoviesSpider, slow, ids=ids[:10]), crawl(OtherSpider, fast, ids=ids[10:20]), call()
    )
    assert first.ids | second.ids == set(ids[:20])
    # They take turns, so the slow crawl ends last or nearly so, and until then there are 20 a second together.
    # Each with a limit of its own would be done in half a second.
    assert seconds_since(before, tmdb_sandbox) >= 20 / 20 - 0.1
    assert second.stats["tmdb/rate_limit/lowest_requests_per_second"] == 20


@coroutine_test
@with_more_time
async def test_stats_of_a_crawl_that_met_a_limit(tmdb_sandbox_factory, scale):
    # A limit that this machine can pass, however busy it is.
    limit, count = 40 // scale, 70 // scale
    sandbox = tmdb_sandbox_factory(rate_limit=limit)
    ids = sandbox.movie_ids[:count]
    settings = settings_of(sandbox.base_url, TMDB_REQUESTS_PER_SECOND=400, RETRY_TIMES=10)
    ended = await crawl(MoviesSpider, settings, ids=ids)
    assert ended.ids == set(ids)
    stats = ended.stats
    refused = stats["tmdb/response_status_count/429"]
    assert stats["tmdb/rate_limit/pause_count"] >= 1
    assert (
        stats["tmdb/rate_limit/lowest_requests_per_second"]
        <= stats["tmdb/rate_limit/requests_per_second"]
        < 60 / scale
    )
    # All that were sent after the pause, and those that it caught.
    assert stats["tmdb/rate_limit/wait_count"] >= count - limit
    assert stats["tmdb/rate_limit/wait_seconds"] >= 1
    assert stats["tmdb/request_count"] == count + refused
    assert stats["tmdb/pool/connections_opened"] == sandbox.connections.total
    assert stats["tmdb/pool/connections_reused"] == count + refused - sandbox.connections.total
    assert stats["tmdb/pool/connections_open"] == stats["tmdb/pool/connections_opened"]
    # Scrapy sends as many as there are connections; one may be asked for a moment before it is given back.
    assert stats["tmdb/pool/waiting_max"] < 16
    assert stats["tmdb/pool/tls_handshakes"] == 0


@coroutine_test
async def test_stats_are_there_while_the_crawl_runs(tmdb_sandbox):
    class LookingSpider(MoviesSpider):
        name = "looking"

        def parse(self, response):
            self.rate = self.crawler.stats.get_value("tmdb/rate_limit/requests_per_second")
            yield from super().parse(response)

    ended = await crawl(
        LookingSpider, settings_of(tmdb_sandbox.base_url, TMDB_REQUESTS_PER_SECOND=30), ids=[1]
    )
    assert ended.spider.rate == 30


def pausing(sandbox, tmp_path, place):
    """The ids of a crawl and its settings, with a pause of 100 seconds at the request in that place."""
    ids = sandbox.movie_ids[:12]
    sandbox.fail_next(429, path=f"movie/{ids[place]}", headers={"Retry-After": "100"})
    settings = settings_of(
        sandbox.base_url,
        JOBDIR=str(tmp_path / "job"),
        TMDB_REQUESTS_PER_SECOND=20,
        TMDB_RETRY_MAX_DELAY=120,
        CONCURRENT_REQUESTS=4,
    )
    return ids, settings


class StoppedInPauseSpider(MoviesSpider):
    """Is stopped, as by Ctrl-C, when TMDB has asked to wait for a minute."""

    name = "stopped_in_pause"

    async def start(self):
        self.stopping = asyncio.ensure_future(self.stop())
        async for request in super().start():
            yield request

    async def stop(self):
        watcher = RateLimitMember(0)
        shared_state(self.crawler.settings["TMDB_API_URL"]).join(watcher, 0.0)
        while not watcher.pauses:  # noqa: ASYNC110 - what it waits for has no event
            await asyncio.sleep(0.01)
        # Time for some more to come and wait.
        await asyncio.sleep(0.2)
        await self.crawler.engine.close_spider_async(reason="stopped")


@pytest.mark.filterwarnings(OPEN_QUEUES)
@coroutine_test
async def test_a_stop_ends_a_pause_and_what_waited_is_kept_for_the_next_run(tmdb_sandbox, tmp_path, caplog):
    ids, settings = pausing(tmdb_sandbox, tmp_path, place=2)
    first = await crawl(StoppedInPauseSpider, settings, finish_reason="stopped", ids=ids)
    assert len(first.ids) < 8
    assert first.spider.failures == []
    assert failure_rows() == []
    waiting = [line for line in caplog.messages if "all requests wait" in line]
    assert waiting == ["TMDB asks to wait 100 s (429); all requests wait"]
    sent = len(tmdb_sandbox.requests)
    forget_shared_states()
    second = await crawl(MoviesSpider, {**settings, "TMDB_REQUESTS_PER_SECOND": 0}, ids=ids)
    assert first.ids | second.ids == set(ids)
    assert not first.ids & second.ids
    # Nothing but the 429 was asked for twice.
    assert sent + len(second.ids) == len(tmdb_sandbox.requests) == len(ids) + 1


@coroutine_test
async def test_a_stop_ends_the_waiting_of_a_callback(tmdb_sandbox):
    class AskingSpider(StoppedInPauseSpider):
        name = "asking"
        error = None

        async def parse(self, response):
            try:
                await self.crawler.engine.download_async(self.movie(2))
                await self.crawler.engine.download_async(self.movie(3))
            except RateLimiterClosed as error:
                self.error = error
            yield response.record

    tmdb_sandbox.fail_next(429, path="movie/2", headers={"Retry-After": "100"})
    settings = settings_of(tmdb_sandbox.base_url, RETRY_ENABLED=False, TMDB_RETRY_MAX_DELAY=120)

    class Careless(AskingSpider):
        name = "careless"

        async def parse(self, response):
            try:
                await self.crawler.engine.download_async(self.movie(2))
            except Exception:  # noqa: BLE001 - a 429, after which the next call waits
                async for item in super().parse(response):
                    yield item

    ended = await crawl(Careless, settings, finish_reason="stopped", ids=[1])
    assert isinstance(ended.spider.error, RateLimiterClosed)
    assert ended.ids == {1}


@pytest.mark.parametrize(
    "settings",
    [
        {"DOWNLOAD_SLOTS": {"tmdb": {"delay": 0.1}}},
        {"AUTOTHROTTLE_ENABLED": True, "AUTOTHROTTLE_START_DELAY": 0.1, "DOWNLOAD_DELAY": 0.1},
    ],
    ids=["DOWNLOAD_SLOTS", "AUTOTHROTTLE"],
)
@pytest.mark.parametrize("rate", [0, 100])
@coroutine_test
async def test_scrapys_own_delays_hold_on_top(tmdb_sandbox, settings, rate):
    ids = tmdb_sandbox.movie_ids[:6]
    given = settings_of(tmdb_sandbox.base_url, TMDB_REQUESTS_PER_SECOND=rate, **settings)
    before = time.monotonic()
    ended = await crawl(MoviesSpider, given, ids=ids)
    assert ended.ids == set(ids)
    # Scrapy draws each delay from a half to one and a half of it.
    assert seconds_since(before, tmdb_sandbox) >= 5 * 0.1 / 2 - 0.05


@coroutine_test
async def test_the_rate_holds_on_top_of_scrapys_delays(tmdb_sandbox):
    ids = tmdb_sandbox.movie_ids[:6]
    slots = {"tmdb": {"delay": 0.001}}
    settings = settings_of(tmdb_sandbox.base_url, TMDB_REQUESTS_PER_SECOND=10, DOWNLOAD_SLOTS=slots)
    before = time.monotonic()
    await crawl(MoviesSpider, settings, ids=ids)
    assert seconds_since(before, tmdb_sandbox) >= 5 / 10 - 0.1


@coroutine_test
@with_more_time
async def test_autothrottle_sees_the_latency_without_the_wait_for_the_rate_limit(tmdb_sandbox, scale):
    forget_shared_states()

    class LatencySpider(MoviesSpider):
        name = "latency"

        def parse(self, response):
            self.latencies = [*getattr(self, "latencies", []), response.meta["download_latency"]]
            yield from super().parse(response)

    settings = settings_of(tmdb_sandbox.base_url, TMDB_REQUESTS_PER_SECOND=4 / scale)
    ended = await crawl(LatencySpider, settings, ids=tmdb_sandbox.movie_ids[:4])
    assert ended.stats["tmdb/rate_limit/wait_seconds"] > 0.6
    # With the wait all but the first would be longer than a fourth of a second.
    assert sorted(ended.spider.latencies)[1] < 0.25 * scale


@coroutine_test
@with_more_time
async def test_the_wait_for_the_rate_limit_is_no_download_time(tmdb_sandbox, scale):
    tmdb_sandbox.clear()
    forget_shared_states()
    ids = tmdb_sandbox.movie_ids[:8]
    tmdb_sandbox.fail_next(429, path=f"movie/{ids[3]}", headers={"Retry-After": str(scale)})
    settings = settings_of(
        tmdb_sandbox.base_url,
        TMDB_REQUESTS_PER_SECOND=10,
        TMDB_RETRY_MAX_DELAY=60,
        DOWNLOAD_TIMEOUT=0.4 * scale,
        CONCURRENT_REQUESTS=8,
    )
    ended = await crawl(MoviesSpider, settings, ids=ids)
    assert ended.ids == set(ids)
    # The 429 alone: all others waited for longer than the time-out, and none was timed out.
    assert ended.stats["tmdb/retry/count"] == 1
    assert ended.stats["tmdb/request_count"] == len(tmdb_sandbox.requests) == 9


@pytest.mark.filterwarnings(OPEN_QUEUES)
@coroutine_test
async def test_what_waits_when_the_crawl_is_stopped_is_not_counted_as_sent(tmdb_sandbox, tmp_path):
    ids, settings = pausing(tmdb_sandbox, tmp_path, place=1)
    ended = await crawl(StoppedInPauseSpider, settings, finish_reason="stopped", ids=ids)
    assert ended.stats["tmdb/request_count"] == len(tmdb_sandbox.requests) < 8
