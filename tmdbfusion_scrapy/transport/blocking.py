"""The blocking transport: the same pool, in an event loop of its own thread."""

from __future__ import annotations

import asyncio
import os
import threading
from typing import TYPE_CHECKING, Any, Final, TypeVar
from weakref import WeakSet, finalize

import httpx

from tmdbfusion_scrapy.transport.limits import DEFAULT_LIMITS, PoolStatistics
from tmdbfusion_scrapy.transport.pooled import PooledTransport

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Coroutine, Iterator

    from tmdbfusion_scrapy.base_urls import IPFamily
    from tmdbfusion_scrapy.transport.connection import Answer

T = TypeVar("T")

_CLOSED: Final = "The transport is closed: make a new one (or a new client)"


class BlockingPooledTransport(httpx.BaseTransport):
    """`PooledTransport` for one ``httpx.Client`` that many threads share, with limits for the client as a whole.

    The pool is the same, with all that is said there, and lives in an event loop in a daemon thread of its own,
    which starts with the first request and ends with `close`. Threads get connections in the order they came.

    Args:
        limits: ``max_connections`` (default 100), ``max_keepalive_connections`` (20) and ``keepalive_expiry``
            (30 seconds); None in a field means no limit.
        verify: True for certifi's authorities, False for no check, or an ``ssl.SSLContext``.
        proxy: proxy for all requests, ``http://`` or ``https://``, credentials in the URL or in
            ``httpx.Proxy``.
        local_address: address of this machine to connect from.
        ip_family: as in `PooledTransport`.

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
    ) -> None:
        self._pooled = PooledTransport(
            limits=limits, verify=verify, proxy=proxy, local_address=local_address, ip_family=ip_family
        )
        self._lock = threading.Lock()
        self._thread: LoopThread | None = None
        self._closed = False
        _transports.add(self)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request and return its response as soon as the head is there.

        Raises:
            httpx.TransportError: one of its subclasses, as httpx documents them.
            RuntimeError: the transport is closed.
        """
        thread = self._running_thread()
        answer = thread.run(self._pooled.send(_readable(request)))
        return httpx.Response(
            answer.status,
            headers=answer.headers,
            stream=BlockingStream(thread, answer),
            extensions=answer.extensions,
        )

    def statistics(self) -> PoolStatistics:
        """Return what the pool has done and holds now."""
        thread = self._thread
        if thread is None or not thread.is_running:
            return self._pooled.statistics()
        return thread.run(_statistics(self._pooled))

    def close(self) -> None:
        """Close all connections and end the thread; a second call does nothing.

        Requests under way in other threads end with an ``httpx.TransportError``, waiting ones with a RuntimeError.
        """
        with self._lock:
            self._closed = True
            thread = self._thread
        if thread is not None:
            thread.stop(self._pooled)

    def begin_anew(self) -> None:
        """Leave thread and pool to the parent process, in a child: it has neither."""
        self._lock = threading.Lock()
        if self._thread is not None:
            self._thread.leave_to_parent()
            self._thread = None

    def _running_thread(self) -> LoopThread:
        thread = self._thread
        if thread is not None and not self._closed:
            return thread
        with self._lock:
            if self._closed:
                raise RuntimeError(_CLOSED)
            if self._thread is None:
                self._thread = LoopThread()
                # Not the transport's own method: that would keep it from being collected.
                finalize(self, self._thread.stop, self._pooled)
            return self._thread


class BlockingStream(httpx.SyncByteStream):
    """The body's bytes as sent. The connection goes back at the end of the body, at an error, or at `close`."""

    def __init__(self, thread: LoopThread, answer: Answer) -> None:
        self._thread = thread
        self._answer = answer

    def __iter__(self) -> Iterator[bytes]:
        try:
            while piece := self.read():
                yield piece
        finally:
            self.close()

    def read(self) -> bytes:
        """Return the bytes that are there, or the next ones; none at the end."""
        answer = self._answer
        if answer.is_complete:
            # Nothing more comes: the event loop need not be asked.
            return answer.take()
        return self._thread.run(answer.read())

    def close(self) -> None:
        """Let the connection go; it is closed if the body has not arrived to its end."""
        self._answer.abandon_from_anywhere()

    def __del__(self) -> None:
        self._answer.abandon_from_anywhere()


class LoopThread:
    """An event loop in a daemon thread, and how other threads have it do something."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._pid = os.getpid()
        self._thread = threading.Thread(target=self._run, name="tmdb-transport", daemon=True)
        self._stopping = threading.Lock()
        self._is_stopped = False
        self._thread.start()

    @property
    def is_running(self) -> bool:
        """Whether it can be asked for something."""
        return not self._is_stopped

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine in the loop and return its result.

        Raises:
            RuntimeError: The loop is no longer there.
        """
        if self._is_stopped:
            coroutine.close()
            raise RuntimeError(_CLOSED)
        future = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def stop(self, pooled: PooledTransport) -> None:
        """Close the transport in the loop, then end the loop and its thread."""
        with self._stopping:
            if self._is_stopped or self._pid != os.getpid():
                return
            if threading.current_thread() is self._thread:
                # The garbage collector ran here; nobody else can wait for it.
                self._loop.create_task(self._wind_up(pooled))
                self._is_stopped = True
                return
            asyncio.run_coroutine_threadsafe(pooled.aclose(), self._loop).result()
            self._is_stopped = True
            self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def leave_to_parent(self) -> None:
        """Keep all of it untouched in a child process: its selector is the parent's."""
        self._is_stopped = True
        _of_parent.append(self)

    async def _wind_up(self, pooled: PooledTransport) -> None:
        await pooled.aclose()
        self._loop.stop()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_forever()
            for task in asyncio.all_tasks(self._loop):
                task.cancel()
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
            self._loop.run_until_complete(self._loop.shutdown_default_executor())
        finally:
            self._loop.close()


def _readable(request: httpx.Request) -> httpx.Request:
    """Return the request with a body that an event loop can read."""
    stream = request.stream
    if isinstance(stream, httpx.AsyncByteStream):
        return request
    return httpx.Request(
        request.method,
        request.url,
        headers=request.headers,
        stream=_ThreadedBody(stream),
        extensions=request.extensions,
    )


class _ThreadedBody(httpx.AsyncByteStream):
    """A blocking body, of which the pieces are taken in a thread: reading it may take its time."""

    def __init__(self, stream: httpx.SyncByteStream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        loop = asyncio.get_running_loop()
        pieces = iter(self._stream)
        while True:
            piece: bytes | None = await loop.run_in_executor(None, next, pieces, None)
            if piece is None:
                return
            yield piece


async def _statistics(pooled: PooledTransport) -> PoolStatistics:
    return pooled.statistics()


_transports: WeakSet[BlockingPooledTransport] = WeakSet()

_of_parent: Final[list[LoopThread]] = []
"""Loops of a parent process, kept so that nothing of them is finalized in the child."""


def _after_fork() -> None:
    for transport in list(_transports):
        transport.begin_anew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
