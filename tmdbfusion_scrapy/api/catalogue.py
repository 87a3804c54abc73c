"""The catalogue: every namespace of TMDB's API, generic over the executor, each loaded when it is first used."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar, Generic, ParamSpec, Protocol, TypeVar, cast, overload
from urllib.parse import parse_qsl, urlsplit

from tmdbfusion_scrapy.api.call import Call, Secret
from tmdbfusion_scrapy.api.endpoint import BoundEndpoint, Endpoint
from tmdbfusion_scrapy.api.parameters import SECRET_PARAMETERS, check_appends

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from scrapy import Request

    from tmdbfusion_scrapy.api.account import Account
    from tmdbfusion_scrapy.api.authentication import Authentication, GuestSessions
    from tmdbfusion_scrapy.api.companies import Collections, Companies, Keywords, Networks
    from tmdbfusion_scrapy.api.discover import Changes, Discover, Trending
    from tmdbfusion_scrapy.api.lists import Lists, Reviews
    from tmdbfusion_scrapy.api.movies import Movies
    from tmdbfusion_scrapy.api.people import Credits, People
    from tmdbfusion_scrapy.api.reference import Certifications, Configuration, Genres, WatchProviders
    from tmdbfusion_scrapy.api.search import Find, Search
    from tmdbfusion_scrapy.api.tv import TV
    from tmdbfusion_scrapy.api.tv_episodes import TVEpisodeGroups, TVEpisodes
    from tmdbfusion_scrapy.api.tv_seasons import TVSeasons


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
    """A group of endpoints, bound to an executor."""

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


class API(Generic[E]):
    """TMDB's API, called by the executor ``E``."""

    account: Account[E]
    authentication: Authentication[E]
    certifications: Certifications[E]
    changes: Changes[E]
    collections: Collections[E]
    companies: Companies[E]
    configuration: Configuration[E]
    credits: Credits[E]
    discover: Discover[E]
    find: Find[E]
    genres: Genres[E]
    guest_sessions: GuestSessions[E]
    keywords: Keywords[E]
    lists: Lists[E]
    movies: Movies[E]
    networks: Networks[E]
    people: People[E]
    reviews: Reviews[E]
    search: Search[E]
    trending: Trending[E]
    tv: TV[E]
    tv_episode_groups: TVEpisodeGroups[E]
    tv_episodes: TVEpisodes[E]
    tv_seasons: TVSeasons[E]
    watch_providers: WatchProviders[E]

    def __init__(self, execute: Execute) -> None:
        self._execute_call = execute

    if not TYPE_CHECKING:
        # Importing all namespaces with their records takes longer than the rest of a client together.
        def __getattr__(self, name: str) -> Namespace[E]:
            if name not in NAMESPACES:
                raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
            namespace = load_namespace(name)(self._bind)
            setattr(self, name, namespace)
            return namespace

    def _bind(self, endpoint: Endpoint[..., Any]) -> BoundEndpoint:
        """Return an endpoint as the namespaces of this API have it."""
        return BoundEndpoint(endpoint, self._execute_call, type(self).__name__)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *NAMESPACES})


NAMESPACES = tuple(API.__annotations__)
"""The names of the namespaces."""

_MODULES = {
    "certifications": "reference",
    "changes": "discover",
    "collections": "companies",
    "configuration": "reference",
    "credits": "people",
    "find": "search",
    "genres": "reference",
    "guest_sessions": "authentication",
    "keywords": "companies",
    "networks": "companies",
    "reviews": "lists",
    "trending": "discover",
    "tv_episode_groups": "tv_episodes",
    "watch_providers": "reference",
}
"""The modules of the namespaces that are in that of another one."""


def load_namespace(name: str) -> type[Namespace[Any]]:
    """Return the class of a namespace."""
    module = import_module(f"tmdbfusion_scrapy.api.{_MODULES.get(name, name)}")
    (found,) = (
        value
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, Namespace) and vars(value).get("name") == name
    )
    return found


@cache
def load_operations() -> Mapping[str, Endpoint[Any, Any]]:
    """Return the endpoints of all namespaces by TMDB's operationId."""
    return {endpoint.operation_id: endpoint for name in NAMESPACES for endpoint in endpoints_of(name)}


def call_from_json(kept: Mapping[str, Any]) -> Call[Any] | None:
    """Return the call of ``Call.to_json()``, secrets without values; ``None`` for an operation unknown here."""
    secrets = tuple(Secret(key, place, "", label) for key, place, label in kept.get("secrets", ()))
    query, body = kept.get("query", {}), kept.get("body")
    operation_id = kept.get("operation")
    if operation_id is None:
        model = cast("type[Any]", Any)
        return Call(kept["method"], kept["path"], query, model, body=body, secrets=secrets)
    endpoint = load_operations().get(operation_id)
    if endpoint is None:
        return None
    return endpoint.make_call(
        kept.get("values", {}),
        query,
        secrets=secrets,
        body=body,
        appends=tuple(kept.get("appends", ())),
        has_all_seasons=kept.get("has_all_seasons", False),
        languages=tuple(kept.get("languages", ())),
    )


def call_from_url(method: str, url: str, base_url: str) -> Call[Any]:
    """Return the call that a method and a URL of the API make; what is not in the catalogue is plain JSON."""
    if url.startswith(f"{base_url}/"):
        path, _, told = url[len(base_url) :].partition("#")[0].partition("?")
    else:
        parts = urlsplit(url)
        path, told = parts.path.removeprefix(urlsplit(base_url).path), parts.query
    path = path.rstrip("/")
    query = dict(parse_qsl(told, keep_blank_values=True)) if told else {}
    # ``movie/latest`` is no movie's id.
    for endpoint in _by_shape().get(path) or _by_shape().get(_shape(path), ()):
        values = endpoint.read_path(method, path)
        if values is not None:
            break
    else:
        return Call(method, path, query, cast("type[Any]", Any))
    appends: tuple[str, ...] = ()
    if "append_to_response" in endpoint.parameters and query.get("append_to_response"):
        appends = check_appends("append_to_response", query.pop("append_to_response"))
    masked = {name for name in SECRET_PARAMETERS & values.keys() if values[name] == Secret.MASK}
    return endpoint.make_call(
        {name: value for name, value in values.items() if name not in masked} if masked else values,
        query,
        secrets=tuple(Secret(name, "path", "") for name in masked),
        appends=appends,
    )


@cache
def _by_shape() -> Mapping[str | tuple[str, int], Sequence[Endpoint[Any, Any]]]:
    """The endpoints without parameters in their path by that; the others by what tells most paths apart."""
    found: dict[str | tuple[str, int], list[Endpoint[Any, Any]]] = {}
    for endpoint in load_operations().values():
        path = f"/{endpoint.path}"
        found.setdefault(_shape(path) if "{" in path else path, []).append(endpoint)
    for endpoints in found.values():
        endpoints.sort(key=lambda endpoint: endpoint.path.count("{"))
    return found


def _shape(path: str) -> tuple[str, int]:
    """The first segment of a path and how many there are."""
    return path[1:].partition("/")[0], path.count("/")


def endpoints_of(name: str) -> Iterator[Endpoint[Any, Any]]:
    """The endpoints of a namespace."""
    for value in vars(load_namespace(name)).values():
        if isinstance(value, Endpoint):
            yield value
