"""The asyncio client."""

from __future__ import annotations

import os
import warnings
from typing import TYPE_CHECKING, Any, Literal, ParamSpec, TypeVar, overload

from tmdbfusion_scrapy.api import API, Asynchronous
from tmdbfusion_scrapy.api.plain import hide_sessions, plain_call
from tmdbfusion_scrapy.client.calls import Calls, running_loop
from tmdbfusion_scrapy.client.gathering import gather
from tmdbfusion_scrapy.client.images import AsyncImages
from tmdbfusion_scrapy.client.options import ClientArguments, ClientOptions
from tmdbfusion_scrapy.client.paging import AsyncPages, hidden_arguments, paged_call
from tmdbfusion_scrapy.hidden import hidden, with_hidden
from tmdbfusion_scrapy.http import httpx

if TYPE_CHECKING:
    import asyncio
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
        self._pid = os.getpid()
        self._is_closed = False
        super().__init__(self._execute)
        self.images = AsyncImages(self)
        self._options = ClientOptions.from_arguments(
            token, arguments, transport=transport, transport_type=httpx.AsyncBaseTransport
        )
        self._given = transport
        self._calls = self._new_calls()

    async def __aenter__(self) -> Self:
        self._check_usable()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    def __del__(self) -> None:
        # A child process has a copy of its parent's clients, and did not open them.
        if getattr(self, "_loop", None) is not None and not self._is_closed and self._pid == os.getpid():
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
        return self._is_closed

    @property
    def http(self) -> httpx.AsyncClient:
        """``httpx.AsyncClient`` over the same pool, at the same rate, for what you want to send yourself.

        It adds no credentials, and ends with this client. It needs no closing.
        """
        self._check_usable()
        return httpx.AsyncClient(
            transport=self._calls.sender.transport, timeout=self._options.exchange.timeout, trust_env=False
        )

    async def aclose(self) -> None:
        """Close all connections; more than once does no harm. Calls under way end with a ``RuntimeError``.

        Raises:
            RuntimeError: The client belongs to another event loop.
        """
        self._begin_anew_in_child()
        self._check_loop()
        self._is_closed = True
        await self._calls.aclose()

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
        self._check_usable()
        return await self._calls.make(call)

    async def _send(self, call: Call[M]) -> M:
        """Make a call as it stands."""
        self._check_usable()
        return await self._calls.send(call)

    def _new_calls(self) -> Calls:
        return Calls(self._options, self._given, repr(self), is_blocking=False)

    def _begin_anew_in_child(self) -> None:
        """Leave connections and event loop to the parent, in a child process."""
        if self._pid != os.getpid():
            self._pid = os.getpid()
            self._loop = None
            self._calls = self._new_calls()

    def _check_usable(self) -> None:
        """Refuse a closed client and a second event loop."""
        if self._is_closed:
            raise RuntimeError(f"{self!r} is closed: make a new one")
        self._begin_anew_in_child()
        if self._loop is None:
            self._loop = running_loop(self)
        self._check_loop()

    def _check_loop(self) -> None:
        if self._loop is not None and self._loop is not running_loop(self):
            raise RuntimeError(
                f"{self!r} belongs to another event loop: its connections cannot be used in this one. "
                f"Make one client in each loop, and close it there"
            )
