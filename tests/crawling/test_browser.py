"""Pages in a real browser beside TMDB's requests: scrapy-playwright behind our handler."""

from __future__ import annotations

import shutil

import pytest
import scrapy
from scrapy.utils.reactor import is_reactor_installed

from tests.coroutines import coroutine_test
from tests.crawling.crawls import MoviesSpider, crawl, settings_of

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

PAGE = b"""<!doctype html><title>still</title><body><script>
document.title = "made by a script of " + navigator.userAgent;
</script></body>"""


class PagesSpider(MoviesSpider):
    name = "pages"

    def __init__(self, urls=(), **kwargs):
        super().__init__(**kwargs)
        self.urls = urls
        self.titles = []

    async def start(self):
        async for request in super().start():
            yield request
        for url in self.urls:
            yield scrapy.Request(
                url, callback=self.parse_page, errback=self.failed, meta={"playwright": True}
            )

    def parse_page(self, response):
        self.titles.append(response.css("title::text").get())


@pytest.mark.slow
@coroutine_test
async def test_pages_of_scrapy_playwright(tmdb_sandbox, raw_server):
    pytest.importorskip("scrapy_playwright", reason="scrapy-playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("there is no Chromium on this machine")
    if not is_reactor_installed():
        pytest.skip("scrapy-playwright needs the reactor")

    async def serve(connection, seen):
        connection.respond(PAGE, headers="Content-Type: text/html\r\n")

    raw_server.scripts.update({"/page/1": serve, "/page/2": serve})
    handler = "scrapy_playwright.handler.ScrapyPlaywrightDownloadHandler"
    settings = settings_of(
        tmdb_sandbox.base_url,
        DOWNLOAD_HANDLERS=dict.fromkeys(("http", "https"), handler),
        PLAYWRIGHT_LAUNCH_OPTIONS={"executable_path": CHROMIUM, "args": ["--no-sandbox"]},
    )
    urls = [f"{raw_server.url}/page/{number}" for number in (1, 2)]
    ended = await crawl(PagesSpider, settings, ids=[1, 2, 3], urls=urls)
    assert ended.ids == {1, 2, 3}
    assert not ended.spider.failures
    assert len(ended.spider.titles) == 2
    assert all(title.startswith("made by a script of Mozilla/5.0") for title in ended.spider.titles)
    assert ended.stats["tmdb/request_count"] == 3
    assert all(seen.header("Authorization") is None for seen in raw_server.requests)
