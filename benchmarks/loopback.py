"""A server in a process of its own that answers every request with JSON, as fast as Python can."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import os
import re
import ssl
import subprocess
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


MARK = b"987654321"
"""Stands for the id in a body of which the server is to send one for each id."""


class Server(asyncio.Protocol):
    """Answers every request head, with the answer that its id leads to."""

    def __init__(self, answers: list[bytes], latency: float) -> None:
        self.answers = answers
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
            answer = self.answers[0]
            if len(self.answers) > 1:
                found = re.search(rb"/(\d+)[? ]", head)
                answer = self.answers[int(found[1]) % len(self.answers) if found else 0]
            if self.latency:
                asyncio.get_running_loop().call_later(self.latency, self.transport.write, answer)
            else:
                self.transport.write(answer)


def answer_with(body: bytes, encoding: bytes = b"") -> bytes:
    """The response to a request, with headers as TMDB sends them."""
    head = (
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json;charset=utf-8\r\nContent-Length: %d\r\n"
        b'Cache-Control: public, max-age=21600\r\nVary: Accept-Encoding\r\nETag: W/"bench"\r\n%b\r\n'
    )
    return head % (len(body), encoding) + body


async def serve(body: bytes, latency: float, ids: int, *, has_lines: bool, certificate: str) -> None:
    """Serve on a free port, and print it."""
    answers = [answer_with(body)]
    if ids or has_lines:
        bodies = (
            body.splitlines() if has_lines else (body.replace(MARK, b"%d" % number) for number in range(ids))
        )
        zipped = [gzip.compress(each, 6) for each in bodies]
        answers = [answer_with(each, b"Content-Encoding: gzip\r\n") for each in zipped]
    loop = asyncio.get_running_loop()
    context = None
    if certificate:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate)
    server = await loop.create_server(
        lambda: Server(answers, latency), "127.0.0.1", 0, ssl=context, backlog=4096
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


@contextlib.contextmanager
def running_server(
    body: bytes,
    *,
    latency: float = 0.0,
    ids: int = 0,
    has_lines: bool = False,
    certificate: Path | None = None,
) -> Iterator[str]:
    """Run the server in another process, on the second core; yields its origin.

    Args:
        body: What every request gets.
        latency: Seconds before each answer.
        ids: For how many ids there is a gzipped answer of their own, with the id where the body has `MARK`. The
            id is the last number of a path, less whole multiples of this. 0 for the body as it is.
        has_lines: Each line of the body is the answer for an id, from 0 on, likewise gzipped.
        certificate: A file with the key and the certificates of a server that speaks TLS.
    """
    process = subprocess.Popen(
        [sys.executable, __file__, str(latency), str(ids), "lines" * has_lines, str(certificate or "")],
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
    asyncio.run(
        serve(
            sys.stdin.buffer.read(),
            float(sys.argv[1]),
            int(sys.argv[2]),
            has_lines=bool(sys.argv[3]),
            certificate=sys.argv[4],
        )
    )
