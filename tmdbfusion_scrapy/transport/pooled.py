"""The asynchronous transport: aiohttp's connections under httpx's interface."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import aiohttp
import httpx

from tmdbfusion_scrapy.transport.direct import WITHOUT_BODY, send_directly
from tmdbfusion_scrapy.transport.failures import translate
from tmdbfusion_scrapy.transport.lanes import ConnectionDied, Lane, UnexpectedHttp2
from tmdbfusion_scrapy.transport.limits import DEFAULT_LIMITS, PoolLimits, PoolStatistics
from tmdbfusion_scrapy.transport.outgoing import (
    Deadline,
    RequestBody,
    client_timeout,
    translate_request,
)
from tmdbfusion_scrapy.transport.places import Places
from tmdbfusion_scrapy.transport.resolving import SharedResolver
from tmdbfusion_scrapy.transport.routes import ProxyRoute
from tmdbfusion_scrapy.transport.streaming import PooledStream

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Mapping

    from tmdbfusion_scrapy.base_urls import IPFamily
    from tmdbfusion_scrapy.transport.direct import DirectResponse
    from tmdbfusion_scrapy.transport.lanes import Link
    from tmdbfusion_scrapy.transport.multiplexing import Multiplexer
    from tmdbfusion_scrapy.transport.outgoing import Outgoing
    from tmdbfusion_scrapy.transport.routes import Origin


class PooledTransport(httpx.AsyncBaseTransport):
    """Transport for ``httpx.AsyncClient`` with aiohttp's speed and limits that hold at the server.

    The number of open sockets never passes ``max_connections``, whatever the number of hosts: an idle
    connection to another host is closed first, and a closed one counts until its socket is closed. Requests
    wait for a place in the order they came, at most for the ``pool`` time-out.

    Nothing is added to a request: no cookies, no default headers, no redirects, no proxy from the
    environment. The exception is ``Content-Length: 0`` on a method like DELETE without a body. The response's
    stream gives the body's bytes as sent (httpx undoes the encoding); its extensions hold ``http_version``,
    ``reason_phrase`` and ``network_stream``, whose ``get_extra_info("server_addr" | "client_addr" |
    "ssl_object")`` answers after the body was read, too.

    A GET or HEAD that dies on a reused connection before a response is sent once more on a new one: the
    server had closed it meanwhile. Nothing else is ever sent twice.

    Request extensions: ``timeout`` with ``connect``, ``read``, ``write``, ``pool`` as in httpx, and
    ``total``, seconds from the call to the last byte of the body; ``proxy``, an ``httpx.Proxy`` or URL for
    this request, None for no proxy; ``sni_hostname``.

    A transport belongs to the event loop of its first use. After `aclose` all its sockets are closed.

    Args:
        limits: ``max_connections`` (default 100), ``max_keepalive_connections`` (20) and ``keepalive_expiry``
            (30 seconds); None in a field means no limit.
        verify: True for certifi's authorities, False for no check, or an ``ssl.SSLContext``.
        proxy: proxy for all requests, ``http://`` or ``https://``, credentials in the URL or in
            ``httpx.Proxy``.
        local_address: address of this machine to connect from.
        ip_family: ``ipv4`` or ``ipv6`` asks for a name's addresses of that kind only; with ``auto`` (default) an
            address that does not answer in a quarter of a second gets company by one of the other kind (RFC 8305).
        http2: speak HTTP/2 with servers that do, over one connection to each (needs the package h2). A context
            given as ``verify`` then offers it to whoever uses it.

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
        http2: bool = False,
    ) -> None:
        self._limits = PoolLimits.from_httpx(limits)
        self._verify = verify
        self._proxy = ProxyRoute.from_httpx(proxy)
        self._local_address = local_address
        self._ip_family = ip_family
        self._resolver: SharedResolver | None = None
        self._http2 = http2
        self._places: Places | None = None
        self._multiplexer: Multiplexer | None = None
        self._drained: asyncio.Future[None] | None = None
        self._closed = False

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request and return its response as soon as the head is there.

        Raises:
            httpx.TransportError: one of its subclasses, as httpx documents them.
            RuntimeError: the transport is closed, or was used in another event loop.
        """
        places = self._running_places()
        timeout = request.extensions.get("timeout") or {}
        deadline = Deadline(places.loop, timeout.get("total"))
        if self._multiplexer is not None:
            answer = await self._multiplexer.send(request, deadline)
            if answer is not None:
                return answer
            places = self._running_places()
        outgoing = translate_request(request, self._proxy)
        lane = places.take(outgoing.origin)
        if lane is None:
            lane = await _wait_for_lane(places, outgoing.origin, timeout.get("pool"), deadline)
        body: RequestBody | None = None
        lane.task = asyncio.current_task()
        try:
            repeatable = lane.link is not None and outgoing.method in WITHOUT_BODY
            body = RequestBody.attach(outgoing, request, lane, timeout.get("write"))
            try:
                response, link = await _send(lane, outgoing, timeout, deadline)
            except (ConnectionDied, aiohttp.ClientConnectionResetError):
                if not repeatable or body is not None or lane.interrupted:
                    raise
                await places.reset(lane)
                response, link = await _send(lane, outgoing, timeout, deadline)
        except BaseException as error:
            task, lane.task = lane.task, None
            places.discard(lane)
            if isinstance(error, UnexpectedHttp2) and self._multiplexer is not None:
                self._multiplexer.forget(outgoing.origin)
            failure = _failure(error, lane, body, outgoing.origin, deadline)
            if failure is None:
                raise
            if isinstance(error, asyncio.CancelledError):
                _forget_cancellation(task)
            raise failure from failure.__cause__
        lane.task = None
        return httpx.Response(
            status_code=response.status,
            headers=response.raw_headers,
            stream=PooledStream(places, lane, link, response, outgoing.origin),
            extensions={
                "http_version": b"HTTP/1.0" if response.version == aiohttp.HttpVersion10 else b"HTTP/1.1",
                "reason_phrase": (response.reason or "").encode("utf-8", "surrogateescape"),
                "network_stream": link.network_stream,
            },
        )

    def statistics(self) -> PoolStatistics:
        """Return what the pool has done and holds now."""
        if self._places is None:
            return PoolStatistics(opened=0, reused=0, open=0, idle=0, waiting=0)
        statistics = self._places.statistics()
        if self._multiplexer is not None:
            return replace(statistics, waiting=statistics.waiting + self._multiplexer.waiting)
        return statistics

    async def aclose(self) -> None:
        """Close all connections and return when their sockets are closed; a second call does nothing.

        Requests under way end with an ``httpx.TransportError``, waiting ones with a RuntimeError.

        Raises:
            RuntimeError: called in another event loop than the one the transport was used in.
        """
        if self._places is not None:
            _check_loop(self._places)
        self._closed = True
        if self._places is None:
            return
        if self._drained is not None:
            await asyncio.shield(self._drained)
            return
        self._drained = asyncio.get_running_loop().create_future()
        try:
            await self._places.close()
            if self._resolver is not None:
                await self._resolver.close()
        finally:
            self._drained.set_result(None)

    def _running_places(self) -> Places:
        """Return the pool, made at the first use, in the loop that runs then."""
        if self._closed:
            raise RuntimeError("The transport is closed: make a new one (or a new client)")
        if self._places is None:
            loop = asyncio.get_running_loop()
            self._resolver = SharedResolver(self._ip_family)
            self._places = Places(loop, self._limits, self._lane_factory(loop, self._resolver))
            if self._http2:
                # Needs h2, which is an extra.
                from tmdbfusion_scrapy.transport.multiplexing import Multiplexer

                self._multiplexer = Multiplexer(self._places, self._proxy)
        _check_loop(self._places)
        return self._places

    def _lane_factory(self, loop: asyncio.AbstractEventLoop, resolver: SharedResolver) -> Callable[[], Lane]:
        context = httpx.create_ssl_context(verify=self._verify)
        if self._http2:
            context.set_alpn_protocols(["h2", "http/1.1"])

        def new_lane() -> Lane:
            return Lane(loop, ssl_context=context, resolver=resolver, local_address=self._local_address)

        return new_lane


async def _wait_for_lane(
    places: Places, origin: Origin, pool_timeout: float | None, deadline: Deadline
) -> Lane:
    """Wait for a place until the pool time-out or the end of the total time, whichever is first."""
    total = deadline.remaining()
    if total is None or (pool_timeout is not None and pool_timeout <= total):
        return await places.wait(origin, pool_timeout)
    try:
        return await places.wait(origin, total)
    except httpx.PoolTimeout as error:
        raise httpx.ReadTimeout("The total time was over before a connection became free") from error


async def _send(
    lane: Lane, outgoing: Outgoing, timeout: Mapping[str, float | None], deadline: Deadline
) -> tuple[aiohttp.ClientResponse | DirectResponse, Link]:
    """Send the request on the lane's connection and return the response's head."""
    link = lane.link
    if link is not None and outgoing.head is not None:
        answer = await send_directly(
            lane,
            link,
            outgoing.method,
            outgoing.head,
            read=timeout.get("read"),
            total=deadline.remaining(),
        )
        return answer, link
    response = await lane.session.request(
        outgoing.method,
        timeout=client_timeout(timeout.get("connect"), timeout.get("read"), deadline.remaining()),
        **outgoing.arguments,
    )
    link = lane.link
    if link is None:
        response.close()
        raise ConnectionDied
    return response, link


def _failure(
    error: BaseException, lane: Lane, body: RequestBody | None, origin: Origin, deadline: Deadline
) -> Exception | None:
    """Return what to raise for an error before the response's head; None for the error itself."""
    if lane.interrupted:
        return httpx.ReadError("The transport was closed under the request")
    if isinstance(error, asyncio.TimeoutError) and deadline.passed:
        return httpx.ReadTimeout(
            f"The exchange with {origin.scheme}://{origin.target} took longer than its total time"
        )
    if lane.link is not None and lane.link.write_timed_out:
        return httpx.WriteTimeout(f"{origin.target} took no bytes of the request body for too long")
    if body is not None and body.error is not None and isinstance(error, Exception):
        return body.error
    return translate(error, origin)


def _forget_cancellation(task: asyncio.Task[Any] | None) -> None:
    """Undo the cancellation with which the closing transport woke the request (Python 3.11 counts them)."""
    if task is not None and sys.version_info >= (3, 11):
        task.uncancel()


def _check_loop(places: Places) -> None:
    if asyncio.get_running_loop() is not places.loop:
        raise RuntimeError(
            "The transport is bound to the event loop of its first use, and this is another one: "
            "make one client per event loop, and close it in that loop"
        )
