"""Start requests in portions."""

from __future__ import annotations

import pytest
import scrapy
from scrapy import signals

from tests.coroutines import coroutine_test
from tests.crawling.crawls import crawl, settings_of
from tmdbfusion_scrapy.crawling import TMDBSpider, start

PORTION = 100


@pytest.fixture(autouse=True)
def _small_portions(monkeypatch):
    monkeypatch.setattr(start, "REQUESTS_AHEAD", PORTION)


class ManySpider(TMDBSpider):
    """Asks for one movie again and again, and notes how far ahead of the answers it was asked for more."""

    name = "many"
    count = PORTION * 4

    async def start(self):
        self.answered = 0
        self.furthest = 0
        self.crawler.signals.connect(self.note_answer, signals.response_received)
        for number in range(self.count):
            self.furthest = max(self.furthest, number - self.answered)
            yield self.tmdb.movies.details(1, callback=self.parse, dont_filter=True)

    def note_answer(self):
        self.answered += 1

    def parse(self, response):
        yield {"id": response.record.id}


@coroutine_test
async def test_start_is_read_in_portions(tmdb_sandbox_factory):
    sandbox = tmdb_sandbox_factory(latency=0.02)
    ended = await crawl(ManySpider, settings_of(sandbox.base_url))
    assert len(ended.items) == ManySpider.count
    assert ended.spider.furthest < PORTION * 1.5


@coroutine_test
async def test_without_the_middleware_it_is_read_at_once(tmdb_sandbox_factory):
    sandbox = tmdb_sandbox_factory(latency=0.02)
    off = {"SPIDER_MIDDLEWARES": {"tmdbfusion_scrapy.crawling.start.LazyStartMiddleware": None}}
    ended = await crawl(ManySpider, settings_of(sandbox.base_url, **off))
    assert ended.spider.furthest > PORTION * 2


class ItemsSpider(scrapy.Spider):
    name = "items"

    async def start(self):
        for number in range(5):
            yield {"number": number}


@coroutine_test
async def test_items_pass(tmdb_sandbox):
    ended = await crawl(
        ItemsSpider, settings_of(tmdb_sandbox.base_url, ADDONS={"tmdbfusion_scrapy.Addon": 500})
    )
    assert [item["number"] for item in ended.items] == [0, 1, 2, 3, 4]
