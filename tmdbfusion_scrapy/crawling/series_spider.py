"""Series with all their seasons and episodes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tmdbfusion_scrapy.api.appending import parts_of_series
from tmdbfusion_scrapy.crawling.calls import with_all_seasons
from tmdbfusion_scrapy.crawling.source_spider import TMDBSourceSpider

if TYPE_CHECKING:
    from scrapy import Request


class TMDBSeriesSpider(TMDBSourceSpider):
    """Crawls series: each with its seasons and episodes, as many in one request as TMDB takes.

    What is appended and the seasons are 20 parts at most; with ``TMDB_LANGUAGES``, so is ``translations``. The
    first request asks for as many seasons as there is room for; TMDB leaves out those that a series does not have.
    Only a longer series takes more requests. ``parse_details`` gets one record with all seasons in
    ``appended_seasons``. A series of which one cannot be had is a failed call.

    Attributes:
        seasons: Whether to ask for seasons and episodes.
    """

    details_operation = "tv-series-details"
    discover_date = "first_air_date"
    seasons = True

    @property
    def parts(self) -> tuple[str, ...]:
        """The parts that are appended, and the first seasons; season 0 holds the specials."""
        append = self.plan.append
        return parts_of_series(append, self._tmdb_settings.languages) if self.seasons else append

    def details_request(self, record_id: int) -> Request:
        """Return the request for the details of a series."""
        request = super().details_request(record_id)
        return with_all_seasons(request) if self.seasons else request
