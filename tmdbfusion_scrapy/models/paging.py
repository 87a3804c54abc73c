"""Pages of results."""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from tmdbfusion_scrapy.models.record import Record

T = TypeVar("T")

LAST_PAGE = 500
"""TMDB serves no page after this one: error 22, https://developer.themoviedb.org/docs/errors."""


@dataclass
class Page(Record, Generic[T]):
    """One page of a list, 20 results as a rule.

    ``total_pages`` and ``total_results`` tell of all that TMDB has; only the first 500 pages are served.
    """

    page: int | None = None
    results: list[T] = field(default_factory=list)
    total_pages: int | None = None
    total_results: int | None = None
    id: int | None = None

    @property
    def last_page(self) -> int:
        """Number of the last page that TMDB serves of this list; 0 for an empty list."""
        return min(self.total_pages or 0, LAST_PAGE)


@dataclass
class DateRange(Record):
    """The dates that a list of releases spans."""

    maximum: datetime.date | None = None
    minimum: datetime.date | None = None


@dataclass
class DatedPage(Page[T]):
    """A page of releases within a span of dates (``now_playing``, ``upcoming``)."""

    dates: DateRange | None = None
