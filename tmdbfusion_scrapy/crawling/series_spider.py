"""Series with all their seasons and episodes."""

from __future__ import annotations

from collections.abc import Iterator  # noqa: TC003 - scrapy-poet reads the annotations of callbacks
from typing import TYPE_CHECKING, Any

from tmdbfusion_scrapy.api import OPERATIONS
from tmdbfusion_scrapy.api.appending import MAX_APPENDS
from tmdbfusion_scrapy.crawling.conditional import without_etag
from tmdbfusion_scrapy.crawling.responses import TMDBResponse  # noqa: TC001 - likewise
from tmdbfusion_scrapy.crawling.source_spider import TMDBSourceSpider
from tmdbfusion_scrapy.models import SeasonDetails, TVDetails  # noqa: TC001 - likewise
from tmdbfusion_scrapy.models.tv import whole_seasons

if TYPE_CHECKING:
    from scrapy import Request
    from twisted.python.failure import Failure


class TMDBSeriesSpider(TMDBSourceSpider):
    """Crawls series: each with its seasons and episodes, as many in one request as TMDB takes.

    What is appended and the seasons are 20 parts at most. The first request asks for as many seasons as there is
    room for; TMDB leaves out those that a series does not have. Only a longer series takes more requests.
    A series is yielded when all of its seasons have come: one that is stored is complete.

    Attributes:
        seasons: Whether to ask for seasons and episodes.
    """

    details_operation = "tv-series-details"
    discover_date = "first_air_date"
    seasons = True

    @property
    def parts(self) -> tuple[str, ...]:
        """What is appended, and the first seasons; season 0 holds the specials."""
        return (*self.plan.append, *(f"season/{number}" for number in range(self._room)))

    @property
    def _room(self) -> int:
        """How many seasons the first request has room for."""
        return max(0, MAX_APPENDS - len(self.plan.append)) if self.seasons else 0

    def parse_details(self, response: TMDBResponse) -> Iterator[Any]:
        """Yield the series, or ask for the seasons that did not come with it."""
        show: TVDetails = response.record
        there = {season.season_number for season in show.appended_seasons}
        rest = [
            season.season_number
            for season in show.seasons
            # One that was asked for and did not come is not there, though it is listed.
            if season.season_number is not None and season.season_number not in there
            if season.season_number >= self._room
        ]
        if rest and self.seasons:
            yield self._seasons_request(without_etag(show), [], rest)
        else:
            yield show

    def parse_seasons(
        self, response: TMDBResponse, show: TVDetails, seasons: list[SeasonDetails], rest: list[int]
    ) -> Iterator[Any]:
        """Take more seasons of a series; with the last of them all are yielded."""
        seasons = [*seasons, *response.record.appended_seasons]
        if rest:
            yield self._seasons_request(show, seasons, rest)
        else:
            yield from _whole(show, seasons)

    def seasons_failed(self, failure: Failure) -> Iterator[Any]:
        """Yield what came of a series, and put on record that not all did."""
        arguments = failure.request.cb_kwargs  # type: ignore[attr-defined]
        yield from _whole(arguments["show"], arguments["seasons"])
        yield from self.record_failure(failure)

    def _seasons_request(self, show: TVDetails, seasons: list[SeasonDetails], rest: list[int]) -> Request:
        """The request for the next seasons of a series."""
        now, later = rest[:MAX_APPENDS], rest[MAX_APPENDS:]
        return self.tmdb_request(
            OPERATIONS[self.details_operation],
            show.id,
            append_to_response=[f"season/{number}" for number in now],
            callback=self.parse_seasons,
            errback=self.seasons_failed,
            cb_kwargs={"show": show, "seasons": seasons, "rest": later},
            # Before other series are begun: what waits is held in memory.
            priority=1,
        )


def _whole(show: TVDetails, seasons: list[SeasonDetails]) -> Iterator[Any]:
    """Seasons that came without their series, and the series as the last."""
    yield from whole_seasons(show, seasons)
    yield show
