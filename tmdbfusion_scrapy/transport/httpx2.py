"""Requests of httpx2, which has httpx's interface under names of its own: https://pypi.org/project/httpx2/."""

from __future__ import annotations

import sys
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import httpx

from tmdbfusion_scrapy.transport.pooled import PooledStream

if TYPE_CHECKING:
    from types import ModuleType

    from tmdbfusion_scrapy.transport.pooled import PooledTransport


async def handle(transport: PooledTransport, request: Any) -> Any:
    """Send a request of httpx2 and return its response, which is httpx2's, too.

    Raises:
        TypeError: The request is of neither library.
        httpx2.TransportError: One of its subclasses, as httpx2 documents them.
    """
    name = type(request).__module__.partition(".")[0]
    if name != "httpx2":
        raise TypeError(
            f"a request must be an httpx.Request or an httpx2.Request, not a {type(request).__name__}"
        )
    library = sys.modules[name]
    failure: Exception
    try:
        answer = await transport.send(request)
    except httpx.TransportError as error:
        failure = getattr(library, type(error).__name__)(str(error))
        failure.__cause__ = error.__cause__
    else:
        return library.Response(
            answer.status,
            headers=answer.headers,
            stream=_stream_class(library)(answer),
            extensions=answer.extensions,
        )
    raise failure from failure.__cause__


@lru_cache(maxsize=1)
def _stream_class(library: ModuleType) -> type[Any]:
    """The response's stream, by both libraries' names for it."""

    class Stream(PooledStream, library.AsyncByteStream):  # type: ignore[misc, name-defined]
        """The body's bytes as sent, with httpx2's exceptions."""

        async def __aiter__(self) -> Any:
            failure: Exception
            try:
                async for piece in super().__aiter__():
                    yield piece
            except httpx.TransportError as error:
                failure = getattr(library, type(error).__name__)(str(error))
                failure.__cause__ = error.__cause__
            else:
                return
            raise failure from failure.__cause__

    return Stream
