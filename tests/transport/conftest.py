"""A raw server for each test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.transport.certificates import Contexts, make_contexts
from tests.transport.server import RawServer, running
from tmdbfusion_scrapy.transport import PooledTransport

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


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


@pytest.fixture
def tls(tmp_path: Path) -> Contexts:
    """Contexts of one test: that HTTP/2 is offered is set on the contexts themselves."""
    return make_contexts(tmp_path)


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """Certificate and key in a file, as hypercorn takes them."""
    make_contexts(tmp_path)
    return tmp_path / "certificate.pem"


@pytest.fixture
def pool(tls: Contexts) -> Callable[..., PooledTransport]:
    """Makes transports that speak HTTP/2."""
    return lambda **arguments: PooledTransport(**{"http2": True, "verify": tls.client, **arguments})
