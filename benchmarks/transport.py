"""Requests a second and CPU time of the transports there were to choose from, side by side in one run.

    pip install aiohttp httpx-aiohttp   # two of the sides; what is not installed is left out
    python benchmarks/transport.py [--requests 4000] [--connections 20,100,400] [--rounds 3] [--tls]

Starts its own loopback server in a process of its own, on a core of its own where the system allows that.
Every contender fetches the same body with as many tasks as connections, over and over in turn, with few and with
many connections one after the other; the table shows the median round.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import platform
import ssl
import statistics
import tempfile
import time
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httptools
import httpx
import scrapy
from certificates import make_certificates
from loopback import pin, running_server

from tmdbfusion_scrapy.crawling.session import prepare
from tmdbfusion_scrapy.transport import PooledStream, PooledTransport
from tmdbfusion_scrapy.transport.failover import FailoverTransport

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    Fetch = Callable[[str], Awaitable[bytes]]
    Verify = ssl.SSLContext | bool

BODY = b'{"id": 550, "overview": "' + b"x" * (16 * 1024 - 27) + b'"}'


async def body_of(response: httpx.Response) -> bytes:
    """Read the body at once, past httpx's layers."""
    if not isinstance(response.stream, PooledStream):
        raise TypeError("not a response of PooledTransport")
    return await response.stream.aread()


def limits(connections: int) -> httpx.Limits:
    """As many idle connections as connections, so that no contender has to reconnect."""
    return httpx.Limits(max_connections=connections, max_keepalive_connections=connections)


@contextlib.asynccontextmanager
async def through_client(transport: httpx.AsyncBaseTransport) -> AsyncIterator[Fetch]:
    """Fetch as most users do."""
    async with httpx.AsyncClient(transport=transport, timeout=30.0) as client:

        async def fetch(url: str) -> bytes:
            return (await client.get(url)).content

        yield fetch


@contextlib.asynccontextmanager
async def httpx_own(connections: int, verify: Verify) -> AsyncIterator[Fetch]:
    """Fetch with httpcore."""
    async with through_client(httpx.AsyncHTTPTransport(limits=limits(connections), verify=verify)) as fetch:
        yield fetch


@contextlib.asynccontextmanager
async def httpx_aiohttp(connections: int, verify: Verify) -> AsyncIterator[Fetch]:
    """Fetch with the published bridge."""
    from httpx_aiohttp import AiohttpTransport

    async with through_client(AiohttpTransport(limits=limits(connections), verify=verify)) as fetch:
        yield fetch


@contextlib.asynccontextmanager
async def pooled_in_client(connections: int, verify: Verify) -> AsyncIterator[Fetch]:
    """Fetch with this package's transport in httpx's client."""
    async with through_client(PooledTransport(limits=limits(connections), verify=verify)) as fetch:
        yield fetch


@contextlib.asynccontextmanager
async def pooled_direct(connections: int, verify: Verify) -> AsyncIterator[Fetch]:
    """Fetch with this package's transport alone."""
    timeout = {"connect": 30.0, "read": 30.0, "write": 30.0, "pool": 30.0}
    async with PooledTransport(limits=limits(connections), verify=verify) as transport:

        async def fetch(url: str) -> bytes:
            request = httpx.Request("GET", url, extensions={"timeout": timeout})
            response = await transport.handle_async_request(request)
            return await body_of(response)

        yield fetch


@contextlib.asynccontextmanager
async def pooled_in_crawl(connections: int, verify: Verify) -> AsyncIterator[Fetch]:
    """Build each request from Scrapy's and hand it to the transport, as the download handler does."""
    requests: dict[str, scrapy.Request] = {}
    async with PooledTransport(limits=limits(connections), verify=verify) as transport:

        async def fetch(url: str) -> bytes:
            request = requests.get(url)
            if request is None:
                request = requests[url] = scrapy.Request(url, meta={"download_timeout": 30.0})
            outgoing = prepare(request, transport, None)
            if outgoing is None:
                raise TypeError("a request with a body or a proxy of its own")
            timeouts = {"total": request.meta["download_timeout"]}
            return await (await transport.send(outgoing, timeouts)).read_all()

        yield fetch


@contextlib.asynccontextmanager
async def pooled_one_request(connections: int, verify: Verify) -> AsyncIterator[Fetch]:
    """Leave out what httpx needs to parse a URL and build a request."""
    timeout = {"connect": 30.0, "read": 30.0, "write": 30.0, "pool": 30.0}
    requests: dict[str, httpx.Request] = {}
    async with PooledTransport(limits=limits(connections), verify=verify) as transport:

        async def fetch(url: str) -> bytes:
            request = requests.get(url)
            if request is None:
                request = requests[url] = httpx.Request("GET", url, extensions={"timeout": timeout})
            response = await transport.handle_async_request(request)
            return await body_of(response)

        yield fetch


@contextlib.asynccontextmanager
async def pooled_with_failover(connections: int, verify: Verify) -> AsyncIterator[Fetch]:
    """Have a second host to go to; it is not needed."""
    timeout = {"connect": 30.0, "read": 30.0, "write": 30.0, "pool": 30.0}
    exchanges: dict[str, tuple[httpx.AsyncBaseTransport, httpx.Request]] = {}
    async with PooledTransport(limits=limits(connections), verify=verify) as pooled:

        async def fetch(url: str) -> bytes:
            if url not in exchanges:
                hosts = [url.partition("/movie/")[0], "http://127.0.0.1:9/3"]
                request = httpx.Request("GET", url, extensions={"timeout": timeout})
                exchanges[url] = FailoverTransport(pooled, hosts), request
            transport, request = exchanges[url]
            return await body_of(await transport.handle_async_request(request))

        yield fetch


@contextlib.asynccontextmanager
async def bare_aiohttp(connections: int, verify: Verify) -> AsyncIterator[Fetch]:
    """Fetch without httpx, with the same time-outs."""
    import aiohttp

    connector = aiohttp.TCPConnector(limit=connections, ssl=verify)
    timeout = aiohttp.ClientTimeout(total=None, connect=30.0, sock_read=30.0)
    async with aiohttp.ClientSession(
        connector=connector, timeout=timeout, cookie_jar=aiohttp.DummyCookieJar()
    ) as session:

        async def fetch(url: str) -> bytes:
            async with session.get(url) as response:
                return await response.read()

        yield fetch


class BareProtocol(asyncio.Protocol):
    """What a request takes at the least: no limits, no time-outs, no errors, no headers."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.pieces: list[bytes] = []

    def connection_made(self, transport: Any) -> None:
        """Keep the transport."""
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """Parse what came."""
        self.parser.feed_data(data)

    def on_body(self, body: bytes) -> None:
        """Keep a piece of the body."""
        self.pieces.append(body)

    def on_message_complete(self) -> None:
        """Hand the body over."""
        self.body.set_result(b"".join(self.pieces))

    async def exchange(self, head: bytes) -> bytes:
        """Send a head and return the body of the answer."""
        self.parser = httptools.HttpResponseParser(self)
        self.pieces.clear()
        self.body: asyncio.Future[bytes] = self.loop.create_future()
        self.transport.write(head)
        return await self.body


@contextlib.asynccontextmanager
async def bare_httptools(connections: int, verify: Verify) -> AsyncIterator[Fetch]:  # noqa: ARG001 - of the tasks
    """Fetch with asyncio and the parser alone: what grows here is of the event loop, the system and the server."""
    idle: list[BareProtocol] = []

    async def fetch(url: str) -> bytes:
        parts = httpx.URL(url) if not idle else None
        if parts is None:
            protocol = idle.pop()
        else:
            tls = verify if parts.scheme == "https" else None
            _, protocol = await asyncio.get_running_loop().create_connection(
                BareProtocol, parts.host, parts.port or 80, ssl=tls
            )
        target = url.split("/", 3)[3].encode()
        body = await protocol.exchange(b"GET /%b HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" % target)
        idle.append(protocol)
        return body

    yield fetch
    for protocol in idle:
        protocol.transport.abort()


BASELINE = "httpx, its own transport"
BARE = "aiohttp, bare"

CONTENDERS: dict[str, Callable[[int, Verify], Any]] = {
    BASELINE: httpx_own,
    "httpx-aiohttp as published": httpx_aiohttp,
    "PooledTransport in httpx.AsyncClient": pooled_in_client,
    "PooledTransport called directly": pooled_direct,
    "PooledTransport called directly, a crawl's requests": pooled_in_crawl,
    "PooledTransport called directly, one httpx.Request": pooled_one_request,
    "the same, with FailoverTransport around it": pooled_with_failover,
    BARE: bare_aiohttp,
    "asyncio and httptools, bare": bare_httptools,
}
NEEDS = {httpx_aiohttp: "httpx-aiohttp", bare_aiohttp: "aiohttp"}
"""What has to be installed for a side."""


@dataclass(frozen=True)
class Measurement:
    """One round: requests a second and CPU milliseconds a request."""

    rate: float
    cpu: float


async def measure(
    contender: Callable[[int, Verify], Any], url: str, requests: int, connections: int, verify: Verify
) -> Measurement:
    """Fetch the URL with as many tasks as connections."""
    async with contender(connections, verify) as fetch:
        left = iter(range(requests))

        async def work() -> None:
            for _ in left:
                if len(await fetch(url)) != len(BODY):
                    raise RuntimeError("a body came back short")

        # Opening the connections is no part of it.
        await asyncio.gather(*(fetch(url) for _ in range(connections)))
        started, cpu = time.perf_counter(), time.process_time()
        await asyncio.gather(*(work() for _ in range(connections)))
        wall, cpu = time.perf_counter() - started, time.process_time() - cpu
    return Measurement(rate=requests / wall, cpu=1000 * cpu / requests)


def version_of(name: str) -> str | None:
    """Return a distribution's version, or None if it is not there."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument(
        "--requests", type=int, default=4000, help="requests of a round (default: %(default)s)"
    )
    parser.add_argument("--connections", default="20,100,400", help="comma-separated (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="default: %(default)s")
    parser.add_argument("--tls", action="store_true", help="over TLS, by a CA of its own")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        certificate: Path | None = None
        verify: Verify = True
        if options.tls:
            make_certificates(Path(name))
            certificate = Path(name) / "server.pem"
            verify = ssl.create_default_context(cafile=str(Path(name) / "ca.pem"))
        with running_server(BODY, certificate=certificate) as origin:
            url = f"{origin}/3/movie/550?language=en-US"
            pinned = pin(0)
            names = ("httpx", "httpcore", "httptools", "httpx-aiohttp", "aiohttp")
            print(
                f"Python {platform.python_version()}, {os.cpu_count()} CPUs, {pinned}; "
                + ", ".join(f"{name} {version_of(name) or 'not installed'}" for name in names)
            )
            print(
                f"{options.requests} GETs of {len(BODY)} bytes a round{', over TLS' * options.tls}, "
                f"median of {options.rounds} rounds\n"
            )
            print("| connections | transport | requests/s | CPU ms/request | x httpx | x bare aiohttp |")
            print("|---:|---|---:|---:|---:|---:|", flush=True)
            numbers = [int(number) for number in options.connections.split(",")]
            compare(url, options.requests, numbers, options.rounds, verify)


def compare(url: str, requests: int, numbers: list[int], rounds: int, verify: Verify) -> None:
    """Print the rows, one block for each number of connections."""
    installed = {
        name: contender
        for name, contender in CONTENDERS.items()
        if contender not in NEEDS or version_of(NEEDS[contender])
    }
    seen: dict[tuple[int, str], list[Measurement]] = {}
    for _ in range(rounds):
        for name, contender in installed.items():
            for connections in numbers:
                measured = asyncio.run(measure(contender, url, requests, connections, verify))
                seen.setdefault((connections, name), []).append(measured)
    rates = {key: statistics.median(one.rate for one in found) for key, found in seen.items()}
    for connections in numbers:
        for name in installed:
            rate = rates[connections, name]
            cpu = statistics.median(one.cpu for one in seen[connections, name])
            to_aiohttp = f"{rate / rates[connections, BARE]:.2f}" if BARE in installed else ""
            to_httpx = f"{rate / rates[connections, BASELINE]:.2f}"
            print(
                f"| {connections} | {name} | {rate:,.0f} | {cpu:.3f} | {to_httpx} | {to_aiohttp} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
