"""One exchange of a client: the request as it is built, the answer as it is judged. No I/O."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from tmdbfusion_scrapy.api.call import JSON_TYPE, Call, fill_target, judge, values_in
from tmdbfusion_scrapy.client.event_hooks import sent_headers
from tmdbfusion_scrapy.credentials import Credentials
from tmdbfusion_scrapy.exceptions import (
    ResponseError,
    TMDBError,
    error_from_exception,
)
from tmdbfusion_scrapy.hidden import plain_text, without_frames
from tmdbfusion_scrapy.http import httpx, request_without_body
from tmdbfusion_scrapy.transport.answer import ACCEPT_ENCODING, BodyTooLarge, read_body
from tmdbfusion_scrapy.version import __version__

if TYPE_CHECKING:
    from tmdbfusion_scrapy.client.sending import Answered

M = TypeVar("M")

logger = logging.getLogger(__name__)

USER_AGENT = f"tmdbfusion-scrapy/{__version__}"


@dataclass(frozen=True)
class Exchange:
    """Builds requests and judges answers.

    Args:
        base_url: Base URL of the API, without a slash at its end.
        proxy_secrets: What nothing may show of the proxy.
        total_timeout: Seconds for all of an exchange; ``None`` for no limit.
        max_response_size: Most bytes of a body, before and after it is unpacked; ``None`` for no limit.
        whole_urls: Whether requests have their URL in one piece, as a transport of the user's expects it. Ours
            takes path and query as httpx's extension ``target``, which spares parsing each URL: a third of the
            time of a call (benchmarks/client.py).
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
        target = fill_target(call.url(self._base_path), call.secrets, self.credentials.query)
        url = self._base_url
        extensions: dict[str, Any] = {"timeout": self._timeouts}
        headers: Any = self._headers if call.body is None else self.headers_of(call)
        if shown is not None:
            headers = sent_headers(self, shown)
            times = shown.extensions.get("timeout") or {}
            extensions = {**shown.extensions, "timeout": {"total": self.total_timeout, **times}}
        if self.whole_urls:
            url = httpx.URL(f"{url.scheme}://{url.netloc.decode()}{target}")
        else:
            extensions["target"] = target.encode("ascii")
        if call.body is None:
            return request_without_body(call.method, url, headers, extensions)
        content = msgspec.json.encode({**call.body, **values_in("body", call.secrets)}, enc_hook=plain_text)
        return httpx.Request(call.method, url, headers=headers, content=content, extensions=extensions)

    def headers_of(self, call: Call[Any]) -> list[tuple[bytes, bytes]]:
        """Return the headers of the request for a call, the credentials among them."""
        if call.body is None:
            return self.headers
        return [*self.headers, (b"Content-Type", JSON_TYPE.encode())]

    def secrets_of(self, call: Call[Any]) -> tuple[str, ...]:
        """Return what nothing may show of a call and of the proxy, besides the token or key."""
        return (*(secret.value for secret in call.secrets), *self.proxy_secrets)

    def record(self, call: Call[M], answer: Answered) -> M:
        """Return the record in an answer."""
        status = answer.status
        logger.debug("%s %s: HTTP %s", call.method, call.path, status)
        failure: TMDBError | None = None
        body = answer.body
        try:
            if answer.too_large is not None:
                raise answer.too_large
            body = read_body(body, answer.encoding, max_size=self.max_response_size)
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
        error.__cause__ = cause
        return self.credentials.redacted(error, secrets)

    @cached_property
    def _base_url(self) -> httpx.URL:
        return httpx.URL(self.base_url)

    @cached_property
    def _base_path(self) -> str:
        return self._base_url.raw_path.decode("ascii").rstrip("/")

    @cached_property
    def _timeouts(self) -> dict[str, float | None]:
        return {**self.timeout.as_dict(), "total": self.total_timeout}

    @cached_property
    def _headers(self) -> httpx.Headers:
        # Copied several times faster than it is made.
        return httpx.Headers(self.headers)

    @cached_property
    def headers(self) -> list[tuple[bytes, bytes]]:
        """The headers of every request."""
        headers = {"Accept": "application/json", "Accept-Encoding": ACCEPT_ENCODING, "User-Agent": USER_AGENT}
        named = {**headers, **self.credentials.headers}
        return [
            (b"Host", self._base_url.netloc),
            *((name.encode("ascii"), value.encode("ascii")) for name, value in named.items()),
        ]


def warn_of_missing_parts(call: Call[Any], record: Any) -> None:
    """Name the parts that TMDB left out, also when they were asked for again."""
    if record.missing_parts:
        logger.warning(
            "TMDB left %s out of its answer to %s %s", ", ".join(record.missing_parts), call.method, call.path
        )
