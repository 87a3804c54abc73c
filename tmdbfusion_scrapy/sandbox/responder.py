"""The answer to a request with its limits and faults, and the counts of all that was seen."""

from __future__ import annotations

import asyncio
import re
from collections import Counter, deque
from dataclasses import dataclass, replace
from threading import Lock
from typing import TYPE_CHECKING, Any

from tmdbfusion_scrapy.sandbox.faults import IMAGE_FAULTS, FailureQueue, RandomFaults
from tmdbfusion_scrapy.sandbox.files import download, missing, picture
from tmdbfusion_scrapy.sandbox.http import RESET, PreparedReply, Response, status_reply

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from tmdbfusion_scrapy.sandbox.faults import Failure
    from tmdbfusion_scrapy.sandbox.http import Answer, RecordedRequest
    from tmdbfusion_scrapy.sandbox.options import SandboxOptions
    from tmdbfusion_scrapy.sandbox.service import Service


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


EXPORTS_PATH = "/p/exports"
IMAGES_PATH = "/t/p"


class Responder:
    """Answers the requests of a running sandbox.

    ``stopping`` ends waits of requests that are never answered, ``worker`` does what takes long; the server sets
    both when it starts. ``rate_limit`` may change at any time.
    """

    def __init__(self, options: SandboxOptions, service: Service, traffic: Traffic) -> None:
        self._options = options
        self._service = service
        self._traffic = traffic
        self.exports = service.exports()
        self.failures = FailureQueue()
        self._random_faults = RandomFaults(options.faults, options.seed)
        self.rate_limit = None if options.rate_limit is None else RateLimit(options.rate_limit)
        self.stopping = asyncio.Event()
        self.worker: Executor | None = None

    def respond(self, request: RecordedRequest, number: int) -> Answer:
        """Choose between the good answer and all others."""
        of_api = not request.path.startswith((f"{EXPORTS_PATH}/", f"{IMAGES_PATH}/"))
        # Exports and images are on other hosts at TMDB, without token and rate limit.
        limit = self.rate_limit if of_api else None
        if limit is not None and not limit.admits(request.remote, request.received_at):
            return self._answered(request, self._over_limit(limit.limit))
        path = request.path.removeprefix("/3/").strip("/")
        failing = self.failures.take(path) or self._random_faults.choose(number)
        if failing is not None and failing.is_status:
            reply = failing.status_response(self._options.retry_after or 1)
            return self._answered(request, PreparedReply(reply))
        if failing is not None and failing.fault in {"timeout", "reset"}:
            self._traffic.answered(request.method, request.path, failing.fault)
            return RESET if failing.fault == "reset" else self._silence
        if not of_api:
            return self._download(request, failing)
        if not self._is_authorised(request):
            return self._finished(request, PreparedReply(status_reply(7)), failing)
        if not request.path.startswith("/3/"):
            return self._finished(request, PreparedReply(status_reply(34)), failing)
        key = self._service.key(request.method, path, request.query)
        ready = self._service.ready(key)
        if ready is None and self._service.is_slow(path):

            async def later() -> Response:
                loop = asyncio.get_running_loop()
                asked = (request.method, path, request.query)
                reply = await loop.run_in_executor(self.worker, self._service.answer, *asked)
                return self._finished(request, self._service.keep(key, reply), failing)

            return later
        if ready is None:
            ready = self._service.keep(key, self._service.answer(request.method, path, request.query))
        return self._finished(request, ready, failing)

    async def _silence(self) -> Response:
        """Wait until the client leaves or the sandbox stops."""
        await self.stopping.wait()
        return RESET

    def _finished(self, request: RecordedRequest, good: PreparedReply, failing: Failure | None) -> Response:
        if failing is None:
            return self._answered(request, good)
        self._traffic.answered(request.method, request.path, failing.fault)
        return failing.spoiled(good, self._options.large_body_bytes)

    def _answered(self, request: RecordedRequest, prepared: PreparedReply) -> Response:
        """Return an unspoiled answer, counted before the client can see it."""
        response = prepared.response(request, conditional=self._options.etag == "304")
        self._traffic.answered(request.method, request.path, response.status)
        return response

    def _download(self, request: RecordedRequest, failing: Failure | None) -> Answer:
        fault = None if failing is None else failing.fault
        readable = request.method in {"GET", "HEAD"}

        def counted(response: Response) -> Response:
            self._traffic.answered(request.method, request.path, response.status)
            return response

        if request.path.startswith(f"{IMAGES_PATH}/"):
            found = picture(request.path.removeprefix(f"{IMAGES_PATH}/")) if readable else None
            if found is None:
                return counted(Response(404))
            image = Response(200, [("Content-Type", found[0])], found[1])
            if failing is not None and fault in IMAGE_FAULTS:
                image = failing.spoiled(PreparedReply(image), self._options.large_body_bytes)
            return counted(image)
        named = self.exports.named(request.path.removeprefix(f"{EXPORTS_PATH}/")) if readable else None
        if named is None:
            return counted(missing(self._options.exports_missing))

        async def later() -> Response:
            file = await asyncio.get_running_loop().run_in_executor(self.worker, self.exports.file, *named)
            return counted(download(file, request, fault))

        return later

    def _is_authorised(self, request: RecordedRequest) -> bool:
        """Tell whether the request carries a bearer token or an api_key that is accepted."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        credential = token.strip() if scheme.lower() == "bearer" else ""
        credential = credential or request.query.get("api_key", "")
        if not credential or credential == "invalid":
            return False
        return self._options.token is None or credential == self._options.token

    def _over_limit(self, limit: int) -> PreparedReply:
        """Return the 429 of a client that is too fast; bare, because TMDB announces no Retry-After."""
        reply = status_reply(
            25, message=f"Your request count ({limit + 1}) is over the allowed limit of {limit}."
        )
        if self._options.retry_after is not None:
            reply = replace(reply, headers=(*reply.headers, ("Retry-After", str(self._options.retry_after))))
        return PreparedReply(reply)
