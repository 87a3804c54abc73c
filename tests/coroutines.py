"""One coroutine test, run under a Twisted asyncio reactor and without a reactor.

``pytest`` runs it through pytest-twisted; ``pytest -p no:twisted -o addopts=`` through pytest-asyncio.
"""

from __future__ import annotations

import asyncio
import functools
from typing import TYPE_CHECKING, Any, TypeVar

import pytest
from scrapy.utils.reactor import is_reactor_installed
from twisted.internet.defer import Deferred

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

F = TypeVar("F", bound="Callable[..., Coroutine[Any, Any, None]]")


def coroutine_test(function: F) -> Any:
    """Run an ``async def`` test in the event loop that the test run has."""
    if not is_reactor_installed():
        return pytest.mark.asyncio(function)

    @functools.wraps(function)
    def run(*args: Any, **kwargs: Any) -> Deferred[None]:
        return Deferred.fromFuture(asyncio.ensure_future(function(*args, **kwargs)))

    return run
