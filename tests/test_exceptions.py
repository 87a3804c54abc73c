"""Errors from responses, from httpx exceptions, and what TMDB's codes mean."""

from __future__ import annotations

import copy
import json
import pickle
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime

import httpx
import pytest

from tmdbfusion_scrapy.exceptions import (
    BAD_TOKEN_CODES,
    TMDB_CODES,
    AuthenticationError,
    ConfigurationError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
    ResponseError,
    ServerError,
    TMDBError,
    ValidationError,
    error_from_exception,
    error_from_response,
    parse_retry_after,
)

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)

# Code, HTTP status, class (None for success), whether to try again: https://developer.themoviedb.org/docs/errors
CODES = [
    (1, 200, None, False),
    (2, 501, ServerError, False),
    (3, 401, PermissionDeniedError, False),
    (4, 405, ValidationError, False),
    (5, 422, ValidationError, False),
    (6, 404, NotFoundError, False),
    (7, 401, AuthenticationError, False),
    (8, 403, PermissionDeniedError, False),
    (9, 503, ServerError, True),
    (10, 401, AuthenticationError, False),
    (11, 500, ServerError, True),
    (12, 201, None, False),
    (13, 200, None, False),
    (14, 401, AuthenticationError, False),
    (15, 500, ServerError, True),
    (16, 401, PermissionDeniedError, False),
    (17, 401, PermissionDeniedError, False),
    (18, 400, ValidationError, False),
    (19, 406, ValidationError, False),
    (20, 422, ValidationError, False),
    (21, 200, NotFoundError, False),
    (22, 400, ValidationError, False),
    (23, 400, ValidationError, False),
    (24, 504, ServerError, True),
    (25, 429, RateLimitError, True),
    (26, 400, ValidationError, False),
    (27, 400, ValidationError, False),
    (28, 400, ValidationError, False),
    (29, 400, ValidationError, False),
    (30, 401, AuthenticationError, False),
    (31, 401, AuthenticationError, False),
    (32, 401, AuthenticationError, False),
    (33, 401, AuthenticationError, False),
    (34, 404, NotFoundError, False),
    (35, 401, AuthenticationError, False),
    (36, 401, PermissionDeniedError, False),
    (37, 404, NotFoundError, False),
    (38, 401, PermissionDeniedError, False),
    (39, 401, PermissionDeniedError, False),
    (40, 200, None, False),
    (41, 422, ValidationError, False),
    (42, 405, ValidationError, False),
    (43, 502, ServerError, True),
    (44, 500, NotFoundError, False),
    (45, 403, PermissionDeniedError, False),
    (46, 503, ServerError, True),
    (47, 400, ValidationError, False),
]


def notice(code: int, message: str = "Words of TMDB's.") -> bytes:
    return json.dumps({"success": False, "status_code": code, "status_message": message}).encode()


def from_response(status: int, body: bytes = b"", **headers: str) -> TMDBError | None:
    given = httpx.Headers({name.replace("_", "-"): value for name, value in headers.items()})
    return error_from_response(status, given, body, method="GET", path="/movie/550", now=NOW)


def failed(status: int, body: bytes = b"", **headers: str) -> TMDBError:
    error = from_response(status, body, **headers)
    assert error is not None
    return error


def test_the_table_has_every_code_once():
    table = [(code, entry.http_status, entry.error, entry.retryable) for code, entry in TMDB_CODES.items()]
    assert table == CODES


def test_the_table_agrees_with_tmdb_documentation(recorded_dir):
    documented = json.loads((recorded_dir / "status_codes.json").read_text())
    rows = documented if isinstance(documented, list) else documented["status_codes"]
    assert {row["status_code"]: row["http_status"] for row in rows} == {
        code: entry.http_status for code, entry in TMDB_CODES.items()
    }


@pytest.mark.parametrize(("code", "status", "cls", "retryable"), CODES)
def test_error_of_each_code(code, status, cls, retryable):
    error = from_response(status, notice(code))
    if cls is None:
        assert error is None
        return
    assert error is not None
    assert type(error) is cls
    assert (error.status_code, error.tmdb_code, error.message) == (status, code, "Words of TMDB's.")
    assert error.retryable is retryable
    assert (error.method, error.path, error.retry_after) == ("GET", "/movie/550", None)


def test_bad_token_codes_are_authentication_errors():
    assert all(TMDB_CODES[code].error is AuthenticationError for code in BAD_TOKEN_CODES)


@pytest.mark.parametrize(
    ("status", "cls", "retryable"),
    [
        (301, ResponseError, False),
        (304, ResponseError, False),
        (400, ValidationError, False),
        (401, AuthenticationError, False),
        (403, PermissionDeniedError, False),
        (404, NotFoundError, False),
        (405, ValidationError, False),
        (406, ValidationError, False),
        (408, ServerError, True),
        (409, ValidationError, False),
        (418, ValidationError, False),
        (422, ValidationError, False),
        (429, RateLimitError, True),
        (500, ServerError, True),
        (502, ServerError, True),
        (503, ServerError, True),
        (504, ServerError, True),
        (520, ServerError, True),
        (599, ServerError, True),
    ],
)
@pytest.mark.parametrize(
    "body",
    [b"", b"<html>Sorry</html>", b"[1,2]", b"null", b'"text"', b"{", b"\xff\xfe", b'{"a":1}', b"[" * 9999],
    ids=["none", "html", "list", "null", "string", "cut", "binary", "other", "deep"],
)
def test_error_of_a_response_that_is_not_tmdbs(status, cls, retryable, body):
    error = failed(status, body)
    assert type(error) is cls
    assert error.retryable is retryable
    assert error.tmdb_code is None
    assert error.message


@pytest.mark.parametrize(
    "body",
    [
        b'{"status_code":true,"status_message":7}',
        b'{"status_code":"34","status_message":null}',
        b'{"status_code":34.5,"errors":"no list"}',
        b'{"status_code":9999}',
    ],
)
def test_odd_notices_fall_back_on_the_status(body):
    error = failed(404, body)
    assert type(error) is NotFoundError
    assert isinstance(error.message, str)
    assert error.message


def test_unknown_code_keeps_its_number_and_message():
    error = failed(503, notice(99))
    assert type(error) is ServerError
    assert error.retryable
    assert (error.tmdb_code, error.message) == (99, "Words of TMDB's.")


def test_errors_list_is_the_message():
    error = failed(422, b'{"errors":["query must be provided","page must be greater than 0"]}')
    assert type(error) is ValidationError
    assert error.message == "query must be provided; page must be greater than 0"


def test_429_is_a_rate_limit_whatever_the_body_says():
    for body in (notice(7), notice(34), b"<html>", b""):
        error = failed(429, body, retry_after="3")
        assert type(error) is RateLimitError
        assert error.retryable
        assert error.retry_after == 3


def test_rate_limit_code_under_another_status():
    assert type(failed(503, notice(25))) is RateLimitError


def test_success_is_no_error():
    for status in (200, 201, 204):
        assert from_response(status, b'{"id":550}') is None
    assert from_response(200, b"<html>") is None
    assert from_response(200, b'{"success":true,"status_code":1,"status_message":"Success."}') is None
    assert from_response(201, b'{"status_code":12,"status_message":"Updated."}') is None


def test_failure_with_http_200():
    error = failed(200, notice(21))
    assert type(error) is NotFoundError
    assert (error.status_code, error.tmdb_code) == (200, 21)
    unknown = failed(200, notice(98))
    assert type(unknown) is ResponseError
    assert unknown.tmdb_code == 98
    assert from_response(200, b'{"id":1,"overview":"\\"status_code\\": 21"}') is None
    assert from_response(200, b'{"id":1,"part":{"status_code":34}}') is None


def test_message_of_a_redirect_says_where_to_without_the_query():
    error = failed(302, location="https://user:pass@proxy.example/login?api_key=0123&next=/3/movie")
    assert error.message == ("TMDB answered with a redirect to proxy.example/login, which is not followed")
    assert "redirect, which" in failed(302).message
    assert "redirect, which" in failed(302, location="http://[").message


def test_message_of_a_foreign_body_shows_its_beginning_only():
    message = failed(502, b"<html><head><title>502 Bad Gateway</title>" + b"x" * 5000).message
    assert "5042 bytes" in message
    assert "502 Bad Gat" in message
    assert len(message) < 120


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("0", 0.0),
        ("7", 7.0),
        (" 7 ", 7.0),
        ("1.5", 1.5),
        ("-1", None),
        ("nan", None),
        ("inf", None),
        ("1e999", None),
        ("", None),
        ("soon", None),
        ("5, 5", None),
        ("Fri, 02 Jan 2026 03:05:05 GMT", 60.0),
        ("Fri, 02 Jan 2026 03:05:05 -0000", 60.0),
        ("Fri, 02 Jan 2026 03:05:05", 60.0),
        ("Fri, 02 Jan 2026 04:05:05 +0100", 60.0),
        ("Friday, 02-Jan-26 03:05:05 GMT", 60.0),
        ("Fri Jan  2 03:05:05 2026", 60.0),
        ("Fri, 02 Jan 2026 03:04:00 GMT", 0.0),
        ("Sun, 06 Nov 1994 08:49:37 GMT", 0.0),
        ("Fri, 99 Jan 2026 03:05:05 GMT", None),
        ("Fri, 02 Jan 99999 03:05:05 GMT", None),
        ("Fri, 02 Jan 2026 03:05:05 +9999999999", None),
    ],
)
def test_retry_after(value, seconds):
    assert parse_retry_after(value, now=NOW) == seconds


def test_retry_after_date_is_reckoned_from_the_clock():
    later = datetime.now(timezone.utc) + timedelta(seconds=600)
    seconds = parse_retry_after(format_datetime(later, usegmt=True))
    assert seconds is not None
    assert 0 < seconds <= 600


CALLERS = (httpx.UnsupportedProtocol, httpx.LocalProtocolError)
"""Mistakes of the caller, which no other try changes."""


def transport_errors() -> list[type[httpx.TransportError]]:
    found: list[type[httpx.TransportError]] = []
    classes = [httpx.TransportError]
    while classes:
        cls = classes.pop()
        found.append(cls)
        classes.extend(cls.__subclasses__())
    return sorted(found, key=lambda cls: cls.__name__)


def test_there_are_the_transport_errors_of_httpx():
    names = {cls.__name__ for cls in transport_errors()}
    assert {"ConnectError", "ConnectTimeout", "ReadTimeout", "PoolTimeout", "RemoteProtocolError"} <= names


@pytest.mark.parametrize("cls", transport_errors(), ids=lambda cls: cls.__name__)
def test_every_transport_error_is_a_server_error(cls):
    """But for a request that nobody can answer, or that cannot be sent."""
    cause = cls("what happened")
    error = error_from_exception(cause, method="GET", path="/movie/550")
    assert type(error) is (ValidationError if cls in CALLERS else ServerError)
    assert error.__cause__ is cause
    assert "what happened" in str(error)
    assert str(error).startswith("GET /movie/550: ")
    assert error.status_code is None
    assert error.tmdb_code is None
    assert error.retryable is (cls not in CALLERS)


@pytest.mark.parametrize("cls", [httpx.ReadTimeout, httpx.ConnectError])
def test_exception_without_words_is_named(cls):
    assert cls.__name__ in str(error_from_exception(cls("")))


def test_time_outs_say_which():
    assert "ReadTimeout" in str(error_from_exception(httpx.ReadTimeout("no byte came")))


def test_other_httpx_exceptions():
    broken = error_from_exception(httpx.DecodingError("not gzip"))
    assert type(broken) is ResponseError
    assert broken.retryable
    invalid = error_from_exception(httpx.InvalidURL("no host"))
    assert type(invalid) is ValidationError
    assert not invalid.retryable


def test_text():
    assert str(TMDBError("Words")) == "Words"
    assert str(TMDBError("Words", method="GET", path="/movie/1")) == "GET /movie/1: Words"
    error = TMDBError("Words", method="GET", path="/movie/1", status_code=404, tmdb_code=34)
    assert str(error) == "GET /movie/1: Words (HTTP 404, TMDB code 34)"
    assert str(TMDBError("Words", status_code=500)) == "Words (HTTP 500)"
    assert str(TMDBError("Words", tmdb_code=22)) == "Words (TMDB code 22)"


@pytest.mark.parametrize(
    "cls",
    [
        TMDBError,
        AuthenticationError,
        PermissionDeniedError,
        NotFoundError,
        ValidationError,
        RateLimitError,
        ServerError,
        ResponseError,
    ],
)
def test_tree(cls):
    error = cls("Words")
    assert isinstance(error, TMDBError)
    assert error.retryable is (cls in (RateLimitError, ServerError, ResponseError))
    assert cls("Words", retryable=True).retryable is True
    assert cls("Words", retryable=False).retryable is False


def test_configuration_error_is_no_tmdb_error():
    assert not issubclass(ConfigurationError, TMDBError)
    assert issubclass(ConfigurationError, ValueError)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_pickles(protocol):
    error = failed(429, notice(25), retry_after="9")
    for twin in (pickle.loads(pickle.dumps(error, protocol)), copy.copy(error), copy.deepcopy(error)):  # noqa: S301
        assert type(twin) is RateLimitError
        assert vars(twin) == vars(error)
        assert str(twin) == str(error)
        assert twin.args == error.args
