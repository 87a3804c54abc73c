"""What the estimate of a crawl looks up: at TMDB and in the database, as the crawl would, without changing it."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any

from tmdbfusion_scrapy.client import AsyncTMDBClient
from tmdbfusion_scrapy.crawling.session import session_of
from tmdbfusion_scrapy.crawling.source_crawl import CrawlLookup
from tmdbfusion_scrapy.sources.source import Estimate

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Set as AbstractSet

    from scrapy.crawler import Crawler

    from tmdbfusion_scrapy.api import Endpoint
    from tmdbfusion_scrapy.crawling import TMDBSourceSpider
    from tmdbfusion_scrapy.sources import Plan
    from tmdbfusion_scrapy.storage.crawl_state import CrawlState, Share
    from tmdbfusion_scrapy.storage.runs import Run


class PlanLookup(CrawlLookup):
    """Access of a source to what it may look up; see :class:`~tmdbfusion_scrapy.sources.source.EstimateLookup`.

    Args:
        crawler: One that is not started.
        spider: The class of its spider.
        plan: What its arguments say.
        state: The database.

    Attributes:
        run: The unfinished run that the crawl would go on with.
    """

    def __init__(
        self, crawler: Crawler, spider: type[TMDBSourceSpider], plan: Plan, state: CrawlState
    ) -> None:
        super().__init__(crawler, spider.records_kind(), plan.limit)
        self._plan = plan
        self._state = state
        self._client: AsyncTMDBClient | None = None
        self.run: Run | None = state.unfinished_run(spider.name, plan.arguments)

    async def estimate(self) -> Estimate:
        """Return what the crawl would have to fetch.

        Raises:
            ConfigurationError: There is nothing to go by.
            TMDBError: TMDB could not be asked.
        """
        if self.run is not None and self.run.is_planned:
            progress = self._state.progress(self.run)
            return Estimate(progress.listed, progress.left)
        try:
            return await self._plan.source.estimate(self)
        finally:
            if self._client is not None:
                await self._client.aclose()

    @property
    def known(self) -> CrawlState:
        """What the database knows."""
        return self._state

    async def ask(self, question: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Return what a question to the database finds, asked in a thread."""
        return await asyncio.to_thread(partial(question, *args, **kwargs))

    def not_fetched(self, listed: int) -> int:
        """Return how many of some records are left, where an unfinished run has fetched some."""
        if self.run is None:
            return listed
        return max(0, listed - self._state.fetched_since(self.run.started_at))

    def share(
        self, listed: AbstractSet[int], *, adult: AbstractSet[int] | None = None, is_adult: bool = False
    ) -> Share:
        """Return how many of some ids are stored, given up, and how many stored ones are not listed."""
        return self._state.share(listed, adult=adult, is_adult=is_adult)

    async def first_page(self, endpoint: Endpoint[..., Any], **arguments: Any) -> Any:
        """Return the record of a list's first page."""
        if self._client is None:
            self._client = self._new_client()
        return await getattr(getattr(self._client, endpoint.namespace), endpoint.name)(**arguments)

    def _new_client(self) -> AsyncTMDBClient:
        """Return a client with the way to TMDB that the crawl would have."""
        session = session_of(self.crawler)
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
            timeout=self.crawler.settings.getfloat("DOWNLOAD_TIMEOUT") or None,
            requests_per_second=settings.requests_per_second,
            retries=settings.retry_times,
        )
