"""The arguments of both clients."""

from __future__ import annotations

import math
import ssl
from typing import Any

import httpx
import pytest

from tests.client.driving import KEY, TOKEN
from tmdbfusion_scrapy.client import AsyncTMDBClient, TMDBClient
from tmdbfusion_scrapy.client.options import ClientOptions
from tmdbfusion_scrapy.exceptions import ConfigurationError
from tmdbfusion_scrapy.retrying import RetryPolicy

CLIENTS = [TMDBClient, AsyncTMDBClient]


def options(token: str | None = TOKEN, **arguments: Any) -> ClientOptions:
    return ClientOptions.from_arguments(token, arguments)  # type: ignore[arg-type]


def test_defaults():
    made = options()
    assert made.exchange.base_url == "https://api.themoviedb.org/3"
    assert made.exchange.timeout == httpx.Timeout(30.0)
    assert made.limits == httpx.Limits(
        max_connections=100, max_keepalive_connections=20, keepalive_expiry=30.0
    )
    assert made.rate_limit.requests_per_second == 35.0
    assert made.retry.times == 2
    assert made.defaults == {"language": None, "languages": None, "region": None}
    assert (made.proxy, made.verify) == (None, True)


def test_languages_and_sessions_are_defaults():
    made = options(languages=["fr-CA", "fr", "en"], session_id="s", guest_session_id="g")
    assert made.defaults == {
        "language": "fr-CA",
        "languages": ("fr-CA", "fr", "en"),
        "region": None,
        "session_id": "s",
        "guest_session_id": "g",
    }


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"languages": ["french"]}, "languages has 'french'"),
        ({"languages": 5}, "languages has 5"),
        ({"languages": ["fr"], "language": "de"}, "language and languages are both given"),
        ({"session_id": ""}, "session_id must be text"),
        ({"guest_session_id": 7}, "guest_session_id must be text"),
    ],
)
def test_bad_languages_and_sessions(arguments, words):
    with pytest.raises(ConfigurationError, match=words):
        options(**arguments)


def test_time_outs_reach_each_request():
    request = options(timeout=1.5).exchange.request(_call())
    times = {"connect": 1.5, "read": 1.5, "write": 1.5, "pool": 1.5}
    assert request.extensions["timeout"] == {**times, "total": 15.0}
    single = options(timeout=httpx.Timeout(9, connect=2)).exchange.request(_call())
    assert single.extensions["timeout"] == {"connect": 2, "read": 9, "write": 9, "pool": 9, "total": 90}
    longer = options(timeout=1.5, total_timeout=60).exchange.request(_call())
    assert longer.extensions["timeout"] == {**times, "total": 60.0}
    assert options(total_timeout=None).exchange.request(_call()).extensions["timeout"]["total"] is None
    off = options(timeout=None).exchange.request(_call())
    assert set(off.extensions["timeout"].values()) == {None}
    default = options().exchange.request(_call())
    assert default.extensions["timeout"]["read"] == 30.0
    assert default.extensions["timeout"]["total"] == 300.0


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("total_timeout", 0),
        ("total_timeout", -1),
        ("total_timeout", "60"),
        ("total_timeout", math.inf),
        ("max_response_size", 0),
        ("max_response_size", 1.5),
        ("max_response_size", True),
    ],
)
def test_limits_that_cannot_be(name, value):
    with pytest.raises(ConfigurationError, match=rf"^{name} is "):
        options(**{name: value})


def _call() -> Any:
    from tmdbfusion_scrapy.api.movies import Movies

    return Movies.details.call({}, 550)


def test_values():
    made = options(
        language="fr-CA",
        region="ca",
        max_connections=None,
        max_keepalive_connections=None,
        keepalive_expiry=None,
        requests_per_second=None,
        retries=RetryPolicy(times=7),
        base_url="HTTPS://Api.TMDB.org/3/",
        proxy="http://user:hunter2@proxy.example:3128",
        verify=False,
    )
    assert made.defaults == {"language": "fr-CA", "languages": None, "region": "CA"}
    assert made.limits == httpx.Limits(
        max_connections=None, max_keepalive_connections=None, keepalive_expiry=None
    )
    assert made.rate_limit.requests_per_second == 0
    assert made.retry.times == 7
    assert made.exchange.base_url == "https://api.tmdb.org/3"
    assert made.proxy is not None
    assert made.proxy.url == "http://proxy.example:3128"
    assert made.verify is False
    assert "hunter2" not in repr(made)
    context = ssl.create_default_context()
    assert options(verify=context).verify is context
    proxy = httpx.Proxy("http://proxy.example")
    assert options(proxy=proxy).proxy is proxy
    assert options(requests_per_second=0).rate_limit.requests_per_second == 0
    assert options(retries=0).retry.times == 0


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("timeout", 0),
        ("timeout", -1),
        ("timeout", "30"),
        ("timeout", True),
        ("timeout", float("nan")),
        ("max_connections", 0),
        ("max_connections", -1),
        ("max_connections", 1.5),
        ("max_connections", True),
        ("max_connections", "10"),
        ("max_keepalive_connections", -1),
        ("max_keepalive_connections", "x"),
        ("keepalive_expiry", -1),
        ("keepalive_expiry", "x"),
        ("requests_per_second", -1),
        ("requests_per_second", "fast"),
        ("requests_per_second", float("inf")),
        ("requests_per_second", float("nan")),
        ("retries", -1),
        ("retries", None),
        ("retries", "2"),
        ("base_url", "api.themoviedb.org/3"),
        ("base_url", "http://api.themoviedb.org/3"),
        ("base_url", "ftp://api.themoviedb.org/3"),
        ("base_url", ""),
        ("base_url", "https://api.themoviedb.org/3/../4"),
        ("base_url", "https://api.themoviedb.org/%2E./4"),
        ("base_url", 5),
        ("base_url", "https://user:hunter2@api.themoviedb.org/3"),
        ("proxy", "proxy.example"),
        ("proxy", "socks5://user:hunter2@proxy.example"),
        ("proxy", 5),
        ("verify", "path"),
        ("verify", None),
        ("language", "fr_CA"),
        ("region", "Canada"),
        ("api_key", TOKEN),
    ],
)
def test_bad_arguments(client, name, value):
    token = None if name == "api_key" else TOKEN
    with pytest.raises(ConfigurationError, match=name) as caught:
        client(token, **{name: value})
    assert TOKEN not in str(caught.value)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("client", CLIENTS)
def test_unknown_argument(client):
    with pytest.raises(TypeError, match="'time_out'"):
        client(TOKEN, time_out=3)
    with pytest.raises(TypeError):
        client(TOKEN, KEY)


@pytest.mark.parametrize("client", CLIENTS)
def test_no_token(client, monkeypatch):
    with pytest.raises(ConfigurationError, match="no TMDB token: set TMDB_ACCESS_TOKEN"):
        client()
    for token in ("", " ", f"Bearer {TOKEN}", f"{TOKEN}\nX-Evil: 1"):
        with pytest.raises(ConfigurationError, match=r"^token ") as caught:
            client(token)
        assert TOKEN not in str(caught.value)
    monkeypatch.setenv("TMDB_API_KEY", KEY)
    assert client()._options.credentials.is_v3_key
    monkeypatch.setenv("TMDB_ACCESS_TOKEN", TOKEN)
    assert not client()._options.credentials.is_v3_key
    assert client(api_key=KEY)._options.credentials.is_v3_key


@pytest.mark.parametrize("client", CLIENTS)
def test_token_and_key(client):
    with pytest.raises(ConfigurationError, match="token and api_key are both given") as caught:
        client(TOKEN, api_key=KEY)
    assert TOKEN not in str(caught.value)


def test_no_base_url_is_tmdbs():
    assert options(base_url=None).exchange.base_url == "https://api.themoviedb.org/3"


def test_no_session_is_shown():
    shown = repr(options(session_id="us3r", guest_session_id="gu3st"))
    assert "us3r" not in shown
    assert "gu3st" not in shown


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("proxy", "http://proxy.example:3128"),
        ("ip_family", "ipv4"),
        ("verify", False),
        ("max_keepalive_connections", 5),
        ("keepalive_expiry", None),
    ],
)
def test_what_a_transport_of_ones_own_would_ignore(client, name, value):
    transport = httpx.MockTransport(lambda request: httpx.Response(200))
    with pytest.raises(ConfigurationError, match=f"transport and {name} are both given"):
        client(TOKEN, transport=transport, **{name: value})
    # What it does not carry out counts with it as well.
    assert client(TOKEN, transport=transport, max_connections=3, timeout=2)


class BlockingOnly(httpx.BaseTransport):
    """No transport for asyncio."""


class AsyncOnly(httpx.AsyncBaseTransport):
    """No transport for blocking calls."""


@pytest.mark.parametrize(
    ("client", "transport", "words"),
    [
        (TMDBClient, AsyncOnly(), "a AsyncOnly: this client needs an httpx.BaseTransport"),
        (AsyncTMDBClient, BlockingOnly(), "a BlockingOnly: this client needs an httpx.AsyncBaseTransport"),
        (TMDBClient, httpx.Client, "Client: this client needs"),
        (AsyncTMDBClient, "pooled", "a str: this client needs"),
        (TMDBClient, False, "a bool: this client needs"),
    ],
)
def test_a_transport_that_is_none(client, transport, words):
    with pytest.raises(ConfigurationError, match=f"transport is {words}"):
        client(TOKEN, transport=transport)


@pytest.mark.parametrize("client", CLIENTS)
def test_text_shows_the_address_alone(client):
    assert repr(client(TOKEN)) == f"<{client.__name__} of https://api.themoviedb.org/3>"


@pytest.mark.parametrize(
    "base_url", ["http://127.0.0.1:8390/3", ["https://api.themoviedb.org/3", "http://localhost/3"]], ids=str
)
@pytest.mark.parametrize("client", [TMDBClient, AsyncTMDBClient])
@pytest.mark.parametrize("kind", [str, httpx.Proxy])
def test_a_proxy_that_would_read_the_token(base_url, client, kind):
    with pytest.raises(ConfigurationError, match="proxy is set and base_url is http://") as caught:
        client(token=TOKEN, base_url=base_url, proxy=kind("http://user:hunter2@proxy.example"))
    assert "unset proxy" in str(caught.value)
    assert "hunter2" not in str(caught.value)
