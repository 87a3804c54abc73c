"""A server in a process of its own that answers every request with JSON, as fast as Python can."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import os
import re
import ssl
import struct
import subprocess
import sys
import zlib
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


MARK = b"987654321"
"""Stands for the id in a body that is to have the id asked for."""

_ID = re.compile(rb"/(\d+)[? ]")


class MarkedBody:
    """A body that is compressed once, with a place in it for an id.

    Args:
        body: It, with `MARK` once. The shorter what comes behind it, the less a request takes.
    """

    def __init__(self, body: bytes) -> None:
        before, after = body.split(MARK)
        packer = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS)
        # Nothing behind a full flush refers to what is before it, and the id fits in between as it is.
        self._before = gzip.compress(b"")[:10] + packer.compress(before) + packer.flush(zlib.Z_FULL_FLUSH)
        self._after = packer.compress(after) + packer.flush()
        self._plain_after = after
        self._crc = zlib.crc32(before)
        self._size = len(body) - len(MARK)

    def gzipped(self, number: bytes) -> bytes:
        """Return the gzipped body for an id."""
        size = len(number)
        crc = zlib.crc32(self._plain_after, zlib.crc32(number, self._crc))
        stored = struct.pack("<BHH", 0, size, size ^ 0xFFFF) + number
        return self._before + stored + self._after + struct.pack("<II", crc, self._size + size)


class Server(asyncio.Protocol):
    """Answers every request head.

    Args:
        answer: Makes the answer to a head.
        latency: Seconds before each answer.
    """

    def __init__(self, answer: Callable[[bytes], bytes], latency: float) -> None:
        self.answer = answer
        self.latency = latency
        self.rest = b""

    def connection_made(self, transport: Any) -> None:
        """Keep the transport."""
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer every head that is complete."""
        heads = (self.rest + data).split(b"\r\n\r\n")
        self.rest = heads.pop()
        for head in heads:
            answer = self.answer(head)
            if self.latency:
                asyncio.get_running_loop().call_later(self.latency, self.transport.write, answer)
            else:
                self.transport.write(answer)


def answer_with(body: bytes, encoding: bytes = b"", status: bytes = b"200 OK") -> bytes:
    """The response to a request, with headers as TMDB sends them."""
    head = (
        b"HTTP/1.1 %b\r\nContent-Type: application/json;charset=utf-8\r\nContent-Length: %d\r\n"
        b'Cache-Control: public, max-age=21600\r\nVary: Accept-Encoding\r\nETag: W/"bench"\r\n%b\r\n'
    )
    return head % (status, len(body), encoding) + body


def id_in(head: bytes) -> bytes:
    """The last number of a path."""
    found = _ID.search(head)
    return found[1] if found else b"0"


def answering(body: bytes, kind: str) -> Callable[[bytes], bytes]:
    """Make the answers to heads: the same for all, one with the id asked for, or the line that the id leads to."""
    zipped = b"Content-Encoding: gzip\r\n"
    if kind == "marked":
        marked = MarkedBody(body)
        return lambda head: answer_with(marked.gzipped(id_in(head)), zipped)
    if kind == "lines":
        lines = [answer_with(gzip.compress(each, 6), zipped) for each in body.splitlines()]
        return lambda head: lines[int(id_in(head)) % len(lines)]
    always = answer_with(body)
    return lambda _: always


async def serve(body: bytes, latency: float, kind: str, certificate: str) -> None:
    """Serve on a free port, and print it."""
    answer = answering(body, kind)
    loop = asyncio.get_running_loop()
    context = None
    if certificate:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate)
    server = await loop.create_server(
        lambda: Server(answer, latency), "127.0.0.1", 0, ssl=context, backlog=4096
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


@contextlib.contextmanager
def running_server(
    body: bytes,
    *,
    latency: float = 0.0,
    kind: Literal["", "marked", "lines"] = "",
    certificate: Path | None = None,
) -> Iterator[str]:
    """Run the server in another process, on the second core; yields its origin.

    Args:
        body: What every request gets.
        latency: Seconds before each answer.
        kind: By default the body goes out as it is. ``marked``: gzipped, with the id asked for, the last number of
            the path, where it has `MARK`. ``lines``: each line of it is the answer for an id, from 0 on, gzipped.
        certificate: A file with the key and the certificates of a server that speaks TLS.
    """
    process = subprocess.Popen(
        [sys.executable, __file__, str(latency), kind, str(certificate or "")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        if process.stdin is None or process.stdout is None:
            raise RuntimeError("the server's pipes are not there")
        process.stdin.write(body)
        process.stdin.close()
        yield f"{'https' if certificate else 'http'}://127.0.0.1:{int(process.stdout.readline())}"
    finally:
        process.terminate()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def pin(core: int) -> str:
    """Bind this process to a core if there are two and the system can."""
    if not hasattr(os, "sched_setaffinity") or len(os.sched_getaffinity(0)) < 2:
        return "not pinned"
    os.sched_setaffinity(0, {sorted(os.sched_getaffinity(0))[core]})
    return "client and server each on a core of their own"


if __name__ == "__main__":
    pin(1)
    asyncio.run(serve(sys.stdin.buffer.read(), float(sys.argv[1]), sys.argv[2], sys.argv[3]))
