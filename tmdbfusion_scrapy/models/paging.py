"""Pages of results."""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from tmdbfusion_scrapy.models.record import Record

T = TypeVar("T")

LAST_PAGE = 500
"""TMDB serves no page after this one: error 22, https://developer.themoviedb.org/docs/errors."""


class Paged(Record, Generic[T]):
    """A record that is one page of a list.

    ``total_pages`` and ``total_results`` tell of all that TMDB has; only the first 500 pages are served.
    """

    page: int | None
    total_pages: int | None
    total_results: int | None

    @property
    def entries(self) -> list[T]:
        """Items of the page."""
        raise NotImplementedError

    @property
    def last_page(self) -> int:
        """Number of the last page that TMDB serves of this list; 0 for an empty list."""
        return min(self.total_pages or 0, LAST_PAGE)

    @property
    def is_whole(self) -> bool:
        """Return whether this is the whole list, although it does not count pages."""
        return False

    @property
    def lacks_count(self) -> bool:
        """True if it does not say how many pages there are, so that the list would seem to end here."""
        return self.total_pages is None and not self.is_whole

    @property
    def is_cut(self) -> bool:
        """Return whether TMDB has more pages of this list than it serves."""
        return (self.total_pages or 0) > LAST_PAGE

    @property
    def cut_notice(self) -> str:
        """Notice for somebody who wanted the whole of a list that is cut."""
        if not self.total_results or not self.total_pages:
            return f"TMDB has {self.total_pages} pages but serves the first {LAST_PAGE} only: {_CURE}"
        served = LAST_PAGE * -(-self.total_results // self.total_pages)
        return f"TMDB has {self.total_results} results but serves the first {served} only: {_CURE}"


_CURE = "narrow the filters to get the rest"


@dataclass(repr=False, eq=False)
class Page(Paged[T]):
    """One page of a list, 20 results as a rule."""

    page: int | None = None
    results: list[T] = field(default_factory=list)
    total_pages: int | None = None
    total_results: int | None = None
    id: int | None = None

    @property
    def entries(self) -> list[T]:
        """The results."""
        return self.results


@dataclass(repr=False, eq=False)
class DateRange(Record):
    """The dates that a list of releases spans."""

    maximum: datetime.date | None = None
    minimum: datetime.date | None = None


@dataclass(repr=False, eq=False)
class DatedPage(Page[T]):
    """A page of releases within a span of dates (``now_playing``, ``upcoming``)."""

    dates: DateRange | None = None
