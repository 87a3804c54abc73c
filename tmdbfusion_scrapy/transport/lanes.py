"""A lane: one place of the pool, holding at most one open connection."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final

import aiohttp

from tmdbfusion_scrapy.transport.routes import NetworkStream

if TYPE_CHECKING:
    import asyncio
    import ssl

    from aiohttp.abc import AbstractResolver
    from aiohttp.client_proto import ResponseHandler
    from aiohttp.client_reqrep import ClientRequest
    from aiohttp.connector import Connection

    from tmdbfusion_scrapy.transport.routes import Origin

_NEVER: Final = 1e9
"""Seconds. The pool expires idle connections itself; None is an error in aiohttp 3.11."""

_MAX_HEADER: Final = 64 * 1024
"""Bytes of one response header line; aiohttp's 8 KB is less than what some CDNs send."""


class ConnectionDied(aiohttp.ClientConnectionError):
    """The connection ended before a response head had arrived."""


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


class _Connector(aiohttp.TCPConnector):
    """Remembers the connection it handed out, which aiohttp's response forgets when it ends."""

    link: Link | None = None
    handed_out = 0
    opened = 0

    async def connect(self, req: ClientRequest, traces: Any, timeout: aiohttp.ClientTimeout) -> Connection:
        connection = await super().connect(req, traces, timeout)
        transport, protocol = connection.transport, connection.protocol
        if transport is None or protocol is None:
            connection.close()
            raise ConnectionDied
        self.handed_out += 1
        if self.link is None or self.link.transport is not transport:
            self.opened += 1
            self.link = Link(transport, protocol)
        return connection


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
            max_line_size=_MAX_HEADER,
            max_field_size=_MAX_HEADER,
        )
        self.origin: Origin | None = None
        self.idle_since = 0.0
        self.task: asyncio.Task[Any] | None = None
        """The task that waits for a response head now."""
        self.interrupted = False
        """Whether the pool was closed under the request; that, not the caller, cancelled the task."""

    @property
    def link(self) -> Link | None:
        """The open connection, or the last one."""
        return self._connector.link

    @property
    def opened(self) -> int:
        """Connections opened so far."""
        return self._connector.opened

    @property
    def reused(self) -> int:
        """Requests that went out on a connection which had carried one before."""
        return self._connector.handed_out - self._connector.opened

    @property
    def reusable(self) -> bool:
        """Whether the connection can carry another request."""
        link = self.link
        return link is not None and link.reusable

    def hang_up(self) -> None:
        """Close the connection, if any."""
        link = self._connector.link
        if link is not None:
            link.abort()

    def forget(self) -> None:
        """Drop the connection that was closed."""
        self._connector.link = None
