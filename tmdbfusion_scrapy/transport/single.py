"""One connection of httpcore's under httpx's interface.

``httpx.HTTPTransport`` is the same, but takes no network backend, which is where httpcore connects.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import httpcore
import httpx

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator

    from tmdbfusion_scrapy.transport.routes import ProxyRoute


class SingleConnection(httpx.BaseTransport):
    """Transport with one connection, opened when a request needs it.

    Args:
        context: For TLS with the server and with the proxy.
        proxy: The proxy on the way.
        local_address: Address of this machine to connect from.
        dialer: Opens the connection.
    """

    def __init__(
        self,
        *,
        context: ssl.SSLContext,
        proxy: ProxyRoute | None,
        local_address: str | None,
        dialer: httpcore.NetworkBackend,
    ) -> None:
        self._pool = (
            httpcore.ConnectionPool(
                ssl_context=context, max_connections=1, local_address=local_address, network_backend=dialer
            )
            if proxy is None
            else httpcore.HTTPProxy(
                proxy_url=proxy.url,
                proxy_headers=[
                    (name.encode("ascii"), value.encode("utf-8")) for name, value in proxy.headers
                ],
                ssl_context=context,
                proxy_ssl_context=context if proxy.url.startswith("https:") else None,
                max_connections=1,
                local_address=local_address,
                network_backend=dialer,
            )
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request and return its response as soon as the head is there.

        Raises:
            httpx.TransportError: One of its subclasses, as httpx documents them.
        """
        url = request.url
        extensions = dict(request.extensions)
        # As the extension, httpcore would put it into a proxy's CONNECT, too, where a key in it could be read.
        target = extensions.pop("target", None) or url.raw_path
        sent = httpcore.Request(
            method=request.method,
            url=httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=target),
            headers=request.headers.raw,
            content=request.stream,
            extensions=extensions,
        )
        with _httpx_exceptions():
            response = self._pool.handle_request(sent)
        return httpx.Response(
            status_code=response.status,
            headers=response.headers,
            stream=_Body(response),
            extensions=dict(response.extensions),
        )

    def close(self) -> None:
        """Close the connection."""
        self._pool.close()


class _Body(httpx.SyncByteStream):
    """The body's bytes as sent."""

    def __init__(self, response: httpcore.Response) -> None:
        self._response = response

    def __iter__(self) -> Iterator[bytes]:
        with _httpx_exceptions():
            yield from self._response.iter_stream()

    def close(self) -> None:
        self._response.close()


@contextmanager
def _httpx_exceptions() -> Iterator[None]:
    """Raise httpx's exceptions, which bear the names of httpcore's."""
    try:
        yield
    except (
        httpcore.TimeoutException,
        httpcore.NetworkError,
        httpcore.ProtocolError,
        httpcore.ProxyError,
        httpcore.UnsupportedProtocol,
    ) as error:
        meant: type[httpx.TransportError] = getattr(httpx, type(error).__name__)
        raise meant(str(error)) from error
