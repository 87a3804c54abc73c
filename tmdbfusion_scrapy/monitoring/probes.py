"""Questions of ``scrapy tmdb-doctor`` to network, database and disk: each has a time-out and answers with data."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import os
import shutil
import socket
import threading
import time
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, TypeVar

from cryptography import x509
from cryptography.x509.oid import NameOID
from sqlalchemy.exc import SQLAlchemyError

from tmdbfusion_scrapy.exceptions import ConfigurationError
from tmdbfusion_scrapy.http import httpx
from tmdbfusion_scrapy.storage.backend import backend_for, reason_of
from tmdbfusion_scrapy.storage.database import (
    VERSION,
    MissingDatabaseError,
    database_label,
    open_for_reading,
    parse_database_url,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


T = TypeVar("T")

LOOKUP_SECONDS = 4.0
CONNECT_SECONDS = 3.0
ANSWER_SECONDS = 5.0
DATABASE_SECONDS = 6.0
"""Time-outs. Those of one host follow each other, all else is asked at the same time."""

_DATABASE_CONNECT_SECONDS = "4"


@dataclass(frozen=True, slots=True)
class Lookup:
    """Addresses of a host name."""

    host: str
    ipv4: tuple[str, ...] = ()
    ipv6: tuple[str, ...] = ()
    error: str | None = None
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Reached:
    """Attempt to connect to an address."""

    address: str
    seconds: float | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Certificate:
    """Certificate that a server showed."""

    issuer: str
    expires: datetime
    is_self_signed: bool
    protocol: str | None


@dataclass(frozen=True, slots=True)
class Answer:
    """Answer to one request, or what came in its place.

    Args:
        url: The base URL that was asked.
        status: HTTP status; ``None`` where no answer came.
        headers: Headers, to be looked up in lower case.
        body: The body.
        seconds: Time from the call to the last byte, opening a connection included.
        certificate: Of the server; ``None`` in plain http, or where none was seen.
        error: What came in place of an answer, without secrets.
    """

    url: str
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    seconds: float = 0.0
    certificate: Certificate | None = None
    error: Exception | None = None


@dataclass(frozen=True, slots=True)
class DatabaseState:
    """State of a database."""

    label: str
    product: str | None = None
    schema: int | None = None
    error: str | None = None
    advice: str | None = None


async def in_thread(question: Callable[..., T], *arguments: Any, seconds: float) -> T:
    """Return the answer to a question that blocks, asked in a thread that nobody waits for at the end.

    Threads of an executor would be waited for: a resolver that does not answer takes half a minute.

    Raises:
        asyncio.TimeoutError: There was no answer in time.
    """
    answer: Future[T] = Future()
    # So that it is not cancelled when nobody waits any more.
    answer.set_running_or_notify_cancel()

    def work() -> None:
        try:
            answer.set_result(question(*arguments))
        except Exception as error:  # noqa: BLE001 - raised again for who asked
            answer.set_exception(error)

    threading.Thread(target=work, daemon=True, name="tmdb-doctor").start()
    return await asyncio.wait_for(asyncio.wrap_future(answer), seconds)


async def look_up(host: str, port: int, *, seconds: float = LOOKUP_SECONDS) -> Lookup:
    """Return the addresses of a host."""
    with contextlib.suppress(ValueError):
        version = ipaddress.ip_address(host).version
        return Lookup(host, ipv4=(host,)) if version == 4 else Lookup(host, ipv6=(host,))
    started = time.monotonic()
    found: list[Any] = []
    reason = None
    try:
        found = await in_thread(
            lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM), seconds=seconds
        )
    except asyncio.TimeoutError:
        reason = f"no answer in {seconds:g} s"
    except (OSError, UnicodeError) as error:
        reason = _words(error)
    four, six = (
        tuple(dict.fromkeys(str(address[0]) for kind, *_, address in found if kind == family))
        for family in (socket.AF_INET, socket.AF_INET6)
    )
    return Lookup(host, four, six, reason, time.monotonic() - started)


def no_address(lookup: Lookup) -> httpx.ConnectError:
    """Return the error of a request to a host that has no address."""
    failure = httpx.ConnectError(f"{lookup.host} has no address: {lookup.error}")
    failure.__cause__ = socket.gaierror(socket.EAI_NONAME, lookup.error)
    return failure


async def reach(address: str, port: int, *, seconds: float = CONNECT_SECONDS) -> Reached:
    """Connect to an address and hang up."""
    started = time.monotonic()
    try:
        _, writer = await asyncio.wait_for(asyncio.open_connection(address, port), seconds)
    except asyncio.TimeoutError:
        return Reached(address, error=f"no answer in {seconds:g} s")
    except OSError as error:
        return Reached(address, error=_words(error))
    elapsed = time.monotonic() - started
    writer.close()
    return Reached(address, elapsed)


async def exchange(
    transport: httpx.AsyncBaseTransport,
    request: httpx.Request,
    base_url: str,
    *,
    seconds: float = ANSWER_SECONDS,
    clean: Callable[[Exception], Exception],
) -> Answer:
    """Send a request and return what came of it."""
    times = {"connect": min(seconds, CONNECT_SECONDS), "read": seconds, "write": seconds, "pool": seconds}
    request.extensions = {**request.extensions, "timeout": {**times, "total": seconds}}
    started = time.monotonic()
    try:
        response = await transport.handle_async_request(request)
        body = await response.aread()
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return Answer(base_url, seconds=time.monotonic() - started, error=clean(error))
    return Answer(
        base_url,
        response.status_code,
        {name.lower(): value for name, value in response.headers.items()},
        body,
        time.monotonic() - started,
        _certificate_of(response),
    )


def _certificate_of(response: httpx.Response) -> Certificate | None:
    """Return the certificate of the server that a response came from."""
    stream = response.extensions.get("network_stream")
    connection = None if stream is None else stream.get_extra_info("ssl_object")
    encoded = None if connection is None else connection.getpeercert(binary_form=True)
    if connection is None or encoded is None:
        return None
    shown = x509.load_der_x509_certificate(encoded)
    # Since cryptography 42 the other one warns.
    expires = getattr(shown, "not_valid_after_utc", None)
    names = [
        str(attribute.value)
        for oid in (NameOID.ORGANIZATION_NAME, NameOID.COMMON_NAME)
        for attribute in shown.issuer.get_attributes_for_oid(oid)
    ]
    return Certificate(
        ", ".join(dict.fromkeys(names)) or shown.issuer.rfc4514_string(),
        expires or shown.not_valid_after.replace(tzinfo=timezone.utc),
        shown.issuer == shown.subject,
        connection.version(),
    )


def database_state(text: str) -> DatabaseState:
    """Return the state of the database that ``TMDB_DATABASE_URL`` names. It is only read, and none is made."""
    try:
        url = parse_database_url(text)
    except ConfigurationError as error:
        return DatabaseState("", error=str(error))
    label = database_label(url)
    backend = backend_for(url)
    assert backend is not None  # noqa: S101 - else the URL was refused
    if url.host is not None and "connect_timeout" not in url.query:
        url = url.update_query_dict({"connect_timeout": _DATABASE_CONNECT_SECONDS})
    try:
        engine = open_for_reading(url.render_as_string(hide_password=False))
    except MissingDatabaseError:
        # The first crawl will make it, or put its tables into it.
        try:
            backend.check_place(url, label)
        except (OSError, ValueError) as error:
            return DatabaseState(label, error=str(error))
        state = DatabaseState(label, backend.name)
    except ConfigurationError as error:
        cause = error.__cause__
        advice = backend.advice(reason_of(cause)) if isinstance(cause, SQLAlchemyError) else None
        return DatabaseState(label, error=str(error), advice=advice)
    else:
        try:
            state = DatabaseState(label, f"{backend.name} {backend.version(engine)}".strip(), VERSION)
        finally:
            engine.dispose()
    path = backend.path(url)
    if path is None:
        return state
    kept = [path, path.parent] if path.exists() else [path.parent]
    locked = next((place for place in kept if not os.access(place, os.W_OK)), None)
    if locked is None:
        return state
    return DatabaseState(
        label,
        error=f"TMDB_DATABASE_URL={label} cannot be written: no permission for {locked.absolute()}",
        advice="make the file and its directory writable, or name another file",
    )


def free_bytes(folder: Path) -> int:
    """Return the bytes that are free where a folder is, or will be.

    Raises:
        OSError: The disk cannot be asked.
    """
    above = folder.absolute()
    return shutil.disk_usage(next(place for place in (above, *above.parents) if place.is_dir())).free


def _words(error: Exception) -> str:
    """Return what the system says of an error."""
    if isinstance(error, ConnectionError) and error.errno:
        # What asyncio says instead names the address.
        return os.strerror(error.errno)
    return (isinstance(error, OSError) and error.strerror) or str(error) or type(error).__name__


def utc_now() -> datetime:
    """Return the time by the clock of this machine."""
    return datetime.now(timezone.utc)
