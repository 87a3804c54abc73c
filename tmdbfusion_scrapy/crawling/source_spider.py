"""Spiders of which ``-a source=...`` says what they crawl, and what became of a crawl as an exit status."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator  # noqa: TC003 - scrapy-poet reads the annotations of callbacks
from enum import IntEnum
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from scrapy import Request  # noqa: TC002 - likewise

from tmdbfusion_scrapy import api
from tmdbfusion_scrapy.api.appending import parts_of_series
from tmdbfusion_scrapy.crawling.calls import CALL_KEY, RUN_KEY
from tmdbfusion_scrapy.crawling.errors import plain_messages
from tmdbfusion_scrapy.crawling.middleware import BAD_TOKEN_REASON, TMDBRetryMiddleware
from tmdbfusion_scrapy.crawling.responses import TMDBResponse  # noqa: TC001 - likewise
from tmdbfusion_scrapy.crawling.source_crawl import SOURCE_FAILED, RunClosedError, SourceCrawl
from tmdbfusion_scrapy.crawling.spider import TMDBSpider
from tmdbfusion_scrapy.exceptions import ConfigurationError, TMDBError
from tmdbfusion_scrapy.models.fields import find_place
from tmdbfusion_scrapy.sources import SOURCES, Kind, Plan, Source
from tmdbfusion_scrapy.stores import DATABASE_FAILED

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from scrapy.crawler import Crawler
    from twisted.python.failure import Failure
    from typing_extensions import Self

    from tmdbfusion_scrapy.items import FailedCall

logger = logging.getLogger(__name__)


class TMDBSourceSpider(TMDBSpider):
    """Crawls the details of records of one kind, from a source that its arguments name.

    Arguments: ``source`` (one of :attr:`sources`, such as ``ids``, ``list`` or ``export``), ``limit``,
    ``append``, and those of the source, see :class:`~tmdbfusion_scrapy.sources.Source`.

    With :class:`~tmdbfusion_scrapy.storage.SQLPipeline` the crawl is a run in the database: the same command goes
    on with one that did not come to its end, whatever ended it.

    Attributes:
        details_operation: operationId of the details endpoint.
        list_operations: operationIds of the lists by TMDB's names; the first is the default.
        discover_operation: operationId of the discover endpoint, ``None`` where there is none.
        discover_date: The date by which a large discover is split.
        changes_operation: operationId of the list of changed ids, ``None`` where there is none.
        sources: The sources by the value of ``source``; add your own.
        append: Parts to ask for with each record where ``append`` is not among the arguments.
        given: The arguments as they were given.
    """

    details_operation: ClassVar[str]
    list_operations: ClassVar[Mapping[str, str]] = {}
    discover_operation: ClassVar[str | None] = None
    discover_date: ClassVar[str] = "primary_release_date"
    changes_operation: ClassVar[str | None] = None
    sources: ClassVar[Mapping[str, type[Source]]] = SOURCES
    append: ClassVar[Sequence[str]] = ()

    def __init__(self, name: str | None = None, **arguments: str) -> None:
        super().__init__(name)
        self.plan = self.plan_of(arguments)
        self.given: Mapping[str, str] = arguments
        self._closing: asyncio.Future[None] | None = None
        self._has_failed = False

    @cached_property
    def source_crawl(self) -> SourceCrawl:
        """The crawl of the source: its run, and how many records it is to fetch."""
        return SourceCrawl(self)

    @property
    def has_failed(self) -> bool:
        """True where it could not be found out what to crawl, or not be noted what was done."""
        return self._has_failed or self.source_crawl.has_failed

    @property
    def goes_on(self) -> bool:
        """True where the same command goes on with what is left: there is a run, or a job directory."""
        return self.source_crawl.run is not None or bool(self.crawler.settings.get("JOBDIR"))

    def is_finished(self, reason: str | None) -> bool:
        """Return whether nothing is left of what was wanted, the crawl having been closed with a reason."""
        crawl = self.source_crawl
        return crawl.is_finished if crawl.run is not None else reason == "finished"

    @classmethod
    def from_crawler(cls, crawler: Crawler, *args: Any, **kwargs: Any) -> Self:
        with plain_messages():
            return super().from_crawler(crawler, *args, **kwargs)

    @classmethod
    def plan_of(cls, arguments: Mapping[str, str]) -> Plan:
        """Return what the spider crawls with some arguments; ``ConfigurationError`` where one cannot be used."""
        plan = Plan.from_arguments(arguments, cls.records_kind(), cls.sources, cls.append)
        if plan.append and "append_to_response" not in api.OPERATIONS[cls.details_operation].parameters:
            raise ConfigurationError(f"-a append: TMDB appends nothing to {cls.kind()}; leave it out")
        return plan

    @classmethod
    def kind(cls) -> str:
        """Return the table of the records."""
        return api.OPERATIONS[cls.details_operation].kind

    @classmethod
    def details_model(cls) -> Any:
        """Return the class of the records."""
        return api.OPERATIONS[cls.details_operation].model

    @classmethod
    def records_kind(cls) -> Kind:
        """Return the kind of the records, with what TMDB has to list them."""
        discover, changes = (
            api.OPERATIONS[operation] if operation is not None else None
            for operation in (cls.discover_operation, cls.changes_operation)
        )
        lists = {name: api.OPERATIONS[operation] for name, operation in cls.list_operations.items()}
        return Kind(cls.kind(), lists, discover, cls.discover_date, changes)

    @property
    def parts(self) -> tuple[str, ...]:
        """The parts to ask for with each record."""
        return self.plan.append

    async def start(self) -> AsyncIterator[Any]:
        unknown = [part for part in self.plan.append if find_place(part, self.details_model()) is None]
        if unknown:
            logger.warning(
                "-a append: %s is no part of a record known here; TMDB leaves out what it does not know",
                ", ".join(unknown),
                extra={"spider": self},
            )
        source, reason = self.plan.source, None
        try:
            await self.source_crawl.begin()
            async for request in self.source_crawl.requests():
                yield request
            if source.asks_for_records:
                await self.source_crawl.fetch_images_left()
        except RunClosedError:
            return
        except ConfigurationError as error:
            # It names what to do instead.
            reason = str(error)
        except TMDBError as error:
            reason = f"{error}. The same command tries again" if error.retryable else str(error)
        except Exception:
            self._has_failed = True
            raise
        if reason is not None:
            self._has_failed = True
            logger.error("-a source=%s: %s", source.name, reason, extra={"spider": self})
            engine: Any = self.crawler.engine
            # Not awaited here: closing waits for start() to end.
            self._closing = asyncio.ensure_future(engine.close_spider_async(reason=SOURCE_FAILED))

    def is_obsolete(self, request: Request) -> bool:
        """Return whether an earlier process left a request in the scheduler that this one makes by itself."""
        return bool(request.meta[RUN_KEY] != self.source_crawl.process)

    def page_failed(self, failure: Failure) -> Iterator[FailedCall]:
        """Note that a page that lists records could not be had."""
        self.source_crawl.note_failure(failure.value)
        yield from self.record_failure(failure)

    def details_request(self, record_id: int) -> Request:
        """Return the request for the details of a record."""
        append = {"append_to_response": self.parts} if self.parts else {}
        endpoint = api.OPERATIONS[self.details_operation]
        return self.tmdb_request(endpoint, record_id, **append, callback=self.parse_details)

    def parse_details(self, response: TMDBResponse) -> Iterator[Any]:
        """Return an iterator of the record."""
        # Of a generator Scrapy reads and parses the source, nearly each time (WARN_ON_GENERATOR_RETURN_VALUE).
        return iter((response.record,))

    async def parse_page(self, response: TMDBResponse) -> AsyncIterator[Any]:
        """Ask for the records of a page; lists move while they are read, so some come twice."""
        async for result in self.source_crawl.records_of(response, response.record.results):
            yield result

    async def parse_listing(self, response: TMDBResponse, **place: Any) -> AsyncIterator[Any]:
        """Have a page read that the source asked for."""
        reader = self.source_crawl.reader
        assert reader is not None  # noqa: S101 - it asked for the page
        async for result in reader.read(response, **place):
            yield result
        self.source_crawl.pages_read += 1


class TMDBSeriesSpider(TMDBSourceSpider):
    """Crawls series: each with its seasons and episodes, as many in one request as TMDB takes.

    The first request asks for as many seasons as there is room for among 20 parts; TMDB leaves out those that a
    series does not have, and only a longer one takes more requests. ``parse_details`` gets one record with all
    seasons in ``appended_seasons``. A series of which one cannot be had is a failed call.

    Attributes:
        seasons: Whether to ask for seasons and episodes.
    """

    details_operation = "tv-series-details"
    discover_date = "first_air_date"
    seasons = True

    @property
    def parts(self) -> tuple[str, ...]:
        """The parts that are appended, and the first seasons; season 0 holds the specials."""
        append = self.plan.append
        return parts_of_series(append, self._tmdb_settings.languages) if self.seasons else append

    def details_request(self, record_id: int) -> Request:
        """Return the request for the details of a series."""
        request = super().details_request(record_id)
        if self.seasons:
            request.meta[CALL_KEY]["has_all_seasons"] = True
        return request


class ExitStatus(IntEnum):
    """Exit status of ``scrapy crawl``."""

    DONE = 0
    """All that was wanted is stored, gone from TMDB, or on record as failed."""

    FAILED = 1
    """The crawl could not do its work."""

    LEFT = 3
    """Records are left, and the same command goes on with them. 2 is a command line that cannot be used."""


_BROKEN = frozenset({BAD_TOKEN_REASON, SOURCE_FAILED, DATABASE_FAILED, "start_error"})
"""Reasons for closing with which a crawl could not do its work."""


def exit_status(crawler: Crawler) -> ExitStatus:
    """Return what became of a crawl that has ended.

    Args:
        crawler: One that has run. For a program that starts crawls by itself::

            crawler = process.create_crawler("tmdb_movies")
            process.crawl(crawler, source="export")
            process.start()
            sys.exit(exit_status(crawler))
    """
    try:
        reason = crawler.stats.get_value("finish_reason")
        calls = crawler.get_downloader_middleware(TMDBRetryMiddleware)
    except (AttributeError, RuntimeError):
        # It never began: a setting or an argument was refused.
        return ExitStatus.FAILED
    spider = crawler.spider
    if spider is None or reason in _BROKEN or (calls is not None and calls.found_no_one):
        return ExitStatus.FAILED
    if not isinstance(spider, TMDBSourceSpider):
        # Nobody but the spider knows what it wanted.
        return ExitStatus.DONE
    if spider.has_failed:
        return ExitStatus.FAILED
    if not spider.is_finished(reason):
        return ExitStatus.LEFT if spider.goes_on else ExitStatus.FAILED
    return ExitStatus.FAILED if calls is not None and calls.found_few else ExitStatus.DONE
