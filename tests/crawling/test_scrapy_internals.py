"""What a new Scrapy must still have, and what else would be lost: see `crawling/scrapy_internals.py`."""

from __future__ import annotations

import asyncio

from scrapy import Request, signals
from scrapy.crawler import Crawler
from scrapy.downloadermiddlewares.httpproxy import HttpProxyMiddleware
from scrapy.exceptions import DontCloseSpider
from scrapy.utils.misc import build_from_crawler

from tests.coroutines import coroutine_test
from tests.crawling.crawls import MoviesSpider, crawl, settings_of
from tmdbfusion_scrapy.crawling.scrapy_internals import has_environment_proxy, is_closing, look_for_end


class ClosingSpider(MoviesSpider):
    """Has itself closed while a response of its own is not done with."""

    name = "closing"

    async def parse(self, response):
        self.before = is_closing(self.crawler)
        closing = asyncio.ensure_future(self.crawler.engine.close_spider_async(reason="enough"))
        await asyncio.sleep(0)
        self.during = is_closing(self.crawler)
        self.closing = closing
        yield response.record


@coroutine_test
async def test_a_spider_that_is_being_closed_is_known_to_be(tmdb_sandbox):
    ended = await crawl(ClosingSpider, settings_of(tmdb_sandbox.base_url), finish_reason="enough", ids=[1])
    assert (ended.spider.before, ended.spider.during) == (False, True)
    assert is_closing(ended.crawler)


def test_a_crawler_that_does_not_crawl_is_not_being_closed():
    crawler = Crawler(MoviesSpider)
    assert not is_closing(crawler)
    look_for_end(crawler)


@coroutine_test
async def test_the_engine_can_be_made_to_look_whether_the_spider_is_idle(tmdb_sandbox):
    class KeptSpider(MoviesSpider):
        name = "kept"
        looked = 0

        @classmethod
        def from_crawler(cls, crawler, *args, **kwargs):
            spider = super().from_crawler(crawler, *args, **kwargs)
            crawler.signals.connect(spider.on_idle, signals.spider_idle)
            return spider

        def on_idle(self):
            self.looked += 1
            if self.looked == 1:
                self.waiting = asyncio.ensure_future(self.wait())
            if self.looked <= 2:
                raise DontCloseSpider

        async def wait(self):
            # So soon that the engine does not come to it by itself.
            look_for_end(self.crawler)
            for _ in range(50):
                await asyncio.sleep(0)
            self.seen = self.looked
            look_for_end(self.crawler)

    ended = await crawl(KeptSpider, settings_of(tmdb_sandbox.base_url), ids=[1])
    assert ended.spider.seen == 2
    assert ended.spider.looked == 3


def test_a_proxy_of_the_environment_is_told_from_one_of_a_request(monkeypatch):
    monkeypatch.setenv("http_proxy", "http://proxy.example:3128")
    monkeypatch.setenv("no_proxy", "")
    middleware = build_from_crawler(HttpProxyMiddleware, Crawler(MoviesSpider))
    of_environment = Request("http://movies.example/3/movie/1")
    own = of_environment.replace(meta={"proxy": "http://other.example:3128"})
    for request in (of_environment, own):
        middleware.process_request(request)
        assert request.meta["proxy"].endswith(".example:3128")
    assert has_environment_proxy(of_environment)
    assert not has_environment_proxy(own)
