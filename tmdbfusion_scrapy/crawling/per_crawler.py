"""What a crawl has one of, made at its first use."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, TypeVar
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from collections.abc import Callable

    from scrapy.crawler import Crawler

T = TypeVar("T")


def per_crawler(make: Callable[[Crawler], T]) -> Callable[[Crawler], T]:
    """Make a function return for each crawler what it made the first time.

    A crawler is kept only as long as others do: what is made must not hold it, its stats or anything else that
    does, but by a weak reference.
    """
    made: WeakKeyDictionary[Crawler, T] = WeakKeyDictionary()

    @wraps(make)
    def of(crawler: Crawler) -> T:
        if crawler not in made:
            made[crawler] = make(crawler)
        return made[crawler]

    return of
