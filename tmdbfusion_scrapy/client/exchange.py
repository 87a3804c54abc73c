"""One exchange of a client: the request as it is built, the answer as it is judged, and event hooks. No I/O.

As httpx's (https://www.python-httpx.org/advanced/event-hooks/), but that no token, key or session is to be seen.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from tmdbfusion_scrapy.api.call import JSON_TYPE, Call, Secret, fill_target, judge, values_in
from tmdbfusion_scrapy.credentials import Credentials, plain_text
from tmdbfusion_scrapy.exceptions import (
    ConfigurationError,
    ResponseError,
    TMDBError,
    error_from_exception,
    without_frames,
)
from tmdbfusion_scrapy.http import httpx
from tmdbfusion_scrapy.transport.answer import ACCEPT_ENCODING, BodyTooLarge, read_body
from tmdbfusion_scrapy.version import __version__

if TYPE_CHECKING:
    from tmdbfusion_scrapy.client.sending import Answered

M = TypeVar("M")

logger = logging.getLogger(__name__)

USER_AGENT = f"tmdbfusion-scrapy/{__version__}"

_EVENTS = ("request", "response")

_MADE = re.compile(rb'("(?:guest_)?session_id"|"request_token")(\s*:\s*)"[^"]*"')
"""Sessions and tokens that TMDB makes."""

_OF_THE_BODY_AS_SENT = (b"content-encoding", b"content-length", b"transfer-encoding")


def check_event_hooks(value: Any) -> dict[str, list[Callable[..., Any]]]:
    """Return the hooks by their events, in lists of their own."""
    given = {} if value is None else value
    if isinstance(given, Mapping) and not set(given) - set(_EVENTS):
        lists = {event: given.get(event) or () for event in _EVENTS}
        if all(isinstance(each, list | tuple) and all(map(callable, each)) for each in lists.values()):
            return {event: list(each) for event, each in lists.items()}
    raise ConfigurationError(
        f"event_hooks is {value!r}: use lists of functions, such as {{'request': [f], 'response': [g]}}"
    )


def shown_request(exchange: Exchange, call: Call[Any]) -> httpx.Request:
    """Return the request for a call as hooks see it, without credentials and without the secrets of the call."""
    headers = [(name, exchange.masked(name, value)) for name, value in exchange.headers_of(call)]
    body = b""
    if call.body is not None:
        secrets = dict.fromkeys(values_in("body", call.secrets), Secret.MASK)
        body = msgspec.json.encode({**call.body, **secrets})
    request = httpx.Request(
        call.method,
        call.url(exchange.base_url),
        headers=headers,
        # Not ``content``: its length is not that of the real one.
        stream=httpx.ByteStream(body),
        extensions={"timeout": exchange.timeout.as_dict()},
    )
    request.read()
    return request


def shown_response(
    exchange: Exchange, call: Call[Any], shown: httpx.Request, answer: Answered
) -> httpx.Response:
    """Return an answer as hooks see it: read and unpacked, and without the secrets in it."""
    credentials, secrets = exchange.credentials, exchange.secrets_of(call)
    try:
        encoding = answer.headers.get("content-encoding")
        body = read_body(answer.body, encoding, max_size=exchange.max_response_size)
    except (BodyTooLarge, httpx.DecodingError):
        body = answer.body
    response = httpx.Response(
        answer.status,
        headers=[
            (name, credentials.redact_body(value, secrets))
            for name, value in answer.headers
            if name.lower() not in _OF_THE_BODY_AS_SENT
        ],
        content=_MADE.sub(rb'\1\2"***"', credentials.redact_body(body, secrets)),
        request=shown,
        extensions=dict(answer.extensions or {}),
    )
    response.elapsed = timedelta(seconds=time.monotonic() - answer.sent_at)
    return response


@dataclass(frozen=True)
class Exchange:
    """Builds requests and judges answers.

    Attributes:
        whole_urls: True if requests have their URL in one piece, as a transport of the user's expects it. Ours
            takes path and query as httpx's extension ``target``, which spares parsing each URL.
        proxy_secrets: What nothing may show of the proxy.
    """

    base_url: str
    timeout: httpx.Timeout
    credentials: Credentials
    whole_urls: bool = False
    proxy_secrets: tuple[str, ...] = field(default=(), repr=False)
    total_timeout: float | None = None
    max_response_size: int | None = None

    def request(self, call: Call[Any], shown: httpx.Request | None = None) -> httpx.Request:
        """Return the request for a call as it leaves, with the credentials and the secrets of the call."""
        target = self.target(call)
        url = self.url
        extensions: dict[str, Any] = {"timeout": self.timeouts}
        headers = self.headers_of(call)
        if shown is not None:
            # As the hooks have left them, with the credentials in their place.
            real = {(name.lower(), self.masked(name, value)): value for name, value in self.headers}
            headers = [(name, real.get((name.lower(), value), value)) for name, value in shown.headers.raw]
            times = shown.extensions.get("timeout") or {}
            extensions = {**shown.extensions, "timeout": {"total": self.total_timeout, **times}}
        if self.whole_urls:
            url = httpx.URL(f"{url.scheme}://{url.netloc.decode()}{target.decode()}")
        else:
            extensions["target"] = target
        content = None
        if call.body is not None:
            body = {**call.body, **values_in("body", call.secrets)}
            content = msgspec.json.encode(body, enc_hook=plain_text)
        return httpx.Request(call.method, url, headers=headers, content=content, extensions=extensions)

    def target(self, call: Call[Any]) -> bytes:
        """Return path and query of the request for a call, with all its secrets."""
        return fill_target(call.url(self._base_path), call.secrets, self.credentials.query).encode("ascii")

    def headers_of(self, call: Call[Any]) -> list[tuple[bytes, bytes]]:
        """Return the headers of the request for a call, the credentials among them."""
        if call.body is None:
            return self.headers
        return [*self.headers, (b"Content-Type", JSON_TYPE.encode())]

    def masked(self, name: bytes, value: bytes) -> bytes:
        """Return the value of a header without the token."""
        return self.credentials.redact_body(value) if name.lower() == b"authorization" else value

    def secrets_of(self, call: Call[Any]) -> tuple[str, ...]:
        """Return what nothing may show of a call and of the proxy, besides the token or key."""
        return (*[secret.value for secret in call.secrets], *self.proxy_secrets)

    def record(self, call: Call[M], answer: Answered) -> M:
        """Return the record in an answer."""
        status = answer.status
        logger.debug("%s %s: HTTP %s", call.method, call.path, status)
        failure: TMDBError | None = None
        body = answer.body
        try:
            body = read_body(body, answer.headers.get("content-encoding"), max_size=self.max_response_size)
        except BodyTooLarge as large:
            failure = ResponseError(
                f"the answer has {large.size} bytes or more, and max_response_size is {large.limit}",
                method=call.method,
                path=call.path,
                status_code=status,
                retryable=False,
            )
        except httpx.DecodingError as exception:
            # The status may tell of an error as well.
            failure = self.error(call, exception)
        if failure is not None and 200 <= status < 300:
            raise failure from failure.__cause__
        body = self.credentials.unechoed(body)
        return judge(call, status, answer.headers, body, self.credentials, self.secrets_of(call))

    def error(self, call: Call[Any], exception: httpx.HTTPError | httpx.InvalidURL) -> TMDBError:
        """Return the normalized error for an exception of httpx's; its cause shows no secret either."""
        secrets = self.secrets_of(call)
        cause = self.credentials.cleaned(exception, secrets)
        without_frames(cause)
        error = error_from_exception(cause, method=call.method, path=call.path)
        return self.credentials.redacted(error, secrets)

    @cached_property
    def url(self) -> httpx.URL:
        """The base URL."""
        return httpx.URL(self.base_url)

    @cached_property
    def _base_path(self) -> str:
        return self.url.raw_path.decode("ascii").rstrip("/")

    @cached_property
    def timeouts(self) -> dict[str, float | None]:
        """The time-outs of a request, as its extension ``timeout`` has them."""
        return {**self.timeout.as_dict(), "total": self.total_timeout}

    @cached_property
    def headers(self) -> list[tuple[bytes, bytes]]:
        """The headers of every request."""
        headers = {"Accept": "application/json", "Accept-Encoding": ACCEPT_ENCODING, "User-Agent": USER_AGENT}
        named = {**headers, **self.credentials.headers}
        return [
            (b"Host", self.url.netloc),
            *((name.encode("ascii"), value.encode("ascii")) for name, value in named.items()),
        ]
