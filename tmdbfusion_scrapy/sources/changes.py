"""Reading TMDB's lists of changed ids, window after window, by a spider's requests."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from tmdbfusion_scrapy.models.paging import LAST_PAGE
from tmdbfusion_scrapy.sources.windows import windows

if TYPE_CHECKING:
    import datetime
    from collections.abc import Callable, Iterator

    from scrapy import Request

    from tmdbfusion_scrapy.crawling.responses import TMDBResponse
    from tmdbfusion_scrapy.exceptions import TMDBError
    from tmdbfusion_scrapy.sources.windows import Window

    Ask = Callable[..., Request]


class IncompleteFeedError(Exception):
    """A page of the feed could not be had: what changed is not known.

    Args:
        error: What became of the page.

    Attributes:
        retryable: Whether the same may work later.
    """

    def __init__(self, error: TMDBError) -> None:
        super().__init__(str(error))
        self.retryable = error.retryable


class ChangeFeed:
    """The ids that changed from a day on.

    Args:
        ask: Makes the request for a page: takes ``start_date``, ``end_date``, ``page`` and ``cb_kwargs``.
        since: The day up to which the feed was read before.
        today: The day it is, UTC.
    """

    def __init__(self, ask: Ask, since: datetime.date, today: datetime.date) -> None:
        self._ask = ask
        self._windows = list(windows(since, today))
        self._ids: dict[int, None] = {}
        self._open = 0
        self._done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def first_requests(self) -> Iterator[Request]:
        """Yield the requests for the first page of each window."""
        for window in self._windows:
            yield self._request(window, 1)

    def parse(self, response: TMDBResponse, window: Window, page: int) -> Iterator[Request]:
        """Take the ids of a page, and yield the requests for the pages behind a first one."""
        feed = response.record
        halves = window.halves() if page == 1 and (feed.total_pages or 0) > LAST_PAGE else None
        if halves is not None:
            # TMDB serves 500 pages; half of the days have fewer.
            for half in halves:
                yield self._request(half, 1)
        else:
            self._ids.update((entry.id, None) for entry in feed.results if entry.id is not None)
            if page == 1:
                for number in range(2, feed.last_page + 1):
                    yield self._request(window, number)
        self._close_one(None)

    def fail(self, error: TMDBError) -> None:
        """Note that a page could not be had."""
        self._close_one(error)

    async def ids(self) -> list[int]:
        """Return the ids when all pages have come.

        Raises:
            IncompleteFeedError: A page could not be had.
        """
        await self._done
        return list(self._ids)

    def _request(self, window: Window, page: int) -> Request:
        """The request for a page."""
        self._open += 1
        arguments: dict[str, Any] = {"start_date": window.start, "end_date": window.end, "page": page}
        return self._ask(**arguments, cb_kwargs={"window": window, "page": page})

    def _close_one(self, error: TMDBError | None) -> None:
        """Note that a page is done; with the last one all are."""
        self._open -= 1
        if self._done.done():
            return
        if error is not None:
            self._done.set_exception(IncompleteFeedError(error))
        elif self._open == 0:
            self._done.set_result(None)
