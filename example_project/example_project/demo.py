"""Something to crawl for who has no token yet."""

import logging
import os
from typing import Any

from scrapy import signals
from scrapy.crawler import Crawler
from scrapy.settings import BaseSettings

logger = logging.getLogger(__name__)

MOVIES = 2000


class SandboxWithoutToken:
    """Starts the bundled sandbox on loopback if no token is set, and points the crawl at it."""

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> "SandboxWithoutToken":
        """Make the add-on of a crawl."""
        return cls(crawler)

    def update_settings(self, settings: BaseSettings) -> None:
        """Start the sandbox, unless there is a token or an address."""
        if not settings.getbool("TMDB_ENABLED", True):
            return
        names = ("TMDB_ACCESS_TOKEN", "TMDB_API_KEY")
        if any(settings.get(name) is not None or name in os.environ for name in names):
            return
        if any(settings.get(name) is not None for name in ("TMDB_API_URL", "TMDB_API_URLS")):
            return
        from tmdbfusion_scrapy.sandbox import SandboxProcess

        sandbox = SandboxProcess(["--movies", str(MOVIES)])
        sandbox.start()

        def stop(**_: Any) -> None:
            sandbox.stop()

        self._stop = stop  # signals hold weak references
        self._crawler.signals.connect(stop, signals.engine_stopped)
        settings.set("TMDB_API_URL", sandbox.base_url, priority="addon")
        settings.set("TMDB_EXPORTS_URL", sandbox.exports_url, priority="addon")
        settings.set("TMDB_IMAGES_URL", sandbox.images_url, priority="addon")
        settings.set("TMDB_ACCESS_TOKEN", "sandbox", priority="addon")
        logger.warning(
            "No TMDB token is set: crawling the bundled sandbox at %s, whose movies are invented. "
            "Set TMDB_ACCESS_TOKEN in the environment to crawl TMDB.",
            sandbox.base_url,
        )
