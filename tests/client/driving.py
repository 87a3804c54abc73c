"""One way to drive both clients, and servers that answer as they are told."""

from __future__ import annotations

import asyncio
import ssl
import threading
from typing import TYPE_CHECKING, Any

from tmdbfusion_scrapy.client import AsyncTMDBClient, TMDBClient
from tmdbfusion_scrapy.retrying import RetryPolicy

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.transport.server import Connection, RawServer, Seen

TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJhdWQiOiJub3QgcmVhbCJ9.c2lnbmF0dXJl"
KEY = "0123456789abcdef0123456789abcdef"
MOVIE = b'{"id":550,"title":"Loop","genres":[{"id":18,"name":"Drama"}]}'
NOTICE = b'{"success":false,"status_code":%d,"status_message":"Words of TMDB\'s."}'

# Reading certificates takes longer than most of the tests; none of them uses TLS.
CONTEXT = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

FAST = RetryPolicy(times=2, base_delay=0.001, max_delay=5.0)


class Blocking:
    """Drives ``TMDBClient`` in the thread of the test."""

    def __init__(self, **arguments: Any) -> None:
        self.client = TMDBClient(**arguments)

    def do(self, call: Callable[[Any], Any]) -> Any:
        return call(self.client)

    def close(self) -> None:
        self.client.close()

    def stop(self) -> None:
        self.client.close()


class Asynchronous:
    """Drives ``AsyncTMDBClient`` in an event loop in a thread of its own."""

    def __init__(self, **arguments: Any) -> None:
        self.client = AsyncTMDBClient(**arguments)
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()

    def do(self, call: Callable[[Any], Awaitable[Any]]) -> Any:
        async def run() -> Any:
            return await call(self.client)

        return asyncio.run_coroutine_threadsafe(run(), self.loop).result(120)

    def close(self) -> None:
        self.do(lambda client: client.aclose())

    def stop(self) -> None:
        self.close()
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()


class Script:
    """Gives the answers one after the other; the last one again and again."""

    def __init__(self, *answers: Callable[[Connection, Seen], Awaitable[None]]) -> None:
        self.answers = list(answers)

    async def __call__(self, connection: Connection, seen: Seen) -> None:
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        await answer(connection, seen)


def answer(
    body: bytes = MOVIE, status: str = "200 OK", headers: str = "Content-Type: application/json\r\n"
) -> Callable[[Connection, Seen], Awaitable[None]]:
    """Answer with this."""

    async def respond(connection: Connection, seen: Seen) -> None:
        connection.respond(body, status=status, headers=headers)

    return respond


def failure(status: str, code: int, headers: str = "") -> Callable[[Connection, Seen], Awaitable[None]]:
    """Answer with TMDB's notice of a failure."""
    return answer(NOTICE % code, status, headers)


def serve(
    server: RawServer, *answers: Callable[[Connection, Seen], Awaitable[None]], movie: int = 550
) -> None:
    """Let the server give these answers for a movie."""
    server.scripts[f"/3/movie/{movie}"] = Script(*answers)
