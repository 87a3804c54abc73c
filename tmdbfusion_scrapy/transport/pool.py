"""The connections of one event loop: lent, idle, opening or closing, and never more than allowed."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from tmdbfusion_scrapy.http import httpx
from tmdbfusion_scrapy.transport.connection import Connection
from tmdbfusion_scrapy.transport.errors import cannot_connect, closed_under_request, timed_out

if TYPE_CHECKING:
    from tmdbfusion_scrapy.rate_limit import RateLimiter
    from tmdbfusion_scrapy.transport.dialing import Dialer
    from tmdbfusion_scrapy.transport.outgoing import Origin

_ROUNDS: Final = 100
"""Rounds of the event loop after which an aborted socket is closed for sure; it takes one to three."""


DEFAULT_LIMITS: Final = httpx.Limits(
    max_connections=100,
    max_keepalive_connections=20,
    # Longer than the pauses of a paced crawl, shorter than the 60 to 75 seconds after which common servers
    # and load balancers close an idle connection; httpx's own 5 seconds would reconnect after every pause.
    keepalive_expiry=30.0,
)
"""Limits of both transports when none are given: 100 connections, 20 of them idle, for 30 seconds."""


@dataclass(frozen=True)
class PoolStatistics:
    """Counts of a pool at one moment.

    Attributes:
        opened: connections opened since the start, failed attempts not counted.
        reused: requests that went out on a connection which had carried one before.
        open: connections in use, idle, or being opened or closed now.
        idle: connections kept for the next request now.
        waiting: requests that wait for a free place now.
        tls_handshakes: TLS handshakes of the connections opened since the start; a proxy over TLS has one of
            its own.
    """

    opened: int = 0
    reused: int = 0
    open: int = 0
    idle: int = 0
    waiting: int = 0
    tls_handshakes: int = 0


def check_limits(limits: httpx.Limits) -> None:
    """Refuse limits that cannot be, with a ``ValueError``; None means no limit."""
    for name, least in (("max_connections", 1), ("max_keepalive_connections", 0), ("keepalive_expiry", 0)):
        value = getattr(limits, name)
        if value is not None and value < least:
            raise ValueError(f"{name} is {value}: it must be at least {least}, or None for no limit")


class Pool:
    """Connection pool with hard limits, first come, first served.

    Everything happens in one event loop. A connection counts as open from before its socket is made until after it
    is closed, so that the limit holds as the server sees it.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        limits: httpx.Limits,
        dialer: Dialer,
        limiter: RateLimiter | None,
    ) -> None:
        self.loop = loop
        self.is_closed = False
        self._most, self._most_idle, self._idle_seconds = (
            math.inf if limit is None else limit
            for limit in (limits.max_connections, limits.max_keepalive_connections, limits.keepalive_expiry)
        )
        self._dialer = dialer
        self._limiter = limiter
        self._connections: set[Connection] = set()
        # Oldest first.
        self._idle: dict[Connection, None] = {}
        self._waiters: deque[_Waiter] = deque()
        self._expiry: asyncio.TimerHandle | None = None
        self._emptied: asyncio.Future[None] | None = None
        self._opened = 0
        self.reused = 0
        self._tls_handshakes = 0

    async def lend(
        self, origin: Origin, timeout: float | None, total_at: float | None, *, is_again: bool
    ) -> Connection:
        """Lend a connection in at most so many seconds, and before the end of the total time on the loop's clock.

        With ``is_again`` it is a new one, before all who wait: the caller had one that was dead.

        Raises:
            httpx.PoolTimeout: There was none in time.
            httpx.ReadTimeout: The total time was over first.
            RuntimeError: The pool was closed meanwhile.
        """
        if not (is_again or self._waiters) and (found := self._find(origin, is_fresh=False)) is not None:
            return found
        left = None if total_at is None else max(total_at - self.loop.time(), 0.0)
        is_total = left is not None and (timeout is None or left < timeout)
        future: asyncio.Future[Connection] = self.loop.create_future()
        (self._waiters.appendleft if is_again else self._waiters.append)(_Waiter(future, origin, is_again))
        self._serve()
        try:
            if not await is_free_in_time(future, left if is_total else timeout, self._limiter):
                if is_total:
                    raise timed_out(origin, "total")
                raise httpx.PoolTimeout(f"No connection of the pool became free in {timeout:g} s")
            connection = future.result()
        except asyncio.CancelledError:
            if future.done() and future.exception() is None:
                self.give_back(future.result())
            raise
        finally:
            if future.cancel():
                self._serve()
        if self.is_closed:
            self.discard(connection)
            raise closed_under_request(origin)
        return connection

    async def open(self, connection: Connection, connect: float | None, total_at: float | None) -> None:
        """Open a lent connection in so many seconds, before the end of the total time on the loop's clock."""
        left = None if total_at is None else max(total_at - self.loop.time(), 0.0)
        is_total = left is not None and (connect is None or left < connect)
        task = connection.opening = self.loop.create_task(self._dialer.open(connection))
        # Who is cancelled here discards the connection, and that ends the task.
        await asyncio.wait((task,), timeout=left if is_total else connect)
        if not task.done():
            connection.cancel_opening()
            await asyncio.wait((task,))
        connection.opening = None
        if self.is_closed:
            raise closed_under_request(connection.origin)
        if task.cancelled():
            raise timed_out(connection.origin, "total" if is_total else "connect")
        error = task.exception()
        if isinstance(error, Exception):
            raise cannot_connect(connection.origin, error)
        if error is not None:
            raise error
        self._opened += 1
        self._tls_handshakes += connection.origin.tls_handshakes

    def give_back(self, connection: Connection) -> None:
        """Take a connection back that can carry another request, or that was never opened."""
        if self.is_closed or not connection.is_open:
            self.discard(connection)
            return
        connection.idle_since = self.loop.time()
        self._idle[connection] = None
        if self._waiters:
            self._serve()
        while len(self._idle) > self._most_idle:
            self._evict_oldest()
        if self._expiry is None and self._idle and self._idle_seconds != math.inf:
            self._expire()

    def discard(self, connection: Connection) -> None:
        """Close a lent connection; its place is free when its socket is closed."""
        opening = connection.opening
        if opening is not None and not opening.done():
            connection.cancel_opening()
            opening.add_done_callback(lambda _: self.discard(connection))
            return
        connection.abort()
        if not connection.was_connected:
            self.forget(connection)
        elif not connection.is_established:
            # A transport that is lost in its TLS handshake does not say so.
            self._forget_when_closed(connection, _ROUNDS)

    def forget(self, connection: Connection) -> None:
        """Give the place of a connection to the next one; its socket is closed."""
        self._connections.discard(connection)
        self._idle.pop(connection, None)
        self._check_emptied()
        self._serve()

    def statistics(self) -> PoolStatistics:
        """Count what the pool has done and holds."""
        return PoolStatistics(
            opened=self._opened,
            reused=self.reused,
            open=len(self._connections),
            idle=len(self._idle),
            waiting=sum(not waiter.future.done() for waiter in self._waiters),
            tls_handshakes=self._tls_handshakes,
        )

    async def close(self) -> None:
        """Turn the waiting away, break what is under way, and return when all sockets are closed."""
        if self._emptied is None:
            self.is_closed = True
            self._emptied = self.loop.create_future()
            if self._expiry is not None:
                self._expiry.cancel()
            while self._waiters:
                future = self._waiters.popleft().future
                if not future.done():
                    future.set_exception(RuntimeError("The transport was closed while the request waited"))
            self._idle.clear()
            for connection in list(self._connections):
                connection.interrupt()
                if connection.opening is None and not connection.was_connected:
                    # Lent this instant, and not opened yet.
                    self.forget(connection)
            self._check_emptied()
        await asyncio.shield(self._emptied)
        await self._dialer.close()

    def abandon(self) -> None:
        """Close the sockets in a child process without a word to the servers: they are the parent's.

        Nothing else is touched. The event loop's selector is shared with the parent, and what is taken out of it
        here would be missing there.
        """
        for connection in self._connections:
            if connection.socket is not None:
                connection.socket.close()
        self._dialer.abandon()

    def _find(self, origin: Origin, *, is_fresh: bool) -> Connection | None:
        """Return the idle connection that was used last, or a place for a new one, or None."""
        while not is_fresh:
            found = next((idle for idle in reversed(self._idle) if idle.origin == origin), None)
            if found is None:
                break
            del self._idle[found]
            if found.is_open and self.loop.time() - found.idle_since < self._idle_seconds:
                return found
            self.discard(found)
        if len(self._connections) >= self._most:
            return None
        connection = Connection(self, origin)
        self._connections.add(connection)
        return connection

    def _serve(self) -> None:
        """Lend connections to those who wait, in their order; make room for the first if there is none."""
        while self._waiters:
            waiter = self._waiters[0]
            if waiter.future.done():
                self._waiters.popleft()
                continue
            connection = self._find(waiter.origin, is_fresh=waiter.is_fresh)
            if connection is None:
                # One that is being closed makes room without more ado.
                if self._idle and not any(
                    each.was_connected and not each.is_open for each in self._connections
                ):
                    self._evict_oldest()
                return
            self._waiters.popleft()
            waiter.future.set_result(connection)

    def _evict_oldest(self) -> None:
        connection = next(iter(self._idle))
        del self._idle[connection]
        self.discard(connection)

    def _forget_when_closed(self, connection: Connection, rounds: int) -> None:
        """Look in the loop's next rounds for the end of a socket."""
        if rounds and connection.socket is not None and connection.socket.fileno() != -1:
            self.loop.call_soon(self._forget_when_closed, connection, rounds - 1)
        else:
            self.forget(connection)

    def _check_emptied(self) -> None:
        if self._emptied is not None and not self._connections and not self._emptied.done():
            self._emptied.set_result(None)

    def _expire(self) -> None:
        """Close the connections that were idle for too long, and come back for the next one."""
        self._expiry = None
        while self._idle:
            due = next(iter(self._idle)).idle_since + self._idle_seconds
            if due > self.loop.time():
                self._expiry = self.loop.call_at(due, self._expire)
                return
            self._evict_oldest()


class _Waiter(NamedTuple):
    """Request that waits for a connection, which is to be a new one if it is fresh."""

    future: asyncio.Future[Connection]
    origin: Origin
    is_fresh: bool


async def is_free_in_time(
    coming: asyncio.Future[Any], timeout: float | None, limiter: RateLimiter | None
) -> bool:
    """Wait for a connection that is to become free, and return whether it did, in so many seconds.

    As long as the rate limiter is what all wait for, no connection comes free, and the time does not count.
    """
    while not coming.done():
        waits = 0 if limiter is None else limiter.member.waits
        await asyncio.wait({coming}, timeout=timeout)
        if limiter is None or not (limiter.is_waited_for or limiter.member.waits > waits):
            break
    return coming.done()
