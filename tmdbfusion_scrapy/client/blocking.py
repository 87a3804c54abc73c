"""The blocking client."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import httpx

from tmdbfusion_scrapy.api import API, Blocking
from tmdbfusion_scrapy.api.appending import complete
from tmdbfusion_scrapy.api.plain import hide_sessions, plain_call
from tmdbfusion_scrapy.client.direct import DirectClient
from tmdbfusion_scrapy.client.exchange import warn_of_missing_parts
from tmdbfusion_scrapy.client.images import Images
from tmdbfusion_scrapy.client.mocking import check_unmocked
from tmdbfusion_scrapy.client.options import ClientArguments, ClientOptions
from tmdbfusion_scrapy.client.paging import Pages, hidden_arguments, paged_call
from tmdbfusion_scrapy.client.turns import BlockingTurns
from tmdbfusion_scrapy.exceptions import RateLimitError, TMDBError
from tmdbfusion_scrapy.hidden import hidden, with_hidden
from tmdbfusion_scrapy.pacing import BlockingPacer, shared_pace

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType

    from typing_extensions import Self, Unpack

    from tmdbfusion_scrapy.api import Call, Endpoint
    from tmdbfusion_scrapy.models.paging import Paged

M = TypeVar("M")
T = TypeVar("T")
P = ParamSpec("P")


class TMDBClient(API[Blocking]):
    """TMDB's API, blocking, on ``httpx.Client``.

    ::

        with TMDBClient(token) as client:
            movie = client.movies.details(550, append_to_response=["credits"])

    One client may be shared by threads: each request has a connection of its own, and the limits, the pace and
    the retries hold for the client as a whole. The pace holds for all clients and crawls of the process, too:
    the lowest ``requests_per_second`` among them counts, and a 429 makes all of them wait.

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

    def __init__(
        self,
        token: str | None = None,
        *,
        transport: httpx.BaseTransport | None = None,
        **arguments: Unpack[ClientArguments],
    ) -> None:
        token, arguments = hidden(token), with_hidden(arguments)
        self._used = False
        self._closed = False
        self._is_pooled = transport is None
        super().__init__(self._execute)
        self.images = Images(self)
        self._options = options = ClientOptions.from_arguments(
            token, arguments, transport=transport, transport_type=httpx.BaseTransport
        )
        self._pacer = BlockingPacer(options.pace, shared_pace(options.exchange.base_url))
        self._turns = BlockingTurns(
            self._pacer, options.limits.max_connections, options.exchange.timeout.pool
        )
        self._http = DirectClient(_transport(options, transport))

    def __enter__(self) -> Self:
        self._check_open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __del__(self) -> None:
        if getattr(self, "_used", False) and not self._closed:
            warnings.warn(
                f"unclosed {self!r}: use it as 'with TMDBClient(...) as client:', or call client.close()",
                ResourceWarning,
                source=self,
                stacklevel=2,
            )

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self._options.exchange.base_url}>"

    @property
    def is_closed(self) -> bool:
        """Whether :meth:`close` was called."""
        return self._closed

    def close(self) -> None:
        """Close all connections; more than once does no harm. Calls that wait for their turn end at once."""
        self._closed = True
        self._pacer.close()
        self._http.close()

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
        return self._send(plain_call(self._options.defaults, method, path, params, json))

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
        return Pages(call, self._send)

    def _execute(self, endpoint: Endpoint[..., M], *args: Any, **kwargs: Any) -> M:
        """Make a call of the catalogue."""
        call = endpoint.call(self._options.defaults, *args, **kwargs)
        return self._complete(call) if call.appends else self._send(call)

    def _complete(self, call: Call[M]) -> M:
        """Make a call with parts, which may take several requests."""
        steps = complete(call)
        step = next(steps)
        try:
            while True:
                try:
                    answer = self._send(step)
                except TMDBError as error:
                    step = steps.throw(error)
                else:
                    step = steps.send(answer)
        except StopIteration as done:
            record: M = done.value
        warn_of_missing_parts(call, record)
        return record

    def _send(self, call: Call[M]) -> M:
        """Send until it works or the retries are spent."""
        attempt = 1
        while True:
            try:
                return self._try(call)
            except TMDBError as error:
                delay = self._options.retry.delay(error, attempt)
                if delay is None:
                    raise
            self._pacer.sleep(delay)
            attempt += 1

    def _try(self, call: Call[M]) -> M:
        """Send once."""
        self._check_open()
        if self._is_pooled:
            check_unmocked(self._options.base_urls, httpx.HTTPTransport)
        self._used = True
        exchange = self._options.exchange
        failure: TMDBError | None = None
        try:
            with self._turns.turn() as sent_at:
                self._check_open()
                response = self._http.send(exchange.request(call))
        except (httpx.HTTPError, httpx.InvalidURL) as exception:
            failure = exchange.error(call, exception)
        if failure is not None:
            # A client that was closed meanwhile has ended the exchange itself.
            self._check_open()
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

    def _check_open(self) -> None:
        if self._closed:
            raise RuntimeError(f"{self!r} is closed: make a new one")


def _transport(options: ClientOptions, given: httpx.BaseTransport | None) -> httpx.BaseTransport:
    """The user's transport or the pooled one, with failover if there are several base URLs."""
    # Loaded when a client is made, so that importing the clients does not load it.
    from tmdbfusion_scrapy import transport

    used = given or transport.BlockingPooledTransport(
        limits=options.limits,
        verify=options.verify,
        proxy=options.proxy,
        ip_family=options.ip_family,
    )
    several = len(options.base_urls) > 1
    return transport.BlockingFailoverTransport(used, options.base_urls) if several else used
