"""Requests, connections and rates that the sandbox saw. Safe between threads."""

from __future__ import annotations

import re
from collections import Counter, deque
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tmdbfusion_scrapy.sandbox.http import RecordedRequest

# The version at the start of a path is no id.
_NUMBER_SEGMENT = re.compile(r"(?<=[^/]/)\d+(?=/|$)")


@dataclass(frozen=True)
class ConnectionCounts:
    """Connections as the server sees them: open now, the most at once, and all there were."""

    open: int
    max_open: int
    total: int


class Traffic:
    """Counters and the newest requests."""

    def __init__(self, keep: int) -> None:
        self._lock = Lock()
        self._requests: deque[RecordedRequest] = deque(maxlen=keep)
        self._open = 0
        self._connection_number = 0
        self._reset()

    def _reset(self) -> None:
        """Set back what is counted; what is open stays open."""
        self._answered: Counter[tuple[str, int | str]] = Counter()
        self._last_second: deque[float] = deque()
        self._seen = self._in_flight = self._max_in_flight = self._max_per_second = 0
        self._connections = self._max_open = self._open

    def connected(self) -> int:
        """Count a new connection and return its number."""
        with self._lock:
            self._open += 1
            self._connections += 1
            self._connection_number += 1
            self._max_open = max(self._max_open, self._open)
            return self._connection_number

    def disconnected(self) -> None:
        with self._lock:
            self._open -= 1

    def arrived(self, request: RecordedRequest) -> int:
        """Count a request, keep it, and return its number."""
        now = request.received_at
        with self._lock:
            self._seen += 1
            self._in_flight += 1
            self._max_in_flight = max(self._max_in_flight, self._in_flight)
            window = self._last_second
            window.append(now)
            while window[0] <= now - 1.0:
                window.popleft()
            self._max_per_second = max(self._max_per_second, len(window))
            request.number = self._seen
            self._requests.append(request)
            return self._seen

    def answered(self, method: str, path: str, outcome: int | str) -> None:
        """Count an answer by its status, or by the fault that stood in for one."""
        pattern = _NUMBER_SEGMENT.sub("{id}", path)
        with self._lock:
            self._answered[f"{method} {pattern}", outcome] += 1

    def finished(self) -> None:
        """Count a request as no longer in flight."""
        with self._lock:
            # clear() may have come between its arrival and its end.
            self._in_flight = max(0, self._in_flight - 1)

    def requests(self) -> list[RecordedRequest]:
        with self._lock:
            return list(self._requests)

    def connections(self) -> ConnectionCounts:
        with self._lock:
            return ConnectionCounts(self._open, self._max_open, self._connections)

    def clear(self) -> None:
        """Forget the requests and start counting anew."""
        with self._lock:
            self._requests.clear()
            self._reset()

    def state(self) -> dict[str, Any]:
        """Return all counters as a JSON value."""
        with self._lock:
            by_path: dict[str, dict[str, int]] = {}
            for (pattern, outcome), count in sorted(self._answered.items(), key=str):
                by_path.setdefault(pattern, {})[str(outcome)] = count
            return {
                "requests": {
                    "total": self._seen, "in_flight": self._in_flight, "max_in_flight": self._max_in_flight,
                    "max_per_second": self._max_per_second, "by_path": by_path,
                },
                "connections": {"open": self._open, "max_open": self._max_open, "total": self._connections},
            }  # fmt: skip


class RateLimit:
    """Counts the requests of each client address in the last second."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._passed: dict[str, deque[float]] = {}

    def admits(self, client: str, now: float) -> bool:
        """Tell whether a request may pass; one that may not does not count."""
        window = self._passed.setdefault(client, deque())
        while window and window[0] <= now - 1.0:
            window.popleft()
        if len(window) >= self.limit:
            return False
        window.append(now)
        return True
