"""The blocking client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from tmdbfusion_scrapy.api import Blocking
from tmdbfusion_scrapy.api.plain import hide_sessions, plain_call
from tmdbfusion_scrapy.client.calls import BaseClient, finished
from tmdbfusion_scrapy.client.images import Images
from tmdbfusion_scrapy.client.paging import Pages, hidden_arguments, paged_call
from tmdbfusion_scrapy.credentials import hidden, with_hidden
from tmdbfusion_scrapy.http import httpx
from tmdbfusion_scrapy.transport.blocking import BlockingTransport

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

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
