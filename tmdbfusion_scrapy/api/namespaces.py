"""The namespaces of the catalogue, generic over the executor that makes their calls."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, Generic, ParamSpec, Protocol, TypeVar, overload

if TYPE_CHECKING:
    from collections.abc import Mapping

    from scrapy import Request

    from tmdbfusion_scrapy.api.endpoint import Endpoint

P = ParamSpec("P")

Execute = Callable[..., Any]
"""Takes an endpoint and its arguments and does what the executor does with a call."""

Bind = Callable[["Endpoint[..., Any]"], Callable[..., Any]]
"""Takes an endpoint and returns what is called with the endpoint's arguments alone."""


class Blocking:
    """Executor of ``TMDBClient``: a call returns the record."""


class Asynchronous:
    """Executor of ``AsyncTMDBClient``: a call returns an awaitable of the record."""


class Crawling:
    """Executor of a spider: a call returns a ``scrapy.Request``."""


E = TypeVar("E", Blocking, Asynchronous, Crawling)
"""The executor of a namespace; it exists for type checkers only."""


class Namespace(Generic[E]):
    """A group of endpoints, bound to an executor.

    Args:
        bind: Binds an endpoint to the executor.
    """

    name: ClassVar[str]
    """Attribute of a client or of ``spider.tmdb``: ``tv``."""

    kind: ClassVar[str] = ""
    """What a record of it is, as the tables of a store are named: ``tv_shows``; empty where it is none."""

    def __init__(self, bind: Bind) -> None:
        self._bind = bind

    def bind(self, endpoint: Endpoint[..., Any]) -> Callable[..., Any]:
        """Return the callable that an endpoint is on this namespace."""
        # An attribute of the instance goes before the endpoint, so this is asked once.
        bound = self.__dict__[endpoint.name] = self._bind(endpoint)
        return bound


class RequestMaker(Protocol, Generic[P]):
    """An endpoint in a spider.

    Besides the endpoint's own arguments a call takes those of ``scrapy.Request``: ``callback``, ``errback``,
    ``priority``, ``meta``, ``cb_kwargs``, ``headers``, ``flags``, ``dont_filter``.
    """

    @overload
    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Request: ...

    # A ParamSpec takes no further keywords, so the arguments beside Scrapy's own are checked at run time.
    @overload
    def __call__(self, *args: Any, callback: Callable[..., Any], **kwargs: Any) -> Request: ...
    @overload
    def __call__(self, *args: Any, errback: Callable[..., Any], **kwargs: Any) -> Request: ...
    @overload
    def __call__(self, *args: Any, priority: int, **kwargs: Any) -> Request: ...
    @overload
    def __call__(self, *args: Any, meta: dict[str, Any], **kwargs: Any) -> Request: ...
    @overload
    def __call__(self, *args: Any, cb_kwargs: dict[str, Any], **kwargs: Any) -> Request: ...
    @overload
    def __call__(self, *args: Any, headers: Mapping[str, str], **kwargs: Any) -> Request: ...
    @overload
    def __call__(self, *args: Any, flags: list[str], **kwargs: Any) -> Request: ...
    @overload
    def __call__(self, *args: Any, dont_filter: bool, **kwargs: Any) -> Request: ...
