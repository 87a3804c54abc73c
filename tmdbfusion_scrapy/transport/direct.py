"""A request on a connection that is open already, without what aiohttp does to open one.

Of the time that a small exchange takes in aiohttp, more than half goes into its session, its request and its
response (benchmarks/transport.py). None of them is needed to write a head and to read the answer with aiohttp's
own parser. Whatever is not plain, goes through aiohttp's session as a whole.
"""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Any, Final, cast

import aiohttp
import httpx
from aiohttp.http_exceptions import HttpProcessingError

from tmdbfusion_scrapy.transport.lanes import MAX_HEADER, ConnectionDied

if TYPE_CHECKING:
    from aiohttp.client_proto import ResponseHandler
    from aiohttp.http_parser import RawResponseMessage
    from aiohttp.streams import StreamReader

    from tmdbfusion_scrapy.transport.lanes import Lane, Link

WITHOUT_BODY: Final = frozenset({"GET", "HEAD"})

_PRINTABLE: Final = bytes(range(0x20, 0x7F))
_IN_TARGET: Final = bytes(set(range(0x21, 0x7F)) - {ord("#")})

_NEEDS_CARE: Final = re.compile(
    rb"\n(?:connection|content-length|expect|transfer-encoding|upgrade):", re.IGNORECASE
)
"""Headers that change how the exchange goes on."""

_READ_BUFFER: Final = 64 * 1024
"""Bytes of a body that wait to be read before the peer is slowed down; aiohttp's default."""


def plain_head(request: httpx.Request) -> bytes | None:
    """Return the bytes of a request that has nothing but a head, ``None`` where aiohttp has to look at it.

    Args:
        request: Its extension ``target`` goes before the path and query of its URL.
    """
    if request.method not in WITHOUT_BODY:
        return None
    try:
        if request.content:
            return None
    except httpx.RequestNotRead:
        return None
    fields = request.headers.raw
    target: bytes = request.extensions.get("target") or request.url.raw_path
    if not fields or fields[0][0].lower() != b"host" or target[:1] != b"/":
        return None
    lines = [b"%b: %b" % field for field in fields]
    text = b"\n".join(lines)
    # One line break more or a control character would be another header, or none at all.
    if target.translate(None, _IN_TARGET) or len(text.translate(None, _PRINTABLE)) != len(lines) - 1:
        return None
    if _NEEDS_CARE.search(text):
        return None
    return b"%b %b HTTP/1.1\r\n%b\r\n\r\n" % (request.method.encode(), target, b"\r\n".join(lines))


class DirectResponse:
    """A response whose head is there: what there is to it of aiohttp's ``ClientResponse``."""

    __slots__ = ("_message", "_timer", "content", "link", "method")

    def __init__(
        self,
        method: str,
        link: Link,
        message: RawResponseMessage,
        content: StreamReader,
        timer: asyncio.TimerHandle | None,
    ) -> None:
        self.method = method
        self.link = link
        self.content = content
        self._message = message
        self._timer = timer
        if timer is not None:
            content.on_eof(timer.cancel)

    @property
    def status(self) -> int:
        """The status code."""
        return self._message.code

    @property
    def reason(self) -> str:
        """The reason phrase."""
        return self._message.reason

    @property
    def version(self) -> aiohttp.HttpVersion:
        """The version of HTTP."""
        return self._message.version

    @property
    def headers(self) -> Any:
        """The headers, by names in any case of letters."""
        return self._message.headers

    @property
    def raw_headers(self) -> Any:
        """The headers as sent."""
        return self._message.raw_headers

    @property
    def connection(self) -> Link | None:
        """The connection, ``None`` when the body has arrived."""
        return None if self.content.is_eof() else self.link

    def close(self) -> None:
        """Let the body go; whoever reads it gets an error."""
        if self._timer is not None:
            self._timer.cancel()
        if not self.content.is_eof() and self.content.exception() is None:
            self.content.set_exception(aiohttp.ClientConnectionError("Connection closed"))


class _TotalTime:
    """Ends an exchange when its time is over: who waits for its head or body gets the error."""

    __slots__ = ("content", "protocol")

    def __init__(self, protocol: ResponseHandler) -> None:
        self.protocol = protocol
        self.content: StreamReader | None = None

    def __call__(self) -> None:
        error = asyncio.TimeoutError()
        self.protocol.set_exception(error)
        if self.content is not None:
            self.content.set_exception(error)


async def send_directly(
    lane: Lane, link: Link, method: str, head: bytes, *, read: float | None, total: float | None
) -> DirectResponse:
    """Send a request on a lane's open connection and return its response as soon as the head is there.

    Args:
        lane: The lane, lent to this request.
        link: Its connection.
        method: GET or HEAD.
        head: Of :func:`plain_head`.
        read: Seconds without a byte before it is given up.
        total: Seconds until the last byte of the body.

    Raises:
        ConnectionDied: The connection ended before a response head had arrived.
        aiohttp.ClientError: What came is no HTTP, or nothing came in time.
        asyncio.TimeoutError: The total time is over.
    """
    if not link.reusable:
        raise ConnectionDied
    lane.note_use()
    protocol = link.protocol
    timer: asyncio.TimerHandle | None = None
    expiry = _TotalTime(protocol)
    protocol.set_response_params(
        skip_payload=method == "HEAD",
        read_until_eof=True,
        auto_decompress=False,
        read_timeout=read,
        read_bufsize=_READ_BUFFER,
        max_line_size=MAX_HEADER,
        max_field_size=MAX_HEADER,
    )
    protocol.start_timeout()
    if total is not None:
        timer = lane.loop.call_later(total, expiry)
    try:
        link.transport.write(head)
        message, content = await protocol.read()
        while 100 <= message.code < 200 and message.code != 101:
            message, content = await protocol.read()
    except BaseException as error:
        if timer is not None:
            timer.cancel()
        if isinstance(error, (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError)):
            raise ConnectionDied from error
        if isinstance(error, HttpProcessingError):
            # As aiohttp puts it; of the request it would know the URL alone, which is not for messages.
            raise aiohttp.ClientResponseError(
                cast("Any", None), (), status=error.code, message=error.message
            ) from error
        raise
    expiry.content = content
    return DirectResponse(method, link, message, content, timer)
