"""The downloader middleware that routes TMDB requests."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from scrapy import signals
from scrapy.exceptions import IgnoreRequest

from tmdbfusion_scrapy.crawling.calls import AUTOMAP_KEY, RETRY_DELAY_KEY, RUN_KEY, note_call, shows_secret
from tmdbfusion_scrapy.crawling.handler import check_handlers
from tmdbfusion_scrapy.crawling.startup import plain_messages
from tmdbfusion_scrapy.settings import IMAGES_SLOT, SLOT, settings_of
from tmdbfusion_scrapy.transport import ACCEPT_ENCODING

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from scrapy import Request, Spider
    from scrapy.crawler import Crawler
    from typing_extensions import Self

logger = logging.getLogger(__name__)


class TMDBMiddleware:
    """Puts TMDB requests into the slot ``tmdb``, notes their calls, and gives them an API's headers.

    It stands before the middlewares for robots.txt, default headers and cookies, none of which is meant for an
    API. What it sets, a request may set itself.
    """

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler
        self._settings = settings_of(crawler.settings)
        self._is_zyte_transparent = crawler.settings.getbool("ZYTE_API_TRANSPARENT_MODE")
        self._warned_of_key = False
        self._told_speed = False

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Make the middleware of a crawl, whose settings are complete now.

        Raises:
            ConfigurationError: TMDB's requests would go to the download handler of another add-on.
        """
        with plain_messages():
            check_handlers(crawler.settings)
        middleware = cls(crawler)
        crawler.signals.connect(middleware._on_opened, signals.spider_opened)
        return middleware

    def _on_opened(self, spider: Spider) -> None:
        """Say how fast TMDB is asked, where it is sure to be."""
        from tmdbfusion_scrapy.crawling.spider import TMDBSpider

        if isinstance(spider, TMDBSpider):
            self._tell_speed()

    def _tell_speed(self) -> None:
        """Say how fast TMDB is asked, and what to set where that is slow."""
        from tmdbfusion_scrapy.crawling.addon import Addon

        self._told_speed = True
        addon = self._crawler.get_addon(Addon)
        speed = addon.speed if addon is not None else None
        if speed is not None:
            level = logging.WARNING if speed.is_slow else logging.INFO
            logger.log(level, "TMDB is asked %s", speed.words, extra={"spider": self._crawler.spider})

    def process_request(self, request: Request) -> Awaitable[None] | None:
        """Mark a TMDB request; any other passes untouched."""
        meta = request.meta
        is_tmdb = self._settings.is_tmdb(request.url)
        if self._is_zyte_transparent and (is_tmdb or meta.get("download_slot") == IMAGES_SLOT):
            meta.setdefault(AUTOMAP_KEY, False)
        if not is_tmdb:
            return None
        note_call(request, self._settings.api_url)
        is_obsolete = getattr(self._crawler.spider, "is_obsolete", None)
        if RUN_KEY in meta and is_obsolete is not None and is_obsolete(request):
            # An earlier process left it in a scheduler of the user's own. Nothing failed.
            request.errback = None
            raise IgnoreRequest("the run asks for it anew")
        if not self._told_speed:
            self._tell_speed()
        meta.setdefault("download_slot", SLOT)
        meta.setdefault("dont_obey_robotstxt", True)
        meta.setdefault("dont_merge_cookies", True)
        # TMDB does not redirect: who does stands in between, and what is there is no TMDB data.
        meta.setdefault("dont_redirect", True)
        request.headers.setdefault(b"Accept", b"application/json")
        request.headers.setdefault(b"Accept-Encoding", ACCEPT_ENCODING)
        if not self._warned_of_key and shows_secret(request.url):
            self._warned_of_key = True
            logger.warning(
                "A request has an api_key or a session_id in its URL, where logs, caches and job directories keep "
                "it: leave it out and set TMDB_API_KEY or TMDB_SESSION_ID, which are added when the request is "
                "sent.",
                extra={"spider": self._crawler.spider},
            )
        # A retry that did not come through the scheduler (engine.download_async) waits here.
        delay = meta.pop(RETRY_DELAY_KEY, None)
        return asyncio.sleep(delay) if delay else None
