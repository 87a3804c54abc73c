"""One connection that speaks HTTP/1.1.

The parser is httptools', which is llhttp, the parser of Node.js (https://github.com/MagicStack/httptools).
"""

from __future__ import annotations

import asyncio
import sys
from contextlib import aclosing
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, cast

import httptools

from tmdbfusion_scrapy.http import httpx
from tmdbfusion_scrapy.transport.answer import Answer, NetworkStream, Stale
from tmdbfusion_scrapy.transport.errors import closed_under_request, cut_short, lost, not_http, timed_out
from tmdbfusion_scrapy.transport.outgoing import check_length, framed

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from tmdbfusion_scrapy.transport.outgoing import Origin, Outgoing

_MAX_HEAD: Final = 256 * 1024
"""Bytes of a response's status line and headers; some CDNs send more than the 8 KB that many clients take."""

_WITHOUT_BODY: Final = frozenset({HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED})
"""Statuses of answers without a body, whatever their headers say (RFC 9112, section 6.3)."""

_SOON: Final = 0.001
"""Seconds by which a timer may come early."""


class Connection(asyncio.Protocol):
    """One connection of a pool, lent to one request at a time; a place of the pool while it is not open yet."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        origin: Origin,
        on_idle: Callable[[Connection], None],
        on_closed: Callable[[Connection], None],
    ) -> None:
        self.loop = loop
        self.origin = origin
        self.idle_since = 0.0
        self.carried = 0
        self.opening: asyncio.Task[None] | None = None
        """The task that opens it now."""
        self.is_interrupted = False
        """True if the pool was closed under the request that waits for it to open."""
        self.is_open = False
        self.is_established = False
        """True if all that it takes to open it was done."""
        self.socket: socket.socket | None = None
        self.network_stream: NetworkStream | None = None
        self._on_idle = on_idle
        self._on_closed = on_closed
        self._transport: asyncio.Transport | None = None
        self._parser: httptools.HttpResponseParser | None = None
        self._answer: Answer | None = None
        self._is_given_up = False
        self._keeps_alive = True
        self._heard_at = 0.0
        self._has_heard = False
        self._head_size = 0
        self._is_paused = False
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0
        self._sender: asyncio.Task[None] | None = None
        self._writable: asyncio.Future[None] | None = None

    @property
    def was_connected(self) -> bool:
        """True if it has had a socket."""
        return self._transport is not None

    @property
    def is_closing(self) -> bool:
        """True if it is being closed."""
        return self._transport is not None and not self.is_open

    @property
    def transport(self) -> asyncio.Transport:
        """The transport below; there is one from the time that it is connected."""
        if self._transport is None:
            raise RuntimeError("the connection is not open")
        return self._transport

    def secure(self, transport: asyncio.Transport) -> None:
        """Go on over TLS."""
        self._transport = transport
        self.network_stream = NetworkStream(transport)

    def send(self, outgoing: Outgoing, *, timeouts: Any, total_at: float | None) -> Answer:
        """Send a request and return its answer, which is still to come; ``total_at`` is on the loop's clock."""
        answer = self._answer = Answer(
            self,
            ends_with_head=outgoing.method == "HEAD",
            read_timeout=timeouts.get("read"),
            total_at=total_at,
        )
        self.carried += 1
        self._keeps_alive = outgoing.keeps_alive
        self._has_heard = False
        self._head_size = 0
        if self._parser is None:
            self._parser = httptools.HttpResponseParser(self)
        self.transport.write(outgoing.head)
        if outgoing.body is not None:
            self._sender = self.loop.create_task(self._send_body(outgoing, answer, timeouts.get("write")))
            self._sender.add_done_callback(partial(self._on_sent, answer))
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
        now = self._heard_at = self.loop.time()
        answer = self._answer
        if answer is None:
            return
        due = answer.total_at
        if answer.read_timeout is not None and self._sender is None:
            due = now + answer.read_timeout if due is None else min(due, now + answer.read_timeout)
        if due is not None:
            self._set_timer(due)

    def abort(self) -> None:
        """Close at once, without TLS's farewell; `on_closed` is called when the socket is closed."""
        self.is_open = False
        if self._transport is not None:
            if sys.version_info < (3, 11):
                # Its TLS transport warns of never having been closed when it was only aborted.
                self._transport.close()
            self._transport.abort()

    def interrupt(self) -> None:
        """Close it under the request that it carries."""
        self.is_interrupted = True
        if self.opening is not None and not self.opening.done():
            self.cancel_opening()
            return
        if self._answer is not None:
            self._answer.fail(closed_under_request(self.origin))
        self.abort()

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
        self.is_open = True

    def data_received(self, data: bytes) -> None:
        """Parse what came."""
        answer = self._answer
        if answer is None or self._parser is None:
            # Nobody asked: what came, and what comes, is no answer to the next request.
            self.abort()
            return
        self._heard_at = self.loop.time()
        self._has_heard = True
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._keeps_alive = False
            answer.complete()
        except httptools.HttpParserError as error:
            answer.fail(not_http(self.origin, error))
            self.abort()
            return
        if answer.is_complete:
            self._finish()
        elif not answer.has_head:
            self._head_size += len(data)
            if self._head_size > _MAX_HEAD:
                answer.fail(not_http(self.origin, ValueError(f"a head of more than {_MAX_HEAD} bytes")))
                self.abort()

    def eof_received(self) -> None:
        """Take note that the peer sends no more; the transport closes itself."""

    def connection_lost(self, exc: Exception | None) -> None:
        """Take note that the connection is closed."""
        self.is_open = False
        if sys.version_info < (3, 11) and self._transport is not None:
            # Its TLS transport warns of never having been closed when the peer did it.
            self._transport.close()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)
        answer, self._answer = self._answer, None
        self._parser = None
        if answer is not None:
            self._end_with_connection(answer, exc)
        if self._sender is not None:
            self._sender.cancel()
        # The socket is closed when this has returned.
        self.loop.call_soon(self._on_closed, self)

    def pause_writing(self) -> None:
        """Let the body wait until the peer has taken what was sent."""
        if self._writable is None or self._writable.done():
            self._writable = self.loop.create_future()

    def resume_writing(self) -> None:
        """Let the body go on."""
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)

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
            self._on_idle(self)
        else:
            self.abort()

    def _end_with_connection(self, answer: Answer, exc: Exception | None) -> None:
        """End an answer whose connection is closed."""
        if not answer.has_head:
            if self.carried > 1 and not self._has_heard:
                answer.fail(Stale(lost(self.origin, exc, has_heard=False)))
            else:
                answer.fail(lost(self.origin, exc, has_heard=self._has_heard))
        elif exc is None and not _has_length(answer.headers):
            answer.complete()
        else:
            answer.fail(cut_short(self.origin, exc))

    def _set_timer(self, due: float) -> None:
        """Have the time-outs looked at, at the latest when this is due."""
        if self._timer is not None:
            if self._timer_at <= due:
                return
            self._timer.cancel()
        self._timer_at = due
        self._timer = self.loop.call_at(due, self._look_at_clock)

    def _look_at_clock(self) -> None:
        """End the answer if its time is over, else come back when the next time-out is due."""
        self._timer = None
        answer = self._answer
        if answer is None:
            return
        now = self.loop.time()
        due = answer.total_at
        if due is not None and due - now < _SOON:
            answer.fail(timed_out(httpx.ReadTimeout, self.origin, "total"))
            self.abort()
            return
        if answer.read_timeout is not None and answer.is_awaited and self._sender is None:
            read_due = self._heard_at + answer.read_timeout
            if read_due - now < _SOON:
                answer.fail(timed_out(httpx.ReadTimeout, self.origin, "read"))
                self.abort()
                return
            due = read_due if due is None else min(due, read_due)
        if due is not None:
            self._set_timer(due)

    async def _send_body(self, outgoing: Outgoing, answer: Answer, timeout: float | None) -> None:
        """Send a body in pieces, as the peer takes them."""
        sent = 0
        assert outgoing.body is not None  # noqa: S101 - its caller looked
        async with aclosing(outgoing.body) as pieces:
            async for piece in pieces:
                sent += len(piece)
                if outgoing.length is not None and sent > outgoing.length:
                    check_length(outgoing.length, sent)
                if piece:
                    self.transport.write(framed(piece) if outgoing.is_chunked else piece)
                await self._drained(timeout)
                if not self.is_open or answer.has_head:
                    self._keeps_alive = False
                    return
        check_length(outgoing.length, sent)
        if outgoing.is_chunked:
            self.transport.write(framed(b""))

    def _on_sent(self, answer: Answer, sender: asyncio.Task[None]) -> None:
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
            answer.fail(error if isinstance(error, Exception) else RuntimeError(repr(error)))
            self.abort()

    async def _drained(self, timeout: float | None) -> None:
        """Wait until the peer has taken enough of what was sent."""
        if self._writable is not None and not self._writable.done():
            done, _ = await asyncio.wait((self._writable,), timeout=timeout)
            if not done:
                raise timed_out(httpx.WriteTimeout, self.origin, "write")


def _has_length(headers: list[tuple[bytes, bytes]]) -> bool:
    """Return whether something else than the connection's end marks the body's end."""
    for name, value in headers:
        lowered = name.lower()
        if lowered == b"content-length" or (lowered == b"transfer-encoding" and b"chunked" in value.lower()):
            return True
    return False
