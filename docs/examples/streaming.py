"""A web application that says which popular movies can be streamed in a country.

uvicorn streaming:app
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

from fastapi import Depends, FastAPI, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from tmdbfusion_scrapy import AsyncTMDBClient
from tmdbfusion_scrapy.exceptions import NotFoundError, TMDBError

API = os.environ.get("TMDB_API_URL", "https://api.themoviedb.org/3")


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Keep one client for the life of the application: it has the connections and the rate limit."""
    async with AsyncTMDBClient(base_url=API, max_connections=20) as client:
        app.state.tmdb = client
        yield


app = FastAPI(title="Streaming tonight", lifespan=lifespan)


async def client_of(request: Request) -> AsyncTMDBClient:
    """Give a route the client of the application."""
    client: AsyncTMDBClient = request.app.state.tmdb
    return client


Client = Annotated[AsyncTMDBClient, Depends(client_of)]


@app.exception_handler(TMDBError)
async def tmdb_failed(_: Request, error: TMDBError) -> JSONResponse:
    """Answer where TMDB did not: 404 for what it does not have, 503 for what may work later, else 502."""
    status = (
        404 if isinstance(error, NotFoundError) else 503 if error.retryable else 502
    )
    return JSONResponse({"detail": str(error)}, status)


class Movie(BaseModel):
    """A movie, and the services that have it in a flat rate."""

    id: int
    title: str | None
    poster: str | None
    services: list[str | None]


@app.get("/streaming")
async def streaming(
    tmdb: Client, country: str = "US", genre: int | None = None
) -> list[Movie]:
    """Return the popular movies that can be streamed, by TMDB and JustWatch."""
    page = await tmdb.discover.movie(
        watch_region=country,
        with_watch_monetization_types="flatrate",
        with_genres=genre,
    )
    movies = {movie.id: movie for movie in page.results if movie.id is not None}
    offers = await tmdb.gather(
        tmdb.movies.watch_providers(movie_id) for movie_id in movies
    )
    found = []
    for (movie_id, movie), offered in zip(movies.items(), offers, strict=True):
        here = offered.results.get(country)
        if here and here.flatrate:
            services = [service.provider_name for service in here.flatrate]
            poster = await tmdb.images.url(movie.poster_path, "w342")
            found.append(
                Movie(id=movie_id, title=movie.title, poster=poster, services=services)
            )
    return found


@app.get("/movies/{movie_id}/services")
async def services(tmdb: Client, movie_id: int) -> dict[str, list[str | None]]:
    """Return the services of a movie by country."""
    offered = await tmdb.movies.watch_providers(movie_id)
    return {
        country: [service.provider_name for service in here.flatrate]
        for country, here in sorted(offered.results.items())
        if here.flatrate
    }
