"""One request of a client: to the pool, or to a transport of the user's, within the limits of both."""

from __future__ import annotations

import asyncio
import contextvars
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from types import FunctionType
from typing import TYPE_CHECKING, Any, Final, cast

from tmdbfusion_scrapy.base_urls import is_loopback_url
from tmdbfusion_scrapy.exceptions import ConfigurationError
from tmdbfusion_scrapy.http import httpx
from tmdbfusion_scrapy.transport import FailoverTransport, PooledTransport
from tmdbfusion_scrapy.transport.answer import RawHeaders
from tmdbfusion_scrapy.transport.outgoing import NO_BODY, Outgoing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tmdbfusion_scrapy.api import Call
    from tmdbfusion_scrapy.client.options import ClientOptions
    from tmdbfusion_scrapy.rate_limit import RateLimiter

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
    """Sends requests within the limits, the rate and the total time of a client.

    Its own pool keeps them itself; for a transport of the user's they are kept here.
    """

    def __init__(
        self,
        options: ClientOptions,
        limiter: RateLimiter,
        given: httpx.BaseTransport | httpx.AsyncBaseTransport | None,
        *,
        is_blocking: bool,
    ) -> None:
        most = options.limits.max_connections
        transport = cast("httpx.AsyncBaseTransport", given)
        if given is None:
            transport = PooledTransport(
                limits=options.limits,
                verify=options.verify,
                proxy=options.proxy,
                ip_family=options.ip_family,
                limiter=limiter,
            )
        elif is_blocking:
            transport = ThreadedTransport(cast("httpx.BaseTransport", given), most or _MOST_THREADS)
        several = len(options.base_urls) > 1
        self.transport = FailoverTransport(transport, options.base_urls) if several else transport
        self._exchange = options.exchange
        # Requests that differ in nothing but their targets are not built one by one as objects of httpx. A pool
        # of the user's gets them as any transport: it may override the method, and does not know our rate limit.
        self._pool: PooledTransport | None = None
        if given is None and isinstance(self.transport, PooledTransport):
            self._pool = self.transport
            self._head = self._pool.head(self._exchange.url, self._exchange.headers)
        self._is_pooled = given is None
        self._limiter = limiter
        self._room = None if most is None else asyncio.Semaphore(most)
        self._pool_timeout = options.exchange.timeout.pool
        self._total_timeout = options.exchange.total_timeout
        self._max_size = options.exchange.max_response_size

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
            body = await answer.read_all(self._max_size)
            return Answered(answer.status, answer.headers, body, answer.sent_at or 0.0)
        if self._is_pooled:
            response = await self.transport.handle_async_request(request)
            return await _read(response, response.extensions["sent_at"], self._max_size)
        if self._room is None:
            return await self._fetch(request)
        await self._wait(self._room)
        try:
            return await self._fetch(request)
        finally:
            self._room.release()

    async def _fetch(self, request: httpx.Request) -> Answered:
        sent_at = await self._limiter.acquire()
        exchange = asyncio.ensure_future(self._send_given(request, sent_at))
        try:
            # Not wait_for: up to Python 3.11 it may swallow a cancellation.
            await asyncio.wait({exchange}, timeout=self._total_timeout)
        except BaseException:
            exchange.cancel()
            raise
        if not exchange.done():
            exchange.cancel()
            raise httpx.ReadTimeout("The exchange took longer than its total time")
        return exchange.result()

    async def _send_given(self, request: httpx.Request, sent_at: float) -> Answered:
        return await _read(await self.transport.handle_async_request(request), sent_at, self._max_size)

    async def _wait(self, room: asyncio.Semaphore) -> None:
        """Wait in line; as long as the rate limiter is what all wait for, the time does not count."""
        if not room.locked():
            await room.acquire()
            return
        coming = asyncio.ensure_future(room.acquire())
        try:
            is_slow = True
            while is_slow and not coming.done():
                waits = self._limiter.member.waits
                await asyncio.wait({coming}, timeout=self._pool_timeout)
                is_slow = self._limiter.is_waited_for or self._limiter.member.waits > waits
        except BaseException:
            if not coming.cancel():
                room.release()
            raise
        if not coming.done():
            coming.cancel()
            raise httpx.PoolTimeout(f"No connection became free in {self._pool_timeout:g} s")


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


async def _read(response: httpx.Response, sent_at: float, max_size: int | None) -> Answered:
    """Read a response, as far as its size is allowed."""
    stream = cast("httpx.AsyncByteStream", response.stream)
    pieces: list[bytes] = []
    size = 0
    try:
        async for piece in stream:
            pieces.append(piece)
            size += len(piece)
            if max_size is not None and size > max_size:
                break
    finally:
        await stream.aclose()
    headers = RawHeaders(response.headers.raw)
    return Answered(response.status_code, headers, b"".join(pieces), sent_at, response.extensions)


def check_unmocked(base_urls: Sequence[str], transport: type[object]) -> None:
    """Refuse a call that a tool is to answer which does not see it: it would go to TMDB, with the token.

    A server on this machine, such as the sandbox, may be called beside such a tool.
    """
    loaded = [module for module in _TOOLS if module in sys.modules]
    if not loaded or all(is_loopback_url(url) for url in base_urls):
        return
    tool = _tool_at_work()
    if tool is not None:
        raise ConfigurationError(
            f"{tool} is at work and does not see this client, whose call would go to TMDB, with your token: give "
            f"the client transport=httpx.{transport.__name__}(), which {tool} sees, or "
            f"transport=httpx.MockTransport(...)"
        )


def _tool_at_work() -> str | None:
    """The name of a tool that has taken one of httpx's methods."""
    owners = [
        getattr(sys.modules[library], name)
        for library, names in _TAKEN.items()
        if library in sys.modules
        for name in names
    ]
    for owner in owners:
        for member in vars(owner).values():
            if isinstance(member, FunctionType):
                # Not __module__: functools.wraps copies that of the method that was taken.
                module = str(member.__globals__.get("__name__", "")).partition(".")[0]
                if module in _TOOLS:
                    return _TOOLS[module]
    return None
