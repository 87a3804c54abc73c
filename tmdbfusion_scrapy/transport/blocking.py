"""The blocking transport: the same pool, in an event loop of its own thread."""

from __future__ import annotations

import asyncio
import atexit
import contextvars
import os
import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast
from weakref import finalize

import httpx

from tmdbfusion_scrapy.transport.limits import DEFAULT_LIMITS, PoolStatistics
from tmdbfusion_scrapy.transport.pooled import PooledStream, PooledTransport

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Callable, Coroutine, Iterator

    from tmdbfusion_scrapy.base_urls import IPFamily

T = TypeVar("T")

_CLOSED: Final = "The transport is closed: make a new one (or a new client)"


class BlockingTransport(httpx.BaseTransport):
    """An asynchronous transport for threads.

    Args:
        thread: Its event loop.
        transport: It. Closing this one does not close it.
    """

    def __init__(self, thread: LoopThread, transport: httpx.AsyncBaseTransport) -> None:
        self._thread = thread
        self._transport = transport

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request and return its response as soon as the head is there.

        Raises:
            httpx.TransportError: one of its subclasses, as httpx documents them.
            RuntimeError: the transport is closed.
        """
        return send_blocking(self._thread, self._transport, request)


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
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._thread: LoopThread | None = None
        self._is_closed = False

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request and return its response as soon as the head is there.

        Raises:
            httpx.TransportError: one of its subclasses, as httpx documents them.
            RuntimeError: the transport is closed.
        """
        return send_blocking(self._running_thread(), self._pooled, request)

    def statistics(self) -> PoolStatistics:
        """Return what the pool has done and holds now."""
        self._begin_anew_in_child()
        thread = self._thread
        if thread is None or self._is_closed:
            return self._pooled.statistics()
        return thread.run(_statistics(self._pooled))

    def close(self) -> None:
        """Close all connections and end the thread; a second call does nothing.

        Requests under way in other threads end with an ``httpx.TransportError``, waiting ones with a RuntimeError.
        """
        self._begin_anew_in_child()
        with self._lock:
            self._is_closed = True
        if self._thread is not None:
            self._thread.stop()

    def _running_thread(self) -> LoopThread:
        self._begin_anew_in_child()
        thread = self._thread
        if thread is not None and not self._is_closed:
            return thread
        with self._lock:
            if self._is_closed:
                raise RuntimeError(_CLOSED)
            if self._thread is None:
                self._thread = LoopThread(self._pooled.aclose, owner=self)
            return self._thread

    def _begin_anew_in_child(self) -> None:
        """Leave the thread and the lock to the parent, in a child process."""
        if self._pid != os.getpid():
            self._pid = os.getpid()
            self._lock = threading.Lock()
            self._thread = None


class BlockingStream(httpx.SyncByteStream):
    """The body's bytes as sent, of a response whose transport is in another thread.

    Args:
        thread: The event loop of the transport.
        stream: The response's stream there.
    """

    def __init__(self, thread: LoopThread, stream: httpx.AsyncByteStream) -> None:
        self._thread = thread
        self._stream = stream

    def __iter__(self) -> Iterator[bytes]:
        stream = self._stream
        if isinstance(stream, PooledStream) and stream.is_whole:
            # Nothing more comes: the event loop need not be asked.
            if body := stream.take():
                yield body
            return
        iterator = stream.__aiter__()
        while piece := self._thread.run(_next(iterator)):
            yield piece

    def close(self) -> None:
        """Let the connection go; it is closed if the body has not arrived to its end."""
        stream = self._stream
        if isinstance(stream, PooledStream):
            stream.abandon()
        else:
            self._thread.run(stream.aclose())


class LoopThread:
    """An event loop in a daemon thread, and how other threads have it do something.

    Args:
        close: Closes what lives in the loop.
        owner: The thread ends with it, also where nobody closes it, and with the interpreter.
    """

    def __init__(self, close: Callable[[], Coroutine[Any, Any, None]], owner: object) -> None:
        self._loop = asyncio.new_event_loop()
        self._close = close
        self._pid = os.getpid()
        self._thread = threading.Thread(target=self._run, name="tmdb-event-loop", daemon=True)
        self._stopping = threading.Lock()
        self._is_stopped = False
        self._awaited: set[Future[Any]] = set()
        _all.append(self)
        self._thread.start()
        # Not a method of the owner: that would keep it from being collected.
        collected = finalize(owner, self.stop)
        # At the end of the interpreter it may be too early: exit handlers can still make calls.
        collected.atexit = False

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine in the loop, in the context of this thread, and return its result.

        Raises:
            RuntimeError: The loop is no longer there.
        """
        if self._is_stopped:
            coroutine.close()
            raise RuntimeError(_CLOSED)
        done: Future[T] = Future()
        self._awaited.add(done)
        try:
            context = contextvars.copy_context()
            self._loop.call_soon_threadsafe(self._start, coroutine, done, context=context)
        except RuntimeError:
            # It was closed just now.
            coroutine.close()
            self._awaited.discard(done)
            raise RuntimeError(_CLOSED) from None
        try:
            return done.result()
        except BaseException:
            done.cancel()
            raise
        finally:
            self._awaited.discard(done)

    def stop(self) -> None:
        """Close what lives in the loop, then end the loop and its thread."""
        if self._pid != os.getpid():
            # A child process: the loop is the parent's, who may hold the lock for ever.
            return
        with self._stopping:
            if self._is_stopped:
                return
            if threading.current_thread() is self._thread:
                # The garbage collector ran here; nobody else can wait for it.
                self._is_stopped = True
                self._ending = self._loop.create_task(self._wind_up())
                return
            self.run(self._close())
            self._is_stopped = True
            self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        _all.remove(self)

    def _start(self, coroutine: Coroutine[Any, Any, T], done: Future[T]) -> None:
        task = self._loop.create_task(coroutine)
        task.add_done_callback(lambda task: _tell(task, done))
        done.add_done_callback(lambda done: self._cancel(task) if done.cancelled() else None)

    def _cancel(self, task: asyncio.Task[Any]) -> None:
        if not self._is_stopped:
            self._loop.call_soon_threadsafe(task.cancel)

    async def _wind_up(self) -> None:
        await self._close()
        self._loop.stop()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_forever()
            left = asyncio.all_tasks(self._loop)
            for task in left:
                task.cancel()
            self._loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
            self._loop.run_until_complete(self._loop.shutdown_default_executor())
        finally:
            self._loop.close()
            for done in list(self._awaited):
                # It came when the loop was about to end.
                if not done.done():
                    done.set_exception(RuntimeError(_CLOSED))


def send_blocking(
    thread: LoopThread, transport: httpx.AsyncBaseTransport, request: httpx.Request
) -> httpx.Response:
    """Send a request through a transport of another thread and return its response, for this one."""
    response = thread.run(transport.handle_async_request(_readable(request)))
    response.stream = BlockingStream(thread, cast("httpx.AsyncByteStream", response.stream))
    return response


def _tell(task: asyncio.Task[T], done: Future[T]) -> None:
    """Hand the outcome of a task to the thread that waits for it."""
    if not done.set_running_or_notify_cancel():
        return
    if task.cancelled():
        done.set_exception(RuntimeError(_CLOSED))
    elif (error := task.exception()) is not None:
        done.set_exception(error)
    else:
        done.set_result(task.result())


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


async def _next(iterator: AsyncIterator[bytes]) -> bytes:
    async for piece in iterator:
        return piece
    return b""


async def _statistics(pooled: PooledTransport) -> PoolStatistics:
    return pooled.statistics()


_all: Final[list[LoopThread]] = []
"""Loops that run; in a child process those of the parent, kept so that nothing of them is finalized there."""


@atexit.register
def _end_all() -> None:
    """End what nobody has closed, after the exit handlers of those who import this."""
    for thread in _all.copy():
        thread.stop()
