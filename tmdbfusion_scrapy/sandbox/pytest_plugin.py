"""Pytest fixtures of the sandbox. Pytest loads this module in every run: the server is imported on first use."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tmdbfusion_scrapy.sandbox.threaded import ThreadedSandbox

_MOVIES = 1_000


@pytest.fixture
def tmdb_sandbox_factory() -> Iterator[Callable[..., ThreadedSandbox]]:
    """Starts sandboxes for one test: ``tmdb_sandbox_factory(rate_limit=40)`` takes ``SandboxOptions``.

    1,000 movies unless told otherwise. All are stopped after the test.
    """
    with ExitStack() as running:

        def start(**options: Any) -> ThreadedSandbox:
            from tmdbfusion_scrapy.sandbox import SandboxOptions, ThreadedSandbox

            return running.enter_context(ThreadedSandbox(SandboxOptions(**{"movies": _MOVIES, **options})))

        yield start


@pytest.fixture
def tmdb_sandbox(tmdb_sandbox_factory: Callable[..., ThreadedSandbox]) -> ThreadedSandbox:
    """A running ``ThreadedSandbox`` of 1,000 movies."""
    return tmdb_sandbox_factory()
