"""The turn of a call: first a place among the connections, then one in the pace.

The other way round calls would spend their place in the pace, queue for a connection, and leave in a burst as
connections come free, also during the pause after a 429. The wait for a place is bounded by the ``pool`` time-out,
but for the time in which the pace is what all wait for.
"""

from __future__ import annotations

import asyncio
import threading
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING

import httpx

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from tmdbfusion_scrapy.pacing import AsyncPacer, BlockingPacer


class AsyncTurns:
    """Turns of one event loop.

    Args:
        pacer: The pace.
        places: Most calls under way; ``None`` for no limit.
        timeout: Seconds to wait for a place; ``None`` for ever.
    """

    def __init__(self, pacer: AsyncPacer, places: int | None, timeout: float | None) -> None:
        self._pacer = pacer
        self._places = asyncio.Semaphore(places) if places is not None else None
        self._timeout = timeout

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[float]:
        """Wait for a turn, hold it, and tell when it came, of ``time.monotonic()``.

        Raises:
            httpx.PoolTimeout: No place came free in time.
        """
        places = self._places
        if places is None:
            yield await self._pacer.acquire()
            return
        if places.locked():
            await self._wait(places)
        else:
            await places.acquire()
        try:
            yield await self._pacer.acquire()
        finally:
            places.release()

    async def _wait(self, places: asyncio.Semaphore) -> None:
        """Wait in line for a place."""
        coming = asyncio.ensure_future(places.acquire())
        try:
            waits = self._pacer.waits
            done, _ = await asyncio.wait({coming}, timeout=self._timeout)
            while not done and _is_slow(self._pacer, waits):
                waits = self._pacer.waits
                done, _ = await asyncio.wait({coming}, timeout=self._timeout)
        except BaseException:
            if not coming.cancel():
                places.release()
            raise
        if not done:
            coming.cancel()
            raise httpx.PoolTimeout(_message(self._timeout))


class BlockingTurns:
    """Turns of the threads that share a client; see :class:`AsyncTurns` for the arguments."""

    def __init__(self, pacer: BlockingPacer, places: int | None, timeout: float | None) -> None:
        self._pacer = pacer
        self._places = threading.Semaphore(places) if places is not None else None
        self._timeout = timeout

    @contextmanager
    def turn(self) -> Iterator[float]:
        """Wait for a turn, hold it, and tell when it came, of ``time.monotonic()``.

        Raises:
            httpx.PoolTimeout: No place came free in time.
        """
        places = self._places
        if places is None:
            yield self._pacer.acquire()
            return
        waits = self._pacer.waits
        while not places.acquire(timeout=self._timeout):
            if not _is_slow(self._pacer, waits):
                raise httpx.PoolTimeout(_message(self._timeout))
            waits = self._pacer.waits
        try:
            yield self._pacer.acquire()
        finally:
            places.release()


def _is_slow(pacer: AsyncPacer | BlockingPacer, waits: int) -> bool:
    """Whether the pace is what all wait for: a call waits for it now, or has since it counted ``waits``."""
    return pacer.is_waited_for or pacer.waits > waits


def _message(timeout: float | None) -> str:
    return (
        f"No connection became free in {timeout:g} s" if timeout is not None else "No connection became free"
    )
