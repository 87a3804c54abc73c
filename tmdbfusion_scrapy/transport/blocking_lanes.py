"""Places for threads: who gets a connection, and which."""

from __future__ import annotations

import socket
import threading
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import httpx

from tmdbfusion_scrapy.transport.limits import PoolLimits, PoolStatistics
from tmdbfusion_scrapy.transport.routes import NetworkStream, Origin

if TYPE_CHECKING:
    from collections.abc import Callable

    from tmdbfusion_scrapy.transport.single import SingleConnection


class BlockingLane:
    """One place: a connection, lent to one thread at a time."""

    def __init__(self, origin: Origin, connect: Callable[[Origin], SingleConnection]) -> None:
        self.origin = origin
        self.thread = 0
        self.idle_since = 0.0
        self._connect = connect
        self._transport = connect(origin)
        self._socket: socket.socket | None = None
        self._network_stream: NetworkStream | None = None

    @property
    def connected(self) -> bool:
        """Whether the connection of the last response is open still."""
        return self._socket is not None and self._socket.fileno() != -1

    def send(self, request: httpx.Request) -> tuple[httpx.Response, bool]:
        """Send a request; the second value tells whether its connection is a new one."""
        response = self._transport.handle_request(request)
        stream = response.extensions.get("network_stream")
        if stream is None:
            raise httpx.LocalProtocolError("A tool that mocks HTTP answered in place of the connection")
        used = stream.get_extra_info("socket")
        is_new = used is not self._socket or self._network_stream is None
        if is_new:
            self._socket = used
            # Copied now, because a closed socket does not know its addresses.
            self._network_stream = NetworkStream(
                server_addr=stream.get_extra_info("server_addr"),
                client_addr=stream.get_extra_info("client_addr"),
                ssl_object=stream.get_extra_info("ssl_object"),
            )
        response.extensions["network_stream"] = self._network_stream
        return response, is_new

    def hang_up(self) -> None:
        """Close the connection; the next request opens a new one."""
        if self._socket is not None:
            # Wakes a thread that reads from it; closing alone would not.
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)
        self._transport.close()
        self._transport = self._connect(self.origin)
        self._socket = None


@dataclass
class _Waiter:
    """A thread that waits for its turn."""

    origin: Origin
    thread: int
    served: threading.Event = field(default_factory=threading.Event)
    lane: BlockingLane | None = None
    """The lane it got; None when served means that the transport was closed."""


class BlockingPlaces:
    """The lanes of a pool, lent or idle; a lane without a connection is dropped when it comes back."""

    def __init__(self, limits: PoolLimits, connect: Callable[[Origin], SingleConnection]) -> None:
        self._limits = limits
        self._connect = connect
        self._lock = threading.Lock()
        self._lent: set[BlockingLane] = set()
        # Oldest first.
        self._idle: dict[BlockingLane, None] = {}
        self._waiters: deque[_Waiter] = deque()
        self._abandoned: deque[BlockingLane] = deque()
        self._opened = 0
        self._reused = 0
        self._tls_handshakes = 0
        self.closed = False

    def take(self, origin: Origin, timeout: float | None) -> BlockingLane:
        """Lend a lane when it is this thread's turn.

        Raises:
            httpx.PoolTimeout: no lane became free within ``timeout`` seconds.
            RuntimeError: the pool is closed.
        """
        waiter = _Waiter(origin, threading.get_ident())
        with self._lock:
            if self.closed:
                raise RuntimeError("The transport is closed: make a new one (or a new client)")
            self._waiters.append(waiter)
            try:
                self._serve()
            except BaseException:
                # No lane could be made: who waits for none must not be served later.
                if waiter in self._waiters:
                    self._waiters.remove(waiter)
                raise
        try:
            waiter.served.wait(timeout)
        except BaseException:
            self._withdraw(waiter)
            raise
        with self._lock:
            if not waiter.served.is_set():
                self._waiters.remove(waiter)
                raise httpx.PoolTimeout(f"No connection of the pool became free in {timeout:g} s")
        if waiter.lane is None:
            raise RuntimeError("The transport was closed while the request waited")
        return waiter.lane

    def send(self, lane: BlockingLane, request: httpx.Request) -> httpx.Response:
        """Send a request on a lent lane and count its connection."""
        was_connected = lane.connected
        try:
            response, is_new = lane.send(request)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError):
            raise
        except httpx.TransportError:
            self._count(lane, is_new=not was_connected)
            raise
        self._count(lane, is_new=is_new)
        return response

    def give_back(self, lane: BlockingLane) -> None:
        """Take a lane back whose request is over."""
        with self._lock:
            self._take_back(lane)
            self._serve()
            self._trim()

    def abandon(self, lane: BlockingLane) -> None:
        """Take a lane back from the garbage collector, which may run while this thread holds the lock."""
        self._abandoned.append(lane)
        if self._lock.acquire(blocking=False):
            try:
                self._serve()
            finally:
                self._lock.release()

    def statistics(self) -> PoolStatistics:
        """Count what the pool has done and holds."""
        with self._lock:
            self._serve()
            self._trim()
            return PoolStatistics(
                opened=self._opened,
                reused=self._reused,
                open=len(self._lent) + len(self._idle),
                idle=len(self._idle),
                waiting=len(self._waiters),
                tls_handshakes=self._tls_handshakes,
            )

    def close(self) -> None:
        """Close what is idle, break what is being read, turn the waiting away."""
        with self._lock:
            self.closed = True
            while self._waiters:
                self._waiters.popleft().served.set()
            for lane in [*self._idle, *self._lent]:
                lane.hang_up()
            self._idle.clear()

    def _count(self, lane: BlockingLane, *, is_new: bool) -> None:
        with self._lock:
            if is_new:
                self._opened += 1
                self._tls_handshakes += lane.origin.tls_handshakes
            else:
                self._reused += 1

    def _withdraw(self, waiter: _Waiter) -> None:
        """Leave the queue, or give back what was got meanwhile."""
        with self._lock:
            if not waiter.served.is_set():
                self._waiters.remove(waiter)
            elif waiter.lane is not None:
                self._take_back(waiter.lane)
            self._serve()

    def _take_back(self, lane: BlockingLane) -> None:
        """Make a lane idle, or drop it if its connection is gone."""
        self._lent.discard(lane)
        if self.closed:
            lane.hang_up()
        elif lane.connected:
            lane.idle_since = time.monotonic()
            self._idle[lane] = None

    def _serve(self) -> None:
        """Lend lanes to those who wait, in their order."""
        while self._abandoned:
            lane = self._abandoned.popleft()
            lane.hang_up()
            self._take_back(lane)
        while self._waiters:
            waiter = self._waiters[0]
            found = self._find(waiter)
            if found is None:
                return
            self._waiters.popleft()
            found.thread = waiter.thread
            self._lent.add(found)
            waiter.lane = found
            waiter.served.set()

    def _find(self, waiter: _Waiter) -> BlockingLane | None:
        """Return this thread's last lane, another idle one, a new one, or None."""
        self._expire()
        fitting = [lane for lane in self._idle if lane.origin == waiter.origin]
        if fitting:
            own = [lane for lane in fitting if lane.thread == waiter.thread]
            lane = (own or fitting)[-1]
            del self._idle[lane]
            return lane
        if len(self._lent) + len(self._idle) >= self._limits.connections:
            if not self._idle:
                return None
            self._drop_oldest()
        return BlockingLane(waiter.origin, self._connect)

    def _trim(self) -> None:
        """Close what is idle beyond the limits."""
        self._expire()
        while len(self._idle) > self._limits.idle:
            self._drop_oldest()

    def _expire(self) -> None:
        now = time.monotonic()
        while self._idle and now - next(iter(self._idle)).idle_since >= self._limits.expiry:
            self._drop_oldest()

    def _drop_oldest(self) -> None:
        lane = next(iter(self._idle))
        del self._idle[lane]
        lane.hang_up()
