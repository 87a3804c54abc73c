"""One DNS cache for all connections of a pool."""

from __future__ import annotations

import asyncio
import socket
import time
from typing import TYPE_CHECKING, Final

from aiohttp import DefaultResolver
from aiohttp.abc import AbstractResolver, ResolveResult

from tmdbfusion_scrapy.transport.dialing import FAMILIES

if TYPE_CHECKING:
    from tmdbfusion_scrapy.base_urls import IPFamily

_TTL: Final = 10.0
"""Seconds an answer is kept, as in aiohttp's own cache: short enough to follow a load balancer."""


class SharedResolver(AbstractResolver):
    """Resolves a name once for all connections that ask for it within ten seconds.

    Args:
        ip_family: Which addresses to ask for. Not a matter of aiohttp's connector, which would also refuse an
            address of the other family that stands in a URL.
    """

    def __init__(self, ip_family: IPFamily = "auto") -> None:
        self._family = FAMILIES[ip_family]
        self._resolver = DefaultResolver()
        self._lookups: dict[tuple[str, int, int], tuple[float, asyncio.Task[list[ResolveResult]]]] = {}

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Return the addresses of a host; a lookup under way is shared, and survives a cancelled asker."""
        family = self._family or family
        key = (host, port, int(family))
        now = time.monotonic()
        found = self._lookups.get(key)
        if found is None or found[0] <= now or _failed(found[1]):
            self._lookups = {name: known for name, known in self._lookups.items() if known[0] > now}
            lookup = asyncio.ensure_future(self._resolver.resolve(host, port, family))
            lookup.add_done_callback(_failed)
            found = self._lookups[key] = (now + _TTL, lookup)
        return list(await asyncio.shield(found[1]))

    async def close(self) -> None:
        """Stop the lookups under way and free the resolver."""
        lookups = [lookup for _, lookup in self._lookups.values()]
        self._lookups.clear()
        for lookup in lookups:
            lookup.cancel()
        await asyncio.gather(*lookups, return_exceptions=True)
        await self._resolver.close()


def _failed(lookup: asyncio.Task[list[ResolveResult]]) -> bool:
    """Tell whether a lookup ended without an answer; looking marks its exception as seen."""
    return lookup.done() and (lookup.cancelled() or lookup.exception() is not None)
