"""A Scrapy request as it leaves: httpx's request, with the credentials and the time-outs."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Any

import httpx

if TYPE_CHECKING:
    from scrapy import Request

    from tmdbfusion_scrapy.credentials import Credentials

_NOT_SENT = frozenset({b"proxy-authorization", b"host", b"content-length"})
"""Headers that are not the server's business, or that httpx writes itself."""


def outgoing_request(request: Request, credentials: Credentials) -> httpx.Request:
    """Return what is sent for a TMDB request. The Scrapy request stays without the credentials."""
    headers = [
        (name, value)
        for name, values in request.headers.items()
        if name.lower() not in _NOT_SENT
        for value in values
    ]
    url = httpx.URL(request.url)
    if credentials.query:
        url = url.copy_merge_params(dict(credentials.query))
    if b"Authorization" not in request.headers:
        headers += [(name.encode(), value.encode()) for name, value in credentials.headers.items()]
    timeout = request.meta.get("download_timeout")
    extensions: dict[str, Any] = {
        "timeout": dict.fromkeys(("connect", "read", "write", "pool", "total"), timeout)
    }
    proxy = request.meta.get("proxy")
    if proxy:
        extensions["proxy"] = _proxy(proxy, request.headers.get(b"Proxy-Authorization"))
    return httpx.Request(
        request.method, url, headers=headers, content=request.body or None, extensions=extensions
    )


def _proxy(url: str, authorization: bytes | None) -> httpx.Proxy:
    """The proxy of a request; ``HttpProxyMiddleware`` moves its user and password into a header."""
    if "://" not in url:
        url = f"http://{url}"
    if authorization is None:
        return httpx.Proxy(url)
    try:
        user, _, password = base64.b64decode(authorization.split(b" ", 1)[1]).decode().partition(":")
    except (IndexError, binascii.Error, UnicodeDecodeError):
        raise httpx.ProxyError("the Proxy-Authorization header is not of the form Basic") from None
    return httpx.Proxy(url, auth=(user, password))
