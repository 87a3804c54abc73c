"""Everything that meets Scrapy: add-on, handler, middlewares, spider base class.

The public names are loaded on first use: every command of Scrapy's asks for the add-on, and few of them crawl.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tmdbfusion_scrapy.crawling.addon import Addon
    from tmdbfusion_scrapy.crawling.handler import TMDBDownloadHandler
    from tmdbfusion_scrapy.crawling.middleware import TMDBMiddleware, TMDBRetryMiddleware
    from tmdbfusion_scrapy.crawling.source_spider import TMDBSeriesSpider, TMDBSourceSpider
    from tmdbfusion_scrapy.crawling.spider import TMDBSpider

_HOME_OF = {
    "Addon": "tmdbfusion_scrapy.crawling.addon",
    "TMDBDownloadHandler": "tmdbfusion_scrapy.crawling.handler",
    "TMDBMiddleware": "tmdbfusion_scrapy.crawling.middleware",
    "TMDBRetryMiddleware": "tmdbfusion_scrapy.crawling.middleware",
    "TMDBSeriesSpider": "tmdbfusion_scrapy.crawling.source_spider",
    "TMDBSourceSpider": "tmdbfusion_scrapy.crawling.source_spider",
    "TMDBSpider": "tmdbfusion_scrapy.crawling.spider",
}

__all__ = [
    "Addon",
    "TMDBDownloadHandler",
    "TMDBMiddleware",
    "TMDBRetryMiddleware",
    "TMDBSeriesSpider",
    "TMDBSourceSpider",
    "TMDBSpider",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_HOME_OF[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
