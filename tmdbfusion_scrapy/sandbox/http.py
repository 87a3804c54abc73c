"""A small HTTP/1.1 server, and the answers that it sends."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import socket
import struct
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from email.utils import formatdate
from functools import cached_property, partial
from hashlib import md5
from http import HTTPStatus
from time import monotonic, time
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import parse_qsl, unquote

import httptools
import msgspec

from tmdbfusion_scrapy.sandbox.words import STATUSES

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tmdbfusion_scrapy.sandbox.service import Traffic


_LONGEST_TARGET = 65_535
_KEEP_ALIVE_SECONDS = 75.0
_STOP_SECONDS = 1.0
_BACKLOG = 1024
# Turns of the loop from an accepted socket to its connection, and some more.
_ACCEPT_TURNS = 5
# Time for bytes to reach the client before a reset overtakes them.
_BEFORE_RESET = 0.05
_REASONS = {status.value: status.phrase for status in HTTPStatus}
_FAILED = "the sandbox failed to answer"
_BODILESS = frozenset({204, 304})


@dataclass
class RecordedRequest:
    """A request as it arrived.

    Args:
        method: HTTP method.
        path: Path with ``/3``, decoded, without the query.
        query: Query parameters, ``api_key`` included; the last one of a name.
        headers: Headers with names in lower case, ``authorization`` included.
        body: Body of a POST or DELETE.
        connection: Number of the connection that carried it, 1 for the first.
        remote: Address of the client.
        keep_alive: False if the connection closes after the answer.
        received_at: Seconds of ``time.monotonic()``.
        number: 1 for the first request, and so on; 0 for one that is not counted.
    """

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    connection: int
    remote: str
    keep_alive: bool
    received_at: float
    number: int = 0


@dataclass(frozen=True)
class Response:
    """An answer, whole or broken.

    ``length`` bytes are announced, those of the body by default; ``chunks`` are sent after the body as the client
    takes them; ``end`` is what becomes of the connection, whatever the headers say.
    """

    status: int
    headers: Sequence[tuple[str, str]] = ()
    body: bytes = b""
    length: int | None = None
    chunks: Iterator[bytes] | None = None
    end: Literal["keep", "close", "reset"] = "keep"

    @cached_property
    def head(self) -> bytes:
        """The status line and the headers, without the blank line after them."""
        lines = [f"HTTP/1.1 {self.status} {_REASONS.get(self.status, '')}"]
        lines += [f"{name}: {value}" for name, value in self.headers]
        if self.status not in _BODILESS:
            lines.append(f"Content-Length: {len(self.body) if self.length is None else self.length}")
        return "\r\n".join([*lines, ""]).encode("latin-1")


RESET = Response(0, end="reset")
"""A TCP reset in the place of an answer."""

if TYPE_CHECKING:
    # An answer that is ready, or makes one.
    Answer = Response | Callable[[], Awaitable[Response]]


class HTTPServer:
    """A listening server; ``handle`` gives the answer to a request, or what makes it until the client leaves."""

    def __init__(self, handle: Callable[[RecordedRequest], Answer], traffic: Traffic) -> None:
        self.handle = handle
        self.traffic = traffic
        self.connections: set[_Connection] = set()
        self._server: asyncio.Server | None = None
        self._date = (0, b"")

    async def start(self, host: str, port: int) -> int:
        """Listen, and return the port; ``OSError`` where the address cannot be listened on."""
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.create_server((host, port), family=family, backlog=_BACKLOG)
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: _Connection(self, loop), sock=listener, backlog=_BACKLOG
        )
        return int(listener.getsockname()[1])

    async def stop(self) -> None:
        """Close all connections, those with a request in flight a second later, and stop listening."""
        if self._server is None:
            return
        # A socket that was accepted just now becomes a connection first: one in the making would be lost.
        with contextlib.suppress(NotImplementedError):
            # Windows' loop has none.
            for listener in self._server.sockets:
                asyncio.get_running_loop().remove_reader(listener.fileno())
        for _ in range(_ACCEPT_TURNS):
            await asyncio.sleep(0)
        self._server.close()
        self._server = None
        tasks = [connection.task for connection in self.connections if connection.task is not None]
        if tasks:
            await asyncio.wait(tasks, timeout=_STOP_SECONDS)
        for connection in self.connections:
            # Who does not read what was written is not waited for.
            waits = connection.task is not None or connection.transport.get_write_buffer_size()
            connection.end("reset" if waits else "close")
        # Transports call connection_lost in the next turns of the loop.
        while self.connections:  # noqa: ASYNC110 - some turns, not a time
            await asyncio.sleep(0)

    def date(self) -> bytes:
        """Return the Date header of this second, and the blank line after the headers."""
        now = int(time())
        if self._date[0] != now:
            self._date = now, f"Date: {formatdate(now, usegmt=True)}\r\n\r\n".encode()
        return self._date[1]


class _Connection(asyncio.Protocol):
    """One connection: its requests are answered one after the other."""

    transport: asyncio.Transport

    def __init__(self, server: HTTPServer, loop: asyncio.AbstractEventLoop) -> None:
        self.task: asyncio.Task[None] | None = None
        self._server = server
        self._loop = loop
        self._parser: Any = httptools.HttpRequestParser(self)
        self._waiting: deque[RecordedRequest] = deque()
        self._writable = asyncio.Event()
        self._writable.set()
        self._answered: RecordedRequest | None = None
        self._idle_since = loop.time()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]
        self._remote = str(transport.get_extra_info("peername")[0])
        self._number = self._server.traffic.connected()
        self._server.connections.add(self)
        self._timer = self._loop.call_later(_KEEP_ALIVE_SECONDS, self._close_idle)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        self._server.connections.discard(self)
        self._server.traffic.disconnected()
        self._timer.cancel()
        self._waiting.clear()
        if self.task is not None:
            self.task.cancel()

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            # The request is answered as if it asked for no upgrade, and what follows it is not read.
            if not self.transport.is_closing():
                self.transport.pause_reading()
        except httptools.HttpParserError as error:
            failed = isinstance(error, httptools.HttpParserCallbackError) and not isinstance(
                error.__context__, httptools.HttpParserInvalidURLError
            )
            if failed:
                self._loop.call_exception_handler(
                    {"message": _FAILED, "exception": error.__context__ or error}
                )
            self.transport.write(Response(500 if failed else 400).head + self._server.date())
            self.end("close")

    def on_message_begin(self) -> None:
        self._target, self._headers, self._body = b"", dict[str, str](), b""

    def on_url(self, url: bytes) -> None:
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        if len(self._target) > _LONGEST_TARGET:
            # Older httptools take the rest of it for all of it.
            raise httptools.HttpParserInvalidURLError
        url = httptools.parse_url(self._target)
        query = dict(parse_qsl((url.query or b"").decode("latin-1"), keep_blank_values=True))
        keep_alive = self._parser.should_keep_alive() and not self._parser.should_upgrade()
        request = RecordedRequest(
            self._parser.get_method().decode(), unquote((url.path or b"/").decode("latin-1")), query,
            self._headers, self._body, self._number, self._remote, keep_alive, monotonic(),
        )  # fmt: skip
        if self.task is None:
            self._answer(request)
        else:
            self._waiting.append(request)

    def _answer(self, request: RecordedRequest) -> None:
        answer = self._server.handle(request)
        if not isinstance(answer, Response) or self._write(answer, request):
            self.task = self._loop.create_task(self._send(answer, request))
            self.task.add_done_callback(partial(self._next, request))

    def _is_idle(self) -> bool:
        return self.task is None

    def _finished(self, request: RecordedRequest) -> None:
        """Count a request as answered, once, before its client can see the answer."""
        if request.number and request is not self._answered:
            self._answered = request
            self._server.traffic.finished()

    def _next(self, request: RecordedRequest, task: asyncio.Task[None]) -> None:
        """Answer the requests that came meanwhile."""
        self.task = None
        self._finished(request)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._loop.call_exception_handler({"message": _FAILED, "exception": error})
            self.end("reset")
        while self._waiting and self._is_idle() and not self.transport.is_closing():
            self._answer(self._waiting.popleft())

    def _write(self, response: Response, request: RecordedRequest) -> bool:
        """Write the head and the body; True if :meth:`_send` has more to do."""
        self._finished(request)
        self._idle_since = self._loop.time()
        if response is RESET:
            self.end("reset")
            return False
        last = b"" if request.keep_alive else b"Connection: close\r\n"
        body = b"" if request.method == "HEAD" else response.body
        self.transport.write(b"".join((response.head, last, self._server.date(), body)))
        if request.method != "HEAD" and (response.chunks is not None or response.end == "reset"):
            return True
        if last or response.end == "close":
            self.end("close")
        return False

    async def _send(self, answer: Answer, request: RecordedRequest) -> None:
        """Send an answer that has to be waited for, or the chunks of one as fast as the client takes them."""
        response = answer if isinstance(answer, Response) else await answer()
        if response is not answer and not self._write(response, request):
            return
        for chunk in response.chunks or ():
            self.transport.write(chunk)
            await self._writable.wait()
        if response.end == "reset":
            await asyncio.sleep(_BEFORE_RESET)
        self.end("close" if response.end == "keep" and not request.keep_alive else response.end)

    def end(self, how: str) -> None:
        """End the connection, unless it is to be kept."""
        if how == "reset":
            # A linger time of 0 turns the FIN into a RST.
            sock = self.transport.get_extra_info("socket")
            if sock is not None:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.transport.abort()
        elif how == "close":
            self.transport.close()

    def _close_idle(self) -> None:
        """Close the connection if nobody used it for long, else look again later."""
        left = self._idle_since + _KEEP_ALIVE_SECONDS - self._loop.time()
        if self.task is None and left <= 0:
            self.end("close")
        else:
            self._timer = self._loop.call_later(max(1.0, left), self._close_idle)

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()


JSON_HEADERS = (("Content-Type", "application/json;charset=utf-8"), ("Vary", "Accept-Encoding"))

# The TMDB code that a bare HTTP status most often carries.
CODE_OF_HTTP_STATUS = {
    400: 18, 401: 7, 403: 45, 404: 34, 405: 42, 406: 19, 422: 5, 429: 25, 500: 11, 501: 2, 502: 43, 503: 9,
    504: 24,
}  # fmt: skip


class TMDBFailure(Exception):
    """A request that TMDB answers with one of its codes, which is the argument."""


def status_reply(code: int, *, message: str | None = None, http_status: int | None = None) -> Response:
    """Return the answer that carries a TMDB code."""
    status, text = STATUSES[code]
    content = {"success": code in {1, 13}, "status_code": code, "status_message": message or text}
    # Seen: these two are cacheable by header.
    cached = (("Cache-Control", "public, max-age=300"),) if code in {7, 34} else ()
    return Response(http_status or status, (*JSON_HEADERS, *cached), msgspec.json.encode(content))


def json_reply(content: Any, max_age: int | None = None) -> Response:
    """Return a 200 with the headers that TMDB sends with it."""
    body = msgspec.json.encode(content)
    digest = md5(body, usedforsecurity=False)
    age = max_age or 2_400 + int.from_bytes(digest.digest()[:4], "big") % 26_400
    etag = f'W/"{digest.hexdigest()}"'
    return Response(200, (*JSON_HEADERS, ("Cache-Control", f"public, max-age={age}"), ("ETag", etag)), body)


class PreparedReply:
    """A good answer with all that is made of it once, however often it is asked for."""

    def __init__(self, plain: Response) -> None:
        self.plain = plain
        self._etag = next((value for name, value in plain.headers if name.lower() == "etag"), None)

    @cached_property
    def gzipped(self) -> Response:
        """The compressed answer, the same bytes each time."""
        body = gzip.compress(self.plain.body, compresslevel=4, mtime=0)
        return replace(self.plain, headers=(*self.plain.headers, ("Content-Encoding", "gzip")), body=body)

    @property
    def size(self) -> int:
        """The bytes to reckon: the body, a third of it for the compressed one, and the objects around it."""
        return len(self.plain.body) * 4 // 3 + 1500

    def response(self, request: RecordedRequest, *, conditional: bool) -> Response:
        """Return the answer as a client takes it; 304 for an ETag that it has if that is ``conditional``."""
        if conditional and self._etag and request.headers.get("if-none-match") == self._etag:
            return Response(304, [pair for pair in self.plain.headers if pair[0].lower() != "content-type"])
        if self.plain.body and accepts_gzip(request.headers.get("accept-encoding", "")):
            return self.gzipped
        return self.plain


def accepts_gzip(accept_encoding: str) -> bool:
    """Tell whether an Accept-Encoding header takes gzip."""
    for item in accept_encoding.lower().replace(" ", "").split(","):
        name, _, parameter = item.partition(";")
        if name == "gzip":
            return parameter not in {"q=0", "q=0.0", "q=0.00", "q=0.000"}
    return False
