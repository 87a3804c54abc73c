"""The blocking transport: one httpx connection per lane, lanes shared by threads."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Final

import httpx

from tmdbfusion_scrapy.transport.blocking_lanes import BlockingLane, BlockingPlaces
from tmdbfusion_scrapy.transport.dialing import Dialer
from tmdbfusion_scrapy.transport.limits import DEFAULT_LIMITS, PoolLimits, PoolStatistics
from tmdbfusion_scrapy.transport.routes import ProxyRoute, origin_of
from tmdbfusion_scrapy.transport.single import SingleConnection

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator

    from tmdbfusion_scrapy.base_urls import IPFamily
    from tmdbfusion_scrapy.transport.routes import Origin

_SAFE_TO_REPEAT: Final = frozenset({"GET", "HEAD"})


class BlockingPooledTransport(httpx.BaseTransport):
    """Transport for one ``httpx.Client`` that many threads share, with limits for the client as a whole.

    Each thread gets the connection it used last, if that one is free; otherwise any free one, or a new one as
    long as there are fewer than ``max_connections`` open sockets. Requests wait for a place in the order they
    came, at most for the ``pool`` time-out. Expired idle connections are closed at the next use of the
    transport.

    A GET or HEAD that dies on a reused connection before a response is sent once more on a new one.

    Request extensions: ``timeout`` as in httpx, with ``total``, checked at each piece of the body; ``proxy``
    and ``sni_hostname`` as in `PooledTransport`.

    Args:
        limits: ``max_connections`` (default 100), ``max_keepalive_connections`` (20) and ``keepalive_expiry``
            (30 seconds); None in a field means no limit.
        verify: True for certifi's authorities, False for no check, or an ``ssl.SSLContext``.
        proxy: proxy for all requests, ``http://`` or ``https://``, credentials in the URL or in
            ``httpx.Proxy``.
        local_address: address of this machine to connect from.
        ip_family: ``ipv4`` or ``ipv6`` asks for a name's addresses of that kind only; with ``auto`` (default) an
            address that does not answer in a quarter of a second is left for one of the other kind, and gets
            another, longer turn after it.

    Raises:
        ValueError: limits or proxy that cannot be.
    """

    def __init__(
        self,
        *,
        limits: httpx.Limits = DEFAULT_LIMITS,
        verify: ssl.SSLContext | bool = True,
        proxy: httpx.Proxy | str | None = None,
        local_address: str | None = None,
        ip_family: IPFamily = "auto",
    ) -> None:
        self._verify = verify
        self._proxy = ProxyRoute.from_httpx(proxy)
        self._local_address = local_address
        self._ip_family = ip_family
        self._context: ssl.SSLContext | None = None
        self._context_lock = threading.Lock()
        self._places = BlockingPlaces(PoolLimits.from_httpx(limits), self._connect)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request and return its response as soon as the head is there.

        Raises:
            httpx.TransportError: one of its subclasses, as httpx documents them.
            RuntimeError: the transport is closed.
        """
        origin = origin_of(request, self._proxy)
        timeout = request.extensions.get("timeout") or {}
        total = timeout.get("total")
        deadline = None if total is None else time.monotonic() + total
        lane = self._wait_for_lane(origin, timeout.get("pool"), total)
        try:
            response = self._send(lane, request, deadline)
        except BaseException:
            lane.hang_up()
            self._places.give_back(lane)
            raise
        stream = response.stream
        if not isinstance(stream, httpx.SyncByteStream):
            raise TypeError("httpx gave a response that cannot be read synchronously")
        response.stream = BlockingStream(self._places, lane, stream, deadline)
        return response

    def statistics(self) -> PoolStatistics:
        """Return what the pool has done and holds now."""
        return self._places.statistics()

    def close(self) -> None:
        """Close all connections; a second call does nothing.

        A response that is being read ends with an ``httpx.TransportError``, a waiting request with a
        RuntimeError. A request that waits for its response's head in another thread ends within its own
        time-outs, and its connection is closed then.
        """
        self._places.close()

    def _connect(self, origin: Origin) -> SingleConnection:
        """Return a transport for one connection."""
        with self._context_lock:
            if self._context is None:
                self._context = httpx.create_ssl_context(verify=self._verify)
        return SingleConnection(
            context=self._context,
            proxy=origin.proxy,
            local_address=self._local_address,
            dialer=Dialer(self._ip_family, is_for_proxy=origin.proxy is not None),
        )

    def _wait_for_lane(self, origin: Origin, pool: float | None, total: float | None) -> BlockingLane:
        """Wait for a place until the pool time-out or the end of the total time, whichever is first."""
        if total is None or (pool is not None and pool <= total):
            return self._places.take(origin, pool)
        try:
            return self._places.take(origin, total)
        except httpx.PoolTimeout as error:
            raise httpx.ReadTimeout("The total time was over before a connection became free") from error

    def _send(self, lane: BlockingLane, request: httpx.Request, deadline: float | None) -> httpx.Response:
        """Send the request, a second time if the reused connection turns out to be dead."""
        repeatable = request.method in _SAFE_TO_REPEAT and lane.connected and _is_empty(request)
        try:
            return self._places.send(lane, _bounded(request, deadline))
        except (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError):
            if not repeatable or self._places.closed:
                raise
        lane.hang_up()
        return self._places.send(lane, _bounded(request, deadline))


class BlockingStream(httpx.SyncByteStream):
    """The body's bytes as sent. The lane goes back at the end of the body, at an error, or at `close`."""

    def __init__(
        self,
        places: BlockingPlaces,
        lane: BlockingLane,
        stream: httpx.SyncByteStream,
        deadline: float | None,
    ) -> None:
        self._places = places
        self._lane: BlockingLane | None = lane
        self._stream = stream
        self._deadline = deadline

    def __iter__(self) -> Iterator[bytes]:
        try:
            for chunk in self._stream:
                yield chunk
                if self._deadline is not None and time.monotonic() > self._deadline:
                    raise httpx.ReadTimeout("The exchange took longer than its total time")
        finally:
            self.close()

    def close(self) -> None:
        """Let the connection go; httpx closes it if the body was not read to its end."""
        lane, self._lane = self._lane, None
        if lane is not None:
            try:
                self._stream.close()
            finally:
                self._places.give_back(lane)

    def __del__(self) -> None:
        lane, self._lane = self._lane, None
        if lane is not None:
            self._places.abandon(lane)


def _is_empty(request: httpx.Request) -> bool:
    """Tell whether the request has no body, so that sending it again sends the same."""
    try:
        return not request.content
    except httpx.RequestNotRead:
        return False


def _bounded(request: httpx.Request, deadline: float | None) -> httpx.Request:
    """Return the request with no time-out longer than what is left of the total time."""
    if deadline is None:
        return request
    left = max(deadline - time.monotonic(), 0.001)
    given = request.extensions["timeout"]
    timeout = {
        name: left if given.get(name) is None else min(left, given[name])
        for name in ("connect", "read", "write", "pool")
    }
    return httpx.Request(
        request.method,
        request.url,
        headers=request.headers,
        stream=request.stream,
        extensions={**request.extensions, "timeout": timeout},
    )
