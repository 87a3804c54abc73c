"""The item pipeline for images: TMDB's files in a store, beside the crawl and never in its way."""

from __future__ import annotations

import asyncio
import datetime
import logging
import re
import time
from collections import Counter
from dataclasses import asdict, dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from scrapy import Request, signals
from scrapy.exceptions import DontCloseSpider, NotConfigured
from scrapy.http.request import NO_CALLBACK
from scrapy.pipelines.files import FilesPipeline, FTPFilesStore
from scrapy.utils.asyncio import run_in_thread

from tmdbfusion_scrapy import stats as names
from tmdbfusion_scrapy.crawling.errors import error_name, plain_messages
from tmdbfusion_scrapy.crawling.scrapy_internals import look_for_end
from tmdbfusion_scrapy.crawling.session import session_of
from tmdbfusion_scrapy.exceptions import (
    ConfigurationError,
    ResponseError,
    TMDBError,
    error_from_response,
    printable,
)
from tmdbfusion_scrapy.images.choice import ImageFile, image_options, images_of
from tmdbfusion_scrapy.images.store import (
    AtomicFilesStore,
    ImagesGCSStore,
    ImageShelf,
    ImagesS3Store,
    may_miss_images,
    missing_images,
)
from tmdbfusion_scrapy.items import FailedCall, UnchangedRecord
from tmdbfusion_scrapy.models.images import check_path
from tmdbfusion_scrapy.rate_limit import RateLimiterClosed
from tmdbfusion_scrapy.retrying import RetryPolicy
from tmdbfusion_scrapy.settings import IMAGES_SLOT
from tmdbfusion_scrapy.storage.sql import SQLPipeline
from tmdbfusion_scrapy.stores import ImageStore

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import ClassVar

    from scrapy import Spider
    from scrapy.crawler import Crawler
    from scrapy.http import Response
    from scrapy.pipelines.files import FilesStoreProtocol
    from scrapy.pipelines.media import MediaPipeline
    from typing_extensions import Self

logger = logging.getLogger(__name__)

_ACCEPT = "image/jpeg, image/png, image/svg+xml, image/*;q=0.5"
"""The file has the suffix that TMDB's path has, so its own type comes first."""

MAX_WAITING = 1000
"""Images that may wait before the crawl has to: a megabyte of memory, and what a ``kill -9`` can cost."""

IMAGE_KEY = "tmdb_image"
"""Meta key: the ``ImageFile`` that a request is for."""

_NAP = 0.25
"""Seconds; who waits for a retry looks up that often whether the crawl is being stopped."""

_STOPPED = "Stopped"
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
        return cls(_STOPPED, "the crawl was stopped before the image was there", attempts)


class Download(NamedTuple):
    """An image that has come, whole: its bytes, and what they are, such as ``image/jpeg``."""

    body: bytes
    media_type: str


class TMDBImagesPipeline(FilesPipeline, ImageStore):
    """Downloads the images of records: posters, backdrops, profiles, stills and logos, as ``TMDB_IMAGES`` says.

    The add-on installs it where ``TMDB_IMAGES`` is set, behind ``SQLPipeline``. Records are returned at once, and
    their images downloaded meanwhile, with a pool and a rate of their own. The spider stays open for them. Only
    when :data:`MAX_WAITING` images wait, the crawl waits with them.

    It is Scrapy's ``FilesPipeline`` with its stores (folder, S3, GCS, FTP), and has its hooks
    ``get_media_requests`` and ``file_path``. An image that is there is not asked for again, until TMDB has another
    path for it: ``FILES_EXPIRES`` does not count. No field of a record tells of its images;
    :attr:`~tmdbfusion_scrapy.images.choice.ImageFile.path` says where they are. An image that could not be
    had is a ``FailedCall``, which ``SQLPipeline`` gets.

    Raises:
        ConfigurationError: A setting is of no use, or the add-on is not there.
        NotConfigured: ``TMDB_IMAGES`` is empty.
    """

    STORE_SCHEMES: ClassVar[dict[str, type[FilesStoreProtocol]]] = {
        "": AtomicFilesStore,
        "file": AtomicFilesStore,
        "s3": ImagesS3Store,
        "gs": ImagesGCSStore,
        "ftp": FTPFilesStore,
    }

    def __init__(self, _store_uri: str | None = None, *, crawler: Crawler) -> None:
        options = image_options(crawler.settings)
        if options is None:
            raise NotConfigured("TMDB_IMAGES is empty")
        if IMAGES_SLOT not in crawler.settings.getdict("DOWNLOAD_SLOTS"):
            raise ConfigurationError(
                'TMDBImagesPipeline needs the add-on: ADDONS = {"tmdbfusion_scrapy.Addon": 500}'
            )
        if crawler.settings.get("IMAGES_STORE"):
            # Scrapy has put the access rules of FILES_STORE there.
            ImagesS3Store.POLICY = crawler.settings["IMAGES_STORE_S3_ACL"]
            ImagesGCSStore.POLICY = crawler.settings["IMAGES_STORE_GCS_ACL"] or None
        try:
            super().__init__(options.store, crawler=crawler)
        except OSError as error:
            raise ConfigurationError(
                f"IMAGES_STORE cannot be used ({error}): make the folder writable, or name another one"
            ) from error
        self._options = options
        self._session = session_of(crawler)
        self._stats = crawler.stats
        ours = self._session.settings
        # What waits for a retry is not among them.
        self._running = asyncio.Semaphore(ours.images_max_connections or MAX_WAITING)
        times = ours.retry_times if crawler.settings.getbool("RETRY_ENABLED") else 0
        self._retries = RetryPolicy(times=times, max_delay=ours.retry_max_delay)
        self._room = asyncio.Semaphore(MAX_WAITING)
        self._waiting_for_room = 0
        self._stored = self._known = self._lost = 0
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._images_of: Counter[Any] = Counter()
        self._awaited: dict[asyncio.Task[None], Request] = {}

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        with plain_messages():
            return super().from_crawler(crawler)

    async def open_spider(self, spider: Spider | None = None) -> None:  # type: ignore[override]  # noqa: ARG002
        super().open_spider()
        self._shelf = ImageShelf(self.store, self.spiderinfo)
        if isinstance(self.store, AtomicFilesStore):
            await run_in_thread(self.store.sweep)
        self.crawler.signals.connect(self._on_idle, signals.spider_idle)
        if (sql := self._sql) is not None:
            # Images that fail until the end are put on record there.
            sql.before_closing(self.finished)

    async def process_item(self, item: Any, spider: Spider | None = None) -> Any:  # noqa: ARG002
        """Have the images of a record downloaded, and return it as it came."""
        for request in await self._requests(item):
            await self._start(request, item)
        return item

    async def fetch_stored(self, record: Any) -> None:
        """Have the images of a record downloaded that an earlier crawl has stored; not once the crawl is stopped.

        What a stop leaves out is not put on record, but left to the crawl that goes on.
        """
        for request in self.get_media_requests(record, self.spiderinfo):
            await self._start(request, record, unless_stopped=True)
            if self._session.is_stopping():
                return

    def waits_for(self, ids: Iterable[int]) -> bool:
        """Return whether images of records with some ids are still to be stored, or may be."""
        return self._waiting_for_room > 0 or any(self._images_of[key] for key in ids)

    async def _requests(self, item: Any) -> list[Request]:
        """Return the requests for the images of an item; for those that failed, of an unchanged record."""
        if not isinstance(item, UnchangedRecord):
            return self.get_media_requests(item, self.spiderinfo)
        if (sql := self._sql) is None or not may_miss_images(item.kind, item.id, sql.failing_images):
            return []
        failing = sql.failing_images
        missing = await sql.read(partial(missing_images, kind=item.kind, key=item.id, failing=failing))
        sizes = self._options.sizes
        return [self.request_for(image) for image in missing if image.size in sizes.get(image.image, ())]

    def get_media_requests(self, item: Any, info: MediaPipeline.SpiderInfo) -> list[Request]:  # noqa: ARG002
        """Return the requests for the images of an item; none for what is no record of TMDB's.

        Override it for another choice, or for items of your own, with :meth:`request_for`.
        """
        options = self._options
        images = images_of(item, options.sizes, options.languages, with_seasons=options.with_seasons)
        return [self.request_for(image) for image in images]

    def request_for(self, image: ImageFile) -> Request:
        """Return the request for an image."""
        return Request(
            f"{self._session.settings.images_url}{image.target}",
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

    def file_path(
        self,
        request: Request,
        response: Response | None = None,  # noqa: ARG002
        info: MediaPipeline.SpiderInfo | None = None,  # noqa: ARG002
        *,
        item: Any = None,  # noqa: ARG002
    ) -> str:
        """Return where an image is stored, such as ``movies/550/w500.jpg``; asked before the image is."""
        image: ImageFile = request.meta[IMAGE_KEY]
        return image.path

    async def finished(self) -> None:
        """Wait until no image is waited for."""
        while self._tasks:
            await asyncio.wait(list(self._tasks.values()))

    async def close_spider(self, spider: Spider | None = None) -> None:  # noqa: ARG002
        """Put on record what will not come any more, and wait for what is being stored."""
        awaited, self._awaited = self._awaited, {}
        for task, request in awaited.items():
            task.cancel()
            await self._lose(request, ImageLost.stopped())
        await self.finished()
        if any(counts := (self._stored, self._known, self._lost)):
            message = "Images: %d stored, %d were there, %d did not come"
            logger.info(message, *counts, extra=self._extra)

    def _on_idle(self) -> None:
        """Keep the spider open while images are waited for."""
        if self._is_busy():
            raise DontCloseSpider

    def _is_busy(self) -> bool:
        """Return whether an image is waited for; Scrapy does not count items of ``start()`` that wait here."""
        return bool(self._tasks or self._waiting_for_room)

    async def _start(self, request: Request, item: Any, *, unless_stopped: bool = False) -> None:
        """Begin with an image of an item when there is room; the one before it at the same path comes first."""
        path = str(self.file_path(request, info=self.spiderinfo, item=item))
        self._waiting_for_room += 1
        try:
            await self._room.acquire()
        finally:
            self._waiting_for_room -= 1
        if unless_stopped and self._session.is_stopping():
            self._room.release()
            return
        key = getattr(item, "id", None)
        self._images_of[key] += 1
        task = asyncio.ensure_future(self._process(request, path, self._tasks.get(path)))
        self._tasks[path] = task
        self._awaited[task] = request
        task.add_done_callback(lambda done: self._end(done, path, key))

    def _end(self, task: asyncio.Task[None], path: str, key: Any) -> None:
        """Make room for the next image."""
        self._images_of[key] -= 1
        if not self._images_of[key]:
            del self._images_of[key]
        self._awaited.pop(task, None)
        if self._tasks.get(path) is task:
            del self._tasks[path]
        self._room.release()
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("Error with the image %s", path, exc_info=error, extra=self._extra)
        if not self._is_busy() and not self._session.is_stopping():
            look_for_end(self.crawler)

    async def _process(self, request: Request, path: str, before: asyncio.Task[None] | None) -> None:
        """Download and store an image, unless it is there."""
        if before is not None:
            await asyncio.wait([before])
        image: ImageFile = request.meta[IMAGE_KEY]
        held = await self._shelf.holds(path, image.file_path)
        if held:
            self._stats.inc_value(names.IMAGES_KNOWN)
            self._known += 1
            self.inc_stats("uptodate")
            await self._clear_failure(request)
            return
        result = await self._fetch(request)
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - this runs in one
        self._awaited.pop(task, None)
        if not isinstance(result, ImageLost):
            try:
                await self._shelf.put(
                    path, image.file_path, result.body, result.media_type, replaces=held is False
                )
            except Exception as error:  # noqa: BLE001 - every store has errors of its own
                result = ImageLost("StorageError", printable(f"{type(error).__name__}: {error}"), 1)
        if isinstance(result, ImageLost):
            await self._lose(request, result)
            return
        self._stats.inc_value(f"{names.IMAGES_STORED}/{image.image}")
        self._stats.inc_value(names.IMAGES_STORED_BYTES, len(result.body))
        self._stored += 1
        self.inc_stats("downloaded")
        await self._clear_failure(request)

    async def _fetch(self, request: Request) -> Download | ImageLost:
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
            self._stats.inc_value(names.IMAGES_RETRIES)
            await self._rest(delay)

    async def _download(self, request: Request) -> Download:
        """Make one attempt."""
        image: ImageFile = request.meta[IMAGE_KEY]
        check_path(image.file_path)
        async with self._running:
            # The engine would close before a download that began now has ended.
            if self._session.is_stopping():
                raise RateLimiterClosed
            response = await self.crawler.engine.download_async(request.copy())
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

    async def _lose(self, request: Request, lost: ImageLost) -> None:
        """Put an image on record that is not there."""
        self._stats.inc_value(f"{names.IMAGES_FAILED}/{lost.error}")
        if lost.error != _STOPPED:
            logger.warning("No image from %s: %s", request.url, lost.message, extra=self._extra)
        self._lost += 1
        if (sql := self._sql) is not None:
            image: ImageFile = request.meta[IMAGE_KEY]
            # With kind and id of the record it is tried again when that comes, or has not changed. The path is the
            # whole URL, which tells it from calls of the API. A 404 would say that the record is gone.
            failed = FailedCall(
                kind=image.kind,
                id=str(image.id),
                path=request.url,
                status_code=None,
                tmdb_code=None,
                tried_at=datetime.datetime.now(datetime.timezone.utc),
                **asdict(lost),
            )
            await sql.process_item(failed)

    async def _clear_failure(self, request: Request) -> None:
        """Take an image off the record that is there."""
        if (sql := self._sql) is not None:
            await sql.clear_failure(request.meta[IMAGE_KEY].kind, request.url)

    @property
    def _sql(self) -> SQLPipeline | None:
        """The pipeline of the database, if there is one."""
        return self.crawler.get_item_pipeline(SQLPipeline)

    @property
    def _extra(self) -> dict[str, Any]:
        return {"spider": self.crawler.spider}


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
