"""Which HTTP/2 connection carries a request: one for each origin, opened once for all that wait for it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

import httpx

from tmdbfusion_scrapy.transport.exchange import Exchange, MultiplexedStream, transmit
from tmdbfusion_scrapy.transport.failures import translate
from tmdbfusion_scrapy.transport.http2 import Http2Connection
from tmdbfusion_scrapy.transport.http2_streams import Unavailable
from tmdbfusion_scrapy.transport.outgoing import client_timeout, translate_request
from tmdbfusion_scrapy.transport.routes import origin_of

if TYPE_CHECKING:
    from tmdbfusion_scrapy.transport.http2_streams import Ending, Stream
    from tmdbfusion_scrapy.transport.lanes import Lane
    from tmdbfusion_scrapy.transport.outgoing import Deadline
    from tmdbfusion_scrapy.transport.places import Places
    from tmdbfusion_scrapy.transport.routes import Origin, ProxyRoute

_SAFE_TO_REPEAT: Final = frozenset({"GET", "HEAD"})

_CONNECTIONS: Final = 5
"""How many connections a request tries that take it not, before it gives up."""


@dataclass
class _Opening:
    """A connection that is being opened, for all requests that wait for it."""

    task: asyncio.Task[Http2Connection | None]
    waiting: int = 0


class Multiplexer:
    """The HTTP/2 connections of a pool.

    A connection takes one place of the pool while requests use it, and is one of the pool's idle connections
    while none do, so that the pool's limits hold for it, too.

    Args:
        places: The places of the pool.
        proxy: Proxy of requests that name none.
    """

    def __init__(self, places: Places, proxy: ProxyRoute | None) -> None:
        self._places = places
        self._proxy = proxy
        self._active: dict[Origin, Lane] = {}
        self._lent: set[Lane] = set()
        self._openings: dict[Origin, _Opening] = {}
        self._http1: set[Origin] = set()

    @property
    def waiting(self) -> int:
        """Requests that wait for a place among the streams that a server allows."""
        return sum(lane.http2.waiting for lane in self._lent if lane.http2 is not None)

    async def send(self, request: httpx.Request, deadline: Deadline) -> httpx.Response | None:
        """Send a request and return its response as soon as the head is there.

        Returns:
            None where HTTP/1.1 is all that the server speaks, and nothing was sent.

        Raises:
            httpx.TransportError: one of its subclasses, as httpx documents them.
            RuntimeError: the transport was closed.
        """
        origin = origin_of(request, self._proxy)
        if origin.scheme == "http":
            return None
        exchange = Exchange(request, origin, deadline)
        is_repeated = False
        ending: Ending | None = None
        for _ in range(_CONNECTIONS):
            try:
                connection = await self._connection(exchange)
                if connection is None:
                    return None
                await exchange.enter(connection)
            except Unavailable as unavailable:
                ending = unavailable.ending or ending
                continue
            stream: Stream | None = None
            try:
                stream = exchange.open(connection)
                await transmit(exchange, connection, stream)
            except Unavailable as unavailable:
                ending = unavailable.ending or ending
                connection.leave(stream)
                continue
            except (httpx.NetworkError, httpx.ProtocolError):
                connection.leave(stream)
                if stream is None or not _is_repeatable(exchange, stream, is_repeated=is_repeated):
                    raise
                ending = stream.ending
                is_repeated = True
                continue
            except BaseException:
                connection.leave(stream)
                raise
            return httpx.Response(
                status_code=stream.status,
                headers=stream.headers,
                stream=MultiplexedStream(exchange, connection, stream),
                extensions={
                    "http_version": b"HTTP/2",
                    "network_stream": connection.network_stream,
                    "stream_id": stream.number,
                },
            )
        if ending is not None:
            raise ending.error(origin.target, in_body=False)
        raise httpx.RemoteProtocolError(f"{origin.target} opens connections that take no requests")

    def forget(self, origin: Origin) -> None:
        """Ask the server again what it speaks."""
        self._http1.discard(origin)

    async def _connection(self, exchange: Exchange) -> Http2Connection | None:
        """Return the connection to the origin, opened if need be; None where the server speaks HTTP/1.1.

        Raises:
            Unavailable: it is gone again already.
        """
        origin = exchange.origin
        if origin in self._http1:
            return None
        ready = self._ready(origin)
        if ready is None:
            opening = self._openings.get(origin) or self._start(exchange)
            opened = None
            if opening is not None:
                opened = await self._join(exchange, opening)
                if opened is None:
                    return None
            ready = self._ready(origin)
            if ready is None:
                raise Unavailable(None if opened is None else opened.ending)
        return ready

    def _ready(self, origin: Origin) -> Http2Connection | None:
        """Return the connection that requests use now, if it takes more of them."""
        lane = self._active.get(origin)
        if lane is None:
            return None
        if lane.http2 is not None and lane.http2.takes_requests:
            return lane.http2
        del self._active[origin]
        return None

    def _start(self, exchange: Exchange) -> _Opening | None:
        """Use the idle connection, or begin to open one."""
        if self._places.is_closed:
            raise RuntimeError("The transport was closed while the request waited")
        origin = exchange.origin
        lane = self._places.take(origin)
        if lane is not None and lane.http2 is not None:
            self._activate(lane, origin)
            return None
        task = asyncio.ensure_future(self._open(exchange, lane))
        opening = self._openings[origin] = _Opening(task)
        task.add_done_callback(partial(self._opened, origin, opening))
        return opening

    async def _join(self, exchange: Exchange, opening: _Opening) -> Http2Connection | None:
        """Wait until the connection is open and return it, or raise what went wrong."""
        opening.waiting += 1
        try:
            await asyncio.wait({opening.task}, timeout=exchange.deadline.remaining())
        finally:
            opening.waiting -= 1
        if not opening.task.done():
            raise exchange.timed_out(httpx.ConnectTimeout, "Connecting to {target} took too long")
        error = opening.task.exception()
        if error is not None:
            # Each request raises one of its own: a traceback would grow with every raise.
            raise type(error)(*error.args) from error.__cause__
        return opening.task.result()

    async def _open(self, exchange: Exchange, lane: Lane | None) -> Http2Connection | None:
        """Open a connection; not in the task of a request, whose cancellation would end it for the others.

        None where the server speaks HTTP/1.1.
        """
        origin, deadline = exchange.origin, exchange.deadline
        if lane is None:
            try:
                lane = await self._places.wait(origin, exchange.limit("pool"))
            except httpx.PoolTimeout as error:
                raise exchange.timed_out(httpx.PoolTimeout, str(error)) from None
        if lane.http2 is None:
            lane.task = asyncio.current_task()
            try:
                outgoing = translate_request(exchange.request, self._proxy)
                timeout = client_timeout(exchange.timeout.get("connect"), None, deadline.remaining())
                await lane.negotiate(outgoing.arguments, timeout)
            except BaseException as error:
                self._places.discard(lane)
                if lane.interrupted:
                    raise httpx.ReadError("The transport was closed under the request") from None
                if isinstance(error, asyncio.TimeoutError) and deadline.passed:
                    raise exchange.timed_out(httpx.ConnectTimeout, "") from None
                failure = translate(error, origin)
                if failure is None:
                    raise
                raise failure from failure.__cause__
            finally:
                lane.task = None
        if lane.http2 is None:
            self._http1.add(origin)
            self._places.give_back(lane)
            return None
        if lane.http2.takes_requests:
            self._activate(lane, origin)
        else:
            self._places.discard(lane)
        return lane.http2

    def _opened(self, origin: Origin, opening: _Opening, task: asyncio.Task[Http2Connection | None]) -> None:
        """Forget the attempt, and do without the connection if those who waited for it are gone."""
        del self._openings[origin]
        if task.cancelled() or task.exception() is not None:
            return
        lane = self._active.get(origin)
        if lane is not None and lane.http2 is not None and lane.http2.is_free and not opening.waiting:
            self._rest(lane)

    def _activate(self, lane: Lane, origin: Origin) -> None:
        """Let requests use a connection."""
        if lane.http2 is not None:
            lane.http2.on_free = partial(self._rest, lane)
        self._active[origin] = lane
        self._lent.add(lane)

    def _rest(self, lane: Lane) -> None:
        """Give a connection back to the pool that no request uses; the pool closes what is of no more use."""
        if lane not in self._lent:
            return
        self._lent.remove(lane)
        if lane.origin is not None and self._active.get(lane.origin) is lane:
            del self._active[lane.origin]
        self._places.give_back(lane)


def _is_repeatable(exchange: Exchange, stream: Stream, *, is_repeated: bool) -> bool:
    """Tell whether a request may be sent once more, on another connection."""
    return (
        exchange.request.method in _SAFE_TO_REPEAT
        and not exchange.content
        and stream.headers is None
        and stream.ending is not None
        and (stream.ending.is_goaway or (stream.ending.is_repeatable and not is_repeated))
    )
