"""A forwarding proxy in its own thread: CONNECT and absolute URLs, with or without credentials, plain or TLS."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import threading
from base64 import b64encode
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from tests.transport.server import close_listening

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass
class RawProxy:
    """``heads`` are the request heads it received, one per connection; ``leads_to`` is where any host is found."""

    tls: ssl.SSLContext | None = None
    credentials: str | None = None
    leads_to: tuple[str, int] | None = None
    heads: list[str] = field(default_factory=list)
    open: int = 0
    max_open: int = 0

    def __post_init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        self.tasks: set[asyncio.Task[Any]] = set()
        start = asyncio.start_server(self.handle, "127.0.0.1", 0, ssl=self.tls)
        self.server = self.call(start)
        self.port: int = self.server.sockets[0].getsockname()[1]

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def call(self, coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(60)

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self.tasks.add(task)
        self.open += 1
        self.max_open = max(self.max_open, self.open)
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
                await self.serve(reader, writer)
        finally:
            self.open -= 1
            writer.close()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        self.heads.append(head)
        expected = self.credentials and b64encode(self.credentials.encode()).decode()
        if expected and f"Proxy-Authorization: Basic {expected}\r\n" not in head:
            writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
            await writer.drain()
            return
        method, target, rest = head.split(" ", 2)
        host, port = target.split(":") if method == "CONNECT" else urlsplit(target).netloc.split(":")
        to_reader, to_writer = await asyncio.open_connection(*(self.leads_to or (host, int(port))))
        try:
            if method == "CONNECT":
                writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            else:
                url = urlsplit(target)
                path = f"{url.path or '/'}?{url.query}" if url.query else url.path or "/"
                to_writer.write(f"{method} {path} {rest}".encode("latin-1"))
            await asyncio.gather(pump(reader, to_writer), pump(to_reader, writer))
        finally:
            to_writer.close()

    def close(self) -> None:
        self.call(self._close())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()

    async def _close(self) -> None:
        await close_listening(self.server)
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        await asyncio.sleep(0.01)


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()


@contextlib.contextmanager
def proxying(
    tls: ssl.SSLContext | None = None,
    credentials: str | None = None,
    leads_to: tuple[str, int] | None = None,
) -> Iterator[RawProxy]:
    proxy = RawProxy(tls, credentials, leads_to)
    try:
        yield proxy
    finally:
        proxy.close()
