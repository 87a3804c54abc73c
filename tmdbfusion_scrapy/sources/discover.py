"""Crawling all that discover finds, in parts where TMDB has more than it serves of one query."""

from __future__ import annotations

import datetime
import logging
from collections import Counter
from typing import TYPE_CHECKING, Any

from tmdbfusion_scrapy import stats as names
from tmdbfusion_scrapy.models.paging import LAST_PAGE
from tmdbfusion_scrapy.sources.partition import Coverage, Part, is_too_large, whole, within

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from scrapy import Request
    from scrapy.statscollectors import StatsCollector

    from tmdbfusion_scrapy.crawling.responses import TMDBResponse


logger = logging.getLogger(__name__)

MOST_MOVED = 1.5
"""How many times the results of the whole its parts may have: some are added while they are read."""


class DiscoverParts:
    """What a crawl asks discover for, and the proof of what it found.

    Args:
        ask: Makes the request for a page: takes the filters, ``page``, ``priority`` and ``cb_kwargs``.
        filters: The user's filters.
        date_name: The date that is split by: ``primary_release_date`` or ``first_air_date``.
    """

    def __init__(self, ask: Callable[..., Request], filters: Mapping[str, Any], date_name: str) -> None:
        self._ask = ask
        self._filters = filters
        self._date_name = date_name
        self._expected = 0
        self._in_parts = 0
        self._entries = 0
        self._unread = 0
        self._ids: set[int] = set()
        self._is_heeded = True
        self._results_at: Counter[int] = Counter()

    def first_request(self) -> Request:
        """Return the request that tells how much there is."""
        return self._request(None, 1)

    def requests_behind(
        self, response: TMDBResponse, part: Part | None, page: int, depth: int
    ) -> Iterator[Request]:
        """Yield what is to be asked for after a page: its parts, or the pages behind it.

        Args:
            response: The page.
            part: The part that it is of; ``None`` for the whole.
            page: Its number.
            depth: How often the whole was split to make the part.
        """
        total = response.record.total_results or 0
        is_large = is_too_large(response.record.total_pages or 0)
        if part is None and is_large:
            yield from self._requests_of_undated(response, page)
        # The whole is read from both ends, and split once.
        if page > 1 or (part is None and _is_descending(response)):
            return
        if part is None:
            self._expected = total
        elif not self._is_smaller(total, depth):
            return
        if is_large:
            parts = (self._whole(),) if part is None else part.split()
            if parts is not None:
                yield from (self._request(smaller, 1, depth=depth + 1) for smaller in parts)
                return
            self._unread += total - LAST_PAGE * len(response.record.results)
        self._in_parts += total
        for number in range(2, response.record.last_page + 1):
            yield self._request(part, number)

    def _is_smaller(self, total: int, depth: int) -> bool:
        """Whether the parts are smaller than what they are parts of; if not, they would be split without end."""
        self._results_at[depth] += total
        if self._is_heeded and self._results_at[depth] > MOST_MOVED * self._expected:
            logger.error(
                "TMDB has more results in the parts of discover than in the whole: it does not heed the filters "
                "by date, votes or language, and only the first pages are read"
            )
            self._is_heeded = False
            self._unread = self._expected
        return self._is_heeded

    def take(self, response: TMDBResponse, part: Part | None) -> list[Any]:
        """Return the entries of a page that count: those of what is split come again in its parts.

        What has no date comes in none of them, so it counts where it stands.
        """
        entries: list[Any] = response.record.results
        if is_too_large(response.record.total_pages or 0):
            if part is None:
                entries = [entry for entry in entries if self._date_of(entry) is None]
                self._in_parts += len(entries)
            elif part.split() is not None:
                return []
        ids = [entry.id for entry in entries if entry.id is not None]
        self._entries += len(ids)
        self._ids.update(ids)
        return entries

    def _requests_of_undated(self, response: TMDBResponse, page: int) -> Iterator[Request]:
        """The request for the next page of the whole, as long as there are some without a date.

        No filter of TMDB's finds them. Sorted by date they stand at one end, nobody says at which.
        """
        if page < LAST_PAGE and any(self._date_of(entry) is None for entry in response.record.results):
            yield self._request(None, page + 1, descending=_is_descending(response))
        elif page == 1 and not _is_descending(response):
            yield self._request(None, 1, descending=True)

    def _date_of(self, entry: Any) -> datetime.date | None:
        """The date that parts are made by."""
        date: datetime.date | None = getattr(entry, self._date_name.removeprefix("primary_"))
        return date

    def coverage(self) -> Coverage:
        """Return what was found."""
        found = len(self._ids)
        return Coverage(self._expected, self._in_parts, found, self._entries - found, self._unread)

    def report(self, stats: StatsCollector) -> None:
        """Put what was found into the stats."""
        coverage = self.coverage()
        stats.set_value(names.DISCOVER_EXPECTED, coverage.expected)
        stats.set_value(names.DISCOVER_FOUND, coverage.found)
        stats.set_value(names.DISCOVER_DUPLICATES, coverage.duplicates)
        stats.set_value(names.DISCOVER_MISSING, coverage.missing)

    def _whole(self) -> Part:
        """The part that holds every release date, or as many as the filters let through."""
        today = datetime.datetime.now(datetime.timezone.utc).date()
        return within(whole(today), self._filters, self._date_name)

    def _request(self, part: Part | None, page: int, *, depth: int = 0, descending: bool = False) -> Request:
        """The request for a page of a part, or of the whole."""
        if part is None:
            order = f"{self._date_name}.{'desc' if descending else 'asc'}"
            query = {**self._filters, "sort_by": order}
        else:
            query = {
                **self._filters,
                "sort_by": part.sort_by(self._date_name),
                **part.filters(self._date_name),
            }
        place = {"part": part, "page": page, "depth": depth}
        return self._ask(**query, page=page, priority=-page, cb_kwargs=place)


def _is_descending(response: TMDBResponse) -> bool:
    """Whether a page of the whole is of the list from its end."""
    return ".desc" in response.url
