"""Everything that meets Scrapy: add-on, handler, middlewares, spider base class."""

from tmdbfusion_scrapy.crawling.addon import Addon
from tmdbfusion_scrapy.crawling.handler import TMDBDownloadHandler
from tmdbfusion_scrapy.crawling.middleware import TMDBMiddleware, TMDBRetryMiddleware
from tmdbfusion_scrapy.crawling.source_spider import TMDBSeriesSpider, TMDBSourceSpider
from tmdbfusion_scrapy.crawling.spider import TMDBSpider

__all__ = [
    "Addon",
    "TMDBDownloadHandler",
    "TMDBMiddleware",
    "TMDBRetryMiddleware",
    "TMDBSeriesSpider",
    "TMDBSourceSpider",
    "TMDBSpider",
]
