"""Lists, item by item: pages are asked for as their items are wanted."""

from __future__ import annotations

import asyncio
import inspect
import logging
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from tmdbfusion_scrapy.api.endpoint import BoundEndpoint
from tmdbfusion_scrapy.credentials import with_hidden
from tmdbfusion_scrapy.exceptions import ResponseError
from tmdbfusion_scrapy.models.paging import LAST_PAGE, Paged

if TYPE_CHECKING:
    from typing_extensions import Self

    from tmdbfusion_scrapy.api import Call

T = TypeVar("T")

logger = logging.getLogger(__name__)


class Reading(Generic[T]):
    """State of a list that is being read: the next page, and the items to be given out. No I/O."""

    _LOCK: ClassVar[Any]

    def __init__(self, call: Call[Paged[T]], send: Callable[[Call[Paged[T]]], Any]) -> None:
        self._call = call
        self._send = send
        self._lock = self._LOCK()
        self._number = int(call.page or 1)
        self._newest: Paged[T] | None = None
        self._is_done = False
        self._items: deque[T] = deque()
        self._seen: set[tuple[Any, Any]] = set()

    def __repr__(self) -> str:
        at = "at its end" if self._is_done else f"page {self._number} is next"
        return f"<{type(self).__name__} of {self._call.method} {self._call.path}: {at}>"

    @property
    def total_results(self) -> int | None:
        """Number of results that TMDB has, by the last page read; ``None`` before the first."""
        return self._newest.total_results if self._newest is not None else None

    @property
    def total_pages(self) -> int | None:
        """Number of pages that TMDB has, by the last page read; ``None`` before the first. It serves 500."""
        return self._newest.total_pages if self._newest is not None else None

    @property
    def is_cut(self) -> bool:
        """True if TMDB has more pages than the 500 it serves, by the last page read."""
        return self._newest is not None and self._newest.is_cut

    def _take(self, page: Paged[T]) -> None:
        """Take the next page in; of what stands on two pages, because the list moved, only the first."""
        if page.lacks_count:
            raise ResponseError(
                f"page {self._number} does not say how many pages there are",
                method=self._call.method,
                path=self._call.path,
            )
        self._newest = page
        for item in page.entries:
            item_id = getattr(item, "id", None)
            if item_id is not None:
                key = (getattr(item, "media_type", None), item_id)
                if key in self._seen:
                    continue
                self._seen.add(key)
            self._items.append(item)
        self._is_done = self._number >= page.last_page
        if self._number >= LAST_PAGE and page.is_cut:
            logger.warning("%s %s: %s", self._call.method, self._call.path, page.cut_notice)
        self._number += 1


class Pages(Reading[T], Iterator[T]):
    """The items of a list, one after the other (:meth:`TMDBClient.paginate`).

    Threads may share it: each item goes to one of them. After an error ``next()`` asks for the same page again.
    """

    _LOCK = threading.Lock

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> T:
        with self._lock:
            while not self._items:
                if self._is_done:
                    raise StopIteration
                self._take(self._send(self._call.with_page(self._number)))
            return self._items.popleft()


class AsyncPages(Reading[T], AsyncIterator[T]):
    """The items of a list, one after the other (:meth:`AsyncTMDBClient.paginate`).

    Tasks may share it: each item goes to one of them. After an error ``anext()`` asks for the same page again.
    """

    _LOCK = asyncio.Lock

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        if not self._items:
            async with self._lock:
                while not self._items:
                    if self._is_done:
                        raise StopAsyncIteration
                    self._take(await self._send(self._call.with_page(self._number)))
        return self._items.popleft()


def hidden_arguments(
    method: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return the arguments of a method with the secrets among them hidden from ``repr``."""
    if isinstance(method, BoundEndpoint):
        return method.endpoint.hide(args, kwargs)
    return args, with_hidden(kwargs)


def paged_call(
    execute: Callable[..., Any],
    method: Any,
    defaults: Mapping[str, Any],
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
) -> Call[Any]:
    """Return the call of the first page."""
    if isinstance(method, partial):
        args, kwargs = (*method.args, *args), {**method.keywords, **kwargs}
        method = method.func
    if not isinstance(method, BoundEndpoint):
        if inspect.iscoroutine(method):
            method.close()
        raise TypeError(
            f"paginate() takes a method and its arguments, such as paginate(client.discover.movie, year=1999), "
            f"not a {type(method).__name__}"
        )
    if method.execute != execute:
        raise TypeError(f"{method!r} is of another client: paginate() takes methods of its own client")
    method.endpoint.require_pages()
    return method.endpoint.call(defaults, *args, **kwargs)
