"""Pytest fixtures of the sandbox. Pytest loads this module in every run: the server is imported on first use."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tmdbfusion_scrapy.sandbox.server import ThreadedSandbox

_MOVIES = 1_000
# The day on which the catalogue begins: tests see the same records on every day of the year.
_TODAY = date(2026, 6, 1)


@pytest.fixture
def tmdb_sandbox_factory() -> Iterator[Callable[..., ThreadedSandbox]]:
    """Starts sandboxes for one test: ``tmdb_sandbox_factory(rate_limit=40)`` takes ``SandboxOptions``.

    1,000 movies on 2026-06-01 unless told otherwise; ``today=None`` follows the real clock. All are stopped after
    the test.
    """
    with ExitStack() as running:

        def start(**options: Any) -> ThreadedSandbox:
            from tmdbfusion_scrapy.sandbox import SandboxOptions, ThreadedSandbox

            chosen = {"movies": _MOVIES, "today": _TODAY, **options}
            return running.enter_context(ThreadedSandbox(SandboxOptions(**chosen)))

        yield start


@pytest.fixture
def tmdb_sandbox(tmdb_sandbox_factory: Callable[..., ThreadedSandbox]) -> ThreadedSandbox:
    """A running ``ThreadedSandbox`` of 1,000 movies on 2026-06-01."""
    return tmdb_sandbox_factory()
