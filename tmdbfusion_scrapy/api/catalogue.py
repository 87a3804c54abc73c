"""The catalogue: every namespace of TMDB's API, each loaded when it is first used."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, Generic

from tmdbfusion_scrapy.api.bound import BoundEndpoint
from tmdbfusion_scrapy.api.endpoint import Endpoint
from tmdbfusion_scrapy.api.namespaces import E, Namespace

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tmdbfusion_scrapy.api.account import Account
    from tmdbfusion_scrapy.api.authentication import Authentication
    from tmdbfusion_scrapy.api.certifications import Certifications
    from tmdbfusion_scrapy.api.changes import Changes
    from tmdbfusion_scrapy.api.collections import Collections
    from tmdbfusion_scrapy.api.companies import Companies
    from tmdbfusion_scrapy.api.configuration import Configuration
    from tmdbfusion_scrapy.api.credits import Credits
    from tmdbfusion_scrapy.api.discover import Discover
    from tmdbfusion_scrapy.api.find import Find
    from tmdbfusion_scrapy.api.genres import Genres
    from tmdbfusion_scrapy.api.guest_sessions import GuestSessions
    from tmdbfusion_scrapy.api.keywords import Keywords
    from tmdbfusion_scrapy.api.lists import Lists
    from tmdbfusion_scrapy.api.movies import Movies
    from tmdbfusion_scrapy.api.namespaces import Execute
    from tmdbfusion_scrapy.api.networks import Networks
    from tmdbfusion_scrapy.api.people import People
    from tmdbfusion_scrapy.api.reviews import Reviews
    from tmdbfusion_scrapy.api.search import Search
    from tmdbfusion_scrapy.api.trending import Trending
    from tmdbfusion_scrapy.api.tv import TV
    from tmdbfusion_scrapy.api.tv_episode_groups import TVEpisodeGroups
    from tmdbfusion_scrapy.api.tv_episodes import TVEpisodes
    from tmdbfusion_scrapy.api.tv_seasons import TVSeasons
    from tmdbfusion_scrapy.api.watch_providers import WatchProviders


class API(Generic[E]):
    """TMDB's API, called by the executor ``E``.

    Args:
        execute: Is given an endpoint and the arguments of each call.
    """

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
"""The names of the namespaces, which are those of their modules."""


def load_namespace(name: str) -> type[Namespace[Any]]:
    """Return the class of a namespace."""
    module = import_module(f"tmdbfusion_scrapy.api.{name}")
    (found,) = (
        value
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, Namespace) and value.__module__ == module.__name__
    )
    return found


def load_operations() -> Mapping[str, Endpoint[Any, Any]]:
    """Return the endpoints of all namespaces by TMDB's operationId."""
    return {endpoint.operation_id: endpoint for name in NAMESPACES for endpoint in endpoints_of(name)}


def find_endpoint(method: str, path: str) -> Endpoint[Any, Any] | None:
    """Return the endpoint that a method and an escaped path below the base URL call, ``None`` where none does.

    Args:
        method: HTTP method.
        path: ``/movie/550``, with or without a slash at its end.
    """
    path = path.rstrip("/")
    found = [endpoint for endpoint in _by_shape().get(_shape(path), ()) if endpoint.takes(method, path)]
    # ``movie/latest`` is no movie's id.
    return min(found, key=lambda endpoint: endpoint.path.count("{"), default=None)


@cache
def _by_shape() -> Mapping[tuple[str, int], Sequence[Endpoint[Any, Any]]]:
    """The endpoints by what tells most paths apart, as it costs least."""
    found: dict[tuple[str, int], list[Endpoint[Any, Any]]] = {}
    for endpoint in load_operations().values():
        found.setdefault(_shape(f"/{endpoint.path}"), []).append(endpoint)
    return found


def _shape(path: str) -> tuple[str, int]:
    """The first segment of a path and how many there are."""
    return path[1:].partition("/")[0], path.count("/")


def endpoints_of(name: str) -> Iterator[Endpoint[Any, Any]]:
    """The endpoints of a namespace."""
    for value in vars(load_namespace(name)).values():
        if isinstance(value, Endpoint):
            yield value
