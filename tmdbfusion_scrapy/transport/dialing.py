"""The way to an open connection: addresses of a name, TCP, proxy, TLS."""

from __future__ import annotations

import asyncio
import ipaddress
import os
import socket
import ssl
import sys
import time
from itertools import chain, zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tmdbfusion_scrapy.exceptions import ConfigurationError
from tmdbfusion_scrapy.http import httpx
from tmdbfusion_scrapy.transport.errors import detail

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tmdbfusion_scrapy.base_urls import IPFamily
    from tmdbfusion_scrapy.transport.connection import Connection
    from tmdbfusion_scrapy.transport.outgoing import Origin, ProxyRoute

    Address = tuple[int, Any]

FAMILIES: Final[Mapping[IPFamily, socket.AddressFamily]] = {
    "auto": socket.AF_UNSPEC,
    "ipv4": socket.AF_INET,
    "ipv6": socket.AF_INET6,
}
"""The families as the socket module has them."""

_TTL: Final = 10.0
"""Seconds that addresses are kept: short enough to follow a load balancer."""

_ATTEMPT_DELAY: Final = 0.25
"""Seconds after which the next address is tried beside the last one (RFC 8305, section 5)."""


class Dialer:
    """Opens connections.

    The addresses of a name are asked for once for all connections within ten seconds. An address that does not
    answer in a quarter of a second gets company by the next one, of the other kind first (RFC 8305).
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        context: ssl.SSLContext,
        local_address: str | None,
        ip_family: IPFamily,
    ) -> None:
        self._loop = loop
        self._context = context
        self._local_address = local_address
        self._family = FAMILIES[ip_family]
        self._lookups: dict[tuple[str, int], tuple[float, asyncio.Task[list[Address]]]] = {}
        self._connecting: set[socket.socket] = set()

    async def open(self, connection: Connection) -> None:
        """Open a connection to its origin; where that fails, it is closed."""
        origin = connection.origin
        try:
            if origin.proxy is None:
                await self._connect(connection, origin.host, origin.port)
            else:
                await self._connect_to_proxy(connection, origin, origin.proxy)
            if origin.scheme == "https":
                await self._start_tls(connection, origin.server_name or origin.host)
            connection.is_established = True
        except BaseException:
            connection.abort()
            raise

    async def close(self) -> None:
        """Stop the lookups under way."""
        lookups = [lookup for _, lookup in self._lookups.values()]
        self._lookups.clear()
        for lookup in lookups:
            lookup.cancel()
        await asyncio.gather(*lookups, return_exceptions=True)

    def abandon(self) -> None:
        """Close the sockets that are being connected, in a child process."""
        for sock in self._connecting:
            sock.close()

    async def _connect(self, connection: Connection, host: str, port: int) -> None:
        """Connect to the first address that answers."""
        sock = await self._race(await self._addresses(host, port))
        connection.socket = sock
        try:
            await self._loop.create_connection(lambda: connection, sock=sock)
        except BaseException:
            sock.close()
            raise

    async def _connect_to_proxy(self, connection: Connection, origin: Origin, proxy: ProxyRoute) -> None:
        """Connect to a proxy, and through it where it is to be a tunnel."""
        is_secure = proxy.scheme == "https"
        if is_secure and origin.scheme == "https" and sys.version_info < (3, 11):
            raise httpx.UnsupportedProtocol("https through an https:// proxy needs Python 3.11 or newer")
        try:
            await self._connect(connection, proxy.host, proxy.port)
            if is_secure:
                await self._start_tls(connection, proxy.host)
        except OSError as error:
            text = f"Cannot connect to the proxy for {origin.target}{detail(error)}"
            raise httpx.ProxyError(text) from None
        if origin.is_forwarded:
            return
        target = origin.target.encode("ascii")
        fields = b"\r\n".join(b"%b: %b" % one for one in ((b"Host", target), *proxy.headers))
        answer = await connection.connect_through(b"CONNECT %b HTTP/1.1\r\n%b\r\n\r\n" % (target, fields))
        if not 200 <= answer.status < 300:
            said = f"{answer.status} {answer.reason.decode('ascii', 'replace')}"
            raise httpx.ProxyError(f"The proxy refused to connect to {origin.target}: {said}")

    async def _start_tls(self, connection: Connection, name: str) -> None:
        starting = self._loop.create_task(
            self._loop.start_tls(connection.transport, connection, self._context, server_hostname=name)
        )
        try:
            transport = await asyncio.shield(starting)
        except asyncio.CancelledError:
            if sys.version_info < (3, 11):
                # Cancelled before or after the handshake, it would lose a transport that warns of never having
                # been closed; so it gets the rounds that it takes to begin, and ends with the connection.
                for _ in range(3):
                    await asyncio.sleep(0)
                connection.abort()
                await asyncio.wait((starting,))
                if starting.exception() is None and (made := starting.result()) is not None:
                    made.close()
            else:
                starting.cancel()
            raise
        if transport is None:
            raise ConnectionResetError("the connection was closed in the TLS handshake")
        connection.secure(transport)

    async def _race(self, addresses: list[Address]) -> socket.socket:
        """Return a socket that is connected to the first address that answers."""
        attempts: set[asyncio.Task[socket.socket]] = set()
        errors: list[Exception] = []
        left = list(addresses)
        try:
            while left or attempts:
                if left:
                    attempts.add(self._loop.create_task(self._attempt(left.pop(0))))
                done, attempts = await asyncio.wait(
                    attempts,
                    timeout=_ATTEMPT_DELAY if left else None,
                    return_when=asyncio.FIRST_COMPLETED,
                )
                for attempt in done:
                    error = attempt.exception()
                    if error is None:
                        attempts |= done - {attempt}
                        return attempt.result()
                    if not isinstance(error, Exception):
                        raise error
                    errors.append(error)
        finally:
            for attempt in attempts:
                attempt.cancel()
                attempt.add_done_callback(_close_loser)
        raise errors[-1]

    async def _attempt(self, address: Address) -> socket.socket:
        family, where = address
        sock = socket.socket(family, socket.SOCK_STREAM)
        self._connecting.add(sock)
        try:
            sock.setblocking(False)
            if self._local_address is not None:
                sock.bind((self._local_address, 0))
            await self._loop.sock_connect(sock, where)
        except BaseException:
            sock.close()
            raise
        finally:
            self._connecting.discard(sock)
        return sock

    async def _addresses(self, host: str, port: int) -> list[Address]:
        """Return the addresses of a host; a lookup under way is shared, and survives a cancelled asker."""
        try:
            literal = ipaddress.ip_address(host)
        except ValueError:
            pass
        else:
            return [(socket.AF_INET if literal.version == 4 else socket.AF_INET6, (host, port))]
        now = time.monotonic()
        found = self._lookups.get((host, port))
        if found is None or found[0] <= now or _failed(found[1]):
            self._lookups = {key: known for key, known in self._lookups.items() if known[0] > now}
            lookup = self._loop.create_task(self._look_up(host, port))
            lookup.add_done_callback(_failed)
            found = self._lookups[host, port] = (now + _TTL, lookup)
        return await asyncio.shield(found[1])

    async def _look_up(self, host: str, port: int) -> list[Address]:
        """Ask for the addresses of a name: the kinds in turn, the resolver's choice first."""
        found = await self._loop.getaddrinfo(host, port, family=self._family, type=socket.SOCK_STREAM)
        kinds: dict[int, list[Address]] = {}
        for family, _, _, _, address in found:
            kinds.setdefault(family, []).append((family, address))
        mixed = chain.from_iterable(zip_longest(*kinds.values()))
        addresses = list(dict.fromkeys(address for address in mixed if address is not None))
        if not addresses:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return addresses


def _close_loser(attempt: asyncio.Task[socket.socket]) -> None:
    """Close the socket of an attempt that another one was faster than."""
    if not attempt.cancelled() and attempt.exception() is None:
        attempt.result().close()


def _failed(lookup: asyncio.Task[list[Address]]) -> bool:
    """Return whether a lookup ended without an answer; looking marks its exception as seen."""
    return lookup.done() and (lookup.cancelled() or lookup.exception() is not None)


_FIX = "set it to the path of the certificates, or unset it"


def check_certificate_variables() -> None:
    """Refuse ``SSL_CERT_FILE`` and ``SSL_CERT_DIR`` where they name nothing that can be used.

    A variable that is empty counts as one that is not set.

    Raises:
        ConfigurationError: One cannot be used; the message names it.
    """
    if file := os.environ.get("SSL_CERT_FILE"):
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=file)
        except OSError as error:
            # ssl.SSLError is one.
            raise ConfigurationError(
                f"the environment variable SSL_CERT_FILE is {file!r}, where no certificates in PEM form can be "
                f"read ({error.strerror or error}); {_FIX}"
            ) from None
    folder = os.environ.get("SSL_CERT_DIR")
    if folder and not any(Path(part).is_dir() for part in folder.split(os.pathsep)):
        raise ConfigurationError(
            f"the environment variable SSL_CERT_DIR is {folder!r}: no such folder; {_FIX}"
        )
