"""Certificates: variables of the environment that name nothing, and a server's that are not accepted."""

from __future__ import annotations

import socket

import pytest
from scrapy.crawler import AsyncCrawlerRunner
from scrapy.settings import Settings

from tests.client.driving import TOKEN, Asynchronous, Blocking
from tests.coroutines import coroutine_test
from tests.crawling.crawls import MoviesSpider, crawl, failure_rows, settings_of
from tmdbfusion_scrapy import AsyncTMDBClient, TMDBClient
from tmdbfusion_scrapy.exceptions import ConfigurationError, ServerError
from tmdbfusion_scrapy.retrying import RetryPolicy


@pytest.fixture(params=["file", "a folder for a file", "no certificates", "folder"])
def variable(request, monkeypatch, tmp_path):
    """The name of a variable that names nothing that can be used."""
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)
    name = "SSL_CERT_DIR" if request.param == "folder" else "SSL_CERT_FILE"
    path = tmp_path / "nowhere"
    if request.param == "a folder for a file":
        path = tmp_path
    elif request.param == "no certificates":
        path = tmp_path / "text.pem"
        path.write_text("none at all")
    monkeypatch.setenv(name, str(path))
    return name


@pytest.mark.parametrize("client", [TMDBClient, AsyncTMDBClient])
def test_a_client_names_the_variable(variable, client):
    with pytest.raises(ConfigurationError, match=f"{variable} is .*unset it"):
        client(TOKEN)
    # Who checks nothing, or brings a context, needs no certificates of the environment.
    client(TOKEN, verify=False)


@coroutine_test
async def test_a_crawl_names_the_variable_before_it_begins(variable, raw_tls_server):
    settings = Settings(settings_of(f"{raw_tls_server.url}/3"))
    with pytest.raises(ConfigurationError, match=f"{variable} is .*unset it"):
        await AsyncCrawlerRunner(settings).crawl(MoviesSpider, ids=[550])
    assert raw_tls_server.accepted == 0


def test_variables_that_are_empty_or_good(monkeypatch, tmp_path):
    monkeypatch.setenv("SSL_CERT_FILE", "")
    monkeypatch.setenv("SSL_CERT_DIR", f"{tmp_path / 'nowhere'}:{tmp_path}")
    TMDBClient(TOKEN)


@pytest.mark.parametrize("made", [Blocking, Asynchronous])
def test_a_client_does_not_try_a_bad_certificate_again(raw_tls_server, made):
    waits = []
    retries = RetryPolicy(times=3, jitter=lambda low, high: waits.append(high) or 0.0)
    driven = made(token=TOKEN, base_url=f"{raw_tls_server.url}/3", retries=retries)
    with pytest.raises(ServerError, match="certificate") as caught:
        driven.do(lambda client: client.movies.details(550))
    driven.stop()
    assert not caught.value.retryable
    assert waits == []


@coroutine_test
async def test_a_crawl_does_not_try_a_bad_certificate_again(raw_tls_server):
    settings = settings_of(f"{raw_tls_server.url}/3", RETRY_TIMES=3)
    await crawl(MoviesSpider, settings, errors=1, ids=[550])
    assert failure_rows() == [("movies", "550", "/movie/550", "ServerError", None, None, 1)]


def test_a_connection_that_is_refused_is_tried_again():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    client = TMDBClient(TOKEN, base_url=f"http://127.0.0.1:{port}/3", retries=0)
    with client, pytest.raises(ServerError) as caught:
        client.movies.details(550)
    assert caught.value.retryable
