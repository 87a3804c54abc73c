"""The catalogue: every endpoint declared once, for the clients and for spiders."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tmdbfusion_scrapy.api.authentication import (
    Authentication,
    AwaitableAuthentication,
    BlockingAuthentication,
    RequestAuthentication,
)
from tmdbfusion_scrapy.api.configuration import (
    AwaitableConfiguration,
    BlockingConfiguration,
    Configuration,
    RequestConfiguration,
)
from tmdbfusion_scrapy.api.discover import AwaitableDiscover, BlockingDiscover, Discover, RequestDiscover
from tmdbfusion_scrapy.api.endpoint import Call, Endpoint
from tmdbfusion_scrapy.api.genres import AwaitableGenres, BlockingGenres, Genres, RequestGenres
from tmdbfusion_scrapy.api.movies import AwaitableMovies, BlockingMovies, Movies, RequestMovies

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tmdbfusion_scrapy.api.namespaces import Execute

__all__ = ["OPERATIONS", "AwaitableAPI", "BlockingAPI", "Call", "Endpoint", "RequestAPI"]

OPERATIONS: Mapping[str, Endpoint[..., Any]] = {
    endpoint.operation_id: endpoint
    for namespace in (Authentication, Configuration, Discover, Genres, Movies)
    for endpoint in vars(namespace).values()
    if isinstance(endpoint, Endpoint)
}
"""The endpoints by TMDB's operationId (https://developer.themoviedb.org/openapi)."""


class BlockingAPI:
    """The catalogue of which a call returns the record."""

    def __init__(self, execute: Execute) -> None:
        self.authentication = BlockingAuthentication(execute)
        self.configuration = BlockingConfiguration(execute)
        self.discover = BlockingDiscover(execute)
        self.genres = BlockingGenres(execute)
        self.movies = BlockingMovies(execute)


class AwaitableAPI:
    """The catalogue of which a call returns an awaitable of the record."""

    def __init__(self, execute: Execute) -> None:
        self.authentication = AwaitableAuthentication(execute)
        self.configuration = AwaitableConfiguration(execute)
        self.discover = AwaitableDiscover(execute)
        self.genres = AwaitableGenres(execute)
        self.movies = AwaitableMovies(execute)


class RequestAPI:
    """The catalogue of which a call returns a ``scrapy.Request``."""

    def __init__(self, execute: Execute) -> None:
        self.authentication = RequestAuthentication(execute)
        self.configuration = RequestConfiguration(execute)
        self.discover = RequestDiscover(execute)
        self.genres = RequestGenres(execute)
        self.movies = RequestMovies(execute)
