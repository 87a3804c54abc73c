"""Scrapy's own features on TMDB requests."""

from __future__ import annotations

import ipaddress
import json

import pytest
from scrapy import signals
from scrapy.exceptions import StopDownload

from tests.coroutines import coroutine_test
from tests.crawling.crawls import TOKEN, MoviesSpider, crawl, rows, settings_of
from tmdbfusion_scrapy.exceptions import ServerError


@coroutine_test
async def test_delay_of_the_slot(tmdb_sandbox):
    settings = settings_of(tmdb_sandbox.base_url, DOWNLOAD_SLOTS={"tmdb": {"delay": 0.1}})
    await crawl(MoviesSpider, settings, ids=range(1, 6))
    times = [seen.received_at for seen in tmdb_sandbox.requests]
    # Scrapy draws each delay from half of it to one and a half.
    assert times[-1] - times[0] >= 4 * 0.05 - 0.02


@coroutine_test
async def test_autothrottle(tmdb_sandbox_factory):
    class WatchingSpider(MoviesSpider):
        name = "watching"

        def parse(self, response):
            self.delay = self.crawler.engine.downloader.slots["tmdb"].delay
            yield from super().parse(response)

    sandbox = tmdb_sandbox_factory(latency=0.05)
    settings = settings_of(sandbox.base_url, AUTOTHROTTLE_ENABLED=True, AUTOTHROTTLE_START_DELAY=0.2)
    ended = await crawl(WatchingSpider, settings, ids=range(1, 4))
    assert all(response.meta["download_latency"] >= 0.05 for response in ended.spider.responses)
    delay = 0.2
    for response in ended.spider.responses:
        # As AutoThrottle works it out, however long the answers took.
        latency = response.meta["download_latency"]
        delay = max(latency, (delay + latency) / 2)
    assert ended.spider.delay == pytest.approx(delay)


def cache_settings(sandbox, tmp_path, **settings):
    return settings_of(
        sandbox.base_url, HTTPCACHE_ENABLED=True, HTTPCACHE_DIR=str(tmp_path / "cache"), **settings
    )


@coroutine_test
async def test_the_http_cache_answers_the_second_crawl(tmdb_sandbox, tmp_path):
    settings = cache_settings(tmdb_sandbox, tmp_path)
    first = await crawl(MoviesSpider, settings, ids=range(1, 6))
    tmdb_sandbox.clear()
    second = await crawl(
        MoviesSpider, {**settings, "TMDB_DATABASE_URL": "sqlite:///second.db"}, ids=range(1, 6)
    )
    assert not tmdb_sandbox.requests
    assert sorted(second.items, key=lambda movie: movie.id) == sorted(first.items, key=lambda movie: movie.id)
    assert second.stats["httpcache/hit"] == 5
    assert "tmdb/request_count" not in second.stats
    assert rows("SELECT count(*) FROM movies", "second.db") == [(5,)]


@pytest.mark.parametrize("fault", [401, 500, 503, "html", "empty", "list"])
@coroutine_test
async def test_the_http_cache_keeps_no_failure(tmdb_sandbox, tmp_path, fault):
    settings = cache_settings(tmdb_sandbox, tmp_path)
    tmdb_sandbox.fail_next(fault)
    if fault == 401:
        await crawl(MoviesSpider, settings, finish_reason="tmdb_bad_token", errors=1, ids=[1])
    else:
        ended = await crawl(MoviesSpider, settings, ids=[1])
        assert ended.ids == {1}
    ended = await crawl(MoviesSpider, settings, ids=[1])
    assert ended.ids == {1}


class ListeningSpider(MoviesSpider):
    """Listens to the signals of a download, and may stop it."""

    name = "listening"

    def __init__(self, stop_at=None, fail=False, **kwargs):
        super().__init__(**kwargs)
        self.stop_at = stop_at
        self.fail = fail
        self.heard = []

    @classmethod
    def from_crawler(cls, crawler, *args, **kwargs):
        spider = super().from_crawler(crawler, *args, **kwargs)
        crawler.signals.connect(spider.on_headers, signals.headers_received)
        crawler.signals.connect(spider.on_bytes, signals.bytes_received)
        return spider

    def on_headers(self, headers, body_length, request, spider):
        self.heard.append(("headers", headers[b"Content-Type"], body_length, request.url, spider is self))
        if self.stop_at == "headers":
            raise StopDownload(fail=self.fail)

    def on_bytes(self, data, request, spider):
        self.heard.append(("bytes", data, request.url, spider is self))
        if self.stop_at == "bytes":
            raise StopDownload(fail=self.fail)

    def parse(self, response):
        self.responses.append(response)
        yield {"flags": response.flags, "record": response.record}

    def failed(self, failure):
        self.failures.append(failure)


@coroutine_test
async def test_the_signals_of_a_download(raw_server):
    async def plain(connection, seen):
        connection.respond(b'{"id": 1}', headers="Content-Type: application/json\r\n")

    raw_server.scripts["/3/movie/1"] = plain
    ended = await crawl(ListeningSpider, settings_of(f"{raw_server.url}/3"), ids=[1])
    url = f"{raw_server.url}/3/movie/1"
    assert ended.spider.heard == [
        ("headers", b"application/json", 9, url, True),
        ("bytes", b'{"id": 1}', url, True),
    ]


@pytest.mark.parametrize("stop_at", ["headers", "bytes"])
@pytest.mark.parametrize("fail", [True, False])
@coroutine_test
async def test_a_download_can_be_stopped(tmdb_sandbox, stop_at, fail):
    settings = settings_of(tmdb_sandbox.base_url)
    ended = await crawl(ListeningSpider, settings, ids=[1, 2], stop_at=stop_at, fail=fail)
    if fail:
        stopped = [failure.value.response for failure in ended.spider.failures]
        assert {type(failure.value) for failure in ended.spider.failures} == {StopDownload}
    else:
        stopped = ended.spider.responses
        assert ended.items == [{"flags": ["download_stopped"], "record": None}] * 2
    assert len(stopped) == 2
    assert all(bool(response.body) == (stop_at == "bytes") for response in stopped)
    assert "tmdb/retry/count" not in ended.stats


@coroutine_test
async def test_what_a_response_tells_of_its_connection(tmdb_sandbox):
    ended = await crawl(MoviesSpider, settings_of(tmdb_sandbox.base_url), ids=[1])
    (response,) = ended.spider.responses
    assert response.ip_address == ipaddress.ip_address("127.0.0.1")
    assert response.protocol == "HTTP/1.1"
    assert response.certificate is None
    assert response.status == 200
    assert response.json()["id"] == response.record.id == 1
    assert response.url == f"{tmdb_sandbox.base_url}/movie/1"


async def serve_movie(connection, seen):
    connection.respond(json.dumps({"id": 1, "title": "Over TLS"}).encode())


@coroutine_test
async def test_tls_without_a_check_of_the_certificate(raw_tls_server):
    raw_tls_server.scripts["/3/movie/1"] = serve_movie
    settings = settings_of(f"{raw_tls_server.url}/3", TMDB_VERIFY_TLS=False)
    ended = await crawl(MoviesSpider, settings, ids=[1])
    (response,) = ended.spider.responses
    assert response.record.title == "Over TLS"
    assert b"localhost" in response.certificate
    (seen,) = raw_tls_server.requests
    assert seen.header("Authorization") == f"Bearer {TOKEN}"


@pytest.mark.parametrize("scrapys", [True, False])
@coroutine_test
async def test_tls_is_checked_whatever_scrapys_setting_says(raw_tls_server, scrapys):
    raw_tls_server.scripts["/3/movie/1"] = serve_movie
    settings = settings_of(f"{raw_tls_server.url}/3", DOWNLOAD_VERIFY_CERTIFICATES=scrapys, RETRY_TIMES=0)
    ended = await crawl(MoviesSpider, settings, errors=1, ids=[1])
    (failure,) = ended.spider.failures
    assert isinstance(failure.value, ServerError)
    assert "certificate verify failed" in failure.value.message
    assert not raw_tls_server.requests


@coroutine_test
async def test_no_robots_txt_is_asked_for(tmdb_sandbox):
    ended = await crawl(MoviesSpider, settings_of(tmdb_sandbox.base_url, ROBOTSTXT_OBEY=True), ids=[1])
    assert ended.ids == {1}
    assert [seen.path for seen in tmdb_sandbox.requests] == ["/3/movie/1"]


@coroutine_test
async def test_cookies_are_not_sent_back(raw_server):
    async def with_cookie(connection, seen):
        number = seen.target.rpartition("/")[2].encode()
        connection.respond(b'{"id": %s}' % number, headers="Set-Cookie: session=1; Path=/\r\n")

    raw_server.scripts.update({"/3/movie/1": with_cookie, "/3/movie/2": with_cookie})
    settings = settings_of(f"{raw_server.url}/3", CONCURRENT_REQUESTS=1, COOKIES_ENABLED=True)
    await crawl(MoviesSpider, settings, ids=[1, 2])
    assert [seen.header("Cookie") for seen in raw_server.requests] == [None, None]


@coroutine_test
async def test_allowed_domains_need_not_name_tmdb(tmdb_sandbox):
    class LocalSpider(MoviesSpider):
        name = "local"
        allowed_domains = ("example.com",)

    ended = await crawl(LocalSpider, settings_of(tmdb_sandbox.base_url), ids=[1])
    assert ended.ids == {1}


@coroutine_test
async def test_language_and_region(tmdb_sandbox):
    class PageSpider(MoviesSpider):
        name = "page"

        async def start(self):
            yield self.tmdb.movies.popular(callback=self.parse_page)
            yield self.tmdb.movies.popular(language="de", region="DE", callback=self.parse_page)

        def parse_page(self, response):
            yield {"page": response.record.page}

    settings = settings_of(
        tmdb_sandbox.base_url, TMDB_LANGUAGE="fr-CA", TMDB_REGION="ca", CONCURRENT_REQUESTS=1
    )
    await crawl(PageSpider, settings)
    first, second = (seen.query for seen in tmdb_sandbox.requests)
    assert (first["language"], first["region"]) == ("fr-CA", "CA")
    assert (second["language"], second["region"]) == ("de", "DE")


@coroutine_test
async def test_the_users_headers_and_user_agent(tmdb_sandbox):
    settings = settings_of(
        tmdb_sandbox.base_url,
        USER_AGENT="my-project/1.0",
        DEFAULT_REQUEST_HEADERS={"X-Mine": "1"},
    )
    await crawl(MoviesSpider, settings, ids=[1], arguments={"headers": {"X-Call": "2"}})
    (seen,) = tmdb_sandbox.requests
    assert seen.headers["user-agent"] == "my-project/1.0"
    assert seen.headers["x-mine"] == "1"
    assert seen.headers["x-call"] == "2"
    assert seen.headers["accept"] == "application/json"


@coroutine_test
async def test_a_call_asked_for_twice_is_sent_once(tmdb_sandbox):
    ended = await crawl(MoviesSpider, settings_of(tmdb_sandbox.base_url), ids=[1, 2, 1])
    assert len(tmdb_sandbox.requests) == 2
    assert ended.stats["dupefilter/filtered"] == 1
