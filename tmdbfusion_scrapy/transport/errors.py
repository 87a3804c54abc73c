"""Errors of the system, of TLS and of the parser as the exceptions that httpx promises.

No message holds more of a request than host and port, and no cause has the frames in which it was raised: a path
or a query may hold a secret, and what reports errors may show local variables.
"""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Final, TypeVar

from tmdbfusion_scrapy.http import httpx

if TYPE_CHECKING:
    from tmdbfusion_scrapy.transport.outgoing import Origin

E = TypeVar("E", bound=httpx.TransportError)

_TIMEOUTS: Final = {
    "connect": (httpx.ConnectTimeout, "Connecting to {target} took too long"),
    "read": (httpx.ReadTimeout, "{target} sent nothing for too long"),
    "write": (httpx.WriteTimeout, "{target} took no bytes of the request body for too long"),
    "total": (httpx.ReadTimeout, "The exchange with {scheme}://{target} took longer than its total time"),
}


def timed_out(origin: Origin, which: str) -> httpx.TimeoutException:
    """Return the exception for a time-out, which is ``connect``, ``read``, ``write`` or ``total``."""
    kind, text = _TIMEOUTS[which]
    return caused(kind(text.format(scheme=origin.scheme, target=origin.target)), asyncio.TimeoutError())


def cannot_connect(origin: Origin, error: Exception) -> httpx.TransportError:
    """Return the exception for a connection that could not be opened."""
    if isinstance(error, httpx.TransportError):
        return error
    if isinstance(error, UnicodeError):
        return caused(httpx.UnsupportedProtocol(f"The host of {origin.target} is not a valid one"), error)
    return caused(httpx.ConnectError(f"Cannot connect to {origin.target}{detail(error)}"), error)


def lost(origin: Origin, error: Exception | None, *, has_heard: bool) -> httpx.TransportError:
    """Return the exception for a connection that ended before the head of an answer."""
    if error is not None:
        return caused(httpx.ReadError(f"The connection to {origin.target} broke{detail(error)}"), error)
    how = "within the head of its response" if has_heard else "without a response"
    return caused(httpx.RemoteProtocolError(f"{origin.target} disconnected {how}"), EOFError())


def not_http(origin: Origin, error: Exception) -> httpx.TransportError:
    """Return the exception for an answer that the parser does not take."""
    return caused(
        httpx.RemoteProtocolError(f"{origin.target} sent something that is not HTTP{detail(error)}"), error
    )


def closed_under_request(origin: Origin) -> httpx.TransportError:
    """Return the exception for a transport that was closed while a request was under way."""
    return httpx.ReadError(f"The transport was closed under a request to {origin.target}")


def detail(error: Exception) -> str:
    """Say more if the exception knows more than its class says, in one line."""
    text = str(error)
    if isinstance(error, ConnectionError) and error.errno:
        # What asyncio says instead names the address.
        text = os.strerror(error.errno)
    elif isinstance(error, OSError) and error.strerror:
        text = error.strerror
    text = text.strip()
    return f": {text.splitlines()[0][:200]}" if text else ""


def caused(failure: E, cause: BaseException) -> E:
    """Return an exception with its cause, but not with the frames of that."""
    failure.__cause__ = cause.with_traceback(None)
    cause.__context__ = None
    return failure
