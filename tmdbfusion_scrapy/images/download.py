"""One image from TMDB: its request, its retries, whether it is whole, and the item for one that did not come."""

from __future__ import annotations

import asyncio
import datetime
import re
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, NamedTuple

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

STOPPED = "Stopped"
"""Name of the error where nothing went wrong: the crawl ended before."""

_TAIL = 4096
"""Bytes at the end in which the end of an image has to stand: some have a little behind it."""

_SVG = re.compile(rb"\s*(<\?xml|<!--|<!DOCTYPE\s+svg|<svg[\s>])", re.IGNORECASE)


@dataclass(frozen=True)
class ImageLost:
    """Reason why an image is not there; the fields are those of ``FailedCall``."""

    error: str
    message: str
    attempts: int
    retryable: bool = True

    @classmethod
    def stopped(cls, attempts: int = 0) -> ImageLost:
        """Return the reason where the crawl ended before."""
        return cls(STOPPED, "the crawl was stopped before the image was there", attempts)


class Download(NamedTuple):
    """An image that has come, whole: its bytes, and what they are, such as ``image/jpeg``."""

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
    """Downloads images, so many at a time; what waits for a retry is not among them."""

    def __init__(self, crawler: Crawler, concurrency: int) -> None:
        self._crawler = crawler
        self._session = session_of(crawler)
        settings = self._session.settings
        self._retries = RetryPolicy(
            times=settings.retry_times if crawler.settings.getbool("RETRY_ENABLED") else 0,
            max_delay=settings.retry_max_delay,
        )
        self._running = asyncio.Semaphore(concurrency)

    async def fetch(self, request: Request) -> Download | ImageLost:
        """Return the image of a request, after retries if need be, or why it is not there."""
        attempts = 0
        while True:
            attempts += 1
            try:
                return await self._download(request)
            except RateLimiterClosed:
                return ImageLost.stopped(attempts - 1)
            except TMDBError as error:
                delay = self._retries.delay(error, attempts)
                if delay is None:
                    status = f"HTTP {error.status_code}: " if error.status_code is not None else ""
                    return ImageLost(error_name(error), f"{status}{error.message}", attempts, error.retryable)
            except Exception as error:  # noqa: BLE001 - whatever a downloader middleware raises
                name = type(error).__name__
                return ImageLost(name, printable(str(error)) or name, attempts)
            self._crawler.stats.inc_value(names.IMAGES_RETRIES)
            await self._rest(delay)

    async def _download(self, request: Request) -> Download:
        """Make one attempt."""
        image: ImageFile = request.meta[IMAGE_KEY]
        check_path(image.file_path)
        async with self._running:
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

    With kind and id of the record the image is tried again when that comes again, or has not changed. The path is
    the whole URL, which tells it from calls of the API. A status of 404 would say that the record is gone.
    """
    return FailedCall(
        kind=image.kind,
        id=str(image.id),
        path=url,
        status_code=None,
        tmdb_code=None,
        tried_at=datetime.datetime.now(datetime.timezone.utc),
        **asdict(lost),
    )


def check_image(body: bytes, content_type: str = "") -> str:
    """Return the media type of an image, such as ``image/jpeg``.

    A body that broke off on its way is found by its length; this finds what a server sent so, with HTTP 200.

    Raises:
        ResponseError: It is none, or not whole. It may be another time: a CDN's error page goes away.
    """
    if not body:
        raise ResponseError("the image is empty")
    named = content_type.partition(";")[0].strip().lower()
    if named.startswith(("text/", "application/json", "application/xml", "application/xhtml", "multipart/")):
        raise ResponseError(f"{named[:100]} instead of an image")
    tail = body[-_TAIL:]
    text = body.removeprefix(b"\xef\xbb\xbf")
    if body.startswith(b"\xff\xd8\xff"):
        media_type, is_whole = "image/jpeg", b"\xff\xd9" in tail
    elif body.startswith(b"\x89PNG\r\n\x1a\n"):
        media_type, is_whole = "image/png", b"IEND\xaeB`\x82" in tail
    elif body.startswith(b"RIFF") and body[8:12] == b"WEBP":
        media_type, is_whole = "image/webp", len(body) >= int.from_bytes(body[4:8], "little") + 8
    elif body.startswith((b"GIF87a", b"GIF89a")):
        media_type, is_whole = "image/gif", tail.rstrip(b"\0").endswith(b"\x3b")
    elif _SVG.match(text) and b"<svg" in text.lower():
        media_type, is_whole = "image/svg+xml", b"</svg" in tail.lower() or tail.rstrip().endswith(b"/>")
    else:
        raise ResponseError("what came is no image")
    if not is_whole:
        raise ResponseError(f"the image ({media_type}) breaks off")
    return media_type
