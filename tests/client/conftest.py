"""Both clients and a server for each test."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

from tests.client.driving import CONTEXT, FAST, TOKEN, Asynchronous, Blocking
from tests.transport.server import RawServer, running

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture
def server() -> Iterator[RawServer]:
    with running() as server:
        yield server


@pytest.fixture(params=[Blocking, Asynchronous], ids=["blocking", "asyncio"])
def driver(request: pytest.FixtureRequest, server: RawServer) -> Iterator[Callable[..., Any]]:
    """Makes a driven client of the server; every test that takes it runs with both clients."""
    with ExitStack() as made:

        def make(**arguments: Any) -> Any:
            given = {
                "token": TOKEN,
                "base_url": server.url + "/3",
                "retries": FAST,
                "requests_per_second": None,
                "verify": CONTEXT,
                **arguments,
            }
            driven = request.param(**given)
            made.callback(driven.stop)
            return driven

        yield make
