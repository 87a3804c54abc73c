"""What the add-on puts where, what goes through it, and what of the user's stays."""

from __future__ import annotations

import json
from typing import ClassVar

import pytest
import scrapy
from scrapy.core.downloader.handlers.base import BaseDownloadHandler
from scrapy.crawler import AsyncCrawlerRunner
from scrapy.http import TextResponse
from scrapy.logformatter import LogFormatter
from scrapy.settings import Settings

from tests.coroutines import coroutine_test
from tests.crawling.crawls import TOKEN, MoviesSpider, crawl, rows, settings_of
from tests.transport.server import running
from tmdbfusion_scrapy import Addon, TMDBMiddleware, TMDBSpider
from tmdbfusion_scrapy.exceptions import ConfigurationError
from tmdbfusion_scrapy.models import MovieDetails, decode
from tmdbfusion_scrapy.storage import SQLPipeline


class PlainSpider(scrapy.Spider):
    """Asks for URLs and yields what it gets; knows nothing of TMDB."""

    name = "plain"

    def __init__(self, urls=(), meta=None, **kwargs):
        super().__init__(**kwargs)
        self.urls = urls
        self.meta = meta or {}
        self.responses = []
        self.failures = []

    async def start(self):
        for url in self.urls:
            yield scrapy.Request(url, errback=self.failed, meta=dict(self.meta), dont_filter=True)

    def parse(self, response):
        self.responses.append(response)
        yield {"url": response.url}

    def failed(self, failure):
        self.failures.append(failure)


class KeepingHandler(BaseDownloadHandler):
    """A user's own download handler: keeps what it is asked for and answers from memory."""

    lazy = False
    asked: ClassVar[list[str]] = []

    async def download_request(self, request):
        self.asked.append(request.url)
        return TextResponse(request.url, body=b"from the user's handler", encoding="utf-8")


@pytest.fixture(autouse=True)
def _nothing_asked():
    KeepingHandler.asked = []


ADDON = {"ADDONS": {"tmdbfusion_scrapy.Addon": 500}}
KEEPING = dict.fromkeys(("http", "https"), KeepingHandler)


@pytest.mark.parametrize(
    "addons", [ADDON, {}, {"ADDONS": {Addon: 100}}], ids=["path", "spider-alone", "class"]
)
@coroutine_test
async def test_the_spider_works_with_the_addon_in_the_settings_and_without(tmdb_sandbox, addons):
    ended = await crawl(MoviesSpider, settings_of(tmdb_sandbox.base_url, **addons), ids=[1])
    assert ended.ids == {1}
    assert sum(isinstance(addon, Addon) for addon in ended.crawler.addons.addons) == 1


@coroutine_test
async def test_the_spider_class_may_be_given_to_the_runner_itself(tmdb_sandbox):
    runner = AsyncCrawlerRunner(Settings(settings_of(tmdb_sandbox.base_url)))
    await runner.crawl(MoviesSpider, ids=[1])
    assert rows("SELECT id FROM movies") == [(1,)]


@coroutine_test
async def test_a_plain_spider_gets_tmdb_through_the_addon_by_its_url(tmdb_sandbox):
    url = f"{tmdb_sandbox.base_url}/movie/1"
    ended = await crawl(PlainSpider, settings_of(tmdb_sandbox.base_url, **ADDON), urls=[url])
    (response,) = ended.spider.responses
    assert response.url == url
    assert response.record == decode(response.body, MovieDetails)
    assert response.record.id == response.json()["id"] == 1
    assert ended.stats["tmdb/request_count"] == 1
    (seen,) = tmdb_sandbox.requests
    assert seen.headers["authorization"] == f"Bearer {TOKEN}"
    assert b"Authorization" not in response.request.headers


@coroutine_test
async def test_plain_json_is_left_as_it_came(raw_server):
    body = {"release_date": "", "watch/providers": {"id": 1}}

    async def serve(connection, seen):
        connection.respond(json.dumps(body, separators=(",", ":")).encode())

    raw_server.scripts["/3/anything"] = serve
    settings = settings_of(f"{raw_server.url}/3", **ADDON)
    ended = await crawl(PlainSpider, settings, urls=[f"{raw_server.url}/3/anything"])
    assert ended.spider.responses[0].record == body


@coroutine_test
async def test_a_plain_spider_gets_tmdbs_errors_too(tmdb_sandbox):
    settings = settings_of(tmdb_sandbox.base_url, **ADDON)
    ended = await crawl(PlainSpider, settings, urls=[f"{tmdb_sandbox.base_url}/movie/999999"])
    (failure,) = ended.spider.failures
    assert (failure.value.status_code, failure.value.tmdb_code) == (404, 34)


@coroutine_test
async def test_disabled_it_leaves_scrapy_as_it_is(tmdb_sandbox):
    settings = settings_of(tmdb_sandbox.base_url, **ADDON, TMDB_ENABLED=False)
    ended = await crawl(
        PlainSpider, settings, urls=[f"{tmdb_sandbox.base_url}/movie/1"], meta={"handle_httpstatus_all": True}
    )
    (response,) = ended.spider.responses
    assert response.status == 401
    assert not hasattr(response, "record")
    assert "authorization" not in tmdb_sandbox.requests[0].headers
    assert not ended.crawler.addons.addons
    assert ended.crawler.settings.getint("CONCURRENT_ITEMS") == 100


class BothSpider(MoviesSpider):
    """Asks TMDB, and another host."""

    name = "both"

    async def start(self):
        async for request in super().start():
            yield request
        for url in self.other_urls:
            yield scrapy.Request(url, callback=self.parse_other)

    def __init__(self, other_urls=(), **kwargs):
        super().__init__(**kwargs)
        self.other_urls = other_urls
        self.others = []

    def parse_other(self, response):
        self.others.append(response)


@coroutine_test
async def test_other_hosts_go_to_scrapys_own_handler_without_the_token(tmdb_sandbox, raw_server):
    url = f"{raw_server.url}/3/movie/1"
    settings = settings_of(tmdb_sandbox.base_url)
    ended = await crawl(BothSpider, settings, ids=[1, 2], other_urls=[url])
    assert ended.ids == {1, 2}
    (other,) = ended.spider.others
    assert other.json() == {"ok": True}
    assert not hasattr(other, "record")
    (seen,) = raw_server.requests
    assert seen.header("Authorization") is None
    assert TOKEN not in str(seen)
    assert ended.stats["tmdb/request_count"] == 2
    assert ended.stats["downloader/request_count"] == 3


class SpiderWithHandlers(BothSpider):
    custom_settings: ClassVar = {"DOWNLOAD_HANDLERS": KEEPING}


@pytest.mark.parametrize("where", ["settings", "custom_settings"])
@coroutine_test
async def test_other_hosts_go_to_the_users_own_handler(tmdb_sandbox, where):
    settings = settings_of(tmdb_sandbox.base_url, **ADDON)
    if where == "settings":
        settings["DOWNLOAD_HANDLERS"] = KEEPING
    spidercls = BothSpider if where == "settings" else SpiderWithHandlers
    urls = ["https://example.com/a", "http://example.com/b"]
    ended = await crawl(spidercls, settings, ids=[1], other_urls=urls)
    assert sorted(KeepingHandler.asked) == sorted(urls)
    assert ended.ids == {1}
    assert {other.text for other in ended.spider.others} == {"from the user's handler"}


@coroutine_test
async def test_a_scheme_that_the_user_switched_off_stays_off(tmdb_sandbox):
    settings = settings_of(tmdb_sandbox.base_url, **ADDON, DOWNLOAD_HANDLERS={"https": None})
    urls = ["https://example.com/", f"{tmdb_sandbox.base_url}/movie/1"]
    ended = await crawl(PlainSpider, settings, urls=urls)
    (failure,) = ended.spider.failures
    assert isinstance(failure.value, scrapy.exceptions.NotSupported)
    assert len(ended.spider.responses) == 1


@coroutine_test
async def test_a_redirect_to_another_host_gets_no_token(raw_server):
    with running() as other:

        async def moved(connection, seen):
            headers = f"Location: {other.url}/3/movie/1?api_key=secret-of-the-server\r\n"
            connection.respond(b"", status="301 Moved Permanently", headers=headers)

        raw_server.scripts["/3/movie/1"] = moved
        ended = await crawl(MoviesSpider, settings_of(f"{raw_server.url}/3"), ids=[1])
        assert not other.requests
    (failure,) = ended.spider.failures
    assert failure.value.status_code == 301
    assert "redirect to 127.0.0.1" in failure.value.message
    assert "secret-of-the-server" not in str(failure.value)


@coroutine_test
async def test_a_redirect_that_a_request_asks_to_follow_gets_no_token(raw_server):
    with running() as other:

        async def moved(connection, seen):
            connection.respond(b"", status="302 Found", headers=f"Location: {other.url}/landing\r\n")

        raw_server.scripts["/3/movie/1"] = moved
        ended = await crawl(
            PlainSpider,
            settings_of(f"{raw_server.url}/3", **ADDON),
            urls=[f"{raw_server.url}/3/movie/1"],
            meta={"dont_redirect": False},
        )
        (seen,) = other.requests
    assert seen.target == "/landing"
    assert TOKEN not in str(seen)
    assert len(ended.spider.responses) == 1


class UsersPipeline:
    def process_item(self, item):
        return item


@coroutine_test
async def test_what_the_user_set_wins(tmdb_sandbox):
    settings = settings_of(
        tmdb_sandbox.base_url,
        **ADDON,
        CONCURRENT_ITEMS=7,
        LOG_FORMATTER=LogFormatter,
        DOWNLOADER_MIDDLEWARES={"tmdbfusion_scrapy.TMDBMiddleware": 95},
        ITEM_PIPELINES={SQLPipeline: None, UsersPipeline: 300},
        DOWNLOAD_SLOTS={"tmdb": {"concurrency": 3, "delay": 0.01}, "example.com": {"concurrency": 1}},
    )
    ended = await crawl(MoviesSpider, settings, ids=[1], finish_reason="finished")
    used = ended.crawler.settings
    assert used.getint("CONCURRENT_ITEMS") == 7
    assert used["LOG_FORMATTER"] is LogFormatter
    middlewares = used.getdict("DOWNLOADER_MIDDLEWARES")
    assert middlewares["tmdbfusion_scrapy.TMDBMiddleware"] == 95
    assert TMDBMiddleware not in middlewares
    slots = used.getdict("DOWNLOAD_SLOTS")
    assert dict(slots["tmdb"]) == {"concurrency": 3, "delay": 0.01}
    assert dict(slots["example.com"]) == {"concurrency": 1}
    assert ended.ids == {1}
    assert ended.crawler.get_item_pipeline(SQLPipeline) is None
    assert ended.crawler.get_item_pipeline(UsersPipeline) is not None
    with pytest.raises(Exception, match="no such table"):
        rows("SELECT * FROM movies")


@coroutine_test
async def test_storage_can_be_left_out_by_its_path(tmdb_sandbox):
    settings = settings_of(
        tmdb_sandbox.base_url, **ADDON, ITEM_PIPELINES={"tmdbfusion_scrapy.storage.SQLPipeline": None}
    )
    ended = await crawl(MoviesSpider, settings, ids=[1])
    assert ended.ids == {1}
    assert ended.crawler.get_item_pipeline(SQLPipeline) is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TMDB_ACCESS_TOKEN", ""),
        ("TMDB_ACCESS_TOKEN", "two words"),
        ("TMDB_API_URL", "api.themoviedb.org/3"),
        ("TMDB_API_URL", "http://api.themoviedb.org/3"),
        ("CONCURRENT_REQUESTS", -1),
        ("TMDB_MAX_CONNECTIONS", "many"),
        ("TMDB_REQUESTS_PER_SECOND", -1),
        ("TMDB_DATABASE_URL", "oracle://nowhere"),
        ("TMDB_LANGUAGE", "english"),
        ("DOWNLOAD_SLOTS", {"tmdb": {"concurrency": -1}}),
    ],
)
@coroutine_test
async def test_a_setting_that_cannot_be_used_ends_the_crawl_before_it_begins(tmdb_sandbox, name, value):
    settings = {**settings_of(tmdb_sandbox.base_url), name: value}
    runner = AsyncCrawlerRunner(Settings(settings))
    with pytest.raises(ConfigurationError, match=name):
        await runner.crawl(MoviesSpider, ids=[1])
    assert not tmdb_sandbox.requests


@coroutine_test
async def test_the_api_is_not_at_hand_before_the_crawl_begins(tmdb_sandbox):
    class Hasty(TMDBSpider):
        name = "hasty"

        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.crawler = None

        @classmethod
        def from_crawler(cls, crawler, *args, **kwargs):
            spider = super().from_crawler(crawler, *args, **kwargs)
            with pytest.raises(RuntimeError, match=r"start\(\)"):
                _ = spider.tmdb
            return spider

        async def start(self):
            yield self.tmdb.movies.details(1, callback=self.parse)

        def parse(self, response):
            yield response.record

    ended = await crawl(Hasty, settings_of(tmdb_sandbox.base_url))
    assert ended.ids == {1}


@coroutine_test
async def test_a_setting_that_is_none_of_ours_is_named(tmdb_sandbox, caplog):
    settings = settings_of(
        tmdb_sandbox.base_url,
        TMDB_REQUEST_PER_SECOND=5,
        TMDB_COLOUR_OF_THE_DOOR="secret",
        OTHER_COLOUR="blue",
        **ADDON,
    )
    await crawl(MoviesSpider, settings, ids=[1])
    said = " is no setting of tmdbfusion-scrapy and changes nothing: "
    warnings = [record.getMessage() for record in caplog.records if said in record.getMessage()]
    assert sorted(warnings) == [
        f"TMDB_COLOUR_OF_THE_DOOR{said}docs/reference/settings.md lists them",
        f"TMDB_REQUEST_PER_SECOND{said}TMDB_REQUESTS_PER_SECOND is one",
    ]


@coroutine_test
async def test_no_setting_of_ours_is_called_unknown(tmdb_sandbox, caplog, tmp_path):
    settings = settings_of(
        tmdb_sandbox.base_url,
        TMDB_DATABASE_URL=f"sqlite:///{tmp_path}/tmdb.db",
        JOBDIR=str(tmp_path / "job"),
        **ADDON,
    )
    await crawl(MoviesSpider, settings, ids=[1])
    assert "is no setting" not in caplog.text
