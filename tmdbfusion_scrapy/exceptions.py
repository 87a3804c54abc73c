"""The errors of a TMDB call, normalized.

::

    TMDBError
    ├── AuthenticationError    401: bad token, bad login, suspended key
    ├── PermissionDeniedError  403, and the 401 codes that a valid token may meet
    ├── NotFoundError          404
    ├── ValidationError        400, 405, 406, 422; arguments refused before any request
    ├── RateLimitError         429
    ├── ServerError            5xx, time-outs, connections that failed
    └── ResponseError          a body that is not the JSON it should be

An error is built from a response (:func:`error_from_response`) or from an httpx exception
(:func:`error_from_exception`). Nothing of an error holds a secret: ``path`` has no query string.

:class:`ConfigurationError` stands apart: it is raised before any request and names the setting or
argument to mend.
"""

from __future__ import annotations

import math
import re
import socket
import ssl
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, Protocol
from urllib.parse import urlsplit

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import httpx


class ConfigurationError(ValueError):
    """A setting or argument cannot be used; the message names it and the fix."""


class TMDBError(Exception):
    """A TMDB call failed.

    Args:
        message: What went wrong: TMDB's ``status_message`` where it sent one.
        status_code: HTTP status, ``None`` where no response came.
        tmdb_code: TMDB's own status code (see :data:`TMDB_CODES`), ``None`` where it sent none.
        method: HTTP method of the call, ``None`` where there was no call.
        path: Path of the call without its query string, so that it holds no secret.
        retry_after: Seconds that the server asked to wait, ``None`` where it did not.
        retryable: Whether the same call may work later; by default what the class says.
    """

    default_retryable = False

    def __init__(
        self,
        message: str,
        *,
        status_code: int | None = None,
        tmdb_code: int | None = None,
        method: str | None = None,
        path: str | None = None,
        retry_after: float | None = None,
        retryable: bool | None = None,
    ) -> None:
        message = printable(message)
        super().__init__(message)
        self.message = message
        self.status_code = status_code
        self.tmdb_code = tmdb_code
        self.method = method
        self.path = path
        self.retry_after = retry_after
        self.retryable = self.default_retryable if retryable is None else retryable

    def __str__(self) -> str:
        call = f"{self.method} {self.path}: " if self.path else ""
        marks = [f"HTTP {self.status_code}"] if self.status_code is not None else []
        if self.tmdb_code is not None:
            marks.append(f"TMDB code {self.tmdb_code}")
        return f"{call}{self.message} ({', '.join(marks)})" if marks else f"{call}{self.message}"

    def __reduce__(self) -> tuple[Any, ...]:
        # Keyword arguments do not survive Exception's own pickling.
        return type(self), (self.message,), self.__dict__


class AuthenticationError(TMDBError):
    """The token, key, login or session is not accepted (HTTP 401)."""


class PermissionDeniedError(TMDBError):
    """The credentials are good, but not for this (HTTP 403, some codes under 401)."""


class NotFoundError(TMDBError):
    """There is no such resource (HTTP 404)."""


class ValidationError(TMDBError):
    """TMDB refuses the arguments (HTTP 400, 405, 406, 422), or they were refused before any request."""


class RateLimitError(TMDBError):
    """Too many requests (HTTP 429)."""

    default_retryable = True


class ServerError(TMDBError):
    """TMDB, or the way to it, failed: HTTP 5xx, a time-out, a connection that failed."""

    default_retryable = True


class ResponseError(TMDBError):
    """The body is not the JSON it should be. Temporary as a rule: a CDN's error page, an empty answer."""

    default_retryable = True

    is_other_record = False
    """True if TMDB answered with the record of another id, as for one that it has merged."""


@dataclass(frozen=True, slots=True)
class TMDBCode:
    """Meaning of a TMDB status code to a caller.

    ``error`` is ``None`` for the codes that tell of success.
    """

    http_status: int
    error: type[TMDBError] | None
    retryable: bool = False


TMDB_CODES: Mapping[int, TMDBCode] = {
    1: TMDBCode(200, None),  # success
    2: TMDBCode(501, ServerError),  # invalid service
    3: TMDBCode(401, PermissionDeniedError),  # no permission to access the service
    4: TMDBCode(405, ValidationError),  # invalid format
    5: TMDBCode(422, ValidationError),  # invalid parameters
    6: TMDBCode(404, NotFoundError),  # invalid id
    7: TMDBCode(401, AuthenticationError),  # invalid API key
    8: TMDBCode(403, PermissionDeniedError),  # duplicate entry
    9: TMDBCode(503, ServerError, retryable=True),  # service offline
    10: TMDBCode(401, AuthenticationError),  # suspended API key
    11: TMDBCode(500, ServerError, retryable=True),  # internal error
    12: TMDBCode(201, None),  # updated
    13: TMDBCode(200, None),  # deleted
    14: TMDBCode(401, AuthenticationError),  # authentication failed
    15: TMDBCode(500, ServerError, retryable=True),  # failed
    16: TMDBCode(401, PermissionDeniedError),  # device denied
    17: TMDBCode(401, PermissionDeniedError),  # session denied
    18: TMDBCode(400, ValidationError),  # validation failed
    19: TMDBCode(406, ValidationError),  # invalid accept header
    20: TMDBCode(422, ValidationError),  # date range over 14 days
    21: TMDBCode(200, NotFoundError),  # the item to edit cannot be found
    22: TMDBCode(400, ValidationError),  # invalid page
    23: TMDBCode(400, ValidationError),  # invalid date
    24: TMDBCode(504, ServerError, retryable=True),  # backend timed out
    25: TMDBCode(429, RateLimitError, retryable=True),  # over the allowed limit
    26: TMDBCode(400, ValidationError),  # username and password needed
    27: TMDBCode(400, ValidationError),  # too many append_to_response
    28: TMDBCode(400, ValidationError),  # invalid timezone
    29: TMDBCode(400, ValidationError),  # confirm=true needed
    30: TMDBCode(401, AuthenticationError),  # invalid username or password
    31: TMDBCode(401, AuthenticationError),  # account disabled
    32: TMDBCode(401, AuthenticationError),  # email not verified
    33: TMDBCode(401, AuthenticationError),  # invalid request token
    34: TMDBCode(404, NotFoundError),  # resource not found
    35: TMDBCode(401, AuthenticationError),  # invalid token
    36: TMDBCode(401, PermissionDeniedError),  # token without write permission
    37: TMDBCode(404, NotFoundError),  # session not found
    38: TMDBCode(401, PermissionDeniedError),  # no permission to edit
    39: TMDBCode(401, PermissionDeniedError),  # private resource
    40: TMDBCode(200, None),  # nothing to update
    41: TMDBCode(422, ValidationError),  # request token not approved
    42: TMDBCode(405, ValidationError),  # method not supported
    43: TMDBCode(502, ServerError, retryable=True),  # no connection to the backend
    44: TMDBCode(500, NotFoundError),  # the id is invalid
    45: TMDBCode(403, PermissionDeniedError),  # user suspended
    46: TMDBCode(503, ServerError, retryable=True),  # maintenance
    47: TMDBCode(400, ValidationError),  # input not valid
}
"""Every status code of https://developer.themoviedb.org/docs/errors, its error, and whether to retry."""

BAD_TOKEN_CODES = frozenset({7, 10, 35})
"""Codes that say the token or key itself is not accepted: no other call will work either."""

_STATUS_ERRORS: Mapping[int, type[TMDBError]] = {
    400: ValidationError,
    401: AuthenticationError,
    403: PermissionDeniedError,
    404: NotFoundError,
    405: ValidationError,
    406: ValidationError,
    408: ServerError,
    422: ValidationError,
    429: RateLimitError,
}


class Headers(Protocol):
    """Headers of a response, looked up by their names in lower case."""

    def get(self, name: str, /) -> str | None:
        """Return the value of a header; ``None`` for none."""


def error_from_response(
    status: int,
    headers: Headers,
    body: bytes,
    *,
    method: str | None = None,
    path: str | None = None,
    now: datetime | None = None,
) -> TMDBError | None:
    """Return the error that a response tells of, or ``None`` for a good one.

    HTTP 2xx is good, unless the body is TMDB's notice of a failure: code 21 comes with HTTP 200
    (https://developer.themoviedb.org/docs/errors), and so may a code that is not known here, with
    ``"success": false``. A ``Retry-After`` date is reckoned from ``now``, by default the clock.
    """
    good = 200 <= status < 300
    # A notice is short and no record has this key, so a good body is not decoded twice.
    if good and (len(body) > 1024 or b'"status_code"' not in body):
        return None
    code, message, success = _tmdb_notice(body)
    entry = TMDB_CODES.get(code) if code is not None else None
    failed = entry.error is not None if entry else success is False
    if good and not failed:
        return None
    if entry is not None and entry.error is not None and status != 429:
        cls, retryable = entry.error, entry.retryable
    else:
        cls = _STATUS_ERRORS.get(status, ResponseError if status < 400 else ValidationError)
        cls = ServerError if status >= 500 else cls
        retryable = cls.default_retryable and not 300 <= status < 400
    return cls(
        message or _describe(status, headers, body),
        status_code=status,
        tmdb_code=code,
        method=method,
        path=path,
        retry_after=parse_retry_after(headers.get("retry-after"), now=now),
        retryable=retryable,
    )


FailureKind = Literal["url", "request", "address", "connection", "time", "exchange", "protocol", "body"]


@dataclass(frozen=True, slots=True)
class Failure:
    """Meaning of an exception of httpx.

    Attributes:
        kind: The step that failed; with ``request`` it has a header that is none, ``address`` is that of the host,
            ``time`` is up, and with ``protocol`` the server broke off, or speaks no HTTP.
        is_unsent: True if the request surely did not reach the server.
    """

    error: type[TMDBError]
    kind: FailureKind
    retryable: bool = True
    is_unsent: bool = False


@cache
def _failures() -> Mapping[type[BaseException], Failure]:
    """Return the table of httpx's exceptions; one that is not in it is what its base class is."""
    # Loaded here: every command of Scrapy's loads this module, and few of them send anything.
    from tmdbfusion_scrapy.http import httpx

    return {
        httpx.InvalidURL: Failure(ValidationError, "url", retryable=False),
        httpx.UnsupportedProtocol: Failure(ValidationError, "url", retryable=False),
        httpx.LocalProtocolError: Failure(ValidationError, "request", retryable=False),
        httpx.ConnectError: Failure(ServerError, "connection", is_unsent=True),
        httpx.ConnectTimeout: Failure(ServerError, "time", is_unsent=True),
        httpx.PoolTimeout: Failure(ServerError, "time", is_unsent=True),
        httpx.TimeoutException: Failure(ServerError, "time"),
        httpx.RemoteProtocolError: Failure(ServerError, "protocol"),
        httpx.DecodingError: Failure(ResponseError, "body"),
        BaseException: Failure(ServerError, "exchange"),
    }


def failure_of(exception: BaseException) -> Failure:
    """Return the meaning of an exception of httpx, for clients and crawls alike."""
    failures = _failures()
    failure = next(failures[cls] for cls in type(exception).__mro__ if cls in failures)
    chain = list(chain_of(exception))
    if any(isinstance(found, ssl.SSLCertVerificationError) for found in chain):
        # Another try does not change it.
        return replace(failure, retryable=False)
    if failure.kind == "connection" and any(isinstance(found, socket.gaierror) for found in chain):
        return replace(failure, kind="address")
    return failure


def error_from_exception(
    exception: httpx.HTTPError | httpx.InvalidURL | httpx.StreamError,
    *,
    method: str | None = None,
    path: str | None = None,
    cls: type[TMDBError] | None = None,
) -> TMDBError:
    """Return the error for an httpx exception, which is kept as its ``__cause__``; its class may be given.

    A URL that is none, or of another scheme, and a request that cannot be sent as it is, are a
    :class:`ValidationError`, a body that cannot be decompressed is a :class:`ResponseError`; all else (time-outs,
    failed connections) is a :class:`ServerError`, to be tried again but for a certificate that is not accepted.
    """
    failure = failure_of(exception)
    name, text = type(exception).__name__, str(exception)
    message = f"{name}: {text}" if text else name
    error = (cls or failure.error)(message, method=method, path=path, retryable=failure.retryable)
    error.__cause__ = exception
    return error


def parse_retry_after(value: str | None, *, now: datetime | None = None) -> float | None:
    """Return the seconds that a ``Retry-After`` header (RFC 9110, 10.2.3) asks for, never negative.

    ``None`` for a missing header, and for one that is neither seconds nor an HTTP date, which is reckoned from
    ``now``, by default the clock.
    """
    if value is None:
        return None
    if _SECONDS.fullmatch(value):
        seconds = float(value)
        return seconds if math.isfinite(seconds) else None
    try:
        moment = parsedate_to_datetime(value)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=timezone.utc)
        seconds = (moment - (now or datetime.now(timezone.utc))).total_seconds()
    except Exception:  # noqa: BLE001 - the parser of the standard library meets any text with any error
        return None
    return max(0.0, seconds)


_SECONDS = re.compile(r"[ \t]*[0-9]+(\.[0-9]*)?[ \t]*", re.ASCII)


def _tmdb_notice(body: bytes) -> tuple[int | None, str | None, Any]:
    """TMDB's ``status_code``, ``status_message`` and ``success``, where the body has them."""
    try:
        notice = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return None, None, None
    if not isinstance(notice, dict):
        return None, None, None
    code = notice.get("status_code")
    message = notice.get("status_message")
    if message is None and isinstance(notice.get("errors"), list):
        message = "; ".join(str(part) for part in notice["errors"])
    return (
        code if isinstance(code, int) and not isinstance(code, bool) else None,
        message if isinstance(message, str) else None,
        notice.get("success"),
    )


def _describe(status: int, headers: Headers, body: bytes) -> str:
    """A message for a response that brought none of TMDB's."""
    if 300 <= status < 400:
        try:
            parts = urlsplit(headers.get("location") or "")
        except ValueError:
            parts = urlsplit("")
        # Without the query, which may repeat an API key.
        target = parts.netloc.rpartition("@")[2] + parts.path
        to = f" to {target}" if target else ""
        return f"TMDB answered with a redirect{to}, which is not followed"
    if not body:
        return "the response has no body"
    return f"the response is not TMDB's: {len(body)} bytes beginning {bytes(body[:40])!r}"


def chain_of(exception: BaseException) -> Iterator[BaseException]:
    """Yield an exception and all that led to it, causes and contexts alike."""
    waiting: list[BaseException | None] = [exception]
    seen: set[int] = set()
    while waiting:
        found = waiting.pop()
        if found is None or id(found) in seen:
            continue
        seen.add(id(found))
        yield found
        waiting += (found.__cause__, found.__context__)


def without_frames(exception: BaseException) -> None:
    """Take the tracebacks from an exception and from all that led to it.

    The frames of a transport have what is sent in their local variables, credentials included. Texts stay.
    """
    for found in chain_of(exception):
        found.__traceback__ = None


def printable(text: str) -> str:
    """Return a text as it may go into a log and to a terminal: each character that does not print is a space.

    A server's words may hold line breaks, which forge log lines, and sequences that a terminal obeys.
    """
    return text if text.isprintable() else "".join(c if c.isprintable() else " " for c in text)
