"""Add-ons of other plugins beside ours: what each of them set goes on to do its work."""

from __future__ import annotations

from hashlib import sha1
from typing import ClassVar

import pytest
import scrapy
from scrapy.core.downloader import Downloader
from scrapy.core.downloader.handlers.base import BaseDownloadHandler
from scrapy.crawler import AsyncCrawlerRunner
from scrapy.dupefilters import BaseDupeFilter, RFPDupeFilter
from scrapy.logformatter import LogFormatter
from scrapy.settings import Settings
from scrapy.statscollectors import MemoryStatsCollector
from scrapy.utils.reactor import is_reactor_installed
from scrapy.utils.request import RequestFingerprinter

from tests.coroutines import coroutine_test
from tests.crawling.crawls import MoviesSpider, crawl, settings_of
from tmdbfusion_scrapy.crawling.handler import TMDBHTTPDownloadHandler
from tmdbfusion_scrapy.crawling.scheduling import TMDBDupeFilter, TMDBRequestFingerprinter
from tmdbfusion_scrapy.exceptions import ConfigurationError


class MetaFingerprinter(RequestFingerprinter):
    """Another plugin's: two requests that differ in its meta are two."""

    def fingerprint(self, request):
        mark = str(request.meta.get("other_plugin", "")).encode()
        return sha1(super().fingerprint(request) + mark, usedforsecurity=False).digest()


class CountingDupeFilter(RFPDupeFilter):
    """Another plugin's: notes what it was asked about, and when it was opened and closed."""

    asked: ClassVar[list[str]] = []

    def open(self):
        self.asked.append("open")

    def request_seen(self, request):
        self.asked.append(request.url)
        return super().request_seen(request)

    def close(self, reason):
        self.asked.append(reason)
        super().close(reason)


class OtherDownloader(Downloader):
    pass


class OtherStats(MemoryStatsCollector):
    pass


class OtherLogFormatter(LogFormatter):
    pass


class OtherAddon:
    """Sets what a plugin may set, as add-ons do."""

    values: ClassVar = {
        "REQUEST_FINGERPRINTER_CLASS": MetaFingerprinter,
        "DUPEFILTER_CLASS": CountingDupeFilter,
        "DOWNLOADER": OtherDownloader,
        "STATS_CLASS": OtherStats,
        "LOG_FORMATTER": OtherLogFormatter,
        "CONCURRENT_ITEMS": 7,
    }

    def update_settings(self, settings):
        for name, value in self.values.items():
            settings.set(name, value, priority="addon")


class PathsAddon(OtherAddon):
    values: ClassVar = {
        "REQUEST_FINGERPRINTER_CLASS": f"{__name__}.MetaFingerprinter",
        "DUPEFILTER_CLASS": f"{__name__}.CountingDupeFilter",
    }


class NoFilterAddon(OtherAddon):
    values: ClassVar = {"DUPEFILTER_CLASS": BaseDupeFilter}


class FingerprinterAddon(OtherAddon):
    values: ClassVar = {"REQUEST_FINGERPRINTER_CLASS": RequestFingerprinter}


class MixedSpider(MoviesSpider):
    """Asks TMDB for each movie twice, and another host with meta of another plugin's."""

    name = "mixed"

    def __init__(self, other_url, **kwargs):
        super().__init__(**kwargs)
        self.other_url = other_url
        self.others = []

    async def start(self):
        for _ in range(2):
            async for request in super().start():
                yield request
            for mark in ("a", "b"):
                yield scrapy.Request(self.other_url, callback=self.parse_other, meta={"other_plugin": mark})

    def parse_other(self, response):
        self.others.append(response.meta["other_plugin"])


@pytest.fixture(autouse=True)
def _nothing_asked():
    CountingDupeFilter.asked = []


def addons(other, order):
    return {"ADDONS": {other: order, "tmdbfusion_scrapy.Addon": 500}}


@pytest.mark.parametrize("other", [OtherAddon, PathsAddon])
@coroutine_test
async def test_what_an_earlier_addon_set_serves_other_hosts(tmdb_sandbox, raw_server, other):
    settings = settings_of(tmdb_sandbox.base_url, **addons(other, 100))
    url = f"{raw_server.url}/json"
    ended = await crawl(MixedSpider, settings, ids=[1, 2], other_url=url)
    assert ended.ids == {1, 2}
    assert sorted(ended.spider.others) == ["a", "b"]
    assert ended.stats["dupefilter/filtered"] == 4
    assert len(tmdb_sandbox.requests) == len(raw_server.requests) == 2
    # TMDB's requests are none of its business.
    assert CountingDupeFilter.asked == ["open", *[url] * 4, "finished"]
    if other is OtherAddon:
        assert type(ended.crawler.engine.downloader) is OtherDownloader
        assert type(ended.crawler.stats) is OtherStats
        assert type(ended.crawler.logformatter) is OtherLogFormatter
        assert ended.crawler.settings.getint("CONCURRENT_ITEMS") == 7


@coroutine_test
async def test_what_an_earlier_addon_does_not_filter(tmdb_sandbox, raw_server):
    settings = settings_of(tmdb_sandbox.base_url, **addons(NoFilterAddon, 100))
    ended = await crawl(MixedSpider, settings, ids=[1], other_url=f"{raw_server.url}/json")
    assert sorted(ended.spider.others) == ["a", "a", "b", "b"]
    assert len(tmdb_sandbox.requests) == 1
    assert ended.stats["dupefilter/filtered"] == 1


@coroutine_test
async def test_a_job_in_two_runs(tmdb_sandbox, raw_server, tmp_path):
    settings = settings_of(tmdb_sandbox.base_url, JOBDIR=str(tmp_path / "job"), **addons(OtherAddon, 100))
    url = f"{raw_server.url}/json"
    first = await crawl(MixedSpider, settings, ids=[1], other_url=url)
    second = await crawl(MixedSpider, settings, ids=[1, 2], other_url=url)
    assert (first.ids, second.ids) == ({1}, {2})
    assert (sorted(first.spider.others), second.spider.others) == (["a", "b"], [])


@coroutine_test
async def test_what_the_user_chose_stays(tmdb_sandbox, raw_server):
    chosen = {"REQUEST_FINGERPRINTER_CLASS": MetaFingerprinter, "DUPEFILTER_CLASS": CountingDupeFilter}
    settings = settings_of(tmdb_sandbox.base_url, **chosen)
    ended = await crawl(MixedSpider, settings, ids=[1], other_url=f"{raw_server.url}/json")
    assert {name: ended.crawler.settings[name] for name in chosen} == chosen
    assert len(CountingDupeFilter.asked) == 2 + 6
    assert (ended.ids, sorted(ended.spider.others)) == ({1}, ["a", "b"])


class OwnFingerprinter(TMDBRequestFingerprinter):
    pass


class OwnDupeFilter(TMDBDupeFilter):
    pass


class OwnAddon(OtherAddon):
    values: ClassVar = {"REQUEST_FINGERPRINTER_CLASS": OwnFingerprinter, "DUPEFILTER_CLASS": OwnDupeFilter}


@coroutine_test
async def test_classes_that_are_made_of_ours_are_not_wrapped_in_ours(tmdb_sandbox, raw_server):
    settings = settings_of(tmdb_sandbox.base_url, **addons(OwnAddon, 100))
    ended = await crawl(MixedSpider, settings, ids=[1], other_url=f"{raw_server.url}/json")
    assert type(ended.crawler.request_fingerprinter) is OwnFingerprinter
    assert ended.ids == {1}


class SessionsSpider(MoviesSpider):
    """Two users' lists, which have one URL, and each of them twice."""

    name = "sessions"

    async def start(self):
        for session in ("s1", "s2", "s1"):
            yield self.tmdb.account.favorite_movies(1, session_id=session, callback=self.parse)
            yield self.tmdb.guest_sessions.rated_movies(session, callback=self.parse)

    def parse(self, response):
        self.responses.append(response)


@pytest.mark.parametrize("order", [100, 900], ids=["before", "after"])
@coroutine_test
async def test_sessions_are_told_apart_wherever_the_other_addon_stands(raw_server, order):
    async def serve(connection, seen):
        connection.respond(b'{"page": 1, "results": [], "total_pages": 1, "total_results": 0}')

    for path in (
        "account/1/favorite/movies",
        "guest_session/s1/rated/movies",
        "guest_session/s2/rated/movies",
    ):
        raw_server.scripts[f"/3/{path}"] = serve
    settings = settings_of(f"{raw_server.url}/3", **addons(FingerprinterAddon, order))
    ended = await crawl(SessionsSpider, settings, errors=None)
    assert not ended.spider.failures
    assert len(ended.spider.responses) == 4
    assert ended.stats["dupefilter/filtered"] == 2


class TakingHandler(BaseDownloadHandler):
    async def download_request(self, request):
        raise AssertionError("TMDB's requests are not to come here")


class TakingAddon:
    """Takes both schemes in the settings as they stand, whatever their priority."""

    handler: ClassVar = TakingHandler
    schemes: ClassVar = ("http", "https")

    def update_settings(self, settings):
        for scheme in self.schemes:
            settings["DOWNLOAD_HANDLERS"][scheme] = self.handler


class TakingByPathAddon(TakingAddon):
    handler: ClassVar = f"{__name__}.TakingHandler"


class TakingTLSAddon(TakingAddon):
    """Takes the images' scheme alone."""

    schemes: ClassVar = ("https",)


class TakingAllAddon:
    def update_settings(self, settings):
        settings.set("DOWNLOAD_HANDLERS", {"http": TakingHandler}, priority="cmdline")


class TakingAsAddonsDoAddon:
    """Takes both schemes at the priority that Scrapy has for add-ons."""

    def update_settings(self, settings):
        settings.set("DOWNLOAD_HANDLERS", dict.fromkeys(TakingAddon.schemes, TakingHandler), priority="addon")


class SwitchingOffAddon(TakingAddon):
    handler: ClassVar = None


@pytest.mark.parametrize(
    "addon",
    [
        TakingAddon,
        TakingByPathAddon,
        TakingTLSAddon,
        TakingAllAddon,
        TakingAsAddonsDoAddon,
        SwitchingOffAddon,
    ],
)
@coroutine_test
async def test_an_addon_after_ours_that_takes_tmdbs_requests_is_refused(tmdb_sandbox, addon):
    if not is_reactor_installed():
        pytest.skip(
            "without a reactor Scrapy makes its own handler first, and leaves it open where no crawl opens"
        )
    settings = settings_of(tmdb_sandbox.base_url, **addons(addon, 700))
    with pytest.raises(ConfigurationError, match="DOWNLOAD_HANDLERS has") as caught:
        await AsyncCrawlerRunner(Settings(settings)).crawl(MoviesSpider, ids=[1])
    name = "None" if addon is SwitchingOffAddon else f"{__name__}.TakingHandler"
    assert f"DOWNLOAD_HANDLERS has {name} for http" in str(caught.value)
    assert str(caught.value).endswith(
        'Let ours be the last one, ADDONS = {..., "tmdbfusion_scrapy.Addon": 800}'
    )
    assert not tmdb_sandbox.requests


class OwnHandler(TMDBHTTPDownloadHandler):
    pass


class OwnHandlerAddon(TakingAddon):
    handler: ClassVar = OwnHandler
    schemes: ClassVar = ("http",)


@coroutine_test
async def test_a_handler_that_is_made_of_ours_may_take_them(tmdb_sandbox):
    settings = settings_of(tmdb_sandbox.base_url, **addons(OwnHandlerAddon, 700))
    assert (await crawl(MoviesSpider, settings, ids=[1])).ids == {1}


@coroutine_test
async def test_the_same_addon_before_ours_gets_the_other_hosts(tmdb_sandbox):
    settings = settings_of(tmdb_sandbox.base_url, **addons(TakingAddon, 100))
    assert (await crawl(MoviesSpider, settings, ids=[1, 2])).ids == {1, 2}
