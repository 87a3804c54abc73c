"""A crawl as its source sees it: the requests that it makes, and what it may look up."""

from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scrapy.utils.project import data_path

from tmdbfusion_scrapy import stats as names
from tmdbfusion_scrapy.crawling.calls import failed_call
from tmdbfusion_scrapy.crawling.reading import conditions_of
from tmdbfusion_scrapy.crawling.session import session_of
from tmdbfusion_scrapy.exceptions import ConfigurationError, ResponseError, ServerError, TMDBError
from tmdbfusion_scrapy.settings import settings_of
from tmdbfusion_scrapy.sources.export import FOLDER
from tmdbfusion_scrapy.sources.export_file import ExportDownload, export_client
from tmdbfusion_scrapy.sources.source import NEEDS_DATABASE, RESULTS_PER_PAGE, Kind, Reader
from tmdbfusion_scrapy.stores import ImageStore, KnownRecords

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence

    from scrapy import Request
    from scrapy.crawler import Crawler

    from tmdbfusion_scrapy.api import Endpoint
    from tmdbfusion_scrapy.crawling.planned_run import PlannedRun
    from tmdbfusion_scrapy.crawling.responses import TMDBResponse
    from tmdbfusion_scrapy.crawling.source_spider import TMDBSourceSpider
    from tmdbfusion_scrapy.items import FailedCall

logger = logging.getLogger(__name__)


class CrawlLookup:
    """Access of a source to what a crawler knows, started or not: a ``sources.source.Lookup``."""

    def __init__(self, crawler: Crawler, kind: Kind, limit: int | None) -> None:
        self.crawler = crawler
        self.kind = kind
        self.limit = limit

    @property
    def log_extra(self) -> Mapping[str, Any]:
        """``extra`` of log records."""
        return {"spider": self.crawler.spider}

    def count(self, stat: str, number: int) -> None:
        """Add to one of the crawl's stats."""
        if self.crawler.stats is not None:
            self.crawler.stats.inc_value(stat, number)

    @asynccontextmanager
    async def exports(self) -> AsyncIterator[ExportDownload]:
        """Open what fetches TMDB's daily exports, into ``.scrapy`` of the project's folder."""
        session = session_of(self.crawler)
        url = session.settings.exports_url
        timeout = self.crawler.settings.getfloat("DOWNLOAD_TIMEOUT")
        async with export_client(session.new_pool(url, 1), timeout) as client:
            yield ExportDownload(client, url, await asyncio.to_thread(_folder_for, url))


def _folder_for(url: str) -> Path:
    """Return where exports of a server are kept: another one's, such as a sandbox's, have the same names."""
    folder = Path(data_path(FOLDER, createdir=True))
    origin = folder / "origin.txt"
    if not origin.exists() or origin.read_text(encoding="utf-8") != url:
        for file in folder.iterdir():
            file.unlink()
        origin.write_text(url, encoding="utf-8")
    return folder


class SourceCrawl(CrawlLookup):
    """The crawl of a spider; see :class:`~tmdbfusion_scrapy.sources.source.Crawl`.

    Attributes:
        run: Its run in the database, if there is one.
        asked: The ids that pages named, so that each is asked for once.
        reader: Reads the pages that the source asks for.
        pages_read: Pages that list records and came.
        pages_failed: Those that could not be had.
    """

    def __init__(self, spider: TMDBSourceSpider) -> None:
        super().__init__(spider.crawler, spider.records_kind(), spider.plan.limit)
        self._spider = spider
        self.run: PlannedRun | None = None
        self.reader: Reader | None = None
        self.pages_read = self.pages_failed = self._pages_asked = 0
        self._pages_most: int | None = None
        self._entries_expected = self._entries_read = self._requested = 0
        self.asked: set[int] = set()

    def begin(self, run: PlannedRun | None) -> None:
        """Take the run of the spider, where something is stored in a database."""
        self.run = run
        # With JOBDIR the spider has a state that lasts; the limit is for all processes together, as in a run.
        state: dict[str, Any] | None = getattr(self._spider, "state", None)
        if state is not None and run is None:
            self.asked = state.setdefault("tmdb_asked", self.asked)

    @property
    def found_no_list(self) -> bool:
        """True where what lists the records could not be had at all."""
        return self.pages_failed > 0 and not self.asked

    @property
    def is_listing(self) -> bool:
        """True while it is not known yet of how many records there are requests to come."""
        if (self.run is not None and self.run.to_fetch is not None) or self._has_enough:
            return False
        if not self._pages_asked:
            return not self._requested
        return self.pages_read + self.pages_failed < self._pages_asked

    @property
    def _has_enough(self) -> bool:
        return self.limit is not None and len(self.asked) >= self.limit

    @property
    def to_fetch(self) -> int | None:
        """Number of records that this process is to fetch, as far as it is known; ``None`` where nothing is."""
        if self.run is not None and self.run.to_fetch is not None:
            return self.run.to_fetch
        if not self.is_listing:
            return None if self.found_no_list and not self._requested else self._requested
        # While a list is read, its own count stands for what was not read of it yet.
        expected = self._entries_expected or self.crawler.stats.get_value(names.DISCOVER_EXPECTED, 0)
        if self.limit is not None:
            expected = min(expected, self.limit)
        return self._requested + max(expected - self._entries_read, 0) or None

    @property
    def known(self) -> KnownRecords:
        """The records that the database knows."""
        return self._stored_run.known

    @property
    def _stored_run(self) -> PlannedRun:
        if self.run is None:
            raise ConfigurationError(NEEDS_DATABASE)
        return self.run

    async def ask(self, question: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Return what a question to the database finds, asked in a thread."""
        return await self._stored_run.ask(question, *args, **kwargs)

    def read_with(self, reader: Reader) -> None:
        """Have the answers to the requests of :meth:`page` read by a reader."""
        self.reader = reader

    def set_stat(self, stat: str, value: Any) -> None:
        """Set one of the crawl's stats."""
        self.crawler.stats.set_value(stat, value)

    def page(self, endpoint: Endpoint[..., Any], **arguments: Any) -> Request:
        """Return the request for a page that goes to the reader, with ``cb_kwargs`` for :meth:`Reader.read`."""
        return self._list_request(endpoint, callback=self._spider.parse_listing, **arguments)

    def pages(self, endpoint: Endpoint[..., Any], most: int | None, **arguments: Any) -> Request:
        """Return the request for ``most`` pages of a list, or all, of which each record is fetched.

        The limit of records may want fewer.
        """
        if self.limit is not None:
            enough = -(-self.limit // RESULTS_PER_PAGE)
            most = enough if most is None else min(most, enough)
        self._pages_most = most
        ask = partial(self._list_request, endpoint)
        return self._spider.paginate(ask, pages=most, callback=self._spider.parse_page, **arguments)

    def _list_request(self, endpoint: Endpoint[..., Any], *args: Any, **kwargs: Any) -> Request:
        self._pages_asked += 1
        request = self._spider.tmdb_request(endpoint, *args, errback=self._spider.page_failed, **kwargs)
        return request if self.run is None else self.run.adopt(request)

    async def requests(self) -> AsyncIterator[Request]:
        """Yield the requests of the source."""
        async for request in self._spider.plan.source.requests(self):
            yield request

    async def records(self, ids: Sequence[int]) -> AsyncIterator[Request]:
        """Yield requests for records; with ``TMDB_CONDITIONAL``, for what has changed of those that are stored."""
        self._requested += len(ids)
        conditions = conditions_of(self.crawler)
        etags = await self.run.etags(ids) if self.run is not None and conditions.asks else {}
        for record_id in ids:
            request = self._spider.details_request(record_id)
            if self.run is not None:
                request = self.run.adopt(request)
            yield conditions.conditional(request, record_id, etags.get(record_id))

    async def records_left(self) -> AsyncIterator[Request]:
        """Yield the requests for the records that are left of the planned run."""
        async for ids in self._stored_run.ids():
            async for request in self.records(ids):
                yield request

    async def records_of(self, response: TMDBResponse, entries: Sequence[Any]) -> AsyncIterator[Any]:
        """Yield the requests for the records of some entries of a page."""
        if self.reader is None:
            page = response.record
            if not self.pages_read:
                pages = page.last_page if self._pages_most is None else min(page.last_page, self._pages_most)
                self._pages_asked = max(pages, 1)
                self._entries_expected = min(page.total_results or 0, pages * RESULTS_PER_PAGE)
            self.pages_read += 1
        self._entries_read += len(entries)
        if any(entry.id is None for entry in entries):
            yield self.incomplete(response, "results without an id")
        fresh = []
        for entry in entries:
            if entry.id is None or entry.id in self.asked:
                continue
            if self._has_enough:
                break
            self.asked.add(entry.id)
            fresh.append(entry.id)
        if self.run is not None:
            fresh = await self.run.not_done(fresh)
        async for request in self.records(fresh):
            yield request

    def incomplete(self, response: TMDBResponse, what: str) -> FailedCall:
        """Return the item that puts a page on record of which something was missing."""
        assert response.request is not None  # noqa: S101 - the engine sets it
        error = ResponseError(f"the page is not complete: {what}", status_code=response.status)
        logger.warning("%s: %s", response.url, error.message, extra=self.log_extra)
        return failed_call(error, response.request, settings_of(self.crawler.settings).api_url)

    def note_failure(self, error: BaseException | None) -> None:
        """Note that a page that lists records could not be had."""
        self.pages_failed += 1
        if self.reader is not None:
            # Another component may have raised anything; who waits for the pages is to know of it.
            self.reader.fail(error if isinstance(error, TMDBError) else ServerError(repr(error)))

    async def fetch_stored_images(self) -> None:
        """Have the images of all stored records downloaded, as far as they are not there."""
        run = self._stored_run
        images = self.crawler.get_item_pipeline(ImageStore)
        if images is None:
            raise ConfigurationError(
                "no images are wanted: set TMDB_IMAGES and IMAGES_STORE, such as -s TMDB_IMAGES=poster "
                "-s IMAGES_STORE=images"
            )
        await self._fetch_images(images, run, limit=self.limit)

    async def fetch_images_left(self) -> None:
        """Have the images downloaded of records that earlier processes stored: one that is killed forgets them."""
        images = self.crawler.get_item_pipeline(ImageStore)
        if images is not None and self.run is not None and self.run.is_resumed:
            logger.info("Looking for images that are left of this run", extra=self.log_extra)
            await self._fetch_images(images, self.run, of_run=True)

    async def _fetch_images(
        self, images: ImageStore, run: PlannedRun, *, of_run: bool = False, limit: int | None = None
    ) -> None:
        """Hand stored records to the pipeline, up to a limit, until the crawl is stopped."""
        session = session_of(self.crawler)
        number = 0
        async for record in run.stored_records(self._spider.details_model(), of_run=of_run):
            if session.is_stopping() or number == limit:
                return
            await images.fetch_stored(record)
            number += 1
