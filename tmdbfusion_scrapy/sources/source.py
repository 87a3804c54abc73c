"""Interface of a source: what lists the records of a crawl.

One class a source: it reads its arguments (``-a name=value``), makes its requests, estimates them for
``scrapy tmdb-plan``, and says in words what it is. :data:`~tmdbfusion_scrapy.sources.plan.SOURCES` names them all.
"""

from __future__ import annotations

import datetime
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from tmdbfusion_scrapy.api import Endpoint
from tmdbfusion_scrapy.exceptions import ConfigurationError
from tmdbfusion_scrapy.settings import check_boolean
from tmdbfusion_scrapy.stores import Entry

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
    from collections.abc import Set as AbstractSet
    from contextlib import AbstractAsyncContextManager

    from scrapy import Request
    from typing_extensions import Self

    from tmdbfusion_scrapy.exceptions import TMDBError
    from tmdbfusion_scrapy.items import FailedCall
    from tmdbfusion_scrapy.sources.export_file import ExportDownload
    from tmdbfusion_scrapy.stores import KnownRecords, Run


RESULTS_PER_PAGE = 20

NEEDS_DATABASE = "it needs a database: leave SQLPipeline in ITEM_PIPELINES"


@dataclass(frozen=True)
class Kind:
    """Kind of records that a spider crawls, named as its table, and the endpoints of TMDB that list them."""

    table: str
    lists: Mapping[str, Endpoint[..., Any]] = field(default_factory=dict)
    # An endpoint is a descriptor, for which a field with its type would be taken.
    discover: Any = None
    discover_date: str = "primary_release_date"
    changes: Any = None


@dataclass(frozen=True)
class Listing:
    """Records that a source lists without a request of the crawl.

    Args:
        entries: The ids and their popularity, by which the most popular come first.
        is_complete: Whether that is all that TMDB has of the kind.
        upto: The day up to which changes are known when all of it is fetched.
        adult: The ids of all records for adults, which are in an export of their own; ``None`` where they are not
            known.
        is_adult: Whether the entries are the records for adults, and no others.
        export: The export that the entries are of, without its day, and how many lines it has.
    """

    entries: Iterable[Entry] = ()
    is_complete: bool = False
    upto: str | None = None
    adult: Iterable[int] | None = None
    is_adult: bool = False
    export: tuple[str, int] | None = None

    @classmethod
    def of_ids(cls, ids: Iterable[int]) -> Self:
        """Return a listing of ids that are fetched in the order given."""
        return cls([(key, float(-place)) for place, key in enumerate(ids)])


@dataclass(frozen=True)
class Estimate:
    """Records that a crawl would have to fetch.

    Args:
        listed: Records that the source lists.
        left: Records that would be fetched.
        pages: Requests for what lists the records.
        is_exact: Whether ``listed`` is no upper bound.
        stored: Of the listed the ones that are stored; ``None`` where their ids are not known yet.
        given_up: Of the listed the ones that are not fetched because they failed for good.
        unlisted: Stored records that are looked up because TMDB lists them no more; they are in ``left``.
        day: The day of the export, or the one from which changes are read.
    """

    listed: int
    left: int
    pages: int = 0
    is_exact: bool = True
    stored: int | None = None
    given_up: int = 0
    unlisted: int = 0
    day: str | None = None


class Lookup(Protocol):
    """Access of a source to what it may look up; ``limit`` is that of records, ``None`` for all."""

    kind: Kind
    limit: int | None

    @property
    def known(self) -> KnownRecords:
        """The database, whose methods block: they are called by :meth:`ask`."""

    @property
    def log_extra(self) -> Mapping[str, Any]:
        """``extra`` of log records, which tells them from those of other crawls."""

    async def ask(self, question: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Return what a question to :attr:`known` finds, asked in a thread where that is of use."""

    def exports(self) -> AbstractAsyncContextManager[ExportDownload]:
        """Open what fetches TMDB's daily exports."""

    def count(self, stat: str, number: int) -> None:
        """Add to one of the crawl's stats."""


class Crawl(Lookup, Protocol):
    """A crawl as its source sees it; :mod:`tmdbfusion_scrapy.crawling.source_crawl` says what each method does."""

    run: Run | None
    coverage: str | None
    reader: Reader | None

    async def plan(self, listing: Listing) -> None: ...
    async def renew(self, listing: Listing) -> None: ...
    async def tell_others(self) -> None: ...
    def records(self, ids: Sequence[int]) -> AsyncIterator[Request]: ...
    def records_left(self) -> AsyncIterator[Request]: ...
    def records_of(self, response: Any, entries: Sequence[Any]) -> AsyncIterator[Any]: ...
    def pages(self, endpoint: Endpoint[..., Any], most: int | None, **arguments: Any) -> Request: ...
    def page(self, endpoint: Endpoint[..., Any], **arguments: Any) -> Request: ...
    def incomplete(self, response: Any, what: str) -> FailedCall: ...
    def set_stat(self, stat: str, value: Any) -> None: ...
    async def fetch_stored_images(self) -> None: ...


class Reader(Protocol):
    """Reads the pages of a list that takes more than one page after the other.

    ``read`` yields requests and items for a response with its ``record``, and ``cb_kwargs`` of the request.
    """

    @property
    def read(self) -> Callable[..., AsyncIterator[Any]]: ...
    def fail(self, error: TMDBError) -> None: ...


class EstimateLookup(Lookup, Protocol):
    """Access of a source to what it may look up for an estimate, as ``commands/plan_report.py`` has it."""

    def first_page(self, endpoint: Endpoint[..., Any], **arguments: Any) -> Awaitable[Any]: ...
    def not_fetched(self, listed: int) -> int: ...
    def share(
        self, listed: AbstractSet[int], *, adult: AbstractSet[int] | None = None, is_adult: bool = False
    ) -> Any: ...


class Source(ABC):
    """Source of the ids of a crawl, named by ``-a source=``.

    A subclass of one's own has :meth:`from_arguments`, :meth:`describe` and :meth:`listing`, and stands in
    ``sources`` of its spider; see docs/sources.md. One that reads TMDB's lists page by page has
    :meth:`requests` and :meth:`estimate` in place of :meth:`listing`.

    Attributes:
        name: Value of ``-a source=``.
        listed_by: Field of :class:`Kind` without which a kind has no such source.
        implied_by: Arguments that name the source where ``-a source=`` does not.
        described: Arguments of which :meth:`describe` tells.
        needs_database: Whether it is of use only with a database.
        fetches_again: Whether records that are stored already are fetched again.
        asks_for_records: Whether it has records fetched at all.
        is_mirror: Whether it keeps all records of a kind up to date, so that a crawl says which of them are stored
            with fewer parts than it asks for.
    """

    name: ClassVar[str]
    listed_by: ClassVar[str | None] = None
    implied_by: ClassVar[Sequence[str]] = ()
    described: ClassVar[Sequence[str]] = ()
    needs_database: ClassVar[bool] = False
    fetches_again: ClassVar[bool] = True
    asks_for_records: ClassVar[bool] = True
    is_mirror: ClassVar[bool] = False

    @classmethod
    def is_offered(cls, kind: Kind) -> bool:
        """Return whether there is such a source for a kind of records."""
        return cls.listed_by is None or bool(getattr(kind, cls.listed_by))

    @classmethod
    @abstractmethod
    def from_arguments(cls, given: dict[str, str], kind: Kind) -> Self:
        """Return the source that some arguments describe.

        Args:
            given: The arguments by their names. Those of the source are taken out: what is left is refused.
            kind: The kind of records.

        Raises:
            ConfigurationError: An argument is missing, or cannot be used; the message names it and the fix.
        """

    @abstractmethod
    def describe(self, day: str | None) -> str:
        """Return in words where the ids come from, such as ``TMDB's list popular, 5 pages at most``.

        Args:
            day: :attr:`Estimate.day`.
        """

    def identify(self, arguments: Mapping[str, str]) -> Mapping[str, str]:
        """Return the arguments that tell the same command from another, made of those that were given.

        A source whose arguments name a file adds what is in it: with other ids it is another command.
        """
        return arguments

    async def listing(self, lookup: Lookup) -> Listing:
        """Return what the source lists.

        Raises:
            ConfigurationError: There is nothing to go by.
            TMDBError: What lists the records could not be had.
        """
        raise NotImplementedError

    async def requests(self, crawl: Crawl) -> AsyncIterator[Request]:
        """Yield the requests of a crawl; what lists the records may raise a ``TMDBError``."""
        run = crawl.run
        if run is None:
            if self.needs_database:
                raise ConfigurationError(NEEDS_DATABASE)
            listing = await self.listing(crawl)
            async for request in crawl.records([key for key, _ in islice(listing.entries, crawl.limit)]):
                yield request
            return
        if not run.is_planned:
            await crawl.plan(await self.listing(crawl))
        if self.is_mirror:
            await crawl.tell_others()
        async for request in crawl.records_left():
            yield request

    async def estimate(self, lookup: EstimateLookup) -> Estimate:
        """Return what a crawl would have to fetch; what lists the records may raise a ``TMDBError``."""
        return self.estimate_of(await self.listing(lookup), lookup)

    def estimate_of(self, listing: Listing, lookup: EstimateLookup) -> Estimate:
        """Return what of a listing a crawl would have to fetch."""
        keys = {key for key, _ in listing.entries}
        adult = None if listing.adult is None else set(listing.adult)
        share = lookup.share(keys, adult=adult, is_adult=listing.is_adult)
        given_up = 0 if self.fetches_again else share.given_up
        left = lookup.not_fetched(len(keys)) if self.fetches_again else len(keys) - share.stored - given_up
        unlisted = share.unlisted if listing.is_complete and lookup.limit is None else 0
        return Estimate(
            len(keys),
            left + unlisted if lookup.limit is None else min(left, lookup.limit),
            stored=share.stored,
            given_up=given_up,
            unlisted=unlisted,
            day=listing.upto,
        )


def estimate_pages(page: Any, most: int, lookup: EstimateLookup) -> Estimate:
    """Return what a crawl of so many pages would have to fetch, by the record of the first one."""
    pages = min(most, page.last_page)
    listed = min(page.total_results or 0, pages * RESULTS_PER_PAGE)
    if lookup.limit is not None:
        listed = min(listed, lookup.limit)
        pages = min(pages, -(-listed // RESULTS_PER_PAGE))
    return Estimate(listed, lookup.not_fetched(listed), max(pages, 1))


def take_count(given: dict[str, str], name: str, *, most: int | None = None) -> int | None:
    """Return a whole number from 1, taken out of the arguments; ``None`` where it is not given."""
    text = given.pop(name, None)
    if text is None:
        return None
    number = int(text) if re.fullmatch(r"[0-9]{1,9}", str(text).strip()) else 0
    if number < 1 or (most is not None and number > most):
        bounds = f"from 1 to {most}" if most is not None else "from 1"
        raise ConfigurationError(f"-a {name}={text}: use a whole number {bounds}")
    return number


def take_number(given: dict[str, str], name: str, *, most: float | None = None) -> float | None:
    """Return a number from 0, taken out of the arguments; ``None`` where it is not given."""
    text = given.pop(name, None)
    if text is None:
        return None
    is_number = re.fullmatch(r"[0-9]{1,9}(\.[0-9]+)?", str(text).strip())
    if not is_number or (most is not None and float(text) > most):
        bounds = f"up to {most}" if most is not None else "such as 1.5"
        raise ConfigurationError(f"-a {name}={text}: use a number from 0, {bounds}")
    return float(text)


def take_flag(given: dict[str, str], name: str) -> bool:
    """Return true or false, taken out of the arguments; false where it is not given."""
    return check_boolean(f"-a {name}", given.pop(name, False))


def take_day(given: dict[str, str], name: str) -> datetime.date | None:
    """Return a day that is not to come, taken out of the arguments; ``None`` where it is not given."""
    text = given.pop(name, None)
    if text is None:
        return None
    text = str(text).strip()
    try:
        # fromisoformat takes other forms too, each version of Python others.
        day = datetime.date.fromisoformat(text if re.fullmatch(r"[0-9-]{10}", text) else "")
    except ValueError:
        raise ConfigurationError(f"-a {name}={text}: use a day such as 2026-11-01") from None
    if day > today():
        raise ConfigurationError(f"-a {name}={text} is still to come: use a day that was")
    return day


def today() -> datetime.date:
    """Return the day it is, UTC."""
    return datetime.datetime.now(datetime.timezone.utc).date()
