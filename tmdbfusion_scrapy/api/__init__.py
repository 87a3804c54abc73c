"""The catalogue: every operation of TMDB's API declared once, for the clients and for spiders."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tmdbfusion_scrapy.api.call import Call
from tmdbfusion_scrapy.api.catalogue import API, NAMESPACES, Asynchronous, Blocking, Crawling, load_operations
from tmdbfusion_scrapy.api.endpoint import Endpoint

if TYPE_CHECKING:
    from collections.abc import Mapping

    OPERATIONS: Mapping[str, Endpoint[..., Any]]
    """The endpoints by TMDB's operationId (https://developer.themoviedb.org/openapi)."""

__all__ = [
    "API",
    "NAMESPACES",
    "OPERATIONS",
    "Asynchronous",
    "Blocking",
    "Call",
    "Crawling",
    "Endpoint",
]


def __getattr__(name: str) -> Any:
    if name != "OPERATIONS":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    # Loaded when it is first used: a client that calls one namespace needs that one only.
    operations = globals()["OPERATIONS"] = load_operations()
    return operations
