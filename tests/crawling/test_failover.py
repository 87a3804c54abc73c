"""Several base URLs in a crawl: one is named by the requests, the one that can be reached is called."""

from __future__ import annotations

import logging
import socket

import pytest
from scrapy.exceptions import CannotResolveHostError, DownloadConnectionRefusedError

from tests.coroutines import coroutine_test
from tests.crawling.crawls import TOKEN, MoviesSpider, crawl, failure_rows, settings_of
from tests.patience import with_more_time
from tests.transport.resolver import V4, V6, Names, black_hole
from tests.transport.test_failures import closed_port
from tmdbfusion_scrapy.exceptions import ConfigurationError, ServerError


def several(*urls, **settings):
    """Settings with several base URLs."""
    return settings_of(None, TMDB_API_URLS=list(urls), **settings)


def warnings_of(caplog):
    return [
        record.getMessage()
        for record in caplog.records
        if record.levelno == logging.WARNING and record.name.startswith("tmdbfusion_scrapy")
    ]


@coroutine_test
async def test_the_second_host_serves_the_crawl(tmdb_sandbox, caplog):
    first = f"http://127.0.0.1:{closed_port()}/3"
    settings = several(first, tmdb_sandbox.base_url)
    ended = await crawl(MoviesSpider, settings, ids=range(1, 21))
    assert ended.ids == set(range(1, 21))
    assert {response.url for response in ended.spider.responses} == {
        f"{first}/movie/{n}" for n in range(1, 21)
    }
    assert {seen.headers["authorization"] for seen in tmdb_sandbox.requests} == {f"Bearer {TOKEN}"}
    assert {seen.headers["host"] for seen in tmdb_sandbox.requests} == {tmdb_sandbox.base_url.split("/")[2]}
    assert ended.stats["tmdb/failover_count"] == 1
    assert ended.stats["tmdb/request_count"] == 20
    assert "tmdb/retry/count" not in ended.stats
    assert warnings_of(caplog) == [
        f"{first} cannot be reached: requests go to {tmdb_sandbox.base_url} instead"
    ]


@coroutine_test
async def test_caches_and_duplicates_know_one_host(tmdb_sandbox, tmp_path):
    first = f"http://127.0.0.1:{closed_port()}/3"
    cache = {"HTTPCACHE_ENABLED": True, "HTTPCACHE_DIR": str(tmp_path / "cache")}
    await crawl(MoviesSpider, several(first, tmdb_sandbox.base_url, **cache), ids=[1, 2])
    tmdb_sandbox.clear()
    ended = await crawl(MoviesSpider, settings_of(first, **cache), ids=[1, 2, 1])
    assert ended.ids == {1, 2}
    assert ended.stats["httpcache/hit"] == 2
    assert ended.stats["dupefilter/filtered"] == 1
    assert not tmdb_sandbox.requests


@coroutine_test
async def test_a_host_that_can_be_reached_is_the_only_one_called(tmdb_sandbox, raw_server, caplog):
    tmdb_sandbox.fail_next(503)
    settings = several(tmdb_sandbox.base_url, f"{raw_server.url}/3")
    ended = await crawl(MoviesSpider, settings, ids=[1, 2])
    assert ended.ids == {1, 2}
    assert ended.stats["tmdb/failover_count"] == 0
    assert ended.stats["tmdb/retry/count"] == 1
    assert not raw_server.requests


@coroutine_test
async def test_no_host_can_be_reached(caplog):
    urls = [f"http://127.0.0.1:{closed_port()}/3", f"http://localhost:{closed_port()}/3"]
    ended = await crawl(MoviesSpider, several(*urls, RETRY_TIMES=1), errors=None, ids=[1])
    (failure,) = ended.spider.failures
    assert isinstance(failure.value, ServerError)
    assert isinstance(failure.value, DownloadConnectionRefusedError)
    assert failure.value.message.endswith(f"(tried {urls[0]}, {urls[1]})")
    assert ended.stats["tmdb/failover_count"] == 0
    assert ended.stats["tmdb/retry/count"] == 1
    assert [row[3] for row in failure_rows()] == ["ServerError"]


@coroutine_test
async def test_names_that_do_not_resolve(monkeypatch):
    Names(monkeypatch, {"one.localhost": [], "other.localhost": []})
    settings = several("http://one.localhost/3", "http://other.localhost/3", RETRY_TIMES=0)
    ended = await crawl(MoviesSpider, settings, errors=None, ids=[1])
    (failure,) = ended.spider.failures
    assert isinstance(failure.value, CannotResolveHostError)
    assert failure.value.message.endswith("(tried http://one.localhost/3, http://other.localhost/3)")


@coroutine_test
@with_more_time
async def test_a_host_that_swallows_connections(tmdb_sandbox, scale):
    with black_hole() as port:
        settings = several(f"http://127.0.0.1:{port}/3", tmdb_sandbox.base_url, DOWNLOAD_TIMEOUT=1.0 * scale)
        ended = await crawl(MoviesSpider, settings, ids=range(1, 6))
    assert ended.ids == set(range(1, 6))
    assert "tmdb/retry/count" not in ended.stats


@pytest.mark.parametrize(("family", "asked"), [("auto", socket.AF_UNSPEC), ("IPv4", socket.AF_INET)])
@coroutine_test
async def test_a_name_with_a_dead_address(tmdb_sandbox, monkeypatch, family, asked):
    names = Names(monkeypatch, {"api.localhost": [V6, V4]})
    url = tmdb_sandbox.base_url.replace("127.0.0.1", "api.localhost")
    assert url != tmdb_sandbox.base_url
    port = int(url.split(":")[2].split("/")[0])
    with black_hole(V6, port):
        settings = settings_of(url, TMDB_IP_FAMILY=family, RETRY_TIMES=0)
        ended = await crawl(MoviesSpider, settings, ids=[1, 2])
    assert ended.ids == {1, 2}
    assert {family for _, family in names.asked} == {asked}


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"TMDB_API_URL": "https://a.example/3"}, "TMDB_API_URL and TMDB_API_URLS are both set"),
        ({"TMDB_IP_FAMILY": "ipv5"}, "TMDB_IP_FAMILY is 'ipv5': use auto, ipv4, ipv6"),
        (
            {"TMDB_API_URLS": "https://a.example/3, http://b.example/3"},
            "TMDB_API_URLS is plain http to b.example",
        ),
    ],
)
@coroutine_test
async def test_settings_that_cannot_be(settings, words):
    given = {**several("https://a.example/3", "https://b.example/3"), **settings}
    with pytest.raises(ConfigurationError, match=words):
        await crawl(MoviesSpider, given)
