"""Many awaitables, a few at a time."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Collection, Iterable, Iterator
from typing import Any, TypeVar

from tmdbfusion_scrapy.exceptions import ConfigurationError

T = TypeVar("T")


async def gather(awaitables: Iterable[Awaitable[T]], *, limit: int, return_exceptions: bool) -> list[Any]:
    """Await all, at most ``limit`` at a time, and return the results in the order given.

    The iterable is taken from as places come free. Without ``return_exceptions`` the first error is raised
    after everything under way was cancelled.
    """
    if limit < 1:
        raise ConfigurationError(f"limit is {limit}: use 1 or more")
    iterator = iter(awaitables)
    results: list[Any] = []
    workers = [
        asyncio.ensure_future(_work(iterator, results, return_exceptions=return_exceptions))
        for _ in range(min(limit, len(awaitables)) if isinstance(awaitables, Collection) else limit)
    ]
    try:
        if workers:
            await asyncio.wait(workers, return_when=asyncio.FIRST_EXCEPTION)
    finally:
        for worker in workers:
            worker.cancel()
        outcomes = await asyncio.gather(*workers, return_exceptions=True)
        _close_unstarted(awaitables, iterator)
    for outcome in outcomes:
        if isinstance(outcome, BaseException) and not isinstance(outcome, asyncio.CancelledError):
            raise outcome
    for outcome in outcomes:
        if outcome is not None:
            raise outcome
    return results


async def _work(iterator: Iterator[Awaitable[T]], results: list[Any], *, return_exceptions: bool) -> None:
    """Take one after the other until none is left."""
    for awaitable in iterator:
        place = len(results)
        results.append(None)
        try:
            results[place] = await awaitable
        except Exception as error:
            if not return_exceptions:
                raise
            results[place] = error


def _close_unstarted(awaitables: Iterable[Awaitable[Any]], iterator: Iterator[Awaitable[Any]]) -> None:
    """Close what was not started, so that Python does not warn of coroutines never awaited."""
    if inspect.isgenerator(awaitables):
        awaitables.close()
    elif isinstance(awaitables, Collection):
        for awaitable in iterator:
            if inspect.iscoroutine(awaitable):
                awaitable.close()
