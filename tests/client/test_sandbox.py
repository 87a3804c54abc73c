"""Both clients against the bundled sandbox, endpoint by endpoint."""

from __future__ import annotations

import pytest

from tests.client.driving import CONTEXT, FAST, TOKEN, Asynchronous, Blocking
from tests.coroutines import coroutine_test
from tmdbfusion_scrapy.client import AsyncTMDBClient
from tmdbfusion_scrapy.exceptions import AuthenticationError, NotFoundError, ServerError

SERVED = [
    (lambda client, movie: client.authentication.validate_key(), "success"),
    (lambda client, movie: client.configuration.details(), "images"),
    (lambda client, movie: client.genres.movie_list(), "genres"),
    (lambda client, movie: client.movies.details(movie), "title"),
    (lambda client, movie: client.movies.popular(), "results"),
    (lambda client, movie: client.movies.top_rated(page=2), "results"),
    (lambda client, movie: client.movies.now_playing(), "dates"),
    (lambda client, movie: client.discover.movie(sort_by="primary_release_date.asc"), "results"),
]


@pytest.fixture(params=[Blocking, Asynchronous], ids=["blocking", "asyncio"])
def driven(request, tmdb_sandbox):
    driven = request.param(
        token=TOKEN,
        base_url=tmdb_sandbox.base_url,
        retries=FAST,
        requests_per_second=None,
        verify=CONTEXT,
    )
    yield driven
    driven.stop()


@pytest.mark.parametrize(("call", "field"), SERVED)
def test_records(tmdb_sandbox, driven, call, field):
    record = driven.do(lambda client: call(client, tmdb_sandbox.movie_ids[0]))
    assert getattr(record, field)
    assert record.drift == ()


def test_appended_parts_arrive(tmdb_sandbox, driven):
    movie = tmdb_sandbox.movie_ids[0]
    record = driven.do(
        lambda client: client.movies.details(movie, append_to_response=["credits", "keywords"])
    )
    assert record.id == movie
    assert record.credits is not None
    assert record.keywords is not None
    assert record.videos is None


@pytest.mark.parametrize("fault", [500, 503, "reset", "truncate", "html", "gzip-unlabelled"])
def test_faults_are_got_over(tmdb_sandbox, driven, fault):
    tmdb_sandbox.fail_next(fault)
    assert driven.do(lambda client: client.movies.popular()).page == 1


def test_faults_that_stay(tmdb_sandbox, driven):
    tmdb_sandbox.fail_next("reset", times=9)
    with pytest.raises(ServerError):
        driven.do(lambda client: client.movies.popular())
    assert len(tmdb_sandbox.requests) == 3


def test_what_does_not_exist(tmdb_sandbox, driven):
    with pytest.raises(NotFoundError) as caught:
        driven.do(lambda client: client.movies.details(max(tmdb_sandbox.movie_ids) + 1))
    assert (caught.value.status_code, caught.value.tmdb_code) == (404, 34)


def test_a_bad_token(tmdb_sandbox, driven):
    tmdb_sandbox.fail_next(401)
    with pytest.raises(AuthenticationError) as caught:
        driven.do(lambda client: client.movies.popular())
    assert caught.value.tmdb_code == 7


@coroutine_test
async def test_many_movies_at_once(tmdb_sandbox):
    movies = tmdb_sandbox.movie_ids[:200]
    async with AsyncTMDBClient(
        TOKEN, base_url=tmdb_sandbox.base_url, max_connections=8, requests_per_second=None
    ) as client:
        records = await client.gather((client.movies.details(movie) for movie in movies), limit=20)
    assert [record.id for record in records] == movies
    assert tmdb_sandbox.connections.max_open <= 8
    assert tmdb_sandbox.connections.total <= 8
