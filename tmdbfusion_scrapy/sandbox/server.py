"""The sandbox as an asyncio server."""

from __future__ import annotations

import asyncio
import socket
from concurrent.futures import ThreadPoolExecutor
from time import monotonic
from typing import TYPE_CHECKING, Any

import msgspec
from aiohttp import web

from tmdbfusion_scrapy.sandbox.calendar import Clock
from tmdbfusion_scrapy.sandbox.exports import EXPORTS_PATH
from tmdbfusion_scrapy.sandbox.faults import failure
from tmdbfusion_scrapy.sandbox.options import SandboxOptions
from tmdbfusion_scrapy.sandbox.pictures import IMAGES_PATH
from tmdbfusion_scrapy.sandbox.responder import Responder
from tmdbfusion_scrapy.sandbox.service import Service
from tmdbfusion_scrapy.sandbox.statuses import JSON_HEADERS
from tmdbfusion_scrapy.sandbox.traffic import ConnectionCounts, RateLimit, RecordedRequest, Traffic

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from aiohttp.web_protocol import RequestHandler
    from typing_extensions import Self

CONTROL_PATH = "/_sandbox/"
_KEEP_ALIVE_SECONDS = 75.0
_STOP_SECONDS = 1.0
_BACKLOG = 1024


class _CountingServer(web.Server):
    """An aiohttp server that counts and numbers its connections."""

    def __init__(self, handler: Any, traffic: Traffic, numbers: dict[RequestHandler, int]) -> None:
        # handler_cancellation: a fault that hangs must end when its client leaves.
        super().__init__(
            handler, handler_cancellation=True, access_log=None, keepalive_timeout=_KEEP_ALIVE_SECONDS
        )
        self._traffic = traffic
        self._numbers = numbers

    def connection_made(self, handler: RequestHandler, transport: asyncio.Transport) -> None:
        super().connection_made(handler, transport)
        self._numbers[handler] = self._traffic.connected()

    def connection_lost(self, handler: RequestHandler, exc: BaseException | None = None) -> None:
        super().connection_lost(handler, exc)
        if self._numbers.pop(handler, None) is not None:
            self._traffic.disconnected()


class Sandbox:
    """A TMDB-compatible server in the running event loop.

    ``async with Sandbox() as sandbox:`` starts and stops it. ``requests``, ``connections``, ``advance``,
    ``fail_next``, ``set_rate_limit`` and ``clear`` may be used from any thread.

    Args:
        options: What to serve; None is the defaults of ``SandboxOptions``.

    Raises:
        ValueError: A replay file or folder cannot be used.
    """

    def __init__(self, options: SandboxOptions | None = None) -> None:
        self.options = options or SandboxOptions()
        self._clock = Clock(self.options.today)
        self._service = Service(self.options, self._clock)
        self._traffic = Traffic(self.options.keep_requests)
        self._responder = Responder(self.options, self._service, self._traffic)
        self._runner: web.ServerRunner | None = None
        self._connection_numbers: dict[RequestHandler, int] = {}
        self._worker: ThreadPoolExecutor | None = None
        self._base_url = ""

    @property
    def base_url(self) -> str:
        """The address to use instead of ``https://api.themoviedb.org/3``. Empty before ``start()``."""
        return self._base_url

    @property
    def exports_url(self) -> str:
        """The address to use instead of ``https://files.tmdb.org/p/exports``. Empty before ``start()``."""
        return self._base_url and self._base_url.removesuffix("/3") + EXPORTS_PATH

    @property
    def images_url(self) -> str:
        """The address to use instead of ``https://image.tmdb.org/t/p``. Empty before ``start()``."""
        return self._base_url and self._base_url.removesuffix("/3") + IMAGES_PATH

    @property
    def today(self) -> date:
        """The day that is served, in UTC."""
        return self._clock.today()

    def advance(self, *, days: float = 0, hours: float = 0) -> None:
        """Move the sandbox's clock forward: records change, appear and vanish, and new exports are published.

        Raises:
            ValueError: The step is negative.
        """
        self._clock.advance(days=days, hours=hours)

    @property
    def requests(self) -> list[RecordedRequest]:
        """The newest requests, oldest first, at most ``keep_requests`` of them."""
        return self._traffic.requests()

    @property
    def connections(self) -> ConnectionCounts:
        """The connections that clients opened."""
        return self._traffic.connections()

    @property
    def movie_ids(self) -> list[int]:
        """The ids of all movies that exist today, ascending. Empty when only recorded exchanges are replayed."""
        return self._service.ids("movie")

    @property
    def series_ids(self) -> list[int]:
        """The ids of all series that exist today, ascending. Empty for a replay."""
        return self._service.ids("tv")

    @property
    def person_ids(self) -> list[int]:
        """The ids of all people who exist today, ascending. Empty for a replay."""
        return self._service.ids("person")

    def state(self) -> dict[str, Any]:
        """What ``GET /_sandbox/state`` answers: the time, counts of requests and connections, the highest rate."""
        return {"now": self._clock.now().isoformat(timespec="seconds"), **self._traffic.state()}

    def fail_next(
        self,
        fault: str | int,
        *,
        times: int = 1,
        path: str | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes | str | dict[str, Any] | list[Any] | None = None,
    ) -> None:
        """Let the next requests fail.

        Args:
            fault: A fault name of ``docs/sandbox.md``, or an HTTP status from 200 to 599.
            times: How many requests.
            path: Only requests of this path below ``/3/``; ``*`` stands for anything (``movie/*``).
            headers: Headers to add to the answer, for a status only.
            body: Body instead of TMDB's, for a status only. A dict or list is sent as JSON.

        Raises:
            ValueError: The fault is unknown, or headers or a body were given for one that is no status.
        """
        self._responder.failures.add(failure(fault, path=path, headers=headers, body=body), times)

    def set_rate_limit(self, limit: int | None) -> None:
        """Change the option ``rate_limit`` while it runs, as TMDB may; what was let through counts.

        Raises:
            ValueError: The limit is below 1.
        """
        if limit is not None and limit < 1:
            raise ValueError(f"rate_limit must be at least 1, not {limit!r}")
        current = self._responder.rate_limit
        if limit is None or current is None:
            self._responder.rate_limit = None if limit is None else RateLimit(limit)
        else:
            current.limit = limit

    def clear(self) -> None:
        """Forget requests, counts and failures that wait. The numbers of random faults start anew."""
        self._responder.failures.clear()
        self._traffic.clear()

    async def start(self) -> None:
        """Listen.

        Raises:
            OSError: The address cannot be listened on.
            RuntimeError: The sandbox runs already.
        """
        if self._runner is not None:
            raise RuntimeError("this sandbox runs already; stop() it first or make another one")
        host = "127.0.0.1" if self.options.host == "localhost" else self.options.host
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.create_server((host, self.options.port), family=family, backlog=_BACKLOG)
        try:
            self._responder.stopping = asyncio.Event()
            self._responder.worker = self._worker = ThreadPoolExecutor(1, "tmdb-sandbox-worker")
            server = _CountingServer(self._handle, self._traffic, self._connection_numbers)
            self._runner = web.ServerRunner(server, shutdown_timeout=_STOP_SECONDS)
            await self._runner.setup()
            await web.SockSite(self._runner, listener, backlog=_BACKLOG).start()
        except BaseException:
            listener.close()
            await self.stop()
            raise
        shown = f"[{host}]" if ":" in host else host
        self._base_url = f"http://{shown}:{listener.getsockname()[1]}/3"

    async def stop(self) -> None:
        """Close all connections and stop listening. May be called again."""
        self._responder.stopping.set()
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()
            # Transports call connection_lost in the next turns of the loop.
            while self._connection_numbers:  # noqa: ASYNC110 - some turns, not a time
                await asyncio.sleep(0)
        if self._worker is not None:
            self._worker.shutdown(wait=False, cancel_futures=True)
            self._responder.worker = self._worker = None
        self._responder.exports.close()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.stop()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request and count it."""
        if request.path.startswith(CONTROL_PATH):
            return self._controlled(request)
        now = monotonic()
        number = self._traffic.arrived(now)
        try:
            query = dict(request.query)
            if self.options.keep_requests:
                self._traffic.record(await self._recorded(request, query, number, now))
            if self.options.latency:
                await asyncio.sleep(self.options.latency)
            return await self._responder.respond(request, query, number)
        finally:
            self._traffic.finished()

    def _controlled(self, request: web.BaseRequest) -> web.Response:
        """``GET state`` and ``POST advance?days=1&hours=2``, for whoever runs the sandbox as a process."""
        name = request.path.removeprefix(CONTROL_PATH)
        if name == "advance" and request.method == "POST":
            try:
                self.advance(**{unit: float(request.query.get(unit, "0")) for unit in ("days", "hours")})
            except (ValueError, OverflowError) as error:
                return web.Response(status=400, text=str(error))
        elif name != "state":
            return web.Response(status=404)
        return web.Response(body=msgspec.json.encode(self.state()), headers=dict(JSON_HEADERS))

    async def _recorded(
        self, request: web.BaseRequest, query: dict[str, str], number: int, now: float
    ) -> RecordedRequest:
        """The request as tests want to see it."""
        return RecordedRequest(
            number=number,
            connection=self._connection_numbers.get(request.protocol, 0),
            received_at=now,
            method=request.method,
            path=request.path,
            query=query,
            headers={name.lower(): value for name, value in request.headers.items()},
            body=await request.read() if request.can_read_body else b"",
        )
