"""The asyncio client."""

from __future__ import annotations

import asyncio
import warnings
from typing import TYPE_CHECKING, Any, Literal, ParamSpec, TypeVar, overload

import httpx

from tmdbfusion_scrapy.api import API, Asynchronous
from tmdbfusion_scrapy.api.appending import complete
from tmdbfusion_scrapy.api.plain import hide_sessions, plain_call
from tmdbfusion_scrapy.client.direct import AsyncDirectClient
from tmdbfusion_scrapy.client.exchange import warn_of_missing_parts
from tmdbfusion_scrapy.client.gathering import gather
from tmdbfusion_scrapy.client.images import AsyncImages
from tmdbfusion_scrapy.client.mocking import check_unmocked
from tmdbfusion_scrapy.client.options import ClientArguments, ClientOptions
from tmdbfusion_scrapy.client.paging import AsyncPages, hidden_arguments, paged_call
from tmdbfusion_scrapy.client.turns import AsyncTurns
from tmdbfusion_scrapy.exceptions import RateLimitError, TMDBError
from tmdbfusion_scrapy.hidden import hidden, with_hidden
from tmdbfusion_scrapy.pacing import AsyncPacer, shared_pace

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping
    from types import TracebackType

    from typing_extensions import Self, Unpack

    from tmdbfusion_scrapy.api import Call, Endpoint
    from tmdbfusion_scrapy.models.paging import Paged

M = TypeVar("M")
T = TypeVar("T")
P = ParamSpec("P")


class AsyncTMDBClient(API[Asynchronous]):
    """TMDB's API for asyncio, on ``httpx.AsyncClient``.

    ::

        async with AsyncTMDBClient(token, max_connections=200) as client:
            movie = await client.movies.details(550)
            movies = await client.gather((client.movies.details(i) for i in ids), limit=50)

    A client belongs to the event loop of its first call and may be shared by the tasks of that loop. The pace
    holds for all clients and crawls of the process: the lowest ``requests_per_second`` among them counts, and a
    429 makes all of them wait.

    Args:
        token: A v4 API Read Access Token or a v3 API key, told apart by shape. ``None`` reads the environment
            variables ``TMDB_ACCESS_TOKEN``, then ``TMDB_API_KEY``.
        transport: An ``httpx.AsyncBaseTransport`` to use instead of the pooled one, such as
            ``httpx.MockTransport``. It has its settings itself: ``proxy``, ``ip_family``, ``verify``,
            ``keepalive_expiry`` and ``max_keepalive_connections`` may not be given with it.
        arguments: See :class:`~tmdbfusion_scrapy.client.options.ClientArguments`.

    Raises:
        ConfigurationError: There is no token, or an argument cannot be used.
    """

    def __init__(
        self,
        token: str | None = None,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        **arguments: Unpack[ClientArguments],
    ) -> None:
        token, arguments = hidden(token), with_hidden(arguments)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = False
        self._is_pooled = transport is None
        super().__init__(self._execute)
        self.images = AsyncImages(self)
        self._options = options = ClientOptions.from_arguments(
            token, arguments, transport=transport, transport_type=httpx.AsyncBaseTransport
        )
        self._pacer = AsyncPacer(options.pace, shared_pace(options.exchange.base_url))
        self._turns = AsyncTurns(self._pacer, options.limits.max_connections, options.exchange.timeout.pool)
        self._http = AsyncDirectClient(_transport(options, transport))

    async def __aenter__(self) -> Self:
        self._check_usable()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    def __del__(self) -> None:
        if getattr(self, "_loop", None) is not None and not self._closed:
            warnings.warn(
                f"unclosed {self!r}: use it as 'async with AsyncTMDBClient(...) as client:', "
                f"or call 'await client.aclose()'",
                ResourceWarning,
                source=self,
                stacklevel=2,
            )

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self._options.exchange.base_url}>"

    @property
    def is_closed(self) -> bool:
        """Whether :meth:`aclose` was called."""
        return self._closed

    async def aclose(self) -> None:
        """Close all connections; more than once does no harm. Calls that wait for their turn end at once.

        Raises:
            RuntimeError: The client belongs to another event loop.
        """
        self._check_loop()
        self._closed = True
        self._pacer.close()
        await self._http.aclose()

    async def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        json: Mapping[str, Any] | None = None,
    ) -> Any:
        """Call what the catalogue does not know and return its JSON.

        Args:
            method: HTTP method.
            path: Path below the base URL, such as ``movie/550/new_thing``. Escape what you put into it; letters
                beyond ASCII are escaped here.
            params: Query parameters by TMDB's names; ``None`` leaves one out. Give a session id, a token or a
                password here or in ``json``, under TMDB's name of it: there it is a secret that nothing shows.
                In a path only the session of a guest (``guest_session/<id>/...``) and the sessions that the client
                holds are hidden.
            json: What to send as JSON.

        Raises:
            TMDBError: The call failed. Before any request (``ValidationError``): the method is no HTTP method, the
                path is none below the base URL, or a parameter has no form in a URL.
            TypeError: ``json`` cannot be written as JSON.
        """
        params, json = with_hidden(params), with_hidden(json)
        path = hide_sessions(path, self._options.defaults)
        return await self._send(plain_call(self._options.defaults, method, path, params, json))

    def paginate(
        self, method: Callable[P, Awaitable[Paged[T]]], /, *args: P.args, **kwargs: P.kwargs
    ) -> AsyncPages[T]:
        """Return the items of a list, of all its pages, one after the other.

        ::

            async for movie in client.paginate(client.discover.movie, with_genres=18):
                ...

        A page is asked for when its first item is wanted, so nothing is sent before the first one is. What stands
        on two pages, because the list moved while it was read, comes once. The end is where the newest page says,
        at most page 500: if TMDB has more, a WARNING says so there, and ``is_cut`` from the first page on.

        Args:
            method: A method of this client that has pages.
            args: Arguments of the method.
            kwargs: Arguments of the method. ``page`` is the page to begin with.

        Returns:
            An asynchronous iterator that also has ``total_results``, ``total_pages`` and ``is_cut`` of the newest
            page. ``anext()`` raises what a call raises, and a ``ResponseError`` for a page that does not say how
            many there are; the ``anext()`` after it asks for the same page again.

        Raises:
            TypeError: The method has no pages, or does not take the arguments.
            ValidationError: TMDB would refuse a value.
        """
        args, kwargs = hidden_arguments(method, args, kwargs)  # type: ignore[assignment]
        call = paged_call(self._execute, method, self._options.defaults, args, kwargs)
        return AsyncPages(call, self._send)

    @overload
    async def gather(
        self,
        awaitables: Iterable[Awaitable[T]],
        *,
        limit: int = 50,
        return_exceptions: Literal[False] = False,
    ) -> list[T]: ...
    @overload
    async def gather(
        self, awaitables: Iterable[Awaitable[T]], *, limit: int = 50, return_exceptions: bool
    ) -> list[T | BaseException]: ...
    async def gather(
        self, awaitables: Iterable[Awaitable[T]], *, limit: int = 50, return_exceptions: bool = False
    ) -> list[Any]:
        """Await many calls, at most ``limit`` at a time, and return their results in order.

        Args:
            awaitables: The calls. A generator is taken from as places come free, so it may be of any length.
            limit: Most calls at a time.
            return_exceptions: Put an error in the place of its result instead of raising it.

        Raises:
            TMDBError: A call failed and ``return_exceptions`` is not set. The calls that are under way are
                cancelled and the others are not started.
            ConfigurationError: ``limit`` is below 1.
        """
        return await gather(awaitables, limit=limit, return_exceptions=return_exceptions)

    async def _execute(self, endpoint: Endpoint[..., M], *args: Any, **kwargs: Any) -> M:
        """Make a call of the catalogue."""
        call = endpoint.call(self._options.defaults, *args, **kwargs)
        return await (self._complete(call) if call.appends else self._send(call))

    async def _complete(self, call: Call[M]) -> M:
        """Make a call with parts, which may take several requests."""
        steps = complete(call)
        step = next(steps)
        try:
            while True:
                try:
                    answer = await self._send(step)
                except TMDBError as error:
                    step = steps.throw(error)
                else:
                    step = steps.send(answer)
        except StopIteration as done:
            record: M = done.value
        warn_of_missing_parts(call, record)
        return record

    async def _send(self, call: Call[M]) -> M:
        """Send until it works or the retries are spent."""
        attempt = 1
        while True:
            try:
                return await self._try(call)
            except TMDBError as error:
                delay = self._options.retry.delay(error, attempt)
                if delay is None:
                    raise
            await self._pacer.sleep(delay)
            attempt += 1

    async def _try(self, call: Call[M]) -> M:
        """Send once."""
        self._check_usable()
        if self._is_pooled:
            check_unmocked(self._options.base_urls, httpx.AsyncHTTPTransport)
        exchange = self._options.exchange
        failure: TMDBError | None = None
        try:
            async with self._turns.turn() as sent_at:
                self._check_usable()
                response = await self._http.send(exchange.request(call))
        except (httpx.HTTPError, httpx.InvalidURL) as exception:
            failure = exchange.error(call, exception)
        if failure is not None:
            # A client that was closed meanwhile has ended the exchange itself.
            self._check_usable()
            # Not in the except clause: what was caught would be its context.
            raise failure from failure.__cause__
        try:
            record = exchange.record(call, response)
        except TMDBError as error:
            # TMDB's code for a rate that is too high may come with another status.
            status = 429 if isinstance(error, RateLimitError) else response.status_code
            self._pacer.answered(sent_at, status, error.retry_after)
            raise
        self._pacer.succeeded(sent_at)
        return record

    def _check_usable(self) -> None:
        """Refuse a closed client and a second event loop."""
        if self._closed:
            raise RuntimeError(f"{self!r} is closed: make a new one")
        if self._loop is None:
            self._loop = self._running_loop()
        self._check_loop()

    def _running_loop(self) -> asyncio.AbstractEventLoop:
        """The event loop that a call is made in."""
        try:
            return asyncio.get_running_loop()
        except RuntimeError:
            raise RuntimeError(
                f"{self!r} needs asyncio, and no event loop of it is running here: under trio use TMDBClient in a "
                f"thread (trio.to_thread.run_sync)"
            ) from None

    def _check_loop(self) -> None:
        if self._loop is not None and self._loop is not self._running_loop():
            raise RuntimeError(
                f"{self!r} belongs to another event loop: its connections cannot be used in this one. "
                f"Make one client in each loop, and close it there"
            )


def _transport(options: ClientOptions, given: httpx.AsyncBaseTransport | None) -> httpx.AsyncBaseTransport:
    """The user's transport or the pooled one, with failover if there are several base URLs."""
    # Loaded when a client is made, so that importing the clients does not load it.
    from tmdbfusion_scrapy.transport import FailoverTransport, PooledTransport

    transport = given or PooledTransport(
        limits=options.limits,
        verify=options.verify,
        proxy=options.proxy,
        ip_family=options.ip_family,
    )
    return FailoverTransport(transport, options.base_urls) if len(options.base_urls) > 1 else transport
