"""What a type checker sees of the three executors. Not run: mypy and pyright read it.

Both are strict here about the comments too: one that hides no error is an error itself.
"""

from __future__ import annotations

import asyncio
import datetime
from collections.abc import Coroutine, Iterator
from typing import TYPE_CHECKING, Any

from scrapy import Request
from typing_extensions import assert_type

from tmdbfusion_scrapy import TMDBSpider
from tmdbfusion_scrapy.client import AsyncTMDBClient, TMDBClient
from tmdbfusion_scrapy.models import (
    AccountDetails,
    Changes,
    ConfigurationDetails,
    Country,
    CreatedList,
    DatedPage,
    EpisodeDetails,
    FindResults,
    Genre,
    GuestSession,
    MediaItem,
    MovieDetails,
    MovieListItem,
    Page,
    PersonCombinedCredits,
    PersonDetails,
    PersonListItem,
    RatedEpisode,
    SeasonDetails,
    Session,
    Status,
    TVDetails,
    TVListItem,
)

if TYPE_CHECKING:
    from tmdbfusion_scrapy.api import API, Blocking
    from tmdbfusion_scrapy.crawling.responses import TMDBResponse


def blocking(client: TMDBClient) -> None:
    movie = client.movies.details(550, append_to_response=["credits"], language="fr")
    assert_type(movie, MovieDetails)
    assert_type(movie.genres, list[Genre])
    assert_type(movie.release_date, "datetime.date | None")
    assert movie.credits is not None
    assert_type(movie.credits.cast[0].name, "str | None")
    assert_type(client.movies.details(550, languages=("fr-CA", "fr", "en")), MovieDetails)
    assert_type(client.movies.popular(page=2), Page[MovieListItem])
    assert_type(client.movies.popular().results, list[MovieListItem])
    assert_type(client.movies.upcoming(), DatedPage[MovieListItem])
    assert_type(client.movies.add_rating(550, rating=8.5), Status)
    assert_type(client.tv.details(1399, append_to_response="credits"), TVDetails)
    assert_type(client.tv.popular().results[0].first_air_date, "datetime.date | None")
    assert_type(client.tv_seasons.details(1399, 1), SeasonDetails)
    assert_type(client.tv_seasons.details(1399, season_number=1).episodes[0].crew[0].job, "str | None")
    assert_type(client.tv_episodes.details(1399, 1, 1), EpisodeDetails)
    assert_type(client.people.details(287), PersonDetails)
    assert_type(client.people.combined_credits(287), PersonCombinedCredits)
    assert_type(client.search.multi("fight"), Page[MediaItem])
    assert_type(client.search.movie("fight", year="1999").results, list[MovieListItem])
    assert_type(client.trending.all("week").results[0].media_type, "str | None")
    assert_type(client.trending.people(), Page[PersonListItem])
    assert_type(client.find.by_id("tt0137523", external_source="imdb_id"), FindResults)
    assert_type(client.account.details(1), AccountDetails)
    assert_type(client.account.favorite_tv(1, session_id="s", sort_by="created_at.desc"), Page[TVListItem])
    assert_type(client.account.add_favorite(1, media_type="movie", media_id=550, favorite=True), Status)
    assert_type(client.guest_sessions.rated_tv_episodes(), Page[RatedEpisode])
    assert_type(client.authentication.create_guest_session(), GuestSession)
    assert_type(client.authentication.create_session(request_token="t"), Session)
    assert_type(client.lists.create(name="mine", description="", language="en"), CreatedList)
    assert_type(
        client.movies.changes(550, start_date=datetime.date(2026, 1, 1), end_date="2026-01-14"), Changes
    )
    assert_type(client.configuration.details(), ConfigurationDetails)
    assert_type(client.configuration.countries(), list[Country])
    assert_type(client.configuration.primary_translations(), list[str])
    assert_type(client.discover.movie(vote_average_gte=7.5, with_genres=[18, 35]), Page[MovieListItem])
    assert_type(client.discover.tv(first_air_date_gte="2026-01-01", with_networks=213), Page[TVListItem])
    assert_type(client.request("GET", "movie/550"), Any)
    with TMDBClient("token") as opened:
        assert_type(opened, TMDBClient)

    assert_type(next(client.paginate(client.discover.movie, with_genres=18)), MovieListItem)
    for found in client.paginate(client.search.multi, "fight", include_adult=True):
        assert_type(found, MediaItem)
    for series in client.paginate(client.account.favorite_tv, 1):
        assert_type(series, TVListItem)
    assert_type(client.paginate(client.trending.people, "week").total_results, "int | None")

    client.movies.details("550")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    client.movies.details()  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    client.movies.details(550, langauge="fr")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    client.movies.details(550, "fr")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    client.movies.unknown(550)  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]
    client.tv_seasons.details(1399)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    client.trending.all("month")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    client.search.multi()  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    client.discover.movie(sort_by="best")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    client.account.add_favorite(1, media_type="song", media_id=1, favorite=True)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    client.paginate(client.movies.details, 550)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    client.paginate(client.discover.movie, with_genre=18)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    TMDBClient("token", time_out=3)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    TMDBClient("token", timeout="3")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


async def awaitable(client: AsyncTMDBClient) -> None:
    task = asyncio.create_task(
        assert_type(client.movies.details(550), Coroutine[Any, Any, MovieDetails]), name="details"
    )
    assert_type(await task, MovieDetails)
    assert_type(await asyncio.wait_for(client.movies.popular(), 5), Page[MovieListItem])
    assert_type(await client.movies.details(550), MovieDetails)
    assert_type(await client.tv.details(1399), TVDetails)
    assert_type(await client.people.popular(page=2), Page[PersonListItem])
    assert_type(await client.search.tv("thrones"), Page[TVListItem])
    assert_type(await client.trending.all("day"), Page[MediaItem])
    assert_type(
        await client.account.add_to_watchlist(1, media_type="tv", media_id=1, watchlist=False), Status
    )
    assert_type(await client.configuration.countries(language="fr"), list[Country])
    assert_type(await client.gather(client.movies.details(i) for i in range(9)), list[MovieDetails])
    assert_type(
        await client.gather([client.tv.details(1)], limit=5, return_exceptions=True),
        "list[TVDetails | BaseException]",
    )
    assert_type(await client.request("GET", "movie/550", params={"language": "fr"}), Any)
    async with AsyncTMDBClient("token", max_connections=200) as opened:
        assert_type(opened, AsyncTMDBClient)

    async for movie in client.paginate(client.discover.movie, with_genres=18):
        assert_type(movie, MovieListItem)
    async for person in client.paginate(client.search.person, "pitt"):
        assert_type(person, PersonListItem)

    await client.movies.details("550")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await client.movies.details(550, langauge="fr")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    await client.trending.tv("month")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    client.paginate(client.discover.movie, with_genre=18)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


class Spider(TMDBSpider):
    """The third executor, as a user has it."""

    name = "typed"

    def ask(self) -> Iterator[Request]:
        tmdb = self.tmdb
        assert_type(tmdb.movies.details(550), Request)
        assert_type(tmdb.movies.details(550, append_to_response="credits"), Request)
        assert_type(tmdb.movies.details(550, callback=self.keep), Request)
        assert_type(tmdb.movies.popular(page=2, errback=self.keep, cb_kwargs={"page": 2}), Request)
        assert_type(tmdb.tv_seasons.details(1399, 1, priority=5), Request)
        assert_type(tmdb.people.details(287, meta={"x": 1}), Request)
        assert_type(tmdb.search.multi("fight", dont_filter=True), Request)
        assert_type(tmdb.trending.all("week"), Request)
        assert_type(tmdb.account.favorite_movies(1, session_id="s"), Request)
        assert_type(tmdb.request("GET", "movie/550/new_thing", params={"x": 1}), Request)
        assert_type(tmdb.request("GET", "movie/550", callback=self.parse_movie, priority=1), Request)
        assert_type(self.paginate(tmdb.discover.movie, pages=3, with_genres=18, callback=self.keep), Request)

        tmdb.movies.details("550")  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType]
        tmdb.movies.details(550, langauge="fr")  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]
        tmdb.trending.all("month")  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType]
        self.paginate(tmdb.discover.movie(with_genres=18))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
        tmdb.request("GET", "movie/550", langauge="fr")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
        tmdb.request("GET", "movie/550", priority="1")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
        yield tmdb.movies.details(550)

    def keep(self, response: object) -> None: ...

    def parse_movie(self, response: TMDBResponse[MovieDetails]) -> None:
        assert_type(response.record, MovieDetails)
        assert_type(response.record.title, "str | None")
        assert response.record.titel  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]

    def parse_any(self, response: TMDBResponse) -> None:
        assert_type(response.record, Any)


def any_catalogue(catalogue: API[Blocking]) -> None:
    assert_type(catalogue.genres.movie_list().genres, list[Genre])
    assert_type(catalogue.movies.details(550), MovieDetails)
