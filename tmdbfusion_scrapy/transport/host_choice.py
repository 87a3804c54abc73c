"""Which of several hosts is called: the decision alone."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Collection

STAY: Final = 60.0
"""Seconds that a host which could not be reached is left alone."""


class HostChoice:
    """Decides which of several hosts is called, from what it is told; it does no I/O and has no clock.

    The first host is called as long as it can be reached. One that could not is left alone for a while; then a
    single request tries it, so that a host which swallows connections delays one request and not all of them.
    It may be shared by threads.

    Args:
        count: How many hosts there are, best first.
        stay: Seconds that a host which could not be reached is left alone.
    """

    def __init__(self, count: int, *, stay: float = STAY) -> None:
        self._stay = stay
        self._lock = threading.Lock()
        self._failed_at: list[float | None] = [None] * count
        # When it may be tried again; None where nothing speaks against it.
        self._due: list[float | None] = [None] * count
        self._switched_at: float | None = None
        self.current = 0
        """The host that requests go to."""
        self.switches = 0
        """How often that has changed."""

    def choose(self, tried: Collection[int], now: float) -> int | None:
        """Return the host that a request is to try.

        Args:
            tried: The hosts that it has tried.
            now: The time, in seconds.

        Returns:
            ``None`` if it has tried all.
        """
        with self._lock:
            left = [host for host in range(len(self._due)) if host not in tried]
            for host in left:
                due = self._due[host]
                if due is None:
                    return host
                if due <= now:
                    # The others wait for what becomes of this one.
                    self._due[host] = now + self._stay
                    return host
            return self.current if self.current in left else left[0] if left else None

    def failed(self, host: int, now: float) -> None:
        """Take note that a host could not be reached."""
        with self._lock:
            self._failed_at[host] = now
            self._due[host] = now + self._stay

    def worked(self, host: int, begun: float, now: float) -> int | None:
        """Take note that a host answered.

        Args:
            host: The host.
            begun: When the request to it began.
            now: The time.

        Returns:
            The host that requests went to until now, if this changes it.
        """
        with self._lock:
            # An answer to a request that was under way says nothing of what was found out since.
            if begun < max(self._failed_at[host] or begun, self._switched_at or begun):
                return None
            self._due[host] = None
            if host == self.current:
                return None
            previous, self.current = self.current, host
            self._switched_at = now
            self.switches += 1
            return previous
