"""Answers of which something is missing: nothing is lost without a word."""

from __future__ import annotations

import gc
import weakref

import pytest
from scrapy import Spider
from scrapy.crawler import AsyncCrawlerRunner
from scrapy.settings import Settings

from tests.coroutines import coroutine_test
from tests.crawling.crawls import MoviesSpider, crawl, rows, settings_of
from tests.crawling.test_sources import SourceSpider
from tmdbfusion_scrapy import TMDBSpider
from tmdbfusion_scrapy.crawling.session import session_of
from tmdbfusion_scrapy.exceptions import ConfigurationError

FAILURES = "SELECT id, path, error, message FROM tmdb_failures ORDER BY path"
TOKEN = "a-token-that-the-server-sends-back"


@coroutine_test
async def test_records_without_an_id_are_on_record_by_the_id_asked_for(tmdb_sandbox):
    for movie in (2, 3):
        tmdb_sandbox.fail_next(200, path=f"movie/{movie}", body={"id": None, "title": "Nobody"})
    settings = settings_of(tmdb_sandbox.base_url, RETRY_TIMES=0)
    ended = await crawl(SourceSpider, settings, errors=None, ids="1,2,3")
    assert ended.ids == {1}
    said = "the record has no id"
    assert rows(FAILURES) == [
        ("2", "/movie/2", "ResponseError", said),
        ("3", "/movie/3", "ResponseError", said),
    ]


@coroutine_test
async def test_a_page_of_nulls_is_on_record(tmdb_sandbox, caplog):
    tmdb_sandbox.fail_next(200, path="movie/popular", body={"page": 1, "results": None, "total_pages": None})
    await crawl(SourceSpider, settings_of(tmdb_sandbox.base_url))
    ((record_id, path, error, _),) = rows(FAILURES)
    assert (record_id, path, error) == (None, "/movie/popular?page=1", "ResponseError")
    assert any("does not say how many" in record.getMessage() for record in caplog.records)


@coroutine_test
async def test_results_without_an_id_are_on_record(tmdb_sandbox):
    body = {"page": 1, "results": [{"id": 1}, {"id": None}], "total_pages": 1, "total_results": 2}
    tmdb_sandbox.fail_next(200, path="movie/popular", body=body)
    ended = await crawl(SourceSpider, settings_of(tmdb_sandbox.base_url))
    assert ended.ids == {1}
    assert len(rows(FAILURES)) == 1


@coroutine_test
async def test_what_an_array_should_not_have_is_counted(raw_server):
    class Countries(TMDBSpider):
        name = "countries"

        async def start(self):
            yield self.tmdb.configuration.countries(callback=self.parse)

        def parse(self, response):
            yield from ({"country": country.iso_3166_1} for country in response.record)

    async def answer(connection, seen):
        connection.respond(b'[{"iso_3166_1":"FR"}, null, {"iso_3166_1":7}]')

    raw_server.scripts["/3/configuration/countries"] = answer
    ended = await crawl(Countries, settings_of(raw_server.url + "/3"))
    assert ended.items == [{"country": "FR"}, {"country": "7"}]
    drift = {name: count for name, count in ended.stats.items() if name.startswith("tmdb/drift_count/")}
    assert drift == {"tmdb/drift_count/list[Country]": 1, "tmdb/drift_count/Country.iso_3166_1": 1}


@coroutine_test
async def test_a_token_that_the_server_sends_back_is_not_kept(tmdb_sandbox, caplog):
    body = {"success": False, "status_code": 5, "status_message": f"bad {TOKEN}"}
    tmdb_sandbox.fail_next(422, path="movie/5", body=body)
    settings = settings_of(tmdb_sandbox.base_url, TMDB_ACCESS_TOKEN=TOKEN)
    await crawl(SourceSpider, settings, ids="5")
    assert [message for *_, message in rows(FAILURES)] == ["bad ***"]
    assert TOKEN not in caplog.text


@coroutine_test
async def test_a_crawler_is_let_go_after_its_crawl(tmdb_sandbox):
    ended = await crawl(MoviesSpider, settings_of(tmdb_sandbox.base_url), ids=[1])
    assert session_of(ended.crawler) is session_of(ended.crawler)
    crawler = weakref.ref(ended.crawler)
    del ended
    gc.collect()
    assert crawler() is None


@coroutine_test
async def test_disabled_means_that_no_setting_of_ours_is_looked_at(tmdb_sandbox):
    class Nothing(Spider):
        name = "nothing"

        async def start(self):
            yield {"item": 1}

    settings = settings_of(tmdb_sandbox.base_url, ADDONS={"tmdbfusion_scrapy.Addon": 500})
    settings |= {"TMDB_ENABLED": False, "TMDB_API_URL": "nope", "TMDB_LANGUAGE": "klingon"}
    ended = await crawl(Nothing, settings, errors=None)
    assert ended.items == [{"item": 1}]


@coroutine_test
async def test_a_switch_that_is_neither_on_nor_off_is_named(tmdb_sandbox):
    runner = AsyncCrawlerRunner(Settings(settings_of(tmdb_sandbox.base_url, TMDB_ENABLED="maybe")))
    with pytest.raises(ConfigurationError, match="TMDB_ENABLED is 'maybe': set it to True or False"):
        await runner.crawl(SourceSpider)
