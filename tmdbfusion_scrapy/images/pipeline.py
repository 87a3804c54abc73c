"""The item pipeline for images: TMDB's files in a store, beside the crawl and never in its way."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, Any

from scrapy import signals
from scrapy.exceptions import DontCloseSpider, NotConfigured
from scrapy.pipelines.files import FilesPipeline, FTPFilesStore

from tmdbfusion_scrapy import stats as names
from tmdbfusion_scrapy.crawling.errors import plain_messages
from tmdbfusion_scrapy.crawling.scrapy_internals import look_for_end
from tmdbfusion_scrapy.crawling.session import session_of
from tmdbfusion_scrapy.exceptions import ConfigurationError, printable
from tmdbfusion_scrapy.images.choice import ImageFile, image_options, images_of
from tmdbfusion_scrapy.images.download import (
    IMAGE_KEY,
    STOPPED,
    ImageDownloader,
    ImageLost,
    failed_image,
    image_request,
)
from tmdbfusion_scrapy.images.store import (
    AtomicFilesStore,
    ImagesGCSStore,
    ImageShelf,
    ImagesS3Store,
    may_miss_images,
    missing_images,
)
from tmdbfusion_scrapy.items import UnchangedRecord
from tmdbfusion_scrapy.settings import IMAGES_SLOT
from tmdbfusion_scrapy.storage.sql import SQLPipeline
from tmdbfusion_scrapy.stores import ImageStore

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import ClassVar

    from scrapy import Request, Spider
    from scrapy.crawler import Crawler
    from scrapy.http import Response
    from scrapy.pipelines.files import FilesStoreProtocol
    from scrapy.pipelines.media import MediaPipeline
    from typing_extensions import Self

logger = logging.getLogger(__name__)

MAX_WAITING = 1000
"""Images that may wait before the crawl has to: a megabyte of memory, and what a ``kill -9`` can cost."""


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
        concurrency = self._session.settings.images_max_connections or MAX_WAITING
        self._downloader = ImageDownloader(crawler, concurrency)
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
        await self._shelf.sweep()
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
        return image_request(image, self._session.settings.images_url)

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
        result = await self._downloader.fetch(request)
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

    async def _lose(self, request: Request, lost: ImageLost) -> None:
        """Put an image on record that is not there."""
        self._stats.inc_value(f"{names.IMAGES_FAILED}/{lost.error}")
        if lost.error != STOPPED:
            logger.warning("No image from %s: %s", request.url, lost.message, extra=self._extra)
        self._lost += 1
        if (sql := self._sql) is not None:
            await sql.process_item(failed_image(request.meta[IMAGE_KEY], request.url, lost))

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
