"""From an ``httpx.Request`` to what aiohttp sends: the same bytes, nothing added."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any, Final

import aiohttp
import httpx
import yarl

from tmdbfusion_scrapy.transport.direct import plain_head
from tmdbfusion_scrapy.transport.routes import Origin, origin_of

if TYPE_CHECKING:
    import asyncio
    from collections.abc import AsyncIterator

    from tmdbfusion_scrapy.transport.lanes import Lane
    from tmdbfusion_scrapy.transport.routes import ProxyRoute

_PIECE: Final = 64 * 1024
"""Bytes of a request body handed over at once; what is smaller fits the socket's buffers and cannot hang."""


@dataclass(frozen=True)
class Outgoing:
    """One request in aiohttp's terms.

    Attributes:
        head: All that is to be written on an open connection; None where that is not for us to say.
    """

    request: httpx.Request
    origin: Origin
    method: str
    head: bytes | None

    @cached_property
    def arguments(self) -> dict[str, Any]:
        """What aiohttp's session is told."""
        origin = self.origin
        # From the parts, because userinfo in a URL is not sent by httpx's transports either.
        target: bytes = self.request.extensions.get("target") or self.request.url.raw_path
        url = f"{origin.scheme}://{self.request.url.netloc.decode('ascii')}{target.decode('ascii')}"
        arguments: dict[str, Any] = {
            "url": yarl.URL(url, encoded=True),
            "headers": _headers(self.request),
            "allow_redirects": False,
        }
        if origin.server_name is not None:
            arguments["server_hostname"] = origin.server_name
        if origin.proxy is not None:
            _add_proxy(arguments, origin.scheme, origin.proxy)
        return arguments


def translate_request(request: httpx.Request, proxy: ProxyRoute | None) -> Outgoing:
    """Translate a request; the body is still to come.

    Raises:
        httpx.UnsupportedProtocol: neither http nor https, or a proxy that cannot carry it.
        httpx.LocalProtocolError: a header cannot be sent.
    """
    origin = origin_of(request, proxy)
    head = plain_head(request) if origin.proxy is None else None
    outgoing = Outgoing(request=request, origin=origin, method=request.method, head=head)
    if head is None:
        # Now, for what cannot be sent needs no connection.
        _ = outgoing.arguments
    return outgoing


def _headers(request: httpx.Request) -> list[tuple[str, str]]:
    """Return the headers as text; aiohttp encodes them as UTF-8."""
    try:
        headers = [(name.decode("ascii"), value.decode("utf-8")) for name, value in request.headers.raw]
    except UnicodeDecodeError:
        raise httpx.LocalProtocolError("A request header is not valid UTF-8") from None
    if len({name.lower() for name, _ in headers}) < len(headers):
        # aiohttp keeps a header that is there twice only if both are spelt alike.
        spelling: dict[str, str] = {}
        return [(spelling.setdefault(name.lower(), name), value) for name, value in headers]
    return headers


def _add_proxy(arguments: dict[str, Any], scheme: str, proxy: ProxyRoute) -> None:
    """Send the proxy's headers with CONNECT for https, and with the request itself for http."""
    if scheme == "https" and proxy.url.startswith("https:") and sys.version_info < (3, 11):
        raise httpx.UnsupportedProtocol("https through an https:// proxy needs Python 3.11 or newer")
    arguments["proxy"] = yarl.URL(proxy.url)
    if scheme == "https":
        headers = dict(proxy.headers)
        for name, value in arguments["headers"]:
            # Otherwise CONNECT would carry aiohttp's own.
            if name.lower() == "user-agent":
                headers.setdefault(name, value)
        arguments["proxy_headers"] = headers
    else:
        arguments["headers"].extend(proxy.headers)


class Deadline:
    """The end of the total time, if there is one."""

    def __init__(self, loop: asyncio.AbstractEventLoop, total: float | None) -> None:
        self._loop = loop
        self._end = None if total is None else loop.time() + total

    def remaining(self) -> float | None:
        """Return the seconds left, at least a millisecond, because 0 means no limit to aiohttp."""
        return None if self._end is None else max(self._end - self._loop.time(), 0.001)

    @property
    def passed(self) -> bool:
        """Whether the time is over, up to the clock's resolution."""
        return self._end is not None and self._end - self._loop.time() < 0.001


@lru_cache(maxsize=64)
def client_timeout(connect: float | None, read: float | None, total: float | None) -> aiohttp.ClientTimeout:
    """Return aiohttp's time-outs; its ``connect`` covers DNS, TCP, the proxy and TLS together."""
    return aiohttp.ClientTimeout(total=total, connect=connect, sock_connect=None, sock_read=read)


class RequestBody:
    """A request body under the write time-out, which aiohttp does not have."""

    def __init__(self, request: httpx.Request, lane: Lane, timeout: float | None) -> None:
        self._request = request
        self._lane = lane
        self._timeout = timeout
        self.error: Exception | None = None
        """What the caller's own stream raised, or a length that is not what Content-Length says."""

    @classmethod
    def attach(
        cls, outgoing: Outgoing, request: httpx.Request, lane: Lane, timeout: float | None
    ) -> RequestBody | None:
        """Put the body into the arguments; None if it is empty or small enough to be sent at once."""
        if outgoing.head is not None:
            return None
        try:
            content = request.content
        except httpx.RequestNotRead:
            pass
        else:
            if len(content) <= _PIECE:
                outgoing.arguments["data"] = content or None
                return None
        body = cls(request, lane, timeout)
        # aiohttp frames a stream without Content-Length itself and refuses a header that says so, too.
        outgoing.arguments["headers"] = [
            (name, value)
            for name, value in outgoing.arguments["headers"]
            if name.lower() != "transfer-encoding"
        ]
        outgoing.arguments["data"] = body.pieces()
        return body

    async def pieces(self) -> AsyncIterator[bytes]:
        """Yield the body in pieces; each must be written within the time-out."""
        declared = self._request.headers.get("Content-Length")
        sent = 0
        try:
            async for chunk in self._chunks():
                for start in range(0, len(chunk), _PIECE):
                    piece = chunk[start : start + _PIECE]
                    sent += len(piece)
                    timer = self._start_timer()
                    try:
                        yield piece
                    finally:
                        if timer is not None:
                            timer.cancel()
            check_length(declared, sent)
        except Exception as error:
            self.error = error
            raise

    async def _chunks(self) -> AsyncIterator[bytes]:
        stream = self._request.stream
        if not isinstance(stream, httpx.AsyncByteStream):
            raise TypeError("An asynchronous client cannot send a synchronous body")
        async for chunk in stream:
            yield chunk

    def _start_timer(self) -> asyncio.TimerHandle | None:
        link = self._lane.link
        if self._timeout is None or link is None:
            return None
        return self._lane.loop.call_later(self._timeout, link.abort_writing)


def check_length(declared: str | None, sent: int) -> None:
    """Raise if the body was not as long as its header said; the peer would wait for the rest."""
    if declared is not None and sent != int(declared):
        raise httpx.LocalProtocolError(f"Content-Length says {declared} bytes, the body has {sent}")
