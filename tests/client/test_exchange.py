"""A request as it leaves: credentials, the secrets of a call, path and query."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.client.driving import KEY, TOKEN
from tmdbfusion_scrapy.api import OPERATIONS
from tmdbfusion_scrapy.api.plain import plain_call
from tmdbfusion_scrapy.client.exchange import Exchange
from tmdbfusion_scrapy.credentials import Credentials
from tmdbfusion_scrapy.exceptions import ValidationError

BASE = "https://api.example/3"
SESSION = "0a1b2c3d4e5f"
NO_DEFAULTS = {"language": None, "region": None}


def exchange(token: str = TOKEN, *, base_url: str = BASE, whole_urls: bool = False) -> Exchange:
    credentials = Credentials.from_value(token, name="token")
    return Exchange(base_url, httpx.Timeout(1.0), credentials, whole_urls)


def sent(operation: str, *args: Any, token: str = TOKEN, **kwargs: Any) -> httpx.Request:
    return exchange(token).request(OPERATIONS[operation].call({}, *args, **kwargs))


def target(request: httpx.Request) -> str:
    value: bytes = request.extensions["target"]
    return value.decode()


def test_a_token_is_a_header():
    request = sent("movie-details", 550, language="fr")
    assert request.headers["Authorization"] == f"Bearer {TOKEN}"
    assert request.headers["Host"] == "api.example"
    assert target(request) == "/3/movie/550?language=fr"
    assert request.url.host == "api.example"
    times = {"connect": 1.0, "read": 1.0, "write": 1.0, "pool": 1.0, "total": None}
    assert request.extensions["timeout"] == times


def test_a_key_is_in_the_query():
    assert target(sent("movie-details", 550, token=KEY)) == f"/3/movie/550?api_key={KEY}"
    request = sent("movie-details", 550, token=KEY, append_to_response=["credits", "watch/providers"])
    assert target(request) == f"/3/movie/550?append_to_response=credits,watch/providers&api_key={KEY}"
    assert "Authorization" not in request.headers


def test_secrets_of_a_call_leave_in_their_places():
    request = sent("account-details", 1, session_id=SESSION)
    assert target(request) == f"/3/account/1?session_id={SESSION}"
    request = sent("guest-session-rated-movies", "a/b?c", page=2)
    assert target(request) == "/3/guest_session/a%2Fb%3Fc/rated/movies?page=2"
    request = sent(
        "authentication-create-session-from-login", username="me", password="pä", request_token="t"
    )
    assert request.read() == b'{"username":"me","password":"p\xc3\xa4","request_token":"t"}'
    assert target(request) == "/3/authentication/token/validate_with_login"
    assert request.headers["Content-Length"] == str(len(request.read()))


def test_a_secret_is_not_in_the_call_that_messages_are_made_of():
    for operation, arguments in (
        ("account-details", {"account_id": 1, "session_id": SESSION}),
        ("guest-session-rated-movies", {"guest_session_id": SESSION}),
        ("authentication-delete-session", {"session_id": SESSION}),
    ):
        call = OPERATIONS[operation].call({}, **arguments)
        assert SESSION not in repr(call)
        assert SESSION not in call.url(BASE)
        assert exchange().request(call).method == call.method


def test_the_whole_url_for_a_transport_of_the_user():
    call = OPERATIONS["movie-details"].call({}, 550, language="fr")
    request = exchange(KEY, whole_urls=True).request(call)
    assert str(request.url) == f"{BASE}/movie/550?language=fr&api_key={KEY}"
    assert "target" not in request.extensions
    call = OPERATIONS["find-by-id"].call({}, "../movie/550?x=", external_source="imdb_id")
    request = exchange(whole_urls=True).request(call)
    assert request.url.raw_path == b"/3/find/..%2Fmovie%2F550%3Fx%3D?external_source=imdb_id"


@pytest.mark.parametrize(
    "base_url", ["http://127.0.0.1:8390/3", "https://proxy.example/tmdb/v3", "https://[::1]/3"]
)
def test_the_base_url_is_kept(base_url):
    call = OPERATIONS["movie-popular-list"].call({})
    url = httpx.URL(base_url)
    request = exchange(base_url=base_url).request(call)
    assert (request.url.scheme, request.url.host, request.url.port) == (url.scheme, url.host, url.port)
    assert target(request) == f"{url.path}/movie/popular"
    assert request.headers["Host"] == url.netloc.decode()
    assert str(exchange(base_url=base_url, whole_urls=True).request(call).url) == f"{base_url}/movie/popular"


def test_a_body_goes_along():
    request = sent("movie-add-rating", 550, rating=8.5)
    assert request.read() == b'{"value":8.5}'
    assert request.headers["Content-Length"] == "13"
    assert request.headers["Content-Type"] == "application/json;charset=utf-8"


def test_a_transport_can_see_that_there_is_no_body():
    request = sent("movie-delete-rating", 550, guest_session_id="g")
    assert (request.method, request.content) == ("DELETE", b"")
    assert sent("movie-details", 550).content == b""


def test_a_call_outside_the_catalogue_hides_secrets_too():
    call = plain_call(
        {"language": "fr", "region": None, "session_id": "default"},
        "post",
        "account/1/thing",
        {"session_id": SESSION, "page": 2, "region": "CA"},
        {"request_token": SESSION, "x": 1},
    )
    assert call.query == {"language": "fr", "region": "CA", "page": "2"}
    assert call.body == {"x": 1}
    request = exchange().request(call)
    assert target(request) == f"/3/account/1/thing?language=fr&region=CA&page=2&session_id={SESSION}"
    assert request.read() == b'{"x":1,"request_token":"0a1b2c3d4e5f"}'
    assert plain_call(NO_DEFAULTS, "get", "movie/550", {"language": None}, None).query == {}


def test_a_session_in_the_path_of_a_call_outside_the_catalogue_is_hidden():
    for path, defaults, shown in (
        (f"guest_session/{SESSION}/rated/movies", NO_DEFAULTS, "/guest_session/***/rated/movies"),
        (f"/guest_session/{SESSION}", NO_DEFAULTS, "/guest_session/***"),
        (f"thing/{SESSION}/x", {"session_id": SESSION}, "/thing/***/x"),
        (f"*/***/{SESSION}", {"guest_session_id": SESSION}, "/%2A/%2A%2A%2A/***"),
    ):
        call = plain_call(defaults, "GET", path, None, None)
        assert call.path == shown
        assert SESSION not in repr(call) + call.url("https://api.example/3")
        assert target(exchange().request(call)) == "/3/" + path.lstrip("/").replace("*", "%2A")
    new = plain_call(NO_DEFAULTS, "GET", "authentication/guest_session/new", None, None)
    assert (new.path, new.secrets) == ("/authentication/guest_session/new", ())


def test_a_path_beyond_ascii_is_escaped():
    call = plain_call(NO_DEFAULTS, "GET", "search/Amélie%20x/a:b@c,d", None, None)
    assert call.path == "/search/Am%C3%A9lie%20x/a:b@c,d"
    assert target(exchange().request(call)) == "/3/search/Am%C3%A9lie%20x/a:b@c,d"


@pytest.mark.parametrize("path", ["a\ud800", 5, None, b"movie/550"])
def test_a_path_that_is_none(path):
    with pytest.raises(ValidationError, match=r"^path "):
        plain_call(NO_DEFAULTS, "GET", path, None, None)


@pytest.mark.parametrize("method", ["", "GET /x", "G\r\nX: 1", "GÉT", None, 5])
def test_a_method_that_is_none(method):
    with pytest.raises(ValidationError, match=r"^method is .*: use an HTTP method"):
        plain_call(NO_DEFAULTS, method, "movie/550", None, None)


ENDLESS: dict[str, Any] = {}
ENDLESS["itself"] = ENDLESS


@pytest.mark.parametrize("json", [{"a": object()}, {"a": "\ud800"}, ENDLESS, [1], "text", 5])
def test_json_that_cannot_be_written(json):
    with pytest.raises(TypeError, match=r"^json "):
        plain_call(NO_DEFAULTS, "POST", "movie/550/x", None, json)
