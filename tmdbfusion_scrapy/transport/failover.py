"""Another host of the API where one cannot be reached.

A way around a host that is blocked or down, by its name or by the network; TMDB answers at api.themoviedb.org and
at api.tmdb.org. Used only where there is more than one base URL.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar

from tmdbfusion_scrapy.http import check_request, httpx

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Sequence

T = TypeVar("T")

logger = logging.getLogger(__name__)

STAY: Final = 60.0
"""Seconds that a host which could not be reached is left alone."""

CONNECT_TIMEOUT: Final = 10.0
"""Seconds to connect to a host while there is another one to try: SYN is sent again after 1, 3 and 7."""

_UNREACHABLE: Final = (httpx.ConnectError, httpx.ConnectTimeout)
"""Errors before a byte of the request was sent: DNS, TCP or TLS failed."""


class HostChoice:
    """Decides which of several hosts is called, from what it is told; it does no I/O and has no clock.

    The first host is called as long as it can be reached. One that could not is left alone for a while; then a
    single request tries it, so that a host which swallows connections delays one request and not all of them.
    """

    def __init__(self, count: int, *, stay: float = STAY) -> None:
        self._stay = stay
        self._failed_at: list[float | None] = [None] * count
        # When it may be tried again; None where nothing speaks against it.
        self._due: list[float | None] = [None] * count
        self._switched_at: float | None = None
        # The host that requests go to, and the number of times that it has changed.
        self.current = self.switches = 0

    def choose(self, tried: Collection[int], now: float) -> int | None:
        """Return the host that a request is to try, ``None`` if it has tried all."""
        left = [host for host in range(len(self._due)) if host not in tried]
        for host in left:
            due = self._due[host]
            if due is None:
                return host
            if due <= now:
                # The others wait for what becomes of this one.
                self._due[host] = now + self._stay
                return host
        return self.current if self.current in left else left[0] if left else None

    def failed(self, host: int, now: float) -> None:
        """Take note that a host could not be reached."""
        self._failed_at[host] = now
        self._due[host] = now + self._stay

    def worked(self, host: int, begun: float, now: float) -> int | None:
        """Take note that a host answered, and return the one that requests went to before, if it is another."""
        # An answer to a request that was under way says nothing of what was found out since.
        if begun < max(self._failed_at[host] or begun, self._switched_at or begun):
            return None
        self._due[host] = None
        if host == self.current:
            return None
        previous, self.current = self.current, host
        self._switched_at = now
        self.switches += 1
        return previous


@dataclass(frozen=True)
class _Host:
    """A base URL in parts."""

    name: str
    url: httpx.URL
    path: bytes

    def rest_of(self, request: httpx.Request) -> bytes | None:
        """Path and query of a request below the base URL, ``None`` if it is not below it."""
        url = request.url
        target: bytes = request.extensions.get("target") or url.raw_path
        if (url.raw_scheme, url.netloc) != (self.url.raw_scheme, self.url.netloc):
            return None
        rest = target[len(self.path) :]
        return rest if target.startswith(self.path) and rest[:1] in (b"/", b"?", b"") else None

    def readdress(self, request: httpx.Request, rest: bytes, timeout: dict[str, Any]) -> httpx.Request:
        """Return a request of which the URL is below this base URL."""
        target = self.path + rest or b"/"
        extensions = {**request.extensions, "timeout": timeout}
        if self.url.scheme == "http":
            # Only loopback is; another host's proxy would read the token.
            extensions["proxy"] = None
        if "target" in extensions:
            extensions["target"] = target
            url = self.url
        else:
            url = self.url.copy_with(raw_path=target)
        headers = [
            (name, self.url.netloc if name.lower() == b"host" else value)
            for name, value in request.headers.raw
        ]
        made = httpx.Request(
            request.method, url, headers=headers, stream=request.stream, extensions=extensions
        )
        if isinstance(request.stream, httpx.ByteStream):
            # So that the transport sees how long the body is.
            made.read()
        return made


class FailoverTransport(httpx.AsyncBaseTransport):
    """Sends requests below the first of several base URLs to the first whose host can be reached.

    Only where connecting fails (DNS, TCP or TLS; see ``HostChoice`` for what is remembered of it) the next host is
    tried, at once: never after a byte was sent, never for an HTTP status, a time-out of the answer or a proxy's
    refusal. URL, ``Host`` and the name in TLS are those of the host that is called. While there is another host to
    try, connecting takes at most ten seconds or its share of ``total``. One WARNING tells of each change of hosts.

    Args:
        transport: What carries the requests; it is closed with this one.
        base_urls: Two or more, best first, as :func:`~tmdbfusion_scrapy.base_urls.check_urls` returns them.
        stay: Seconds that a host which could not be reached is left alone.
    """

    def __init__(
        self, transport: httpx.AsyncBaseTransport, base_urls: Sequence[str], *, stay: float = STAY
    ) -> None:
        self._transport = transport
        urls = [(name, httpx.URL(name)) for name in base_urls]
        self._hosts = [_Host(name, url, url.raw_path.rstrip(b"/")) for name, url in urls]
        self._choice = HostChoice(len(self._hosts), stay=stay)

    @property
    def switches(self) -> int:
        """Number of times that requests have begun to go to another host."""
        return self._choice.switches

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request and return its response as soon as the head is there, with the errors of `reach`."""
        check_request(request)
        return await self.reach(request, self._transport.handle_async_request)

    async def reach(self, request: httpx.Request, send: Callable[[httpx.Request], Awaitable[T]]) -> T:
        """Send a request to the first host that can be reached, and return what ``send`` returned.

        Raises:
            httpx.TransportError: What ``send`` raised; where no host could be reached, the message names all.
        """
        rest = self._hosts[0].rest_of(request)
        if rest is None:
            # Of no concern: it is not below the first URL.
            return await send(request)
        started = begun = time.monotonic()
        tried: list[int] = []
        host = self._choice.choose(tried, started)
        while host is not None:
            tried.append(host)
            timeout = self._timeout(request, len(tried), begun - started)
            try:
                answer = await send(self._hosts[host].readdress(request, rest, timeout))
            except _UNREACHABLE as error:
                failure = error
            else:
                self._worked(host, begun)
                return answer
            begun = time.monotonic()
            self._choice.failed(host, begun)
            total = (request.extensions.get("timeout") or {}).get("total")
            is_over = total is not None and begun - started >= total
            host = None if is_over else self._choice.choose(tried, begun)
        names = ", ".join(self._hosts[host].name for host in tried)
        raise type(failure)(f"{failure} (tried {names})") from failure

    async def aclose(self) -> None:
        """Close the transport."""
        await self._transport.aclose()

    def _timeout(self, request: httpx.Request, attempt: int, spent: float) -> dict[str, Any]:
        """Return the time-outs of an attempt: connecting leaves some of the time to the hosts that are left."""
        timeout = dict(request.extensions.get("timeout") or {})
        left = timeout.get("total")
        if left is not None and attempt > 1:
            left = timeout["total"] = max(left - spent, 0.001)
        others = len(self._hosts) - attempt
        if others:
            limits = [timeout.get("connect"), None if left is None else left / (others + 1), CONNECT_TIMEOUT]
            timeout["connect"] = min(limit for limit in limits if limit is not None)
        return timeout

    def _worked(self, host: int, begun: float) -> None:
        """Remember the host, and say so if it is another one than before."""
        previous = self._choice.worked(host, begun, time.monotonic())
        if previous is None:
            return
        old, new = self._hosts[previous].name, self._hosts[host].name
        if host < previous:
            logger.warning("%s can be reached again: requests go there, no longer to %s", new, old)
        else:
            logger.warning("%s cannot be reached: requests go to %s instead", old, new)
