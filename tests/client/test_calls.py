"""Calls of both clients against a server that answers as it is told."""

from __future__ import annotations

import gzip
import logging
import socket
import time
import traceback
from typing import Any

import httpx
import pytest

from tests.client.driving import KEY, MOVIE, TOKEN, Script, answer, failure, serve
from tests.transport.server import (
    close_early,
    hang,
    hang_in_body,
    reset_early,
    running,
    truncate,
    truncate_chunked,
)
from tmdbfusion_scrapy.exceptions import (
    AuthenticationError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
    ResponseError,
    ServerError,
    TMDBError,
    ValidationError,
)
from tmdbfusion_scrapy.models.movies import MovieDetails
from tmdbfusion_scrapy.retrying import RetryPolicy

OK = answer()
ONCE = RetryPolicy(times=1, base_delay=0.001, max_delay=5.0)
HTML = answer(b"<html>Please wait</html>", headers="Content-Type: text/html\r\n")


def details(client: Any) -> Any:
    return client.movies.details(550)


def rate(client: Any) -> Any:
    return client.movies.add_rating(550, rating=8.5)


def test_a_record_comes_back(server, driver):
    serve(server, OK)
    record = driver().do(details)
    assert isinstance(record, MovieDetails)
    assert (record.id, record.title, record.genres[0].name) == (550, "Loop", "Drama")
    assert record.raw == MOVIE


def test_what_is_sent(server, driver):
    serve(server, OK)
    driver().do(lambda client: client.movies.details(550, language="fr-CA"))
    (seen,) = server.requests
    assert seen.method == "GET"
    assert seen.target == "/3/movie/550?language=fr-CA"
    names = sorted(name.lower() for name, _ in seen.headers)
    assert names == ["accept", "accept-encoding", "authorization", "host", "user-agent"]
    assert seen.header("Authorization") == f"Bearer {TOKEN}"
    assert seen.header("Accept") == "application/json"
    assert seen.header("User-Agent").startswith("tmdbfusion-scrapy/")
    assert "gzip" in seen.header("Accept-Encoding")


def test_a_v3_key_goes_into_the_query(server, driver):
    serve(server, OK)
    driven = driver(token=KEY)
    driven.do(details)
    driven.do(lambda client: client.movies.details(550, language="fr"))
    assert [seen.target for seen in server.requests] == [
        f"/3/movie/550?api_key={KEY}",
        f"/3/movie/550?language=fr&api_key={KEY}",
    ]
    assert all(seen.header("Authorization") is None for seen in server.requests)


def test_a_body_is_sent(server, driver):
    server.scripts["/3/movie/550/rating"] = answer(
        b'{"status_code":12,"status_message":"Updated."}', "201 Created"
    )
    status = driver(token=KEY).do(lambda client: client.movies.add_rating(550, rating=8.5, session_id="s"))
    assert status.status_code == 12
    (seen,) = server.requests
    assert (seen.method, seen.body) == ("POST", b'{"value":8.5}')
    assert seen.header("Content-Type") == "application/json;charset=utf-8"
    assert seen.target == f"/3/movie/550/rating?session_id=s&api_key={KEY}"


def test_language_and_region_by_default(server, driver):
    serve(server, OK)
    server.scripts["/3/movie/popular"] = answer(b'{"page":1,"results":[]}')
    driven = driver(language="fr-CA", region="CA")
    driven.do(details)
    driven.do(lambda client: client.movies.popular(language="de"))
    driven.do(lambda client: client.movies.popular(page=1))
    assert [seen.query for seen in server.requests] == [
        {"language": "fr-CA"},
        {"language": "de", "region": "CA"},
        {"language": "fr-CA", "page": "1", "region": "CA"},
    ]


def test_what_the_catalogue_does_not_know(server, driver):
    server.scripts["/3/movie/550/new_thing"] = answer(b'{"new":[1,null]}')
    driven = driver(language="fr")
    value = driven.do(
        lambda client: client.request(
            "get", "movie/550/new_thing", params={"a": [1, 2], "b": True, "c": None}
        )
    )
    assert value == {"new": [1, None]}
    assert server.requests[0].method == "GET"
    assert server.requests[0].query == {"language": "fr", "a": "1,2", "b": "true"}
    driven.do(lambda client: client.request("POST", "/movie/550/new_thing", json={"x": 1}))
    assert server.requests[1].body == b'{"x":1}'


@pytest.mark.parametrize(
    "path",
    [
        f"movie/550?api_key={KEY}",
        "movie/550#x",
        f"https://evil.example/3?api_key={KEY}",
        "../4/list/1",
        "movie/./550",
        "movie/%2E%2e/550",
        "movie\\550",
        "movie/550 HTTP/1.1\r\nX: 1",
    ],
)
def test_paths_that_lead_elsewhere(server, driver, path):
    with pytest.raises(ValidationError) as caught:
        driver().do(lambda client: client.request("GET", path))
    assert KEY not in str(caught.value)
    assert server.requests == []


def test_a_session_in_the_path_is_shown_nowhere(server, driver, caplog):
    caplog.set_level(logging.DEBUG)
    server.scripts["/3/guest_session/gu3st/rated/movies"] = failure("404 Not Found", 34)
    with pytest.raises(NotFoundError) as caught:
        driver().do(lambda client: client.request("GET", "guest_session/gu3st/rated/movies"))
    assert caught.value.path == "/guest_session/***/rated/movies"
    assert "gu3st" not in str(caught.value) + caplog.text
    assert "/guest_session/***/rated/movies" in caplog.text


def test_a_request_that_cannot_be_made_reaches_no_server(server, driver):
    driven = driver()
    for call, error, words in (
        (lambda client: client.request("GET X", "movie/550"), ValidationError, "method"),
        (lambda client: client.request("POST", "x", json={"a": object()}), TypeError, "json"),
    ):
        with pytest.raises(error, match=f"^{words} "):
            driven.do(call)
    assert server.accepted == 0


def test_arguments_are_refused_before_any_request(server, driver):
    driven = driver()
    for call, error in (
        (lambda client: client.movies.details(0), ValidationError),
        (lambda client: client.movies.popular(page=501), ValidationError),
        (lambda client: client.movies.details(), TypeError),
        (lambda client: client.movies.details(550, langauge="de"), TypeError),
    ):
        with pytest.raises(error):
            driven.do(call)
    assert server.accepted == 0


@pytest.mark.parametrize(
    ("given", "cls", "attempts"),
    [
        (failure("404 Not Found", 34), NotFoundError, 1),
        (failure("401 Unauthorized", 7), AuthenticationError, 1),
        (failure("401 Unauthorized", 3), PermissionDeniedError, 1),
        (answer(b"", "403 Forbidden"), PermissionDeniedError, 1),
        (failure("422 Unprocessable", 20), ValidationError, 1),
        (failure("200 OK", 21), NotFoundError, 1),
        (failure("500 Internal", 11), ServerError, 3),
        (failure("500 Internal", 44), NotFoundError, 1),
        (answer(b"", "503 Service Unavailable"), ServerError, 3),
        (answer(b"<html>", "502 Bad Gateway"), ServerError, 3),
        (failure("429 Too Many", 25, "Retry-After: 0\r\n"), RateLimitError, 3),
        (HTML, ResponseError, 3),
        (answer(b""), ResponseError, 3),
        (answer(b"[]"), ResponseError, 3),
        (answer(b"null"), ResponseError, 3),
        (answer(b'{"message":"Service Unavailable"}'), ResponseError, 3),
        (answer(b"{}"), ResponseError, 3),
        (answer(b'{"id":null,"title":"Loop"}'), ResponseError, 3),
        (answer(MOVIE[:-9]), ResponseError, 3),
        (answer(b"not gzip", headers="Content-Encoding: gzip\r\n"), ResponseError, 3),
        (answer(gzip.compress(MOVIE)[:-12]), ResponseError, 3),
        (answer(b"", "302 Found", "Location: https://evil.example/3/movie/550\r\n"), ResponseError, 1),
        (close_early, ServerError, 3),
        (reset_early, ServerError, 3),
        (truncate, ServerError, 3),
        (truncate_chunked, ServerError, 3),
    ],
    ids=[
        "404", "401", "401-permission", "403", "422", "200-failure", "500", "500-bad-id", "503", "502-html", "429",
        "200-html", "empty", "list", "null", "other-json", "no-field", "no-id", "cut-json", "bad-gzip", "cut-gzip",
        "redirect", "close", "reset",
        "truncated", "truncated-chunked",
    ],
)  # fmt: skip
def test_errors(server, driver, given, cls, attempts):
    serve(server, given)
    with pytest.raises(TMDBError) as caught:
        driver().do(details)
    error = caught.value
    assert type(error) is cls
    assert (error.method, error.path) == ("GET", "/movie/550")
    assert len(server.requests) == attempts
    assert str(error).startswith("GET /movie/550: ")


def test_a_list_without_any_field(server, driver):
    server.scripts["/3/discover/movie"] = answer(b"{}")
    with pytest.raises(ResponseError, match=r"GET /discover/movie: .*without any field"):
        driver(retries=0).do(lambda client: client.discover.movie())


@pytest.mark.parametrize(
    "first",
    [
        failure("503 Service Unavailable", 9),
        failure("429 Too Many", 25, "Retry-After: 0\r\n"),
        HTML,
        close_early,
        truncate,
        answer(gzip.compress(MOVIE)[:-12]),
    ],
)
def test_a_temporary_failure_is_tried_again(server, driver, first):
    serve(server, first, first, OK)
    assert driver().do(details).id == 550
    assert len(server.requests) == 3


def test_number_of_retries(server, driver):
    serve(server, failure("503 Service Unavailable", 9))
    with pytest.raises(ServerError):
        driver(retries=0).do(details)
    assert len(server.requests) == 1


def test_connection_refused(driver):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        driven = driver(base_url=f"http://127.0.0.1:{port}/3")
        with pytest.raises(ServerError) as caught:
            driven.do(details)
        assert isinstance(caught.value.__cause__, httpx.ConnectError)
        assert caught.value.status_code is None


@pytest.mark.parametrize("script", [hang, hang_in_body])
def test_time_out(server, driver, script):
    serve(server, script)
    with pytest.raises(ServerError) as caught:
        driver(timeout=httpx.Timeout(60, read=0.1), retries=ONCE).do(details)
    assert isinstance(caught.value.__cause__, httpx.ReadTimeout)
    assert "ReadTimeout" in str(caught.value)
    server.wait_requests(2)
    assert len(server.requests) == 2


def test_retry_after_is_waited_for(server, driver):
    serve(server, failure("429 Too Many", 25, "Retry-After: 1\r\n"), OK)
    driven = driver()
    before = time.monotonic()
    driven.do(details)
    assert time.monotonic() - before >= 1.0


def test_retry_after_that_is_too_long_ends_the_retries(server, driver):
    serve(server, failure("503 Service Unavailable", 9, "Retry-After: 3600\r\n"))
    with pytest.raises(ServerError) as caught:
        driver().do(details)
    assert caught.value.retry_after == 3600
    assert len(server.requests) == 1


def test_a_429_pauses_the_calls_behind_it(server, driver):
    serve(server, failure("429 Too Many", 25, "Retry-After: 1\r\n"))
    serve(server, answer(b'{"id":551}'), movie=551)
    driven = driver(retries=RetryPolicy(times=0))
    before = time.monotonic()
    with pytest.raises(RateLimitError):
        driven.do(details)
    driven.do(lambda client: client.movies.details(551))
    assert time.monotonic() - before >= 0.9


@pytest.mark.parametrize(
    "script",
    [failure("500 Internal", 11), failure("503 Service Unavailable", 9), HTML, close_early, truncate],
)
def test_a_post_that_may_have_worked_is_not_sent_again(server, driver, script):
    server.scripts["/3/movie/550/rating"] = script
    for call in (rate, lambda client: client.movies.delete_rating(550)):
        server.requests.clear()
        with pytest.raises(TMDBError):
            driver().do(call)
        assert len(server.requests) == 1


def test_a_post_over_the_limit_is_sent_again(server, driver):
    done = answer(b'{"success":true,"status_code":1,"status_message":"Success."}', "201 Created")
    server.scripts["/3/movie/550/rating"] = Script(failure("429 Too Many", 25, "Retry-After: 0\r\n"), done)
    assert driver().do(rate).status_code == 1
    assert [seen.body for seen in server.requests] == [b'{"value":8.5}'] * 2


def test_a_post_that_found_no_connection_is_sent_again(driver):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        waits: list[float] = []

        def draw(low: float, high: float) -> float:
            waits.append(high)
            return low

        policy = RetryPolicy(times=2, base_delay=1.0, jitter=draw)
        driven = driver(base_url=f"http://127.0.0.1:{closed.getsockname()[1]}/3", retries=policy)
        with pytest.raises(ServerError):
            driven.do(rate)
        assert waits == [1.0, 2.0]


def test_compressed_bodies(server, driver):
    labelled = answer(gzip.compress(MOVIE), headers="Content-Encoding: gzip\r\n")
    unlabelled = answer(gzip.compress(MOVIE))
    serve(server, labelled, unlabelled)
    driven = driver()
    assert driven.do(details).raw == MOVIE
    assert driven.do(details).raw == MOVIE


def test_an_error_body_may_be_compressed_too(server, driver):
    notice = b'{"status_code":34,"status_message":"Gone."}'
    serve(server, answer(gzip.compress(notice), "404 Not Found"))
    with pytest.raises(NotFoundError, match="Gone"):
        driver().do(details)


def test_cookies_are_not_kept(server, driver):
    serve(server, answer(headers="Set-Cookie: tracked=yes; Path=/\r\n"), OK)
    driven = driver()
    driven.do(details)
    driven.do(details)
    assert [seen.header("Cookie") for seen in server.requests] == [None, None]


def test_redirects_are_not_followed_and_take_no_token_along(server, driver):
    with running() as elsewhere:
        serve(server, answer(b"", "301 Moved", f"Location: {elsewhere.url}/3/movie/550?api_key={KEY}\r\n"))
        for token in (TOKEN, KEY):
            with pytest.raises(ResponseError, match=r"redirect to 127\.0\.0\.1") as caught:
                driver(token=token).do(details)
            assert KEY not in str(caught.value)
        assert elsewhere.accepted == 0


def test_the_environment_sets_no_proxy(server, driver, monkeypatch):
    serve(server, OK)
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert driver().do(details).id == 550


@pytest.mark.parametrize("token", [TOKEN, KEY], ids=["v4", "v3"])
@pytest.mark.parametrize(
    "script",
    [
        OK,
        failure("401 Unauthorized", 7),
        answer(
            b"no such thing: /3/movie/550?api_key=" + KEY.encode() + b" " + TOKEN.encode(), "500 Internal"
        ),
        answer(
            b'{"status_message":"bad key %s, bad token %s"}' % (KEY.encode(), TOKEN.encode()), "403 Forbidden"
        ),
        answer(KEY.encode() + TOKEN.encode()),
        close_early,
        reset_early,
        truncate,
        hang,
        failure("429 Too Many", 25, "Retry-After: 99999\r\n"),
    ],
)
def test_the_token_is_shown_nowhere(server, driver, caplog, token, script):
    serve(server, script)
    driven = driver(token=token, timeout=0.1 if script is hang else 60, retries=ONCE)
    texts = [repr(driven.client), str(driven.client), repr(driven.client._options)]
    with caplog.at_level(logging.DEBUG):
        try:
            driven.do(details)
        except TMDBError as error:
            texts += [str(error), repr(error), repr(vars(error)), repr(error.args)]
            texts += traceback.format_exception(error)
    assert (
        any("GET /movie/550: HTTP 200" in record.getMessage() for record in caplog.records)
        or script is not OK
    )
    texts += [record.getMessage() for record in caplog.records] + [caplog.text]
    assert [text for text in texts if token in text] == []


def test_a_connection_that_the_server_closed_meanwhile(server, driver):
    async def once(connection: Any, seen: Any) -> None:
        connection.respond(MOVIE)
        connection.transport.close()

    serve(server, once)
    driven = driver(retries=0)
    for _ in range(5):
        assert driven.do(details).id == 550
    assert len(server.requests) == 5


def test_own_transport(driver):
    seen: list[httpx.Request] = []

    def handle(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json={"id": 550})

    driven = driver(transport=httpx.MockTransport(handle), verify=True)
    assert driven.do(details).id == 550
    assert seen[0].headers["Authorization"] == f"Bearer {TOKEN}"
    assert not driven.client.is_closed


@pytest.mark.parametrize("asked", ["0", "-5", "nan", "inf", "soon", "Sun, 06 Nov 1994 08:49:37 GMT"])
def test_a_retry_after_of_nothing_does_not_spend_the_retries_at_once(server, driver, asked):
    drawn_from = []

    def jitter(low, high):
        drawn_from.append((low, high))
        return 0.0

    serve(server, failure("503 Service Unavailable", 9, f"Retry-After: {asked}\r\n"), OK)
    driver(retries=RetryPolicy(times=2, base_delay=7.0, jitter=jitter)).do(details)
    # As without the header.
    assert drawn_from == [(0.0, 7.0)]


@pytest.mark.parametrize("status", ["503 Service Unavailable", "502 Bad Gateway"])
def test_a_503_that_asks_to_wait_makes_the_calls_behind_it_wait(server, driver, status):
    serve(server, failure(status, 9, "Retry-After: 1\r\n"), OK)
    driven = driver(retries=0)
    before = time.monotonic()
    with pytest.raises(ServerError):
        driven.do(details)
    driven.do(details)
    assert time.monotonic() - before >= 0.9
