"""Where a request goes: its origin and the proxy on the way."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import httpx

_PORTS: Final = {"http": 80, "https": 443}


@dataclass(frozen=True)
class ProxyRoute:
    """A proxy, its credentials apart from its URL."""

    scheme: str
    host: str
    port: int
    headers: tuple[tuple[bytes, bytes], ...] = field(repr=False)

    @classmethod
    def from_httpx(cls, proxy: httpx.Proxy | httpx.URL | str | None) -> ProxyRoute | None:
        """Read a proxy as httpx gives it; credentials may stand in its URL or in its ``auth``.

        Raises:
            ValueError: the proxy is of a kind that is not supported.
        """
        if proxy is None:
            return None
        if isinstance(proxy, (str, httpx.URL)):
            proxy = httpx.Proxy(proxy)
        scheme = proxy.url.scheme
        if scheme not in _PORTS:
            raise ValueError(f"A proxy's URL must begin with http:// or https://, not {scheme}://")
        if proxy.ssl_context is not None:
            raise ValueError("A proxy's own ssl_context is not supported: pass verify= to the transport")
        headers = tuple(proxy.headers.raw)
        if proxy.raw_auth is not None:
            credentials = b64encode(b":".join(proxy.raw_auth))
            headers = (*headers, (b"Proxy-Authorization", b"Basic " + credentials))
        return cls(scheme, proxy.url.raw_host.decode("ascii"), proxy.url.port or _PORTS[scheme], headers)


class Origin(NamedTuple):
    """Where a connection leads; requests with equal origins can share one."""

    scheme: str
    host: str
    port: int
    server_name: str | None
    proxy: ProxyRoute | None

    @property
    def is_forwarded(self) -> bool:
        """Whether a proxy gets the request itself, not a tunnel to the server."""
        return self.proxy is not None and self.scheme == "http"

    @property
    def tls_handshakes(self) -> int:
        """TLS handshakes that it takes to open a connection."""
        return (self.scheme == "https") + (self.proxy is not None and self.proxy.scheme == "https")

    @property
    def target(self) -> str:
        """Host and port, for a message or CONNECT."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def origin_of(request: httpx.Request, proxy: ProxyRoute | None) -> Origin:
    """Return where the request's connection leads.

    Its extension ``proxy`` goes before the given one; None there stands for no proxy at all.

    Raises:
        httpx.UnsupportedProtocol: neither http nor https, no host, or a proxy that cannot carry it.
    """
    url = request.url
    scheme = url.scheme
    if scheme not in _PORTS:
        raise httpx.UnsupportedProtocol(f"The URL must begin with http:// or https://, not {scheme}://")
    host = url.raw_host
    if not host:
        raise httpx.UnsupportedProtocol("The URL names no host")
    extensions = request.extensions
    if "proxy" in extensions:
        proxy = ProxyRoute.from_httpx(extensions["proxy"])
    # The host as it is sent: idna does not take each name back apart that the DNS knows, an emoji's for one.
    return Origin(
        scheme, host.decode("ascii"), url.port or _PORTS[scheme], extensions.get("sni_hostname"), proxy
    )
