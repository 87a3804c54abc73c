"""Waiting for what comes, and times that may not pass, on machines that are busy."""

from __future__ import annotations

import asyncio
import functools
import inspect
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

SCALES = (1, 4, 16)


async def until(condition: Callable[[], Any], seconds: float = 60.0) -> None:
    """Wait until a condition holds, or fail."""
    for _ in range(int(seconds / 0.01)):
        if condition():
            return
        await asyncio.sleep(0.01)
    pytest.fail("what was waited for did not come")


def with_more_time(
    function: Callable[..., Coroutine[Any, Any, None]],
) -> Callable[..., Coroutine[Any, Any, None]]:
    """Run a coroutine test with ``scale=1``; where it fails once more with 4, and with 16.

    For a time that must not pass and cannot be long: what is wrong fails whatever the scale of its times is.
    """
    parameters = dict(inspect.signature(function).parameters)
    del parameters["scale"]

    @functools.wraps(function)
    async def run(*args: Any, **kwargs: Any) -> None:
        for scale in SCALES:
            try:
                return await function(*args, scale=scale, **kwargs)
            except Exception:
                if scale == SCALES[-1]:
                    raise
        return None

    run.__signature__ = inspect.Signature(list(parameters.values()))  # type: ignore[attr-defined]
    return run
