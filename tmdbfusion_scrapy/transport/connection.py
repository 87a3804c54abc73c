"""One connection that speaks HTTP/1.1.

The parser is httptools', which is llhttp, the parser of Node.js (https://github.com/MagicStack/httptools).
"""

from __future__ import annotations

import asyncio
import math
import sys
from contextlib import aclosing
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, cast

import httptools

from tmdbfusion_scrapy.http import httpx
from tmdbfusion_scrapy.transport.answer import Answer, NetworkStream, Stale
from tmdbfusion_scrapy.transport.errors import caused, closed_under_request, lost, not_http, timed_out
from tmdbfusion_scrapy.transport.outgoing import check_length, framed

if TYPE_CHECKING:
    import socket
    from collections.abc import AsyncGenerator

    from tmdbfusion_scrapy.transport.outgoing import Origin, Outgoing
    from tmdbfusion_scrapy.transport.pool import Pool

_MAX_HEAD: Final = 256 * 1024
"""Bytes of a response's status line and headers; some CDNs send more than the 8 KB that many clients take."""

_WITHOUT_BODY: Final = frozenset({HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED})
"""Statuses of answers without a body, whatever their headers say (RFC 9112, section 6.3)."""

_SOON: Final = 0.001
"""Seconds by which a timer may come early."""


class Connection(asyncio.Protocol):
    """One connection of a pool, lent to one request at a time; a place of the pool while it is not open yet.

    Attributes:
        carried: Requests that it has carried, with the one that it carries.
        opening: The task that opens it now.
        was_connected: True if it has had a socket; then there is a `transport`.
        is_established: True if all that it takes to open it was done.
    """

    transport: asyncio.Transport

    def __init__(self, pool: Pool, origin: Origin) -> None:
        self.loop = pool.loop
        self.origin = origin
        self.idle_since = 0.0
        self.carried = 0
        self.opening: asyncio.Task[None] | None = None
        self.was_connected = self.is_open = self.is_established = False
        self.socket: socket.socket | None = None
        self.network_stream: NetworkStream | None = None
        self._pool = pool
        self._parser: httptools.HttpResponseParser | None = None
        self._answer: Answer | None = None
        self._is_given_up = False
        self._keeps_alive = True
        self._heard_at = 0.0
        self._is_paused = False
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0
        self._sender: asyncio.Task[None] | None = None
        self._writable = asyncio.Event()
        self._writable.set()

    def secure(self, transport: asyncio.Transport) -> None:
        """Go on over TLS."""
        self.transport = transport
        self.network_stream = NetworkStream(transport)

    def send(self, outgoing: Outgoing, *, timeouts: Any, total_at: float | None) -> Answer:
        """Send a request and return its answer, which is still to come; ``total_at`` is on the loop's clock."""
        answer = self._answer = Answer(self, ends_with_head=outgoing.method == "HEAD")
        answer.read_timeout, answer.total_at = timeouts.get("read"), total_at
        self.carried += 1
        self._keeps_alive = outgoing.keeps_alive
        if self._parser is None:
            self._parser = httptools.HttpResponseParser(self)
        self.transport.write(outgoing.head)
        if outgoing.body is not None:
            self._sender = self.loop.create_task(
                self._send_body(outgoing, outgoing.body, answer, timeouts.get("write"))
            )
            self._sender.add_done_callback(self._on_sent)
        return answer

    async def connect_through(self, head: bytes) -> Answer:
        """Ask a proxy for a tunnel and return its answer."""
        answer = self._answer = Answer(self, ends_with_head=True)
        self._parser = httptools.HttpResponseParser(self)
        self.transport.write(head)
        await answer.head()
        self._parser = None
        return answer

    def watch(self) -> None:
        """See to it that the answer's time-outs are noticed from now on."""
        self._heard_at = self.loop.time()
        if self._answer is not None:
            self._set_timer(self._due(self._answer)[0])

    def abort(self) -> None:
        """Close at once, without TLS's farewell; the pool is told when the socket is closed."""
        self.is_open = False
        if self.was_connected:
            if sys.version_info < (3, 11):
                # Its TLS transport warns of never having been closed when it was only aborted.
                self.transport.close()
            self.transport.abort()

    def interrupt(self) -> None:
        """Close it under the request that it carries, or that waits for it to open."""
        if self.opening is not None and not self.opening.done():
            self.cancel_opening()
        elif self._answer is None:
            self.abort()
        else:
            self._break(closed_under_request(self.origin))

    def cancel_opening(self) -> None:
        """Give up opening it, once: it closes what is open so far then, which may take a while."""
        if self.opening is not None and not self._is_given_up:
            self._is_given_up = True
            self.opening.cancel()

    def pause_reading(self) -> None:
        """Slow the peer down."""
        if not self._is_paused and self.is_open:
            self._is_paused = True
            self.transport.pause_reading()

    def resume_reading(self) -> None:
        """Let the peer go on."""
        if self._is_paused and self.is_open:
            self._is_paused = False
            self.transport.resume_reading()

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport of a new connection."""
        # Not checked: those of uvloop are transports by what they do only.
        self.secure(cast("asyncio.Transport", transport))
        self.was_connected = self.is_open = True

    def data_received(self, data: bytes) -> None:
        """Parse what came."""
        answer = self._answer
        if answer is None or self._parser is None:
            # Nobody asked: what came, and what comes, is no answer to the next request.
            self.abort()
            return
        self._heard_at = self.loop.time()
        answer.heard += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._keeps_alive = False
            answer.complete()
        except httptools.HttpParserError as error:
            self._break(not_http(self.origin, error))
            return
        if answer.is_complete:
            self._finish()
        elif answer.heard > _MAX_HEAD and not answer.has_head:
            self._break(not_http(self.origin, ValueError(f"a head of more than {_MAX_HEAD} bytes")))

    def connection_lost(self, exc: Exception | None) -> None:
        """Take note that the connection is closed."""
        self.is_open = False
        if sys.version_info < (3, 11):
            # Its TLS transport warns of never having been closed when the peer did it.
            self.transport.close()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._writable.set()
        answer, self._answer = self._answer, None
        self._parser = None
        if answer is None:
            pass
        elif not answer.has_head:
            error = lost(self.origin, exc, has_heard=answer.heard > 0)
            answer.fail(error if answer.heard or self.carried < 2 else Stale(error))
        elif exc is None and not _has_length(answer.headers):
            answer.complete()
        else:
            error = httpx.RemoteProtocolError(f"The body from {self.origin.target} was cut short")
            answer.fail(caused(error, exc or EOFError()))
        if self._sender is not None:
            self._sender.cancel()
        # The socket is closed when this has returned.
        self.loop.call_soon(self._pool.forget, self)

    def pause_writing(self) -> None:
        """Let the body wait until the peer has taken what was sent."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """Let the body go on."""
        self._writable.set()

    # What the parser calls.

    def on_message_begin(self) -> None:
        """Notice an answer too many."""
        if self._answer is None or self._answer.is_complete:
            self._keeps_alive = False

    def on_status(self, status: bytes) -> None:
        """Take the reason phrase, or a piece of it."""
        if self._answer is not None and not self._answer.is_complete:
            self._answer.reason += status

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header."""
        answer = self._answer
        # Behind the last chunk of a body there may be more of them, which nobody asked for.
        if answer is not None and not answer.has_head:
            answer.headers.append((name, value))

    def on_headers_complete(self) -> None:
        """Take the head, but for those that announce the real one."""
        answer, parser = self._answer, self._parser
        if answer is None or parser is None or answer.is_complete:
            return
        status = parser.get_status_code()
        if 100 <= status < 200 and status != 101:
            return
        answer.begin(status, parser.get_http_version())
        if answer.ends_with_head or status in _WITHOUT_BODY:
            # The parser does not know of the method, nor, in older versions, what these statuses mean where a
            # Content-Length is given; it would wait for a body.
            self._keeps_alive = self._keeps_alive and parser.should_keep_alive()
            self._parser = None
            answer.complete()

    def on_body(self, body: bytes) -> None:
        """Take a piece of the body."""
        answer = self._answer
        if answer is None or answer.is_complete:
            self._keeps_alive = False
        else:
            answer.feed(body)

    def on_message_complete(self) -> None:
        """Take note of the end of an answer."""
        answer, parser = self._answer, self._parser
        if answer is None or parser is None or answer.is_complete:
            return
        if not answer.has_head:
            # The announcement is over.
            answer.headers.clear()
            answer.reason = b""
            return
        self._keeps_alive = self._keeps_alive and parser.should_keep_alive()
        answer.complete()

    # The rest of an exchange.

    def _finish(self) -> None:
        """Let the connection be used for the next request, or close it."""
        self._answer = None
        if not self.is_established:
            # A tunnel that a proxy has opened: what comes next is TLS.
            return
        if self._sender is not None and not self._sender.done():
            # The answer is complete while the request's body is still being sent.
            self._keeps_alive = False
            self._sender.cancel()
        self._sender = None
        if self._keeps_alive and self.is_open and not self.transport.is_closing():
            self.resume_reading()
            self._pool.give_back(self)
        else:
            self.abort()

    def _break(self, error: Exception) -> None:
        """End the answer that is under way with an error, and close the connection."""
        if self._answer is not None:
            self._answer.fail(error)
        self.abort()

    def _due(self, answer: Answer) -> tuple[float, str]:
        """Return when the next time-out is due, and which it is; reading has none where nobody waits for it."""
        due, which = math.inf if answer.total_at is None else answer.total_at, "total"
        if answer.read_timeout is not None and answer.waiter is not None and self._sender is None:
            read_due = self._heard_at + answer.read_timeout
            if read_due < due:
                due, which = read_due, "read"
        return due, which

    def _set_timer(self, due: float) -> None:
        """Have the time-outs looked at, at the latest when this is due."""
        if due == math.inf or (self._timer is not None and self._timer_at <= due):
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer_at = due
        self._timer = self.loop.call_at(due, self._look_at_clock)

    def _look_at_clock(self) -> None:
        """End the answer if its time is over, else come back when the next time-out is due."""
        self._timer = None
        if self._answer is None:
            return
        due, which = self._due(self._answer)
        if due - self.loop.time() < _SOON:
            self._break(timed_out(self.origin, which))
        else:
            self._set_timer(due)

    async def _send_body(
        self, outgoing: Outgoing, body: AsyncGenerator[bytes, None], answer: Answer, timeout: float | None
    ) -> None:
        """Send a body in pieces, as the peer takes them."""
        sent = 0
        async with aclosing(body) as pieces:
            async for piece in pieces:
                sent += len(piece)
                if outgoing.length is not None and sent > outgoing.length:
                    check_length(outgoing.length, sent)
                if piece:
                    self.transport.write(framed(piece) if outgoing.is_chunked else piece)
                if not self._writable.is_set():
                    try:
                        await asyncio.wait_for(self._writable.wait(), timeout)
                    except asyncio.TimeoutError:
                        raise timed_out(self.origin, "write") from None
                if not self.is_open or answer.has_head:
                    self._keeps_alive = False
                    return
        check_length(outgoing.length, sent)
        if outgoing.is_chunked:
            self.transport.write(framed(b""))

    def _on_sent(self, sender: asyncio.Task[None]) -> None:
        """Let the read time-out count from now on, or end the answer with what was wrong with the body."""
        if self._sender is sender:
            self._sender = None
        if sender.cancelled():
            return
        error = sender.exception()
        if error is None:
            self.watch()
        else:
            # What the caller's own stream raised arrives as it is.
            self._break(error if isinstance(error, Exception) else RuntimeError(repr(error)))


def _has_length(headers: list[tuple[bytes, bytes]]) -> bool:
    """Return whether something else than the connection's end marks the body's end."""
    named = {name.lower(): value for name, value in headers}
    return b"content-length" in named or b"chunked" in named.get(b"transfer-encoding", b"").lower()
