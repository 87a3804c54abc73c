"""One image from TMDB: its request, its retries, whether it is whole, and the item for one that did not come."""

from __future__ import annotations

import asyncio
import datetime
import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from scrapy import Request
from scrapy.http.request import NO_CALLBACK

from tmdbfusion_scrapy import stats as names
from tmdbfusion_scrapy.crawling.errors import error_name
from tmdbfusion_scrapy.crawling.session import session_of
from tmdbfusion_scrapy.exceptions import ResponseError, TMDBError, error_from_response, printable
from tmdbfusion_scrapy.items import FailedCall
from tmdbfusion_scrapy.models.images import check_path
from tmdbfusion_scrapy.rate_limit import RateLimiterClosed
from tmdbfusion_scrapy.retrying import RetryPolicy
from tmdbfusion_scrapy.settings import IMAGES_SLOT

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

    from tmdbfusion_scrapy.images.choice import ImageFile

IMAGE_KEY = "tmdb_image"
"""Meta key: the ``ImageFile`` that a request is for."""

_NAP = 0.25
"""Seconds; who waits for a retry looks up that often whether the crawl is being stopped."""

_ACCEPT = "image/jpeg, image/png, image/svg+xml, image/*;q=0.5"
"""The file has the suffix that TMDB's path has, so its own type comes first."""

_STOPPED = "Stopped"

_TAIL = 4096
"""Bytes at the end in which the end of an image has to stand: some have a little behind it."""

_SVG = re.compile(rb"\s*(<\?xml|<!--|<!DOCTYPE\s+svg|<svg[\s>])", re.IGNORECASE)


@dataclass(frozen=True)
class ImageLost:
    """Why an image is not there; the fields are those of ``FailedCall``."""

    error: str
    message: str
    attempts: int
    retryable: bool = True

    @classmethod
    def of(cls, error: TMDBError, attempts: int) -> ImageLost:
        """It could not be downloaded."""
        status = f"HTTP {error.status_code}: " if error.status_code is not None else ""
        return cls(error_name(error), f"{status}{error.message}", attempts, error.retryable)

    @classmethod
    def by(cls, error: Exception, attempts: int) -> ImageLost:
        """Something in between did not let it pass."""
        return cls(type(error).__name__, printable(str(error)) or type(error).__name__, attempts)

    @classmethod
    def not_stored(cls, error: Exception) -> ImageLost:
        """It came, and the store did not take it."""
        return cls("StorageError", printable(f"{type(error).__name__}: {error}"), 1)

    @classmethod
    def stopped(cls, attempts: int = 0) -> ImageLost:
        """The crawl ended before its turn."""
        return cls(_STOPPED, "the crawl was stopped before the image was there", attempts)

    @property
    def is_stop(self) -> bool:
        """True where nothing went wrong."""
        return self.error == _STOPPED


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


def failed_image(image: ImageFile, url: str, lost: ImageLost) -> FailedCall:
    """Return the item that tells of an image that is not there.

    It has kind and id of the record: when that comes again, or TMDB says that it has not changed, the
    image is tried again, and the failure is over when it is there. Its path is the whole URL, which tells it from
    calls of the API. It has no status, for a 404 of this kind and id would say that the record is gone, and not
    its image.
    """
    return FailedCall(
        kind=image.kind,
        id=str(image.id),
        path=url,
        error=lost.error,
        status_code=None,
        tmdb_code=None,
        message=lost.message,
        attempts=lost.attempts,
        retryable=lost.retryable,
        tried_at=datetime.datetime.now(datetime.timezone.utc),
    )


def check_image(body: bytes, content_type: str = "") -> str:
    """Return the media type of an image, such as ``image/jpeg``.

    A body that broke off on its way is found by its length; this finds what a server sent so, with HTTP 200.

    Args:
        body: The image.
        content_type: What the server says it is; what names another class of types is refused.

    Raises:
        ResponseError: It is none, or not whole. It may be another time: a CDN's error page goes away.
    """
    if not body:
        raise ResponseError("the image is empty")
    named = content_type.partition(";")[0].strip().lower()
    if named.startswith(("text/", "application/json", "application/xml", "application/xhtml", "multipart/")):
        raise ResponseError(f"{named[:100]} instead of an image")
    tail = body[-_TAIL:]
    if body.startswith(b"\xff\xd8\xff"):
        return _whole("image/jpeg", b"\xff\xd9" in tail)
    if body.startswith(b"\x89PNG\r\n\x1a\n"):
        return _whole("image/png", b"IEND\xaeB`\x82" in tail)
    if body.startswith(b"RIFF") and body[8:12] == b"WEBP":
        return _whole("image/webp", len(body) >= int.from_bytes(body[4:8], "little") + 8)
    if body.startswith((b"GIF87a", b"GIF89a")):
        return _whole("image/gif", tail.rstrip(b"\0").endswith(b"\x3b"))
    text = body.removeprefix(b"\xef\xbb\xbf")
    if _SVG.match(text) and b"<svg" in text.lower():
        return _whole("image/svg+xml", b"</svg" in tail.lower() or tail.rstrip().endswith(b"/>"))
    raise ResponseError("what came is no image")


def _whole(media_type: str, whole: bool) -> str:
    """The media type of an image that is whole."""
    if not whole:
        raise ResponseError(f"the image ({media_type}) breaks off")
    return media_type
