"""The calls of both clients in one event loop: parts, retries, rate limit, limits of size and time."""

from __future__ import annotations

import asyncio
import inspect
import time
import warnings
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from tmdbfusion_scrapy.api import API
from tmdbfusion_scrapy.api.appending import Assembly
from tmdbfusion_scrapy.api.catalogue import E
from tmdbfusion_scrapy.attempts import Attempt, Observer
from tmdbfusion_scrapy.client.exchange import (
    check_event_hooks,
    shown_request,
    shown_response,
    warn_of_missing_parts,
)
from tmdbfusion_scrapy.client.options import ClientArguments, ClientOptions
from tmdbfusion_scrapy.client.sending import Sender, check_unmocked
from tmdbfusion_scrapy.exceptions import RateLimitError, TMDBError
from tmdbfusion_scrapy.forking import Renewal
from tmdbfusion_scrapy.http import httpx
from tmdbfusion_scrapy.rate_limit import RateLimiter
from tmdbfusion_scrapy.transport.blocking import LoopThread

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping, Sequence

    from tmdbfusion_scrapy.api import Call
    from tmdbfusion_scrapy.client.sending import Answered
    from tmdbfusion_scrapy.rate_limit import RateLimitState


M = TypeVar("M")
T = TypeVar("T")

_renewal = Renewal()


class Calls:
    """Calls of a client, as coroutines; both clients stand on it.

    Those of an asyncio client are awaited in its event loop. Those of a blocking client run in the thread of the
    caller and wait for nothing there (see `finished`): what waits runs in the event loop of a thread.
    """

    def __init__(
        self,
        client: object,
        options: ClientOptions,
        given: httpx.BaseTransport | httpx.AsyncBaseTransport | None,
        *,
        is_blocking: bool,
    ) -> None:
        self._options = options
        self._name = repr(client)
        self._given = given
        self._is_blocking = is_blocking
        # What tools that mock HTTP see.
        self._mockable = httpx.HTTPTransport if is_blocking else httpx.AsyncHTTPTransport
        self.event_hooks = check_event_hooks(options.event_hooks)
        self.observers: list[Observer] = []
        self.is_closed = False
        self.thread = LoopThread(client, self._end) if is_blocking else None
        self._begin()
        _renewal.add(self)

    def begin_anew(self) -> None:
        """Begin with nothing sent and nothing open, in a child process."""
        if not self.is_closed:
            # Threads of the parent, of which nothing goes on here, refer to it still.
            self.limiter.leave()
            self._begin()

    def _begin(self) -> None:
        options = self._options
        self._loop: asyncio.AbstractEventLoop | None = None
        base_url = options.exchange.base_url
        state: RateLimitState
        if options.shared_limit is None:
            state = RateLimiter.new_state(base_url, "api")
        else:
            from tmdbfusion_scrapy.shared_rate import shared_rate

            state = shared_rate(options.shared_limit, base_url)
        self.limiter = RateLimiter(options.rate_limit, state)
        self.sender = Sender(options, self.limiter, self._given, is_blocking=self._is_blocking)

    @property
    def is_in_use(self) -> bool:
        """True if there is something that nobody has closed."""
        was_used = self._loop is not None if self.thread is None else self.thread.was_started
        return was_used and not self.is_closed

    def check_usable(self) -> None:
        """Refuse a closed client and a second event loop."""
        if self.is_closed:
            raise RuntimeError(f"{self._name} is closed: make a new one")
        if self.thread is None:
            self.check_loop()
            self._loop = self._loop or asyncio.get_running_loop()

    def check_loop(self) -> None:
        """Refuse another event loop than the one of the first call."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            raise RuntimeError(
                f"{self._name} needs asyncio, and no event loop of it is running here: under trio use TMDBClient "
                f"in a thread (trio.to_thread.run_sync)"
            ) from None
        if self._loop is not None and self._loop is not loop:
            raise RuntimeError(
                f"{self._name} belongs to another event loop: its connections cannot be used in this one. "
                f"Make one client in each loop, and close it there"
            )

    async def make(self, call: Call[M]) -> M:
        """Make a call and return its record, with all its parts."""
        return await (self._complete(call) if call.appends else self.send(call))

    async def send(self, call: Call[M]) -> M:
        """Send a call as it stands until it works or the retries are spent."""
        attempt = 1
        memory: dict[str, Any] = {}
        while True:
            try:
                return await self._try(call, attempt, memory)
            except TMDBError as error:
                delay = self._options.retry.delay(error, attempt)
                if delay is None:
                    raise
            await self._run(self.limiter.sleep(delay))
            attempt += 1

    async def aclose(self) -> None:
        """Close all connections. Calls under way and calls that wait end with a ``RuntimeError``."""
        self.is_closed = True
        await self._end()

    def close(self) -> None:
        """Do the same for the blocking client, and end its thread."""
        was_closed, self.is_closed = self.is_closed, True
        if self.thread is not None:
            self.thread.stop()
            # Where nothing was sent there was no thread to do it.
            self.limiter.leave()
            if not (was_closed or self.thread.was_started) and isinstance(self._given, httpx.BaseTransport):
                self._given.close()

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

    async def _try(self, call: Call[M], attempt: int, memory: dict[str, Any]) -> M:
        """Send once; ``memory`` is what observers keep of the call."""
        self.check_usable()
        if self._given is None:
            check_unmocked(self._options.base_urls, self._mockable)
        exchange = self._options.exchange
        hooks = self.event_hooks
        shown = shown_request(exchange, call) if hooks["request"] or hooks["response"] else None
        if shown is not None:
            await self._call_hooks("request", shown)
        failure: TMDBError | None = None
        begun = time.monotonic()
        try:
            answer = await self._run(self.sender.fetch(self.sender.prepare(call, shown)))
        except (httpx.HTTPError, httpx.InvalidURL) as exception:
            failure = exchange.error(call, exception)
        if failure is not None:
            if self.observers:
                error = type(failure.__cause__).__name__
                self._tell(call, attempt, memory, begun, begun, error=error)
            # A client that was closed meanwhile has ended the exchange itself.
            self.check_usable()
            # Not in the except clause: what was caught would be its context.
            raise failure from failure.__cause__
        try:
            record = exchange.record(call, answer)
        except TMDBError as error:
            if self.observers:
                self._tell(call, attempt, memory, begun, answer.sent_at, answer, error=type(error).__name__)
            # TMDB's code for a rate that is too high may come with another status.
            status = 429 if isinstance(error, RateLimitError) else answer.status
            await self._note(answer.sent_at, status, error.retry_after)
            if shown is not None:
                await self._show(call, shown, answer)
            raise
        if self.observers:
            self._tell(call, attempt, memory, begun, answer.sent_at, answer)
        await self._note(answer.sent_at, answer.status, None)
        if shown is not None:
            await self._show(call, shown, answer)
        return record

    def _tell(
        self,
        call: Call[Any],
        number: int,
        memory: dict[str, Any],
        begun: float,
        sent_at: float,
        answer: Answered | None = None,
        *,
        error: str | None = None,
    ) -> None:
        """Tell the observers of an attempt; the times are of ``time.monotonic()``."""
        base_url = self._options.exchange.base_url
        attempt = Attempt(
            method=call.method,
            url=call.url(base_url),
            base_url=base_url,
            operation_id=call.operation_id,
            retries=number - 1,
            ended=time.time(),
            seconds=time.monotonic() - sent_at,
            waited=sent_at - begun,
            status=None if answer is None else answer.status,
            error=error,
            size=None if answer is None else len(answer.body),
            memory=memory,
        )
        for observer in tuple(self.observers):
            observer(attempt)

    async def _note(self, sent_at: float, status: int, retry_after: float | None) -> None:
        """Tell the rate limiter of an answer."""
        noted = self.limiter.answered(sent_at, status, retry_after)
        # The state of this process is told in any thread, another one in the event loop.
        await (noted if self.limiter.is_in_process else self._run(noted))

    async def _end(self) -> None:
        self.limiter.close()
        await self.sender.transport.aclose()

    async def _run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Await a coroutine, or have it run in the thread of the blocking client."""
        return await coroutine if self.thread is None else self.thread.run(coroutine)

    async def _show(self, call: Call[Any], shown: httpx.Request, answer: Answered) -> None:
        """Call the event hooks with an answer, which the rate limiter knows of already."""
        if self.event_hooks["response"]:
            await self._call_hooks("response", shown_response(self._options.exchange, call, shown, answer))

    async def _call_hooks(self, event: str, seen: httpx.Request | httpx.Response) -> None:
        """Call the event hooks with a request or a response.

        Raises:
            TypeError: One is a coroutine function and should not be, or the other way round.
        """
        is_blocking = self.thread is not None
        for hook in tuple(self.event_hooks[event]):
            try:
                outcome = hook(seen)
                if inspect.isawaitable(outcome) is is_blocking:
                    break
                if not is_blocking:
                    await outcome
            except TMDBError as error:
                # The request did not fail: it is not to be tried again.
                error.retryable = False
                raise
        else:
            return
        if inspect.iscoroutine(outcome):
            outcome.close()
        kind = "a function, not a coroutine function" if is_blocking else "a coroutine function"
        raise TypeError(f"{hook!r} is an event hook of {self._name}: it must be {kind}")


def finished(coroutine: Coroutine[Any, Any, T]) -> T:
    """Return the result of a coroutine that waits for nothing, without an event loop."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        result: T = done.value
        return result
    coroutine.close()
    raise RuntimeError("a call of a blocking client waited for an event loop")


class BaseClient(API[E]):
    """TMDB's API with what it takes to call it."""

    _HOW_TO_CLOSE: ClassVar[str]

    def __init__(
        self,
        execute: Callable[..., Any],
        token: str | None,
        arguments: ClientArguments,
        transport: httpx.BaseTransport | httpx.AsyncBaseTransport | None,
        *,
        is_blocking: bool,
    ) -> None:
        super().__init__(execute)
        self._options = ClientOptions.from_arguments(
            token, arguments, transport=transport, is_blocking=is_blocking
        )
        self._calls = Calls(self, self._options, transport, is_blocking=is_blocking)

    def __del__(self) -> None:
        calls: Calls | None = getattr(self, "_calls", None)
        if calls is not None and calls.is_in_use:
            warnings.warn(
                f"unclosed {self!r}: {self._HOW_TO_CLOSE}", ResourceWarning, source=self, stacklevel=2
            )

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self._options.exchange.base_url}>"

    @property
    def is_closed(self) -> bool:
        """True if the client was closed."""
        return self._calls.is_closed

    @property
    def event_hooks(self) -> dict[str, list[Callable[..., Any]]]:
        """Functions that are called with each ``request`` and ``response``, as httpx calls them; may be set.

        Raises:
            ConfigurationError: Set to something else.
        """
        return self._calls.event_hooks

    @event_hooks.setter
    def event_hooks(self, value: Mapping[str, Sequence[Callable[..., Any]]]) -> None:
        self._calls.event_hooks = check_event_hooks(value)

    @property
    def observers(self) -> list[Observer]:
        """Functions that are told of each attempt of each call when it has ended, to add to and to remove from.

        They cost less than event hooks, are told of failed attempts, too, and see no body.
        """
        return self._calls.observers
