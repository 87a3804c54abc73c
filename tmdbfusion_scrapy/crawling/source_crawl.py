"""A crawl as its source sees it: the requests that it makes, what it may look up, and its run in the database."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from scrapy import Request, signals
from scrapy.utils.project import data_path

from tmdbfusion_scrapy import stats as names
from tmdbfusion_scrapy.crawling.calls import RUN_KEY, failed_call
from tmdbfusion_scrapy.crawling.middleware import BAD_TOKEN_REASON, TMDBRetryMiddleware
from tmdbfusion_scrapy.crawling.responses import conditions_of
from tmdbfusion_scrapy.crawling.session import session_of
from tmdbfusion_scrapy.exceptions import ConfigurationError, ResponseError, ServerError, TMDBError
from tmdbfusion_scrapy.settings import read_boolean, settings_of
from tmdbfusion_scrapy.sources.export import FOLDER
from tmdbfusion_scrapy.sources.export_file import ExportDownload, export_client
from tmdbfusion_scrapy.sources.source import NEEDS_DATABASE, RESULTS_PER_PAGE, Kind, Listing, Reader
from tmdbfusion_scrapy.stores import DATABASE_FAILED, CrawlState, ImageStore, RecordStore, Run

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
    from datetime import datetime

    from scrapy.crawler import Crawler

    from tmdbfusion_scrapy.api import Endpoint
    from tmdbfusion_scrapy.crawling.responses import TMDBResponse
    from tmdbfusion_scrapy.crawling.source_spider import TMDBSourceSpider
    from tmdbfusion_scrapy.items import FailedCall
    from tmdbfusion_scrapy.stores import Entry

logger = logging.getLogger(__name__)

SOURCE_FAILED = "tmdb_source_failed"
"""Reason with which the crawl is closed when it cannot be found out what to crawl."""

ENQUEUED = "tmdb_enqueued"
"""Reason with which the crawl is closed when what it planned was left to workers."""

_IDS_AT_ONCE = 1000


class RunClosedError(Exception):
    """The crawl was closed meanwhile: what it would ask for is the next one's."""


class CrawlLookup:
    """Access of a source to what a crawler knows, started or not: a ``sources.source.Lookup``."""

    def __init__(self, crawler: Crawler, kind: Kind, limit: int | None) -> None:
        self.crawler = crawler
        self.kind = kind
        self.limit = limit

    @property
    def log_extra(self) -> Mapping[str, Any]:
        return {"spider": self.crawler.spider}

    def count(self, stat: str, number: int) -> None:
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

    Where something is stored in a database it is a run there, see :class:`~tmdbfusion_scrapy.stores.CrawlState`.
    The database is asked in a thread, one question at a time.

    Attributes:
        run: Its run in the database, if there is one.
        process: Mark of the requests of this process.
        coverage: Results of a crawl of discover in parts, as JSON.
        is_finished: Whether nothing is left of the run; known when the crawl has ended.
        asked: The ids that pages named, so that each is asked for once.
        reader: Reads the pages that the source asks for.
        pages_read: Pages that list records and came.
        pages_failed: Those that could not be had.
    """

    def __init__(self, spider: TMDBSourceSpider) -> None:
        super().__init__(spider.crawler, spider.records_kind(), spider.plan.limit)
        self._spider = spider
        self.run: Run | None = None
        self._store: RecordStore | None = None
        self._state: CrawlState | None = None
        self._asking = asyncio.Lock()
        self._is_closed = self._has_failed_to_close = False
        self.process = uuid4().hex
        self.coverage: str | None = None
        self.is_finished = False
        self.reader: Reader | None = None
        self.pages_read = self.pages_failed = self._pages_asked = 0
        self._pages_most: int | None = None
        self._entries_expected = self._entries_read = self._requested = 0
        self._left: int | None = None
        self.asked: set[int] = set()

    async def begin(self) -> None:
        """Take up the run of the spider, with records fetched again where its source wants that."""
        spider, store = self._spider, self.crawler.get_item_pipeline(RecordStore)
        if store is None:
            # With JOBDIR the spider has a state that lasts; the limit is for all processes together, as in a run.
            state = getattr(spider, "state", None)
            if state is not None:
                self.asked = state.setdefault("tmdb_asked", self.asked)
            return
        self._store, self._state = store, await store.open_state(spider.kind())
        self.crawler.signals.connect(self._close, signals.spider_closed)
        language, again = languages_of(self.crawler), spider.plan.source.fetches_again
        command = spider.name, spider.plan.arguments
        self.run = await self.ask(self._state.begin, *command, again=again, language=language)

    @property
    def has_failed(self) -> bool:
        """True where nothing that lists the records could be had, or the database not be asked what is left."""
        return self._has_failed_to_close or self._found_no_list

    @property
    def _found_no_list(self) -> bool:
        return self.pages_failed > 0 and not self.asked

    @property
    def is_listing(self) -> bool:
        """True while it is not known yet of how many records there are requests to come."""
        if self._left is not None or self._has_enough:
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
        if self._left is not None:
            return self._left
        if not self.is_listing:
            return None if self._found_no_list and not self._requested else self._requested
        # While a list is read, its own count stands for what was not read of it yet.
        expected = self._entries_expected or self.crawler.stats.get_value(names.DISCOVER_EXPECTED, 0)
        if self.limit is not None:
            expected = min(expected, self.limit)
        return self._requested + max(expected - self._entries_read, 0) or None

    @property
    def known(self) -> CrawlState:
        if self._state is None:
            raise ConfigurationError(NEEDS_DATABASE)
        return self._state

    async def ask(self, question: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Ask the database in a thread, with patience where it is locked or away; see :meth:`RecordStore.ask`."""
        if self._store is None:
            raise ConfigurationError(NEEDS_DATABASE)
        async with self._asking:
            if self._is_closed:
                raise RunClosedError
            return await self._store.ask(question, *args, **kwargs)

    async def plan(self, listing: Listing) -> None:
        """Make what is listed, and not stored yet, what the run fetches."""
        limit = self.limit
        self.run, progress = await self.ask(
            self.known.plan,
            self.run,
            _repeatable(listing.entries),
            is_complete=listing.is_complete and limit is None,
            limit=limit,
            upto=listing.upto if limit is None else None,
            adult=listing.adult,
            is_adult=listing.is_adult,
            export=listing.export,
            coverage=self.coverage,
        )
        self._left = max(progress.left, 0)
        done = progress.listed - progress.left
        self._say("%d records are listed, %d are to be fetched", progress.listed, self._left)
        if limit is None and done > 0:
            self._say("%d of them are stored or given up already", done)

    async def renew(self, listing: Listing) -> None:
        """Add what is listed to what is left, even what the run has stored before."""
        upto = listing.upto or ""
        entries = _repeatable(listing.entries)
        self.run, progress = await self.ask(self.known.renew, self.run, entries, upto=upto)
        self._left = progress.left
        self._say("With what changed since, %d records are to be fetched", progress.left)

    async def tell_others(self) -> None:
        """Say how many records are stored without these parts, or in other languages, and what changes that."""
        spider, parts = self._spider, self._spider.plan.append
        language = languages_of(self.crawler)
        append = f" -a append={','.join(parts)}" if parts else ""
        for other in await self.ask(self.known.fetched_otherwise, self.run, parts, language):
            without = f"without {', '.join(other.missing)}" if other.missing else ""
            if other.language != language:
                tongue = other.language or "TMDB's own choice of language"
                without += f"{' and ' if without else ''}in {tongue}"
            advice = "%s %s are stored %s: scrapy crawl %s -a source=stale -a days=0%s fetches them again"
            kind = spider.kind().replace("_", " ")
            self._say(advice, f"{other.count:,}", kind, without, spider.name, append)

    def set_stat(self, stat: str, value: Any) -> None:
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
        return self._of_run(
            self._spider.tmdb_request(endpoint, *args, errback=self._spider.page_failed, **kwargs)
        )

    def _of_run(self, request: Request) -> Request:
        """Return a request as one of the run's, which decides what is asked for."""
        if self.run is not None:
            # With JOBDIR the duplicate filter remembers what earlier processes asked for, and kill -9 leaves the
            # answers out. The process is noted for a scheduler of the user's own that keeps requests.
            request.dont_filter = True
            request.meta[RUN_KEY] = self.process
        return request

    async def requests(self) -> AsyncIterator[Request]:
        async for request in self._spider.plan.source.requests(self):
            yield request

    async def records(self, ids: Sequence[int]) -> AsyncIterator[Request]:
        """Yield requests for records; with ``TMDB_CONDITIONAL``, for what has changed of those that are stored."""
        self._requested += len(ids)
        conditions, etags = conditions_of(self.crawler), {}
        if self.run is not None and conditions.asks:
            with_raw = read_boolean(self.crawler.settings, "TMDB_STORE_RAW")
            etags = await self.ask(self.known.etags_of, ids, with_raw=with_raw)
        for record_id in ids:
            request = self._of_run(self._spider.details_request(record_id))
            yield conditions.conditional(request, record_id, etags.get(record_id))

    async def records_left(self) -> AsyncIterator[Request]:
        """Yield the requests for the records that are left of the planned run, in its order."""
        run = self.run
        if run is not None and run.is_resumed:
            self._left = (await self.ask(self.known.go_on, run)).left
            begun = f"{run.started_at:%Y-%m-%d %H:%M} UTC"
            self._say("Going on with the run begun at %s: %d records are left", begun, self._left)
        after = 0
        while part := await self.ask(self.known.left, run, after=after, limit=_IDS_AT_ONCE):
            after = part[-1][0]
            async for request in self.records([key for _, key in part]):
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
        if self.run is not None and self.run.is_resumed:
            fresh = await self.ask(self.known.not_done, self.run, fresh)
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
        images = self.crawler.get_item_pipeline(ImageStore)
        if images is None:
            raise ConfigurationError(
                "no images are wanted: set TMDB_IMAGES and IMAGES_STORE, such as -s TMDB_IMAGES=poster "
                "-s IMAGES_STORE=images"
            )
        await self._fetch_images(images, limit=self.limit)

    async def fetch_images_left(self) -> None:
        """Have the images downloaded of records that earlier processes stored: one that is killed forgets them."""
        images = self.crawler.get_item_pipeline(ImageStore)
        if images is not None and self.run is not None and self.run.is_resumed:
            self._say("Looking for images that are left of this run")
            await self._fetch_images(images, since=self.run.started_at)

    async def _fetch_images(
        self, images: ImageStore, *, since: datetime | None = None, limit: int | None = None
    ) -> None:
        """Hand what was stored before now to the pipeline, up to a limit, until the crawl is stopped."""
        session, model = session_of(self.crawler), self._spider.details_model()
        until, after, number = await self.ask(self.known.now), 0, 0
        while part := await self.ask(self.known.stored_records, since=since, until=until, after=after):
            for stored in part:
                if session.is_stopping() or number == limit:
                    return
                # Decoded here, not in the thread: the event loop is decoding, too.
                await images.fetch_stored(stored.decoded(model))
                number += 1
            after = part[-1].id

    async def _close(self, reason: str) -> None:
        """End the run if the crawl came to its end, else say how to go on."""
        try:
            if (run := self.run) is None:
                return
            stats = self.crawler.stats
            # Where nothing was planned, the database cannot tell that the pipeline lost something at the end.
            lost = 0 if run.is_planned else stats.get_value(names.STORAGE_FAILED, 0)
            if reason == "finished" and not lost:
                watermark = f"{self.kind.table}/changes"
                finish = self.ask(self.known.finish, run, watermark=watermark, coverage=self.coverage)
                left = (await finish).left
                self.is_finished = not left
                if left:
                    self._say("%d records are left", left)
            # The pipeline has a say in the reason.
            if advice := self._advice(stats.get_value("finish_reason", reason)):
                self._say(advice)
        except Exception:
            self._has_failed_to_close = True
            raise
        finally:
            async with self._asking:
                self._is_closed = True
                await asyncio.to_thread(self.known.close)

    def _advice(self, reason: str) -> str | None:
        """Return how to go on; ``None`` where there is nothing to do, or an error has said it."""
        calls = self.crawler.get_downloader_middleware(TMDBRetryMiddleware)
        if self.is_finished:
            if calls is None or not (calls.found_no_one or calls.found_few):
                return None
            return (
                "Most calls were not answered. Once TMDB can be reached, -a source=failed tries those again that "
                "are on record in tmdb_failures"
            )
        goes_on = "the same command goes on from here"
        if reason in (SOURCE_FAILED, ENQUEUED):
            return None
        if reason == BAD_TOKEN_REASON:
            return f"With a token that TMDB accepts, in TMDB_ACCESS_TOKEN or TMDB_API_KEY, {goes_on}"
        if reason == DATABASE_FAILED:
            return f"Once the database can be written to again, {goes_on}"
        if self._spider.has_failed:
            return f"Once what the error above names is mended, {goes_on}"
        if calls is not None and calls.found_no_one:
            return f"Once TMDB can be reached again, {goes_on}"
        return goes_on.capitalize()

    def _say(self, message: str, *args: Any) -> None:
        logger.info(message, *args, extra=self.log_extra)


def _repeatable(entries: Iterable[Entry]) -> Iterable[Entry]:
    """Return entries that can be read again: the database may be lost while they are written."""
    return list(entries) if isinstance(entries, Iterator) else entries


def languages_of(crawler: Crawler) -> str:
    """Return the languages that a crawl asks for, best first, with commas; empty for TMDB's own choice."""
    settings = settings_of(crawler.settings)
    return ",".join(settings.languages) or settings.language or ""
