"""An endpoint on a namespace, as ``help()`` and an IDE see it."""

from __future__ import annotations

import inspect
import pydoc
import sys
from typing import Any

import pytest

from tmdbfusion_scrapy.api import API, OPERATIONS
from tmdbfusion_scrapy.client import AsyncTMDBClient, TMDBClient
from tmdbfusion_scrapy.models.movies import MovieDetails


@pytest.mark.parametrize("client", [TMDBClient, AsyncTMDBClient])
def test_a_method_shows_itself_as_one(client):
    method = client("token").movies.details
    assert repr(method) == f"<{client.__name__}.movies.details: GET /movie/{{movie_id}}>"
    assert method.__name__ == "details"
    assert method.__qualname__ == f"{client.__name__}.movies.details"
    assert method.__doc__.startswith("A movie, with the parts that are asked for.")
    signature = inspect.signature(method)
    assert list(signature.parameters) == list(method.endpoint.parameters)
    assert signature.parameters["movie_id"].annotation is int
    assert signature.parameters["language"].kind is inspect.Parameter.KEYWORD_ONLY
    assert signature.return_annotation is MovieDetails


def test_help_has_signature_and_docstring():
    shown = pydoc.plain(pydoc.render_doc(TMDBClient("token").movies.details))
    assert "details(" in shown
    assert "movie_id: int" in shown
    assert "TMDB's id of the movie." in shown


def test_the_methods_of_the_asyncio_client_are_coroutine_functions():
    assert not inspect.iscoroutinefunction(TMDBClient("token").movies.details)
    if sys.version_info >= (3, 12):
        assert inspect.iscoroutinefunction(AsyncTMDBClient("token").movies.details)


def test_a_method_is_made_once():
    movies = TMDBClient("token").movies
    assert movies.details is movies.details
    assert movies.details is not TMDBClient("token").movies.details


def test_every_endpoint_has_a_signature():
    made: list[Any] = []
    catalogue = API(lambda endpoint, *args, **kwargs: made.append((args, kwargs)))
    for endpoint in OPERATIONS.values():
        method = getattr(getattr(catalogue, endpoint.namespace), endpoint.name)
        signature = inspect.signature(method)
        assert tuple(signature.parameters) == tuple(endpoint.parameters)
        assert not any(isinstance(p.annotation, str) for p in signature.parameters.values()), endpoint
        method(1, x=2)
        assert made.pop() == ((1,), {"x": 2})
