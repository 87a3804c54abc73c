"""HTTP/2 for threads: the asynchronous transport in a thread of its own."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import finalize

import httpx

from tmdbfusion_scrapy.transport.limits import DEFAULT_LIMITS, PoolStatistics
from tmdbfusion_scrapy.transport.pooled import PooledTransport

if TYPE_CHECKING:
    import ssl
    from collections.abc import Coroutine
    from concurrent.futures import Future

    from tmdbfusion_scrapy.base_urls import IPFamily

T = TypeVar("T")


class BlockingHttp2Transport(httpx.BaseTransport):
    """Transport for one ``httpx.Client`` that many threads share, with HTTP/2.

    The requests of all threads go over one connection to each server, which a thread of the transport's own
    keeps: whoever waits for an answer cannot be the one who reads for the others. With servers that speak
    HTTP/1.1 only it does what `PooledTransport` does. A response is returned when its body has come.

    Request extensions: as of `PooledTransport`.

    Args:
        limits: as of `PooledTransport`.
        verify: as of `PooledTransport`.
        proxy: as of `PooledTransport`.
        local_address: as of `PooledTransport`.
        ip_family: as of `PooledTransport`.

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
        self._transport = PooledTransport(
            limits=limits,
            verify=verify,
            proxy=proxy,
            local_address=local_address,
            ip_family=ip_family,
            http2=True,
        )
        self._lock = threading.Lock()
        self._runner: _Runner | None = None
        self._closed = False

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request and return its response with the whole body.

        Raises:
            httpx.TransportError: one of its subclasses, as httpx documents them.
            RuntimeError: the transport is closed.
        """
        # A body that is made as it is sent would be made in the other thread.
        request.read()
        with self._lock:
            future = self._running().start(_exchange(self._transport, request))
        response, body = _result(future)
        response.stream = httpx.ByteStream(body)
        return response

    def statistics(self) -> PoolStatistics:
        """Return what the pool has done and holds now."""
        with self._lock:
            if self._runner is None:
                return self._transport.statistics()
            future = self._runner.start(_statistics(self._transport))
        return _result(future)

    def close(self) -> None:
        """Close all connections and end the thread; a second call does nothing.

        Requests under way end with an ``httpx.TransportError``.
        """
        with self._lock:
            self._closed = True
            runner, self._runner = self._runner, None
        if runner is not None:
            _result(runner.start(_close(self._transport)))
            runner.stop()

    def _running(self) -> _Runner:
        """Return the thread, started at the first use."""
        if self._closed:
            raise RuntimeError("The transport is closed: make a new one (or a new client)")
        if self._runner is None:
            self._runner = _Runner()
            # Where nobody closes the transport, its thread should not outlive it.
            finalize(self, self._runner.stop)
        return self._runner


class _Runner:
    """An event loop in a thread."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="tmdbfusion-http2", daemon=True)
        self._thread.start()

    def start(self, coroutine: Coroutine[Any, Any, T]) -> Future[T]:
        """Start a coroutine there."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop)

    def stop(self) -> None:
        """End the loop; in the thread itself, where the garbage collector may call it, without waiting."""
        if not self._thread.is_alive():
            return
        self._loop.call_soon_threadsafe(self._loop.stop)
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def _run(self) -> None:
        try:
            self._loop.run_forever()
        finally:
            self._loop.run_until_complete(_end_others(cancel=True))
            self._loop.close()


def _result(future: Future[T]) -> T:
    """Wait for a result; what is under way is cancelled if the wait is broken off."""
    try:
        return future.result()
    except BaseException:
        future.cancel()
        raise


async def _close(transport: PooledTransport) -> None:
    """Close a transport and let the requests end that it broke off."""
    await transport.aclose()
    await _end_others(cancel=False)


async def _end_others(*, cancel: bool) -> None:
    """Wait until all other tasks of the loop have ended."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others if cancel else ():
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


async def _statistics(transport: PooledTransport) -> PoolStatistics:
    """Count in the loop that counts."""
    return transport.statistics()


async def _exchange(transport: PooledTransport, request: httpx.Request) -> tuple[httpx.Response, bytes]:
    """Send a request and read its body."""
    response = await transport.handle_async_request(request)
    stream = response.stream
    if not isinstance(stream, httpx.AsyncByteStream):
        raise TypeError("the transport gave a response that cannot be read asynchronously")
    chunks = [chunk async for chunk in stream]
    return response, b"".join(chunks)
