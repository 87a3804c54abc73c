"""The blocking transports: an asynchronous one, in an event loop of its own thread."""

from __future__ import annotations

import asyncio
import atexit
import threading
from concurrent.futures import CancelledError, Future
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast
from weakref import finalize

from tmdbfusion_scrapy.forking import leave_to_parent, renew_in_children
from tmdbfusion_scrapy.http import check_request, httpx
from tmdbfusion_scrapy.transport.pool import DEFAULT_LIMITS, PoolStatistics
from tmdbfusion_scrapy.transport.pooled import PooledStream, PooledTransport

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Callable, Coroutine, Iterator

    from tmdbfusion_scrapy.base_urls import IPFamily

T = TypeVar("T")

_CLOSED: Final = "The transport is closed: make a new one (or a new client)"


class BlockingTransport(httpx.BaseTransport):
    """Asynchronous transport for ``httpx.Client``, to be shared by threads.

    It lives in an event loop of a daemon thread, which starts with the first request and ends with `close`.

    Args:
        transport: the asynchronous one, which is closed with this one.
        thread: event loop of another owner to use instead; then `close` closes nothing.
    """

    def __init__(self, transport: httpx.AsyncBaseTransport, thread: LoopThread | None = None) -> None:
        self._transport = transport
        self._is_owner = thread is None
        self._thread = thread or LoopThread(self, transport.aclose)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request and return its response as soon as the head is there.

        Raises:
            httpx.TransportError: one of its subclasses, as httpx documents them.
            RuntimeError: the transport is closed.
        """
        check_request(request)
        if not isinstance(request.stream, httpx.AsyncByteStream):
            # An event loop cannot wait for the pieces of a blocking body.
            request.read()
        response = self._thread.run(self._transport.handle_async_request(request))
        response.stream = BlockingStream(self._thread, cast("httpx.AsyncByteStream", response.stream))
        return response

    def close(self) -> None:
        """Close all connections and end the thread; a second call does nothing.

        Requests under way in other threads end with an ``httpx.TransportError``, waiting ones with a RuntimeError.
        """
        if self._is_owner:
            self._thread.stop()


class BlockingPooledTransport(BlockingTransport):
    """`PooledTransport` for one ``httpx.Client`` that many threads share, with limits for the client as a whole.

    Arguments and errors are those of `PooledTransport`. Threads get connections in the order they came.
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
        super().__init__(self._pooled)

    def statistics(self) -> PoolStatistics:
        """Return what the pool has done and holds now."""

        async def count() -> PoolStatistics:
            return self._pooled.statistics()

        is_running = self._thread.was_started and not self._thread.is_stopped
        return self._thread.run(count()) if is_running else self._pooled.statistics()


class BlockingStream(httpx.SyncByteStream):
    """The body's bytes as sent, of a response whose transport is in another thread."""

    def __init__(self, thread: LoopThread, stream: httpx.AsyncByteStream) -> None:
        self._thread = thread
        self._stream = stream

    def __iter__(self) -> Iterator[bytes]:
        stream = self._stream
        if isinstance(stream, PooledStream) and stream.answer.is_complete:
            # Nothing more comes: the event loop need not be asked.
            if body := stream.answer.take():
                yield body
            return
        iterator = stream.__aiter__()
        while piece := self._thread.run(_next(iterator)):
            yield piece

    def close(self) -> None:
        """Let the connection go; it is closed if the body has not arrived to its end."""
        stream = self._stream
        if isinstance(stream, PooledStream):
            stream.answer.abandon_from_anywhere()
        else:
            self._thread.run(stream.aclose())


class LoopThread:
    """Event loop in a daemon thread, which starts with the first coroutine and is started anew in a child process.

    Args:
        owner: The thread ends with it where nobody stops it, and with the interpreter.
        close: Closes what lives in the loop, before the thread ends.
    """

    _closing: Future[None]

    def __init__(self, owner: object, close: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self._close = close
        self.is_stopped = False
        self._start_nothing()
        renew_in_children(self)
        # At the end of the interpreter it may be too early: exit handlers can still make calls.
        finalize(owner, self.stop).atexit = False

    def begin_anew(self) -> None:
        """Leave the thread and its lock to the parent, in a child process."""
        leave_to_parent(self._loop)
        _running.discard(self)
        self._start_nothing()

    @property
    def was_started(self) -> bool:
        """True if it was started in this process."""
        return self._loop is not None

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine in the loop, in the context of this thread, and return its result."""
        try:
            loop = self._loop or self._start()
            done = asyncio.run_coroutine_threadsafe(coroutine, loop)
        except RuntimeError:
            coroutine.close()
            raise RuntimeError(_CLOSED) from None
        self._awaited.add(done)
        if loop.is_closed():
            # It may have come when the loop was about to end.
            done.cancel()
        try:
            return done.result()
        except CancelledError:
            raise RuntimeError(_CLOSED) from None
        except BaseException:
            done.cancel()
            raise
        finally:
            self._awaited.discard(done)

    def stop(self) -> None:
        """Close what lives in the loop, then end the loop and its thread, once and for all."""
        with self._lock:
            loop, thread = self._loop, self._thread
            if not self.is_stopped and loop is not None:
                self._closing = asyncio.run_coroutine_threadsafe(self._wind_up(loop), loop)
            self.is_stopped = True
        # Where the garbage collector ran in the thread nobody can wait for it.
        if thread is not None and threading.current_thread() is not thread:
            thread.join()
            _running.discard(self)
            self._closing.result()

    def _start_nothing(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._awaited: set[Future[Any]] = set()

    def _start(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self.is_stopped:
                raise RuntimeError
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(
                    target=self._run, args=(self._loop,), name="tmdb-event-loop", daemon=True
                )
                _running.add(self)
                self._thread.start()
            return self._loop

    async def _wind_up(self, loop: asyncio.AbstractEventLoop) -> None:
        try:
            await self._close()
        finally:
            loop.stop()

    def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        asyncio.set_event_loop(loop)
        try:
            loop.run_forever()
            left = asyncio.all_tasks(loop)
            for task in left:
                task.cancel()
            loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
            loop.run_until_complete(loop.shutdown_asyncgens())
            loop.run_until_complete(loop.shutdown_default_executor())
        finally:
            loop.close()
            for done in list(self._awaited):
                # It came when the loop was about to end.
                done.cancel()


async def _next(iterator: AsyncIterator[bytes]) -> bytes:
    return await anext(iterator, b"")


_running: Final[set[LoopThread]] = set()


@atexit.register
def _end_all() -> None:
    """End what nobody has closed, after the exit handlers of those who import this."""
    for thread in list(_running):
        thread.stop()
