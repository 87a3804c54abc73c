"""Calls a second of both clients beside other TMDB clients, httpx's own and bare aiohttp; decoding; import time.

    pip install aiohttp
    pip install tmdbfusion==0.2.0 themoviedb==2.0.2     # the first needs Python 3.13
    python benchmarks/client.py [--calls 4000] [--connections 100] [--rounds 5]

Every contender fetches the same movie with credits, with as many tasks as connections, over and over in turn; the
table shows the median round. All make the same record of it but for the other TMDB clients, which make their own;
a side of which the package is not installed is left out. Blocking clients are shared by ``--threads`` threads,
each with a connection. The server is a process of its own, on a core of its own where the system allows that.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import platform
import statistics
import subprocess
import sys
import time
import timeit
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx
import msgspec
import peers
from loopback import pin, running_server

from tmdbfusion_scrapy.client import AsyncTMDBClient, TMDBClient
from tmdbfusion_scrapy.models import decode
from tmdbfusion_scrapy.models.movies import MovieDetails
from tmdbfusion_scrapy.sandbox.movies import GeneratedMovies

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

    Fetch = Callable[[], Awaitable[MovieDetails]]
    BlockingFetch = Callable[[], MovieDetails]

SIZE = 16 * 1024
IMPORTED = "tmdbfusion_scrapy.client"


def movie_with_credits() -> bytes:
    """The generated movie whose body with credits is nearest to 16 KB."""
    catalogue = GeneratedMovies(200, seed=1, gaps=0.0)
    bodies = []
    for movie_id in range(1, 200):
        movie = catalogue.details(movie_id, "en-US")
        if movie is not None:
            # The id that all ask for.
            movie |= {"id": peers.MOVIE_ID, "credits": catalogue.part(movie_id, "credits", {})}
            bodies.append(msgspec.json.encode(movie))
    return min(bodies, key=lambda body: abs(len(body) - SIZE))


@contextlib.asynccontextmanager
async def httpx_own(origin: str, connections: int) -> AsyncIterator[Fetch]:
    """Call with httpx's client and transport."""
    limits = httpx.Limits(max_connections=connections, max_keepalive_connections=connections)
    decoder = msgspec.json.Decoder(MovieDetails)
    async with httpx.AsyncClient(base_url=origin, limits=limits, timeout=30.0) as client:

        async def fetch() -> MovieDetails:
            return decoder.decode((await client.get("/3/movie/550")).content)

        yield fetch


@contextlib.asynccontextmanager
async def bare_aiohttp(origin: str, connections: int) -> AsyncIterator[Fetch]:
    """Call with aiohttp alone."""
    import aiohttp

    connector = aiohttp.TCPConnector(limit=connections)
    timeout = aiohttp.ClientTimeout(total=None, connect=30.0, sock_read=30.0)
    decoder = msgspec.json.Decoder(MovieDetails)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:

        async def fetch() -> MovieDetails:
            async with session.get(f"{origin}/3/movie/550") as response:
                return decoder.decode(await response.read())

        yield fetch


@contextlib.asynccontextmanager
async def tmdb_client(origin: str, connections: int) -> AsyncIterator[Fetch]:
    """Call ``movies.details``."""
    async with AsyncTMDBClient(
        "0" * 32,
        base_url=f"{origin}/3",
        max_connections=connections,
        max_keepalive_connections=connections,
        requests_per_second=None,
    ) as client:

        async def fetch() -> MovieDetails:
            return await client.movies.details(550)

        yield fetch


@contextlib.contextmanager
def blocking_httpx(origin: str, connections: int) -> Iterator[BlockingFetch]:
    """Call with httpx's blocking client."""
    limits = httpx.Limits(max_connections=connections, max_keepalive_connections=connections)
    decoder = msgspec.json.Decoder(MovieDetails)
    with httpx.Client(base_url=origin, limits=limits, timeout=30.0) as client:
        yield lambda: decoder.decode(client.get("/3/movie/550").content)


@contextlib.contextmanager
def blocking_tmdb_client(origin: str, connections: int) -> Iterator[BlockingFetch]:
    """Call ``movies.details`` of the blocking client."""
    with TMDBClient(
        "0" * 32,
        base_url=f"{origin}/3",
        max_connections=connections,
        max_keepalive_connections=connections,
        requests_per_second=None,
    ) as client:
        yield lambda: client.movies.details(550)


BARE = "aiohttp + msgspec, bare"

BLOCKING: dict[str, Callable[[str, int], Any]] = {
    "httpx.Client + msgspec": blocking_httpx,
    "TMDBClient": blocking_tmdb_client,
    "tmdbfusion's TMDBClient": peers.tmdbfusion_blocking,
    "themoviedb's TMDb": peers.themoviedb_blocking,
}

CONTENDERS: dict[str, Callable[[str, int], Any]] = {
    "httpx.AsyncClient + msgspec": httpx_own,
    "AsyncTMDBClient": tmdb_client,
    "tmdbfusion's AsyncTMDBClient": peers.tmdbfusion_async,
    "themoviedb's aioTMDb": peers.themoviedb_async,
    BARE: bare_aiohttp,
}

NEEDS = {
    BARE: "aiohttp",
    "tmdbfusion's AsyncTMDBClient": "tmdbfusion",
    "tmdbfusion's TMDBClient": "tmdbfusion",
    "themoviedb's aioTMDb": "themoviedb",
    "themoviedb's TMDb": "themoviedb",
}
"""What has to be installed for a side."""


def installed(contenders: dict[str, Callable[[str, int], Any]]) -> dict[str, Callable[[str, int], Any]]:
    """Leave out, and name, the clients that are not installed."""
    found = {}
    for name, contender in contenders.items():
        distribution = NEEDS.get(name)
        if distribution is not None and peers.version_of(distribution) is None:
            print(f"{name}: left out, {distribution} is not installed")
        else:
            found[name] = contender
    return found


@dataclass(frozen=True)
class Measurement:
    """One round: calls a second and CPU milliseconds a call, of all threads."""

    rate: float
    cpu: float


async def measure(
    contender: Callable[[str, int], Any], origin: str, calls: int, connections: int
) -> Measurement:
    """Call with as many tasks as connections."""
    async with contender(origin, connections) as fetch:
        left = iter(range(calls))

        async def work() -> None:
            for _ in left:
                if not (await fetch()).id:
                    raise RuntimeError("a record came back empty")

        # Opening the connections is no part of it.
        await asyncio.gather(*(fetch() for _ in range(connections)))
        started, cpu = time.perf_counter(), time.process_time()
        await asyncio.gather(*(work() for _ in range(connections)))
        return Measurement(
            calls / (time.perf_counter() - started), 1000 * (time.process_time() - cpu) / calls
        )


def measure_blocking(
    contender: Callable[[str, int], Any], origin: str, calls: int, threads: int
) -> Measurement:
    """Call one client that threads share."""
    with contender(origin, threads) as fetch, ThreadPoolExecutor(threads) as executor:
        left = iter(range(calls))

        def work() -> None:
            for _ in left:
                if not fetch().id:
                    raise RuntimeError("a record came back empty")

        list(executor.map(lambda _: fetch(), range(threads)))
        started, cpu = time.perf_counter(), time.process_time()
        for done in [executor.submit(work) for _ in range(threads)]:
            done.result()
        return Measurement(
            calls / (time.perf_counter() - started), 1000 * (time.process_time() - cpu) / calls
        )


def print_table(seen: dict[str, list[Measurement]], column: str, against: dict[str, str]) -> None:
    """Print the medians, and how many times as many calls a second they are as those of the named clients."""
    rates = {name: statistics.median(one.rate for one in found) for name, found in seen.items()}
    against = {name: title for name, title in against.items() if name in rates}
    print(f"| {column} | calls/s | CPU ms/call | {' | '.join(against.values())} |")
    print("|---|---:|---:|" + "---:|" * len(against))
    for name, rate in rates.items():
        cpu = statistics.median(one.cpu for one in seen[name])
        ratios = " | ".join(f"{rate / rates[other]:.2f}" for other in against)
        print(f"| {name} | {rate:,.0f} | {cpu:.2f} | {ratios} |")


def print_blocking_calls(body: bytes, calls: int, threads: int, rounds: int) -> None:
    """Print the table of blocking calls."""
    contenders = installed(BLOCKING)
    seen: dict[str, list[Measurement]] = {name: [] for name in contenders}
    with running_server(body) as origin:
        for _ in range(rounds):
            for name, contender in contenders.items():
                seen[name].append(measure_blocking(contender, origin, calls, threads))
    print(f"\n{calls} calls a round in {threads} threads that share one client, median of {rounds} rounds\n")
    print_table(seen, "blocking client", {"httpx.Client + msgspec": "x httpx"})


def print_calls(body: bytes, calls: int, connections: int, rounds: int) -> None:
    """Print the table of calls."""
    contenders = installed(CONTENDERS)
    seen: dict[str, list[Measurement]] = {name: [] for name in contenders}
    with running_server(body) as origin:
        for _ in range(rounds):
            for name, contender in contenders.items():
                seen[name].append(asyncio.run(measure(contender, origin, calls, connections)))
    print(
        f"{calls} calls a round over {connections} connections, {len(body)} bytes, median of {rounds} rounds\n"
    )
    print_table(
        seen,
        "client",
        {"httpx.AsyncClient + msgspec": "x httpx", BARE: "x bare aiohttp"},
    )


def print_decoding(body: bytes, rounds: int) -> None:
    """Print what a body costs to decode."""

    def best(function: Callable[[], Any]) -> float:
        return 1000 * min(timeit.repeat(function, number=200, repeat=rounds * 3)) / 200

    record, plain = best(lambda: decode(body, MovieDetails)), best(lambda: json.loads(body))
    print(f"\nDecoding it: record {record:.3f} ms, json.loads {plain:.3f} ms, ratio {record / plain:.2f}")


def print_import(rounds: int) -> None:
    """Print how long importing the clients takes, less what Python itself takes."""

    def best(code: str) -> float:
        times = []
        for _ in range(rounds + 2):
            started = time.perf_counter()
            subprocess.run([sys.executable, "-c", code], check=True)
            times.append(time.perf_counter() - started)
        return min(times)

    whole, bare = best(f"import {IMPORTED}"), best("pass")
    print(f"import {IMPORTED}: {whole - bare:.3f} s ({whole:.3f} s with Python's own start)")


def main() -> None:
    """Print all of it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--calls", type=int, default=4000, help="calls of a round (default: %(default)s)")
    parser.add_argument("--connections", type=int, default=100, help="default: %(default)s")
    parser.add_argument("--threads", type=int, default=16, help="of blocking clients (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=5, help="default: %(default)s")
    options = parser.parse_args()
    pinned = pin(0)
    names = ("httpx", "httptools", "aiohttp", "msgspec", "tmdbfusion", "themoviedb", "requests")
    versions = ", ".join(f"{name} {peers.version_of(name)}" for name in names if peers.version_of(name))
    print(f"Python {platform.python_version()}, {os.cpu_count()} CPUs, {pinned}; {versions}")
    body = movie_with_credits()
    print_calls(body, options.calls, options.connections, options.rounds)
    print_blocking_calls(body, options.calls, options.threads, options.rounds)
    print_decoding(body, options.rounds)
    print_import(options.rounds)


if __name__ == "__main__":
    main()
