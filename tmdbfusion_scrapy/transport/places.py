"""Who gets a place in the pool: first come, first served, and never more places than allowed."""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from typing import TYPE_CHECKING, Final

import httpx

from tmdbfusion_scrapy.transport.limits import PoolLimits, PoolStatistics

if TYPE_CHECKING:
    from collections.abc import Callable

    from tmdbfusion_scrapy.transport.lanes import Lane
    from tmdbfusion_scrapy.transport.routes import Origin

_TURNS_TO_CLOSE: Final = 3
"""Turns of the event loop after which an aborted connection's socket is closed for sure.

asyncio and uvloop close it in the next turn; a connection attempt that was cancelled takes one more.
"""


class Places:
    """The lanes of a pool: lent, idle, closing, or spare (without a connection).

    Everything happens in one event loop. A lane counts as open while it is lent, idle or closing.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, limits: PoolLimits, new_lane: Callable[[], Lane]
    ) -> None:
        self.loop = loop
        self._limits = limits
        self._new_lane = new_lane
        self._lanes: list[Lane] = []
        self._spare: list[Lane] = []
        # Oldest first; the second one holds the same lanes by origin.
        self._idle: OrderedDict[Lane, None] = OrderedDict()
        self._idle_at: dict[Origin, dict[Lane, None]] = {}
        self._closing = 0
        self._waiters: deque[tuple[asyncio.Future[Lane], Origin]] = deque()
        self._expiry: asyncio.TimerHandle | None = None
        self.is_closed = False
        self._drained = False

    def take(self, origin: Origin) -> Lane | None:
        """Lend a lane at once if nobody waits and one is free."""
        return None if self._waiters else self._find(origin)

    async def wait(self, origin: Origin, timeout: float | None) -> Lane:
        """Lend a lane when it is this caller's turn.

        Raises:
            httpx.PoolTimeout: no lane became free within ``timeout`` seconds.
            RuntimeError: the pool was closed meanwhile.
        """
        future: asyncio.Future[Lane] = self.loop.create_future()
        self._waiters.append((future, origin))
        timer = None if timeout is None else self.loop.call_later(timeout, _time_out, future, timeout)
        try:
            self._serve()
            return await future
        except asyncio.CancelledError:
            if future.done() and not future.cancelled() and future.exception() is None:
                self.give_back(future.result())
            future.cancel()
            self._serve()
            raise
        finally:
            if timer is not None:
                timer.cancel()

    def give_back(self, lane: Lane) -> None:
        """Take a lane back whose request is over; its connection is kept if it can carry another one."""
        if self.is_closed or not lane.reusable or lane.origin is None:
            self.discard(lane)
            return
        lane.idle_since = self.loop.time()
        self._idle[lane] = None
        self._idle_at.setdefault(lane.origin, {})[lane] = None
        if self._waiters:
            self._serve()
        while len(self._idle) > self._limits.idle:
            self._evict_oldest()
        if self._expiry is None and self._idle and self._limits.expiry != float("inf"):
            self._expire()

    def discard(self, lane: Lane) -> None:
        """Take a lane back and close its connection; the place is free when the socket is closed."""
        lane.hang_up()
        self._closing += 1
        self.loop.call_soon(self._closing_turn, lane, _TURNS_TO_CLOSE)

    async def reset(self, lane: Lane) -> None:
        """Close a lent lane's connection and return when its socket is closed."""
        lane.hang_up()
        for _ in range(_TURNS_TO_CLOSE):
            await asyncio.sleep(0)
        lane.forget()

    def statistics(self) -> PoolStatistics:
        """Count what the pool has done and holds."""
        dead = sum(1 for lane in self._idle if not lane.reusable)
        return PoolStatistics(
            opened=sum(lane.opened for lane in self._lanes),
            reused=sum(lane.reused for lane in self._lanes),
            open=self._open - dead,
            idle=len(self._idle) - dead,
            waiting=sum(1 for future, _ in self._waiters if not future.done()),
            tls_handshakes=sum(lane.tls_handshakes for lane in self._lanes),
        )

    async def close(self) -> None:
        """Turn the waiting away, break what is under way, and return when all sockets are closed."""
        self.is_closed = True
        if self._expiry is not None:
            self._expiry.cancel()
        while self._waiters:
            future, _ = self._waiters.popleft()
            if not future.done():
                future.set_exception(RuntimeError("The transport was closed while the request waited"))
        while self._idle:
            self._evict_oldest()
        for lane in self._lanes:
            lane.interrupted = True
            if lane.task is not None:
                lane.task.cancel()
            lane.hang_up()
        # A cancelled task needs a few turns only; there is no event to wait for.
        while self._closing or any(lane.task is not None for lane in self._lanes):  # noqa: ASYNC110
            await asyncio.sleep(0)
        for _ in range(_TURNS_TO_CLOSE):
            await asyncio.sleep(0)
        for lane in self._lanes:
            await lane.session.close()
        self._drained = True

    @property
    def _open(self) -> int:
        # A response that nobody read or closed may hold its lane for longer than the pool lives.
        return 0 if self._drained else len(self._lanes) - len(self._spare)

    def _find(self, origin: Origin) -> Lane | None:
        """Return the idle lane that was used last, or one without a connection, or None."""
        lanes = self._idle_at.get(origin)
        while lanes:
            lane = next(reversed(lanes))
            self._unlist(lane)
            if lane.reusable and self.loop.time() - lane.idle_since < self._limits.expiry:
                return lane
            self.discard(lane)
        if self._open >= self._limits.connections:
            return None
        if self._spare:
            lane = self._spare.pop()
        else:
            lane = self._new_lane()
            self._lanes.append(lane)
        lane.origin = origin
        return lane

    def _serve(self) -> None:
        """Lend lanes to those who wait, in their order; make room for the first if there is none."""
        while self._waiters:
            future, origin = self._waiters[0]
            if future.done():
                self._waiters.popleft()
                continue
            lane = self._find(origin)
            if lane is None:
                if self._idle and not self._closing:
                    self._evict_oldest()
                return
            self._waiters.popleft()
            future.set_result(lane)

    def _unlist(self, lane: Lane) -> None:
        """Take a lane out of the idle ones."""
        del self._idle[lane]
        if lane.origin is not None:
            lanes = self._idle_at[lane.origin]
            del lanes[lane]
            if not lanes:
                del self._idle_at[lane.origin]

    def _evict_oldest(self) -> None:
        lane = next(iter(self._idle))
        self._unlist(lane)
        self.discard(lane)

    def _closing_turn(self, lane: Lane, turns: int) -> None:
        """Wait until the socket is closed, then free the place."""
        if turns > 1:
            self.loop.call_soon(self._closing_turn, lane, turns - 1)
            return
        lane.forget()
        self._closing -= 1
        self._spare.append(lane)
        self._serve()

    def _expire(self) -> None:
        """Close the connections that were idle for too long, and come back for the next one."""
        self._expiry = None
        while self._idle:
            due = next(iter(self._idle)).idle_since + self._limits.expiry
            if due > self.loop.time():
                self._expiry = self.loop.call_at(due, self._expire)
                return
            self._evict_oldest()


def _time_out(future: asyncio.Future[Lane], timeout: float) -> None:
    if not future.done():
        future.set_exception(httpx.PoolTimeout(f"No connection of the pool became free in {timeout:g} s"))
