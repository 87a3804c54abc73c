"""A raw server for each test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.transport.certificates import Contexts, make_contexts
from tests.transport.server import RawServer, running

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def server() -> Iterator[RawServer]:
    with running() as server:
        yield server


@pytest.fixture(scope="session")
def contexts(tmp_path_factory: pytest.TempPathFactory) -> Contexts:
    return make_contexts(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def tls_server(contexts: Contexts) -> Iterator[RawServer]:
    with running(contexts.server) as server:
        yield server
