"""scrapy-zyte-api and scrapy-poet themselves, beside TMDB's requests."""

# No annotations from __future__: scrapy-poet reads those of a callback, whose names are a test's own.

import base64
import inspect
import json
from importlib.util import find_spec
from typing import ClassVar, get_type_hints

import pytest
import scrapy
from scrapy.crawler import AsyncCrawlerRunner
from scrapy.http import Response
from scrapy.settings import Settings
from scrapy.utils.reactor import is_reactor_installed

from tests.coroutines import coroutine_test
from tests.crawling.crawls import TOKEN, MoviesSpider, crawl, rows, settings_of
from tests.crawling.test_conditional import ask
from tmdbfusion_scrapy.crawling import TMDBSeriesSpider, TMDBSourceSpider, TMDBSpider
from tmdbfusion_scrapy.exceptions import ConfigurationError

PAGE = b"<html><title>a page</title></html>"


def needs(*modules):
    missing = [module for module in modules if find_spec(module) is None]
    return pytest.mark.skipif(bool(missing), reason=f"not installed: {', '.join(missing)}")


class PagesSpider(MoviesSpider):
    """Asks TMDB by calls and by URLs, and for pages."""

    name = "pages"

    def __init__(self, urls=(), page_meta=None, **kwargs):
        super().__init__(**kwargs)
        self.urls = urls
        self.page_meta = page_meta or [{}]
        self.titles = []

    async def start(self):
        async for request in super().start():
            yield request
        for url in self.urls:
            for meta in self.page_meta:
                yield scrapy.Request(url, callback=self.parse_page, meta=dict(meta))

    def parse_page(self, response):
        self.titles.append(response.css("title::text").get())


def zyte(server):
    """Settings of scrapy-zyte-api, and Zyte's API on a server of the test."""

    async def extract(connection, seen):
        asked = json.loads(seen.body)
        body = {
            "url": asked["url"],
            "statusCode": 200,
            "httpResponseBody": base64.b64encode(PAGE).decode(),
            "httpResponseHeaders": [{"name": "content-type", "value": "text/html"}],
        }
        connection.respond(json.dumps(body).encode(), headers="Content-Type: application/json\r\n")

    server.scripts["/v1/extract"] = extract
    return {"ZYTE_API_KEY": "key", "ZYTE_API_URL": f"{server.url}/v1/"}


ZYTE = "scrapy_zyte_api.Addon"
POET = "scrapy_poet.Addon"
OURS = "tmdbfusion_scrapy.Addon"


@needs("scrapy_zyte_api")
@coroutine_test
async def test_zyte_api_before_ours(tmdb_sandbox, raw_server, caplog):
    if not is_reactor_installed():
        pytest.skip("its add-on takes a fallback that needs the reactor, without ours as well")
    settings = settings_of(tmdb_sandbox.base_url, ADDONS={ZYTE: 500, OURS: 900}, **zyte(raw_server))
    meta = [{}, {"zyte_api": {"httpResponseBody": True, "device": "mobile"}}]
    urls = ["https://example.com/"]
    ended = await crawl(PagesSpider, settings, ids=[1, 2, 3], urls=urls, page_meta=meta)
    assert ended.ids == {1, 2, 3}
    # Zyte's own fingerprinter tells them apart, by its meta.
    assert ended.spider.titles == ["a page", "a page"]
    asked = [json.loads(seen.body)["url"] for seen in raw_server.requests]
    assert asked == urls * 2
    assert TOKEN not in str(raw_server.requests)
    slots = {response.meta["download_slot"] for response in ended.spider.responses}
    assert slots == {"tmdb"}
    assert not [record for record in caplog.records if "ban-sensitive" in record.getMessage()]
    assert ended.stats["tmdb/request_count"] == 3
    assert ended.stats["scrapy-zyte-api/processed"] == 2


@needs("scrapy_zyte_api")
@coroutine_test
async def test_zyte_api_after_ours_is_refused(tmdb_sandbox, raw_server):
    settings = settings_of(tmdb_sandbox.base_url, ADDONS={OURS: 400, ZYTE: 500}, **zyte(raw_server))
    with pytest.raises(ConfigurationError, match=r'"tmdbfusion_scrapy.Addon": 600'):
        await AsyncCrawlerRunner(Settings(settings)).crawl(PagesSpider, ids=[1])
    assert not tmdb_sandbox.requests
    assert not raw_server.requests


@needs("scrapy_poet", "web_poet")
@pytest.mark.parametrize("order", [300, 900], ids=["before", "after"])
@coroutine_test
async def test_poet(tmdb_sandbox, raw_server, order):
    import attrs
    from scrapy_poet import DummyResponse
    from web_poet import WebPage, field

    @attrs.define
    class TitlePage(WebPage[dict]):
        @field
        def title(self) -> str:
            return self.css("title::text").get()

    class PoetSpider(PagesSpider):
        name = "poet"

        async def parse_page(self, response: DummyResponse, page: TitlePage):
            self.titles.append((await page.to_item())["title"])

    async def serve(connection, seen):
        connection.respond(PAGE, headers="Content-Type: text/html\r\n")

    raw_server.scripts["/page"] = serve
    settings = settings_of(tmdb_sandbox.base_url, ADDONS={POET: order, OURS: 500})
    meta = [{}, {"page_params": {"a": 1}}]
    ended = await crawl(PoetSpider, settings, ids=[1, 2, 2], urls=[f"{raw_server.url}/page"], page_meta=meta)
    assert ended.ids == {1, 2}
    # Its fingerprinter tells two apart that differ in their parameters.
    assert ended.spider.titles == ["a page", "a page"]
    assert ended.stats["dupefilter/filtered"] == 1
    # Its stats are in place of Scrapy's.
    names = {
        type(middleware).__module__ for middleware in ended.crawler.engine.downloader.middleware.middlewares
    }
    assert "scrapy_poet.downloadermiddlewares" in names
    assert "scrapy.downloadermiddlewares.stats" not in names
    assert ended.stats["downloader/request_count"] == 4


class SeriesSpider(TMDBSeriesSpider):
    name = "series"


class ListSpider(TMDBSourceSpider):
    name = "list"
    details_operation = "movie-details"
    list_operations: ClassVar = {"popular": "movie-popular-list"}
    discover_operation = "discover-movie"
    changes_operation = "changes-movie-list"


class PagedSpider(PagesSpider):
    name = "paged"

    async def start(self):
        yield self.paginate(self.tmdb.movies.popular, pages=2, callback=self.parse_list)

    def parse_list(self, response):
        for entry in response.record.results[:2]:
            yield self.movie(entry.id)


@needs("scrapy_poet", "web_poet")
@pytest.mark.parametrize(
    ("spider", "arguments", "kind"),
    [
        (ListSpider, {"list": "popular", "limit": "3"}, "movies"),
        (ListSpider, {"source": "discover", "pages": "1"}, "movies"),
        (SeriesSpider, {"ids": "1,2", "append": "credits"}, "tv_shows"),
        (PagedSpider, {}, "movies"),
    ],
    ids=["list", "discover", "series", "paginate"],
)
@coroutine_test
async def test_poet_leaves_our_spiders_callbacks_alone(tmdb_sandbox, spider, arguments, kind):
    settings = settings_of(tmdb_sandbox.base_url, ADDONS={POET: 300, OURS: 900})
    ended = await crawl(spider, settings, **arguments)
    assert ended.items
    assert rows(f"SELECT count(*) FROM {kind}") != [(0,)]  # noqa: S608


@needs("scrapy_poet", "web_poet")
@coroutine_test
async def test_poet_leaves_conditional_requests_alone(tmdb_sandbox_factory):
    sandbox = tmdb_sandbox_factory(etag="304")
    for unchanged in (0, 2):
        ended = await ask(sandbox.base_url, [1, 2], ADDONS={POET: 300, OURS: 900})
        assert ended.stats.get("tmdb/conditional/not_modified_count", 0) == unchanged
        assert len(ended.items) == 2


def test_annotations_of_callbacks_can_be_read():
    """As scrapy-poet reads them, of every callback."""
    checked = set()
    for spider in (TMDBSpider, TMDBSourceSpider, TMDBSeriesSpider):
        for name, method in vars(spider).items():
            if "parse" in name and inspect.isfunction(method):
                assert issubclass(get_type_hints(method)["response"], Response)
                checked.add(name)
    assert {"parse_page", "parse_details", "parse_listing", "_parse_first_page"} <= checked
