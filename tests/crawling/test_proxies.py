"""Proxies of a crawl: TMDB's own, a request's, the environment's."""

from __future__ import annotations

import json
import logging
import sys

import pytest
from scrapy import Request, Spider
from scrapy.crawler import AsyncCrawlerRunner
from scrapy.settings import Settings

from tests.coroutines import coroutine_test
from tests.crawling.crawls import MoviesSpider, crawl, settings_of
from tests.transport.proxy import proxying
from tests.transport.test_failures import closed_port
from tmdbfusion_scrapy.crawling import TMDBSourceSpider
from tmdbfusion_scrapy.exceptions import ConfigurationError, ServerError, ValidationError


class ExportSpider(TMDBSourceSpider):
    name = "export"
    details_operation = "movie-details"


SECRET = "5ec2e7"
CREDENTIALS = f"user:{SECRET}"


@pytest.fixture(autouse=True)
def _no_proxies_from_outside(monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


async def serve_movie(connection, seen):
    connection.respond(json.dumps({"id": 1, "title": "By way of a proxy"}).encode())


def behind_tls(server, **settings):
    """Settings of a crawl of a server with a certificate that nobody knows."""
    server.scripts["/3/movie/1"] = serve_movie
    return settings_of(f"{server.url}/3", **{"TMDB_VERIFY_TLS": False, "RETRY_TIMES": 0, **settings})


@coroutine_test
async def test_https_goes_through_a_tunnel(raw_tls_server, caplog):
    caplog.set_level(logging.DEBUG)
    with proxying(credentials=CREDENTIALS) as proxy:
        settings = behind_tls(raw_tls_server, TMDB_PROXY=f"http://{CREDENTIALS}@{proxy.address}")
        ended = await crawl(MoviesSpider, settings, ids=[1])
        assert proxy.heads[0].startswith(f"CONNECT 127.0.0.1:{raw_tls_server.ports[0]} HTTP/1.1\r\n")
    (response,) = ended.spider.responses
    assert response.record.title == "By way of a proxy"
    assert raw_tls_server.requests[0].header("Proxy-Authorization") is None
    assert SECRET not in caplog.text + repr(ended.stats) + repr(response.request.to_dict(spider=ended.spider))


@pytest.mark.skipif(sys.version_info < (3, 11), reason="TLS in TLS needs Python 3.11")
@coroutine_test
async def test_a_proxy_over_tls(raw_tls_server, tls_contexts):
    with proxying(tls=tls_contexts.server, credentials=CREDENTIALS) as proxy:
        settings = behind_tls(raw_tls_server, TMDB_PROXY=f"https://{CREDENTIALS}@{proxy.address}")
        ended = await crawl(MoviesSpider, settings, ids=[1])
        assert (ended.ids, len(proxy.heads)) == ({1}, 1)


@pytest.mark.skipif(sys.version_info < (3, 11), reason="https through an https proxy needs Python 3.11")
@coroutine_test
async def test_a_proxy_over_tls_is_checked(raw_tls_server, tls_contexts):
    with proxying(tls=tls_contexts.server) as proxy:
        settings = behind_tls(
            raw_tls_server, TMDB_PROXY=f"https://{CREDENTIALS}@{proxy.address}", TMDB_VERIFY_TLS=True
        )
        ended = await crawl(MoviesSpider, settings, errors=None, ids=[1])
        assert "certificate verify failed" in ended.spider.failures[0].value.message
        assert not proxy.heads


@coroutine_test
async def test_a_wrong_password(raw_tls_server, caplog):
    caplog.set_level(logging.DEBUG)
    with proxying(credentials="user:other") as proxy:
        settings = behind_tls(raw_tls_server, TMDB_PROXY=f"http://{CREDENTIALS}@{proxy.address}")
        ended = await crawl(MoviesSpider, settings, errors=None, ids=[1])
    error = ended.spider.failures[0].value
    assert isinstance(error, ServerError)
    assert error.message == (
        f"ProxyError: The proxy refused to connect to 127.0.0.1:{raw_tls_server.ports[0]}: "
        f"407 Proxy Authentication Required"
    )
    assert SECRET not in caplog.text + repr(error) + ended.spider.failures[0].getTraceback()
    assert not raw_tls_server.requests


@pytest.mark.parametrize("own", [True, False])
@coroutine_test
async def test_a_proxy_that_is_not_there(raw_tls_server, own, caplog):
    url = f"http://{CREDENTIALS}@127.0.0.1:{closed_port()}"
    given = {"meta": {"proxy": url}} if own else {}
    settings = behind_tls(raw_tls_server, TMDB_PROXY=None if own else url, RETRY_TIMES=1)
    ended = await crawl(MoviesSpider, settings, errors=None, ids=[1], **given)
    error = ended.spider.failures[0].value
    assert isinstance(error, ServerError)
    assert error.message.startswith("ProxyError: Cannot connect to the proxy for 127.0.0.1:")
    assert ended.stats["tmdb/retry/count"] == 1
    assert SECRET not in caplog.text + repr(error)
    assert not raw_tls_server.requests


@coroutine_test
async def test_a_requests_proxy_goes_before_the_setting(raw_tls_server, caplog):
    caplog.set_level(logging.DEBUG)
    with proxying() as first, proxying(credentials=CREDENTIALS) as second:
        settings = behind_tls(raw_tls_server, TMDB_PROXY=f"http://{first.address}")
        meta = {"proxy": f"http://{CREDENTIALS}@{second.address}"}
        ended = await crawl(MoviesSpider, settings, ids=[1], meta=meta)
        assert (ended.ids, len(first.heads), len(second.heads)) == ({1}, 0, 1)
    assert SECRET not in caplog.text


@coroutine_test
async def test_a_request_without_a_proxy(raw_tls_server):
    with proxying() as proxy:
        settings = behind_tls(raw_tls_server, TMDB_PROXY=f"http://{proxy.address}")
        ended = await crawl(MoviesSpider, settings, ids=[1], meta={"proxy": None})
        assert (ended.ids, proxy.heads) == ({1}, [])


REMOTE = "https://api.tmdb.example/3"
"""A host that only a proxy finds."""


@pytest.mark.parametrize(
    ("setting", "environment", "used"),
    [
        (False, {"https_proxy": "env"}, "env"),
        (True, {"https_proxy": "env"}, "own"),
        (True, {"https_proxy": "env", "no_proxy": "api.tmdb.example"}, "own"),
    ],
)
@coroutine_test
async def test_the_environments_proxy(raw_tls_server, monkeypatch, setting, environment, used):
    leads_to = ("127.0.0.1", raw_tls_server.ports[0])
    with proxying(credentials=CREDENTIALS, leads_to=leads_to) as env, proxying(leads_to=leads_to) as own:
        for name, value in environment.items():
            monkeypatch.setenv(name, f"http://{CREDENTIALS}@{env.address}" if value == "env" else value)
        settings = behind_tls(
            raw_tls_server,
            TMDB_API_URL=REMOTE,
            TMDB_PROXY=f"http://{own.address}" if setting else None,
        )
        ended = await crawl(MoviesSpider, settings, ids=[1])
        assert ended.ids == {1}
        assert (bool(env.heads), bool(own.heads)) == (used == "env", used == "own")


@pytest.mark.parametrize("off", [{"no_proxy": "api.tmdb.example"}, {"HTTPPROXY_ENABLED": False}], ids=str)
@coroutine_test
async def test_the_environment_can_be_ignored(raw_tls_server, monkeypatch, off):
    with proxying() as env:
        monkeypatch.setenv("https_proxy", f"http://{env.address}")
        if "no_proxy" in off:
            monkeypatch.setenv("no_proxy", off["no_proxy"])
        settings = behind_tls(raw_tls_server, TMDB_API_URL=REMOTE, **off)
        ended = await crawl(MoviesSpider, settings, errors=None, ids=[1])
        assert "ConnectError" in ended.spider.failures[0].value.message
        assert not env.heads


EVERY_PROXY = ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")


@coroutine_test
async def test_loopback_is_asked_past_the_environments_proxy(tmdb_sandbox, monkeypatch, tmp_path):
    with proxying(credentials=CREDENTIALS) as env:
        for name in EVERY_PROXY:
            monkeypatch.setenv(name, f"http://{CREDENTIALS}@{env.address}")
        settings = settings_of(
            tmdb_sandbox.base_url,
            TMDB_EXPORTS_URL=tmdb_sandbox.exports_url,
            TMDB_IMAGES_URL=tmdb_sandbox.images_url,
            TMDB_IMAGES={"poster": "w92"},
            IMAGES_STORE=str(tmp_path / "images"),
        )
        ended = await crawl(ExportSpider, settings, source="export", day="2026-06-01", limit="3")
        assert len(ended.ids) == 3
        assert ended.stats["tmdb/images/stored_count/poster"] == 3
        assert env.heads == []


@coroutine_test
async def test_loopback_over_tls_is_asked_past_the_environments_proxy(raw_tls_server, monkeypatch):
    with proxying() as env:
        monkeypatch.setenv("https_proxy", f"http://{env.address}")
        ended = await crawl(MoviesSpider, behind_tls(raw_tls_server), ids=[1])
        assert (ended.ids, env.heads) == ({1}, [])


@coroutine_test
async def test_another_address_on_loopback_is_asked_past_the_environments_proxy(tmdb_sandbox, monkeypatch):
    remote = f"https://127.0.0.2:{closed_port()}/3"
    with proxying() as env:
        monkeypatch.setenv("https_proxy", f"http://{env.address}")
        settings = settings_of(tmdb_sandbox.base_url)
        del settings["TMDB_API_URL"]
        settings["TMDB_API_URLS"] = [remote, tmdb_sandbox.base_url]
        ended = await crawl(MoviesSpider, settings, ids=[1])
        assert (ended.ids, env.heads) == ({1}, [])


@pytest.mark.parametrize("names", ["TMDB_API_URL", "TMDB_API_URLS"])
@pytest.mark.parametrize("url", ["http://127.0.0.1:8390/3", "http://localhost/3", "http://[::1]:80/3"])
@coroutine_test
async def test_tmdbs_proxy_is_refused_where_it_would_read_the_token(names, url):
    settings = settings_of(url, TMDB_PROXY=f"http://{CREDENTIALS}@proxy.example:3128")
    if names == "TMDB_API_URLS":
        del settings["TMDB_API_URL"]
        settings["TMDB_API_URLS"] = ["https://api.themoviedb.org/3", url]
    with pytest.raises(ConfigurationError, match=f"TMDB_PROXY is set and {names} is http://") as caught:
        await AsyncCrawlerRunner(Settings(settings)).crawl(MoviesSpider, ids=[1])
    assert "unset TMDB_PROXY" in str(caught.value)
    assert SECRET not in str(caught.value)


@coroutine_test
async def test_a_requests_proxy_is_refused_where_it_would_read_the_token(tmdb_sandbox):
    with proxying() as proxy:
        meta = {"proxy": f"http://{proxy.address}"}
        settings = settings_of(tmdb_sandbox.base_url)
        ended = await crawl(MoviesSpider, settings, errors=None, ids=[1], meta=meta)
        assert proxy.heads == []
    (failure,) = ended.spider.failures
    assert isinstance(failure.value, ValidationError)
    assert 'request.meta["proxy"]' in failure.value.message
    assert not tmdb_sandbox.requests


@coroutine_test
async def test_images_on_loopback_are_asked_past_any_proxy(tmdb_sandbox, raw_tls_server, tmp_path):
    """TMDB_PROXY is for TMDB; a server of images on this machine needs none."""

    async def movie(connection, seen):
        connection.respond(json.dumps({"id": 1, "title": "T", "poster_path": "/abc.jpg"}).encode())

    with proxying() as proxy:
        settings = behind_tls(
            raw_tls_server,
            TMDB_PROXY=f"http://{proxy.address}",
            TMDB_IMAGES_URL=tmdb_sandbox.images_url,
            TMDB_IMAGES={"poster": "w92"},
            IMAGES_STORE=str(tmp_path / "images"),
        )
        raw_tls_server.scripts["/3/movie/1"] = movie
        ended = await crawl(MoviesSpider, settings, ids=[1])
        assert ended.stats["tmdb/images/request_count"] == 1
        assert [head.partition(" ")[0] for head in proxy.heads] == ["CONNECT"]


@coroutine_test
async def test_other_requests_do_not_take_tmdbs_proxy(raw_tls_server, raw_server):
    class OtherSpider(Spider):
        name = "other"

        async def start(self):
            yield Request(f"{raw_server.url}/json")

        def parse(self, response):
            yield response.json()

    with proxying() as proxy:
        settings = behind_tls(
            raw_tls_server,
            TMDB_PROXY=f"http://{proxy.address}",
            ADDONS={"tmdbfusion_scrapy.Addon": 500},
        )
        ended = await crawl(OtherSpider, settings)
        assert ended.items == [{"ok": True}]
        assert not proxy.heads


def test_the_settings_show_no_password():
    from tmdbfusion_scrapy.settings import TMDBSettings

    settings = TMDBSettings.from_settings(Settings({"TMDB_PROXY": f"http://{CREDENTIALS}@proxy.example"}))
    assert settings.proxy is not None
    assert SECRET not in repr(settings)
