"""The calls of both clients: parts, retries, rate limit, limits of size and time."""

from __future__ import annotations

import asyncio
import inspect
import logging
import time
import warnings
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from tmdbfusion_scrapy.api import API
from tmdbfusion_scrapy.api.appending import Assembly
from tmdbfusion_scrapy.api.catalogue import E
from tmdbfusion_scrapy.attempts import Observer, tell
from tmdbfusion_scrapy.client.exchange import check_event_hooks, shown_request, shown_response
from tmdbfusion_scrapy.client.options import ClientArguments, ClientOptions
from tmdbfusion_scrapy.client.sending import Sender, check_unmocked
from tmdbfusion_scrapy.exceptions import RateLimitError, TMDBError
from tmdbfusion_scrapy.http import httpx
from tmdbfusion_scrapy.transport.blocking import LoopThread

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping, Sequence

    from tmdbfusion_scrapy.api import Call
    from tmdbfusion_scrapy.client.sending import Answered

logger = logging.getLogger(__name__)

M = TypeVar("M")
T = TypeVar("T")


class BaseClient(API[E]):
    """TMDB's API with what it takes to call it, in coroutines.

    Those of an asyncio client are awaited in its event loop. Those of a blocking client run in the thread of the
    caller and wait for nothing there (see `finished`): what waits runs in the event loop of a thread.

    Attributes:
        observers: Functions that are told of each attempt of each call when it has ended, to add to and to remove
            from. They cost less than event hooks, are told of failed attempts, too, and see no body.
    """

    _HOW_TO_CLOSE: ClassVar[str]
    _execute: Callable[..., Any]

    def __init__(
        self,
        token: str | None,
        arguments: ClientArguments,
        transport: httpx.BaseTransport | httpx.AsyncBaseTransport | None,
        *,
        is_blocking: bool,
    ) -> None:
        super().__init__(self._execute)
        self._options = ClientOptions.from_arguments(
            token, arguments, transport=transport, is_blocking=is_blocking
        )
        self._given = transport
        self._hooks = self._options.event_hooks
        self.observers: list[Observer] = []
        self._sender = Sender(self._options, transport, is_blocking=is_blocking)
        # Not a method of the client: that would keep it from being collected.
        self._thread = LoopThread(self, self._sender.aclose) if is_blocking else None

    def __del__(self) -> None:
        sender: Sender | None = getattr(self, "_sender", None)
        if sender is None or sender.is_closed:
            return
        thread: LoopThread | None = getattr(self, "_thread", None)
        if sender.loop is not None or (thread is not None and thread.was_started):
            warnings.warn(
                f"unclosed {self!r}: {self._HOW_TO_CLOSE}", ResourceWarning, source=self, stacklevel=2
            )

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self._options.exchange.base_url}>"

    @property
    def is_closed(self) -> bool:
        """True if the client was closed."""
        return self._sender.is_closed

    @property
    def event_hooks(self) -> dict[str, list[Callable[..., Any]]]:
        """Functions that are called with each ``request`` and ``response``, as httpx calls them; may be set.

        Raises:
            ConfigurationError: Set to something else.
        """
        return self._hooks

    @event_hooks.setter
    def event_hooks(self, value: Mapping[str, Sequence[Callable[..., Any]]]) -> None:
        self._hooks = check_event_hooks(value)

    def _check_usable(self) -> None:
        """Refuse a closed client and a second event loop."""
        if self._sender.is_closed:
            raise RuntimeError(f"{self!r} is closed: make a new one")
        if self._thread is None:
            self._sender.loop = self._check_loop()

    def _check_loop(self) -> asyncio.AbstractEventLoop:
        """Refuse another event loop than the one of the first call."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            raise RuntimeError(
                f"{self!r} needs asyncio, and no event loop of it is running here: under trio use TMDBClient "
                f"in a thread (trio.to_thread.run_sync)"
            ) from None
        if self._sender.loop not in (None, loop):
            raise RuntimeError(
                f"{self!r} belongs to another event loop: its connections cannot be used in this one. "
                f"Make one client in each loop, and close it there"
            )
        return loop

    async def _make(self, call: Call[M]) -> M:
        """Make a call and return its record, with all its parts, which may take several requests."""
        if not call.appends:
            return await self._send(call)
        assembly = Assembly.begin(call)
        while assembly.record is None:
            try:
                assembly = assembly.take(await self._send(assembly.next_call))
            except TMDBError as error:
                if (without := assembly.go_without(error)) is None:
                    raise
                assembly = without
        record: Any = assembly.record
        if record.missing_parts:
            missing = ", ".join(record.missing_parts)
            logger.warning("TMDB left %s out of its answer to %s %s", missing, call.method, call.path)
        return assembly.record

    async def _send(self, call: Call[M]) -> M:
        """Send a call as it stands until it works or the retries are spent."""
        attempt = 1
        memory: dict[str, Any] = {}
        while True:
            try:
                return await self._try(call, attempt, memory)
            except TMDBError as error:
                if (delay := self._options.retry.delay(error, attempt)) is None:
                    raise
            await self._run(self._sender.limiter.sleep(delay))
            attempt += 1

    async def _try(self, call: Call[M], attempt: int, memory: dict[str, Any]) -> M:
        """Send once; ``memory`` is what observers keep of the call."""
        self._check_usable()
        if self._given is None:
            # What tools that mock HTTP see.
            kind = httpx.AsyncHTTPTransport if self._thread is None else httpx.HTTPTransport
            check_unmocked(self._options.base_urls, kind)
        exchange, sender, hooks = self._options.exchange, self._sender, self._hooks
        shown = shown_request(exchange, call) if hooks["request"] or hooks["response"] else None
        if shown is not None:
            await self._call_hooks("request", shown)
        answer: Answered | None = None
        failure: TMDBError | None = None
        begun = time.monotonic()
        try:
            answer = await self._run(sender.fetch(sender.prepare(call, shown)))
        except (httpx.HTTPError, httpx.InvalidURL) as exception:
            failure = exchange.error(call, exception)
        # Not in the except clauses: what was caught would be the context of the error.
        if answer is not None:
            try:
                record = exchange.record(call, answer)
            except TMDBError as error:
                failure = error
        if self.observers:
            tell(
                self.observers,
                begun=begun,
                sent_at=begun if answer is None else answer.sent_at,
                error=failure.__cause__ if failure is not None and answer is None else failure,
                method=call.method,
                url=call.url(exchange.base_url),
                base_url=exchange.base_url,
                operation_id=call.operation_id,
                retries=attempt - 1,
                status=None if answer is None else answer.status,
                size=None if answer is None else len(answer.body),
                memory=memory,
            )
        if answer is None:
            # A client that was closed meanwhile has ended the exchange itself.
            self._check_usable()
        else:
            # TMDB's code for a rate that is too high may come with another status.
            status = 429 if isinstance(failure, RateLimitError) else answer.status
            noted = sender.limiter.answered(answer.sent_at, status, failure.retry_after if failure else None)
            # The state of this process is told in any thread, another one in the event loop.
            await (noted if sender.limiter.is_in_process else self._run(noted))
            if shown is not None and self._hooks["response"]:
                await self._call_hooks("response", shown_response(exchange, call, shown, answer))
        if failure is not None:
            raise failure from failure.__cause__
        return record

    async def _run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Await a coroutine, or have it run in the thread of the blocking client."""
        return await coroutine if self._thread is None else self._thread.run(coroutine)

    async def _call_hooks(self, event: str, seen: httpx.Request | httpx.Response) -> None:
        """Call the event hooks with a request or a response.

        Raises:
            TypeError: One is a coroutine function and should not be, or the other way round.
        """
        is_blocking = self._thread is not None
        kind = "a function, not a coroutine function" if is_blocking else "a coroutine function"
        for hook in tuple(self._hooks[event]):
            try:
                outcome = hook(seen)
                if not is_blocking and inspect.isawaitable(outcome):
                    await outcome
            except TMDBError as error:
                # The request did not fail: it is not to be tried again.
                error.retryable = False
                raise
            if inspect.isawaitable(outcome) is is_blocking:
                if inspect.iscoroutine(outcome):
                    outcome.close()
                raise TypeError(f"{hook!r} is an event hook of {self!r}: it must be {kind}")


def finished(coroutine: Coroutine[Any, Any, T]) -> T:
    """Return the result of a coroutine that waits for nothing, without an event loop."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        result: T = done.value
        return result
    coroutine.close()
    raise RuntimeError("a call of a blocking client waited for an event loop")
