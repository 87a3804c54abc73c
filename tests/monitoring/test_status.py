"""``crawler.tmdb``: the status of a crawl while it runs and after."""

from __future__ import annotations

import json
from typing import ClassVar

import pytest
import scrapy
from scrapy.utils.test import get_crawler

from tests.coroutines import coroutine_test
from tests.crawling.crawls import crawl, settings_of
from tmdbfusion_scrapy.crawling import TMDBSeriesSpider, TMDBSourceSpider
from tmdbfusion_scrapy.exceptions import ConfigurationError
from tmdbfusion_scrapy.monitoring.status import status_of


class Movies(TMDBSourceSpider):
    """Takes a snapshot with each record that comes."""

    name = "movies_of_the_tests"
    details_operation = "movie-details"
    list_operations: ClassVar = {"popular": "movie-popular-list"}
    discover_operation = "discover-movie"

    def parse_details(self, response):
        taken = self.__dict__.setdefault("taken", [])
        taken.append(status_of(self.crawler).snapshot())
        yield response.record


class Series(TMDBSeriesSpider):
    """Stores series with their seasons."""

    name = "series_of_the_tests"
    details_operation = "tv-series-details"

    def parse_details(self, response):
        yield response.record


def ends(ended):
    return status_of(ended.crawler).snapshot()


@coroutine_test
async def test_what_became_of_each_record_is_counted(tmdb_sandbox):
    tmdb_sandbox.fail_next(429, path="movie/2", headers={"Retry-After": "0"})
    ended = await crawl(
        Movies,
        settings_of(tmdb_sandbox.base_url, TMDB_REQUESTS_PER_SECOND=200),
        ids="1,2,3,4,5,99999998,99999999",
        errors=None,
    )
    end = ends(ended)
    assert ended.crawler.tmdb is status_of(ended.crawler)
    assert (end.spider, end.source, end.run_id) == ("movies_of_the_tests", "7 given ids", 1)
    assert (end.wanted, end.wanted_grows, end.done, end.stored, end.gone) == (7, False, 7, 5, 2)
    assert (end.failed, end.failures, end.unchanged) == (0, {}, 0)
    assert (end.requests, end.retries, end.rate_limited) == (8, 1, 1)
    assert end.responses == {200: 5, 404: 2, 429: 1}
    assert end.bytes > 1000
    assert end.latency is not None
    assert 0 < end.latency.p50 <= end.latency.p95 <= end.latency.p99
    assert end.rate_limit == 200
    assert end.rate_now < 200
    assert end.pauses == 1
    assert (end.limited_by, end.paused_for, end.seconds_left) == (None, 0, None)
    assert end.memory is None or end.memory > 10_000_000
    assert json.loads(json.dumps(end.to_dict()))["connections"]["most"] == 8

    first, *_, last = ended.spider.taken
    assert first.wanted == 7
    assert first.done < last.done <= 7
    assert 0 < first.connections.active <= first.connections.open <= 8


@coroutine_test
async def test_a_list_has_the_total_of_its_first_page_and_grows_while_it_is_read(tmdb_sandbox):
    settings = settings_of(
        tmdb_sandbox.base_url, ITEM_PIPELINES={"tmdbfusion_scrapy.storage.SQLPipeline": None}
    )
    ended = await crawl(Movies, settings, source="list", pages="4")
    assert {now.wanted for now in ended.spider.taken} == {80}
    assert ended.spider.taken[0].wanted_grows
    end = ends(ended)
    assert (end.wanted, end.wanted_grows, end.done, end.run_id) == (80, False, 80, None)
    assert (end.stored, status_of(ended.crawler).database) == (0, "")


@coroutine_test
async def test_a_run_that_goes_on_wants_what_is_left(tmdb_sandbox_factory):
    tmdb_sandbox = tmdb_sandbox_factory(today=None)

    class Stops(Movies):
        custom_settings: ClassVar = {"CLOSESPIDER_ITEMCOUNT": 10, "CONCURRENT_REQUESTS": 1}

    settings = settings_of(tmdb_sandbox.base_url, TMDB_EXPORTS_URL=tmdb_sandbox.exports_url)
    first = await crawl(Stops, settings, source="export", limit="30", finish_reason="closespider_itemcount")
    assert ends(first).wanted == 30
    second = await crawl(Movies, settings, source="export", limit="30")
    assert ends(second).wanted == 30 - ends(first).stored
    assert ends(second).done == ends(second).wanted == ends(second).stored
    assert ends(second).run_id == ends(first).run_id


@coroutine_test
async def test_what_limits_a_crawl_is_named(tmdb_sandbox_factory):
    sandbox = tmdb_sandbox_factory(latency=0.02)
    # Eight connections are enough for it, also where an answer takes a third of a second.
    ids = ",".join(map(str, range(1, 21)))
    by_rate = await crawl(Movies, settings_of(sandbox.base_url, TMDB_REQUESTS_PER_SECOND=20), ids=ids)
    assert "rate" in {now.limited_by for now in by_rate.spider.taken[5:]}
    assert not {"connections", "server"} & {now.limited_by for now in by_rate.spider.taken[5:]}
    assert any(now.waiting for now in by_rate.spider.taken)


@coroutine_test
async def test_a_failed_list_does_not_count_as_a_record(tmdb_sandbox):
    tmdb_sandbox.fail_next(500, path="movie/popular", times=3)
    ended = await crawl(Movies, settings_of(tmdb_sandbox.base_url), source="list", pages="1", errors=None)
    end = ends(ended)
    assert (end.wanted, end.done, end.failed, end.failures) == (None, 0, 1, {"ServerError": 1})


@coroutine_test
async def test_a_spider_of_another_kind_has_a_status_and_asks_tmdb_for_nothing(tmdb_sandbox):
    class Other(scrapy.Spider):
        name = "other"

        async def start(self):
            self.now = self.crawler.tmdb.snapshot()
            return
            yield

    settings = settings_of(tmdb_sandbox.base_url, ADDONS={"tmdbfusion_scrapy.Addon": 500})
    ended = await crawl(Other, settings)
    assert (ended.spider.now.spider, ended.spider.now.wanted, ended.spider.now.requests) == ("other", None, 0)
    assert ended.spider.now.connections.open == 0


def test_a_crawl_without_the_addon_has_none():
    with pytest.raises(ConfigurationError, match=r"tmdbfusion_scrapy\.Addon"):
        status_of(get_crawler())


@coroutine_test
async def test_seasons_and_episodes_are_no_records_that_were_asked_for(tmdb_sandbox):
    ended = await crawl(
        Series, settings_of(tmdb_sandbox.base_url), ids=",".join(map(str, tmdb_sandbox.series_ids[:3]))
    )
    assert (ends(ended).wanted, ends(ended).stored) == (3, 3)
    assert ended.stats["tmdb/stored_count/seasons"] > 0
