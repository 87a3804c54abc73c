"""Spiders of which ``-a source=...`` says what they crawl."""

from __future__ import annotations

import asyncio
import dataclasses
import datetime
import json
import logging
from collections.abc import AsyncIterator, Iterator  # noqa: TC003 - scrapy-poet reads the annotations of callbacks
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from scrapy import Request  # noqa: TC002 - likewise

from tmdbfusion_scrapy.api import OPERATIONS, Endpoint
from tmdbfusion_scrapy.crawling.calls import failed_call
from tmdbfusion_scrapy.crawling.change_feed import ChangeFeed, IncompleteFeedError
from tmdbfusion_scrapy.crawling.conditional import conditions_of
from tmdbfusion_scrapy.crawling.discover_parts import DiscoverParts
from tmdbfusion_scrapy.crawling.listing import is_before_today, list_source
from tmdbfusion_scrapy.crawling.planned_run import SOURCE_FAILED, PlannedRun, RunClosedError, open_run
from tmdbfusion_scrapy.crawling.responses import TMDBResponse  # noqa: TC001 - likewise
from tmdbfusion_scrapy.crawling.spider import TMDBSpider
from tmdbfusion_scrapy.crawling.startup import plain_messages
from tmdbfusion_scrapy.crawling.stored_images import fetch_all_images, fetch_images_left
from tmdbfusion_scrapy.exceptions import ConfigurationError, ResponseError, ServerError, TMDBError
from tmdbfusion_scrapy.models.fields import find_place
from tmdbfusion_scrapy.sources import (
    ChangesSource,
    DiscoverSource,
    ExportSource,
    IdsSource,
    ImagesSource,
    ListSource,
    Plan,
)
from tmdbfusion_scrapy.sources.partition import Part  # noqa: TC001 - likewise
from tmdbfusion_scrapy.sources.windows import Window  # noqa: TC001 - likewise

if TYPE_CHECKING:
    from collections.abc import Mapping

    from scrapy.crawler import Crawler
    from twisted.python.failure import Failure
    from typing_extensions import Self

    from tmdbfusion_scrapy.crawling.items import FailedCall

logger = logging.getLogger(__name__)

RESULTS_PER_PAGE = 20


class TMDBSourceSpider(TMDBSpider):
    """Crawls the details of records of one kind, from a source that its arguments name.

    Arguments: ``source`` (``ids``, ``list``, ``discover``, ``export``, ``changes``, ``stale``, ``failed`` or
    ``images``),
    ``limit``, ``append``, and those of the source, see :class:`~tmdbfusion_scrapy.sources.Plan`.

    With :class:`~tmdbfusion_scrapy.storage.SQLPipeline` the crawl is a run in the database: the same command goes
    on with one that did not come to its end, whatever ended it.

    Attributes:
        details_operation: operationId of the details endpoint.
        list_operations: operationIds of the lists by TMDB's names; the first is the default.
        discover_operation: operationId of the discover endpoint, ``None`` where there is none.
        discover_date: The date by which a large discover is split.
        changes_operation: operationId of the list of changed ids, ``None`` where there is none.
    """

    details_operation: ClassVar[str]
    list_operations: ClassVar[Mapping[str, str]] = {}
    discover_operation: ClassVar[str | None] = None
    discover_date: ClassVar[str] = "primary_release_date"
    changes_operation: ClassVar[str | None] = None

    def __init__(self, name: str | None = None, **arguments: str) -> None:
        super().__init__(name)
        self.plan = self.plan_of(arguments)
        self._asked: set[int] = set()
        self._run: PlannedRun | None = None
        self._parts: DiscoverParts | None = None
        self._feed: ChangeFeed | None = None
        self._closing: asyncio.Future[None] | None = None
        self._has_failed = False
        self._page_failed = False

    @property
    def _found_no_list(self) -> bool:
        """Whether what lists the records could not be had at all."""
        return self._page_failed and not self._asked

    @property
    def has_failed(self) -> bool:
        """Whether it could not be found out what to crawl, or not be noted what was done."""
        return self._has_failed or self._found_no_list or (self._run is not None and self._run.has_failed)

    @property
    def goes_on(self) -> bool:
        """Whether the same command goes on with what is left: there is a run, or a job directory."""
        return self._run is not None or bool(self.crawler.settings.get("JOBDIR"))

    def is_finished(self, reason: str | None) -> bool:
        """Return whether nothing is left of what was wanted.

        Args:
            reason: The one with which the crawl was closed; ``None`` where it was cut short.
        """
        return self._run.is_finished if self._run is not None else reason == "finished"

    @classmethod
    def from_crawler(cls, crawler: Crawler, *args: Any, **kwargs: Any) -> Self:
        """Make the spider; arguments that cannot be used end the crawl with a message."""
        with plain_messages():
            return super().from_crawler(crawler, *args, **kwargs)

    @classmethod
    def plan_of(cls, arguments: Mapping[str, str]) -> Plan:
        """Return what the spider crawls with some arguments.

        Raises:
            ConfigurationError: One cannot be used.
        """
        plan = Plan.from_arguments(
            arguments, lists=cls._lists(), discover=cls._discover(), changes=cls._changes()
        )
        if plan.append and "append_to_response" not in OPERATIONS[cls.details_operation].parameters:
            raise ConfigurationError(f"-a append: TMDB appends nothing to {cls.kind()}; leave it out")
        return plan

    @classmethod
    def kind(cls) -> str:
        """Return the table of the records."""
        return OPERATIONS[cls.details_operation].kind

    @property
    def parts(self) -> tuple[str, ...]:
        """The parts to ask for with each record."""
        return self.plan.append

    async def start(self) -> AsyncIterator[Any]:
        """Ask for the records, or for what lists them."""
        self._warn_of_unknown_parts()
        reason = None
        try:
            async for request in self._source_requests():
                yield request
        except RunClosedError:
            return
        except ConfigurationError as error:
            # It names what to do instead.
            reason = str(error)
        except (TMDBError, IncompleteFeedError) as error:
            reason = f"{error}. The same command tries again" if error.retryable else str(error)
        except Exception:
            self._has_failed = True
            raise
        if reason is not None:
            self._has_failed = True
            logger.error("-a source=%s: %s", self.plan.source.name, reason, extra={"spider": self})
            engine: Any = self.crawler.engine
            # Not awaited here: closing waits for start() to end.
            self._closing = asyncio.ensure_future(engine.close_spider_async(reason=SOURCE_FAILED))

    async def _source_requests(self) -> AsyncIterator[Request]:
        """Ask for the records, or for what lists them."""
        source = self.plan.source
        self._run = await open_run(
            self,
            self.kind(),
            self.plan.arguments,
            again=not isinstance(source, ExportSource),
            watermark=f"{self.kind()}/changes",
        )
        # With JOBDIR the spider has a state that lasts; the limit is for all processes together, as in a run.
        state: dict[str, Any] | None = getattr(self, "state", None)
        if state is not None and self._run is None:
            self._asked = state.setdefault("tmdb_asked", self._asked)
        if isinstance(source, ImagesSource):
            await fetch_all_images(self, self._run)
            return
        if isinstance(source, ListSource):
            yield self._list_request(source)
        elif isinstance(source, DiscoverSource):
            yield self._discover_request(source)
        elif self._run is not None:
            async for request in self._run_requests(self._run):
                yield request
        elif isinstance(source, IdsSource):
            for record_id in source.ids[: self.plan.limit]:
                yield self.details_request(record_id)
        else:
            raise ConfigurationError("it needs a database: leave SQLPipeline in ITEM_PIPELINES")
        if self._run is not None:
            await fetch_images_left(self, self._run)

    def _adopted(self, request: Request) -> Request:
        """A request that goes through the duplicate filter where a run in the database decides what is wanted."""
        return request if self._run is None else self._run.adopt(request)

    def is_obsolete(self, request: Request) -> bool:
        """Whether an earlier process left a request in the scheduler that this one makes by itself."""
        return self._run is None or not self._run.has_made(request)

    def _ask(self, endpoint: Endpoint[..., Any], *args: Any, **kwargs: Any) -> Request:
        """The request for a page that lists what is wanted."""
        return self._adopted(self.tmdb_request(endpoint, *args, **kwargs))

    async def _run_requests(self, run: PlannedRun) -> AsyncIterator[Request]:
        """Ask for what the run wants; first plan it, where that was not done."""
        source = self.plan.source
        is_behind = isinstance(source, ChangesSource) and run.is_planned and is_before_today(run.upto)
        if is_behind:
            # An earlier process has read what changed until then.
            source = ChangesSource(datetime.date.fromisoformat(run.upto or ""))
        if not run.is_planned or is_behind:
            listing = await list_source(self.crawler, self.kind(), source, run.known, run.ask)
            if listing.changes_since is not None:
                async for request in self._feed_requests(listing.changes_since):
                    yield request
                assert self._feed is not None  # noqa: S101 - it was just made
                ids = await self._feed.ids()
                listing = dataclasses.replace(listing, entries=[(key, None) for key in ids])
            if is_behind:
                await run.renew(listing.entries, upto=listing.upto or "")
            else:
                await run.plan(
                    listing.entries,
                    is_complete=listing.is_complete and self.plan.limit is None,
                    limit=self.plan.limit,
                    upto=listing.upto if self.plan.limit is None else None,
                    adult=listing.adult,
                    is_adult=listing.is_adult,
                    export=listing.export,
                )
        if isinstance(source, ExportSource | ChangesSource):
            await run.tell_others(self.plan.append)
        async for ids in run.ids():
            async for request in self._details_requests(ids):
                yield request

    async def _feed_requests(self, since: datetime.date) -> AsyncIterator[Request]:
        """Ask for the pages that list what changed."""
        endpoint = self._changes()
        assert endpoint is not None  # noqa: S101 - the plan has seen that there is one
        ask = partial(self._ask, endpoint, callback=self.parse_changes, errback=self.changes_failed)
        today = datetime.datetime.now(datetime.timezone.utc).date()
        self._feed = ChangeFeed(ask, since, today)
        for request in self._feed.first_requests():
            yield request

    def parse_changes(self, response: TMDBResponse, window: Window, page: int) -> Iterator[Request]:
        """Take the ids of a page of changes."""
        assert self._feed is not None  # noqa: S101 - it asked for the page
        yield from self._feed.parse(response, window, page)

    def page_failed(self, failure: Failure) -> Iterator[FailedCall]:
        """Note that a page that lists records could not be had."""
        self._page_failed = True
        yield from self.record_failure(failure)

    def changes_failed(self, failure: Failure) -> Iterator[FailedCall]:
        """Note that a page of changes could not be had."""
        if self._feed is not None:
            # Another component may have raised anything; who waits for the feed is to know of it.
            error = failure.value
            self._feed.fail(error if isinstance(error, TMDBError) else ServerError(repr(error)))
        yield from self.record_failure(failure)

    def details_request(self, record_id: int) -> Request:
        """Return the request for the details of a record."""
        endpoint = OPERATIONS[self.details_operation]
        parts = self.parts
        append = {"append_to_response": parts} if parts else {}
        return self.tmdb_request(endpoint, record_id, **append, callback=self.parse_details)

    def parse_details(self, response: TMDBResponse) -> Iterator[Any]:
        """Yield the record."""
        yield response.record

    async def parse_page(self, response: TMDBResponse) -> AsyncIterator[Any]:
        """Ask for the records of a page; lists move while they are read, so some come twice."""
        async for result in self._requests_of(response, response.record.results):
            yield result

    async def _requests_of(self, response: TMDBResponse, entries: list[Any]) -> AsyncIterator[Any]:
        """Ask for the records of some entries of a page."""
        if any(entry.id is None for entry in entries):
            yield self._incomplete(response, "results without an id")
        fresh = []
        for entry in entries:
            if entry.id is None or entry.id in self._asked:
                continue
            if self.plan.limit is not None and len(self._asked) >= self.plan.limit:
                break
            self._asked.add(entry.id)
            fresh.append(entry.id)
        if self._run is not None:
            fresh = await self._run.not_done(fresh)
        async for request in self._details_requests(fresh):
            yield request

    async def _details_requests(self, ids: list[int]) -> AsyncIterator[Request]:
        """Ask for records; where it is wanted, only for what has changed of those that are stored."""
        conditions = conditions_of(self.crawler)
        etags = await self._run.etags(ids) if self._run is not None and conditions.asks else {}
        for record_id in ids:
            request = self._adopted(self.details_request(record_id))
            yield conditions.conditional(request, record_id, etags.get(record_id))

    async def parse_part(
        self, response: TMDBResponse, part: Part | None, page: int, depth: int
    ) -> AsyncIterator[Any]:
        """Ask for the records of a page of discover, and for what is behind it."""
        assert self._parts is not None  # noqa: S101 - it asked for the page
        if response.record.total_pages is None:
            yield self._incomplete(response, "it does not say how many pages there are")
        async for result in self._requests_of(response, self._parts.take(response, part)):
            yield result
        for request in self._parts.requests_behind(response, part, page, depth):
            yield request
        self._parts.report(self.crawler.stats)
        if self._run is not None:
            self._run.coverage = json.dumps(dataclasses.asdict(self._parts.coverage()))

    def _incomplete(self, response: TMDBResponse, what: str) -> FailedCall:
        """The item that puts a page on record of which something was missing."""
        assert response.request is not None  # noqa: S101 - the engine sets it
        error = ResponseError(f"the page is not complete: {what}", status_code=response.status)
        logger.warning("%s: %s", response.url, error.message, extra={"spider": self})
        return failed_call(error, response.request, self._tmdb_settings.api_url)

    def _warn_of_unknown_parts(self) -> None:
        """Name the parts in ``append`` that the record does not have; TMDB leaves them out without a word."""
        model: Any = OPERATIONS[self.details_operation].model
        unknown = [part for part in self.plan.append if find_place(part, model) is None]
        if unknown:
            logger.warning(
                "-a append: %s is no part of a record known here; TMDB leaves out what it does not know",
                ", ".join(unknown),
                extra={"spider": self},
            )

    def _list_request(self, source: ListSource) -> Request:
        """The request for the pages of a list, as many as are wanted."""
        pages = source.pages
        if self.plan.limit is not None:
            pages = min(pages, -(-self.plan.limit // RESULTS_PER_PAGE))
        endpoint = self._lists()[source.list_name]
        window = {"time_window": "day"} if "time_window" in endpoint.parameters else {}
        ask = partial(self._ask, endpoint, errback=self.page_failed, **window)
        return self.paginate(ask, pages=pages, callback=self.parse_page)

    def _discover_request(self, source: DiscoverSource) -> Request:
        """The request for the pages of discover: so many, or all."""
        endpoint = self._discover()
        assert endpoint is not None  # noqa: S101 - the plan has seen that there is one
        if source.pages is None and self.plan.limit is None:
            ask = partial(self._ask, endpoint, callback=self.parse_part, errback=self.page_failed)
            self._parts = DiscoverParts(ask, source.filters, self.discover_date)
            return self._parts.first_request()
        pages = source.pages
        if self.plan.limit is not None:
            most = -(-self.plan.limit // RESULTS_PER_PAGE)
            pages = most if pages is None else min(pages, most)
        ask = partial(self._ask, endpoint, errback=self.page_failed)
        return self.paginate(ask, pages=pages, callback=self.parse_page, **source.filters)

    @classmethod
    def _lists(cls) -> Mapping[str, Endpoint[..., Any]]:
        return {name: OPERATIONS[operation] for name, operation in cls.list_operations.items()}

    @classmethod
    def _discover(cls) -> Endpoint[..., Any] | None:
        return OPERATIONS[cls.discover_operation] if cls.discover_operation is not None else None

    @classmethod
    def _changes(cls) -> Endpoint[..., Any] | None:
        return OPERATIONS[cls.changes_operation] if cls.changes_operation is not None else None
