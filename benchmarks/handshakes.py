"""TLS handshakes, connections and bytes on the wire for 1,000 requests, with and without keep-alive.

    python benchmarks/handshakes.py [--requests 1000] [--concurrency 16] [--size 5000]

Starts hypercorn in a process of its own, with TLS by a CA of its own, and in front of it a relay that counts what
passes: connections, ClientHellos, and bytes of TCP payload in both directions.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import datetime
import ipaddress
import json
import platform
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from tmdbfusion_scrapy.transport import PooledTransport

if TYPE_CHECKING:
    from collections.abc import Iterator

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


def make_certificates(folder: Path) -> None:
    """Write ``ca.pem`` for the client and ``server.pem``: key, certificate and intermediate, all RSA 2048."""
    now = datetime.datetime.now(datetime.timezone.utc)
    issuer: tuple[x509.Name, rsa.RSAPrivateKey] | None = None
    pems = {}
    for name in ("Root", "Intermediate", "localhost"):
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        issuer_name, issuer_key = issuer or (subject, key)
        addresses = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
        certificate = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer_name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.SubjectAlternativeName(addresses), critical=False)
            .add_extension(x509.BasicConstraints(ca=name != "localhost", path_length=None), critical=True)
            .add_extension(_key_usage(signs=name != "localhost"), critical=True)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False
            )
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .sign(issuer_key, hashes.SHA256())
        )
        pems[name] = certificate.public_bytes(serialization.Encoding.PEM)
        issuer = subject, key
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "ca.pem").write_bytes(pems["Root"])
    (folder / "server.pem").write_bytes(private + pems["localhost"] + pems["Intermediate"])


def _key_usage(*, signs: bool) -> x509.KeyUsage:
    """What OpenSSL asks of an authority's certificate; ``signs`` others'."""
    return x509.KeyUsage(
        digital_signature=not signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs,
        crl_sign=signs,
        encipher_only=False,
        decipher_only=False,
    )


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
    from hypercorn.asyncio import serve as run
    from hypercorn.config import Config

    # As incompressible as TMDB's JSON is after gzip.
    body = b"x" * size
    head = [
        (b"content-type", b"application/json;charset=utf-8"),
        (b"content-length", str(size).encode()),
        (b"cache-control", b"public, max-age=21600"),
        (b"vary", b"Accept-Encoding"),
        (b"etag", b'W/"benchmark"'),
    ]

    async def application(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            while True:
                message = await receive()
                await send({"type": f"{message['type']}.complete"})
        await asyncio.sleep(0.02)
        await send({"type": "http.response.start", "status": 200, "headers": head})
        await send({"type": "http.response.body", "body": body})

    listening = socket.create_server(("127.0.0.1", 0))
    relay = Relay(listening.getsockname()[1])
    config = Config()
    config.certfile = config.keyfile = str(folder / "server.pem")
    config.bind = [f"fd://{listening.detach()}"]
    config.accesslog = config.errorlog = None
    config.keep_alive_max_requests = 10**6
    relaying = await asyncio.start_server(relay.handle, "127.0.0.1", 0, backlog=256)
    server = asyncio.ensure_future(run(application, config))
    print(relaying.sockets[0].getsockname()[1], flush=True)
    loop = asyncio.get_running_loop()
    while await loop.run_in_executor(None, sys.stdin.readline):
        # What the client closed just now is still on its way.
        await asyncio.sleep(0.2)
        print(json.dumps(asdict(relay.traffic)), flush=True)
        relay.traffic = Traffic()
    server.cancel()


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
    http2: bool = False
    keep: bool = True

    def transport(self, context: ssl.SSLContext, concurrency: int) -> httpx.AsyncBaseTransport:
        """Make the transport, with as many connections as there are requests at a time."""
        limits = httpx.Limits(max_connections=concurrency, max_keepalive_connections=concurrency)
        made = PooledTransport if self.is_ours else httpx.AsyncHTTPTransport
        return made(verify=context, limits=limits, http2=self.http2)


OURS, HTTPX = "PooledTransport", "httpx's own transport"
SIDES = (
    Side(f"{OURS}, HTTP/1.1", is_ours=True),
    Side(f"{HTTPX}, HTTP/1.1", is_ours=False),
    Side(f"{OURS}, HTTP/1.1, `Connection: close`", is_ours=True, keep=False),
    Side(f"{HTTPX}, HTTP/1.1, `Connection: close`", is_ours=False, keep=False),
    Side(f"{OURS}, HTTP/2", is_ours=True, http2=True),
    Side(f"{HTTPX}, HTTP/2", is_ours=False, http2=True),
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
    names = ("httpx", "httpcore", "aiohttp", "h2", "hypercorn")
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
