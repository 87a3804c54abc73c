"""Requests to an HTTP/2 server, and waiting for what comes of them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import httpx
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable


def request(
    url: str, method: str = "GET", *, content: Any = None, headers: Any = None, **timeout: float
) -> httpx.Request:
    # A test that hangs fails, and does not end the run.
    extensions = {"timeout": {"total": 10, **timeout}}
    return httpx.Request(method, url, content=content, headers=headers, extensions=extensions)


async def fetch(
    transport: httpx.AsyncBaseTransport, url: str, method: str = "GET", **arguments: Any
) -> httpx.Response:
    """Return the response, read."""
    response = await transport.handle_async_request(request(url, method, **arguments))
    await response.aread()
    return response


async def fetch_all(
    transport: httpx.AsyncBaseTransport, url: str, count: int, **arguments: Any
) -> list[httpx.Response]:
    return await asyncio.gather(*(fetch(transport, f"{url}/{n}", **arguments) for n in range(count)))


async def becomes(condition: Callable[[], bool]) -> None:
    """Return when a condition holds; the server may see the end of a connection before the pool does."""
    for _ in range(2000):
        if condition():
            return
        await asyncio.sleep(0.005)
    pytest.fail("it did not come to that")
