"""One request of a client: to the pool, or to a transport of the user's, within the limits of both."""

from __future__ import annotations

import asyncio
import contextvars
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from types import FunctionType
from typing import TYPE_CHECKING, Any, Final, cast

from tmdbfusion_scrapy.base_urls import is_loopback_url
from tmdbfusion_scrapy.exceptions import ConfigurationError
from tmdbfusion_scrapy.forking import leave_to_parent, renew_in_children
from tmdbfusion_scrapy.http import httpx
from tmdbfusion_scrapy.rate_limit import RateLimiter
from tmdbfusion_scrapy.transport import FailoverTransport, PooledTransport
from tmdbfusion_scrapy.transport.answer import RawHeaders
from tmdbfusion_scrapy.transport.outgoing import NO_BODY, Outgoing
from tmdbfusion_scrapy.transport.pool import is_free_in_time

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tmdbfusion_scrapy.api import Call
    from tmdbfusion_scrapy.client.options import ClientOptions

_TOOLS: Final = {"respx": "respx", "pytest_httpx": "pytest-httpx", "vcr": "vcrpy", "pook": "pook"}
"""Their names by those of their modules."""

_TAKEN: Final = {
    "httpx": ("Client", "AsyncClient", "HTTPTransport", "AsyncHTTPTransport"),
    "httpcore": ("ConnectionPool", "AsyncConnectionPool"),
}
"""Classes of which a tool takes a method while it is at work."""

_MOST_THREADS = 100
"""Threads for a blocking transport of the user's where the client has no limit of connections."""


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer that was read to its end; of a body that is too large only the beginning.

    Attributes:
        body: The body as it was sent.
        sent_at: When the rate limiter let the request go, of ``time.monotonic()``.
        extensions: Those of the ``httpx.Response``; ``None`` for an answer that no event hook sees.
    """

    status: int
    headers: RawHeaders
    body: bytes = field(repr=False)
    sent_at: float
    extensions: Mapping[str, Any] | None = field(default=None, repr=False)


class Sender:
    """Sends requests within the limits, the rate and the total time of a client; begins anew in a child process.

    Its own pool keeps them itself; for a transport of the user's they are kept here.

    Attributes:
        limiter: The rate limiter.
        transport: What carries the requests.
        loop: The event loop that an asyncio client belongs to from its first call.
        is_closed: True if the client was closed; not for one that was forgotten.
    """

    def __init__(
        self,
        options: ClientOptions,
        given: httpx.BaseTransport | httpx.AsyncBaseTransport | None,
        *,
        is_blocking: bool,
    ) -> None:
        self._options = options
        self._exchange = options.exchange
        self._given = given
        self._is_blocking = is_blocking
        self.is_closed = False
        self._begin()
        renew_in_children(self)

    def begin_anew(self) -> None:
        """Begin with nothing sent and nothing open, in a child process."""
        if not self.is_closed:
            leave_to_parent(self.transport)
            # Threads of the parent, of which nothing goes on here, refer to it still.
            self.limiter.leave()
            self._begin()

    def _begin(self) -> None:
        options, given = self._options, self._given
        self.loop: asyncio.AbstractEventLoop | None = None
        state = RateLimiter.state_of(self._exchange.base_url, "api", options.shared_limit)
        self.limiter = RateLimiter(options.rate_limit, state)
        most = options.limits.max_connections
        self._room = asyncio.Semaphore(most or sys.maxsize)
        # Requests that differ in nothing but their targets are not built one by one as objects of httpx. A pool
        # of the user's gets them as any transport: it may override the method, and does not know our rate limit.
        self._pool: PooledTransport | None = None
        self.transport = cast("httpx.AsyncBaseTransport", given)
        if given is None:
            self.transport = pool = PooledTransport(
                limits=options.limits,
                verify=options.verify,
                proxy=options.proxy,
                ip_family=options.ip_family,
                limiter=self.limiter,
            )
            if len(options.base_urls) == 1:
                self._pool = pool
                self._head = pool.head(self._exchange.url, self._exchange.headers)
        elif self._is_blocking:
            self.transport = ThreadedTransport(cast("httpx.BaseTransport", given), most or _MOST_THREADS)
        if len(options.base_urls) > 1:
            self.transport = FailoverTransport(self.transport, options.base_urls)

    async def aclose(self) -> None:
        """Close all connections, and let those who wait give up."""
        self.limiter.close()
        await self.transport.aclose()

    def prepare(self, call: Call[Any], shown: httpx.Request | None) -> httpx.Request | Outgoing:
        """Return the request for a call, for `fetch`; ``shown`` is what event hooks have seen of it."""
        if self._pool is None or shown is not None or call.body is not None or call.method not in NO_BODY:
            return self._exchange.request(call, shown)
        return self._head.without_body(call.method, self._exchange.target(call))

    async def fetch(self, request: httpx.Request | Outgoing) -> Answered:
        """Send a request and return its answer."""
        if isinstance(request, Outgoing):
            assert self._pool is not None  # noqa: S101 - it was prepared for it
            answer = await self._pool.send(request, self._exchange.timeouts)
            body = await answer.read_all(self._exchange.max_response_size)
            return Answered(answer.status, answer.headers, body, answer.sent_at or 0.0)
        if self._given is None:
            return await self._exchange_over(request)
        await self._wait_in_line()
        try:
            exchange = asyncio.ensure_future(self._exchange_over(request, await self.limiter.acquire()))
            try:
                # Not wait_for: up to Python 3.11 it may swallow a cancellation.
                await asyncio.wait({exchange}, timeout=self._exchange.total_timeout)
                if not exchange.done():
                    raise httpx.ReadTimeout("The exchange took longer than its total time")
            finally:
                exchange.cancel()
            return exchange.result()
        finally:
            self._room.release()

    async def _wait_in_line(self) -> None:
        """Wait for what stands for a connection of the user's transport."""
        if not self._room.locked():
            await self._room.acquire()
            return
        coming = asyncio.ensure_future(self._room.acquire())
        timeout = self._exchange.timeout.pool
        try:
            is_free = await is_free_in_time(coming, timeout, self.limiter)
        except BaseException:
            if not coming.cancel():
                self._room.release()
            raise
        if not is_free:
            coming.cancel()
            raise httpx.PoolTimeout(f"No connection became free in {timeout:g} s")

    async def _exchange_over(self, request: httpx.Request, sent_at: float | None = None) -> Answered:
        """Send a request through the transport and read its answer, as far as its size is allowed."""
        response = await self.transport.handle_async_request(request)
        stream = cast("httpx.AsyncByteStream", response.stream)
        pieces: list[bytes] = []
        size, most = 0, self._exchange.max_response_size
        try:
            async for piece in stream:
                pieces.append(piece)
                size += len(piece)
                if most is not None and size > most:
                    break
        finally:
            await stream.aclose()
        headers, extensions = RawHeaders(response.headers.raw), response.extensions
        sent = extensions["sent_at"] if sent_at is None else sent_at
        return Answered(response.status_code, headers, b"".join(pieces), sent, extensions)


class ThreadedTransport(httpx.AsyncBaseTransport):
    """A blocking transport for coroutines: each request has a thread while it is under way."""

    def __init__(self, transport: httpx.BaseTransport, most: int) -> None:
        self._transport = transport
        self._threads = ThreadPoolExecutor(most, thread_name_prefix="tmdb-client")

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request in a thread and return its response, of which the body is there."""
        send = partial(contextvars.copy_context().run, self._send, request)
        return await asyncio.get_running_loop().run_in_executor(self._threads, send)

    async def aclose(self) -> None:
        """Close the transport."""
        self._transport.close()
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _send(self, request: httpx.Request) -> httpx.Response:
        response = self._transport.handle_request(request)
        try:
            pieces = list(cast("httpx.SyncByteStream", response.stream))
        finally:
            response.close()
        response.stream = httpx.ByteStream(b"".join(pieces))
        return response


def check_unmocked(base_urls: Sequence[str], transport: type[object]) -> None:
    """Refuse a call that a tool is to answer which does not see it: it would go to TMDB, with the token.

    A server on this machine, such as the sandbox, may be called beside such a tool.
    """
    loaded = [module for module in _TOOLS if module in sys.modules]
    if not loaded or all(is_loopback_url(url) for url in base_urls):
        return
    owners = [
        getattr(sys.modules[library], name)
        for library, names in _TAKEN.items()
        if library in sys.modules
        for name in names
    ]
    for member in chain.from_iterable(vars(owner).values() for owner in owners):
        # Not __module__: functools.wraps copies that of the method that was taken.
        taken_by = str(member.__globals__.get("__name__", "")) if isinstance(member, FunctionType) else ""
        tool = _TOOLS.get(taken_by.partition(".")[0])
        if tool is not None:
            raise ConfigurationError(
                f"{tool} is at work and does not see this client, whose call would go to TMDB, with your token: "
                f"give the client transport=httpx.{transport.__name__}(), which {tool} sees, or "
                f"transport=httpx.MockTransport(...)"
            )
