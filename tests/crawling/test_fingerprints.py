"""What tells two calls apart that have the same URL."""

from __future__ import annotations

from tests.coroutines import coroutine_test
from tests.crawling.crawls import crawl, settings_of
from tmdbfusion_scrapy import TMDBSpider

SEASONS = [f"season/{number}" for number in range(30)]


class CallingSpider(TMDBSpider):
    """Makes calls and sends none of them."""

    name = "calling"

    async def start(self):
        details = self.tmdb.tv.details
        self.requests = [
            details(1, append_to_response=SEASONS),
            details(1, append_to_response=SEASONS),
            details(1, append_to_response=SEASONS[:25]),
            details(1, append_to_response=SEASONS[:20]),
            details(1, languages=["fr", "en"]),
            details(1, languages=["fr", "de"]),
            details(1, language="fr", append_to_response="translations"),
        ]
        return
        yield


@coroutine_test
async def test_parts_and_languages_that_no_url_shows(tmdb_sandbox):
    ended = await crawl(CallingSpider, settings_of(tmdb_sandbox.base_url))
    fingerprint = ended.crawler.request_fingerprinter.fingerprint
    made = [fingerprint(request) for request in ended.spider.requests]
    assert made[0] == made[1]
    assert len(set(made)) == 6
    urls = {request.url for request in ended.spider.requests}
    assert len(urls) == 2
