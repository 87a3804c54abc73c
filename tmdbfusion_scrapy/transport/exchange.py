"""One request and its response on an HTTP/2 stream."""

from __future__ import annotations

import asyncio
from functools import cached_property
from typing import TYPE_CHECKING

import httpx

from tmdbfusion_scrapy.transport.outgoing import check_length

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from tmdbfusion_scrapy.transport.http2 import Http2Connection
    from tmdbfusion_scrapy.transport.http2_streams import Stream
    from tmdbfusion_scrapy.transport.outgoing import Deadline
    from tmdbfusion_scrapy.transport.routes import Origin


class Exchange:
    """A request, where it goes, and how long it may take.

    Args:
        request: what is sent.
        origin: where to.
        deadline: the end of the total time.
    """

    def __init__(self, request: httpx.Request, origin: Origin, deadline: Deadline) -> None:
        self.request = request
        self.origin = origin
        self.deadline = deadline
        self.timeout: Mapping[str, float | None] = request.extensions.get("timeout") or {}

    @cached_property
    def content(self) -> bytes | None:
        """The request's body; None for a stream that is still to be read."""
        try:
            return self.request.content
        except httpx.RequestNotRead:
            return None

    def limit(self, name: str) -> float | None:
        """Return the seconds of a time-out, or what is left of the total time if that is less."""
        given, left = self.timeout.get(name), self.deadline.remaining()
        if given is None or left is None:
            return left if given is None else given
        return min(given, left)

    def timed_out(self, kind: type[httpx.TimeoutException], message: str) -> httpx.TimeoutException:
        """Return the exception for a time-out; ``{target}`` in the message stands for the host."""
        if self.deadline.passed:
            message = "The exchange with {target} took longer than its total time"
            kind = httpx.ReadTimeout
        return kind(message.format(target=self.origin.target))

    async def enter(self, connection: Http2Connection) -> None:
        """Wait for a place among the connection's streams.

        Raises:
            httpx.TimeoutException: there was none in time.
            Unavailable: the connection takes no more requests.
        """
        timeout = self.limit("pool")
        try:
            await connection.enter(timeout)
        except asyncio.TimeoutError:
            message = f"{{target}} allowed no more requests on the connection for {timeout:g} s"
            raise self.timed_out(httpx.PoolTimeout, message) from None

    def open(self, connection: Http2Connection) -> Stream:
        """Send the request's head."""
        request = self.request
        target: bytes = request.extensions.get("target") or request.url.raw_path
        return connection.send_head(request, target, is_last=self.content == b"")

    async def news(self, connection: Http2Connection, stream: Stream, name: str) -> None:
        """Wait until something happens to the stream.

        Args:
            connection: Its connection.
            stream: The stream.
            name: The time-out that counts, ``read`` or ``write``.

        Raises:
            httpx.TransportError: nothing did in time, or the stream has ended.
        """
        if stream.ending is not None:
            raise stream.ending.error(self.origin.target, in_body=stream.headers is not None)
        try:
            await stream.news(self.limit(name))
        except asyncio.TimeoutError:
            if connection.heard_at <= stream.sent_at:
                # Nothing at all has come since: the connection may be dead, and nobody would ever say so.
                connection.retire()
            if name == "write":
                message = "{target} took no bytes of the request body for too long"
                raise self.timed_out(httpx.WriteTimeout, message) from None
            raise self.timed_out(httpx.ReadTimeout, "{target} sent nothing for too long") from None


class MultiplexedStream(httpx.AsyncByteStream):
    """The body's bytes as sent. The stream ends at the end of the body, at an error, or at `aclose`."""

    def __init__(self, exchange: Exchange, connection: Http2Connection, stream: Stream) -> None:
        self._exchange = exchange
        self._connection = connection
        self._stream = stream
        self._loop = asyncio.get_running_loop()
        self._is_over = False
        if stream.complete:
            # The whole body has arrived with the head.
            self._leave()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            while chunk := await self._more():
                yield chunk
        finally:
            self._leave()

    async def aread(self) -> bytes:
        """Return the whole body at once.

        Raises:
            httpx.TransportError: the body is not whole.
        """
        try:
            chunks = []
            while chunk := await self._more():
                chunks.append(chunk)
        finally:
            self._leave()
        return b"".join(chunks)

    async def aclose(self) -> None:
        """End the stream; the server is told if the body was not read to its end."""
        self._leave()

    async def _more(self) -> bytes:
        """Return the bytes that are there, or the next ones; none at the end."""
        stream = self._stream
        while not stream.chunks:
            if stream.complete:
                return b""
            if self._is_over:
                raise httpx.StreamClosed
            await self._exchange.news(self._connection, stream, "read")
        chunk = stream.take()
        if not self._is_over:
            self._connection.acknowledge(stream)
        return chunk

    def _leave(self) -> None:
        if not self._is_over:
            self._is_over = True
            self._connection.leave(self._stream)

    def __del__(self) -> None:
        if not self._is_over and not self._loop.is_closed():
            # Runs in any thread, wherever the garbage collector does.
            self._loop.call_soon_threadsafe(self._connection.leave, self._stream)


async def transmit(exchange: Exchange, connection: Http2Connection, stream: Stream) -> None:
    """Send the rest of a request and wait for the head of its response.

    Raises:
        httpx.TransportError: the exchange failed.
    """
    if not stream.sent_all:
        declared = exchange.request.headers.get("Content-Length")
        sent = 0
        async for piece in _pieces(exchange):
            sent += len(piece)
            if declared is not None and sent > int(declared):
                # To the server it would be the end of the connection.
                check_length(declared, sent)
            rest = piece
            while rest and not stream.is_reset:
                rest = connection.send_piece(stream, rest)
                if rest:
                    await exchange.news(connection, stream, "write")
        if not stream.is_reset:
            check_length(declared, sent)
            connection.send_end(stream)
    while stream.headers is None:
        await exchange.news(connection, stream, "read")


async def _pieces(exchange: Exchange) -> AsyncIterator[bytes]:
    """Give a request's body in pieces."""
    if exchange.content is not None:
        yield exchange.content
        return
    stream = exchange.request.stream
    if not isinstance(stream, httpx.AsyncByteStream):
        raise TypeError("An asynchronous client cannot send a synchronous body")
    async for chunk in stream:
        yield chunk
