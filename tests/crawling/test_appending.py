"""Records with appended parts in a crawl: one response, however many requests it took."""

from __future__ import annotations

import asyncio
import json
import logging
from collections import Counter
from typing import ClassVar
from urllib.parse import parse_qs, urlsplit

import pytest
from scrapy import Request

from tests.coroutines import coroutine_test
from tests.crawling.crawls import MoviesSpider, crawl, failure_rows, rows, settings_of
from tests.crawling.test_retries import OPEN_QUEUES
from tmdbfusion_scrapy.crawling.calls import CALL_KEY, PROGRESS_KEY
from tmdbfusion_scrapy.crawling.responses import TMDBCachePolicy

SEASONS = [f"season/{number}" for number in range(25)]


class Parts:
    """Answers with the parts that are asked for, but for those that a test leaves out, by number of request."""

    def __init__(self, base, parts):
        self.base, self.parts = base, parts
        self.asked = []
        self.left_out = {}
        self.failures = {}
        self.headers = ""

    async def __call__(self, connection, seen):
        number = len(self.asked)
        asked = seen.query.get("append_to_response", "").split(",")
        self.asked.append(asked)
        if number in self.failures:
            await self.failures[number](connection)
            return
        parts = {
            part: self.parts[part]
            for part in asked
            if part in self.parts and part not in self.left_out.get(number, ())
        }
        whose = {"id": int(seen.target.partition("?")[0].rpartition("/")[2])}
        connection.respond(json.dumps({**self.base, **whose, **parts}).encode(), headers=self.headers)


def status(code, body=b"{}"):
    async def answer(connection):
        connection.respond(body, status=f"{code} Of The Test")

    return answer


async def reset(connection):
    connection.reset()
    await connection.hang()


@pytest.fixture
def series(raw_server):
    seasons = [{"id": 100 + number, "season_number": number} for number in range(25)]
    parts = {part: {"id": 100 + int(part[7:]), "season_number": int(part[7:])} for part in SEASONS}
    script = Parts({"id": 1, "name": "Thread", "seasons": seasons}, parts)
    raw_server.scripts["/3/tv/1"] = script
    return script


@pytest.fixture
def movie(raw_server):
    french = {"iso_639_1": "fr", "iso_3166_1": "FR", "data": {"title": "Fil"}}
    parts = {
        "credits": {"cast": [{"id": 7, "credit_id": "c7"}]},
        "images": {"posters": []},
        "translations": {"translations": [french]},
    }
    script = Parts({"id": 1, "title": "Thread", "original_language": "en"}, parts)
    raw_server.scripts["/3/movie/1"] = script
    return script


class AppendingSpider(MoviesSpider):
    """Asks for a series with 25 seasons, and has what the callback got and how often."""

    name = "appending"

    async def start(self):
        yield self.tmdb.tv.details(
            1,
            append_to_response=SEASONS,
            language="fr",
            callback=self.parse,
            errback=self.failed,
            cb_kwargs={"given": 5},
            meta={**self.meta, "mine": [1]},
            priority=3,
            **self.arguments,
        )

    def parse(self, response, given=None):
        self.given = given
        yield from super().parse(response)


@coroutine_test
async def test_more_than_twenty_parts_are_one_response(raw_server, series):
    ended = await crawl(AppendingSpider, settings_of(raw_server.url + "/3"))
    assert series.asked == [SEASONS[:20], SEASONS[20:]]
    (response,) = ended.spider.responses
    assert [season.season_number for season in response.record.appended_seasons] == list(range(25))
    assert response.record.missing_parts == ()
    assert response.body == response.record.raw
    assert json.loads(response.text).keys() == {*series.base, *SEASONS}
    # The callback sees the call as the spider made it.
    assert response.url == response.request.url
    assert parse_qs(urlsplit(response.url).query) == {
        "append_to_response": [",".join(SEASONS[:20])],
        "language": ["fr"],
    }
    assert response.request.priority == 3
    assert not response.request.dont_filter
    assert (response.meta["mine"], ended.spider.given) == ([1], 5)
    assert PROGRESS_KEY not in response.meta
    assert "retry_times" not in response.meta
    assert ended.stats["tmdb/item_count/tv_shows"] == 1
    assert ended.stats["tmdb/request_count"] == 2
    assert "tmdb/appended/requested_again_count" not in ended.stats
    assert not [record for record in ended.stats if record.startswith("log_count/WARNING")]


@coroutine_test
async def test_a_part_that_was_left_out_is_asked_for_again(raw_server, movie):
    movie.left_out[0] = {"images"}
    arguments = {"append_to_response": ["credits", "images"]}
    ended = await crawl(MoviesSpider, settings_of(raw_server.url + "/3"), ids=[1], arguments=arguments)
    assert movie.asked == [["credits", "images"], ["images"]]
    (response,) = ended.spider.responses
    assert response.record.images is not None
    assert response.record.credits.cast[0].id == 7
    assert response.url == f"{raw_server.url}/3/movie/1?append_to_response=credits,images"
    assert ended.stats["tmdb/appended/requested_again_count"] == 1
    assert ended.stats["tmdb/item_count/movies"] == 1
    assert json.loads(rows("SELECT raw FROM movies")[0][0])["images"] == {"posters": []}


@coroutine_test
async def test_what_stays_away_is_counted_and_named(raw_server, series, caplog):
    caplog.set_level(logging.INFO)
    series.parts = {part: series.parts[part] for part in SEASONS[:20]}
    ended = await crawl(AppendingSpider, settings_of(raw_server.url + "/3"))
    assert series.asked == [SEASONS[:20], SEASONS[20:], SEASONS[20:]]
    (response,) = ended.spider.responses
    assert response.record.missing_parts == tuple(SEASONS[20:])
    # All seasons are one label.
    assert ended.stats["tmdb/appended/missing_count/season"] == 1
    said = [record for record in caplog.records if record.getMessage().startswith("TMDB left out")]
    assert [(record.levelname, record.getMessage()) for record in said] == [
        ("INFO", f"TMDB left out {', '.join(SEASONS[20:])} of /tv/1")
    ]


@pytest.mark.parametrize("number", [0, 1])
@coroutine_test
async def test_a_retry_in_between(raw_server, series, number):
    series.failures[number] = status(503)
    ended = await crawl(AppendingSpider, settings_of(raw_server.url + "/3"))
    assert Counter(map(tuple, series.asked)) == {
        tuple(SEASONS[:20]): 2 - number,
        tuple(SEASONS[20:]): 1 + number,
    }
    (response,) = ended.spider.responses
    assert len(response.record.appended_seasons) == 25
    # A retry of the first request is what Scrapy makes of it.
    assert response.request.priority == 2 + number
    assert ended.stats["tmdb/retry/count"] == 1


@pytest.mark.parametrize("failure", [status(503), status(404), status(200, b"<html>"), reset], ids=range(4))
@pytest.mark.parametrize("settings", [{"RETRY_TIMES": 1}, {"RETRY_ENABLED": False}], ids=str)
@coroutine_test
async def test_a_failure_of_the_extra_request_does_not_cost_the_record(raw_server, movie, failure, settings):
    movie.left_out[0] = {"images"}
    movie.failures = dict.fromkeys(range(1, 9), failure)
    arguments = {"append_to_response": ["credits", "images"]}
    # Scrapy logs an ERROR when the retries of a request are spent.
    ended = await crawl(
        MoviesSpider,
        settings_of(raw_server.url + "/3", **settings),
        errors=None,
        ids=[1],
        arguments=arguments,
    )
    assert not ended.spider.failures
    (response,) = ended.spider.responses
    assert response.record.missing_parts == ("images",)
    assert response.record.credits.cast[0].id == 7
    assert (response.status, response.json()["id"]) == (200, 1)
    assert (
        response.url
        == response.request.url
        == f"{raw_server.url}/3/movie/1?append_to_response=credits,images"
    )
    assert PROGRESS_KEY not in response.meta
    assert ended.stats["tmdb/appended/missing_count/images"] == 1
    assert ended.stats["tmdb/item_count/movies"] == 1
    assert "tmdb/retry/given_up_count" not in ended.stats
    assert failure_rows() == []
    assert rows("SELECT count(*) FROM movies") == [(1,)]


@coroutine_test
async def test_a_status_that_the_request_handles_itself_does_not_either(raw_server, movie):
    movie.left_out[0] = {"images"}
    movie.failures[1] = status(404)
    arguments = {"append_to_response": ["credits", "images"]}
    meta = {"handle_httpstatus_list": [404]}
    ended = await crawl(
        MoviesSpider, settings_of(raw_server.url + "/3"), ids=[1], arguments=arguments, meta=meta
    )
    (response,) = ended.spider.responses
    assert (response.status, response.record.missing_parts) == (200, ("images",))


@coroutine_test
async def test_a_bad_token_closes_the_spider_there_too(raw_server, movie):
    movie.left_out[0] = {"images"}
    movie.failures[1] = status(401, b'{"status_code": 7, "status_message": "Invalid API key"}')
    arguments = {"append_to_response": ["credits", "images"]}
    ended = await crawl(
        MoviesSpider,
        settings_of(raw_server.url + "/3"),
        finish_reason="tmdb_bad_token",
        errors=None,
        ids=[1],
        arguments=arguments,
    )
    assert failure_rows() == [("movies", "1", "/movie/1", "AuthenticationError", 401, 7, 1)]
    assert not ended.spider.responses


@coroutine_test
async def test_a_failure_of_another_request_is_one_of_the_call(raw_server, series):
    series.failures = dict.fromkeys((1, 2), status(503))
    ended = await crawl(AppendingSpider, settings_of(raw_server.url + "/3", RETRY_TIMES=1), errors=None)
    assert len(series.asked) == 3
    assert failure_rows() == [("tv_shows", "1", "/tv/1", "ServerError", 503, None, 2)]
    assert not ended.spider.responses
    (failure,) = ended.spider.failures
    assert str(failure.value).startswith("GET /tv/1: ")


@coroutine_test
async def test_answers_of_different_records_are_not_merged(raw_server, series):
    async def another(connection):
        connection.respond(b'{"id": 2}')

    series.failures = {1: another}
    ended = await crawl(AppendingSpider, settings_of(raw_server.url + "/3"))
    assert ended.stats["tmdb/error_count/ResponseError"] == 1
    assert series.asked[1:] == [SEASONS[20:], SEASONS[20:]]
    assert len(ended.spider.responses[0].record.appended_seasons) == 25


@coroutine_test
async def test_an_error_in_the_place_of_a_part_is_asked_for_again(raw_server, movie):
    movie.parts["images"] = {"success": False, "status_code": 34, "status_message": "no"}
    arguments = {"append_to_response": ["credits", "images"]}
    ended = await crawl(MoviesSpider, settings_of(raw_server.url + "/3"), ids=[1], arguments=arguments)
    assert movie.asked[1:] == [["images"]]
    (response,) = ended.spider.responses
    assert (response.record.images, response.record.missing_parts) == (None, ("images",))


@coroutine_test
async def test_account_states_are_asked_for_again_with_a_session_only(raw_server, movie):
    arguments = {"append_to_response": ["account_states", "trailers"]}
    settings = settings_of(raw_server.url + "/3")
    ended = await crawl(MoviesSpider, settings, ids=[1], arguments=arguments)
    assert len(movie.asked) == 1
    assert ended.spider.responses[0].record.missing_parts == ("account_states", "trailers")


@coroutine_test
async def test_portions_of_seasons_that_do_not_exist_are_not_asked_for(raw_server, series):
    del series.base["seasons"][3:]
    series.parts = {part: series.parts[part] for part in SEASONS[:3]}
    ended = await crawl(AppendingSpider, settings_of(raw_server.url + "/3"))
    assert series.asked == [SEASONS[:20]]
    assert ended.spider.responses[0].record.missing_parts == tuple(SEASONS[3:])


class ManyMovies(MoviesSpider):
    """Asks for one movie after the other."""

    name = "many"
    custom_settings: ClassVar = {"CONCURRENT_REQUESTS": 1}


@coroutine_test
async def test_a_part_that_never_comes_is_not_asked_for_again_for_ever(raw_server, movie, caplog):
    del movie.parts["images"]
    for number in range(2, 31):
        raw_server.scripts[f"/3/movie/{number}"] = movie
    arguments = {"append_to_response": ["credits", "images"]}
    settings = settings_of(raw_server.url + "/3")
    ended = await crawl(ManyMovies, settings, ids=range(1, 31), arguments=arguments)
    assert len(movie.asked) == 50
    assert ended.stats["tmdb/appended/requested_again_count"] == 20
    assert ended.stats["tmdb/appended/missing_count/images"] == 30
    (said,) = [record for record in caplog.records if record.levelname == "WARNING"]
    assert said.getMessage().startswith("TMDB left images out of 20 records of movie-details in a row")
    assert "leave it out of append_to_response" in said.getMessage()


@coroutine_test
async def test_a_part_that_came_once_is_asked_for_again_each_time(raw_server, movie, caplog):
    for number in range(2, 31):
        raw_server.scripts[f"/3/movie/{number}"] = movie
    movie.left_out = {number: {"images"} for number in range(2, 99)}
    arguments = {"append_to_response": ["credits", "images"]}
    settings = settings_of(raw_server.url + "/3")
    ended = await crawl(ManyMovies, settings, ids=range(1, 31), arguments=arguments)
    assert ended.stats["tmdb/appended/requested_again_count"] == 28
    assert not [record for record in caplog.records if record.levelname == "WARNING"]


CACHES = [
    {"HTTPCACHE_STORAGE": f"scrapy.extensions.httpcache.{storage}", **policy}
    for storage in ("FilesystemCacheStorage", "DbmCacheStorage")
    for policy in ({}, {"HTTPCACHE_POLICY": "scrapy.extensions.httpcache.RFC2616Policy"})
]


def cached(raw_server, tmp_path, **settings):
    given = {"HTTPCACHE_ENABLED": True, "HTTPCACHE_DIR": str(tmp_path / "cache"), **settings}
    return settings_of(raw_server.url + "/3", **given)


@coroutine_test
async def test_the_http_cache_has_each_request_for_itself(raw_server, series, tmp_path):
    settings = cached(raw_server, tmp_path)
    first = await crawl(AppendingSpider, settings)
    assert len(series.asked) == 2
    second = await crawl(AppendingSpider, settings)
    assert len(series.asked) == 2
    assert second.stats["httpcache/hit"] == 2
    assert second.spider.responses[0].record == first.spider.responses[0].record
    assert second.spider.responses[0].body == first.spider.responses[0].body


@pytest.mark.parametrize("cache", CACHES, ids=range(4))
@coroutine_test
async def test_the_http_cache_keeps_no_answer_that_lacks_parts(raw_server, movie, tmp_path, cache):
    """The request for all parts is the same when they all had been left out."""
    movie.headers = "Cache-Control: max-age=600\r\n"
    settings = cached(raw_server, tmp_path, **cache)
    arguments = {"append_to_response": ["credits", "images"]}
    movie.left_out = dict.fromkeys((0, 1), frozenset({"credits", "images"}))
    first = await crawl(MoviesSpider, settings, ids=[1], arguments=arguments)
    assert len(movie.asked) == 2
    assert first.spider.responses[0].record.missing_parts == ("credits", "images")
    assert "dont_cache" not in first.spider.responses[0].meta
    second = await crawl(MoviesSpider, settings, ids=[1], arguments=arguments)
    assert second.spider.responses[0].record.missing_parts == ()
    assert len(movie.asked) == 3
    third = await crawl(MoviesSpider, settings, ids=[1], arguments=arguments)
    assert third.spider.responses[0].record == second.spider.responses[0].record
    assert len(movie.asked) == 3


@coroutine_test
async def test_the_http_cache_keeps_the_answers_around_one_that_lacks_parts(raw_server, series, tmp_path):
    settings = cached(raw_server, tmp_path)
    series.left_out = {0: {"season/3"}}
    first = await crawl(AppendingSpider, settings)
    assert series.asked == [SEASONS[:20], SEASONS[20:], ["season/3"]]
    series.asked.clear()
    series.left_out.clear()
    second = await crawl(AppendingSpider, settings)
    assert series.asked == [SEASONS[:20]]
    for ended in (first, second):
        assert ended.spider.responses[0].record.missing_parts == ()
        assert "dont_cache" not in ended.spider.responses[0].meta


@pytest.mark.parametrize("part", ["no_such_part", "trailers", "account_states"])
@coroutine_test
async def test_the_http_cache_keeps_an_answer_that_will_not_get_better(raw_server, movie, tmp_path, part):
    settings = cached(raw_server, tmp_path)
    for _ in range(2):
        ended = await crawl(MoviesSpider, settings, ids=[1], arguments={"append_to_response": part})
        assert ended.spider.responses[0].record.missing_parts == (part,)
    assert len(movie.asked) == 1


@coroutine_test
async def test_what_a_spider_does_not_want_cached_stays_so(raw_server, movie, tmp_path):
    movie.left_out[0] = {"images"}
    ended = await crawl(
        MoviesSpider,
        cached(raw_server, tmp_path),
        ids=[1],
        arguments={"append_to_response": ["credits", "images"]},
        meta={"dont_cache": True},
    )
    assert ended.spider.responses[0].meta["dont_cache"] is True
    assert "httpcache/store" not in ended.stats


@pytest.mark.parametrize("offline", [False, True])
@coroutine_test
async def test_a_cached_answer_that_lacks_parts_is_made_whole(
    raw_server, movie, tmp_path, monkeypatch, offline
):
    """One that was stored before; where the cache is to answer everything, it is taken as it is."""
    arguments = {"append_to_response": ["images"]}
    movie.left_out = dict.fromkeys((0, 1), frozenset({"images"}))
    with monkeypatch.context() as unguarded:
        unguarded.setattr(TMDBCachePolicy, "should_cache_response", lambda *_: True)
        await crawl(MoviesSpider, cached(raw_server, tmp_path), ids=[1], arguments=arguments)
    assert len(movie.asked) == 2
    settings = cached(raw_server, tmp_path, HTTPCACHE_IGNORE_MISSING=offline)
    ended = await crawl(MoviesSpider, settings, ids=[1], arguments=arguments)
    assert ended.stats["httpcache/hit"] == 1
    assert len(movie.asked) == (2 if offline else 3)
    assert ended.spider.responses[0].record.missing_parts == (("images",) if offline else ())


@pytest.mark.filterwarnings(OPEN_QUEUES)
@coroutine_test
async def test_a_job_directory_keeps_what_came_so_far(raw_server, series, tmp_path):
    class StoppedSpider(AppendingSpider):
        """Stops, as Ctrl-C does, while the first request is under way."""

        name = "stopped"

        async def start(self):
            if not series.asked:
                async for request in super().start():
                    yield request
                await raw_server.received(1)
                self.closing = asyncio.ensure_future(self.crawler.engine.close_spider_async(reason="stopped"))
                # When that has begun.
                asyncio.get_running_loop().call_later(0.05, raw_server.open_gate)

    async def late(connection, seen):
        await raw_server.gate.wait()
        await series(connection, seen)

    raw_server.scripts["/3/tv/1"] = late
    settings = settings_of(raw_server.url + "/3", JOBDIR=str(tmp_path / "job"))
    first = await crawl(StoppedSpider, settings, finish_reason="stopped")
    assert series.asked == [SEASONS[:20]]
    assert not first.spider.responses
    assert "scheduler/unserializable" not in first.stats
    second = await crawl(StoppedSpider, settings)
    assert series.asked == [SEASONS[:20], SEASONS[20:]]
    (response,) = second.spider.responses
    assert [season.season_number for season in response.record.appended_seasons] == list(range(25))
    assert (response.meta["mine"], second.spider.given) == ([1], 5)


@coroutine_test
async def test_the_texts_are_in_the_languages_of_the_call(raw_server, movie):
    arguments = {"append_to_response": "credits", "languages": ["fr-CA", "fr"]}
    ended = await crawl(MoviesSpider, settings_of(raw_server.url + "/3"), ids=[1], arguments=arguments)
    (response,) = ended.spider.responses
    assert response.record.title == "Fil"
    assert response.record.field_languages == {"title": "fr-FR"}
    assert response.json()["title"] == "Thread"
    assert rows("SELECT title FROM movies") == [("Fil",)]
    query = parse_qs(urlsplit(response.url).query)
    assert query == {"language": ["fr-CA"], "append_to_response": ["credits,translations"]}


@coroutine_test
async def test_a_call_without_parts_is_left_alone(raw_server, movie):
    ended = await crawl(MoviesSpider, settings_of(raw_server.url + "/3"), ids=[1])
    (response,) = ended.spider.responses
    assert "appends" not in response.meta[CALL_KEY]
    assert len(movie.asked) == 1


@coroutine_test
async def test_meta_that_is_passed_on_says_nothing_of_another_call(raw_server, movie):
    class PassingSpider(MoviesSpider):
        name = "passing"

        def parse(self, response):
            yield from super().parse(response)
            if len(self.responses) == 1:
                yield self.movie(1, meta=response.meta, append_to_response=None, dont_filter=True)
                url = response.url.partition("?")[0]
                # Scrapy warns of the rest.
                meta = {key: value for key, value in response.meta.items() if key.startswith("tmdb_")}
                yield Request(url, meta=meta, callback=self.parse, dont_filter=True)

    arguments = {"append_to_response": "credits", "languages": ["fr"]}
    movie.left_out[0] = {"credits"}
    ended = await crawl(PassingSpider, settings_of(raw_server.url + "/3"), ids=[1], arguments=arguments)
    assert len(ended.spider.responses) == 3
    assert movie.asked[2:] == [["translations"], [""]] or movie.asked[2:] == [[""], ["translations"]]
