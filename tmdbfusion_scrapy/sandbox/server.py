"""The sandbox as an asyncio server."""

from __future__ import annotations

import asyncio
import socket
from concurrent.futures import ThreadPoolExecutor
from time import monotonic
from typing import TYPE_CHECKING, Any

import msgspec
from aiohttp import web

from tmdbfusion_scrapy.sandbox.answers import (
    SeveredResponse,
    good_response,
    is_status_fault,
    reset,
    spoiled_response,
    status_fault_reply,
)
from tmdbfusion_scrapy.sandbox.faults import Failure, FailureQueue, RandomFaults, failure
from tmdbfusion_scrapy.sandbox.options import SandboxOptions
from tmdbfusion_scrapy.sandbox.service import PreparedReply, Service
from tmdbfusion_scrapy.sandbox.statuses import JSON_HEADERS, Reply, status_reply
from tmdbfusion_scrapy.sandbox.traffic import ConnectionCounts, RateLimit, RecordedRequest, Traffic

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiohttp.web_protocol import RequestHandler
    from typing_extensions import Self

STATE_PATH = "/_sandbox/state"
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

    ``async with Sandbox() as sandbox:`` starts and stops it. ``requests``, ``connections``, ``fail_next``,
    ``set_rate_limit`` and ``clear`` may be used from any thread.

    Args:
        options: What to serve; None is the defaults of ``SandboxOptions``.

    Raises:
        ValueError: A replay file or folder cannot be used.
    """

    def __init__(self, options: SandboxOptions | None = None) -> None:
        self.options = options or SandboxOptions()
        self._service = Service(self.options)
        self._traffic = Traffic(self.options.keep_requests)
        self._failures = FailureQueue()
        self._random_faults = RandomFaults(self.options.faults, self.options.seed)
        limit = self.options.rate_limit
        self._rate_limit = None if limit is None else RateLimit(limit)
        self._runner: web.ServerRunner | None = None
        self._connection_numbers: dict[RequestHandler, int] = {}
        self._searcher: ThreadPoolExecutor | None = None
        self._stopping = asyncio.Event()
        self._base_url = ""

    @property
    def base_url(self) -> str:
        """The address to use instead of ``https://api.themoviedb.org/3``. Empty before ``start()``."""
        return self._base_url

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
        """The ids of all movies that exist, ascending. Empty when only recorded exchanges are replayed."""
        return self._service.movie_ids()

    def state(self) -> dict[str, Any]:
        """What ``GET /_sandbox/state`` answers: counts of requests and connections, and the highest rate."""
        return self._traffic.state()

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
        self._failures.add(failure(fault, path=path, headers=headers, body=body), times)

    def set_rate_limit(self, limit: int | None) -> None:
        """Change the option ``rate_limit`` while it runs, as TMDB may; what was let through counts.

        Raises:
            ValueError: The limit is below 1.
        """
        if limit is not None and limit < 1:
            raise ValueError(f"rate_limit must be at least 1, not {limit!r}")
        if limit is None or self._rate_limit is None:
            self._rate_limit = None if limit is None else RateLimit(limit)
        else:
            self._rate_limit.limit = limit

    def clear(self) -> None:
        """Forget requests, counts and failures that wait. The numbers of random faults start anew."""
        self._failures.clear()
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
            self._stopping = asyncio.Event()
            self._searcher = ThreadPoolExecutor(1, thread_name_prefix="tmdb-sandbox-index")
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
        self._stopping.set()
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()
            # Transports call connection_lost in the next turns of the loop.
            while self._connection_numbers:  # noqa: ASYNC110 - some turns, not a time
                await asyncio.sleep(0)
        if self._searcher is not None:
            self._searcher.shutdown(wait=False, cancel_futures=True)
            self._searcher = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.stop()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request and count it."""
        if request.path == STATE_PATH:
            body = msgspec.json.encode(self._traffic.state())
            return web.Response(body=body, headers=dict(JSON_HEADERS))
        now = monotonic()
        number = self._traffic.arrived(now)
        try:
            query = dict(request.query)
            if self.options.keep_requests:
                self._traffic.record(await self._recorded(request, query, number, now))
            if self.options.latency:
                await asyncio.sleep(self.options.latency)
            return await self._respond(request, query, number)
        finally:
            self._traffic.finished()

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

    async def _respond(
        self, request: web.BaseRequest, query: dict[str, str], number: int
    ) -> web.StreamResponse:
        """Choose between the good answer and all others."""
        if self._rate_limit is not None and not self._rate_limit.admits(request.remote or "", monotonic()):
            return self._answered(request, PreparedReply(self._over_limit(self._rate_limit.limit)))
        path = request.path.removeprefix("/3/").strip("/")
        failing = self._failures.take(path) or self._random_faults.choose(number)
        if failing is not None:
            if is_status_fault(failing):
                reply = status_fault_reply(failing, self.options.retry_after or 1)
                return self._answered(request, PreparedReply(reply))
            self._traffic.answered(request.method, request.path, failing.fault)
            if failing.fault in {"timeout", "reset"}:
                return await self._unanswered(failing)
        if not self._is_authorised(request.headers.get("Authorization", ""), query):
            prepared = PreparedReply(status_reply(7))
        elif not request.path.startswith("/3/"):
            prepared = PreparedReply(status_reply(34))
        else:
            prepared = await self._prepared(request.method, path, query)
        if failing is not None:
            return await spoiled_response(failing, prepared, request, self.options.large_body_bytes)
        return self._answered(request, prepared)

    def _answered(self, request: web.BaseRequest, prepared: PreparedReply) -> web.Response:
        """An unspoiled answer, counted before the client can see it."""
        response = good_response(prepared, request)
        self._traffic.answered(request.method, request.path, response.status)
        return response

    async def _unanswered(self, failing: Failure) -> web.StreamResponse:
        """No answer: a reset now, or silence until the client leaves or the sandbox stops."""
        if failing.fault == "timeout":
            await self._stopping.wait()
        return SeveredResponse(reset)

    async def _prepared(self, method: str, path: str, query: dict[str, str]) -> PreparedReply:
        """The good answer, from memory if it was asked for before."""
        key = self._service.key(method, path, query)
        ready = self._service.ready(key)
        if ready is not None:
            return ready
        if self._service.is_slow(path) and self._searcher is not None:
            loop = asyncio.get_running_loop()
            reply = await loop.run_in_executor(self._searcher, self._service.answer, method, path, query)
        else:
            reply = self._service.answer(method, path, query)
        return self._service.keep(key, reply)

    def _is_authorised(self, authorization: str, query: Mapping[str, str]) -> bool:
        """Whether the request carries a bearer token or an api_key that is accepted."""
        scheme, _, token = authorization.partition(" ")
        credential = token.strip() if scheme.lower() == "bearer" else ""
        credential = credential or query.get("api_key", "")
        if not credential or credential == "invalid":
            return False
        return self.options.token is None or credential == self.options.token

    def _over_limit(self, limit: int) -> Reply:
        """The 429 of a client that is too fast; bare, because TMDB announces no Retry-After."""
        message = f"Your request count ({limit + 1}) is over the allowed limit of {limit}."
        reply = status_reply(25, message=message)
        if self.options.retry_after is None:
            return reply
        return Reply(
            reply.status, (*reply.headers, ("Retry-After", str(self.options.retry_after))), reply.body
        )
