"""Who is tried again, how often, and where a retry waits."""

from __future__ import annotations

import asyncio

import pytest
from scrapy import signals

from tests.coroutines import coroutine_test
from tests.crawling.crawls import MoviesSpider, crawl, failure_rows, rows, settings_of
from tmdbfusion_scrapy.crawling.calls import RETRY_DELAY_KEY
from tmdbfusion_scrapy.exceptions import NotFoundError, TMDBError


def attempts(sandbox):
    return len(sandbox.requests)


@pytest.mark.parametrize(
    ("settings", "meta", "tried"),
    [
        ({}, {}, 3),
        ({"RETRY_TIMES": 0}, {}, 1),
        ({"RETRY_TIMES": 4}, {}, 5),
        ({"RETRY_ENABLED": False}, {}, 1),
        ({}, {"dont_retry": True}, 1),
        ({}, {"max_retry_times": 1}, 2),
        ({"RETRY_TIMES": 1}, {"max_retry_times": 3}, 4),
        ({}, {"max_retry_times": 0}, 1),
        # The user's choice of statuses decides.
        ({"RETRY_HTTP_CODES": [503]}, {}, 3),
        ({"RETRY_HTTP_CODES": "503,429"}, {}, 3),
        ({"RETRY_HTTP_CODES": [429]}, {}, 1),
        ({"RETRY_HTTP_CODES": []}, {}, 1),
    ],
    ids=str,
)
@coroutine_test
async def test_how_often_a_503_is_tried(tmdb_sandbox, settings, meta, tried):
    tmdb_sandbox.fail_next(503, times=10)
    ended = await crawl(
        MoviesSpider, settings_of(tmdb_sandbox.base_url, **settings), errors=None, ids=[1], meta=meta
    )
    assert attempts(tmdb_sandbox) == tried
    assert failure_rows() == [("movies", "1", "/movie/1", "ServerError", 503, 9, tried)]
    assert ended.stats.get("tmdb/retry/count", 0) == ended.stats.get("retry/count", 0) == tried - 1
    assert ended.stats["tmdb/request_count"] == tried


@coroutine_test
async def test_a_status_that_only_the_user_wants_retried(tmdb_sandbox):
    tmdb_sandbox.fail_next(404)
    ended = await crawl(MoviesSpider, settings_of(tmdb_sandbox.base_url, RETRY_HTTP_CODES=[404]), ids=[1])
    assert ended.ids == {1}
    assert attempts(tmdb_sandbox) == 2


@coroutine_test
async def test_the_users_statuses_leave_failed_connections_and_bad_bodies_alone(tmdb_sandbox):
    tmdb_sandbox.fail_next("reset", path="movie/1")
    tmdb_sandbox.fail_next("html", path="movie/2")
    settings = settings_of(tmdb_sandbox.base_url, RETRY_HTTP_CODES=[429], CONCURRENT_REQUESTS=1)
    ended = await crawl(MoviesSpider, settings, ids=[1, 2])
    assert ended.ids == {1, 2}


@pytest.mark.parametrize(
    ("settings", "meta", "change"),
    [
        ({}, {}, -1),
        ({"RETRY_PRIORITY_ADJUST": 5}, {}, 5),
        ({"RETRY_PRIORITY_ADJUST": 5}, {"priority_adjust": 2}, 2),
    ],
)
@coroutine_test
async def test_the_priority_of_a_retry(tmdb_sandbox, settings, meta, change):
    tmdb_sandbox.fail_next(503)
    ended = await crawl(
        MoviesSpider,
        settings_of(tmdb_sandbox.base_url, **settings),
        ids=[1],
        meta=meta,
        arguments={"priority": 10},
    )
    (response,) = ended.spider.responses
    assert response.request.priority == 10 + change
    assert response.meta["retry_times"] == 1
    assert RETRY_DELAY_KEY not in response.meta


class WaitingSpider(MoviesSpider):
    """Notes how many requests Scrapy's downloader held when other records came."""

    name = "waiting"

    def parse(self, response):
        self.held = len(self.crawler.engine.downloader.active)
        yield from super().parse(response)


@coroutine_test
async def test_a_waiting_retry_holds_no_place(tmdb_sandbox):
    tmdb_sandbox.fail_next(503, path="movie/1", headers={"Retry-After": "1"})
    settings = settings_of(tmdb_sandbox.base_url, CONCURRENT_REQUESTS=1, TMDB_RETRY_MAX_DELAY=5)
    ended = await crawl(WaitingSpider, settings, ids=[1, 2, 3, 4])
    # All others came while the first one waited; after them the spider stayed open for it.
    assert [response.record.id for response in ended.spider.responses] == [2, 3, 4, 1]
    first, *_, again = tmdb_sandbox.requests
    assert first.path == again.path == "/3/movie/1"
    assert again.received_at - first.received_at >= 1
    assert rows("SELECT count(*) FROM movies") == [(4,)]


@coroutine_test
async def test_many_retries_wait_together(tmdb_sandbox):
    ids = tmdb_sandbox.movie_ids[:30]
    # Each pauses all calls as well.
    tmdb_sandbox.fail_next(503, times=30, headers={"Retry-After": "0.05"})
    settings = settings_of(tmdb_sandbox.base_url, CONCURRENT_REQUESTS=2, TMDB_RETRY_MAX_DELAY=5)
    ended = await crawl(MoviesSpider, settings, ids=ids)
    assert ended.ids == set(ids)
    assert ended.stats["tmdb/retry/count"] == 30
    assert attempts(tmdb_sandbox) == 60


@coroutine_test
async def test_a_call_in_a_callback_is_tried_again_too(tmdb_sandbox):
    class AskingSpider(MoviesSpider):
        name = "asking"

        async def parse(self, response):
            self.crawler.signals.connect(self.note, signals.request_scheduled)
            response = await self.crawler.engine.download_async(self.movie(2))
            yield response.record
            with pytest.raises(NotFoundError):
                await self.crawler.engine.download_async(self.movie(999_999))

        def note(self, request):
            raise AssertionError("it does not go through the scheduler")

    tmdb_sandbox.fail_next(503, path="movie/2", headers={"Retry-After": "0.2"})
    settings = settings_of(tmdb_sandbox.base_url, TMDB_RETRY_MAX_DELAY=5)
    ended = await crawl(AskingSpider, settings, ids=[1])
    assert ended.ids == {2}
    _, second, third, _ = tmdb_sandbox.requests
    assert second.path == third.path == "/3/movie/2"
    assert third.received_at - second.received_at >= 0.2


class PostingSpider(MoviesSpider):
    """Sends a POST, for which the catalogue may have no endpoint yet."""

    name = "posting"

    async def start(self):
        for request in [self.movie(1).replace(method="POST", body=b"{}")]:
            yield request


@pytest.mark.parametrize(("fault", "tried"), [(500, 1), ("reset", 1), ("truncate", 1), (429, 2)])
@coroutine_test
async def test_a_post_is_tried_again_only_where_it_was_surely_not_carried_out(tmdb_sandbox, fault, tried):
    tmdb_sandbox.fail_next(fault, times=1)
    ended = await crawl(PostingSpider, settings_of(tmdb_sandbox.base_url))
    assert attempts(tmdb_sandbox) == tried
    (failure,) = ended.spider.failures
    assert isinstance(failure.value, TMDBError)
    assert failure.value.method == "POST"


@coroutine_test
async def test_a_callback_may_ask_for_a_status(tmdb_sandbox):
    settings = settings_of(tmdb_sandbox.base_url)
    meta = {"handle_httpstatus_list": [404]}

    class LenientSpider(MoviesSpider):
        name = "lenient"

        def parse(self, response):
            self.responses.append(response)
            yield {"status": response.status, "code": response.json()["status_code"]}

    ended = await crawl(LenientSpider, settings, ids=[999_999], meta=meta)
    assert ended.items == [{"status": 404, "code": 34}]
    assert ended.spider.responses[0].record is None
    assert not ended.spider.failures
    tmdb_sandbox.clear()
    tmdb_sandbox.fail_next(503, times=3)
    ended = await crawl(LenientSpider, settings, errors=1, ids=[1], meta={"handle_httpstatus_all": True})
    # As with Scrapy's own RetryMiddleware, the callback gets the last answer.
    assert ended.items == [{"status": 503, "code": 9}]
    assert ended.stats["tmdb/retry/count"] == ended.stats["retry/count"] == 2
    assert attempts(tmdb_sandbox) == 3


@coroutine_test
async def test_a_callback_that_asks_for_401_keeps_the_spider_open(tmdb_sandbox_factory):
    class TokenSpider(MoviesSpider):
        name = "token"

        def parse(self, response):
            yield {"status": response.status}

    sandbox = tmdb_sandbox_factory(token="another")
    settings = settings_of(sandbox.base_url, CONCURRENT_REQUESTS=1)
    ended = await crawl(TokenSpider, settings, ids=[1, 2, 3], meta={"handle_httpstatus_list": [401]})
    assert ended.items == [{"status": 401}] * 3


@coroutine_test
async def test_a_500_that_will_not_pass_is_not_retried_by_scrapy_either(tmdb_sandbox):
    body = {"success": False, "status_code": 44, "status_message": "The ID is invalid."}
    tmdb_sandbox.fail_next(500, body=body)
    ended = await crawl(MoviesSpider, settings_of(tmdb_sandbox.base_url), ids=[1])
    assert failure_rows() == [("movies", "1", "/movie/1", "NotFoundError", 500, 44, 1)]
    tmdb_sandbox.fail_next(500, body=body)
    meta = {"handle_httpstatus_list": [500]}
    ended = await crawl(MoviesSpider, settings_of(tmdb_sandbox.base_url), ids=[1], meta=meta)
    assert [response.status for response in ended.spider.responses] == [500]
    assert attempts(tmdb_sandbox) == 2


@coroutine_test
async def test_a_spider_may_ask_for_a_status(tmdb_sandbox):
    class LenientSpider(MoviesSpider):
        name = "lenient"
        handle_httpstatus_list = (404,)

        def parse(self, response):
            yield {"status": response.status}

    ended = await crawl(LenientSpider, settings_of(tmdb_sandbox.base_url), ids=[999_999])
    assert ended.items == [{"status": 404}]


@coroutine_test
async def test_an_errback_gets_the_error_and_the_request(tmdb_sandbox):
    ended = await crawl(MoviesSpider, settings_of(tmdb_sandbox.base_url), ids=[999_999])
    (failure,) = ended.spider.failures
    assert isinstance(failure.value, NotFoundError)
    assert failure.request.url == f"{tmdb_sandbox.base_url}/movie/999999"
    assert str(failure.value).startswith("GET /movie/999999: ")


class StoppingSpider(MoviesSpider):
    """Stops as Ctrl-C does, once the other records have come."""

    name = "stopping"

    def parse(self, response):
        yield from super().parse(response)
        if len(self.responses) == 2:
            self.closing = asyncio.ensure_future(self.crawler.engine.close_spider_async(reason="stopped"))


# Scrapy 2.15 does not close the files of empty queues when it opens a job directory again.
OPEN_QUEUES = "ignore:unclosed file .*requests.queue:ResourceWarning"


# A 5xx with Retry-After would pause all calls of the process, the second crawl's too.
WAIT_LONG = {"RETRY_HTTP_CODES": [408], "TMDB_RETRY_MAX_DELAY": 120}


@pytest.mark.filterwarnings(OPEN_QUEUES)
@coroutine_test
async def test_a_retry_that_waits_at_a_clean_stop_is_kept_for_the_next_run(tmdb_sandbox, tmp_path):
    tmdb_sandbox.fail_next(408, path="movie/1", headers={"Retry-After": "60"})
    settings = settings_of(tmdb_sandbox.base_url, JOBDIR=str(tmp_path / "job"), **WAIT_LONG)
    ended = await crawl(StoppingSpider, settings, finish_reason="stopped", ids=[1, 2, 3])
    assert ended.ids == {2, 3}
    # In a second run the spider asks for the same again: what has been crawled is filtered.
    ended = await crawl(StoppingSpider, settings, ids=[2, 3])
    assert ended.ids == {1}
    assert [seen.path for seen in tmdb_sandbox.requests].count("/3/movie/1") == 2
    assert rows("SELECT count(*) FROM movies") == [(3,)]
    (response,) = ended.spider.responses
    assert response.meta["retry_times"] == 1


@coroutine_test
async def test_a_retry_that_waits_at_a_stop_without_a_job_directory_is_let_go(tmdb_sandbox):
    tmdb_sandbox.fail_next(408, path="movie/1", headers={"Retry-After": "60"})
    settings = settings_of(tmdb_sandbox.base_url, **WAIT_LONG)
    ended = await crawl(StoppingSpider, settings, finish_reason="stopped", ids=[1, 2, 3])
    assert ended.ids == {2, 3}


class HaltingSpider(MoviesSpider):
    """Stops at the first record."""

    name = "halting"

    def parse(self, response):
        yield from super().parse(response)
        if len(self.responses) == 1 and self.crawler.settings.getbool("HALT"):
            self.closing = asyncio.ensure_future(self.crawler.engine.close_spider_async(reason="stopped"))


@pytest.mark.filterwarnings(OPEN_QUEUES)
@coroutine_test
async def test_a_job_directory_keeps_requests_for_a_second_run(tmdb_sandbox_factory, tmp_path):
    # Scrapy 2.15 calls a callback a tenth of a second after the response has come.
    sandbox = tmdb_sandbox_factory(latency=0.05)
    ids = sandbox.movie_ids[:20]
    settings = settings_of(sandbox.base_url, JOBDIR=str(tmp_path / "job"), CONCURRENT_REQUESTS=2, HALT=True)

    class AllAtOnce(HaltingSpider):
        name = "all_at_once"

        async def start(self):
            if self.crawler.settings.getbool("HALT"):
                for movie_id in self.ids:
                    self.crawler.engine.crawl(self.movie(movie_id))
            return
            yield

    first = await crawl(AllAtOnce, settings, finish_reason="stopped", ids=ids)
    assert 1 <= len(first.ids) < 20
    assert "scheduler/unserializable" not in first.stats
    second = await crawl(AllAtOnce, {**settings, "HALT": False}, ids=[])
    assert first.ids | second.ids == set(ids)
    assert not first.ids & second.ids
    assert attempts(sandbox) == 20
    assert rows("SELECT count(*) FROM movies") == [(20,)]
