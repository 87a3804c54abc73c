"""What both clients share of one exchange: the request as it is built, the answer as it is judged. No I/O."""

from __future__ import annotations

from dataclasses import dataclass
from http.cookiejar import CookieJar
from typing import TYPE_CHECKING, Any, TypeVar, cast

import httpx
import msgspec
from typing_extensions import override

from tmdbfusion_scrapy.api.endpoint import Call
from tmdbfusion_scrapy.api.parameters import write_value
from tmdbfusion_scrapy.credentials import Credentials
from tmdbfusion_scrapy.exceptions import (
    ResponseError,
    TMDBError,
    ValidationError,
    error_from_exception,
    error_from_response,
)
from tmdbfusion_scrapy.models.decoding import decode
from tmdbfusion_scrapy.transport import ACCEPT_ENCODING, decode_body
from tmdbfusion_scrapy.version import __version__

if TYPE_CHECKING:
    from collections.abc import Mapping

M = TypeVar("M")

USER_AGENT = f"tmdbfusion-scrapy/{__version__}"

_HEADERS = {"Accept": "application/json", "Accept-Encoding": ACCEPT_ENCODING, "User-Agent": USER_AGENT}


@dataclass(frozen=True, slots=True)
class Exchange:
    """Builds requests and judges answers.

    Args:
        base_url: Base URL of the API, without a slash at its end.
        timeout: Time-outs of each request, in seconds.
        credentials: What no message may show.
    """

    base_url: str
    timeout: httpx.Timeout
    credentials: Credentials

    def request(self, call: Call[Any]) -> httpx.Request:
        """Return the request for a call, without credentials."""
        headers = _HEADERS
        content = None
        if call.body is not None:
            headers = {**headers, "Content-Type": "application/json;charset=utf-8"}
            content = msgspec.json.encode(call.body)
        return httpx.Request(
            call.method,
            call.url(self.base_url),
            headers=headers,
            content=content,
            extensions={"timeout": self.timeout.as_dict()},
        )

    def record(self, call: Call[M], response: httpx.Response) -> M:
        """Return the record in an answer that was read.

        Raises:
            TMDBError: The answer tells of a failure, or its body is not the JSON it should be.
        """
        status = response.status_code
        try:
            # httpx undid the encoding that the header names; this finds gzip that no header names.
            body = decode_body(response.content, None)
        except httpx.DecodingError as exception:
            raise self.error(call, exception) from exception
        error = error_from_response(status, response.headers, body, method=call.method, path=call.path)
        if error is not None:
            raise self.credentials.redacted(error)
        try:
            return decode(body, call.model)
        except ResponseError as bad:
            bad.method, bad.path, bad.status_code = call.method, call.path, status
            raise

    def error(self, call: Call[Any], exception: httpx.HTTPError | httpx.InvalidURL) -> TMDBError:
        """Return the normalized error for an exception of httpx's."""
        return self.credentials.redacted(error_from_exception(exception, method=call.method, path=call.path))


class NoCookies(CookieJar):
    """Keeps no cookie: TMDB needs none, and one of its CDN's would tie the requests of a crawl together."""

    @override
    def extract_cookies(self, response: Any, request: Any) -> None:
        """Take none."""


def with_credentials(request: httpx.Request, credentials: Credentials, base_url: httpx.URL) -> httpx.Request:
    """Return the request as it leaves: with the token or key, if it goes to the API.

    The request that httpx logs, and that errors and responses carry, stays without them.
    """
    url = request.url
    if (url.scheme, url.host, url.port) != (base_url.scheme, base_url.host, base_url.port):
        return request
    headers = request.headers
    if credentials.headers:
        headers = headers.copy()
        headers.update(credentials.headers)
    for name, value in credentials.query.items():
        url = url.copy_with(query=b"&".join(filter(None, (url.query, f"{name}={value}".encode()))))
    sent = httpx.Request(
        request.method, url, headers=headers, stream=request.stream, extensions=request.extensions
    )
    # So that a transport can see whether there is a body, and repeat the request if there is none.
    sent.read()
    return sent


class BlockingCredentialTransport(httpx.BaseTransport):
    """Adds the credentials below httpx's client."""

    def __init__(self, inner: httpx.BaseTransport, credentials: Credentials, base_url: str) -> None:
        self.inner = inner
        self._credentials = credentials
        self._base_url = httpx.URL(base_url)

    @override
    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return self.inner.handle_request(with_credentials(request, self._credentials, self._base_url))

    @override
    def close(self) -> None:
        self.inner.close()


class AsyncCredentialTransport(httpx.AsyncBaseTransport):
    """Adds the credentials below httpx's client."""

    def __init__(self, inner: httpx.AsyncBaseTransport, credentials: Credentials, base_url: str) -> None:
        self.inner = inner
        self._credentials = credentials
        self._base_url = httpx.URL(base_url)

    @override
    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        sent = with_credentials(request, self._credentials, self._base_url)
        return await self.inner.handle_async_request(sent)

    @override
    async def aclose(self) -> None:
        await self.inner.aclose()


def plain_call(
    defaults: Mapping[str, str | None],
    method: str,
    path: str,
    params: Mapping[str, Any] | None,
    json: Mapping[str, Any] | None,
) -> Call[Any]:
    """Return a call of what the catalogue does not know; its answer is plain JSON.

    Raises:
        ValidationError: The path has a query, is a URL, or leads elsewhere; or a parameter has no form in a URL.
    """
    if any(letter in path for letter in "?#\\") or "://" in path or any(map(str.isspace, path)):
        # The message does not repeat the path: a query in it may hold a key.
        raise ValidationError(
            "path must be a path below the base URL, such as movie/550; give a query as params"
        )
    path = "/" + path.lstrip("/")
    if {".", ".."} & set(path.replace("%2e", ".").replace("%2E", ".").split("/")):
        raise ValidationError("path has a dot segment, which would reach another endpoint")
    given = {**defaults, **(params or {})}
    query = {name: write_value(name, value) for name, value in given.items() if value is not None}
    return Call(method.upper(), path, query, cast("type[Any]", Any), json)
