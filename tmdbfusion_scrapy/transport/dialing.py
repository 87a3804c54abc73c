"""How the blocking transport gets from a host name to a connection: the addresses of both kinds in turn."""

from __future__ import annotations

import ipaddress
import socket
import time
from itertools import chain, zip_longest
from typing import TYPE_CHECKING, Final

import httpcore

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tmdbfusion_scrapy.base_urls import IPFamily

FAMILIES: Final[Mapping[IPFamily, socket.AddressFamily]] = {
    "auto": socket.AF_UNSPEC,
    "ipv4": socket.AF_INET,
    "ipv6": socket.AF_INET6,
}
"""The families as the socket module has them."""

_PATIENCE: Final = 0.25
"""Seconds for each address in the first turn, as long as RFC 8305, section 5, waits before it tries another."""


class Dialer(httpcore.SyncBackend):
    """Opens TCP connections for httpcore.

    httpcore alone takes the addresses in the resolver's order and gives each the whole time-out: a host without
    working IPv6 would wait that long for every connection (https://github.com/sct/overseerr/issues/4337). Here the
    kinds take turns, each address gets a quarter of a second, in the next turn twice as long, and so on until the
    time-out, which is for all of them. Never are two sockets open at a time, so that a pool's limits hold.

    Args:
        ip_family: Which addresses to ask for; an address in place of a name is taken as it is.
        is_for_proxy: Whether the host is a proxy's, which is told in the error.
    """

    def __init__(self, ip_family: IPFamily = "auto", *, is_for_proxy: bool = False) -> None:
        self._family = FAMILIES[ip_family]
        self._is_for_proxy = is_for_proxy

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """Return a connection to the first address that answers.

        Raises:
            httpcore.ConnectError: The name has no address, or each address refused.
            httpcore.ProxyError: Likewise, for a proxy.
            httpcore.ConnectTimeout: None answered in time.
        """
        end = None if timeout is None else time.monotonic() + timeout
        try:
            addresses = [host] if _is_address(host) else self._resolve(host, port)
            patience = _PATIENCE
            while True:
                for address in list(addresses):
                    limits = [] if end is None else [max(end - time.monotonic(), 0.001)]
                    if len(addresses) > 1:
                        limits.append(patience)
                    try:
                        return super().connect_tcp(
                            address, port, min(limits, default=None), local_address, socket_options
                        )
                    except httpcore.ConnectTimeout:
                        if end is not None and time.monotonic() >= end:
                            raise
                    except httpcore.ConnectError:
                        if addresses == [address]:
                            raise
                        addresses.remove(address)
                patience *= 2
        except httpcore.ConnectError as error:
            if self._is_for_proxy:
                raise httpcore.ProxyError(str(error)) from error
            raise

    def _resolve(self, host: str, port: int) -> list[str]:
        """Return the addresses of a name, the kinds in turn, the resolver's choice first."""
        try:
            found = socket.getaddrinfo(host, port, self._family, socket.SOCK_STREAM)
        except OSError as error:
            raise httpcore.ConnectError(str(error)) from error
        kinds: dict[int, list[str]] = {}
        for family, _, _, _, address in found:
            kinds.setdefault(family, []).append(str(address[0]))
        mixed = chain.from_iterable(zip_longest(*kinds.values()))
        return list(dict.fromkeys(address for address in mixed if address is not None))


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
