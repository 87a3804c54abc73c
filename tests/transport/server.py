"""A raw HTTP/1.1 server in its own thread that misbehaves on demand and counts what it sees."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import socket
import ssl
import struct
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator

BODY = b'{"ok": true}'


@dataclass
class Seen:
    """One request as it arrived."""

    method: str
    target: str
    headers: list[tuple[str, str]]
    body: bytes
    connection: int
    peer: tuple[str, int]

    @property
    def query(self) -> dict[str, str]:
        return {key: values[0] for key, values in parse_qs(urlsplit(self.target).query).items()}

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)


class Connection(asyncio.Protocol):
    """One accepted socket."""

    def __init__(self, server: RawServer) -> None:
        self.server = server
        self.buffer = bytearray()
        self.arrived = asyncio.Event()
        self.lost = asyncio.Event()
        self.requests = 0

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.server.add(self)
        self.number = self.server.accepted
        self.task = asyncio.get_running_loop().create_task(self.serve())

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        self.arrived.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self.transport.close()
        self.server.remove(self)
        self.lost.set()
        self.task.cancel()

    async def more(self) -> None:
        self.arrived.clear()
        await self.arrived.wait()

    async def take(self, end: bytes) -> bytes:
        while end not in self.buffer:
            await self.more()
        taken, _, rest = bytes(self.buffer).partition(end)
        self.buffer[:] = rest
        return taken

    async def take_count(self, count: int) -> bytes:
        while len(self.buffer) < count:
            await self.more()
        taken = bytes(self.buffer[:count])
        del self.buffer[:count]
        return taken

    async def read_body(self, headers: list[tuple[str, str]]) -> bytes:
        fields = {name.lower(): value for name, value in headers}
        if fields.get("transfer-encoding") == "chunked":
            body = b""
            while size := int(await self.take(b"\r\n"), 16):
                body += await self.take_count(size)
                await self.take(b"\r\n")
            await self.take(b"\r\n")
            return body
        return await self.take_count(int(fields.get("content-length", "0")))

    async def serve(self) -> None:
        while True:
            first, *lines = (await self.take(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            method, target, _ = first.split(" ")
            headers = [(name, value) for name, _, value in (line.partition(": ") for line in lines)]
            seen = Seen(
                method, target, headers, b"", self.number, self.transport.get_extra_info("peername")[:2]
            )
            script = self.server.script_for(urlsplit(target).path)
            if script not in (take_nothing, answer_early):
                seen.body = await self.read_body(headers)
            with self.server.changed:
                self.server.requests.append(seen)
                self.server.changed.notify_all()
            self.requests += 1
            await script(self, seen)

    def send(self, data: bytes) -> None:
        self.transport.write(data)

    def respond(self, body: bytes = BODY, *, status: str = "200 OK", headers: str = "") -> None:
        self.send(f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{headers}\r\n".encode() + body)

    def reset(self) -> None:
        sock = self.transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()

    @property
    def is_established(self) -> bool:
        """Whether the peer has not closed its side, asked of the kernel.

        asyncio may report a connection that was accepted later before the end of an earlier one.
        """
        sock = self.transport.get_extra_info("socket")
        if sock is None:
            # A TLS transport forgets it when it is lost.
            return False
        if not hasattr(socket, "TCP_INFO"):
            return True
        return sock.fileno() != -1 and sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1) == b"\x01"

    async def hang(self) -> None:
        await self.lost.wait()


@dataclass
class RawServer:
    """Serves `SCRIPTS` by path; ``open``, ``max_open`` and ``requests`` are what the server saw."""

    tls: ssl.SSLContext | None = None
    ports_wanted: int = 1
    open: set[Connection] = field(default_factory=set)
    max_open: int = 0
    accepted: int = 0
    requests: list[Seen] = field(default_factory=list)
    scripts: dict[str, Callable[[Connection, Seen], Awaitable[None]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.changed = threading.Condition()
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        self.gate = self.call(self._event())
        self.servers = [self.call(self._listen()) for _ in range(self.ports_wanted)]
        self.ports: list[int] = [server.sockets[0].getsockname()[1] for server in self.servers]

    def call(self, coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(60)

    @property
    def urls(self) -> list[str]:
        return [f"{'https' if self.tls else 'http'}://127.0.0.1:{port}" for port in self.ports]

    @property
    def url(self) -> str:
        return self.urls[0]

    async def _event(self) -> asyncio.Event:
        return asyncio.Event()

    async def _listen(self) -> asyncio.Server:
        return await self.loop.create_server(
            lambda: Connection(self), "127.0.0.1", 0, ssl=self.tls, backlog=1024
        )

    def add(self, connection: Connection) -> None:
        with self.changed:
            self.accepted += 1
            self.open.add(connection)
            self.max_open = max(self.max_open, sum(other.is_established for other in self.open))
            self.changed.notify_all()

    def remove(self, connection: Connection) -> None:
        with self.changed:
            self.open.discard(connection)
            self.changed.notify_all()

    def script_for(self, path: str) -> Callable[[Connection, Seen], Awaitable[None]]:
        return self.scripts.get(path) or SCRIPTS.get(path) or serve_json

    def wait_open(self, count: int) -> None:
        """Return when exactly ``count`` sockets are open; fail after a minute."""
        with self.changed:
            reached = self.changed.wait_for(lambda: len(self.open) == count, 60)
        assert reached, f"{len(self.open)} sockets are open, not {count}"

    def wait_requests(self, count: int) -> None:
        """Return when ``count`` requests have arrived; fail after a minute."""
        with self.changed:
            reached = self.changed.wait_for(lambda: len(self.requests) >= count, 60)
        assert reached, f"{len(self.requests)} requests have arrived, not {count}"

    async def received(self, count: int) -> None:
        await asyncio.get_running_loop().run_in_executor(None, self.wait_requests, count)

    async def settled(self, count: int) -> None:
        await asyncio.get_running_loop().run_in_executor(None, self.wait_open, count)

    def open_gate(self) -> None:
        self.loop.call_soon_threadsafe(self.gate.set)

    def close(self) -> None:
        self.call(self._close())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()

    async def _close(self) -> None:
        await close_listening(*self.servers)
        connections = list(self.open)
        for connection in connections:
            connection.transport.abort()
        for connection in connections:
            await connection.lost.wait()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for _ in range(3):
            await asyncio.sleep(0)


async def close_listening(*servers: asyncio.Server) -> None:
    """Close servers that have no connection in the making.

    asyncio makes its transport some turns of the loop after a socket was accepted, and fails at that where its
    server was closed meanwhile: the socket would be closed by the garbage collector, with a warning.
    """
    for server in servers:
        for listening in server.sockets:
            asyncio.get_running_loop().remove_reader(listening.fileno())
    for _ in range(5):
        await asyncio.sleep(0)
    for server in servers:
        server.close()


@contextlib.contextmanager
def running(tls: ssl.SSLContext | None = None, ports: int = 1) -> Iterator[RawServer]:
    server = RawServer(tls, ports)
    try:
        yield server
    finally:
        server.close()


async def serve_json(connection: Connection, seen: Seen) -> None:
    size = int(seen.query.get("size", "0"))
    body = b"x" * size if size else BODY
    if seen.method == "HEAD":
        connection.send(f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n".encode())
    else:
        connection.respond(body)


async def echo(connection: Connection, seen: Seen) -> None:
    answer = {"method": seen.method, "target": seen.target, "headers": seen.headers, "size": len(seen.body)}
    connection.respond(json.dumps(answer).encode())


async def take_nothing(connection: Connection, seen: Seen) -> None:
    connection.transport.pause_reading()
    await asyncio.sleep(3600)


async def answer_early(connection: Connection, seen: Seen) -> None:
    """Answer before the body has come, and read no more."""
    connection.transport.pause_reading()
    connection.respond()
    await asyncio.sleep(0.1)
    connection.transport.resume_reading()
    await connection.hang()


async def wait_for_gate(connection: Connection, seen: Seen) -> None:
    await connection.server.gate.wait()
    connection.respond()


async def slow(connection: Connection, seen: Seen) -> None:
    await asyncio.sleep(float(seen.query.get("delay", "0.01")))
    connection.respond()


async def drip(connection: Connection, seen: Seen) -> None:
    connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
    while True:
        connection.send(b"x")
        await asyncio.sleep(0.01)


async def hang(connection: Connection, seen: Seen) -> None:
    await connection.hang()


async def hang_in_body(connection: Connection, seen: Seen) -> None:
    connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nfirst")
    await connection.hang()


async def close_early(connection: Connection, seen: Seen) -> None:
    connection.transport.close()
    await connection.hang()


async def reset_early(connection: Connection, seen: Seen) -> None:
    connection.reset()
    await connection.hang()


async def close_in_head(connection: Connection, seen: Seen) -> None:
    connection.send(b"HTTP/1.1 200 OK\r\nContent-Le")
    await close_early(connection, seen)


async def truncate(connection: Connection, seen: Seen) -> None:
    connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort")
    await asyncio.sleep(float(seen.query.get("delay", "0")))
    await close_early(connection, seen)


async def truncate_chunked(connection: Connection, seen: Seen) -> None:
    connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nshort\r\n")
    await asyncio.sleep(float(seen.query.get("delay", "0")))
    await close_early(connection, seen)


async def bad_chunk(connection: Connection, seen: Seen) -> None:
    connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nshort\r\n")


async def until_close(connection: Connection, seen: Seen) -> None:
    connection.send(b"HTTP/1.1 200 OK\r\n\r\n" + BODY)
    await close_early(connection, seen)


async def reset_until_close(connection: Connection, seen: Seen) -> None:
    connection.send(b"HTTP/1.1 200 OK\r\n\r\nhalf")
    await asyncio.sleep(0.1)
    connection.reset()


async def reset_in_body(connection: Connection, seen: Seen) -> None:
    connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort")
    await asyncio.sleep(0.1)
    connection.reset()


async def garbage(connection: Connection, seen: Seen) -> None:
    connection.send(b"\x00\x01 no http at all\r\n\r\n")


async def last(connection: Connection, seen: Seen) -> None:
    connection.respond(headers="Connection: close\r\n")
    await close_early(connection, seen)


async def serve_once(connection: Connection, seen: Seen) -> None:
    """Serve a connection's first request; close it without an answer at the second."""
    if connection.requests == 1:
        await serve_json(connection, seen)
    else:
        await close_early(connection, seen)


async def unasked(connection: Connection, seen: Seen) -> None:
    """Answer, and then answer once more although nobody asked."""
    connection.respond()
    await asyncio.sleep(0.05)
    connection.respond(b"nobody asked", status="408 Request Timeout")


async def cookies(connection: Connection, seen: Seen) -> None:
    connection.respond(headers="Set-Cookie: a=1; Path=/\r\nSet-Cookie: b=2\r\nX-Odd: caf\xe9\r\n")


async def redirect(connection: Connection, seen: Seen) -> None:
    connection.respond(b"", status="302 Moved", headers="Location: /json\r\n")


async def no_content(connection: Connection, seen: Seen) -> None:
    connection.send(b"HTTP/1.1 204 No Content\r\n\r\n")


async def chunked(connection: Connection, seen: Seen) -> None:
    connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    for part in (b"one ", b"two ", b"three"):
        await asyncio.sleep(0.01)
        connection.send(b"%x\r\n%b\r\n" % (len(part), part))
    connection.send(b"0\r\n\r\n")


async def zipped(connection: Connection, seen: Seen) -> None:
    connection.respond(gzip.compress(BODY), headers="Content-Encoding: gzip\r\n")


async def early_hints(connection: Connection, seen: Seen) -> None:
    connection.send(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")
    connection.respond()


SCRIPTS: dict[str, Callable[[Connection, Seen], Awaitable[None]]] = {
    "/json": serve_json,
    "/echo": echo,
    "/take-nothing": take_nothing,
    "/answer-early": answer_early,
    "/gzip": zipped,
    "/gate": wait_for_gate,
    "/slow": slow,
    "/drip": drip,
    "/hang": hang,
    "/hang-in-body": hang_in_body,
    "/close-early": close_early,
    "/reset-early": reset_early,
    "/close-in-head": close_in_head,
    "/truncate": truncate,
    "/truncate-chunked": truncate_chunked,
    "/bad-chunk": bad_chunk,
    "/until-close": until_close,
    "/reset-until-close": reset_until_close,
    "/reset-in-body": reset_in_body,
    "/garbage": garbage,
    "/last": last,
    "/serve-once": serve_once,
    "/unasked": unasked,
    "/cookies": cookies,
    "/redirect": redirect,
    "/no-content": no_content,
    "/chunked": chunked,
    "/early-hints": early_hints,
}


def in_turn(
    *scripts: Callable[[Connection, Seen], Awaitable[None]],
) -> Callable[[Connection, Seen], Awaitable[None]]:
    """Each request gets the next answer, and the last one stays."""
    left = list(scripts)

    async def serve(connection: Connection, seen: Seen) -> None:
        script = left.pop(0) if len(left) > 1 else left[0]
        await script(connection, seen)

    return serve
