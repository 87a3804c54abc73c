"""Add-on for projects that are to crawl something before there is a token."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING, Any

from scrapy import signals

if TYPE_CHECKING:
    from scrapy.crawler import Crawler
    from scrapy.settings import BaseSettings
    from typing_extensions import Self

logger = logging.getLogger(__name__)

MOVIES = 2_000


class SandboxWithoutToken:
    """Starts the sandbox on loopback if no token is set, and points the crawl at it; a WARNING says so.

    It stands before the add-on of the package::

        ADDONS = {
            "tmdbfusion_scrapy.sandbox.SandboxWithoutToken": 400,
            "tmdbfusion_scrapy.Addon": 500,
        }

    With a token, a key or the address of an API, in the settings or (the first two) in the environment, it does
    nothing. The sandbox ends with the crawl.
    """

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
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
        from tmdbfusion_scrapy.sandbox.server import SandboxProcess

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
            "No TMDB token is set: the bundled sandbox at %s is asked, whose records are invented. "
            "Set TMDB_ACCESS_TOKEN in the environment to ask TMDB.",
            sandbox.base_url,
        )
