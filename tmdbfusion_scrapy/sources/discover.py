"""TMDB's lists and its discover as sources.

TMDB serves 500 pages of a query at most, so a large discover is split into disjoint parts: by release date first,
then a day by its number of votes, then by original language.
"""

from __future__ import annotations

import datetime
import json
import logging
import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

from tmdbfusion_scrapy import stats as names
from tmdbfusion_scrapy.exceptions import ConfigurationError, ValidationError
from tmdbfusion_scrapy.models.paging import LAST_PAGE
from tmdbfusion_scrapy.sources.source import (
    Estimate,
    EstimateLookup,
    Source,
    estimate_pages,
    take_count,
    today,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from scrapy import Request
    from typing_extensions import Self

    from tmdbfusion_scrapy.api import Endpoint
    from tmdbfusion_scrapy.exceptions import TMDBError
    from tmdbfusion_scrapy.sources.source import Crawl, Kind


logger = logging.getLogger(__name__)

DEFAULT_LIST_PAGES = 6
"""Pages of a list where the spider is not told: 120 records, enough for a first look."""

MOST_MOVED = 1.5
"""Results that the parts may have, as a multiple of the whole's: some are added while they are read."""


@dataclass(frozen=True)
class ListSource(Source):
    """The records of one of TMDB's lists, such as ``popular``, of which a page has 20."""

    name: ClassVar[str] = "list"
    listed_by: ClassVar = "lists"
    described: ClassVar = ("list", "pages")

    list_name: str
    pages: int

    @classmethod
    def from_arguments(cls, given: dict[str, str], kind: Kind) -> Self:
        """Return one of TMDB's lists."""
        names = list(kind.lists)
        name = given.pop("list", names[0])
        if name not in names:
            raise ConfigurationError(f"-a list={name} is unknown: use one of {', '.join(names)}")
        return cls(name, take_count(given, "pages", most=LAST_PAGE) or DEFAULT_LIST_PAGES)

    def describe(self, day: str | None) -> str:  # noqa: ARG002 - the interface
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


@dataclass(frozen=True)
class DiscoverSource(Source):
    """The records that discover finds with filters, by their names in Python; ``None`` for all pages."""

    name: ClassVar[str] = "discover"
    listed_by: ClassVar = "discover"
    described: ClassVar = ("pages",)

    filters: Mapping[str, Any]
    pages: int | None

    @classmethod
    def from_arguments(cls, given: dict[str, str], kind: Kind) -> Self:
        """Return TMDB's filters, by its own names or by ours; nothing else is left."""
        endpoint: Endpoint[..., Any] = kind.discover
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
        return f"what discover finds{f', {self.pages} pages at most' if self.pages is not None else ''}"

    async def requests(self, crawl: Crawl) -> AsyncIterator[Request]:
        """Yield the request for the pages: so many, or all."""
        if self.pages is not None or crawl.limit is not None:
            yield crawl.pages(crawl.kind.discover, self.pages, **self.filters)
            return
        parts = DiscoverParts(crawl, self.filters)
        crawl.reader = parts
        yield parts.request(None)

    async def estimate(self, lookup: EstimateLookup) -> Estimate:
        """Return what a crawl would have to fetch: the first page tells how much there is."""
        page = await lookup.first_page(lookup.kind.discover, **self.filters)
        if self.pages is not None or lookup.limit is not None or page.last_page == page.total_pages:
            return estimate_pages(page, self.pages or LAST_PAGE, lookup)
        total, pages = page.total_results or 0, page.total_pages or 0
        # Each part of at most 500 pages is half full on average, and so is what was split before it.
        splits = 4 * -(-pages // LAST_PAGE)
        return Estimate(total, lookup.not_fetched(total), pages + splits)


FIRST_DAY = datetime.date(1874, 1, 1)
"""The year of Passage de Venus, the oldest movie at TMDB."""

YEARS_AHEAD = 30
"""Years in the future up to which release dates are looked for; the last part holds the later ones."""

MOST_VOTES = 2**31 - 1

# Those with the most movies first, so that the others are soon few enough together.
_LANGUAGES = (
    "en fr es ja de pt it zh ko ru hi sv ar nl tr cn pl ta cs te ml da el fa tl th id no fi hu ro bn "
    "kn uk vi he xx mr bg sr et ca hr sl pa lv lt is ka sk ur mk az uz ms hy gu kk sq ne si mn gl eu "
    "km or kl bs af ga sh my cy ku be sw as ps wo bo la zu iu lb ky am so eo ab rw mt yo ha qu tg jv "
    "mi ln rm ig nb bm fo xh sa st su nn dz tk gd tn sd mg ks ff lo br ay aa ae ak an av ba bi fj ce "
    "ch co cr cu cv dv ee fy gn gv ho ht hz ia ie ii ik io kg ki kj kr kv kw lg li lu mh mo na nd ng "
    "nr nv ny oc oj om os pi rn sc se sg sm sn ss ti to ts tt tw ty ug ve vo wa yi za"
)
LANGUAGES = tuple(_LANGUAGES.split())
"""Original languages at TMDB: ISO 639-1, and its own ``cn`` (Cantonese) and ``xx`` (none).

https://developer.themoviedb.org/reference/configuration-languages
"""


@dataclass(frozen=True)
class Part:
    """Part of what discover finds; without ``most_votes`` or ``languages`` it has all of them.

    What was released before ``start`` is in the first one too, what is released after ``end`` in the last.
    """

    start: datetime.date
    end: datetime.date
    least_votes: int = 0
    most_votes: int | None = None
    languages: tuple[str, ...] | None = None
    is_first: bool = False
    is_last: bool = False

    def filters(self, date_name: str) -> Mapping[str, Any]:
        """Return the filters of the part, by ``primary_release_date`` or ``first_air_date``."""
        found: dict[str, Any] = {}
        # Without any bound there would be those without a date too.
        if not self.is_first or self.is_last:
            found[f"{date_name}_gte"] = self.start
        if not self.is_last:
            found[f"{date_name}_lte"] = self.end
        if self.least_votes or self.most_votes is not None:
            found["vote_count_gte"] = self.least_votes
        if self.most_votes is not None:
            found["vote_count_lte"] = self.most_votes
        if self.languages is not None:
            found["with_original_language"] = "|".join(self.languages)
        return found

    def sort_by(self, date_name: str) -> str:
        """Return the order in which the pages of the part are the most stable.

        All movies of one day would be equal by their date, and come in another order with each page.
        """
        if self.start != self.end:
            return f"{date_name}.asc"
        return "original_title.asc" if date_name == "primary_release_date" else "original_name.asc"

    def split(self) -> tuple[Part, Part] | None:
        """Return two parts that make up this one; ``None`` where it cannot be split any more.

        Split by language, they lack what is of none of :data:`LANGUAGES`.
        """
        days = (self.end - self.start).days
        if days > 0:
            middle = self.start + datetime.timedelta(days=days // 2)
            earlier = replace(self, end=middle, is_last=False)
            return earlier, replace(self, start=middle + datetime.timedelta(days=1), is_first=False)
        most = MOST_VOTES if self.most_votes is None else self.most_votes
        if most > self.least_votes:
            # Nearly all have few votes.
            votes = min(self.least_votes * 2, (self.least_votes + most) // 2)
            return replace(self, most_votes=votes), replace(self, least_votes=votes + 1)
        languages = LANGUAGES if self.languages is None else self.languages
        if len(languages) > 1:
            many = max(1, len(languages) // 8)
            return replace(self, languages=languages[:many]), replace(self, languages=languages[many:])
        return None


def whole(today: datetime.date) -> Part:
    """Return the part that holds every release date."""
    return Part(FIRST_DAY, datetime.date(today.year + YEARS_AHEAD, 12, 31), is_first=True, is_last=True)


def within(part: Part, filters: Mapping[str, Any], date_name: str) -> Part:
    """Return what of a part a user's own filters let through: the filters of its parts take their place."""
    given = {name: value for name, value in filters.items() if value not in (None, "")}

    def day(value: datetime.date | str) -> datetime.date:
        return value if isinstance(value, datetime.date) else datetime.date.fromisoformat(value)

    if (first := given.get(f"{date_name}_gte")) is not None:
        part = replace(part, start=day(first), is_first=False)
    if (last := given.get(f"{date_name}_lte")) is not None:
        part = replace(part, end=day(last), is_last=False)
    if (least := given.get("vote_count_gte")) is not None:
        part = replace(part, least_votes=max(0, math.ceil(float(least))))
    if (most := given.get("vote_count_lte")) is not None:
        part = replace(part, most_votes=math.floor(float(most)))
    if (language := given.get("with_original_language")) is not None:
        part = replace(part, languages=tuple(dict.fromkeys(str(language).split("|"))))
    return part


class DiscoverParts:
    """Reader of all that discover finds with a user's filters, with the proof of what it found."""

    def __init__(self, crawl: Crawl, filters: Mapping[str, Any]) -> None:
        self._crawl = crawl
        self._filters = filters
        self._date_name = crawl.kind.discover_date
        self._date_field = self._date_name.removeprefix("primary_")
        self._expected = self._in_parts = self._entries = self._unread = 0
        self._ids: set[int] = set()
        self._is_heeded = True
        self._results_at: Counter[int] = Counter()

    def request(
        self, part: Part | None, page: int = 1, *, depth: int = 0, descending: bool = False
    ) -> Request:
        """Return the request for a page of a part, or of the whole, which tells how much there is."""
        name = self._date_name
        query = {**self._filters, "sort_by": f"{name}.{'desc' if descending else 'asc'}"}
        if part is not None:
            query |= {"sort_by": part.sort_by(name), **part.filters(name)}
        place = {"part": part, "page": page, "depth": depth}
        return self._crawl.page(
            self._crawl.kind.discover, **query, page=page, priority=-page, cb_kwargs=place
        )

    async def read(self, response: Any, *, part: Part | None, page: int, depth: int) -> AsyncIterator[Any]:
        """Yield the requests for the records of a page, and for what is behind it."""
        if response.record.total_pages is None:
            yield self._crawl.incomplete(response, "it does not say how many pages there are")
        async for result in self._crawl.records_of(response, self._take(response.record, part)):
            yield result
        for request in self._requests_behind(response, part, page, depth):
            yield request
        self._report()

    def fail(self, error: TMDBError) -> None:
        """Note nothing: what is missing is seen by what was expected."""

    def _requests_behind(self, response: Any, part: Part | None, page: int, depth: int) -> Iterator[Request]:
        """Yield what is to be asked for after a page: its parts, or the pages behind it."""
        record = response.record
        total = record.total_results or 0
        is_large = (record.total_pages or 0) > LAST_PAGE
        is_descending = part is None and ".desc" in response.url
        if part is None and is_large:
            # No filter finds those without a date. Sorted by date they stand at one end, nobody says at which.
            if page < LAST_PAGE and any(getattr(entry, self._date_field) is None for entry in record.results):
                yield self.request(None, page + 1, descending=is_descending)
            elif page == 1 and not is_descending:
                yield self.request(None, descending=True)
        # The whole is read from both ends, and split once.
        if page > 1 or is_descending:
            return
        if part is None:
            self._expected = total
        else:
            self._results_at[depth] += total
            # Else they would be split without end.
            if self._is_heeded and self._results_at[depth] > MOST_MOVED * self._expected:
                logger.error(
                    "TMDB has more results in the parts of discover than in the whole: it does not heed the "
                    "filters by date, votes or language, and only the first pages are read"
                )
                self._is_heeded = False
                self._unread = self._expected
            if not self._is_heeded:
                return
        if is_large:
            everything = within(whole(today()), self._filters, self._date_name)
            parts = (everything,) if part is None else part.split()
            if parts is not None:
                yield from (self.request(smaller, depth=depth + 1) for smaller in parts)
                return
            self._unread += total - LAST_PAGE * len(record.results)
        self._in_parts += total
        for number in range(2, record.last_page + 1):
            yield self.request(part, number)

    def _take(self, page: Any, part: Part | None) -> list[Any]:
        """Return the entries of a page that count: those of what is split come again in its parts.

        What has no date comes in none of them, so it counts where it stands.
        """
        entries: list[Any] = page.results
        if (page.total_pages or 0) > LAST_PAGE:
            if part is None:
                entries = [entry for entry in entries if getattr(entry, self._date_field) is None]
                self._in_parts += len(entries)
            elif part.split() is not None:
                return []
        ids = [entry.id for entry in entries if entry.id is not None]
        self._entries += len(ids)
        self._ids.update(ids)
        return entries

    def _report(self) -> None:
        """Put what was found into the stats, and on the run's record."""
        found = len(self._ids)
        coverage = {
            # Results that TMDB counted for the whole, and for the parts together.
            "expected": self._expected,
            "in_parts": self._in_parts,
            # Different ids on the pages, and those that were on a page before.
            "found": found,
            "duplicates": self._entries - found,
            # Results of parts that could not be split any more, behind their last page.
            "unread": self._unread,
        }
        self._crawl.set_stat(names.DISCOVER_EXPECTED, self._expected)
        self._crawl.set_stat(names.DISCOVER_FOUND, found)
        self._crawl.set_stat(names.DISCOVER_DUPLICATES, self._entries - found)
        # Without a release date, or moved while the pages were read.
        self._crawl.set_stat(names.DISCOVER_MISSING, max(0, self._expected - found))
        self._crawl.coverage = json.dumps(coverage)
