"""The asynchronous transport: our pool under httpx's interface."""

from __future__ import annotations

import asyncio
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from tmdbfusion_scrapy.forking import leave_to_parent, renew_in_children
from tmdbfusion_scrapy.http import described, httpx, library_of
from tmdbfusion_scrapy.transport.answer import Stale
from tmdbfusion_scrapy.transport.dialing import Dialer
from tmdbfusion_scrapy.transport.errors import lost
from tmdbfusion_scrapy.transport.outgoing import Head, ProxyRoute, origin_of, prepare
from tmdbfusion_scrapy.transport.pool import DEFAULT_LIMITS, Pool, PoolStatistics, check_limits

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Mapping, Sequence
    from types import ModuleType

    from tmdbfusion_scrapy.base_urls import IPFamily
    from tmdbfusion_scrapy.rate_limit import RateLimiter
    from tmdbfusion_scrapy.transport.answer import Answer
    from tmdbfusion_scrapy.transport.outgoing import Outgoing

_NO_TIMEOUTS: Final[Mapping[str, float | None]] = {}


class PooledTransport(httpx.AsyncBaseTransport):
    """Transport for ``httpx.AsyncClient`` with a pool of which the limits hold at the server.

    The number of open sockets never passes ``max_connections``, whatever the number of hosts: an idle
    connection to another host is closed first, and a closed one counts until its socket is closed. Requests
    wait for a connection in the order they came, at most for the ``pool`` time-out.

    Nothing is added to a request: no cookies, no default headers, no redirects, no proxy from the environment. The
    response's stream gives the body's bytes as sent (httpx undoes the encoding); its extensions hold
    ``http_version``, ``reason_phrase`` and ``network_stream``, whose ``get_extra_info("server_addr" |
    "client_addr" | "ssl_object")`` answers after the body was read, too.

    A GET or HEAD that dies on a reused connection before a byte of a response is sent once more on a new one: the
    server had closed it meanwhile. Nothing else is ever sent twice.

    Request extensions: ``timeout`` with ``connect``, ``read``, ``write``, ``pool`` as in httpx, and
    ``total``, seconds from the call to the last byte of the body; ``proxy``, an ``httpx.Proxy`` or URL for
    this request, None for no proxy; ``sni_hostname``; ``target``, path and query in place of those of the URL.

    HTTP/1.1 only. It serves ``httpx2.AsyncClient`` as well. A transport belongs to the event loop of its first
    use; in a child process it begins anew, with connections of its own. After `aclose` all its sockets are closed.

    Args:
        limits: ``max_connections`` (default 100), ``max_keepalive_connections`` (20) and ``keepalive_expiry``
            (30 seconds); None in a field means no limit.
        verify: True for certifi's authorities, False for no check, or an ``ssl.SSLContext``.
        proxy: proxy for all requests, ``http://`` or ``https://``, credentials in the URL or in ``httpx.Proxy``.
        local_address: address of this machine to connect from.
        ip_family: ``ipv4`` or ``ipv6`` asks for a name's addresses of that kind only; with ``auto`` (default) an
            address that does not answer in a quarter of a second gets company by one of the other kind (RFC 8305).
        limiter: rate limiter, asked for a token when a request has its connection. The total time does not count
            the waits for both. When the token came is the response's extension ``sent_at``.

    Raises:
        ValueError: limits or proxy that cannot be.
    """

    def __init__(
        self,
        *,
        limits: httpx.Limits = DEFAULT_LIMITS,
        verify: ssl.SSLContext | bool = True,
        proxy: httpx.Proxy | str | None = None,
        local_address: str | None = None,
        ip_family: IPFamily = "auto",
        limiter: RateLimiter | None = None,
    ) -> None:
        check_limits(limits)
        self._limits = limits
        self._verify = verify
        self._proxy = ProxyRoute.from_httpx(proxy)
        self._addresses = local_address, ip_family
        self._limiter = limiter
        self._pool: Pool | None = None
        self._closed = False
        renew_in_children(self)

    def begin_anew(self) -> None:
        """Leave the connections to the parent, in a child process."""
        if self._pool is not None:
            self._pool.abandon()
            leave_to_parent(self._pool)
            self._pool = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request and return its response as soon as the head is there.

        Raises:
            httpx.TransportError: one of its subclasses, as httpx documents them.
            RuntimeError: the transport is closed, or was used in another event loop.
        """
        given: Any = request
        library: Any = httpx if isinstance(given, httpx.Request) else library_of(given)
        if library is None or not isinstance(given, library.Request):
            raise TypeError(
                f"a request must be an httpx.Request or an httpx2.Request, not {described(request)}"
            )
        try:
            answer = await self.send_request(request)
        except httpx.TransportError as error:
            if library is httpx:
                raise
            failure = _of_library(library, error)
        else:
            response: httpx.Response = library.Response(
                answer.status,
                headers=answer.headers,
                stream=_stream_of(library)(answer),
                extensions=answer.extensions,
            )
            return response
        # Not in the except clause, nor in a context manager: what was caught would be its context.
        raise failure from failure.__cause__

    def head(self, url: httpx.URL, fields: Sequence[tuple[bytes, bytes]]) -> Head:
        """Return the head of requests to the origin of a URL, for `send`."""
        return Head(origin_of(url, self._proxy), url.netloc, fields)

    async def send_request(self, request: httpx.Request) -> Answer:
        """Send a request of httpx, and return its answer as `send` does."""
        return await self.send(
            prepare(request, self._proxy), request.extensions.get("timeout") or _NO_TIMEOUTS
        )

    async def send(self, outgoing: Outgoing, timeouts: Mapping[str, float | None]) -> Answer:
        """Send what is prepared, and return its answer as soon as the head is there.

        Who calls it reads the answer to its end or abandons it. It spares the objects of httpx, which take as
        much time as all else.
        """
        pool = self._pool
        if pool is None or self._closed or pool.loop is not asyncio.get_running_loop():
            pool = self._running_pool()
        total = timeouts.get("total")
        total_at = None if total is None else pool.loop.time() + total
        limiter = self._limiter
        sent_at: float | None = None
        is_again = False
        while True:
            # Nothing was sent yet.
            is_repeatable = True
            start = pool.loop.time()
            connection = await pool.lend(
                outgoing.origin,
                timeouts.get("pool"),
                total_at if limiter is None else None,
                is_again=is_again,
            )
            if limiter is not None and total_at is not None:
                total_at += pool.loop.time() - start
            try:
                if not connection.was_connected:
                    await pool.open(connection, timeouts.get("connect"), total_at)
                if limiter is not None and sent_at is None:
                    start = pool.loop.time()
                    sent_at = await limiter.acquire()
                    if total_at is not None:
                        total_at += pool.loop.time() - start
                if not connection.is_open:
                    # The server closed it meanwhile, or just now.
                    raise Stale(lost(connection.origin, None, has_heard=False))  # noqa: TRY301 - discarded below
                if connection.carried:
                    pool.reused += 1
                is_repeatable = outgoing.is_repeatable
                answer = connection.send(outgoing, timeouts=timeouts, total_at=total_at)
                await answer.head()
            except Stale as stale:
                pool.discard(connection)
                error: httpx.TransportError = stale.args[0]
            except BaseException:
                pool.discard(connection)
                raise
            else:
                answer.sent_at = sent_at
                return answer
            if is_again or pool.is_closed or not is_repeatable:
                raise error from error.__cause__
            is_again = True

    def statistics(self) -> PoolStatistics:
        """Return what the pool has done and holds now."""
        return PoolStatistics() if self._pool is None else self._pool.statistics()

    async def aclose(self) -> None:
        """Close all connections and return when their sockets are closed; a second call does nothing.

        Requests under way end with an ``httpx.TransportError``, waiting ones with a RuntimeError.

        Raises:
            RuntimeError: called in another event loop than the one the transport was used in.
        """
        pool = self._pool
        if pool is not None:
            _check_loop(pool)
        self._closed = True
        if pool is not None:
            await pool.close()

    def _running_pool(self) -> Pool:
        """Return the pool, made at the first use, in the loop that runs then."""
        if self._closed:
            raise RuntimeError("The transport is closed: make a new one (or a new client)")
        if self._pool is None:
            loop = asyncio.get_running_loop()
            context = httpx.create_ssl_context(verify=self._verify)
            dialer = Dialer(loop, context, *self._addresses)
            self._pool = Pool(loop, self._limits, dialer, self._limiter)
        _check_loop(self._pool)
        return self._pool


class PooledStream(httpx.AsyncByteStream):
    """The body's bytes as sent. The connection goes back at the end of the body, at an error, or at `aclose`."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            while piece := await self.answer.read():
                yield piece
        except BaseException:
            self.answer.abandon()
            raise

    async def aread(self) -> bytes:
        """Return the whole body at once; faster than iterating through httpx's layers."""
        return await self.answer.read_all()

    async def aclose(self) -> None:
        """Let the connection go; it is closed if the body has not arrived to its end."""
        self.answer.abandon()

    def __del__(self) -> None:
        # Runs in any thread, wherever the garbage collector does.
        self.answer.abandon_from_anywhere()


@lru_cache(maxsize=2)
def _stream_of(library: ModuleType) -> type[Any]:
    """Return the class of a body for a library, with its exceptions."""
    if library is httpx:
        return PooledStream

    class Stream(PooledStream, library.AsyncByteStream):  # type: ignore[misc, name-defined]
        """The body's bytes as sent."""

        async def __aiter__(self) -> Any:
            failure: Exception
            try:
                async for piece in super().__aiter__():
                    yield piece
            except httpx.TransportError as error:
                failure = _of_library(library, error)
            else:
                return
            raise failure from failure.__cause__

    return Stream


def _of_library(library: ModuleType, error: httpx.TransportError) -> Exception:
    """Return the exception of another library that has the same name."""
    failure: Exception = getattr(library, type(error).__name__)(str(error))
    failure.__cause__ = error.__cause__
    return failure


def _check_loop(pool: Pool) -> None:
    if asyncio.get_running_loop() is not pool.loop:
        raise RuntimeError(
            "The transport is bound to the event loop of its first use, and this is another one: "
            "make one client per event loop, and close it in that loop"
        )
