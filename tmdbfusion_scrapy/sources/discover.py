"""TMDB's lists and its discover as sources."""

from __future__ import annotations

import dataclasses
import datetime
import json
import logging
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from tmdbfusion_scrapy import stats as names
from tmdbfusion_scrapy.exceptions import ConfigurationError, ValidationError
from tmdbfusion_scrapy.models.paging import LAST_PAGE
from tmdbfusion_scrapy.sources.partition import Coverage, Part, is_too_large, whole, within
from tmdbfusion_scrapy.sources.source import Estimate, EstimateLookup, Source, estimate_pages, take_count

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from scrapy import Request
    from typing_extensions import Self

    from tmdbfusion_scrapy.api import Endpoint
    from tmdbfusion_scrapy.exceptions import TMDBError
    from tmdbfusion_scrapy.sources.source import Crawl, Kind


DEFAULT_LIST_PAGES = 6
"""Pages of a list where the spider is not told: 120 records, enough for a first look."""


@dataclass(frozen=True)
class ListSource(Source):
    """The records of one of TMDB's lists.

    Args:
        list_name: TMDB's name of the list, such as ``popular``.
        pages: Most pages, 20 records each.
    """

    name: ClassVar[str] = "list"
    described: ClassVar = ("list", "pages")

    list_name: str
    pages: int

    @classmethod
    def is_offered(cls, kind: Kind) -> bool:
        """Return whether TMDB has lists of the kind."""
        return bool(kind.lists)

    @classmethod
    def from_arguments(cls, given: dict[str, str], kind: Kind) -> Self:
        """Return one of TMDB's lists.

        Raises:
            ConfigurationError: The list is unknown, or the pages are no number from 1 to 500.
        """
        names = list(kind.lists)
        name = given.pop("list", names[0])
        if name not in names:
            raise ConfigurationError(f"-a list={name} is unknown: use one of {', '.join(names)}")
        return cls(name, take_count(given, "pages", most=LAST_PAGE) or DEFAULT_LIST_PAGES)

    def describe(self, day: str | None) -> str:  # noqa: ARG002 - the interface
        """Return in words where the ids come from."""
        return f"TMDB's list {self.list_name}, {self.pages} pages at most"

    async def requests(self, crawl: Crawl) -> AsyncIterator[Request]:
        """Yield the request for the pages of the list."""
        endpoint = crawl.kind.lists[self.list_name]
        window = {"time_window": "day"} if "time_window" in endpoint.parameters else {}
        yield crawl.pages(endpoint, self.pages, **window)

    async def estimate(self, lookup: EstimateLookup) -> Estimate:
        """Return what a crawl would have to fetch: the first page tells how long the list is."""
        page = await lookup.first_page(lookup.kind.lists[self.list_name])
        return estimate_pages(page, self.pages, lookup)


logger = logging.getLogger(__name__)

MOST_MOVED = 1.5
"""Results that the parts may have, as a multiple of the whole's: some are added while they are read."""


@dataclass(frozen=True)
class DiscoverSource(Source):
    """The records that discover finds.

    Args:
        filters: Arguments of the discover endpoint, by their names in Python.
        pages: Most pages, 20 records each; ``None`` for all, in parts where TMDB has more than 500 pages.
    """

    name: ClassVar[str] = "discover"
    described: ClassVar = ("pages",)

    filters: Mapping[str, Any]
    pages: int | None

    @classmethod
    def is_offered(cls, kind: Kind) -> bool:
        """Return whether TMDB has discover for the kind."""
        return kind.discover is not None

    @classmethod
    def from_arguments(cls, given: dict[str, str], kind: Kind) -> Self:
        """Return TMDB's filters, by its own names or by ours; nothing else is left.

        Raises:
            ConfigurationError: One is no filter, or TMDB would refuse its value.
        """
        endpoint = _endpoint(kind)
        pages = take_count(given, "pages", most=LAST_PAGE)
        keys = {parameter.key: parameter.name for parameter in endpoint.parameters.values()}
        keys.update({name: name for name in endpoint.parameters})
        filters: dict[str, Any] = {}
        as_given: dict[str, str] = {}
        for argument in list(given):
            if argument not in keys or keys[argument] == "page":
                raise ConfigurationError(
                    f"-a {argument}=... is neither an argument of the spider nor a filter of TMDB's discover: "
                    f"see https://developer.themoviedb.org/reference/{endpoint.operation_id}"
                )
            as_given[keys[argument]] = argument
            filters[keys[argument]] = given.pop(argument)
        try:
            endpoint.call({}, page=1, **filters)
        except ValidationError as error:
            name, _, problem = error.message.partition(" ")
            raise ConfigurationError(f"-a {as_given.get(name, name)} {problem}") from None
        return cls(filters, pages)

    def describe(self, day: str | None) -> str:  # noqa: ARG002 - the interface
        """Return in words where the ids come from."""
        return f"what discover finds{f', {self.pages} pages at most' if self.pages is not None else ''}"

    async def requests(self, crawl: Crawl) -> AsyncIterator[Request]:
        """Yield the request for the pages: so many, or all."""
        if self.pages is not None or crawl.limit is not None:
            yield crawl.pages(_endpoint(crawl.kind), self.pages, **self.filters)
            return
        parts = DiscoverParts(crawl, self.filters)
        crawl.read_with(parts)
        yield parts.first_request()

    async def estimate(self, lookup: EstimateLookup) -> Estimate:
        """Return what a crawl would have to fetch: the first page tells how much there is."""
        page = await lookup.first_page(_endpoint(lookup.kind), **self.filters)
        if self.pages is not None or lookup.limit is not None or page.last_page == page.total_pages:
            return estimate_pages(page, self.pages or LAST_PAGE, lookup)
        total, pages = page.total_results or 0, page.total_pages or 0
        # Each part of at most 500 pages is half full on average, and so is what was split before it.
        splits = 4 * -(-pages // LAST_PAGE)
        return Estimate(total, lookup.not_fetched(total), pages + splits)


def _endpoint(kind: Kind) -> Endpoint[..., Any]:
    """Return the discover endpoint of a kind for which the source is offered."""
    endpoint: Endpoint[..., Any] = kind.discover
    return endpoint


class DiscoverParts:
    """Reader of all that discover finds, with the proof of what it found.

    Args:
        crawl: Makes the requests.
        filters: The user's filters.
    """

    def __init__(self, crawl: Crawl, filters: Mapping[str, Any]) -> None:
        self._crawl = crawl
        self._endpoint = _endpoint(crawl.kind)
        self._filters = filters
        self._date_name = crawl.kind.discover_date
        self._expected = 0
        self._in_parts = 0
        self._entries = 0
        self._unread = 0
        self._ids: set[int] = set()
        self._is_heeded = True
        self._results_at: Counter[int] = Counter()

    def first_request(self) -> Request:
        """Return the request that tells how much there is."""
        return self._request(None, 1)

    async def read(self, response: Any, *, part: Part | None, page: int, depth: int) -> AsyncIterator[Any]:
        """Yield the requests for the records of a page, and for what is behind it."""
        if response.record.total_pages is None:
            yield self._crawl.incomplete(response, "it does not say how many pages there are")
        async for result in self._crawl.records_of(response, self.take(response, part)):
            yield result
        for request in self.requests_behind(response, part, page, depth):
            yield request
        self._report()

    def fail(self, error: TMDBError) -> None:
        """Note nothing: what is missing is seen by what was expected."""

    def requests_behind(self, response: Any, part: Part | None, page: int, depth: int) -> Iterator[Request]:
        """Yield what is to be asked for after a page: its parts, or the pages behind it.

        Args:
            response: The page.
            part: The part that it is of; ``None`` for the whole.
            page: Its number.
            depth: How often the whole was split to make the part.
        """
        total = response.record.total_results or 0
        is_large = is_too_large(response.record.total_pages or 0)
        if part is None and is_large:
            yield from self._requests_of_undated(response, page)
        # The whole is read from both ends, and split once.
        if page > 1 or (part is None and _is_descending(response)):
            return
        if part is None:
            self._expected = total
        elif not self._is_smaller(total, depth):
            return
        if is_large:
            parts = (self._whole(),) if part is None else part.split()
            if parts is not None:
                yield from (self._request(smaller, 1, depth=depth + 1) for smaller in parts)
                return
            self._unread += total - LAST_PAGE * len(response.record.results)
        self._in_parts += total
        for number in range(2, response.record.last_page + 1):
            yield self._request(part, number)

    def _is_smaller(self, total: int, depth: int) -> bool:
        """Return whether parts are smaller than what they are parts of; else they would be split without end."""
        self._results_at[depth] += total
        if self._is_heeded and self._results_at[depth] > MOST_MOVED * self._expected:
            logger.error(
                "TMDB has more results in the parts of discover than in the whole: it does not heed the filters "
                "by date, votes or language, and only the first pages are read"
            )
            self._is_heeded = False
            self._unread = self._expected
        return self._is_heeded

    def take(self, response: Any, part: Part | None) -> list[Any]:
        """Return the entries of a page that count: those of what is split come again in its parts.

        What has no date comes in none of them, so it counts where it stands.
        """
        entries: list[Any] = response.record.results
        if is_too_large(response.record.total_pages or 0):
            if part is None:
                entries = [entry for entry in entries if self._date_of(entry) is None]
                self._in_parts += len(entries)
            elif part.split() is not None:
                return []
        ids = [entry.id for entry in entries if entry.id is not None]
        self._entries += len(ids)
        self._ids.update(ids)
        return entries

    def _requests_of_undated(self, response: Any, page: int) -> Iterator[Request]:
        """The request for the next page of the whole, as long as there are some without a date.

        No filter of TMDB's finds them. Sorted by date they stand at one end, nobody says at which.
        """
        if page < LAST_PAGE and any(self._date_of(entry) is None for entry in response.record.results):
            yield self._request(None, page + 1, descending=_is_descending(response))
        elif page == 1 and not _is_descending(response):
            yield self._request(None, 1, descending=True)

    def _date_of(self, entry: Any) -> datetime.date | None:
        """The date that parts are made by."""
        date: datetime.date | None = getattr(entry, self._date_name.removeprefix("primary_"))
        return date

    def coverage(self) -> Coverage:
        """Return what was found."""
        found = len(self._ids)
        return Coverage(self._expected, self._in_parts, found, self._entries - found, self._unread)

    def _report(self) -> None:
        """Put what was found into the stats, and on the run's record."""
        coverage = self.coverage()
        self._crawl.set_stat(names.DISCOVER_EXPECTED, coverage.expected)
        self._crawl.set_stat(names.DISCOVER_FOUND, coverage.found)
        self._crawl.set_stat(names.DISCOVER_DUPLICATES, coverage.duplicates)
        self._crawl.set_stat(names.DISCOVER_MISSING, coverage.missing)
        if self._crawl.run is not None:
            self._crawl.run.coverage = json.dumps(dataclasses.asdict(coverage))

    def _whole(self) -> Part:
        """The part that holds every release date, or as many as the filters let through."""
        today = datetime.datetime.now(datetime.timezone.utc).date()
        return within(whole(today), self._filters, self._date_name)

    def _request(self, part: Part | None, page: int, *, depth: int = 0, descending: bool = False) -> Request:
        """The request for a page of a part, or of the whole."""
        if part is None:
            order = f"{self._date_name}.{'desc' if descending else 'asc'}"
            query = {**self._filters, "sort_by": order}
        else:
            query = {
                **self._filters,
                "sort_by": part.sort_by(self._date_name),
                **part.filters(self._date_name),
            }
        place = {"part": part, "page": page, "depth": depth}
        return self._crawl.page(self._endpoint, **query, page=page, priority=-page, cb_kwargs=place)


def _is_descending(response: Any) -> bool:
    """Return whether a page of the whole is of the list from its end."""
    return ".desc" in response.url
