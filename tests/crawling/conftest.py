"""Servers for crawls."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.transport.certificates import Contexts, make_contexts
from tests.transport.server import RawServer, running

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def raw_server() -> Iterator[RawServer]:
    """A server whose answers a test writes itself: ``raw_server.scripts["/3/movie/1"] = ...``."""
    with running() as server:
        yield server


@pytest.fixture(scope="session")
def tls_contexts(tmp_path_factory: pytest.TempPathFactory) -> Contexts:
    return make_contexts(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def raw_tls_server(tls_contexts: Contexts) -> Iterator[RawServer]:
    with running(tls_contexts.server) as server:
        yield server
