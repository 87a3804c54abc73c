"""The streams of an HTTP/2 connection: how far each got, and who may have one."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass

import httpx


@dataclass(frozen=True)
class Ending:
    """Why a stream got no further.

    Attributes:
        kind: what to raise.
        message: its message; ``{target}`` stands for the host.
        is_repeatable: the server says that it did not look at the request, or the connection died, and not as
            a new one.
        cause: what the system said.
        is_goaway: the server wants the request on another connection, and has not looked at it.
    """

    kind: type[httpx.TransportError]
    message: str
    is_repeatable: bool = False
    cause: BaseException | None = None
    is_goaway: bool = False

    def error(self, target: str, *, in_body: bool) -> httpx.TransportError:
        """Return a new exception, for several streams may end alike; a reset cuts a body short."""
        kind = httpx.RemoteProtocolError if in_body and self.cause is not None else self.kind
        error = kind(self.message.format(target=target))
        error.__cause__ = self.cause
        return error


class Unavailable(Exception):
    """The connection takes no more requests; nothing of this one was sent.

    Attributes:
        ending: why, if somebody knows.
    """

    def __init__(self, ending: Ending | None) -> None:
        super().__init__(ending)
        self.ending = ending


class Stream:
    """One exchange. Body bytes are kept until they are taken."""

    def __init__(self, number: int, now: float) -> None:
        self.number = number
        self.sent_at = now
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] | None = None
        self.sent_all = False
        self.complete = False
        self.is_reset = False
        """Whether the stream is closed in both directions, its end reached or not."""
        self.ending: Ending | None = None
        self.chunks: list[bytes] = []
        self.size = 0
        """Bytes of the flow-control windows that were received and not acknowledged."""
        self._waiter: asyncio.Future[None] | None = None

    async def news(self, timeout: float | None) -> None:
        """Wait until something happens to the stream.

        Raises:
            asyncio.TimeoutError: nothing did within ``timeout`` seconds.
        """
        loop = asyncio.get_running_loop()
        self._waiter = waiter = loop.create_future()
        timer = None if timeout is None else loop.call_later(timeout, _time_out, waiter)
        try:
            await waiter
        finally:
            self._waiter = None
            if timer is not None:
                timer.cancel()

    def take(self) -> bytes:
        """Return the bytes of the body that are there."""
        chunks, self.chunks = self.chunks, []
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)

    def end(self, ending: Ending) -> None:
        """Note that nothing more comes; what is complete stays so."""
        self.is_reset = True
        if self.ending is None and not self.complete:
            self.ending = ending
        self.wake()

    def wake(self) -> None:
        """Tell who waits for news."""
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


class Slots:
    """Places among the streams that the server allows, given in the order of asking."""

    def __init__(self) -> None:
        # One, until the server has said how many.
        self._room = 1
        self._used = 0
        self._waiters: deque[asyncio.Future[None]] = deque()

    @property
    def waiting(self) -> int:
        """Requests that wait for a place."""
        return len(self._waiters)

    @property
    def is_free(self) -> bool:
        """Whether nobody has a place or waits for one."""
        return self._used == 0 and not self._waiters

    async def enter(self, timeout: float | None) -> None:
        """Wait for a place; `leave` gives it back.

        Raises:
            Unavailable: `turn_away` was called meanwhile.
            asyncio.TimeoutError: there was no place within ``timeout`` seconds.
        """
        if not self._waiters and self._used < self._room:
            self._used += 1
            return
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        self._waiters.append(future)
        timer = None if timeout is None else loop.call_later(timeout, _time_out, future)
        try:
            await future
        except BaseException:
            if future in self._waiters:
                self._waiters.remove(future)
            elif not future.cancelled() and future.exception() is None:
                self.leave()
            raise
        finally:
            if timer is not None:
                timer.cancel()

    def leave(self) -> None:
        """Give a place back."""
        self._used -= 1
        self._admit()

    def allow(self, room: int) -> None:
        """Set how many places there are; more may be in use still."""
        self._room = room
        self._admit()

    def turn_away(self, ending: Ending | None) -> None:
        """Send away who waits, and say why."""
        while self._waiters:
            future = self._waiters.popleft()
            if not future.done():
                future.set_exception(Unavailable(ending))

    def _admit(self) -> None:
        while self._waiters and self._used < self._room:
            future = self._waiters.popleft()
            if not future.done():
                self._used += 1
                future.set_result(None)


def _time_out(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_exception(asyncio.TimeoutError())
