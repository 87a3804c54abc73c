"""One HTTP/2 connection: what h2 says and hears."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions
import h2.settings
import httpx

from tmdbfusion_scrapy.transport.http2_streams import Ending, Slots, Stream, Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from aiohttp.connector import Connection

    from tmdbfusion_scrapy.transport.lanes import Link

_STREAM_WINDOW: Final = 2**20
"""Bytes of a body that may wait to be read: more than a body of TMDB's, so none waits for a WINDOW_UPDATE."""

_CONNECTION_WINDOW: Final = 2**27
"""Bytes of all bodies together: 128 bodies that nobody reads do not hold up the others."""

_FRAME_HEAD: Final = 9
_GOAWAY: Final = 7

_HTTP1_ONLY: Final = frozenset(
    {b"host", b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade"}
)
"""Headers that HTTP/2 forbids, or has another form for (RFC 9113, 8.2.2)."""


class Http2Connection(asyncio.Protocol):
    """A connection that many exchanges share.

    It starts with one stream, until the server has said how many it allows.

    Args:
        connection: What aiohttp opened, with h2 agreed on.
        link: Of the connection.
    """

    def __init__(self, connection: Connection, link: Link) -> None:
        self.network_stream = link.network_stream
        self.heard_at = 0.0
        """When bytes arrived last, of the event loop's clock."""
        self.on_free: Callable[[], None] | None = None
        """Called when nobody uses the connection any more."""
        self.carried = 0
        """Requests that were sent."""
        self._connection = connection
        self._transport = link.transport
        self._h2 = h2.connection.H2Connection(
            h2.config.H2Configuration(header_encoding=None, validate_inbound_headers=False)
        )
        self._buffer = bytearray()
        self._streams: dict[int, Stream] = {}
        self._slots = Slots()
        self._has_answered = False
        self._is_full = False
        self._retired = False
        self.ending: Ending | None = None
        """Why it takes no more requests."""
        self._closed = False

    def start(self, early: bytes) -> None:
        """Send the preface, and read what came before this became the transport's protocol."""
        settings = {
            h2.settings.SettingCodes.ENABLE_PUSH: 0,
            h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: _STREAM_WINDOW,
            h2.settings.SettingCodes.MAX_HEADER_LIST_SIZE: 2**16,
        }
        self._h2.local_settings = h2.settings.Settings(client=True, initial_values=settings)
        # As httpcore does: some servers balk at this setting.
        del self._h2.local_settings[h2.settings.SettingCodes.ENABLE_CONNECT_PROTOCOL]
        self._h2.initiate_connection()
        self._h2.increment_flow_control_window(_CONNECTION_WINDOW)
        self._flush()
        if early:
            self.data_received(early)

    @property
    def takes_requests(self) -> bool:
        """Whether a new request may be sent."""
        return not self._retired and not self._transport.is_closing()

    @property
    def waiting(self) -> int:
        """Requests that wait for a place among the streams."""
        return self._slots.waiting

    @property
    def is_free(self) -> bool:
        """Whether nobody uses it or waits to."""
        return self._slots.is_free

    # What requests do.

    async def enter(self, timeout: float | None) -> None:
        """Wait for a place among the streams that the server allows, in order; `leave` gives it back.

        Raises:
            Unavailable: the connection takes no more requests.
            asyncio.TimeoutError: there was no place within ``timeout`` seconds.
        """
        if not self.takes_requests:
            raise Unavailable(self.ending)
        try:
            await self._slots.enter(timeout)
        except BaseException:
            self._rest()
            raise

    def leave(self, stream: Stream | None) -> None:
        """Give a place back; a stream that is not over is cancelled at the server."""
        if stream is not None:
            self._streams.pop(stream.number, None)
            if not self._closed:
                if not stream.is_reset and not (stream.complete and stream.sent_all):
                    self._h2.reset_stream(stream.number, h2.errors.ErrorCodes.CANCEL)
                self.acknowledge(stream)
                self._flush()
        self._slots.leave()
        self._rest()

    def send_head(self, request: httpx.Request, target: bytes, *, is_last: bool) -> Stream:
        """Send a request's head on a new stream.

        Raises:
            Unavailable: the connection takes no more requests since the place was given, or has no stream
                number left.
            httpx.LocalProtocolError: a header cannot be sent.
        """
        if not self.takes_requests:
            raise Unavailable(self.ending)
        headers = [
            (b":method", request.method.encode("ascii")),
            (b":authority", request.headers.get("Host", "").encode("ascii") or request.url.netloc),
            (b":scheme", request.url.raw_scheme),
            (b":path", target),
        ]
        for name, value in request.headers.raw:
            lowered = name.lower()
            if lowered not in _HTTP1_ONLY:
                headers.append((lowered, value))
        try:
            number = self._h2.get_next_available_stream_id()
            self._h2.send_headers(number, headers, end_stream=is_last)
        except h2.exceptions.NoAvailableStreamIDError:
            self.retire()
            raise Unavailable(None) from None
        except h2.exceptions.ProtocolError:
            # h2 may have taken the stream, or a part of the headers, into its account already.
            self.retire()
            raise httpx.LocalProtocolError("A request header cannot be sent over HTTP/2") from None
        stream = self._streams[number] = Stream(number, asyncio.get_running_loop().time())
        stream.sent_all = is_last
        self.carried += 1
        self._flush()
        return stream

    def send_piece(self, stream: Stream, data: bytes) -> bytes:
        """Send as much of a piece of the body as may be sent now, and return the rest."""
        room = self._h2.local_flow_control_window(stream.number)
        while data and room > 0 and not self._is_full:
            size = min(room, self._h2.max_outbound_frame_size)
            sent, data = data[:size], data[size:]
            self._h2.send_data(stream.number, sent)
            self._flush()
            room -= len(sent)
        return data

    def send_end(self, stream: Stream) -> None:
        """Say that the body is complete."""
        self._h2.end_stream(stream.number)
        stream.sent_all = True
        self._flush()

    def acknowledge(self, stream: Stream) -> None:
        """Let the server send as many bytes as were taken; those of a cancelled stream count, too."""
        if stream.size and not self._closed:
            size, stream.size = stream.size, 0
            self._h2.acknowledge_received_data(size, stream.number)
            self._flush()

    # How it ends.

    def retire(self, ending: Ending | None = None) -> None:
        """Take no more requests; those under way go on."""
        self._retired = True
        self.ending = self.ending or ending
        self._slots.turn_away(ending)

    def terminate(self) -> None:
        """Close, because the pool wants the place."""
        if not self._closed:
            self._h2.close_connection()
            self._flush()
        self._lose(Ending(httpx.ReadError, "The transport was closed under the request"))

    def _lose(self, ending: Ending) -> None:
        """End all streams and the connection."""
        self._closed = True
        self.retire(ending)
        for stream in list(self._streams.values()):
            stream.end(ending)
        # Before abort(): Python 3.10 warns of a TLS transport that was aborted and never closed.
        self._connection.close()
        self._transport.abort()
        self._rest()

    def _rest(self) -> None:
        if self.is_free and self.on_free is not None:
            self.on_free()

    def _flush(self) -> None:
        data = self._h2.data_to_send()
        if data and not self._transport.is_closing():
            self._transport.write(data)

    # What the transport does.

    def data_received(self, data: bytes) -> None:
        """Hear the server."""
        self.heard_at = asyncio.get_running_loop().time()
        self._buffer += data
        try:
            for frame in self._frames():
                if frame[3] == _GOAWAY:
                    self._go_away(frame[_FRAME_HEAD:])
                    continue
                for event in self._h2.receive_data(frame):
                    self._handle(event)
        except h2.exceptions.ProtocolError as error:
            # h2 has a farewell to send.
            self._flush()
            message = f"{{target}} sent something that is not HTTP/2 ({type(error).__name__})"
            self._lose(Ending(httpx.RemoteProtocolError, message, self._has_answered))
            return
        if not self._closed:
            self._flush()

    def connection_lost(self, exc: Exception | None) -> None:
        """Hear that the connection is gone."""
        if isinstance(exc, OSError):
            ending = Ending(httpx.ReadError, "The connection to {target} broke", self._has_answered, exc)
        else:
            message = "{target} closed the connection under the request"
            ending = Ending(httpx.RemoteProtocolError, message, self._has_answered)
        self._lose(ending)

    def pause_writing(self) -> None:
        """Hear that the socket takes no more."""
        self._is_full = True

    def resume_writing(self) -> None:
        """Hear that it does again."""
        self._is_full = False
        self._wake_all()

    def _wake_all(self) -> None:
        """Let request bodies go on."""
        for stream in self._streams.values():
            stream.wake()

    def _frames(self) -> Iterator[bytes]:
        """Give whole frames out of the buffer. One that is too large is refused at once, and not collected."""
        buffer = self._buffer
        while len(buffer) >= _FRAME_HEAD and not self._closed:
            size = _FRAME_HEAD + int.from_bytes(buffer[:3], "big")
            if size > _FRAME_HEAD + self._h2.max_inbound_frame_size:
                raise h2.exceptions.FrameTooLargeError("A frame is longer than it may be")
            if len(buffer) < size:
                return
            frame = bytes(buffer[:size])
            del buffer[:size]
            yield frame

    def _go_away(self, payload: bytes) -> None:
        """Take no more requests, and let those end that the server still answers.

        h2 is not told: it would refuse all frames that follow (https://github.com/python-hyper/h2/issues/1181).
        """
        last = int.from_bytes(payload[:4], "big") & 0x7FFFFFFF
        message = "{target} closed the connection to new requests"
        unseen = Ending(httpx.RemoteProtocolError, message, is_repeatable=True, is_goaway=True)
        self.retire(unseen)
        for stream in list(self._streams.values()):
            if stream.number > last:
                stream.end(unseen)
        self._rest()

    def _handle(self, event: h2.events.Event) -> None:
        """Note what a frame said."""
        if isinstance(event, h2.events.RemoteSettingsChanged):
            self._slots.allow(self._h2.remote_settings.max_concurrent_streams)
            self._wake_all()
            return
        number: int = getattr(event, "stream_id", None) or 0
        if isinstance(event, h2.events.WindowUpdated) and not number:
            self._wake_all()
            return
        stream = self._streams.get(number)
        if stream is None:
            return
        if isinstance(event, h2.events.ResponseReceived):
            self._has_answered = True
            stream.status, stream.headers = _read_head(event)
        elif isinstance(event, h2.events.DataReceived):
            if event.data:
                stream.chunks.append(event.data)
            stream.size += event.flow_controlled_length or 0
        elif isinstance(event, h2.events.StreamEnded):
            stream.complete = True
        elif isinstance(event, h2.events.StreamReset):
            stream.end(_reset(event))
        stream.wake()


def _read_head(event: h2.events.ResponseReceived) -> tuple[int, list[tuple[bytes, bytes]]]:
    """Return status and headers."""
    status, headers = 0, []
    for name, value in event.headers or ():
        if name == b":status":
            status = int(value)
        else:
            headers.append((name, value))
    return status, headers


def _reset(event: h2.events.StreamReset) -> Ending:
    """Say what a reset of the stream means."""
    code = event.error_code
    refused = code == h2.errors.ErrorCodes.REFUSED_STREAM
    name = code.name if isinstance(code, h2.errors.ErrorCodes) else str(code)
    return Ending(httpx.RemoteProtocolError, f"{{target}} broke the exchange off ({name})", refused)
