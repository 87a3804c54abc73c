"""TLS handshakes, connections and bytes on the wire for 1,000 requests, with and without keep-alive.

    python benchmarks/handshakes.py [--requests 1000] [--concurrency 16] [--size 5000]

Starts a server in a process of its own, with TLS by a CA of its own, and in front of it a relay that counts what
passes: connections, ClientHellos, and bytes of TCP payload in both directions. It answers after 20 ms.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import platform
import ssl
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
from certificates import make_certificates
from loopback import Server as Answering
from loopback import answer_with

from tmdbfusion_scrapy.transport import PooledTransport

if TYPE_CHECKING:
    from collections.abc import Iterator

LATENCY = 0.02
"""Seconds before each answer."""

HEADERS = {
    "Accept": "application/json",
    "Accept-Encoding": "gzip, deflate",
    "Accept-Language": "en",
    "User-Agent": f"Scrapy/{metadata.version('scrapy')} (+https://scrapy.org)",
    # As long as a v4 token of TMDB's.
    "Authorization": "Bearer " + "e" * 212,
}


@dataclass
class Traffic:
    """What passed the relay."""

    connections: int = 0
    handshakes: int = 0
    to_server: int = 0
    to_client: int = 0


# The server's process.


class Relay:
    """Passes bytes between clients and the server, and counts."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.traffic = Traffic()

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve a client."""
        self.traffic.connections += 1
        to_server, from_server = await asyncio.open_connection("127.0.0.1", self.port)
        await asyncio.gather(
            self.pump(reader, from_server, "to_server"), self.pump(to_server, writer, "to_client")
        )

    async def pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, direction: str) -> None:
        """Pass one direction on."""
        is_first = direction == "to_server"
        with contextlib.suppress(OSError):
            while data := await reader.read(2**16):
                # A TLS record of type 22 with a handshake message of type 1.
                self.traffic.handshakes += is_first and data[0] == 22 and data[5] == 1
                is_first = False
                setattr(self.traffic, direction, getattr(self.traffic, direction) + len(data))
                writer.write(data)
                await writer.drain()
        writer.close()


async def serve(folder: Path, size: int) -> None:
    """Print the relay's port, then answer each line on stdin with what passed since the last one."""
    # As incompressible as TMDB's JSON is after gzip.
    answer = answer_with(b"x" * size)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "server.pem")
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: Answering(lambda _: answer, LATENCY), "127.0.0.1", 0, ssl=context, backlog=256
    )
    relay = Relay(server.sockets[0].getsockname()[1])
    relaying = await asyncio.start_server(relay.handle, "127.0.0.1", 0, backlog=256)
    print(relaying.sockets[0].getsockname()[1], flush=True)
    while await loop.run_in_executor(None, sys.stdin.readline):
        # What the client closed just now is still on its way.
        await asyncio.sleep(0.2)
        print(json.dumps(asdict(relay.traffic)), flush=True)
        relay.traffic = Traffic()
    server.close()


# The client's process.


@dataclass
class Server:
    """The server's process."""

    process: subprocess.Popen[str]
    url: str

    def traffic(self) -> Traffic:
        """Ask what passed since the last time."""
        if self.process.stdin is None or self.process.stdout is None:
            raise RuntimeError("the server's pipes are not there")
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return Traffic(**json.loads(self.process.stdout.readline()))


@contextlib.contextmanager
def running_server(folder: Path, size: int) -> Iterator[Server]:
    """Run the server."""
    command = [sys.executable, __file__, "--serve", str(folder), "--size", str(size)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        if process.stdout is None:
            raise RuntimeError("the server's pipes are not there")
        yield Server(process, f"https://127.0.0.1:{int(process.stdout.readline())}")
    finally:
        process.terminate()
        process.communicate()


@dataclass(frozen=True)
class Side:
    """One way to fetch."""

    name: str
    is_ours: bool
    keep: bool = True

    def transport(self, context: ssl.SSLContext, concurrency: int) -> httpx.AsyncBaseTransport:
        """Make the transport, with as many connections as there are requests at a time."""
        limits = httpx.Limits(max_connections=concurrency, max_keepalive_connections=concurrency)
        made = PooledTransport if self.is_ours else httpx.AsyncHTTPTransport
        return made(verify=context, limits=limits)


OURS, HTTPX = "PooledTransport", "httpx's own transport"
SIDES = (
    Side(f"{OURS}", is_ours=True),
    Side(f"{HTTPX}", is_ours=False),
    Side(f"{OURS}, `Connection: close`", is_ours=True, keep=False),
    Side(f"{HTTPX}, `Connection: close`", is_ours=False, keep=False),
)


async def run(side: Side, context: ssl.SSLContext, url: str, requests: int, concurrency: int) -> float:
    """Fetch as a crawl does, and return the seconds it took."""
    headers = HEADERS if side.keep else {**HEADERS, "Connection": "close"}
    left = iter(range(requests))
    started = time.perf_counter()
    async with side.transport(context, concurrency) as transport:

        async def work() -> None:
            for number in left:
                target = f"{url}/3/movie/{number}?append_to_response=credits%2Ckeywords&language=en-US"
                response = await transport.handle_async_request(httpx.Request("GET", target, headers=headers))
                await response.aread()
                await response.aclose()
                if response.status_code != 200:
                    raise RuntimeError(f"the server answered {response.status_code}")

        await asyncio.gather(*(work() for _ in range(concurrency)))
    return time.perf_counter() - started


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--requests", type=int, default=1000, help="default: %(default)s")
    parser.add_argument("--concurrency", type=int, default=16, help="default: %(default)s")
    parser.add_argument("--size", type=int, default=5000, help="bytes of a body (default: %(default)s)")
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        asyncio.run(serve(options.serve, options.size))
        return
    names = ("httpx", "httpcore", "httptools")
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in names)
    print(f"Python {platform.python_version()}, {ssl.OPENSSL_VERSION}; {versions}")
    print(f"{options.requests} GETs of {options.size} bytes, {options.concurrency} at a time\n")
    print("| side | TLS handshakes | connections | KB sent | KB received | seconds |")
    print("|---|---:|---:|---:|---:|---:|")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_certificates(folder)
        with running_server(folder, options.size) as server:
            for side in SIDES:
                # What is offered in the handshake is kept in the context.
                context = ssl.create_default_context(cafile=str(folder / "ca.pem"))
                seconds = asyncio.run(run(side, context, server.url, options.requests, options.concurrency))
                seen = server.traffic()
                print(
                    f"| {side.name} | {seen.handshakes:,} | {seen.connections:,} | {seen.to_server / 1000:,.0f} "
                    f"| {seen.to_client / 1000:,.0f} | {seconds:.1f} |"
                )


if __name__ == "__main__":
    main()
