"""What Scrapy's settings and meta keys say of a download, on TMDB requests."""

from __future__ import annotations

import base64
import gzip
import json
import logging
import re
import ssl

import httpx
import pytest
from scrapy import Request
from scrapy.settings import Settings

from tests.coroutines import coroutine_test
from tests.crawling.crawls import MoviesSpider, crawl, settings_of
from tests.transport.proxy import proxying
from tests.transport.server import hang
from tmdbfusion_scrapy.crawling.errors import DataLossServerError, TimeoutServerError
from tmdbfusion_scrapy.crawling.responses import TMDBResponse
from tmdbfusion_scrapy.crawling.session import outgoing_request, tls_context
from tmdbfusion_scrapy.credentials import Credentials
from tmdbfusion_scrapy.exceptions import ValidationError

MOVIE = json.dumps({"id": 1, "title": "Downloaded"}).encode()


def answering(body=MOVIE, *, status="200 OK", headers=""):
    async def answer(connection, seen):
        connection.respond(body, status=status, headers=headers)

    return answer


def breaking_off(body):
    async def answer(connection, seen):
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + body)
        connection.transport.close()

    return answer


def serve(server, script, ids=(1,)):
    """Have a server answer for movies, and return settings that lead to it."""
    server.scripts.update({f"/3/movie/{number}": script for number in ids})
    return settings_of(f"{server.url}/3", RETRY_ENABLED=False)


def lines(caplog, text):
    return [record.getMessage() for record in caplog.records if text in record.getMessage()]


class AnyStatusSpider(MoviesSpider):
    """Takes each response as it is."""

    name = "any_status"

    def parse(self, response):
        self.responses.append(response)


@pytest.mark.parametrize("zipped", [True, False])
@coroutine_test
async def test_a_page_of_the_cdn(raw_server, zipped):
    page = b"<html><title>Bad gateway</title></html>"
    headers = "Content-Type: text/html\r\n" + ("Content-Encoding: gzip\r\n" if zipped else "")
    settings = serve(
        raw_server, answering(gzip.compress(page) if zipped else page, status="502 Bad", headers=headers)
    )
    ended = await crawl(AnyStatusSpider, settings, ids=[1], meta={"handle_httpstatus_all": True})
    (response,) = ended.spider.responses
    assert isinstance(response, TMDBResponse)
    assert (response.status, response.body, response.record) == (502, page, None)


@pytest.mark.parametrize("zipped", [True, False])
@coroutine_test
async def test_json_by_another_name(raw_server, zipped):
    headers = "Content-Type: text/plain\r\n" + ("Content-Encoding: gzip\r\n" if zipped else "")
    body = gzip.compress(MOVIE) if zipped else MOVIE
    ended = await crawl(MoviesSpider, serve(raw_server, answering(body, headers=headers)), ids=[1])
    (response,) = ended.spider.responses
    assert isinstance(response, TMDBResponse)
    assert response.record.title == "Downloaded"


@pytest.mark.parametrize(
    ("settings", "meta"), [({"DOWNLOAD_MAXSIZE": 10}, {}), ({}, {"download_maxsize": 10})]
)
@coroutine_test
async def test_a_body_that_is_too_large_is_logged(raw_server, caplog, settings, meta):
    settings = {**serve(raw_server, answering()), **settings}
    ended = await crawl(MoviesSpider, settings, errors=None, ids=[1], meta=meta)
    problem = f"Expected to receive {len(MOVIE)} bytes which is larger than download max size (10)"
    (failure,) = ended.spider.failures
    assert problem in failure.value.message
    (line,) = lines(caplog, problem)
    assert f"<GET {raw_server.url}/3/movie/1>" in line


@pytest.mark.parametrize(
    ("settings", "meta"), [({"DOWNLOAD_WARNSIZE": 10}, {}), ({}, {"download_warnsize": 10})]
)
@coroutine_test
async def test_a_large_body_is_warned_of(raw_server, caplog, settings, meta):
    settings = {**serve(raw_server, answering()), **settings}
    ended = await crawl(MoviesSpider, settings, ids=[1], meta=meta)
    assert ended.ids == {1}
    assert len(lines(caplog, "which is larger than download warn size (10)")) == 1


@coroutine_test
async def test_data_loss_is_explained_once(raw_server, caplog):
    settings = serve(raw_server, breaking_off(MOVIE), ids=(1, 2))
    ended = await crawl(MoviesSpider, settings, errors=None, ids=[1, 2])
    assert {type(failure.value) for failure in ended.spider.failures} == {DataLossServerError}
    assert len(ended.spider.failures) == 2
    assert len(lines(caplog, "DOWNLOAD_FAIL_ON_DATALOSS = False")) == 1


@pytest.mark.parametrize(
    ("settings", "meta"),
    [({"DOWNLOAD_FAIL_ON_DATALOSS": False}, {}), ({}, {"download_fail_on_dataloss": False})],
)
@coroutine_test
async def test_data_loss_may_pass(raw_server, caplog, settings, meta):
    settings = {**serve(raw_server, breaking_off(MOVIE)), **settings}
    ended = await crawl(MoviesSpider, settings, ids=[1], meta=meta)
    (response,) = ended.spider.responses
    assert response.flags == ["dataloss"]
    assert response.record.title == "Downloaded"
    assert not lines(caplog, "data loss")


@coroutine_test
async def test_a_time_out_names_the_server(raw_server):
    ended = await crawl(
        MoviesSpider, serve(raw_server, hang), errors=None, ids=[1], meta={"download_timeout": 0.2}
    )
    (failure,) = ended.spider.failures
    assert isinstance(failure.value, TimeoutServerError)
    assert raw_server.url in str(failure.value)


@pytest.mark.parametrize("address", ["127.0.0.2", ("127.0.0.2", 0), ("127.0.0.2", 12345)])
@coroutine_test
async def test_the_bind_address(raw_server, caplog, address):
    settings = {**serve(raw_server, answering()), "DOWNLOAD_BIND_ADDRESS": address}
    await crawl(MoviesSpider, settings, ids=[1])
    (seen,) = raw_server.requests
    assert seen.peer[0] == "127.0.0.2"
    assert seen.peer[1] != 12345
    warned = lines(caplog, "DOWNLOAD_BIND_ADDRESS specifies a port (12345)")
    assert bool(warned) is (address == ("127.0.0.2", 12345))


@coroutine_test
async def test_a_requests_own_bind_address_is_warned_of_once(raw_server, caplog):
    settings = serve(raw_server, answering(), ids=(1, 2))
    await crawl(MoviesSpider, settings, ids=[1, 2], meta={"bindaddress": "127.0.0.2"})
    assert [seen.peer[0] for seen in raw_server.requests] == ["127.0.0.1"] * 2
    assert len(lines(caplog, "The 'bindaddress' request meta key is not supported")) == 1


@coroutine_test
async def test_tls_as_scrapys_settings_say(raw_tls_server, caplog):
    settings = {
        **serve(raw_tls_server, answering()),
        "TMDB_VERIFY_TLS": False,
        "DOWNLOAD_TLS_MAX_VERSION": "TLSv1.2",
        "DOWNLOADER_CLIENT_TLS_CIPHERS": "ECDHE-ECDSA-AES128-GCM-SHA256",
        "DOWNLOADER_CLIENT_TLS_VERBOSE_LOGGING": True,
    }
    with caplog.at_level(logging.DEBUG):
        await crawl(MoviesSpider, settings, ids=[1])
    (line,) = lines(caplog, "SSL connection to 127.0.0.1")
    assert line.endswith("using protocol TLSv1.2, cipher ECDHE-ECDSA-AES128-GCM-SHA256")


@coroutine_test
async def test_tls_versions_that_do_not_meet(raw_tls_server, tls_contexts):
    settings = {
        **serve(raw_tls_server, answering()),
        "TMDB_VERIFY_TLS": False,
        "DOWNLOAD_TLS_MAX_VERSION": "TLSv1.2",
    }
    lowest = tls_contexts.server.minimum_version
    tls_contexts.server.minimum_version = ssl.TLSVersion.TLSv1_3
    try:
        ended = await crawl(MoviesSpider, settings, errors=None, ids=[1])
    finally:
        tls_contexts.server.minimum_version = lowest
    (failure,) = ended.spider.failures
    assert "Cannot connect" in failure.value.message
    assert not raw_tls_server.requests


@pytest.mark.parametrize("verify", [True, False])
def test_tls_of_no_settings_is_httpxs(verify, monkeypatch):
    monkeypatch.delenv("SSLKEYLOGFILE", raising=False)
    context = tls_context(Settings(), verify=verify)
    assert context.verify_mode is (ssl.CERT_REQUIRED if verify else ssl.CERT_NONE)
    assert context.check_hostname is verify
    assert context.keylog_filename is None
    assert context.get_ciphers() == httpx.create_ssl_context().get_ciphers()


@pytest.mark.parametrize("name", ["DOWNLOAD_TLS_MIN_VERSION", "DOWNLOAD_TLS_MAX_VERSION"])
def test_a_tls_version_that_is_none(name):
    with pytest.raises(ValueError, match=f"Unknown {name} value: SSLv3"):
        tls_context(Settings({name: "SSLv3"}), verify=False)


@pytest.mark.parametrize("verify", [True, False])
def test_tls_keys_are_written_where_the_environment_says(tmp_path, monkeypatch, verify):
    path = tmp_path / "keys.log"
    monkeypatch.setenv("SSLKEYLOGFILE", str(path))
    assert tls_context(Settings(), verify=verify).keylog_filename == str(path)


@pytest.mark.skipif(httpx.__version__ < "0.28", reason="httpx 0.27 opens the file itself, and raises")
def test_tls_keys_that_cannot_be_written(tmp_path, monkeypatch, caplog):
    path = tmp_path / "missing" / "keys.log"
    monkeypatch.setenv("SSLKEYLOGFILE", str(path))
    assert tls_context(Settings(), verify=False).keylog_filename is None
    assert lines(caplog, f"Cannot write TLS session keys to {path}")


def proxy_of(proxy, authorization=None):
    headers = {} if authorization is None else {"Proxy-Authorization": authorization}
    request = Request("https://127.0.0.1/3/movie/1", headers=headers, meta={"proxy": proxy})
    return outgoing_request(request, Credentials.from_value("token", name="token")).extensions["proxy"]


@pytest.mark.parametrize("proxy", ["http://127.0.0.1:8080", "127.0.0.1:8080"])
@pytest.mark.parametrize(
    "authorization",
    # HTTPPROXY_AUTH_ENCODING is latin-1 by default, which need not be UTF-8.
    [b"Basic " + base64.b64encode("user:pässword".encode("latin-1")), b"Bearer 5ec2e7"],
)
def test_the_proxys_authorization_goes_on_as_it_is(proxy, authorization):
    found = proxy_of(proxy, authorization)
    assert str(found.url) == "http://127.0.0.1:8080"
    assert found.headers.raw == [(b"Proxy-Authorization", authorization)]


def test_a_proxy_without_authorization():
    found = proxy_of("https://127.0.0.1:8080")
    assert str(found.url) == "https://127.0.0.1:8080"
    assert found.headers.raw == []


BAD_PROXIES = [
    "socks5://user:5ec2e7@127.0.0.1",
    "ftp://127.0.0.1",
    "http://",
    "http://127.0.0.1:x",
]


@pytest.mark.parametrize("proxy", BAD_PROXIES)
def test_what_is_no_proxy(proxy):
    with pytest.raises(ValidationError, match="the proxy of the request") as caught:
        proxy_of(proxy)
    assert "5ec2e7" not in str(caught.value)


@coroutine_test
async def test_a_request_with_a_bad_proxy_fails_alone(raw_server):
    settings = {**serve(raw_server, answering()), "RETRY_ENABLED": True}
    ended = await crawl(MoviesSpider, settings, errors=None, ids=[1], meta={"proxy": "socks5://127.0.0.1"})
    (failure,) = ended.spider.failures
    assert isinstance(failure.value, ValidationError)
    assert "tmdb/retry/count" not in ended.stats
    assert not raw_server.requests


@coroutine_test
async def test_a_proxys_password_in_latin_1(raw_tls_server):
    raw_tls_server.scripts["/3/movie/1"] = answering()
    settings = settings_of(f"{raw_tls_server.url}/3", TMDB_VERIFY_TLS=False)
    with proxying() as proxy:
        meta = {"proxy": f"http://user:p%C3%A4ss@{proxy.address}"}
        ended = await crawl(MoviesSpider, settings, ids=[1], meta=meta)
        (head,) = proxy.heads
    assert ended.ids == {1}
    (given,) = re.findall(r"(?im)^Proxy-Authorization: Basic (\S+)", head)
    assert base64.b64decode(given) == "user:päss".encode("latin-1")
