"""One pace for each host, shared by everything in this process that asks it: threads, event loops, crawls."""

from __future__ import annotations

import logging
import os
import threading
import time
from weakref import WeakSet

from tmdbfusion_scrapy.pacing.options import PaceOptions, PaceStatistics
from tmdbfusion_scrapy.pacing.pace import Claim, Pace

logger = logging.getLogger(__name__)

_LONG_PAUSE = 5.0
"""Seconds; a pause that is longer is logged, so that nobody takes it for a crawl that hangs."""


class SharedPace:
    """A pace that threads may use. Nobody waits while holding its lock.

    Args:
        options: The numbers; each claim has a rate of its own.
    """

    def __init__(self, options: PaceOptions | None = None) -> None:
        self._lock = threading.Lock()
        self._pace = Pace(options or PaceOptions(), time.monotonic())
        self._line: list[Claim] = []
        _all.add(self)

    def begin_anew(self) -> None:
        """Forget who waits, in a child process: they wait in the parent, and one of them may hold the lock."""
        self._lock = threading.Lock()
        self._line.clear()

    def claim(self, rate: float) -> Claim:
        """Let one more client or crawl share the pace; ``rate`` is 0 where it sets none."""
        with self._lock:
            return self._pace.claim(rate, time.monotonic())

    def release(self, claim: Claim) -> None:
        """Let a client or crawl go; what it set no longer counts."""
        with self._lock:
            self._pace.release(claim, time.monotonic())

    def take(self, claim: Claim, now: float) -> bool:
        """Take a place if one is to be had at once."""
        with self._lock:
            return self._pace.wait(claim, now, len(self._line)) == 0.0

    def stand_in_line(self, claim: Claim) -> None:
        """Wait for a place from now on; of each claim one request at a time stands there."""
        with self._lock:
            self._line.append(claim)

    def leave_line(self, claim: Claim) -> None:
        """No longer wait."""
        with self._lock:
            self._line.remove(claim)

    def wait(self, claim: Claim) -> float:
        """Seconds until the next place of who stands in line; 0 takes it."""
        with self._lock:
            return self._pace.wait(claim, time.monotonic(), self._line.index(claim))

    def succeeded(self, sent_at: float) -> None:
        """Note an answer that was no 429, to a request that was sent at ``sent_at``."""
        with self._lock:
            self._pace.succeeded(sent_at)

    def limited(self, sent_at: float, retry_after: float | None) -> None:
        """Note a 429 to a request that was sent at ``sent_at``."""
        with self._lock:
            pause = self._pace.limited(time.monotonic(), sent_at, retry_after)
        if pause >= _LONG_PAUSE:
            reason = "TMDB asks to wait" if retry_after else "TMDB refuses requests again: waiting"
            logger.warning("%s %.0f s (429); all requests wait", reason, pause)

    def paused(self, retry_after: float) -> None:
        """Note an answer, such as a 503, that asks to wait."""
        with self._lock:
            pause = self._pace.paused(time.monotonic(), retry_after)
        if pause >= _LONG_PAUSE:
            logger.warning("TMDB is down and asks to wait %.0f s; all requests wait", pause)

    def statistics(self, claim: Claim) -> PaceStatistics:
        """Return what the pace did for a claim so far."""
        with self._lock:
            return self._pace.statistics(claim)

    def is_at_rest(self) -> bool:
        """Whether nobody shares the pace, and a new one would do the same from now on."""
        with self._lock:
            return self._pace.is_at_rest(time.monotonic())


_KEPT_SECONDS = 60.0
"""How long a pace is kept at the least: who was given it may not have claimed it yet."""

_paces: dict[tuple[str, str], SharedPace] = {}
_given_at: dict[tuple[str, str], float] = {}
_lock = threading.Lock()
_all: WeakSet[SharedPace] = WeakSet()


def shared_pace(url: str, kind: str = "api") -> SharedPace:
    """Return the pace of this process for a host.

    It outlives its users while a pause or a rate that was found still counts, so that a new client goes on where
    the last one stopped.

    Args:
        url: A URL of the host; scheme, host and port tell hosts apart.
        kind: What is asked for, where a host has a limit for each kind.
    """
    key = ("/".join(url.split("/", 3)[:3]), kind)
    now = time.monotonic()
    with _lock:
        pace = _paces.get(key)
        if pace is None:
            for old, known in list(_paces.items()):
                if now - _given_at[old] > _KEPT_SECONDS and known.is_at_rest():
                    del _paces[old]
            pace = _paces[key] = SharedPace()
        _given_at[key] = now
        return pace


def forget_paces() -> None:
    """Forget all paces, for tests: who has one keeps it, and who comes next gets a new one."""
    with _lock:
        _paces.clear()


def _after_fork() -> None:
    global _lock  # noqa: PLW0603 - another thread of the parent may hold it
    _lock = threading.Lock()
    for pace in list(_all):
        pace.begin_anew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
