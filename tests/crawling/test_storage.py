"""When the database is opened."""

from __future__ import annotations

import pytest
import scrapy
from scrapy.crawler import AsyncCrawlerRunner
from scrapy.settings import Settings

from tests.coroutines import coroutine_test
from tests.crawling.crawls import MoviesSpider, crawl, rows, settings_of
from tmdbfusion_scrapy.exceptions import ConfigurationError
from tmdbfusion_scrapy.models.movies import MovieDetails
from tmdbfusion_scrapy.storage import SQLPipeline


class OtherSpider(scrapy.Spider):
    """A spider of the same project that need not meet TMDB."""

    name = "other"

    def __init__(self, items=(), **kwargs):
        super().__init__(**kwargs)
        self.items = items

    async def start(self):
        yield scrapy.Request("data:,", self.parse)

    def parse(self, response):
        yield from self.items


def settings_with_addon(**settings):
    return settings_of("http://127.0.0.1:1/3", ADDONS={"tmdbfusion_scrapy.Addon": 500}, **settings)


@coroutine_test
async def test_a_spider_without_a_record_leaves_no_database_behind(tmp_path):
    ended = await crawl(OtherSpider, settings_with_addon(), items=[{"a": 1}])
    assert ended.items == [{"a": 1}]
    assert not list(tmp_path.glob("tmdb.db*"))


@coroutine_test
async def test_a_spider_that_has_records_after_all_stores_them(caplog):
    items = [MovieDetails(id=number, title="A") for number in range(1, 6)]
    ended = await crawl(OtherSpider, settings_with_addon(CONCURRENT_ITEMS=5), items=[{"a": 1}, *items])
    assert rows("SELECT count(*) FROM movies") == [(5,)]
    assert ended.stats["tmdb/stored_count/movies"] == 5


@coroutine_test
async def test_a_spider_that_has_records_and_no_place_for_them_is_closed():
    items = [MovieDetails(id=number, title="A") for number in range(1, 6)]
    settings = settings_with_addon(TMDB_DATABASE_URL="sqlite:///missing/tmdb.db")
    ended = await crawl(OtherSpider, settings, finish_reason="tmdb_database_failed", errors=2, items=items)
    assert ended.stats["tmdb/storage/failed_count"] == 5


@pytest.mark.parametrize("url", ["oracle://host/database", "no url", "sqlite://"])
@coroutine_test
async def test_a_url_that_can_never_do_is_refused_for_any_spider(url):
    runner = AsyncCrawlerRunner(Settings(settings_with_addon(TMDB_DATABASE_URL=url)))
    with pytest.raises(ConfigurationError, match="TMDB_DATABASE_URL"):
        await runner.crawl(OtherSpider)


@pytest.mark.parametrize("spidercls", [MoviesSpider, OtherSpider])
@coroutine_test
async def test_who_asks_for_storage_hears_at_once_that_there_is_no_place(spidercls):
    settings = settings_with_addon(
        TMDB_DATABASE_URL="sqlite:///missing/tmdb.db", ITEM_PIPELINES={SQLPipeline: 300}
    )
    with pytest.raises(ConfigurationError, match=r"TMDB_DATABASE_URL.*there is no directory"):
        await AsyncCrawlerRunner(Settings(settings)).crawl(spidercls)


@coroutine_test
async def test_a_spider_of_tmdb_has_its_database_even_if_nothing_came(tmdb_sandbox):
    await crawl(MoviesSpider, settings_of(tmdb_sandbox.base_url), ids=[])
    assert rows("SELECT count(*) FROM movies") == [(0,)]
