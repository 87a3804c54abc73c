"""Proxies of a crawl: TMDB's own, a request's, the environment's."""

from __future__ import annotations

import json
import logging
import sys

import pytest
from scrapy import Request, Spider

from tests.coroutines import coroutine_test
from tests.crawling.crawls import MoviesSpider, crawl, settings_of
from tests.transport.proxy import proxying
from tests.transport.test_failures import closed_port
from tmdbfusion_scrapy.exceptions import ServerError, TMDBError

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


@coroutine_test
async def test_http_is_forwarded(tmdb_sandbox):
    with proxying(credentials=CREDENTIALS) as proxy:
        settings = settings_of(tmdb_sandbox.base_url, TMDB_PROXY=f"http://{CREDENTIALS}@{proxy.address}")
        ended = await crawl(MoviesSpider, settings, ids=range(1, 4))
        assert ended.ids == {1, 2, 3}
        assert all(head.startswith(f"GET {tmdb_sandbox.base_url}/movie/") for head in proxy.heads)


@pytest.mark.skipif(sys.version_info < (3, 11), reason="TLS in TLS needs Python 3.11")
@coroutine_test
async def test_a_proxy_over_tls(raw_tls_server, tls_contexts):
    with proxying(tls=tls_contexts.server, credentials=CREDENTIALS) as proxy:
        settings = behind_tls(raw_tls_server, TMDB_PROXY=f"https://{CREDENTIALS}@{proxy.address}")
        ended = await crawl(MoviesSpider, settings, ids=[1])
        assert (ended.ids, len(proxy.heads)) == ({1}, 1)


@coroutine_test
async def test_a_proxy_over_tls_is_checked(tmdb_sandbox, tls_contexts):
    with proxying(tls=tls_contexts.server) as proxy:
        settings = settings_of(
            tmdb_sandbox.base_url, TMDB_PROXY=f"https://{CREDENTIALS}@{proxy.address}", RETRY_TIMES=0
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


@coroutine_test
async def test_a_wrong_password_without_tls(tmdb_sandbox, caplog):
    with proxying(credentials="user:other") as proxy:
        settings = settings_of(tmdb_sandbox.base_url, TMDB_PROXY=f"http://{CREDENTIALS}@{proxy.address}")
        ended = await crawl(MoviesSpider, settings, errors=None, ids=[1])
        assert len(proxy.heads) == 1
    error = ended.spider.failures[0].value
    assert isinstance(error, TMDBError)
    assert (error.status_code, error.retryable) == (407, False)
    assert SECRET not in caplog.text + repr(error)


@pytest.mark.parametrize("own", [True, False])
@coroutine_test
async def test_a_proxy_that_is_not_there(tmdb_sandbox, own, caplog):
    url = f"http://{CREDENTIALS}@127.0.0.1:{closed_port()}"
    given = {"meta": {"proxy": url}} if own else {}
    settings = settings_of(tmdb_sandbox.base_url, TMDB_PROXY=None if own else url, RETRY_TIMES=1)
    ended = await crawl(MoviesSpider, settings, errors=None, ids=[1], **given)
    error = ended.spider.failures[0].value
    assert isinstance(error, ServerError)
    assert error.message.startswith("ProxyError: Cannot connect to the proxy for 127.0.0.1:")
    assert ended.stats["tmdb/retry/count"] == 1
    assert SECRET not in caplog.text + repr(error)
    assert not tmdb_sandbox.requests


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
async def test_a_request_without_a_proxy(tmdb_sandbox):
    with proxying() as proxy:
        settings = settings_of(tmdb_sandbox.base_url, TMDB_PROXY=f"http://{proxy.address}")
        ended = await crawl(MoviesSpider, settings, ids=[1], meta={"proxy": None})
        assert (ended.ids, proxy.heads) == ({1}, [])


@pytest.mark.parametrize(
    ("setting", "environment", "used"),
    [
        (False, {"http_proxy": "env"}, "env"),
        (True, {"http_proxy": "env"}, "own"),
        (False, {"http_proxy": "env", "no_proxy": "127.0.0.1"}, None),
        (True, {"http_proxy": "env", "no_proxy": "127.0.0.1"}, "own"),
        (False, {"https_proxy": "env"}, None),
    ],
)
@coroutine_test
async def test_the_environments_proxy(tmdb_sandbox, monkeypatch, setting, environment, used):
    with proxying(credentials=CREDENTIALS) as env, proxying() as own:
        for name, value in environment.items():
            monkeypatch.setenv(name, f"http://{CREDENTIALS}@{env.address}" if value == "env" else value)
        settings = settings_of(
            tmdb_sandbox.base_url, TMDB_PROXY=f"http://{own.address}" if setting else None, RETRY_TIMES=0
        )
        ended = await crawl(MoviesSpider, settings, ids=[1, 2])
        assert ended.ids == {1, 2}
        assert (bool(env.heads), bool(own.heads)) == (used == "env", used == "own")


@coroutine_test
async def test_the_environment_can_be_ignored(tmdb_sandbox, monkeypatch):
    with proxying() as env:
        monkeypatch.setenv("http_proxy", f"http://{env.address}")
        settings = settings_of(tmdb_sandbox.base_url, HTTPPROXY_ENABLED=False)
        assert (await crawl(MoviesSpider, settings, ids=[1])).ids == {1}
        assert not env.heads


@coroutine_test
async def test_other_requests_do_not_take_tmdbs_proxy(tmdb_sandbox, raw_server):
    class OtherSpider(Spider):
        name = "other"

        async def start(self):
            yield Request(f"{raw_server.url}/json")

        def parse(self, response):
            yield response.json()

    with proxying() as proxy:
        settings = settings_of(
            tmdb_sandbox.base_url,
            TMDB_PROXY=f"http://{proxy.address}",
            ADDONS={"tmdbfusion_scrapy.Addon": 500},
        )
        ended = await crawl(OtherSpider, settings)
        assert ended.items == [{"ok": True}]
        assert not proxy.heads


def test_the_settings_show_no_password():
    from scrapy.settings import Settings

    from tmdbfusion_scrapy.settings import TMDBSettings

    settings = TMDBSettings.from_settings(Settings({"TMDB_PROXY": f"http://{CREDENTIALS}@proxy.example"}))
    assert settings.proxy is not None
    assert SECRET not in repr(settings)
