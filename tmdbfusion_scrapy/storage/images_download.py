"""One image from TMDB: its request, its retries, and what comes of them."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from scrapy import Request
from scrapy.http.request import NO_CALLBACK

from tmdbfusion_scrapy import stats as names
from tmdbfusion_scrapy.crawling.session import session_of
from tmdbfusion_scrapy.exceptions import ResponseError, TMDBError, error_from_response
from tmdbfusion_scrapy.models.image_addresses import check_path
from tmdbfusion_scrapy.rate_limit import RateLimiterClosed
from tmdbfusion_scrapy.retrying import RetryPolicy
from tmdbfusion_scrapy.settings import IMAGES_SLOT
from tmdbfusion_scrapy.storage.images_check import check_image
from tmdbfusion_scrapy.storage.images_failures import ImageLost

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

    from tmdbfusion_scrapy.storage.images_choice import ImageFile

IMAGE_KEY = "tmdb_image"
"""Meta key: the ``ImageFile`` that a request is for."""

_NAP = 0.25
"""Seconds; who waits for a retry looks up that often whether the crawl is being stopped."""

_ACCEPT = "image/jpeg, image/png, image/svg+xml, image/*;q=0.5"
"""The file has the suffix that TMDB's path has, so its own type comes first."""


@dataclass(frozen=True)
class Download:
    """An image that has come, whole.

    Args:
        body: Its bytes.
        media_type: What they are, such as ``image/jpeg``.
    """

    body: bytes
    media_type: str


def image_request(image: ImageFile, images_url: str) -> Request:
    """Return the request for an image; it goes the way of ``TMDBImagesPipeline``."""
    return Request(
        f"{images_url}{image.target}",
        callback=NO_CALLBACK,
        headers={"Accept": _ACCEPT},
        meta={
            IMAGE_KEY: image,
            "download_slot": IMAGES_SLOT,
            "allow_offsite": True,
            # Files are a cache by themselves.
            "dont_cache": True,
            "dont_merge_cookies": True,
            "dont_obey_robotstxt": True,
            "dont_redirect": True,
            # Here are retries that wait.
            "dont_retry": True,
            "download_fail_on_dataloss": True,
            "handle_httpstatus_all": True,
        },
    )


class ImageDownloader:
    """Downloads images, so many at a time.

    Args:
        crawler: The crawler.
        concurrency: Most downloads at a time. What waits for a retry is not among them.
    """

    def __init__(self, crawler: Crawler, concurrency: int) -> None:
        self._crawler = crawler
        self._session = session_of(crawler)
        settings = self._session.settings
        self._retries = RetryPolicy(
            times=settings.retry_times if crawler.settings.getbool("RETRY_ENABLED") else 0,
            max_delay=settings.retry_max_delay,
        )
        self._turns = asyncio.Semaphore(concurrency)

    async def fetch(self, request: Request) -> Download | ImageLost:
        """Return the image of a request, after retries if need be, or why it is not there."""
        attempts = 0
        while True:
            try:
                return await self._download(request)
            except RateLimiterClosed:
                return ImageLost.stopped(attempts)
            except TMDBError as error:
                attempts += 1
                lost = ImageLost.of(error, attempts)
                delay = self._retries.delay(error, attempts)
            except Exception as error:  # noqa: BLE001 - whatever a downloader middleware raises
                return ImageLost.by(error, attempts + 1)
            if delay is None:
                return lost
            self._crawler.stats.inc_value(names.IMAGES_RETRIES)
            await self._rest(delay)

    async def _download(self, request: Request) -> Download:
        """One attempt.

        Raises:
            TMDBError: It failed, or brought no whole image.
            RateLimiterClosed: The crawl is being stopped.
        """
        image: ImageFile = request.meta[IMAGE_KEY]
        check_path(image.file_path)
        async with self._turns:
            # The engine would close before a download that began now has ended.
            if self._session.is_stopping():
                raise RateLimiterClosed
            response = await self._crawler.engine.download_async(request.copy())
        named = {name: response.headers.get(name) for name in ("retry-after", "content-type", "location")}
        headers = {name: value.decode("latin-1") for name, value in named.items() if value is not None}
        error = error_from_response(response.status, headers, response.body, method="GET")
        if error is not None:
            raise error
        if response.status != 200:
            raise ResponseError("another status than that of an image", status_code=response.status)
        try:
            return Download(response.body, check_image(response.body, headers.get("content-type", "")))
        except ResponseError as incomplete:
            incomplete.status_code = response.status
            raise

    async def _rest(self, seconds: float) -> None:
        """Wait before a retry, not longer than the crawl goes on."""
        end = time.monotonic() + seconds
        # No signal tells of a stop before all downloads have ended.
        while (left := end - time.monotonic()) > 0 and not self._session.is_stopping():  # noqa: ASYNC110
            await asyncio.sleep(min(left, _NAP))
