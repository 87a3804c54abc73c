"""HTTP/2 servers: hypercorn, and a raw one in its own thread that misbehaves on demand and counts what it sees."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions
import h2.settings
from hypercorn.asyncio import serve
from hypercorn.config import Config
from hyperframe.frame import GoAwayFrame

from tests.transport.server import BODY

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@dataclass
class HypercornServer:
    """Runs an ASGI application; ``scopes`` are those of the requests that it got."""

    port: int
    scopes: list[Any] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    @property
    def connections(self) -> set[Any]:
        """Address and port that the requests came from."""
        return {scope["client"] for scope in self.scopes}

    @property
    def versions(self) -> set[str]:
        return {scope["http_version"] for scope in self.scopes}


@contextlib.contextmanager
def hypercorn(application: Any, certificate: Path, **settings: Any) -> Iterator[HypercornServer]:
    """Serve an application ``async def application(scope, receive, send)`` with TLS."""
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    # hypercorn is not listening yet when the first request comes.
    listening.listen(1024)
    server = HypercornServer(listening.getsockname()[1])
    config = Config()
    config.bind = [f"fd://{listening.detach()}"]
    config.certfile = config.keyfile = str(certificate)
    config.graceful_timeout = 0.1
    config.accesslog = config.errorlog = None
    for name, value in settings.items():
        setattr(config, name, value)
    loop = asyncio.new_event_loop()
    ended = asyncio.Event()

    async def watched(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            server.scopes.append(scope)
            await application(scope, receive, send)
        else:
            await _lifespan(receive, send)

    def run() -> None:
        loop.run_until_complete(serve(watched, config, shutdown_trigger=ended.wait, mode="asgi"))
        loop.close()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        loop.call_soon_threadsafe(ended.set)
        thread.join()


async def _lifespan(receive: Any, send: Any) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


async def respond(send: Any, body: bytes = BODY, status: int = 200, **headers: str) -> None:
    """Answer an ASGI request."""
    named = {"content-type": "application/json", "content-length": str(len(body)), **headers}
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in named.items()]
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": body})


@dataclass
class Asked:
    """One request as it arrived."""

    connection: int
    stream: int
    headers: list[tuple[str, str]]
    body: bytes = b""

    @property
    def path(self) -> str:
        return self.header(":path") or ""

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key == name), None)


Script = Callable[["RawConnection", Asked], Awaitable[None]]


class RawConnection(asyncio.Protocol):
    """One accepted socket."""

    def __init__(self, server: RawHttp2Server) -> None:
        self.server = server
        self.h2 = h2.connection.H2Connection(
            h2.config.H2Configuration(client_side=False, header_encoding="utf-8")
        )
        self.asked: dict[int, Asked] = {}
        self.lost = asyncio.Event()
        self.changed = asyncio.Event()

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.server.add(self)
        self.number = self.server.accepted
        if self.server.max_streams is not None:
            streams = h2.settings.SettingCodes.MAX_CONCURRENT_STREAMS
            self.h2.local_settings = h2.settings.Settings(
                client=False, initial_values={streams: self.server.max_streams}
            )
        self.h2.initiate_connection()
        self.flush()
        if self.server.greet is not None:
            self.server.greet(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self.transport.close()
        self.server.remove(self)
        self.lost.set()

    def data_received(self, data: bytes) -> None:
        for event in self.h2.receive_data(data):
            self.handle(event)
        self.changed.set()
        self.changed = asyncio.Event()
        self.flush()

    def handle(self, event: Any) -> None:
        if isinstance(event, h2.events.RequestReceived):
            self.asked[event.stream_id] = Asked(self.number, event.stream_id, list(event.headers))
            self.server.note_streams(len(self.asked))
        elif isinstance(event, h2.events.DataReceived):
            asked = self.asked[event.stream_id]
            asked.body += event.data
            if asked.path != "/take-nothing":
                self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, h2.events.StreamReset):
            self.asked.pop(event.stream_id, None)
            self.server.note(self.server.resets, (self.number, event.error_code))
        elif isinstance(event, h2.events.ConnectionTerminated):
            self.server.note(self.server.farewells, self.number)
        if isinstance(event, h2.events.StreamEnded):
            self.server.start(self, self.asked[event.stream_id])

    def flush(self) -> None:
        self.transport.write(self.h2.data_to_send())

    def head(self, asked: Asked, status: int = 200, *, end: bool = False, **headers: str) -> None:
        named = [(name.replace("_", "-"), value) for name, value in headers.items()]
        self.h2.send_headers(asked.stream, [(":status", str(status)), *named], end_stream=end)
        self.flush()

    def respond(self, asked: Asked, body: bytes = BODY, status: int = 200, **headers: str) -> None:
        self.head(asked, status, **{"content_length": str(len(body)), **headers})
        self.send(asked, body, end=True)

    def send(self, asked: Asked, data: bytes, *, end: bool = False) -> None:
        """Send body bytes that fit the windows."""
        size = self.h2.max_outbound_frame_size
        pieces = [data[start : start + size] for start in range(0, len(data), size)] or [b""]
        for piece in pieces[:-1]:
            self.h2.send_data(asked.stream, piece)
        if end:
            self.asked.pop(asked.stream, None)
        self.h2.send_data(asked.stream, pieces[-1], end_stream=end)
        self.flush()

    async def send_all(self, asked: Asked, data: bytes) -> None:
        """Send body bytes as the windows open."""
        while data:
            room = min(self.h2.local_flow_control_window(asked.stream), len(data))
            if room:
                self.send(asked, data[:room])
                data = data[room:]
            else:
                await self.changed.wait()
        self.send(asked, b"", end=True)

    def reset(self, asked: Asked, code: h2.errors.ErrorCodes) -> None:
        self.asked.pop(asked.stream, None)
        self.h2.reset_stream(asked.stream, code)
        self.flush()

    def go_away(self, last: int, code: int = 0) -> None:
        """Send a GOAWAY and go on; h2 would not go on."""
        self.transport.write(GoAwayFrame(0, last_stream_id=last, error_code=code).serialize())


@dataclass
class RawHttp2Server:
    """Serves ``scripts`` by path; the rest is what the server saw."""

    tls: ssl.SSLContext
    max_streams: int | None = None
    scripts: dict[str, Script] = field(default_factory=dict)
    greet: Callable[[RawConnection], None] | None = None
    open: set[RawConnection] = field(default_factory=set)
    accepted: int = 0
    max_open: int = 0
    max_streams_seen: int = 0
    requests: list[Asked] = field(default_factory=list)
    resets: list[Any] = field(default_factory=list)
    farewells: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.changed = threading.Condition()
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        self.tasks: set[asyncio.Task[None]] = set()
        self.listening = self.call(self._listen())
        self.port: int = self.listening.sockets[0].getsockname()[1]
        self.gate = self.call(self._event())

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    @property
    def paths(self) -> list[str]:
        return [asked.path for asked in self.requests]

    def call(self, coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(10)

    async def _event(self) -> asyncio.Event:
        return asyncio.Event()

    async def _listen(self) -> asyncio.Server:
        return await self.loop.create_server(
            lambda: RawConnection(self), "127.0.0.1", 0, ssl=self.tls, backlog=1024
        )

    def add(self, connection: RawConnection) -> None:
        with self.changed:
            self.accepted += 1
            self.open.add(connection)
            self.max_open = max(self.max_open, len(self.open))
            self.changed.notify_all()

    def remove(self, connection: RawConnection) -> None:
        with self.changed:
            self.open.discard(connection)
            self.changed.notify_all()

    def note(self, notes: list[Any], what: Any) -> None:
        with self.changed:
            notes.append(what)
            self.changed.notify_all()

    def note_streams(self, count: int) -> None:
        self.max_streams_seen = max(self.max_streams_seen, count)

    def start(self, connection: RawConnection, asked: Asked) -> None:
        self.note(self.requests, asked)
        script = self.scripts.get(asked.path.partition("?")[0], serve_json)
        task = self.loop.create_task(self._run(script, connection, asked))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _run(self, script: Script, connection: RawConnection, asked: Asked) -> None:
        # The client may be gone, or have cancelled the stream.
        with contextlib.suppress(h2.exceptions.ProtocolError):
            await script(connection, asked)

    def wait(self, condition: Callable[[], bool]) -> None:
        """Return when a condition holds; fail after ten seconds."""
        with self.changed:
            assert self.changed.wait_for(condition, 10)

    async def until(self, condition: Callable[[], bool]) -> None:
        await asyncio.get_running_loop().run_in_executor(None, self.wait, condition)

    async def settled(self, count: int) -> None:
        """Return when that many sockets are open."""
        await self.until(lambda: len(self.open) == count)

    async def received(self, count: int) -> None:
        """Return when that many requests have arrived."""
        await self.until(lambda: len(self.requests) >= count)

    def on_all(self, do: Callable[[RawConnection], Any]) -> None:
        """Do something with each open connection, in the server's thread."""

        async def run() -> None:
            for connection in list(self.open):
                do(connection)

        self.call(run())

    def close(self) -> None:
        self.call(self._close())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()

    async def _close(self) -> None:
        self.listening.close()
        # What was accepted just now is not in the list yet.
        for _ in range(5):
            await asyncio.sleep(0)
        for connection in list(self.open):
            connection.transport.abort()
            await connection.lost.wait()
        for task in list(self.tasks):
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        for _ in range(3):
            await asyncio.sleep(0)


@contextlib.contextmanager
def running_http2(tls: ssl.SSLContext, max_streams: int | None = None) -> Iterator[RawHttp2Server]:
    tls.set_alpn_protocols(["h2"])
    server = RawHttp2Server(tls, max_streams)
    try:
        yield server
    finally:
        server.close()


async def serve_json(connection: RawConnection, asked: Asked) -> None:
    connection.respond(asked)


async def hang(connection: RawConnection, asked: Asked) -> None:
    await connection.lost.wait()


async def hang_in_body(connection: RawConnection, asked: Asked) -> None:
    connection.head(asked)
    connection.send(asked, b"first")
    await connection.lost.wait()


async def drip(connection: RawConnection, asked: Asked) -> None:
    connection.head(asked)
    while asked.stream in connection.asked:
        connection.send(asked, b"x")
        await asyncio.sleep(0.01)


async def wait_for_gate(connection: RawConnection, asked: Asked) -> None:
    await connection.server.gate.wait()
    connection.respond(asked)


async def close_connection(connection: RawConnection, asked: Asked) -> None:
    connection.transport.close()


async def reset_in_body(connection: RawConnection, asked: Asked) -> None:
    connection.head(asked)
    connection.send(asked, b"first")
    connection.reset(asked, h2.errors.ErrorCodes.INTERNAL_ERROR)


async def close_in_body(connection: RawConnection, asked: Asked) -> None:
    connection.head(asked, content_length="100")
    connection.send(asked, b"first")
    connection.transport.close()


async def garbage(connection: RawConnection, asked: Asked) -> None:
    connection.transport.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
