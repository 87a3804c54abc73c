"""Crawl The Movie Database (TMDB) with Scrapy, or talk to it with a typed client.

The public names are loaded on first use, so that importing the client loads neither Scrapy nor Twisted.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from tmdbfusion_scrapy.version import __version__

if TYPE_CHECKING:
    from tmdbfusion_scrapy.client import AsyncTMDBClient, TMDBClient
    from tmdbfusion_scrapy.crawling import (
        Addon,
        TMDBDownloadHandler,
        TMDBMiddleware,
        TMDBRetryMiddleware,
        TMDBSpider,
    )
    from tmdbfusion_scrapy.exceptions import TMDBError

_HOME_OF = {
    "TMDBClient": "tmdbfusion_scrapy.client",
    "AsyncTMDBClient": "tmdbfusion_scrapy.client",
    "Addon": "tmdbfusion_scrapy.crawling",
    "TMDBDownloadHandler": "tmdbfusion_scrapy.crawling",
    "TMDBMiddleware": "tmdbfusion_scrapy.crawling",
    "TMDBRetryMiddleware": "tmdbfusion_scrapy.crawling",
    "TMDBSpider": "tmdbfusion_scrapy.crawling",
    "TMDBError": "tmdbfusion_scrapy.exceptions",
}

__all__ = [
    "Addon",
    "AsyncTMDBClient",
    "TMDBClient",
    "TMDBDownloadHandler",
    "TMDBError",
    "TMDBMiddleware",
    "TMDBRetryMiddleware",
    "TMDBSpider",
    "__version__",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_HOME_OF[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
