"""A response body on its way: whole or an error, and the connection goes back when it ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx

from tmdbfusion_scrapy.transport.failures import translate

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import aiohttp

    from tmdbfusion_scrapy.transport.direct import DirectResponse
    from tmdbfusion_scrapy.transport.lanes import Lane, Link
    from tmdbfusion_scrapy.transport.places import Places
    from tmdbfusion_scrapy.transport.routes import Origin


class PooledStream(httpx.AsyncByteStream):
    """The body's bytes as sent. The lane goes back at the end of the body, at an error, or at `aclose`."""

    def __init__(
        self,
        places: Places,
        lane: Lane,
        link: Link,
        response: aiohttp.ClientResponse | DirectResponse,
        origin: Origin,
    ) -> None:
        self._places = places
        self._lane: Lane | None = lane
        self._link = link
        self._response = response
        self._origin = origin
        self._cut_short = False
        if response.connection is None:
            # The whole body has arrived with the head: the connection is free for others already.
            self._let_go()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        content = self._response.content
        try:
            while chunk := await content.readany():
                yield chunk
        except BaseException as error:
            self._fail(error)
            raise
        self._finish()

    async def aread(self) -> bytes:
        """Return the whole body at once; faster than iterating through httpx's layers.

        Raises:
            httpx.TransportError: the body is not whole.
        """
        content = self._response.content
        try:
            body = await content.readany()
            if not content.at_eof():
                chunks = [body]
                while chunk := await content.readany():
                    chunks.append(chunk)
                body = b"".join(chunks)
        except BaseException as error:
            self._fail(error)
            raise
        self._finish()
        return body

    async def aclose(self) -> None:
        """Let the connection go; it is closed if the body was not read to its end."""
        self._discard()

    def _finish(self) -> None:
        """Give the lane back after the body's end, and make sure that it was the end."""
        self._let_go()
        if self._cut_short:
            raise httpx.RemoteProtocolError(f"The body from {self._origin.target} was cut short")

    def _let_go(self) -> None:
        """Give the lane back when nothing more can come."""
        lane, self._lane = self._lane, None
        if lane is None:
            return
        # aiohttp takes any end of the connection for the end of a body that has no length.
        self._cut_short = (self._link.aborted or self._link.was_reset) and _has_no_length(self._response)
        if self._response.connection is None:
            self._places.give_back(lane)
        else:
            # The answer is complete while the request's body is still being sent.
            self._response.close()
            self._places.discard(lane)

    def _fail(self, error: BaseException) -> None:
        """Drop the connection and raise httpx's exception if there is one for this error."""
        interrupted = self._lane is not None and self._lane.interrupted
        self._discard()
        failure = translate(error, self._origin)
        if failure is not None:
            if interrupted:
                failure = httpx.ReadError("The transport was closed while the body was read")
            raise failure from failure.__cause__

    def _discard(self) -> None:
        lane, self._lane = self._lane, None
        if lane is not None:
            self._response.close()
            self._places.discard(lane)

    def __del__(self) -> None:
        lane = self._lane
        if lane is not None and not lane.loop.is_closed():
            # Runs in any thread, wherever the garbage collector does.
            lane.loop.call_soon_threadsafe(_abandon, self._places, lane, self._response)


def _abandon(places: Places, lane: Lane, response: aiohttp.ClientResponse | DirectResponse) -> None:
    """Close a response that was dropped without being read or closed."""
    response.close()
    places.discard(lane)


def _has_no_length(response: aiohttp.ClientResponse | DirectResponse) -> bool:
    """Tell whether only the connection's end marked the body's end."""
    if response.method == "HEAD" or response.status in (204, 304):
        return False
    headers = response.headers
    return "Content-Length" not in headers and "chunked" not in headers.get("Transfer-Encoding", "").lower()
