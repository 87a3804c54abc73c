"""From what aiohttp, the system and TLS raise to what httpx promises."""

from __future__ import annotations

import asyncio
import ssl
from typing import TYPE_CHECKING, Final

import aiohttp
import httpx

from tmdbfusion_scrapy.transport.lanes import ConnectionDied

if TYPE_CHECKING:
    from tmdbfusion_scrapy.transport.routes import Origin

_FAILURES: Final[tuple[tuple[type[BaseException], type[httpx.TransportError], str], ...]] = (
    # The first match counts, so a subclass stands before its base.
    (aiohttp.ClientHttpProxyError, httpx.ProxyError, "The proxy refused to connect to {target}"),
    (aiohttp.ClientProxyConnectionError, httpx.ProxyError, "Cannot connect to the proxy for {target}"),
    (aiohttp.ClientConnectorError, httpx.ConnectError, "Cannot connect to {target}"),
    (aiohttp.ClientSSLError, httpx.ConnectError, "Cannot connect to {target}"),
    (aiohttp.ConnectionTimeoutError, httpx.ConnectTimeout, "Connecting to {target} took too long"),
    (aiohttp.SocketTimeoutError, httpx.ReadTimeout, "{target} sent nothing for too long"),
    (asyncio.TimeoutError, httpx.ReadTimeout, "The exchange with {target} took too long"),
    (aiohttp.ClientPayloadError, httpx.RemoteProtocolError, "The body from {target} was cut short"),
    (aiohttp.ClientResponseError, httpx.RemoteProtocolError, "{target} sent something that is not HTTP"),
    (aiohttp.ServerDisconnectedError, httpx.RemoteProtocolError, "{target} disconnected without a response"),
    (aiohttp.ClientOSError, httpx.ReadError, "The connection to {target} broke"),
    (aiohttp.InvalidURL, httpx.UnsupportedProtocol, "The host of {target} is not a valid one"),
    (aiohttp.ClientConnectionError, httpx.ReadError, "The connection to {target} was closed"),
    (aiohttp.ClientError, httpx.RemoteProtocolError, "The exchange with {target} failed"),
    (ssl.SSLError, httpx.ReadError, "TLS with {target} broke"),
    (OSError, httpx.ReadError, "The connection to {target} broke"),
)

_QUOTES_URL: Final = (
    aiohttp.ClientResponseError,
    aiohttp.ConnectionTimeoutError,
    aiohttp.InvalidURL,
)
"""aiohttp exceptions with the whole URL in their text; the query may hold an API key."""


def translate(error: BaseException, origin: Origin) -> httpx.TransportError | None:
    """Return httpx's exception for one of aiohttp, the system or TLS, with its cause; None for any other.

    Neither the message nor the text of the chained causes holds the request's path or query.
    """
    if isinstance(error, ConnectionDied) and error.__cause__ is not None:
        error = error.__cause__
    for raised, meant, message in _FAILURES:
        if isinstance(error, raised):
            failure = meant(message.format(target=origin.target) + _detail(error))
            failure.__cause__ = _printable_cause(error)
            return failure
    return None


def _detail(error: BaseException) -> str:
    """Say more if the exception knows more than its class says, in one line."""
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return f": {error.status} {error.message}"
    if isinstance(error, aiohttp.ClientResponseError):
        detail = error.message.strip()
    elif isinstance(error, aiohttp.ClientConnectorCertificateError):
        detail = str(error.certificate_error)
    elif isinstance(error, aiohttp.ClientConnectorError):
        detail = str(error.os_error)
    elif isinstance(error, OSError):
        detail = error.strerror or ""
    else:
        return ""
    return f": {detail.splitlines()[0][:200]}" if detail else ""


def _printable_cause(error: BaseException) -> BaseException | None:
    """Return the nearest exception of the chain whose text quotes no URL."""
    cause: BaseException | None = error
    while cause is not None and (isinstance(cause, _QUOTES_URL) or _is_write_error(cause)):
        cause = cause.__cause__
    return cause


def _is_write_error(error: BaseException) -> bool:
    """Recognise aiohttp's error for an unsent body, whose text quotes the URL."""
    return isinstance(error, aiohttp.ClientOSError) and "request body for" in str(error)
