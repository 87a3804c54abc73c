"""The clients: the asyncio one and the blocking one."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator
from typing import TYPE_CHECKING, Any, Literal, ParamSpec, TypeVar, overload

from tmdbfusion_scrapy.api import Asynchronous, Blocking
from tmdbfusion_scrapy.api.plain import hide_sessions, plain_call
from tmdbfusion_scrapy.client.calls import BaseClient, finished
from tmdbfusion_scrapy.client.images import AsyncImages, Images
from tmdbfusion_scrapy.client.paging import AsyncPages, Pages, hidden_arguments, paged_call
from tmdbfusion_scrapy.credentials import hidden, with_hidden
from tmdbfusion_scrapy.exceptions import ConfigurationError
from tmdbfusion_scrapy.http import httpx
from tmdbfusion_scrapy.transport.blocking import BlockingTransport

if TYPE_CHECKING:
    from collections.abc import Mapping

    from typing_extensions import Self, Unpack

    from tmdbfusion_scrapy.api import Endpoint
    from tmdbfusion_scrapy.client.options import ClientArguments
    from tmdbfusion_scrapy.models.paging import Paged

M = TypeVar("M")
T = TypeVar("T")
P = ParamSpec("P")


class TMDBClient(BaseClient[Blocking]):
    """TMDB's API, blocking, on ``httpx.Client``.

    ::

        with TMDBClient(token) as client:
            movie = client.movies.details(550, append_to_response=["credits"])

    One client may be shared by threads: the limits, the rate and the retries hold for the client as a whole, and
    who came first is served first. An event loop in a thread of its own, which starts with the first call, carries
    what is sent. A child process begins anew, with connections of its own. The rate limit holds for all clients
    and crawls of the process, too: the lowest ``requests_per_second`` among them counts, and a 429 makes all of
    them wait.

    Args:
        token: A v4 API Read Access Token or a v3 API key, told apart by shape. ``None`` reads the environment
            variables ``TMDB_ACCESS_TOKEN``, then ``TMDB_API_KEY``.
        transport: An ``httpx.BaseTransport`` to use instead of the pooled one, such as ``httpx.MockTransport``.
            It has its settings itself: ``proxy``, ``ip_family``, ``verify``, ``keepalive_expiry`` and
            ``max_keepalive_connections`` may not be given with it.
        arguments: See :class:`~tmdbfusion_scrapy.client.options.ClientArguments`.

    Raises:
        ConfigurationError: There is no token, or an argument cannot be used.
    """

    _HOW_TO_CLOSE = "use it as 'with TMDBClient(...) as client:', or call client.close()"

    def __init__(
        self,
        token: str | None = None,
        *,
        transport: httpx.BaseTransport | None = None,
        **arguments: Unpack[ClientArguments],
    ) -> None:
        token, arguments = hidden(token), with_hidden(arguments)
        super().__init__(token, arguments, transport, is_blocking=True)
        self.images = Images(self)

    def __enter__(self) -> Self:
        self._check_usable()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def http(self) -> httpx.Client:
        """``httpx.Client`` over the same pool, at the same rate, for what you want to send yourself.

        It adds no credentials, has the event hooks of this client, and ends with it. It needs no closing.
        """
        self._check_usable()
        return httpx.Client(
            transport=BlockingTransport(self._sender.transport, self._thread),
            timeout=self._options.exchange.timeout,
            event_hooks=self.event_hooks,
            trust_env=False,
        )

    def close(self) -> None:
        """Close all connections; more than once does no harm. Calls under way end with a ``RuntimeError``."""
        was_closed, self._sender.is_closed = self.is_closed, True
        if self._thread is not None:
            self._thread.stop()
            # Where nothing was sent there was no thread to do it.
            self._sender.limiter.leave()
            if not (was_closed or self._thread.was_started) and isinstance(self._given, httpx.BaseTransport):
                self._given.close()

    def request(
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
        return finished(self._send(plain_call(self._options.defaults, method, path, params, json)))

    def paginate(self, method: Callable[P, Paged[T]], /, *args: P.args, **kwargs: P.kwargs) -> Pages[T]:
        """Return the items of a list, of all its pages, one after the other.

        ::

            for movie in client.paginate(client.discover.movie, with_genres=18):
                ...

        A page is asked for when its first item is wanted, so nothing is sent before the first one is. What stands
        on two pages, because the list moved while it was read, comes once. The end is where the newest page says,
        at most page 500: if TMDB has more, a WARNING says so there, and ``is_cut`` from the first page on.

        Args:
            method: A method of this client that has pages.
            args: Arguments of the method.
            kwargs: Arguments of the method. ``page`` is the page to begin with.

        Returns:
            An iterator that also has ``total_results``, ``total_pages`` and ``is_cut`` of the newest page.
            ``next()`` raises what a call raises, and a ``ResponseError`` for a page that does not say how many
            there are; the ``next()`` after it asks for the same page again.

        Raises:
            TypeError: The method has no pages, or does not take the arguments.
            ValidationError: TMDB would refuse a value.
        """
        args, kwargs = hidden_arguments(method, args, kwargs)  # type: ignore[assignment]
        call = paged_call(self._execute, method, self._options.defaults, args, kwargs)
        return Pages(call, lambda page: finished(self._send(page)))

    def _execute(self, endpoint: Endpoint[..., M], *args: Any, **kwargs: Any) -> M:
        """Make a call of the catalogue."""
        return finished(self._make(endpoint.call(self._options.defaults, *args, **kwargs)))


class AsyncTMDBClient(BaseClient[Asynchronous]):
    """TMDB's API for asyncio, on ``httpx.AsyncClient``.

    ::

        async with AsyncTMDBClient(token, max_connections=200) as client:
            movie = await client.movies.details(550)
            movies = await client.gather((client.movies.details(i) for i in ids), limit=50)

    A client belongs to the event loop of its first call and may be shared by the tasks of that loop. The rate
    limit holds for all clients and crawls of the process: the lowest ``requests_per_second`` among them counts,
    and a 429 makes all of them wait.

    Arguments and errors are those of :class:`TMDBClient`; ``transport`` is an ``httpx.AsyncBaseTransport``.
    """

    _HOW_TO_CLOSE = "use it as 'async with AsyncTMDBClient(...) as client:', or call 'await client.aclose()'"

    def __init__(
        self,
        token: str | None = None,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        **arguments: Unpack[ClientArguments],
    ) -> None:
        token, arguments = hidden(token), with_hidden(arguments)
        super().__init__(token, arguments, transport, is_blocking=False)
        self.images = AsyncImages(self)

    async def __aenter__(self) -> Self:
        self._check_usable()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    @property
    def http(self) -> httpx.AsyncClient:
        """``httpx.AsyncClient`` over the same pool, at the same rate, for what you want to send yourself.

        It adds no credentials, has the event hooks of this client, and ends with it. It needs no closing.
        """
        self._check_usable()
        return httpx.AsyncClient(
            transport=self._sender.transport,
            timeout=self._options.exchange.timeout,
            event_hooks=self.event_hooks,
            trust_env=False,
        )

    async def aclose(self) -> None:
        """Close all connections; more than once does no harm. Calls under way end with a ``RuntimeError``.

        Raises:
            RuntimeError: The client belongs to another event loop.
        """
        self._check_loop()
        self._sender.is_closed = True
        await self._sender.aclose()

    async def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        json: Mapping[str, Any] | None = None,
    ) -> Any:
        """Call what the catalogue does not know and return its JSON, as :meth:`TMDBClient.request` does."""
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

        Arguments, attributes and errors are those of :meth:`TMDBClient.paginate`; ``anext()`` raises the errors of
        the calls.
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
        iterator = iter(awaitables)
        most: Any = limit
        if isinstance(most, bool) or not isinstance(most, int) or most < 1:
            _close_unstarted(awaitables, iterator)
            raise ConfigurationError(f"limit is {limit!r}: use a whole number from 1")
        results: list[Any] = []
        errors: list[BaseException] = []
        is_stopping = False

        async def work() -> None:
            """Take one after the other until none is left."""
            try:
                for awaitable in iterator:
                    place = len(results)
                    results.append(None)
                    try:
                        results[place] = await awaitable
                    except (Exception, asyncio.CancelledError) as error:
                        # What is cancelled may be the call, by whom it belongs to, and not this worker.
                        if is_stopping or not return_exceptions:
                            raise
                        results[place] = error
            except BaseException as error:
                if is_stopping:
                    raise
                errors.append(error)

        count = min(limit, len(awaitables)) if isinstance(awaitables, Collection) else limit
        workers = left = {asyncio.ensure_future(work()) for _ in range(count)}
        try:
            while left and not errors:
                _, left = await asyncio.wait(left, return_when=asyncio.FIRST_COMPLETED)
        finally:
            is_stopping = True
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)
            _close_unstarted(awaitables, iterator)
        if errors:
            raise errors[0]
        return results

    async def _execute(self, endpoint: Endpoint[..., M], *args: Any, **kwargs: Any) -> M:
        """Make a call of the catalogue."""
        return await self._make(endpoint.call(self._options.defaults, *args, **kwargs))


def _close_unstarted(awaitables: Iterable[Awaitable[Any]], iterator: Iterator[Awaitable[Any]]) -> None:
    """Close what was not started, so that Python does not warn of coroutines never awaited."""
    if inspect.isgenerator(awaitables):
        awaitables.close()
    elif isinstance(awaitables, Collection):
        for awaitable in iterator:
            if inspect.iscoroutine(awaitable):
                awaitable.close()
