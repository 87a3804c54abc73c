"""Handlers that were there before ours: built when Scrapy builds them, so that they can start themselves."""

from __future__ import annotations

import logging
from collections import Counter
from typing import ClassVar

import pytest
import scrapy
from scrapy import signals
from scrapy.core.downloader.handlers.base import BaseDownloadHandler
from scrapy.exceptions import NotConfigured, NotSupported
from scrapy.http import TextResponse

from tests.coroutines import coroutine_test
from tests.crawling.crawls import MoviesSpider, crawl, settings_of

events: Counter[str] = Counter()


class StartingHandler(BaseDownloadHandler):
    """Starts itself with the engine, as handlers of browsers do."""

    lazy = False

    def __init__(self, crawler):
        super().__init__(crawler)
        events["built"] += 1
        crawler.signals.connect(self.start, signals.engine_started)

    async def start(self):
        events["started"] += 1
        self.browser = b"started"

    async def download_request(self, request):
        return TextResponse(request.url, body=self.browser)

    async def close(self):
        events["closed"] += 1


class LazyHandler(StartingHandler):
    lazy = True

    async def download_request(self, request):
        return TextResponse(request.url, body=b"lazy")


class UndecidedHandler:
    """Does not say whether it is lazy, which Scrapy takes for lazy."""

    def __init__(self, crawler):
        events["built"] += 1

    @classmethod
    def from_crawler(cls, crawler):
        return cls(crawler)

    async def download_request(self, request):
        return TextResponse(request.url, body=b"undecided")


class SpoiltHandler(StartingHandler):
    def __init__(self, crawler):
        raise RuntimeError("no browser here")


class UnwillingHandler(StartingHandler):
    def __init__(self, crawler):
        raise NotConfigured("BROWSER is not set")


class HandlersAddon:
    def update_settings(self, settings):
        settings.set("DOWNLOAD_HANDLERS", dict.fromkeys(("http", "https"), StartingHandler), priority="addon")


class BothSpider(MoviesSpider):
    name = "both"
    others_urls: ClassVar = ["http://example.com/", "https://example.com/"]

    def __init__(self, asks_others=True, **kwargs):
        super().__init__(**kwargs)
        self.asks_others = asks_others
        self.others = []

    async def start(self):
        async for request in super().start():
            yield request
        if self.asks_others:
            for url in self.others_urls:
                yield scrapy.Request(url, callback=self.parse_other, errback=self.failed_other)

    def parse_other(self, response):
        self.others.append(response.body)

    def failed_other(self, failure):
        self.failures.append(failure)


class CustomSpider(BothSpider):
    custom_settings: ClassVar = {"DOWNLOAD_HANDLERS": dict.fromkeys(("http", "https"), StartingHandler)}


@pytest.fixture(autouse=True)
def _nothing_happened():
    events.clear()


def handlers(handler):
    return {"DOWNLOAD_HANDLERS": dict.fromkeys(("http", "https"), handler)}


@pytest.mark.parametrize(
    ("spider", "settings"),
    [
        (BothSpider, handlers(StartingHandler)),
        (BothSpider, handlers(f"{__name__}.StartingHandler")),
        (CustomSpider, {}),
        (BothSpider, {"ADDONS": {HandlersAddon: 100, "tmdbfusion_scrapy.Addon": 500}}),
    ],
    ids=["class", "path", "custom_settings", "addon"],
)
@pytest.mark.parametrize("asks_others", [True, False])
@coroutine_test
async def test_one_that_starts_itself_with_the_engine(tmdb_sandbox, spider, settings, asks_others):
    settings = settings_of(tmdb_sandbox.base_url, **settings)
    ended = await crawl(spider, settings, ids=[1], asks_others=asks_others)
    assert ended.ids == {1}
    assert ended.spider.others == [b"started"] * (2 if asks_others else 0)
    # One for each scheme, as Scrapy has it.
    assert events == {"built": 2, "started": 2, "closed": 2}


@pytest.mark.parametrize(("handler", "body"), [(LazyHandler, b"lazy"), (UndecidedHandler, b"undecided")])
@coroutine_test
async def test_a_lazy_one_is_built_when_it_is_needed(tmdb_sandbox, handler, body):
    settings = settings_of(tmdb_sandbox.base_url, **handlers(handler))
    await crawl(BothSpider, settings, ids=[1], asks_others=False)
    assert not events
    ended = await crawl(BothSpider, settings, ids=[1])
    assert ended.spider.others == [body] * 2
    assert (events["built"], events["started"]) == (2, 0)


@coroutine_test
async def test_one_of_one_scheme(tmdb_sandbox):
    settings = settings_of(tmdb_sandbox.base_url, DOWNLOAD_HANDLERS={"https": StartingHandler})
    ended = await crawl(BothSpider, settings, ids=[1], asks_others=False)
    assert ended.ids == {1}
    assert events["started"] == 1


@pytest.mark.parametrize(
    ("handler", "message", "errors"),
    [(SpoiltHandler, "no browser here", 2), (UnwillingHandler, "BROWSER is not set", 0)],
)
@coroutine_test
async def test_one_that_cannot_be_built_costs_tmdb_nothing(tmdb_sandbox, caplog, handler, message, errors):
    settings = settings_of(tmdb_sandbox.base_url, **handlers(handler))
    ended = await crawl(BothSpider, settings, errors=None, ids=[1, 2])
    assert ended.ids == {1, 2}
    assert [type(failure.value) for failure in ended.spider.failures] == [NotSupported] * 2
    assert all(message in str(failure.value) for failure in ended.spider.failures)
    logged = [record for record in caplog.records if record.levelno == logging.ERROR and record.exc_info]
    assert len(logged) == errors
