"""An ``httpx.Request`` as it leaves: where it goes, and its bytes of HTTP/1.1, nothing added."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

from tmdbfusion_scrapy.http import httpx

if TYPE_CHECKING:
    from collections.abc import Sequence

_PORTS: Final = {"http": 80, "https": 443}

_NOT_READ: Final = RuntimeError
"""Base of ``RequestNotRead``, of httpx and of httpx2."""

NO_BODY: Final = frozenset({"GET", "HEAD"})
"""Methods of requests that usually have none, and that may be sent twice."""

_SENT_AT_ONCE: Final = 64 * 1024
"""Bytes of a body that go out with the head; what is larger is sent in pieces, as the peer takes them."""

_BAD_TARGET: Final = re.compile(rb"[^!-~]|#")
_NAME: Final = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_PLAIN: Final = re.compile(rb"(?:%b: [\t -~]*(?:\r\n|\Z))*" % _NAME)
_GOOD_NAME: Final = re.compile(_NAME)
_BAD_VALUE: Final = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_ABOUT_THE_CONNECTION: Final = re.compile(
    rb"\r\n(?:connection|content-length|transfer-encoding):", re.IGNORECASE
)


@dataclass(frozen=True)
class ProxyRoute:
    """A proxy, its credentials apart from its URL."""

    scheme: str
    host: str
    port: int
    headers: tuple[tuple[bytes, bytes], ...] = field(repr=False)

    @classmethod
    def from_httpx(cls, proxy: httpx.Proxy | httpx.URL | str | None) -> ProxyRoute | None:
        """Read a proxy as httpx gives it; credentials may stand in its URL or in its ``auth``."""
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
    """The other end of a connection; requests with equal origins can share one."""

    scheme: str
    host: str
    port: int
    server_name: str | None
    proxy: ProxyRoute | None

    @property
    def is_forwarded(self) -> bool:
        """True if a proxy gets the request itself, not a tunnel to the server."""
        return self.proxy is not None and self.scheme == "http"

    @property
    def tls_handshakes(self) -> int:
        """TLS handshakes that it takes to open a connection."""
        return (self.scheme == "https") + (self.proxy is not None and self.proxy.scheme == "https")

    @property
    def target(self) -> str:
        """Host and port, for a message or CONNECT."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def origin_of(url: httpx.URL, proxy: ProxyRoute | None, server_name: str | None = None) -> Origin:
    """Return where connections for a URL lead; `server_name` is for TLS, by default the host."""
    scheme = url.scheme
    if scheme not in _PORTS:
        raise httpx.UnsupportedProtocol(f"The URL must begin with http:// or https://, not {scheme}://")
    host = url.raw_host
    if not host:
        raise httpx.UnsupportedProtocol("The URL names no host")
    # The host as it is sent: idna does not take each name back apart that the DNS knows, an emoji's for one.
    return Origin(scheme, host.decode("ascii"), url.port or _PORTS[scheme], server_name, proxy)


@dataclass(slots=True, eq=False, repr=False)
class Outgoing:
    """A request as it leaves. It has no repr of its own, which would show the token in the head.

    Attributes:
        head: Request line and headers, and a small body behind them.
        body: The pieces of a body that does not go with the head.
        is_chunked: True if those pieces are framed as chunks.
        length: Bytes that a Content-Length header announces for them.
        is_repeatable: True if sending it twice does no harm.
        keeps_alive: True if the connection may carry another request.
    """

    origin: Origin
    method: str
    head: bytes
    body: AsyncGenerator[bytes, None] | None = None
    is_chunked: bool = False
    length: int | None = None
    is_repeatable: bool = False
    keeps_alive: bool = True


class Head:
    """Headers of requests to one origin, checked and written once for all that differ in method and target alone.

    Attributes:
        frames_body: True if a header says how long the body is, or how long the connection is kept.
    """

    # No dataclass: its repr would show the token.
    __slots__ = ("_block", "_prefix", "frames_body", "origin")

    def __init__(self, origin: Origin, netloc: bytes, fields: Sequence[tuple[bytes, bytes]]) -> None:
        self.origin = origin
        self._prefix = b""
        if origin.is_forwarded and origin.proxy is not None:
            self._prefix = b"http://" + netloc
            fields = [*fields, *origin.proxy.headers]
        self._block = block = b"\r\n".join([b"%b: %b" % one for one in fields])
        if not _PLAIN.fullmatch(block) or block.count(b"\r\n") >= max(len(fields), 1):
            _check_headers(fields)
        self.frames_body = _ABOUT_THE_CONNECTION.search(b"\r\n" + block) is not None

    def before_body(self, method: str, target: bytes, more: bytes = b"") -> bytes:
        """Return a request as far as its body, with `more` headers, which begin with a line break.

        Raises:
            httpx.LocalProtocolError: The target cannot be one.
        """
        if _BAD_TARGET.search(target):
            raise httpx.LocalProtocolError(
                "The path and query of a request must be printable ASCII, without spaces"
            )
        line = method.encode("ascii"), self._prefix, target
        return b"%b %b%b HTTP/1.1\r\n%b%b\r\n\r\n" % (*line, self._block, more)

    def without_body(self, method: str, target: bytes) -> Outgoing:
        """Return a GET or HEAD without a body, of which no header frames one."""
        return Outgoing(self.origin, method, self.before_body(method, target), is_repeatable=True)


def prepare(request: httpx.Request, proxy: ProxyRoute | None) -> Outgoing:
    """Return the bytes of a request and where they go; a proxy of its extensions goes before the given one."""
    extensions = request.extensions
    if "proxy" in extensions:
        proxy = ProxyRoute.from_httpx(extensions["proxy"])
    origin = origin_of(request.url, proxy, extensions.get("sni_hostname"))
    head = Head(origin, request.url.netloc, request.headers.raw)
    target: bytes = extensions.get("target") or request.url.raw_path
    try:
        content: bytes | None = request.content
    except _NOT_READ:
        content = None
    if request.method in NO_BODY and not head.frames_body and content == b"":
        return head.without_body(request.method, target)
    return _with_body(request, head, target, content)


def _check_headers(fields: Sequence[tuple[bytes, bytes]]) -> None:
    """Refuse what would be another header, or none at all."""
    for name, value in fields:
        if not _GOOD_NAME.fullmatch(name):
            raise httpx.LocalProtocolError(
                "The name of a request header has a character that no name may have"
            )
        try:
            value.decode("utf-8")
        except UnicodeDecodeError:
            raise httpx.LocalProtocolError("A request header is not valid UTF-8") from None
        if _BAD_VALUE.search(value):
            raise httpx.LocalProtocolError("A request header holds a line break or another control character")


def _with_body(request: httpx.Request, head: Head, target: bytes, content: bytes | None) -> Outgoing:
    """Frame a request that has a body, or may have one; ``None`` is one that is still to be read."""
    # A method is what a name of a header is; a line break in it would begin another request.
    if not _GOOD_NAME.fullmatch(request.method.encode("ascii", "replace")):
        raise httpx.LocalProtocolError("The method of a request has a character that no method may have")
    named = {name.lower(): value for name, value in request.headers.raw}
    keeps_alive = b"close" not in named.get(b"connection", b"").lower()
    is_chunked = b"chunked" in named.get(b"transfer-encoding", b"").lower()
    declared = named.get(b"content-length")
    if declared is not None and not declared.isdigit():
        raise httpx.LocalProtocolError("Content-Length must be a whole number")
    length = None if declared is None else int(declared)
    more = b""
    if length is None and not is_chunked:
        if content is None:
            more, is_chunked = b"\r\nTransfer-Encoding: chunked", True
        elif content:
            length = len(content)
            more = b"\r\nContent-Length: %d" % length
    sent = head.before_body(request.method, target, more)
    outgoing = Outgoing(
        head.origin, request.method, sent, is_chunked=is_chunked, length=length, keeps_alive=keeps_alive
    )
    if content is None or len(content) > _SENT_AT_ONCE:
        outgoing.body = _pieces(request)
    else:
        check_length(length, len(content))
        outgoing.is_repeatable = request.method in NO_BODY and not content
        if is_chunked:
            content = (framed(content) if content else b"") + framed(b"")
        outgoing.head += content
    return outgoing


async def _pieces(request: httpx.Request) -> AsyncGenerator[bytes, None]:
    """Yield the body in pieces that are worth waiting for one by one."""
    stream = request.stream
    if not hasattr(stream, "__aiter__"):
        raise TypeError("An asynchronous client cannot send a synchronous body")
    async for chunk in stream:
        for start in range(0, len(chunk), _SENT_AT_ONCE):
            yield chunk[start : start + _SENT_AT_ONCE]


def framed(piece: bytes) -> bytes:
    """Return a piece as a chunk; the empty one ends the body."""
    return b"%x\r\n%b\r\n" % (len(piece), piece)


def check_length(declared: int | None, sent: int) -> None:
    """Raise if a body is not as long as its header says: the peer would wait for the rest."""
    if declared is not None and sent != declared:
        raise httpx.LocalProtocolError(f"Content-Length says {declared} bytes, the body has {sent}")
