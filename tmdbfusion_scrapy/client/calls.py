"""The calls of a client in one event loop: parts, retries, rate limit, limits of size and time."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

import httpx

from tmdbfusion_scrapy.api.appending import Assembly
from tmdbfusion_scrapy.client.exchange import warn_of_missing_parts
from tmdbfusion_scrapy.client.mocking import check_unmocked
from tmdbfusion_scrapy.client.sending import GivenSender, PooledSender
from tmdbfusion_scrapy.exceptions import RateLimitError, TMDBError
from tmdbfusion_scrapy.pacing import AsyncPacer, shared_pace

if TYPE_CHECKING:
    from tmdbfusion_scrapy.api import Call
    from tmdbfusion_scrapy.client.options import ClientOptions

M = TypeVar("M")


class Calls:
    """Makes calls, in the event loop that they are awaited in; both clients stand on it.

    Args:
        options: Of the client.
        given: A transport of the user's in place of the pooled one.
        name: What messages call the client.
        is_blocking: Whether the client is the blocking one, whose transport is.
    """

    def __init__(
        self,
        options: ClientOptions,
        given: httpx.BaseTransport | httpx.AsyncBaseTransport | None,
        name: str,
        *,
        is_blocking: bool,
    ) -> None:
        self._options = options
        self._name = name
        # What tools that mock HTTP see.
        self._mockable = httpx.HTTPTransport if is_blocking else httpx.AsyncHTTPTransport
        self._is_closed = False
        self.pacer = AsyncPacer(options.pace, shared_pace(options.exchange.base_url))
        self._is_given = given is not None
        self.sender: PooledSender | GivenSender = (
            PooledSender(options, self.pacer)
            if given is None
            else GivenSender(options, self.pacer, given, is_blocking=is_blocking)
        )

    async def make(self, call: Call[M]) -> M:
        """Make a call and return its record, with all its parts.

        Raises:
            TMDBError: It failed, and the retries are spent.
            RuntimeError: The client was closed.
        """
        return await (self._complete(call) if call.appends else self.send(call))

    async def send(self, call: Call[M]) -> M:
        """Send a call as it stands until it works or the retries are spent.

        Raises:
            TMDBError: It failed.
            RuntimeError: The client was closed.
        """
        attempt = 1
        while True:
            try:
                return await self._try(call)
            except TMDBError as error:
                delay = self._options.retry.delay(error, attempt)
                if delay is None:
                    raise
            await self.pacer.sleep(delay)
            attempt += 1

    async def aclose(self) -> None:
        """Close all connections. Calls under way and calls that wait end with a ``RuntimeError``."""
        self._is_closed = True
        self.pacer.close()
        await self.sender.aclose()

    async def _complete(self, call: Call[M]) -> M:
        """Make a call with parts, which may take several requests."""
        assembly = Assembly.begin(call)
        while assembly.record is None:
            try:
                assembly = assembly.take(await self.send(assembly.next_call))
            except TMDBError as error:
                without = assembly.go_without(error)
                if without is None:
                    raise
                assembly = without
        record = assembly.record
        warn_of_missing_parts(call, record)
        return record

    async def _try(self, call: Call[M]) -> M:
        """Send once."""
        self._check_open()
        if not self._is_given:
            check_unmocked(self._options.base_urls, self._mockable)
        exchange = self._options.exchange
        failure: TMDBError | None = None
        try:
            answer = await self.sender.fetch(exchange.request(call))
        except (httpx.HTTPError, httpx.InvalidURL) as exception:
            failure = exchange.error(call, exception)
        if failure is not None:
            # A client that was closed meanwhile has ended the exchange itself.
            self._check_open()
            # Not in the except clause: what was caught would be its context.
            raise failure from failure.__cause__
        try:
            record = exchange.record(call, answer)
        except TMDBError as error:
            # TMDB's code for a rate that is too high may come with another status.
            status = 429 if isinstance(error, RateLimitError) else answer.status
            self.pacer.answered(answer.sent_at, status, error.retry_after)
            raise
        self.pacer.succeeded(answer.sent_at)
        return record

    def _check_open(self) -> None:
        if self._is_closed:
            raise RuntimeError(f"{self._name} is closed: make a new one")


def running_loop(client: object) -> asyncio.AbstractEventLoop:
    """Return the event loop that a call is made in.

    Raises:
        RuntimeError: There is none of asyncio.
    """
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        raise RuntimeError(
            f"{client!r} needs asyncio, and no event loop of it is running here: under trio use TMDBClient in a "
            f"thread (trio.to_thread.run_sync)"
        ) from None
