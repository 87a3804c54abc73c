"""What a crawl would have to fetch: asked of TMDB and of the database, with the code of the crawl."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tmdbfusion_scrapy.api import OPERATIONS
from tmdbfusion_scrapy.client import AsyncTMDBClient
from tmdbfusion_scrapy.crawling.listing import list_source
from tmdbfusion_scrapy.crawling.session import session_of
from tmdbfusion_scrapy.crawling.source_spider import RESULTS_PER_PAGE
from tmdbfusion_scrapy.models.paging import LAST_PAGE
from tmdbfusion_scrapy.sources import DiscoverSource, ExportSource, ListSource
from tmdbfusion_scrapy.sources.windows import windows
from tmdbfusion_scrapy.storage.runs import Run

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

    from tmdbfusion_scrapy.crawling import TMDBSourceSpider
    from tmdbfusion_scrapy.sources import Plan
    from tmdbfusion_scrapy.storage.crawl_state import CrawlState


@dataclass(frozen=True)
class Survey:
    """What a crawl would have to fetch.

    Args:
        listed: Records that the source lists.
        left: Records that would be fetched.
        pages: Requests for what lists the records.
        is_exact: Whether ``listed`` is no upper bound.
        stored: Of the listed the ones that are stored; ``None`` where their ids are not known yet.
        given_up: Of the listed the ones that are not fetched because they failed for good.
        unlisted: Stored records that are looked up because TMDB lists them no more; they are in ``left``.
        day: The day of the export, or the one from which changes are read.
        run: The unfinished run that the crawl would go on with.
    """

    listed: int
    left: int
    pages: int = 0
    is_exact: bool = True
    stored: int | None = None
    given_up: int = 0
    unlisted: int = 0
    day: str | None = None
    run: Run | None = None


class Surveyor:
    """Asks TMDB and the database, and changes nothing.

    Args:
        crawler: One that is not started.
        spider: The class of its spider.
        plan: What its arguments say.
        state: The database.
    """

    def __init__(
        self, crawler: Crawler, spider: type[TMDBSourceSpider], plan: Plan, state: CrawlState
    ) -> None:
        self._crawler = crawler
        self._spider = spider
        self._plan = plan
        self._state = state
        self._kind = spider.kind()

    async def survey(self) -> Survey:
        """Return what a crawl would have to fetch.

        Raises:
            ConfigurationError: There is nothing to go by.
            TMDBError: TMDB could not be asked.
        """
        run = self._state.unfinished_run(self._spider.name, self._plan.arguments)
        source = self._plan.source
        if isinstance(source, ListSource):
            return await self._of_list(source, run)
        if isinstance(source, DiscoverSource):
            return await self._of_discover(source, run)
        if run is not None and run.is_planned:
            progress = self._state.progress(run)
            return Survey(progress.listed, progress.left, run=run)
        return await self._of_listing(run)

    async def _of_list(self, source: ListSource, run: Run | None) -> Survey:
        """One of TMDB's lists: its first page tells how long it is."""
        page = await self._first_page(self._spider.list_operations[source.list_name])
        return self._of_pages(page, source.pages, run)

    async def _of_discover(self, source: DiscoverSource, run: Run | None) -> Survey:
        """Discover: so many pages, or all."""
        assert self._spider.discover_operation is not None  # noqa: S101 - the plan has seen that there is one
        page = await self._first_page(self._spider.discover_operation, **source.filters)
        if source.pages is not None or self._plan.limit is not None or page.last_page == page.total_pages:
            return self._of_pages(page, source.pages or LAST_PAGE, run)
        total, pages = page.total_results or 0, page.total_pages or 0
        # Each part of at most 500 pages is half full on average, and so is what was split before it.
        splits = 4 * -(-pages // LAST_PAGE)
        return Survey(total, self._not_fetched(total, run), pages + splits, run=run)

    def _of_pages(self, page: Any, most: int, run: Run | None) -> Survey:
        """Pages of 20."""
        pages = min(most, page.last_page)
        listed = min(page.total_results or 0, pages * RESULTS_PER_PAGE)
        if self._plan.limit is not None:
            listed = min(listed, self._plan.limit)
            pages = min(pages, -(-listed // RESULTS_PER_PAGE))
        return Survey(listed, self._not_fetched(listed, run), max(pages, 1), run=run)

    async def _of_listing(self, run: Run | None) -> Survey:
        """What the source lists without a page being read, or the change feed."""
        source = self._plan.source
        listing = await list_source(self._crawler, self._kind, source, self._state)
        if listing.changes_since is not None:
            return await self._of_changes(listing.changes_since, run)
        keys = {key for key, _ in listing.entries}
        adult = None if listing.adult is None else set(listing.adult)
        share = self._state.share(keys, adult=adult, is_adult=listing.is_adult)
        limit = self._plan.limit
        given_up = unlisted = 0
        left = len(keys)
        if isinstance(source, ExportSource):
            given_up = share.given_up
            left -= share.stored + given_up
        elif run is not None:
            left = self._not_fetched(left, run)
        if limit is not None:
            left = min(left, limit)
        elif listing.is_complete:
            unlisted = share.unlisted
            left += unlisted
        return Survey(
            len(keys),
            left,
            stored=share.stored,
            given_up=given_up,
            unlisted=unlisted,
            day=listing.upto,
            run=run,
        )

    async def _of_changes(self, since: datetime.date, run: Run | None) -> Survey:
        """The change feed: the first page of each window tells how long it is."""
        assert self._spider.changes_operation is not None  # noqa: S101 - the plan has seen that there is one
        listed = pages = 0
        today = datetime.datetime.now(datetime.timezone.utc).date()
        async with self._client() as client:
            for window in windows(since, today):
                page = await _ask(
                    client, self._spider.changes_operation, start_date=window.start, end_date=window.end
                )
                listed += page.total_results or 0
                pages += page.total_pages or 1
        left = listed if self._plan.limit is None else min(listed, self._plan.limit)
        # What changed more than once is listed in several windows, or on several days.
        return Survey(
            listed, self._not_fetched(left, run), pages, is_exact=False, day=since.isoformat(), run=run
        )

    def _not_fetched(self, listed: int, run: Run | None) -> int:
        """How many are left, where an unfinished run has fetched some."""
        if run is None:
            return listed
        return max(0, listed - self._state.fetched_since(run.started_at))

    async def _first_page(self, operation: str, **arguments: Any) -> Any:
        """The first page of a list."""
        async with self._client() as client:
            return await _ask(client, operation, **arguments)

    def _client(self) -> AsyncTMDBClient:
        """A client with the way to TMDB that the crawl would have."""
        session = session_of(self._crawler)
        settings = session.settings
        secret, is_key = session.credentials.secret, session.credentials.is_v3_key
        return AsyncTMDBClient(
            None if is_key else secret,
            api_key=secret if is_key else None,
            transport=session.transport,
            base_url=settings.api_url,
            language=None if settings.languages else settings.language,
            languages=settings.languages or None,
            region=settings.region,
            timeout=self._crawler.settings.getfloat("DOWNLOAD_TIMEOUT") or None,
            requests_per_second=settings.requests_per_second,
            retries=settings.retry_times,
        )


async def _ask(client: AsyncTMDBClient, operation: str, **arguments: Any) -> Any:
    """Call an endpoint by its operationId."""
    endpoint = OPERATIONS[operation]
    return await getattr(getattr(client, endpoint.namespace), endpoint.name)(**arguments)
