"""Other TMDB clients on PyPI, as sides of client.py and of comparison.py.

They are imported where they are measured, for they need not be installed. Neither can be given another base URL:
where they keep it, the loopback server is put in its place. Nothing else of them is changed.
"""

from __future__ import annotations

import contextlib
from importlib import import_module, metadata
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

MOVIE_ID = 550


def version_of(distribution: str) -> str | None:
    """The version that is installed."""
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


@contextlib.asynccontextmanager
async def tmdbfusion_client(origin: str, connections: int) -> AsyncIterator[Any]:
    """Client of tmdbfusion, which is httpx and msgspec."""
    base: Any = import_module("tmdbfusion.core.base")
    base.API_V3_BASE = f"{origin}/3"
    client = import_module("tmdbfusion").AsyncTMDBClient(
        "0" * 32, max_connections=connections, max_keepalive_connections=connections
    )
    async with client:
        yield client


@contextlib.asynccontextmanager
async def tmdbfusion_async(origin: str, connections: int) -> AsyncIterator[Callable[[], Awaitable[Any]]]:
    """Call ``movies.details`` of tmdbfusion."""
    async with tmdbfusion_client(origin, connections) as client:
        yield lambda: client.movies.details(MOVIE_ID)


@contextlib.contextmanager
def tmdbfusion_blocking(origin: str, connections: int) -> Iterator[Callable[[], Any]]:
    """Call ``movies.details`` of tmdbfusion's blocking client."""
    base: Any = import_module("tmdbfusion.core.base")
    base.API_V3_BASE = f"{origin}/3"
    client = import_module("tmdbfusion").TMDBClient(
        "0" * 32, max_connections=connections, max_keepalive_connections=connections
    )
    with client:
        yield lambda: client.movies.details(MOVIE_ID)


@contextlib.asynccontextmanager
async def themoviedb_client(origin: str, connections: int, **session_options: Any) -> AsyncIterator[Any]:
    """Client of themoviedb, which is aiohttp and dacite."""
    import aiohttp

    connector = aiohttp.TCPConnector(limit=connections)
    async with aiohttp.ClientSession(connector=connector, **session_options) as session:
        client = import_module("themoviedb").aioTMDb(api_key="0" * 32, session=session)
        client._config.host = origin  # noqa: SLF001
        yield client


@contextlib.asynccontextmanager
async def themoviedb_async(origin: str, connections: int) -> AsyncIterator[Callable[[], Awaitable[Any]]]:
    """Call ``movie(...).details`` of themoviedb."""
    async with themoviedb_client(origin, connections) as client:
        yield lambda: client.movie(MOVIE_ID).details()


@contextlib.contextmanager
def themoviedb_blocking(origin: str, connections: int) -> Iterator[Callable[[], Any]]:
    """Call ``movie(...).details`` of themoviedb's blocking client, which is requests and dacite."""
    requests = import_module("requests")
    with requests.Session() as session:
        # Its own session keeps 10 connections.
        session.mount(origin, requests.adapters.HTTPAdapter(pool_maxsize=connections))
        client = import_module("themoviedb").TMDb(api_key="0" * 32, session=session)
        client._config.host = origin  # noqa: SLF001
        yield lambda: client.movie(MOVIE_ID).details()
