"""A blocking client for the sandbox of a test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tmdbfusion_scrapy.sandbox import ThreadedSandbox


@pytest.fixture
def connect() -> Iterator[Callable[..., httpx.Client]]:
    """Makes clients with a token, closed after the test."""
    clients: list[httpx.Client] = []

    def make(sandbox: ThreadedSandbox, **options: object) -> httpx.Client:
        client = httpx.Client(
            base_url=sandbox.base_url,
            # verify: reading the certificates of the system takes longer than most of these tests.
            **{
                "headers": {"Authorization": "Bearer token"},
                "timeout": 60.0,
                "trust_env": False,
                "verify": False,
            }
            | options,
        )
        clients.append(client)
        return client

    yield make
    for client in clients:
        client.close()


@pytest.fixture
def client(tmdb_sandbox: ThreadedSandbox, connect: Callable[..., httpx.Client]) -> httpx.Client:
    return connect(tmdb_sandbox)
