"""Spiders of which ``-a source=...`` says what they crawl."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from tmdbfusion_scrapy.api import OPERATIONS, Endpoint
from tmdbfusion_scrapy.crawling.failed import failed_call
from tmdbfusion_scrapy.crawling.spider import TMDBSpider
from tmdbfusion_scrapy.crawling.startup import plain_messages
from tmdbfusion_scrapy.exceptions import ResponseError
from tmdbfusion_scrapy.models.fields import find_place
from tmdbfusion_scrapy.sources import DiscoverSource, IdsSource, ListSource, Plan

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping

    from scrapy import Request
    from scrapy.crawler import Crawler
    from typing_extensions import Self

    from tmdbfusion_scrapy.crawling.items import FailedCall
    from tmdbfusion_scrapy.crawling.responses import TMDBResponse

logger = logging.getLogger(__name__)

RESULTS_PER_PAGE = 20


class TMDBSourceSpider(TMDBSpider):
    """Crawls the details of records of one kind, from a source that its arguments name.

    Arguments: ``source`` (``ids``, ``list`` or ``discover``), ``ids``, ``list``, ``pages``, ``limit``, ``append``;
    with ``source=discover`` also TMDB's filters. See :class:`~tmdbfusion_scrapy.sources.Plan`.

    Attributes:
        details_operation: operationId of the details endpoint.
        list_operations: operationIds of the lists by TMDB's names; the first is the default.
        discover_operation: operationId of the discover endpoint, ``None`` where there is none.
    """

    details_operation: ClassVar[str]
    list_operations: ClassVar[Mapping[str, str]]
    discover_operation: ClassVar[str | None] = None

    def __init__(self, name: str | None = None, **arguments: str) -> None:
        super().__init__(name)
        self.plan = Plan.from_arguments(arguments, lists=self._lists(), discover=self._discover())
        self._asked: set[int] = set()

    @classmethod
    def from_crawler(cls, crawler: Crawler, *args: Any, **kwargs: Any) -> Self:
        """Make the spider; arguments that cannot be used end the crawl with a message."""
        with plain_messages():
            return super().from_crawler(crawler, *args, **kwargs)

    async def start(self) -> AsyncIterator[Any]:
        """Ask for the records, or for the first page of them."""
        self._warn_of_unknown_parts()
        # With JOBDIR the spider has a state that lasts; the limit is for all runs together.
        state: dict[str, Any] | None = getattr(self, "state", None)
        if state is not None:
            self._asked = state.setdefault("tmdb_asked", self._asked)
        source = self.plan.source
        if isinstance(source, IdsSource):
            for record_id in source.ids[: self.plan.limit]:
                yield self.details_request(record_id)
        else:
            yield self._pages_request(source)

    def details_request(self, record_id: int) -> Request:
        """Return the request for the details of a record."""
        endpoint = OPERATIONS[self.details_operation]
        return self.tmdb_request(
            endpoint, record_id, append_to_response=self.plan.append or None, callback=self.parse_details
        )

    def parse_details(self, response: TMDBResponse) -> Iterator[Any]:
        """Yield the record."""
        yield response.record

    def parse_page(self, response: TMDBResponse) -> Iterator[Any]:
        """Ask for the records of a page; lists move while they are read, so some come twice."""
        results = response.record.results
        if any(entry.id is None for entry in results):
            yield self._incomplete(response, "results without an id")
        for entry in results:
            if entry.id is None or entry.id in self._asked:
                continue
            if self.plan.limit is not None and len(self._asked) >= self.plan.limit:
                return
            self._asked.add(entry.id)
            yield self.details_request(entry.id)

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

    def _pages_request(self, source: ListSource | DiscoverSource) -> Request:
        """The request for the pages of a list, as many as are wanted."""
        if isinstance(source, DiscoverSource):
            endpoint, filters = self._discover(), source.filters
        else:
            endpoint, filters = self._lists()[source.name], {}
        assert endpoint is not None  # noqa: S101 - the plan has seen that there is one
        pages = source.pages
        if self.plan.limit is not None:
            pages = min(pages, -(-self.plan.limit // RESULTS_PER_PAGE))
        return self.paginate(
            partial(self.tmdb_request, endpoint), pages=pages, callback=self.parse_page, **filters
        )

    @classmethod
    def _lists(cls) -> Mapping[str, Endpoint[..., Any]]:
        return {name: OPERATIONS[operation] for name, operation in cls.list_operations.items()}

    @classmethod
    def _discover(cls) -> Endpoint[..., Any] | None:
        return OPERATIONS[cls.discover_operation] if cls.discover_operation is not None else None
