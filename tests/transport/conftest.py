"""A raw server for each test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.transport.server import RawServer, running

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def server() -> Iterator[RawServer]:
    with running() as server:
        yield server
