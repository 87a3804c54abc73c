"""The answer to a request, as it arrives on a connection, and its body without content encoding."""

from __future__ import annotations

import re
import zlib
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from tmdbfusion_scrapy.http import httpx

if TYPE_CHECKING:
    import asyncio

    from tmdbfusion_scrapy.transport.connection import Connection

_BUFFERED: Final = 256 * 1024
"""Bytes of a body that wait to be read before the peer is slowed down."""


class Stale(Exception):
    """A kept-alive connection ended before any byte of an answer: the server had closed it meanwhile.

    Its argument is what the request ends with if it may not be sent again.
    """


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


class RawHeaders(list[tuple[bytes, bytes]]):
    """Headers as sent, names and values in pairs."""

    def get(self, name: str) -> str | None:
        """Return the value of a header by its name in lower case, several joined by commas; None for none."""
        sought = name.encode("ascii")
        values = [value for given, value in self if given.lower() == sought]
        return b", ".join(values).decode("latin-1") if values else None


class Answer:
    """A response as it arrives: its head, then its body in pieces.

    Attributes:
        read_timeout: Seconds that each wait for bytes may take; None for no limit.
        total_at: When all of it is to be over, on the loop's clock; None for no limit.
        ends_with_head: True if no body follows the head, whatever that says.
        version: The version of HTTP, such as ``1.1``.
        heard: Bytes that have arrived, with those of other messages before it.
        is_complete: True if the whole body has arrived.
        waiter: What somebody waits for now, who is to be told of the next bytes.
        sent_at: When the rate limiter let the request go, of ``time.monotonic()``.
    """

    def __init__(
        self,
        connection: Connection,
        read_timeout: float | None = None,
        total_at: float | None = None,
        *,
        ends_with_head: bool = False,
    ) -> None:
        self.connection = connection
        self.read_timeout = read_timeout
        self.total_at = total_at
        self.ends_with_head = ends_with_head
        self.heard = 0
        self.status = 0
        self.reason = b""
        self.version = "1.1"
        self.headers = RawHeaders()
        self.has_head = False
        self.is_complete = False
        self.sent_at: float | None = None
        self._chunks: list[bytes] = []
        self._buffered = 0
        self._error: Exception | None = None
        self.waiter: asyncio.Future[None] | None = None

    @property
    def extensions(self) -> dict[str, Any]:
        """Extensions of an ``httpx.Response``."""
        return {
            "http_version": b"HTTP/" + self.version.encode("ascii"),
            "reason_phrase": self.reason,
            "network_stream": self.connection.network_stream,
            "sent_at": self.sent_at,
        }

    async def head(self) -> None:
        """Wait for the status and the headers."""
        while not self.has_head:
            await self._wait()

    async def read(self) -> bytes:
        """Return all bytes of the body that are there, or the next ones; none at the end."""
        while not self._chunks:
            if self.is_complete and self._error is None:
                return b""
            await self._wait()
        piece = self.take()
        if not self.is_complete:
            self.connection.resume_reading()
        return piece

    async def read_all(self, max_size: int | None = None) -> bytes:
        """Return the whole body, or the first pieces of one that is larger than `max_size`.

        Nothing more comes then: the connection is given back, or closed.
        """
        pieces: list[bytes] = []
        size = 0
        try:
            while piece := await self.read():
                pieces.append(piece)
                size += len(piece)
                if max_size is not None and size > max_size:
                    break
        finally:
            self.abandon()
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

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
        if self.waiter is not None:
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
        waiter, self.waiter = self.waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    async def _wait(self) -> None:
        if self._error is not None:
            raise self._error
        if self.waiter is not None:
            raise RuntimeError("two tasks read the same response")
        self.waiter = self.connection.loop.create_future()
        self.connection.watch()
        try:
            await self.waiter
        finally:
            self.waiter = None


ACCEPT_ENCODING: Final = "gzip, deflate"
"""Value for the ``Accept-Encoding`` header: what `read_body` can undo."""

_GZIP_MAGIC: Final = b"\x1f\x8b"
_GZIP_OR_ZLIB: Final = 32 + zlib.MAX_WBITS
_DEFLATE: Final = ("deflate", "x-deflate", "zlib")

_STEP: Final = 256 * 1024
"""Bytes of output that are taken at once, so that a bomb is noticed before it is in memory."""

_MOST_UNLABELLED: Final = 4
"""Layers of gzip that no label names: a cache in front of another may add one."""

_AROUND_CODING: Final = " \t\"';"

_CONTROL: Final = re.compile(r"[\x00-\x08\x0e-\x1f]")


class BodyTooLarge(Exception):
    """A body, decoded or not, is larger than the limit.

    Attributes:
        size: bytes known when the limit was passed; the whole body may be larger.
        limit: the limit in bytes.
    """

    def __init__(self, size: int, limit: int) -> None:
        super().__init__(size, limit)
        self.size = size
        self.limit = limit

    def __str__(self) -> str:
        return f"Body of at least {self.size} bytes is over the limit of {self.limit} bytes"


def read_body(content: bytes, content_encoding: str | None, *, max_size: int | None = None) -> bytes:
    """Undo the content encoding of a complete body, whatever its label says.

    A body without encoding comes back as the same object. Where the label is wrong or unknown, the first bytes of
    the body count, and JSON and other text is left as it is. Gzip is undone without a label, too: TMDB's CDN sent
    such bodies to all clients in May 2026, see https://github.com/seerr-team/seerr/issues/3050.

    Args:
        content: the body as received.
        content_encoding: value of the ``Content-Encoding`` header, several codings separated by commas; None
            or empty for none.
        max_size: largest size in bytes of the body and of every decoding step; None for no limit.

    Returns:
        The decoded body.

    Raises:
        BodyTooLarge: the body or its decoded form is larger than ``max_size``.
        httpx.DecodingError: the body is cut short or broken, or in no encoding that is known here.
    """
    if max_size is not None and len(content) > max_size:
        raise BodyTooLarge(len(content), max_size)
    if not content_encoding and not content.startswith(_GZIP_MAGIC):
        return content
    for part in reversed((content_encoding or "").split(",")):
        coding = part.strip(_AROUND_CODING).lower()
        # Some servers name an encoding on an answer without a body (to HEAD, or 304).
        if content and coding not in ("", "identity"):
            content = _undo(coding, content, max_size)
    for _ in range(_MOST_UNLABELLED):
        if not _is_gzip(content):
            break
        content = _inflate(content, _GZIP_OR_ZLIB, max_size)
    return content


def _undo(coding: str, content: bytes, max_size: int | None) -> bytes:
    """Undo the coding that the content is in, or else the one that is named."""
    if _is_gzip(content) or _is_zlib(content):
        return _inflate(content, _GZIP_OR_ZLIB, max_size)
    is_text = _is_text(content)
    if coding in _DEFLATE:
        # Without a header, as some servers send it.
        try:
            return _inflate(content, -zlib.MAX_WBITS, max_size)
        except httpx.DecodingError:
            if is_text:
                return content
            raise
    if is_text:
        return content
    with suppress(httpx.DecodingError, BodyTooLarge):
        decoded = _inflate(content, -zlib.MAX_WBITS, max_size)
        # Raw deflate has no mark of its own: what comes of something else is noise.
        if decoded and _is_text(decoded):
            return decoded
    raise httpx.DecodingError(f"Content-Encoding {coding[:40]!r} is not supported, or the body is not in it")


def _is_gzip(content: bytes) -> bool:
    """Return whether a body is gzip; its first two bytes may be those of something else."""
    if not content.startswith(_GZIP_MAGIC):
        return False
    try:
        zlib.decompressobj(_GZIP_OR_ZLIB).decompress(content[:1024], 1)
    except zlib.error:
        return False
    return True


def _is_zlib(content: bytes) -> bool:
    """Return whether a body begins as zlib's format does (RFC 1950)."""
    return len(content) > 1 and content[0] & 0x8F == 0x08 and int.from_bytes(content[:2], "big") % 31 == 0


def _is_text(content: bytes) -> bool:
    """Return whether a body is text, as JSON is; what is compressed is not."""
    if content.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"{", b"["):
        return True
    try:
        return not _CONTROL.search(content.decode())
    except UnicodeDecodeError:
        return False


def _inflate(content: bytes, wbits: int, max_size: int | None) -> bytes:
    """Inflate a stream, or all members of gzip; padding behind the last one is ignored, as gzip itself does."""
    parts: list[bytes] = []
    size = 0
    try:
        while True:
            stream = zlib.decompressobj(wbits)
            while not stream.eof:
                part = stream.decompress(content, _STEP)
                content = stream.unconsumed_tail
                if not (part or content or stream.eof):
                    raise zlib.error("it is cut short")  # noqa: TRY301 - as zlib's own
                size += len(part)
                if max_size is not None and size > max_size:
                    raise BodyTooLarge(size, max_size)
                parts.append(part)
            content = stream.unused_data
            if wbits < 0 or not content.startswith(_GZIP_MAGIC):
                return b"".join(parts)
    except zlib.error as error:
        raise httpx.DecodingError(f"The compressed body is broken: {error}") from error
