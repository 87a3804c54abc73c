"""What the add-on spares TMDB requests changes nothing that a crawl shows."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest
from scrapy import Request, Spider, signals
from scrapy.dupefilters import RFPDupeFilter
from scrapy.settings import Settings
from scrapy.utils.request import RequestFingerprinter

from tests.coroutines import coroutine_test
from tests.crawling.crawls import TOKEN, MoviesSpider, crawl, settings_of
from tmdbfusion_scrapy import Addon
from tmdbfusion_scrapy.crawling.scheduling import TMDBDupeFilter, TMDBRequestFingerprinter

SCRAPYS_OWN = {
    "CONCURRENT_ITEMS": 100,
    "DUPEFILTER_CLASS": RFPDupeFilter,
    "REQUEST_FINGERPRINTER_CLASS": RequestFingerprinter,
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
        changing = ("time", "memusage", "tmdb/pool", "tmdb/rate_limit")
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
    assert settings["CONCURRENT_ITEMS"] == 1
    assert settings["DUPEFILTER_CLASS"] is TMDBDupeFilter
    assert settings["REQUEST_FINGERPRINTER_CLASS"] is TMDBRequestFingerprinter
    settings = Settings({"TMDB_ACCESS_TOKEN": TOKEN, **SCRAPYS_OWN})
    Addon(Spider).update_settings(settings)
    assert {name: settings[name] for name in SCRAPYS_OWN} == SCRAPYS_OWN


@pytest.mark.parametrize("name", ["DOWNLOADER", "STATS_CLASS", "LOG_FORMATTER", "SCHEDULER"])
def test_what_it_does_not_need_it_leaves_alone(name):
    settings, untouched = Settings({"TMDB_ACCESS_TOKEN": TOKEN}), Settings()
    Addon(Spider).update_settings(settings)
    assert (settings[name], settings.getpriority(name)) == (untouched[name], 0)
