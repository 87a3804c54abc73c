"""What the add-on spares TMDB requests changes nothing that a crawl shows."""

from __future__ import annotations

import warnings
from typing import Any, ClassVar

import pytest
from scrapy import Request, Spider, signals
from scrapy.core.downloader import Downloader
from scrapy.downloadermiddlewares.stats import DownloaderStats
from scrapy.dupefilters import RFPDupeFilter
from scrapy.exceptions import ScrapyDeprecationWarning
from scrapy.http import Headers, JsonResponse, Response
from scrapy.settings import Settings
from scrapy.statscollectors import MemoryStatsCollector
from scrapy.utils.request import request_httprepr
from scrapy.utils.test import get_crawler

from tests.coroutines import coroutine_test
from tests.crawling.crawls import TOKEN, MoviesSpider, crawl, settings_of
from tmdbfusion_scrapy import Addon
from tmdbfusion_scrapy.crawling.downloader import SparingDownloader
from tmdbfusion_scrapy.crawling.dupefilter import TMDBDupeFilter
from tmdbfusion_scrapy.crawling.statistics import SparingDownloaderStats, SparingStatsCollector

SCRAPYS_OWN = {
    "DOWNLOADER": Downloader,
    "DOWNLOADER_MIDDLEWARES": {DownloaderStats: 850},
    "DUPEFILTER_CLASS": RFPDupeFilter,
    "STATS_CLASS": MemoryStatsCollector,
}

SENT = [
    signals.request_scheduled,
    signals.request_reached_downloader,
    signals.response_downloaded,
    signals.request_left_downloader,
    signals.response_received,
    signals.item_scraped,
]


class WatchedSpider(MoviesSpider):
    """Keeps what its callbacks and the signals saw."""

    name = "watched"
    custom_settings: ClassVar = {"CONCURRENT_REQUESTS": 1}

    @classmethod
    def from_crawler(cls, crawler, *args, **kwargs):
        spider = super().from_crawler(crawler, *args, **kwargs)
        spider.seen = []
        for number, signal in enumerate(SENT):
            crawler.signals.connect(spider.watcher(number), signal, weak=False)
        return spider

    def watcher(self, number: int) -> Any:
        def watch(response: Any = None, request: Any = None) -> None:
            self.seen.append((number, getattr(response, "url", None), getattr(request, "url", None)))

        return watch

    async def start(self):
        async for request in super().start():
            yield request
        yield self.movie(1)
        yield self.movie(2, language="de")
        yield Request(self.elsewhere, callback=self.other, meta={"allow_offsite": True, "mine": 1})

    def other(self, response):
        self.responses.append(response)


def kept(request_or_response: Any) -> dict[str, Any]:
    """Meta without what differs from run to run."""
    return {key: value for key, value in request_or_response.meta.items() if key != "download_latency"}


@coroutine_test
async def test_a_crawl_with_and_without(tmdb_sandbox, raw_server, tmp_path):
    runs = []
    for number, own in enumerate(({}, SCRAPYS_OWN)):
        ended = await crawl(
            WatchedSpider,
            settings_of(tmdb_sandbox.base_url, TMDB_DATABASE_URL=f"sqlite:///{tmp_path}/{number}.db", **own),
            ids=[1, 2, 3, 2, 999_999_999],
            elsewhere=f"{raw_server.url}/json?again=yes#there",
        )
        changing = ("time", "memusage", "tmdb/pool", "tmdb/pacing")
        stats = {
            name: value for name, value in ended.stats.items() if not any(part in name for part in changing)
        }
        responses = [
            (response.url, response.status, response.headers.to_unicode_dict(), response.body, kept(response))
            for response in ended.spider.responses
        ]
        for response in responses:
            # The sandbox tells the time.
            response[2].pop("Date", None)
        failed = [(failure.type, kept(failure.request)) for failure in ended.spider.failures]
        # How far reading start() is when an answer comes differs from run to run.
        in_any_order = [responses, ended.spider.seen, [item.id for item in ended.items]]
        runs.append((stats, failed, *(sorted(found, key=str) for found in in_any_order)))
    ours, scrapys = runs
    assert ours == scrapys
    assert ours[0]["dupefilter/filtered"] == 2
    assert ours[0]["downloader/request_bytes"] > 0
    assert len(ours[2]) == 5
    assert {number for number, _, _ in ours[3]} == set(range(len(SENT)))


def test_the_add_on_installs_them_and_the_users_own_win():
    settings = Settings({"TMDB_ACCESS_TOKEN": TOKEN})
    Addon(Spider).update_settings(settings)
    assert settings["DOWNLOADER"] is SparingDownloader
    assert settings["STATS_CLASS"] is SparingStatsCollector
    assert settings["DUPEFILTER_CLASS"] is TMDBDupeFilter
    middlewares = settings["DOWNLOADER_MIDDLEWARES"]
    assert (middlewares[DownloaderStats], middlewares[SparingDownloaderStats]) == (None, 850)
    settings = Settings({"TMDB_ACCESS_TOKEN": TOKEN, **SCRAPYS_OWN})
    Addon(Spider).update_settings(settings)
    assert {name: settings[name] for name in SCRAPYS_OWN if name != "DOWNLOADER_MIDDLEWARES"} == {
        name: value for name, value in SCRAPYS_OWN.items() if name != "DOWNLOADER_MIDDLEWARES"
    }
    assert settings["DOWNLOADER_MIDDLEWARES"][DownloaderStats] == 850
    assert SparingDownloaderStats not in settings["DOWNLOADER_MIDDLEWARES"]


@pytest.mark.parametrize("moved", [None, 10])
def test_a_middleware_that_the_user_moved_or_left_out_stays_so(moved):
    name = "scrapy.downloadermiddlewares.stats.DownloaderStats"
    settings = Settings({"TMDB_ACCESS_TOKEN": TOKEN, "DOWNLOADER_MIDDLEWARES": {name: moved}})
    Addon(Spider).update_settings(settings)
    assert settings["DOWNLOADER_MIDDLEWARES"][name] == moved
    assert SparingDownloaderStats not in settings["DOWNLOADER_MIDDLEWARES"]


REQUESTS = [
    Request("https://api.themoviedb.org/3/movie/550?append_to_response=credits,images"),
    Request("http://127.0.0.1:8390/3/movie/550"),
    Request("https://example.org"),
    Request("https://EXAMPLE.org/a b/ü?q=ä&r=é#part"),
    Request("https://user:password@example.org/x"),
    Request("https://[::1]:8080/x?y=z"),
    Request("https://example.org/a;b?c=d"),
    Request("https://example.org//a"),
    Request("https://example.org/a?"),
    Request("https://example.org?q=1"),
    Request("https://example.org/a?b?"),
    Request("https://bücher.example/a"),
    Request("https://example.org/a", headers={"X-One": "1", "X-Two": ["2", "22"], "X-None": []}),
    Request("https://example.org/a", headers={"X-None": []}),
    Request("https://example.org/a", method="POST", body="{}", headers={"Content-Type": "application/json"}),
]


@pytest.mark.parametrize("request_", REQUESTS, ids=lambda request: f"{request.method} {request.url}")
def test_the_size_of_a_request_is_that_of_scrapy(request_):
    crawler = get_crawler()
    counted = []
    for middleware in (DownloaderStats(crawler.stats), SparingDownloaderStats(crawler.stats)):
        crawler.stats.clear_stats()
        middleware.process_request(request=request_)
        counted.append(dict(crawler.stats.get_stats()))
    assert counted[0] == counted[1]
    assert counted[0]["downloader/request_bytes"] == len(request_httprepr(request_))


@pytest.mark.parametrize("status", [200, 404, 429, 599])
@pytest.mark.parametrize(
    "headers", [{}, {"A": "1"}, {"A": ["1", "22"], "B": "3"}, {"A": []}], ids=["none", "one", "some", "empty"]
)
def test_the_size_of_a_response_is_that_of_scrapy(status, headers):
    crawler = get_crawler()
    response = JsonResponse("https://example.org", status=status, headers=Headers(headers), body=b"{}")
    counted = []
    for middleware in (DownloaderStats(crawler.stats), SparingDownloaderStats(crawler.stats)):
        crawler.stats.clear_stats()
        assert middleware.process_response(request=REQUESTS[0], response=response) is response
        counted.append(dict(crawler.stats.get_stats()))
    assert counted[0] == counted[1]


def test_a_spider_argument_is_warned_of_as_by_scrapy():
    spider = Spider("name")
    crawler = get_crawler()
    stats = SparingStatsCollector(crawler)
    middleware = SparingDownloaderStats(stats)
    for call in (
        lambda: stats.inc_value("a", spider=spider),
        lambda: stats.set_value("b", 1, spider=spider),
        lambda: middleware.process_request(REQUESTS[0], spider),
        lambda: middleware.process_response(REQUESTS[0], Response("https://example.org"), spider),
    ):
        with pytest.warns(ScrapyDeprecationWarning, match="spider"):
            call()
    assert stats.get_value("a") == 1
    assert stats.get_value("downloader/request_count") == stats.get_value("downloader/response_count") == 1


def test_the_collector_does_all_that_scrapys_does():
    found = []
    for cls in (MemoryStatsCollector, SparingStatsCollector):
        stats = cls(get_crawler())
        stats.inc_value("count")
        stats.inc_value("count", 2, start=10)
        stats.inc_value("from", start=5)
        stats.max_value("max", 3)
        stats.max_value("max", 1)
        stats.min_value("min", 3)
        stats.min_value("min", 1)
        stats.set_value("set", "x")
        first = (dict(stats.get_stats()), stats.get_value("none", 7))
        stats.set_stats({"a": 1})
        stats.open_spider()
        stats.close_spider(reason="finished")
        found.append((first, stats.get_stats(), stats.spider_stats))
        stats.clear_stats()
        assert stats.get_stats() == {}
    assert found[0] == found[1]


class Chain:
    """A downloader middleware that answers what a test wants, at once or later."""

    answers: ClassVar[dict[str, Any]] = {}
    called: ClassVar[list[str]] = []

    def answer(self, given: Any) -> Any:
        name = type(self).__name__
        self.called.append(name)
        return self.answers.get(name, given)


class PlainMiddleware(Chain):
    def process_request(self, request):
        return self.answer(None)

    def process_response(self, request, response):
        return self.answer(response)


class LaterMiddleware(Chain):
    async def process_request(self, request):
        return self.answer(None)

    async def process_response(self, request, response):
        return self.answer(response)


class LastMiddleware(PlainMiddleware):
    pass


class FailingMiddleware(Chain):
    def process_exception(self, request, exception):
        self.called.append(type(exception).__name__)


CHAIN = [PlainMiddleware, LaterMiddleware, LastMiddleware, FailingMiddleware]
ELSEWHERE = Request("https://example.org/2")
ANSWER = Response("https://example.org/answer")


async def downloaded(downloader: type[Downloader], answers: dict[str, Any]) -> tuple[Any, ...]:
    """What comes of a download: what was called, and the outcome."""
    settings = {
        "DOWNLOAD_HANDLERS": {"http": None, "https": None},
        "DOWNLOADER_MIDDLEWARES_BASE": {},
        "DOWNLOADER_MIDDLEWARES": {cls: number for number, cls in enumerate(CHAIN)},
    }
    made = downloader(get_crawler(settings_dict=settings))
    Chain.answers, Chain.called = answers, []

    async def download(request: Request) -> Response:
        Chain.called.append("download")
        return Response(request.url)

    try:
        result = await made.middleware.download_async(download, REQUESTS[0])
        outcome = (type(result), result.url)
    except Exception as error:  # noqa: BLE001 - any is compared
        outcome = (type(error), str(error))
    finally:
        made.close()
    return outcome, Chain.called


@pytest.mark.parametrize(
    "answer", [None, ANSWER, ELSEWHERE, "neither"], ids=["none", "response", "request", "odd"]
)
@pytest.mark.parametrize("cls", CHAIN[:3], ids=lambda cls: cls.__name__)
@coroutine_test
async def test_middlewares_are_called_as_scrapy_calls_them(cls, answer):
    answers = {} if answer is None else {cls.__name__: answer}
    assert await downloaded(SparingDownloader, answers) == await downloaded(Downloader, answers)


@coroutine_test
async def test_the_older_form_with_a_spider_is_left_to_scrapy(tmdb_sandbox):
    class OlderMiddleware:
        seen: ClassVar[list[Any]] = []

        def process_request(self, request, spider):
            self.seen.append(spider)

    settings = settings_of(tmdb_sandbox.base_url, DOWNLOADER_MIDDLEWARES={OlderMiddleware: 500})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ScrapyDeprecationWarning)
        ended = await crawl(MoviesSpider, settings, ids=[1, 2])
    assert OlderMiddleware.seen == [ended.spider, ended.spider]
    assert len(ended.items) == 2
