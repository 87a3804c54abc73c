"""The answer to a request, as it arrives on a connection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from tmdbfusion_scrapy.http import httpx

if TYPE_CHECKING:
    import asyncio

    from tmdbfusion_scrapy.transport.connection import Connection

_BUFFERED: Final = 256 * 1024
"""Bytes of a body that wait to be read before the peer is slowed down."""


class Stale(Exception):
    """A kept-alive connection ended before any byte of an answer: the server had closed it meanwhile.

    Attributes:
        error: What the request ends with if it may not be sent again.
    """

    def __init__(self, error: httpx.TransportError) -> None:
        super().__init__(str(error))
        self.error = error


class NetworkStream:
    """Facts about a connection under httpcore's names; answers after the connection was closed, too."""

    __slots__ = ("_facts",)

    def __init__(self, transport: asyncio.BaseTransport) -> None:
        self._facts = {
            "server_addr": transport.get_extra_info("peername"),
            "client_addr": transport.get_extra_info("sockname"),
            "ssl_object": transport.get_extra_info("ssl_object"),
        }

    def get_extra_info(self, info: str) -> Any:
        """Return ``server_addr``, ``client_addr`` (host, port) or ``ssl_object``; None for other names."""
        return self._facts.get(info)


class Answer:
    """A response as it arrives: its head, then its body in pieces.

    Attributes:
        version: The version of HTTP, such as ``1.1``.
        headers: Names and values as sent.
        is_complete: True if the whole body has arrived.
        sent_at: When the rate limiter let the request go, of ``time.monotonic()``.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        ends_with_head: bool,
        read_timeout: float | None = None,
        total_at: float | None = None,
    ) -> None:
        self.connection = connection
        self.ends_with_head = ends_with_head
        self.read_timeout = read_timeout
        self.total_at = total_at
        self.status = 0
        self.reason = b""
        self.version = "1.1"
        self.headers: list[tuple[bytes, bytes]] = []
        self.has_head = False
        self.is_complete = False
        self.sent_at: float | None = None
        self._chunks: list[bytes] = []
        self._buffered = 0
        self._error: Exception | None = None
        self._waiter: asyncio.Future[None] | None = None

    @property
    def extensions(self) -> dict[str, Any]:
        """Extensions of an ``httpx.Response``."""
        return {
            "http_version": b"HTTP/1.1" if self.version == "1.1" else b"HTTP/" + self.version.encode("ascii"),
            "reason_phrase": self.reason,
            "network_stream": self.connection.network_stream,
            "sent_at": self.sent_at,
        }

    @property
    def is_awaited(self) -> bool:
        """True if somebody waits for the next bytes now, so that the read time-out counts."""
        return self._waiter is not None

    @property
    def has_more(self) -> bool:
        """True if bytes of the body are there that were not read."""
        return bool(self._chunks)

    async def head(self) -> None:
        """Wait for the status and the headers."""
        while not self.has_head and self._error is None:
            await self._wait()
        if not self.has_head and self._error is not None:
            raise self._error

    async def read(self) -> bytes:
        """Return all bytes of the body that are there, or the next ones; none at the end."""
        while not self._chunks:
            if self._error is not None:
                raise self._error
            if self.is_complete:
                return b""
            await self._wait()
        piece = self.take()
        if not self.is_complete:
            self.connection.resume_reading()
        return piece

    def take(self) -> bytes:
        """Return the bytes of the body that are there; in any thread, if it is complete."""
        piece = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
        self._chunks.clear()
        self._buffered = 0
        return piece

    def abandon(self) -> None:
        """Let the connection go if the body has not arrived yet; it is closed then."""
        if not self.is_complete and self._error is None:
            self.fail(httpx.StreamClosed())
            self.connection.abort()

    def abandon_from_anywhere(self) -> None:
        """Do the same in any thread."""
        if not self.is_complete and self._error is None and not self.connection.loop.is_closed():
            self.connection.loop.call_soon_threadsafe(self.abandon)

    def begin(self, status: int, version: str) -> None:
        """Take note that the head has arrived."""
        self.status = status
        self.version = version
        self.has_head = True
        self._wake()

    def feed(self, piece: bytes) -> None:
        """Take bytes of the body."""
        self._chunks.append(piece)
        self._buffered += len(piece)
        if self._waiter is not None:
            self._wake()
        elif self._buffered > _BUFFERED:
            self.connection.pause_reading()

    def complete(self) -> None:
        """Take note that the whole body has arrived."""
        self.is_complete = True
        self._wake()

    def fail(self, error: Exception) -> None:
        """End it with an error, which whoever reads next gets; the first one counts."""
        if self._error is None and not self.is_complete:
            self._error = error
            self._wake()

    def _wake(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    async def _wait(self) -> None:
        if self._waiter is not None:
            raise RuntimeError("two tasks read the same response")
        self._waiter = self.connection.loop.create_future()
        self.connection.watch()
        try:
            await self._waiter
        finally:
            self._waiter = None
