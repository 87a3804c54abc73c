"""Requests a second and CPU time of the transports there were to choose from, side by side in one run.

    python benchmarks/transport.py [--requests 4000] [--connections 20,100,400] [--rounds 3]

Starts its own loopback server in a process of its own, on a core of its own where the system allows that.
Every contender fetches the same body with as many tasks as connections, over and over in turn; the table shows
the median round.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import platform
import statistics
import time
from dataclasses import dataclass
from importlib import metadata
from typing import TYPE_CHECKING, Any

import aiohttp
import httpx
from loopback import pin, running_server

from tmdbfusion_scrapy.transport import PooledStream, PooledTransport
from tmdbfusion_scrapy.transport.failover import FailoverTransport

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    Fetch = Callable[[str], Awaitable[bytes]]

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
async def httpx_own(connections: int) -> AsyncIterator[Fetch]:
    """Fetch with httpcore."""
    async with through_client(httpx.AsyncHTTPTransport(limits=limits(connections))) as fetch:
        yield fetch


@contextlib.asynccontextmanager
async def httpx_aiohttp(connections: int) -> AsyncIterator[Fetch]:
    """Fetch with the published bridge."""
    from httpx_aiohttp import AiohttpTransport

    async with through_client(AiohttpTransport(limits=limits(connections))) as fetch:
        yield fetch


@contextlib.asynccontextmanager
async def pooled_in_client(connections: int) -> AsyncIterator[Fetch]:
    """Fetch with this package's transport in httpx's client."""
    async with through_client(PooledTransport(limits=limits(connections))) as fetch:
        yield fetch


@contextlib.asynccontextmanager
async def pooled_direct(connections: int) -> AsyncIterator[Fetch]:
    """Fetch with this package's transport alone, as the Scrapy handler does."""
    timeout = {"connect": 30.0, "read": 30.0, "write": 30.0, "pool": 30.0}
    async with PooledTransport(limits=limits(connections)) as transport:

        async def fetch(url: str) -> bytes:
            request = httpx.Request("GET", url, extensions={"timeout": timeout})
            response = await transport.handle_async_request(request)
            return await body_of(response)

        yield fetch


@contextlib.asynccontextmanager
async def pooled_one_request(connections: int) -> AsyncIterator[Fetch]:
    """Leave out what httpx needs to parse a URL and build a request."""
    timeout = {"connect": 30.0, "read": 30.0, "write": 30.0, "pool": 30.0}
    requests: dict[str, httpx.Request] = {}
    async with PooledTransport(limits=limits(connections)) as transport:

        async def fetch(url: str) -> bytes:
            request = requests.get(url)
            if request is None:
                request = requests[url] = httpx.Request("GET", url, extensions={"timeout": timeout})
            response = await transport.handle_async_request(request)
            return await body_of(response)

        yield fetch


@contextlib.asynccontextmanager
async def pooled_with_failover(connections: int) -> AsyncIterator[Fetch]:
    """Have a second host to go to; it is not needed."""
    timeout = {"connect": 30.0, "read": 30.0, "write": 30.0, "pool": 30.0}
    exchanges: dict[str, tuple[httpx.AsyncBaseTransport, httpx.Request]] = {}
    async with PooledTransport(limits=limits(connections)) as pooled:

        async def fetch(url: str) -> bytes:
            if url not in exchanges:
                hosts = [url.partition("/movie/")[0], "http://127.0.0.1:9/3"]
                request = httpx.Request("GET", url, extensions={"timeout": timeout})
                exchanges[url] = FailoverTransport(pooled, hosts), request
            transport, request = exchanges[url]
            return await body_of(await transport.handle_async_request(request))

        yield fetch


@contextlib.asynccontextmanager
async def bare_aiohttp(connections: int) -> AsyncIterator[Fetch]:
    """Fetch without httpx, with the same time-outs."""
    connector = aiohttp.TCPConnector(limit=connections)
    timeout = aiohttp.ClientTimeout(total=None, connect=30.0, sock_read=30.0)
    async with aiohttp.ClientSession(
        connector=connector, timeout=timeout, cookie_jar=aiohttp.DummyCookieJar()
    ) as session:

        async def fetch(url: str) -> bytes:
            async with session.get(url) as response:
                return await response.read()

        yield fetch


CONTENDERS: dict[str, Callable[[int], Any]] = {
    "httpx, its own transport": httpx_own,
    "httpx-aiohttp as published": httpx_aiohttp,
    "PooledTransport in httpx.AsyncClient": pooled_in_client,
    "PooledTransport called directly": pooled_direct,
    "PooledTransport called directly, one httpx.Request": pooled_one_request,
    "the same, with FailoverTransport around it": pooled_with_failover,
    "aiohttp, bare": bare_aiohttp,
}


@dataclass(frozen=True)
class Measurement:
    """One round: requests a second and CPU milliseconds a request."""

    rate: float
    cpu: float


async def measure(contender: Callable[[int], Any], url: str, requests: int, connections: int) -> Measurement:
    """Fetch the URL with as many tasks as connections."""
    async with contender(connections) as fetch:
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


def version_of(name: str) -> str:
    """Return a distribution's version or say that it is not there."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "not installed"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument(
        "--requests", type=int, default=4000, help="requests of a round (default: %(default)s)"
    )
    parser.add_argument("--connections", default="20,100,400", help="comma-separated (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="default: %(default)s")
    options = parser.parse_args()
    with running_server(BODY) as origin:
        url = f"{origin}/3/movie/550?language=en-US"
        pinned = pin(0)
        names = ("httpx", "httpcore", "httpx-aiohttp", "aiohttp")
        print(
            f"Python {platform.python_version()}, {os.cpu_count()} CPUs, {pinned}; "
            + ", ".join(f"{name} {version_of(name)}" for name in names)
        )
        print(f"{options.requests} GETs of {len(BODY)} bytes a round, median of {options.rounds} rounds\n")
        print("| connections | transport | requests/s | CPU ms/request | x httpx | x bare aiohttp |")
        print("|---:|---|---:|---:|---:|---:|")
        for connections in [int(number) for number in options.connections.split(",")]:
            compare(url, options.requests, connections, options.rounds)


def compare(url: str, requests: int, connections: int, rounds: int) -> None:
    """Print one block of the table."""
    installed = {
        name: contender
        for name, contender in CONTENDERS.items()
        if contender is not httpx_aiohttp or version_of("httpx-aiohttp") != "not installed"
    }
    seen: dict[str, list[Measurement]] = {name: [] for name in installed}
    for _ in range(rounds):
        for name, contender in installed.items():
            seen[name].append(asyncio.run(measure(contender, url, requests, connections)))
    rates = {name: statistics.median(one.rate for one in found) for name, found in seen.items()}
    for name in CONTENDERS:
        if name not in installed:
            print(f"| {connections} | {name} | not installed | | | |")
            continue
        cpu = statistics.median(one.cpu for one in seen[name])
        to_httpx = rates[name] / rates["httpx, its own transport"]
        to_aiohttp = rates[name] / rates["aiohttp, bare"]
        print(
            f"| {connections} | {name} | {rates[name]:,.0f} | {cpu:.3f} | {to_httpx:.2f} | {to_aiohttp:.2f} |"
        )


if __name__ == "__main__":
    main()
