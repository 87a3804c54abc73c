"""A spider that joins a festival's list of winners with TMDB.

scrapy crawl festival -a page=https://festival.example/winners
"""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

from scrapy import Request
from scrapy.http import Response

from tmdbfusion_scrapy import TMDBSpider
from tmdbfusion_scrapy.crawling.responses import TMDBResponse
from tmdbfusion_scrapy.models import FindResults, MovieDetails, MovieListItem, Page


@dataclass
class Winner:
    """A prize of the festival, and what TMDB knows of the movie that won it."""

    year: int
    award: str
    title: str
    tmdb_id: int | None = None
    directors: str = ""
    rating: float | None = None


class FestivalSpider(TMDBSpider):
    """Reads the winners from the festival's pages, and looks each of them up at TMDB."""

    name = "festival"
    custom_settings = {
        # The movies go to the database, the winners to this file.
        "FEEDS": {
            "winners.csv": {
                "format": "csv",
                "item_classes": [Winner],
                "overwrite": True,
            }
        },
    }

    def __init__(self, page: str, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.page = page

    async def start(self) -> AsyncIterator[Any]:
        """Ask for the festival's page: any request but those of self.tmdb is Scrapy's own."""
        yield Request(self.page, callback=self.parse_winners)

    def parse_winners(self, response: Response) -> Iterator[Any]:
        """Look each row up: by its link to IMDb, else by title and year."""
        for row in response.css("table.winners tbody tr"):
            year, award, title = (
                text.strip() for text in row.css("td ::text").getall()[:3]
            )
            winner = Winner(int(year), award, title)
            imdb_id = row.css('a[href*="imdb.com/title/"]::attr(href)').re_first(
                r"tt\d+"
            )
            # A movie that won twice is asked for twice: the duplicate filter must not drop the second prize.
            joined: dict[str, Any] = {
                "cb_kwargs": {"winner": winner},
                "dont_filter": True,
            }
            if imdb_id:
                yield self.tmdb.find.by_id(
                    imdb_id,
                    external_source="imdb_id",
                    callback=self.parse_found,
                    **joined,
                )
            else:
                yield self.tmdb.search.movie(
                    title, year=year, callback=self.parse_search, **joined
                )
        next_pages = response.css("a[rel=next]::attr(href)").getall()
        yield from response.follow_all(next_pages, callback=self.parse_winners)

    def parse_found(
        self, response: TMDBResponse[FindResults], winner: Winner
    ) -> Iterator[Any]:
        """Take the movie that has the id."""
        yield from self.ask_for_first(response.record.movie_results, winner)

    def parse_search(
        self, response: TMDBResponse[Page[MovieListItem]], winner: Winner
    ) -> Iterator[Any]:
        """Take the first movie of the search that has the very title."""
        same = [
            movie
            for movie in response.record.results
            if winner.title in (movie.title, movie.original_title)
        ]
        yield from self.ask_for_first(same, winner)

    def ask_for_first(
        self, found: list[MovieListItem], winner: Winner
    ) -> Iterator[Any]:
        """Ask for the details of what was found; a winner that TMDB does not have is an item as well."""
        if not found or found[0].id is None:
            yield winner
            return
        yield self.tmdb.movies.details(
            found[0].id,
            append_to_response=["credits"],
            callback=self.parse_movie,
            cb_kwargs={"winner": winner},
            dont_filter=True,
        )

    def parse_movie(
        self, response: TMDBResponse[MovieDetails], winner: Winner
    ) -> Iterator[Any]:
        """Yield the movie for the database, and the winner joined with it for the file."""
        movie = response.record
        yield movie
        crew = movie.credits.crew if movie.credits else []
        winner.tmdb_id = movie.id
        winner.directors = ", ".join(
            member.name or "" for member in crew if member.job == "Director"
        )
        winner.rating = movie.vote_average
        yield winner
