"""What a type checker sees of the three executors. Not run: mypy and pyright read it."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any

from scrapy import Request
from typing_extensions import assert_type

from tmdbfusion_scrapy.client import AsyncTMDBClient, TMDBClient
from tmdbfusion_scrapy.models.configuration import ConfigurationDetails, Country
from tmdbfusion_scrapy.models.genres import Genre
from tmdbfusion_scrapy.models.movies import MovieDetails, MovieListItem
from tmdbfusion_scrapy.models.paging import DatedPage, Page
from tmdbfusion_scrapy.models.status import Status

if TYPE_CHECKING:
    from tmdbfusion_scrapy.api import BlockingAPI, RequestAPI


def blocking(client: TMDBClient) -> None:
    movie = client.movies.details(550, append_to_response=["credits"], language="fr")
    assert_type(movie, MovieDetails)
    assert_type(movie.genres, list[Genre])
    assert_type(client.movies.popular(page=2), Page[MovieListItem])
    assert_type(client.movies.popular().results, list[MovieListItem])
    assert_type(client.movies.upcoming(), DatedPage[MovieListItem])
    assert_type(client.movies.add_rating(550, rating=8.5), Status)
    assert_type(client.configuration.details(), ConfigurationDetails)
    assert_type(client.configuration.countries(), list[Country])
    assert_type(client.configuration.primary_translations(), list[str])
    assert_type(client.discover.movie(vote_average_gte=7.5), Page[MovieListItem])
    assert_type(client.request("GET", "movie/550"), Any)
    with TMDBClient("token") as opened:
        assert_type(opened, TMDBClient)

    client.movies.details("550")  # type: ignore[arg-type]
    client.movies.details()  # type: ignore[call-arg]
    client.movies.details(550, langauge="fr")  # type: ignore[call-arg]
    client.movies.details(550, "fr")  # type: ignore[call-arg, misc, unused-ignore]
    client.movies.unknown(550)  # type: ignore[attr-defined]
    TMDBClient("token", time_out=3)  # type: ignore[call-arg]
    TMDBClient("token", timeout="3")  # type: ignore[arg-type]


async def awaitable(client: AsyncTMDBClient) -> None:
    assert_type(client.movies.details(550), Awaitable[MovieDetails])
    assert_type(await client.movies.details(550), MovieDetails)
    assert_type(await client.configuration.countries(language="fr"), list[Country])
    assert_type(await client.gather(client.movies.details(i) for i in range(9)), list[MovieDetails])
    assert_type(
        await client.gather([client.movies.details(1)], limit=5, return_exceptions=True),
        list[MovieDetails | BaseException],
    )
    assert_type(await client.request("GET", "movie/550", params={"language": "fr"}), Any)
    async with AsyncTMDBClient("token", max_connections=200) as opened:
        assert_type(opened, AsyncTMDBClient)

    await client.movies.details("550")  # type: ignore[arg-type]
    await client.movies.details(550, langauge="fr")  # type: ignore[call-arg]


def request(tmdb: RequestAPI) -> None:
    def parse(response: object) -> None: ...

    assert_type(tmdb.movies.details(550), Request)
    assert_type(tmdb.movies.details(550, append_to_response="credits"), Request)
    assert_type(tmdb.movies.details(550, callback=parse), Request)
    assert_type(tmdb.movies.popular(page=2, errback=parse, cb_kwargs={"page": 2}), Request)
    assert_type(tmdb.movies.details(550, priority=5), Request)
    assert_type(tmdb.movies.details(550, meta={"x": 1}), Request)
    assert_type(tmdb.movies.details(550, dont_filter=True), Request)

    tmdb.movies.details("550")  # type: ignore[call-overload]
    tmdb.movies.details(550, langauge="fr")  # type: ignore[call-overload]


def any_catalogue(catalogue: BlockingAPI) -> None:
    assert_type(catalogue.genres.movie_list().genres, list[Genre])
