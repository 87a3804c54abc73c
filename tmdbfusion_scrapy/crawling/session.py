"""What all TMDB requests of one crawl share: settings, credentials, pace, pool; and those of the images."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any
from weakref import ref

from scrapy import signals

from tmdbfusion_scrapy import stats as names
from tmdbfusion_scrapy.base_urls import is_loopback_url, is_plain
from tmdbfusion_scrapy.crawling.per_crawler import per_crawler
from tmdbfusion_scrapy.crawling.tls import tls_context
from tmdbfusion_scrapy.credentials import Credentials
from tmdbfusion_scrapy.http import httpx
from tmdbfusion_scrapy.pacing import AsyncPacer, PaceOptions, shared_pace
from tmdbfusion_scrapy.settings import IMAGES_SLOT, TMDBSettings
from tmdbfusion_scrapy.transport import FailoverTransport, PooledTransport

if TYPE_CHECKING:
    from scrapy import Request
    from scrapy.crawler import Crawler
    from scrapy.settings import BaseSettings

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Channel:
    """The way of one kind of requests.

    Attributes:
        base_url: What their URLs begin with.
        transport: Their pool.
        pacer: Their pace.
        credentials: What goes with them; ``None`` for nothing.
        uses_environment: Whether a proxy of the environment is used: not for loopback, nor beside ``TMDB_PROXY``.
        request_count: Name of the stat that counts them.
        status_count: Name of the stat that counts their responses, to be followed by the status.
    """

    base_url: str
    transport: httpx.AsyncBaseTransport
    pacer: AsyncPacer
    credentials: Credentials | None
    uses_environment: bool
    request_count: str
    status_count: str


class CrawlSession:
    """One pool for a crawl, and its part in the pace of the process.

    Scrapy makes one download handler for each scheme
    (https://docs.scrapy.org/en/latest/topics/download-handlers.html); they share this.
    """

    def __init__(self, crawler: Crawler) -> None:
        self.settings = settings = TMDBSettings.from_settings(crawler.settings)
        self.credentials = crawl_credentials(crawler.settings)
        self.pacer = AsyncPacer(
            PaceOptions(rate=settings.requests_per_second),
            shared_pace(settings.api_url),
            self.is_stopping,
        )
        self._tls = tls_context(crawler.settings, verify=settings.verify_tls)
        self._local_address = _bind_host(crawler.settings.get("DOWNLOAD_BIND_ADDRESS"))
        self.pool = self._pool(
            settings.max_connections, settings.max_keepalive_connections, proxy=settings.proxy
        )
        several = len(settings.api_urls) > 1
        self._failover = FailoverTransport(self.pool, settings.api_urls) if several else None
        self.transport: httpx.AsyncBaseTransport = self._failover or self.pool
        self.api = Channel(
            settings.api_url,
            self.transport,
            self.pacer,
            self.credentials,
            self._uses_environment(settings.api_url),
            names.REQUEST_COUNT,
            names.RESPONSE_STATUS_COUNT,
        )
        self._images_pool: PooledTransport | None = None
        self._crawler = ref(crawler)
        self._report_due = 0.0
        self._most_waiting = 0
        crawler.signals.connect(self._report, signals.spider_closed)

    @cached_property
    def images(self) -> Channel:
        """The images' way: another host, without credentials, and a 429 of the one does not stop the other."""
        settings = self.settings
        self._images_pool = self.new_pool(settings.images_url, settings.images_max_connections)
        pacer = AsyncPacer(
            PaceOptions(rate=settings.images_requests_per_second),
            shared_pace(settings.images_url, "images"),
            self.is_stopping,
        )
        return Channel(
            settings.images_url,
            self._images_pool,
            pacer,
            None,
            self._uses_environment(settings.images_url),
            names.IMAGES_REQUEST_COUNT,
            names.IMAGES_RESPONSE_STATUS_COUNT,
        )

    def new_pool(self, base_url: str, connections: int | None) -> PooledTransport:
        """Return another pool with the settings of the crawl; who asks for it closes it.

        Args:
            base_url: What it is for; plain http to loopback goes past ``TMDB_PROXY``.
            connections: Most connections; ``None`` for no limit.
        """
        is_direct = is_plain(base_url) and is_loopback_url(base_url)
        return self._pool(connections, connections, proxy=None if is_direct else self.settings.proxy)

    def channel_of(self, request: Request) -> Channel | None:
        """Return the way of a request, ``None`` for one that is not TMDB's."""
        if self.settings.is_tmdb(request.url):
            return self.api
        if request.meta.get("download_slot") == IMAGES_SLOT and self.settings.is_image(request.url):
            return self.images
        return None

    async def close(self) -> None:
        """Close the pools; called once for each scheme."""
        self.pacer.close()
        await self.transport.aclose()
        if self._images_pool is not None:
            self.images.pacer.close()
            await self._images_pool.aclose()

    def report_if_due(self, now: float) -> None:
        """Bring the stats up to date, once a second; ``now`` is of ``time.monotonic()``."""
        if now >= self._report_due:
            self._report_due = now + 1.0
            self._report()

    def is_stopping(self) -> bool:
        """Return whether the spider is being closed, so that nothing is to wait for the pace any longer."""
        crawler = self._crawler()
        try:
            engine = crawler.engine if crawler is not None else None
        except RuntimeError:
            # Scrapy 2.18 and newer, where a handler is used without a crawl.
            return False
        # No signal tells before all downloads have ended.
        slot = engine._slot if engine is not None else None  # noqa: SLF001
        return slot is not None and slot.closing is not None

    def _uses_environment(self, base_url: str) -> bool:
        """Whether a proxy of the environment is used for what is below a base URL."""
        return self.settings.proxy is None and not is_loopback_url(base_url)

    def _pool(
        self, connections: int | None, keepalive_connections: int | None, *, proxy: str | None
    ) -> PooledTransport:
        """A pool with the settings, the certificates and the address of the crawl."""
        settings = self.settings
        limits = httpx.Limits(
            max_connections=connections,
            max_keepalive_connections=keepalive_connections,
            keepalive_expiry=settings.keepalive_expiry,
        )
        return PooledTransport(
            limits=limits,
            verify=self._tls,
            proxy=proxy,
            local_address=self._local_address,
            ip_family=settings.ip_family,
        )

    def _report(self) -> None:
        """Put into the stats what pool and pace did."""
        crawler = self._crawler()
        assert crawler is not None  # noqa: S101 - its own signal
        stats = crawler.stats
        pace = self.pacer.statistics()
        stats.set_value(names.PACING_RATE, round(pace.rate, 3))
        stats.set_value(names.PACING_LOWEST_RATE, round(pace.lowest_rate, 3))
        stats.set_value(names.PACING_WAITS, pace.waits)
        stats.set_value(names.PACING_WAIT_SECONDS, round(pace.wait_seconds, 3))
        stats.set_value(names.PACING_PAUSES, pace.pauses)
        pool = self.pool.statistics()
        stats.set_value(names.POOL_OPENED, pool.opened)
        stats.set_value(names.POOL_REUSED, pool.reused)
        stats.set_value(names.POOL_OPEN, pool.open)
        self._most_waiting = max(self._most_waiting, pool.waiting)
        stats.set_value(names.POOL_WAITING, self._most_waiting)
        stats.set_value(names.POOL_HANDSHAKES, pool.tls_handshakes)
        if self._failover is not None:
            stats.set_value(names.FAILOVER_COUNT, self._failover.switches)
        if self._images_pool is not None:
            pace = self.images.pacer.statistics()
            stats.set_value(names.IMAGES_RATE, round(pace.rate, 3))
            stats.set_value(names.IMAGES_PAUSES, pace.pauses)
            stats.set_value(names.IMAGES_OPENED, self._images_pool.statistics().opened)


@per_crawler
def session_of(crawler: Crawler) -> CrawlSession:
    """Return the session of a crawl, made at its first use."""
    return CrawlSession(crawler)


def crawl_credentials(settings: BaseSettings) -> Credentials:
    """Return the credentials of a crawl, from its settings, else from the environment.

    Raises:
        ConfigurationError: There are none, or they cannot be used.
    """
    return Credentials.resolve(
        settings.get("TMDB_ACCESS_TOKEN"),
        settings.get("TMDB_API_KEY"),
        token_name="the setting TMDB_ACCESS_TOKEN",  # noqa: S106 - its name, not a secret
        api_key_name="the setting TMDB_API_KEY",
    )


def _bind_host(address: Any) -> str | None:
    """The host of ``DOWNLOAD_BIND_ADDRESS``, which may be alone or with a port."""
    if not isinstance(address, tuple):
        return address or None
    host, port = address
    if port:
        logger.warning(
            "DOWNLOAD_BIND_ADDRESS specifies a port (%s), which cannot carry all connections of a pool. "
            "Ignoring the port and binding only to %r.",
            port,
            host,
        )
    return host or None
