"""Waiting for one's turn in a shared pace."""

from __future__ import annotations

import asyncio
import time
from http import HTTPStatus
from typing import TYPE_CHECKING

from tmdbfusion_scrapy.pacing.shared import SharedPace

if TYPE_CHECKING:
    from collections.abc import Callable

    from tmdbfusion_scrapy.pacing.options import PaceOptions, PaceStatistics

_LONGEST_SLEEP = 0.25
"""Seconds. Who waits looks up that often: the pace may have changed, or the waiting may be over."""


class PacerClosed(RuntimeError):
    """The client was closed, or the crawl is being stopped, while a request waited for its turn."""

    def __init__(self) -> None:
        super().__init__("closed while a request waited for its turn")


class AsyncPacer:
    """Lets coroutines of one event loop go at a pace, first come first served.

    Args:
        options: How fast this client or crawl wants to be. With a shared pace the rate alone counts.
        shared: The pace to share; by default one of its own.
        is_stopping: Tells whether those who wait are to give up.
    """

    def __init__(
        self,
        options: PaceOptions,
        shared: SharedPace | None = None,
        is_stopping: Callable[[], bool] | None = None,
    ) -> None:
        self._shared = shared or SharedPace(options)
        self._claim = self._shared.claim(options.rate)
        self._turn = asyncio.Lock()
        self._waiting = 0
        self._closed = asyncio.Event()
        self._is_stopping = is_stopping

    @property
    def waits(self) -> int:
        """Requests that have waited."""
        return self._claim.waits

    def succeeded(self, sent_at: float) -> None:
        """Note an answer that was no 429, to a request that was sent at ``sent_at``."""
        self._shared.succeeded(sent_at)

    def limited(self, sent_at: float, retry_after: float | None = None) -> None:
        """Note a 429 to a request that was sent at ``sent_at``."""
        self._shared.limited(sent_at, retry_after)

    def answered(self, sent_at: float, status: int, retry_after: float | None) -> None:
        """Note an answer to a request that was sent at ``sent_at``: a 429 and a 503 may ask everybody to wait.

        Args:
            sent_at: What ``acquire`` returned for it.
            status: Its HTTP status.
            retry_after: Seconds that it asks to wait.
        """
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            self._shared.limited(sent_at, retry_after)
        elif status >= HTTPStatus.INTERNAL_SERVER_ERROR and retry_after is not None:
            self._shared.paused(retry_after)
        else:
            self._shared.succeeded(sent_at)

    def statistics(self) -> PaceStatistics:
        """Return what the pace did for this client or crawl so far."""
        return self._shared.statistics(self._claim)

    @property
    def is_waited_for(self) -> bool:
        """Whether a request waits for its turn."""
        return self._waiting > 0

    async def acquire(self) -> float:
        """Wait for a place and return the time at which it came, of ``time.monotonic()``.

        Raises:
            PacerClosed: The waiting is over without a place.
        """
        start = time.monotonic()
        # Counted, for a lock that is being handed on looks free: who comes then would overtake the queue.
        if not self._waiting and self._shared.take(self._claim, start):
            return start
        self._waiting += 1
        try:
            # Who has the turn waits alone; the others queue for it, so a pause delays all of them alike.
            async with self._turn:
                await self._wait()
        finally:
            self._waiting -= 1
        now = time.monotonic()
        self._claim.waited(now - start)
        return now

    async def sleep(self, seconds: float) -> None:
        """Sleep, at most until the pacer is closed.

        Raises:
            PacerClosed: It was.
        """
        try:
            await asyncio.wait_for(self._closed.wait(), seconds)
        except asyncio.TimeoutError:
            return
        raise PacerClosed

    def close(self) -> None:
        """Let those who wait give up, and no longer count for the shared pace."""
        self._closed.set()
        self._shared.release(self._claim)

    async def _wait(self) -> None:
        """Wait for the next place."""
        self._shared.stand_in_line(self._claim)
        try:
            while (delay := self._shared.wait(self._claim)) > 0:
                if self._closed.is_set() or (self._is_stopping is not None and self._is_stopping()):
                    raise PacerClosed
                await asyncio.sleep(min(delay, _LONGEST_SLEEP))
        finally:
            self._shared.leave_line(self._claim)
