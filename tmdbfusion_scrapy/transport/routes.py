"""Where a request goes: its origin and the proxy on the way."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import httpx

_PORTS: Final = {"http": 80, "https": 443}


class NetworkStream:
    """Facts about a connection under httpcore's names; answers after the connection was closed, too."""

    __slots__ = ("_facts",)

    def __init__(self, **facts: Any) -> None:
        self._facts = facts

    def get_extra_info(self, info: str) -> Any:
        """Return ``server_addr``, ``client_addr`` (host, port) or ``ssl_object``; None for other names."""
        return self._facts.get(info)


class Origin(NamedTuple):
    """Where a connection leads; requests with equal origins can share one."""

    scheme: str
    host: str
    port: int
    server_name: str | None
    proxy: ProxyRoute | None

    @property
    def tls_handshakes(self) -> int:
        """How many it takes to open a connection."""
        through = self.proxy is not None and self.proxy.url.startswith("https:")
        return (self.scheme == "https") + through

    @property
    def target(self) -> str:
        """Host and port for a message."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True)
class ProxyRoute:
    """A proxy, its credentials apart from its URL."""

    url: str
    headers: tuple[tuple[str, str], ...]

    @classmethod
    def from_httpx(cls, proxy: httpx.Proxy | httpx.URL | str | None) -> ProxyRoute | None:
        """Read a proxy as httpx gives it; credentials may stand in its URL or in its ``auth``.

        Raises:
            ValueError: the proxy is of a kind that is not supported.
        """
        if proxy is None:
            return None
        if not isinstance(proxy, httpx.Proxy):
            proxy = httpx.Proxy(proxy)
        if proxy.url.scheme not in _PORTS:
            raise ValueError(f"A proxy's URL must begin with http:// or https://, not {proxy.url.scheme}://")
        if proxy.ssl_context is not None:
            raise ValueError("A proxy's own ssl_context is not supported: pass verify= to the transport")
        headers = [(name.decode("ascii"), value.decode("utf-8")) for name, value in proxy.headers.raw]
        if proxy.raw_auth is not None:
            credentials = b64encode(b":".join(proxy.raw_auth)).decode("ascii")
            headers.append(("Proxy-Authorization", f"Basic {credentials}"))
        return cls(url=f"{proxy.url.scheme}://{proxy.url.netloc.decode('ascii')}", headers=tuple(headers))

    def __repr__(self) -> str:
        return f"ProxyRoute(url={self.url!r})"


def origin_of(request: httpx.Request, proxy: ProxyRoute | None) -> Origin:
    """Return where the request's connection leads.

    Its extension ``proxy`` goes before the given one; None there stands for no proxy at all.

    Raises:
        httpx.UnsupportedProtocol: neither http nor https, no host, or a proxy that cannot carry it.
    """
    url = request.url
    if url.scheme not in _PORTS:
        raise httpx.UnsupportedProtocol(f"The URL must begin with http:// or https://, not {url.scheme}://")
    if not url.raw_host:
        raise httpx.UnsupportedProtocol("The URL names no host")
    if "proxy" in request.extensions:
        proxy = ProxyRoute.from_httpx(request.extensions["proxy"])
    return Origin(
        scheme=url.scheme,
        # As it is sent: idna does not take each name back apart that the DNS knows, an emoji's for one.
        host=url.raw_host.decode("ascii"),
        port=url.port or _PORTS[url.scheme],
        server_name=request.extensions.get("sni_hostname"),
        proxy=proxy,
    )
