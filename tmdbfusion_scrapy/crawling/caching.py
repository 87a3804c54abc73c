"""What the HTTP cache must not keep."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scrapy.exceptions import NotConfigured

from tmdbfusion_scrapy.crawling.appending import has_appends, lacks_parts
from tmdbfusion_scrapy.crawling.requests import INCOMPLETE_KEY, endpoint_of
from tmdbfusion_scrapy.settings import TMDBSettings

if TYPE_CHECKING:
    from scrapy import Request
    from scrapy.crawler import Crawler
    from scrapy.http import Response
    from typing_extensions import Self


class CompleteCacheMiddleware:
    """Keeps records of which appended parts are missing out of the HTTP cache.

    It stands behind ``HttpCacheMiddleware`` (900), which stores an answer before anything judges it, whatever its
    policy and storage are.
    """

    def __init__(self, crawler: Crawler) -> None:
        if not crawler.settings.getbool("HTTPCACHE_ENABLED"):
            raise NotConfigured
        self._settings = TMDBSettings.from_settings(crawler.settings)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Make the middleware of a crawl."""
        return cls(crawler)

    def process_response(self, request: Request, response: Response) -> Response:
        """Mark the request of an answer that is not to be kept."""
        endpoint = endpoint_of(request)
        if (
            endpoint is None
            or response.status != 200
            or "cached" in response.flags
            or request.meta.get("dont_cache")
            or not has_appends(request)
            or not self._settings.is_tmdb(request.url)
        ):
            return response
        model: Any = endpoint.model
        if lacks_parts(request, response, model):
            request.meta["dont_cache"] = request.meta[INCOMPLETE_KEY] = True
        return response
