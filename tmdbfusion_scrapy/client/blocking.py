"""The blocking client."""

from __future__ import annotations

import os
import threading
import warnings
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from tmdbfusion_scrapy.api import API, Blocking
from tmdbfusion_scrapy.api.plain import hide_sessions, plain_call
from tmdbfusion_scrapy.client.calls import Calls
from tmdbfusion_scrapy.client.images import Images
from tmdbfusion_scrapy.client.options import ClientArguments, ClientOptions
from tmdbfusion_scrapy.client.paging import Pages, hidden_arguments, paged_call
from tmdbfusion_scrapy.hidden import hidden, with_hidden
from tmdbfusion_scrapy.http import httpx
from tmdbfusion_scrapy.transport.blocking import BlockingTransport, LoopThread

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

    One client may be shared by threads: the limits, the pace and the retries hold for the client as a whole, and
    who came first is served first. An event loop in a thread of its own, which starts with the first call, carries
    what is sent. A child process begins anew, with connections of its own. The pace holds for all clients and
    crawls of the process, too: the lowest ``requests_per_second`` among them counts, and a 429 makes all of them
    wait.

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
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._is_closed = False
        self._thread: LoopThread | None = None
        super().__init__(self._execute)
        self._options = ClientOptions.from_arguments(
            token, arguments, transport=transport, transport_type=httpx.BaseTransport
        )
        self._given = transport
        self._begin()

    def __enter__(self) -> Self:
        self._check_open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __del__(self) -> None:
        # A child process has a copy of its parent's clients, and did not open them.
        if getattr(self, "_thread", None) is not None and not self._is_closed and self._pid == os.getpid():
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
        return self._is_closed

    @property
    def http(self) -> httpx.Client:
        """``httpx.Client`` over the same pool, at the same rate, for what you want to send yourself.

        It adds no credentials, and ends with this client. It needs no closing.
        """
        return httpx.Client(
            transport=BlockingTransport(self._running_thread(), self._calls.sender.transport),
            timeout=self._options.exchange.timeout,
            trust_env=False,
        )

    def close(self) -> None:
        """Close all connections; more than once does no harm. Calls under way end with a ``RuntimeError``."""
        self._begin_anew_in_child()
        with self._lock:
            self._is_closed = True
        if self._thread is not None:
            self._thread.stop()
        elif self._given is not None:
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
        return self._running_thread().run(self._calls.make(call))

    def _send(self, call: Call[M]) -> M:
        """Make a call as it stands."""
        return self._running_thread().run(self._calls.send(call))

    def _begin(self) -> None:
        """Begin with nothing open."""
        self._calls = Calls(self._options, self._given, repr(self), is_blocking=True)
        self.images = Images(self)

    def _begin_anew_in_child(self) -> None:
        """Leave connections, thread and locks to the parent, in a child process."""
        if self._pid != os.getpid():
            self._pid = os.getpid()
            self._lock = threading.Lock()
            self._thread = None
            self._begin()

    def _running_thread(self) -> LoopThread:
        """Return the thread in which all calls are made; it starts with the first."""
        self._begin_anew_in_child()
        thread = self._thread
        if thread is not None and not self._is_closed:
            return thread
        with self._lock:
            self._check_open()
            if self._thread is None:
                self._thread = LoopThread(self._calls.aclose, owner=self)
            return self._thread

    def _check_open(self) -> None:
        if self._is_closed:
            raise RuntimeError(f"{self!r} is closed: make a new one")
