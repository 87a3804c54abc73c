"""A lane: one place of the pool, holding at most one open connection."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final

import aiohttp

from tmdbfusion_scrapy.transport.routes import NetworkStream

if TYPE_CHECKING:
    import asyncio
    import ssl
    from collections.abc import Mapping

    from aiohttp.abc import AbstractResolver
    from aiohttp.client_proto import ResponseHandler
    from aiohttp.client_reqrep import ClientRequest
    from aiohttp.connector import Connection

    from tmdbfusion_scrapy.transport.http2 import Http2Connection
    from tmdbfusion_scrapy.transport.routes import Origin

_NEVER: Final = 1e9
"""Seconds. The pool expires idle connections itself; None is an error in aiohttp 3.11."""

MAX_HEADER: Final = 64 * 1024
"""Bytes of one response header line; aiohttp's 8 KB is less than what some CDNs send."""


class ConnectionDied(aiohttp.ClientConnectionError):
    """The connection ended before a response head had arrived."""


class UnexpectedHttp2(ConnectionDied):
    """The server chose HTTP/2 where it had chosen HTTP/1.1 before."""


class _Response(aiohttp.ClientResponse):
    """Keeps aiohttp from sending a request again by itself.

    aiohttp sends GET, HEAD, PUT and DELETE a second time when the connection drops before the response, on a
    new connection too. It recognises the case by the exception's class.
    """

    async def start(self, connection: Connection) -> aiohttp.ClientResponse:
        try:
            return await super().start(connection)
        except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
            raise ConnectionDied from error


class Link:
    """One open connection as aiohttp made it."""

    __slots__ = ("aborted", "network_stream", "protocol", "transport", "write_timed_out")

    def __init__(self, transport: asyncio.Transport, protocol: ResponseHandler) -> None:
        self.transport = transport
        self.protocol = protocol
        # Copied now, because a TLS transport forgets its addresses when it closes.
        self.network_stream = NetworkStream(
            server_addr=transport.get_extra_info("peername"),
            client_addr=transport.get_extra_info("sockname"),
            ssl_object=transport.get_extra_info("ssl_object"),
        )
        self.aborted = False
        self.write_timed_out = False

    @property
    def reusable(self) -> bool:
        """Whether another request may go out: open, and nothing arrived that nobody asked for."""
        return not self.transport.is_closing() and not self.protocol.should_close

    @property
    def speaks_http2(self) -> bool:
        """Whether that was agreed on when the connection was opened."""
        tls = self.network_stream.get_extra_info("ssl_object")
        return tls is not None and tls.selected_alpn_protocol() == "h2"

    @property
    def was_reset(self) -> bool:
        """Whether the connection ended with an error, not with an orderly end."""
        return isinstance(self.protocol.exception(), OSError)

    def abort(self) -> None:
        """Close at once, without TLS farewell; the socket is closed in the loop's next turn."""
        self.aborted = True
        if sys.version_info < (3, 11):
            # Its TLS transport warns of never having been closed when it was only aborted.
            self.transport.close()
        self.transport.abort()

    def abort_writing(self) -> None:
        """Abort because the peer takes no bytes."""
        self.write_timed_out = True
        self.abort()


class _Negotiated(Exception):
    """A connection was opened: the way out of aiohttp before it sends a request."""

    def __init__(self, connection: Connection, link: Link) -> None:
        self.connection = connection
        self.link = link


class _Early:
    """Takes what aiohttp received before another protocol took its place."""

    data = b""

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        """Take bytes; the answer is that more may come, and that none are left."""
        self.data += data
        return False, b""

    def feed_eof(self) -> None:
        """The transport says so, too."""


class _Connector(aiohttp.TCPConnector):
    """Remembers the connection it handed out, which aiohttp's response forgets when it ends."""

    link: Link | None = None
    is_negotiating = False
    is_unused = False
    opened = 0
    reused = 0
    tls_handshakes = 0

    async def connect(self, req: ClientRequest, traces: Any, timeout: aiohttp.ClientTimeout) -> Connection:
        connection = await super().connect(req, traces, timeout)
        transport, protocol = connection.transport, connection.protocol
        if transport is None or protocol is None:
            connection.close()
            raise ConnectionDied
        if self.link is None or self.link.transport is not transport:
            self.opened += 1
            self.tls_handshakes += req.url.scheme == "https"
            self.tls_handshakes += req.proxy is not None and req.proxy.scheme == "https"
            self.link = Link(transport, protocol)
            self.is_unused = True
        if self.is_negotiating:
            raise _Negotiated(connection, self.link)
        if self.link.speaks_http2:
            connection.close()
            raise UnexpectedHttp2
        self.note_use()
        return connection

    def note_use(self) -> None:
        """Count a request on the connection."""
        if not self.is_unused:
            self.reused += 1
        self.is_unused = False


class Lane:
    """A session that is lent to one request at a time, so its connector holds one connection or none.

    aiohttp's own pool counts only connections in use, and lets go of one before its socket is closed. A lane
    is counted from before its connection is opened until after the socket was closed.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        *,
        ssl_context: ssl.SSLContext,
        resolver: AbstractResolver,
        local_address: str | None,
    ) -> None:
        self.loop = loop
        self._connector = _Connector(
            limit=1,
            keepalive_timeout=_NEVER,
            ssl=ssl_context,
            resolver=resolver,
            use_dns_cache=False,
            local_addr=(local_address, 0) if local_address is not None else None,
        )
        self.session = aiohttp.ClientSession(
            connector=self._connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            response_class=_Response,
            skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
            auto_decompress=False,
            trust_env=False,
            max_line_size=MAX_HEADER,
            max_field_size=MAX_HEADER,
        )
        self.origin: Origin | None = None
        self.idle_since = 0.0
        self.task: asyncio.Task[Any] | None = None
        """The task that waits for a response head now."""
        self.interrupted = False
        """Whether the pool was closed under the request; that, not the caller, cancelled the task."""
        self.http2: Http2Connection | None = None
        """Who speaks on the connection, if not aiohttp."""
        self._repeated = 0

    @property
    def link(self) -> Link | None:
        """The open connection, or the last one."""
        return self._connector.link

    @property
    def opened(self) -> int:
        """Connections opened so far."""
        return self._connector.opened

    @property
    def tls_handshakes(self) -> int:
        """TLS handshakes of the connections opened so far, those with proxies among them."""
        return self._connector.tls_handshakes

    @property
    def reused(self) -> int:
        """Requests that went out on a connection which had carried one before."""
        return self._connector.reused + self._repeated + self._repeated_now

    @property
    def reusable(self) -> bool:
        """Whether the connection can carry another request."""
        if self.http2 is not None:
            return self.http2.takes_requests
        link = self.link
        return link is not None and link.reusable

    async def negotiate(self, arguments: Mapping[str, Any], timeout: aiohttp.ClientTimeout) -> None:
        """Open a connection and send nothing; `http2` is set if that is what the server chose.

        Args:
            arguments: Of a request to the server, in aiohttp's terms.
            timeout: Its ``connect`` and ``total`` count.
        """
        self._connector.is_negotiating = True
        try:
            await self.session.request("GET", timeout=timeout, **arguments)
        except _Negotiated as negotiated:
            connection, link = negotiated.connection, negotiated.link
        else:
            raise RuntimeError("aiohttp sent a request without asking for a connection")
        finally:
            self._connector.is_negotiating = False
        if link.speaks_http2:
            self.http2 = _take_over(connection, link)
        else:
            connection.release()

    def note_use(self) -> None:
        """Count a request that goes out on the open connection without aiohttp's session."""
        self._connector.note_use()

    def hang_up(self) -> None:
        """Close the connection, if any."""
        if self.http2 is not None:
            self.http2.terminate()
        link = self._connector.link
        if link is not None:
            link.abort()

    def forget(self) -> None:
        """Drop the connection that was closed."""
        self._repeated += self._repeated_now
        self.http2 = None
        self._connector.link = None

    @property
    def _repeated_now(self) -> int:
        return max(self.http2.carried - 1, 0) if self.http2 is not None else 0


def _take_over(connection: Connection, link: Link) -> Http2Connection:
    """Let HTTP/2 be spoken on a connection that aiohttp opened."""
    # Needs h2, which is an extra.
    from tmdbfusion_scrapy.transport.http2 import Http2Connection

    early = _Early()
    link.protocol.set_parser(early, None)
    http2 = Http2Connection(connection, link)
    link.transport.set_protocol(http2)
    http2.start(early.data)
    return http2
