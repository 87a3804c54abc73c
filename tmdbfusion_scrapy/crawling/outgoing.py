"""A Scrapy request as it leaves: httpx's request, with the credentials, the call's secrets and the time-outs."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import msgspec

from tmdbfusion_scrapy.api.call import fill_target, values_in
from tmdbfusion_scrapy.base_urls import is_loopback
from tmdbfusion_scrapy.crawling.scrapy_internals import has_environment_proxy
from tmdbfusion_scrapy.exceptions import ValidationError
from tmdbfusion_scrapy.http import httpx

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scrapy import Request

    from tmdbfusion_scrapy.api.call import Secret
    from tmdbfusion_scrapy.credentials import Credentials

_NOT_SENT = frozenset({b"proxy-authorization", b"host", b"content-length"})
"""Headers that are not the server's business, or that httpx writes itself."""

_NOT_SHOWN = _NOT_SENT | {b"authorization"}
"""The same for a host that is to see no credentials: DEFAULT_REQUEST_HEADERS of a project may hold some."""


def outgoing_request(
    request: Request,
    credentials: Credentials | None,
    *,
    secrets: Sequence[Secret] = (),
    uses_environment: bool = True,
) -> httpx.Request:
    """Return what is sent for a TMDB request. The Scrapy request stays without credentials and secrets.

    Path and query go along as httpx's extension ``target``: Scrapy has escaped them already, and parsing each
    URL once more costs half of what the rest takes (benchmarks/transport.py, "a crawl's requests").

    Args:
        request: A request of which the URL is TMDB's.
        credentials: The token or key; ``None`` for a host that is to see none.
        secrets: The secrets of the call.
        uses_environment: Whether a proxy of the environment is used.

    Raises:
        ValidationError: A secret would reach another endpoint by its place in the path, or the proxy of the
            request cannot be one, or would read the token.
    """
    origin, target = _split(request.url)
    unsent = _NOT_SENT if credentials is not None else _NOT_SHOWN
    headers = [(b"Host", origin.netloc)]
    headers += [
        (name, value)
        # As stored: names and values are bytes already, which Headers.items() would make sure of once more.
        for name, values in dict.items(request.headers)
        if name.lower() not in unsent
        for value in values
    ]
    if credentials is not None and b"Authorization" not in request.headers:
        headers += [(name.encode(), value.encode()) for name, value in credentials.headers.items()]
    body = request.body
    if secrets or (credentials is not None and credentials.query):
        target = fill_target(target, secrets, credentials.query if credentials is not None else {})
    if in_body := values_in("body", secrets):
        body = msgspec.json.encode({**msgspec.json.decode(body or b"{}"), **in_body})
    timeout = request.meta.get("download_timeout")
    extensions: dict[str, Any] = {
        "target": target.encode("ascii"),
        # Scrapy's time-out is for all of the download.
        "timeout": {"total": timeout},
    }
    if "proxy" in request.meta and (uses_environment or not has_environment_proxy(request)):
        extensions["proxy"] = _proxy_of(
            request,
            origin,
            carries_token=bool(credentials is not None and (credentials.headers or credentials.query)),
        )
    if body or request.method not in ("GET", "HEAD"):
        return httpx.Request(request.method, origin, headers=headers, content=body, extensions=extensions)
    # With a stream of its own a request is taken as it stands: httpx works out nothing about its body.
    outgoing = httpx.Request(
        request.method, origin, headers=headers, stream=httpx.ByteStream(b""), extensions=extensions
    )
    outgoing.read()
    return outgoing


def _split(url: str) -> tuple[httpx.URL, str]:
    """The origin and the target of a URL that Scrapy has escaped."""
    scheme, _, rest = url.partition("#")[0].partition("://")
    host, slash, path = rest.partition("/")
    if not slash:
        host, _, query = host.partition("?")
        path = f"?{query}" if query else ""
    return _origin(f"{scheme}://{host}"), f"/{path}"


@lru_cache(maxsize=16)
def _origin(url: str) -> httpx.URL:
    """The URL of an origin; a crawl has one or two."""
    return httpx.URL(url)


def _proxy_of(request: Request, origin: httpx.URL, *, carries_token: bool) -> httpx.Proxy | None:
    """The proxy that a request names, ``None`` for none at all."""
    url = request.meta["proxy"]
    if not url:
        return None
    if origin.scheme == "http" and carries_token:
        raise ValidationError(
            f'request.meta["proxy"] is set for {origin}, plain http, so the proxy would read your token: leave it '
            f"out, which loopback does not need, or set TMDB_API_URL to an https URL"
        )
    if origin.scheme == "http" and is_loopback(origin.host):
        return None
    return _proxy(url, request.headers.get(b"Proxy-Authorization"))


def _proxy(url: str, authorization: bytes | None) -> httpx.Proxy:
    """The proxy of a request; ``HttpProxyMiddleware`` moves its user and password into a header.

    The header goes on as it is, in ``HTTPPROXY_AUTH_ENCODING`` and of whatever scheme.
    """
    if "://" not in url:
        url = f"http://{url}"
    headers = [(b"Proxy-Authorization", authorization)] if authorization is not None else None
    try:
        proxy = httpx.Proxy(url, headers=headers)
    except (ValueError, httpx.InvalidURL):
        proxy = None
    if proxy is None or proxy.url.scheme not in ("http", "https") or not proxy.url.host:
        raise ValidationError("the proxy of the request must be a URL that begins with http:// or https://")
    return proxy
