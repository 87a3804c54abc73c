"""httpx's clients with a short way to their transport.

``send`` of httpx's own walks through authentication flows, redirects, cookies and event hooks. A call of TMDB's
API has none of them, and they cost more than the pool below (benchmarks/client.py). Cookies are not kept: one of
TMDB's CDN would tie the requests of a crawl together.
"""

from __future__ import annotations

from typing import Any, Final, cast

import httpx
from typing_extensions import override

BODY: Final = "tmdb_body"
"""Extension of a response: its body as it was sent. httpx would undo what it knows, and drop what it does not."""


class DirectClient(httpx.Client):
    """``httpx.Client`` whose requests go straight to its transport, which it closes.

    Args:
        transport: What carries the requests.
    """

    def __init__(self, transport: httpx.BaseTransport) -> None:
        super().__init__(transport=transport, trust_env=False)
        self._direct = transport

    @override
    def send(self, request: httpx.Request, **_: Any) -> httpx.Response:
        """Send a request as it stands and return its response, with its body in the extension ``tmdb_body``."""
        response = self._direct.handle_request(request)
        try:
            response.extensions[BODY] = b"".join(cast("httpx.SyncByteStream", response.stream))
        finally:
            response.close()
        return response


class AsyncDirectClient(httpx.AsyncClient):
    """``httpx.AsyncClient`` whose requests go straight to its transport, which it closes.

    Args:
        transport: What carries the requests.
    """

    def __init__(self, transport: httpx.AsyncBaseTransport) -> None:
        super().__init__(transport=transport, trust_env=False)
        self._direct = transport

    @override
    async def send(self, request: httpx.Request, **_: Any) -> httpx.Response:
        """Send a request as it stands and return its response, with its body in the extension ``tmdb_body``."""
        response = await self._direct.handle_async_request(request)
        try:
            stream = cast("httpx.AsyncByteStream", response.stream)
            response.extensions[BODY] = b"".join([part async for part in stream])
        finally:
            await response.aclose()
        return response
