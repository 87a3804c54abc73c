"""Many awaitables, a few at a time."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Collection, Iterable, Iterator
from typing import Any

from tmdbfusion_scrapy.exceptions import ConfigurationError


async def gather(awaitables: Iterable[Awaitable[Any]], *, limit: Any, return_exceptions: bool) -> list[Any]:
    """Await all, at most ``limit`` at a time, and return the results in the order given.

    The iterable is taken from as places come free. Without ``return_exceptions`` the first error is raised
    after everything under way was cancelled.
    """
    iterator = iter(awaitables)
    if isinstance(limit, bool) or not isinstance(limit, int) or limit < 1:
        _close_unstarted(awaitables, iterator)
        raise ConfigurationError(f"limit is {limit!r}: use a whole number from 1")
    run = _Run(iterator, return_exceptions=return_exceptions)
    count = min(limit, len(awaitables)) if isinstance(awaitables, Collection) else limit
    workers = [asyncio.ensure_future(run.work()) for _ in range(count)]
    try:
        if workers:
            await asyncio.wait(workers, return_when=asyncio.FIRST_EXCEPTION)
    finally:
        run.stopping = True
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
        _close_unstarted(awaitables, iterator)
    if run.error is not None:
        raise run.error
    return run.results


class _Stopped(Exception):
    """Ends a worker, so that the others are stopped; the error itself stands in the run."""


class _Run:
    """What the workers of one call share."""

    def __init__(self, iterator: Iterator[Awaitable[Any]], *, return_exceptions: bool) -> None:
        self.results: list[Any] = []
        self.error: BaseException | None = None
        self.stopping = False
        self._iterator = iterator
        self._return_exceptions = return_exceptions

    async def work(self) -> None:
        """Take one after the other until none is left."""
        try:
            for awaitable in self._iterator:
                place = len(self.results)
                self.results.append(None)
                self.results[place] = await self._outcome(awaitable)
        except BaseException as error:
            if self.stopping:
                raise
            self.error = self.error or error
            raise _Stopped from error

    async def _outcome(self, awaitable: Awaitable[Any]) -> Any:
        """The result, or the error in its place."""
        try:
            return await awaitable
        except asyncio.CancelledError as error:
            # Not this worker was cancelled but what it awaits, by whom it belongs to.
            if self.stopping or not self._return_exceptions:
                raise
            return error
        except Exception as error:
            if not self._return_exceptions:
                raise
            return error


def _close_unstarted(awaitables: Iterable[Awaitable[Any]], iterator: Iterator[Awaitable[Any]]) -> None:
    """Close what was not started, so that Python does not warn of coroutines never awaited."""
    if inspect.isgenerator(awaitables):
        awaitables.close()
    elif isinstance(awaitables, Collection):
        for awaitable in iterator:
            if inspect.iscoroutine(awaitable):
                awaitable.close()
