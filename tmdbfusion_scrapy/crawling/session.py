"""Session of a crawl: credentials, rate limit, pool and TLS of its requests and images; its traffic."""

from __future__ import annotations

import logging
import os
import ssl
from collections import deque
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary, ref

from scrapy import Request, signals

from tmdbfusion_scrapy import stats as names
from tmdbfusion_scrapy.base_urls import is_loopback_url, is_plain
from tmdbfusion_scrapy.crawling.scrapy_internals import is_closing
from tmdbfusion_scrapy.credentials import Credentials
from tmdbfusion_scrapy.http import httpx
from tmdbfusion_scrapy.rate_limit import RateLimit, RateLimiter
from tmdbfusion_scrapy.settings import IMAGES_SLOT, SettingsReader, once_a_crawl, settings_of
from tmdbfusion_scrapy.transport import FailoverTransport, PooledTransport

if TYPE_CHECKING:
    from scrapy.crawler import Crawler
    from scrapy.settings import BaseSettings

    from tmdbfusion_scrapy.attempts import Observer

logger = logging.getLogger(__name__)


_TLS_VERSIONS = {
    "TLSv1.0": ssl.TLSVersion.TLSv1,
    "TLSv1.1": ssl.TLSVersion.TLSv1_1,
    "TLSv1.2": ssl.TLSVersion.TLSv1_2,
    "TLSv1.3": ssl.TLSVersion.TLSv1_3,
}


LAST_ANSWERS = 1024
"""Answers that are remembered: half a minute at TMDB's rate limit."""


class Traffic:
    """Notes that a crawl takes of each answer; nothing is worked out until somebody asks.

    Attributes:
        answers: When the last answers of the API came, by ``time.monotonic()``, and their latency in seconds.
        received: Bytes of all bodies as sent, images included.
        observers: Functions that are told of each attempt; they must not hold the crawler.
    """

    def __init__(self) -> None:
        self.answers: deque[tuple[float, float]] = deque(maxlen=LAST_ANSWERS)
        self.received = 0
        self.observers: list[Observer] = []


@once_a_crawl
def traffic_of(crawler: Crawler) -> Traffic:  # noqa: ARG001 - one for each
    """Return the traffic of a crawl."""
    return Traffic()


@dataclass(frozen=True)
class Channel:
    """The way of one kind of requests, told by their base URL.

    ``failover`` is ``None`` where there is one host, ``credentials`` where nothing goes with them. A proxy of the
    environment is not used for loopback, nor beside ``TMDB_PROXY``. The stats count requests, and responses by
    their status.
    """

    base_url: str
    pool: PooledTransport
    limiter: RateLimiter
    uses_environment: bool
    request_count: str
    status_count: str
    failover: FailoverTransport | None = None
    credentials: Credentials | None = None


class CrawlSession:
    """One pool for a crawl, for Scrapy's handlers of all schemes, and its part in the process's rate limit."""

    def __init__(self, crawler: Crawler) -> None:
        self.settings = settings = settings_of(crawler.settings)
        self.credentials = credentials_of(crawler.settings)
        self.limiter = self._limiter(settings.api_url, "api", settings.requests_per_second)
        self._tls = tls_context(crawler.settings, verify=settings.verify_tls)
        self._local_address = _bind_host(crawler.settings.get("DOWNLOAD_BIND_ADDRESS"))
        connections = settings.max_connections, settings.max_keepalive_connections
        self.pool = self.new_pool(settings.api_url, *connections, limiter=self.limiter)
        several = len(settings.api_urls) > 1
        failover = FailoverTransport(self.pool, settings.api_urls) if several else None
        self.transport: httpx.AsyncBaseTransport = failover or self.pool
        self.api = Channel(
            settings.api_url,
            self.pool,
            self.limiter,
            self._uses_environment(settings.api_url),
            names.REQUEST_COUNT,
            names.RESPONSE_STATUS_COUNT,
            failover,
            self.credentials,
        )
        self._crawler = ref(crawler)
        self._report_due = 0.0
        self._most_waiting = 0
        crawler.signals.connect(self._report, signals.spider_closed)

    @cached_property
    def images(self) -> Channel:
        """The way of the images: another host, without credentials, whose 429 does not stop the other."""
        settings, url = self.settings, self.settings.images_url
        limiter = self._limiter(url, "images", settings.images_requests_per_second)
        pool = self.new_pool(url, settings.images_max_connections, limiter=limiter)
        stats = names.IMAGES_REQUEST_COUNT, names.IMAGES_RESPONSE_STATUS_COUNT
        return Channel(url, pool, limiter, self._uses_environment(url), *stats)

    def new_pool(
        self,
        base_url: str,
        *connections: int | None,
        limiter: RateLimiter | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> PooledTransport:
        """Return a pool with the settings of the crawl; who asks for it closes it.

        ``connections`` are the most, and the most idle ones where they are fewer; ``None`` for no limit. Plain
        http to a loopback ``base_url`` goes past ``TMDB_PROXY``.
        """
        settings = self.settings
        is_direct = is_plain(base_url) and is_loopback_url(base_url)
        return PooledTransport(
            limits=httpx.Limits(
                max_connections=connections[0],
                max_keepalive_connections=connections[-1],
                keepalive_expiry=settings.keepalive_expiry,
            ),
            verify=tls or self._tls,
            proxy=None if is_direct else settings.proxy,
            local_address=self._local_address,
            ip_family=settings.ip_family,
            limiter=limiter,
        )

    def channel_of(self, request: Request) -> Channel | None:
        """Return the way of a request, ``None`` for one that is not TMDB's."""
        if self.settings.is_tmdb(request.url):
            return self.api
        if request.meta.get("download_slot") == IMAGES_SLOT and self.settings.is_image(request.url):
            return self.images
        return None

    async def close(self) -> None:
        """Close the pools; called once for each scheme."""
        for channel in (self.api, *self._images):
            channel.limiter.close()
            await channel.pool.aclose()

    def report_if_due(self, now: float) -> None:
        """Bring the stats up to date, once a second; ``now`` is of ``time.monotonic()``."""
        if now >= self._report_due:
            self._report_due = now + 1.0
            self._report()

    def is_stopping(self) -> bool:
        """Return whether the spider is being closed, so that nothing is to wait for the rate limit any longer."""
        crawler = self._crawler()
        return crawler is not None and is_closing(crawler)

    @property
    def _images(self) -> list[Channel]:
        return [self.images] if "images" in vars(self) else []

    def _uses_environment(self, base_url: str) -> bool:
        return self.settings.proxy is None and not is_loopback_url(base_url)

    def _limiter(self, base_url: str, kind: str, rate: float) -> RateLimiter:
        """Return a rate limiter of the crawl, whose state is shared in the process, or beyond it."""
        state = RateLimiter.state_of(base_url, kind, self.settings.shared_limit)
        return RateLimiter(RateLimit(rate), state, is_stopping=self.is_stopping)

    def _report(self) -> None:
        """Put into the stats what pool and rate limiter did."""
        crawler = self._crawler()
        assert crawler is not None  # noqa: S101 - its own signal
        member = self.limiter.member
        pool = self.pool.statistics()
        self._most_waiting = max(self._most_waiting, pool.waiting)
        found = {
            names.RATE_LIMIT_NOW: round(member.rate, 3),
            names.RATE_LIMIT_LOWEST: round(member.lowest_rate, 3),
            names.RATE_LIMIT_WAITS: member.waits,
            names.RATE_LIMIT_WAIT_SECONDS: round(member.wait_seconds, 3),
            names.RATE_LIMIT_PAUSES: member.pauses,
            names.POOL_OPENED: pool.opened,
            names.POOL_REUSED: pool.reused,
            names.POOL_OPEN: pool.open,
            names.POOL_WAITING: self._most_waiting,
            names.POOL_HANDSHAKES: pool.tls_handshakes,
        }
        if self.api.failover is not None:
            found[names.FAILOVER_COUNT] = self.api.failover.switches
        for images in self._images:
            found[names.IMAGES_RATE] = round(images.limiter.member.rate, 3)
            found[names.IMAGES_PAUSES] = images.limiter.member.pauses
            found[names.IMAGES_OPENED] = images.pool.statistics().opened
        for name, value in found.items():
            crawler.stats.set_value(name, value)


_sessions: WeakKeyDictionary[Crawler, CrawlSession] = WeakKeyDictionary()


def session_of(crawler: Crawler) -> CrawlSession:
    """Return the session of a crawl, made at its first use."""
    session = _sessions.get(crawler)
    if session is None:
        session = _sessions[crawler] = CrawlSession(crawler)
    return session


def begun_session_of(crawler: Crawler) -> CrawlSession | None:
    """Return the session of a crawl; ``None`` where it has asked TMDB for nothing yet."""
    return _sessions.get(crawler)


@once_a_crawl
def credentials_of(settings: SettingsReader) -> Credentials:
    """Return the credentials of a crawl, from its settings, else from the environment; read at the first call."""
    return Credentials.resolve(
        settings.get("TMDB_ACCESS_TOKEN"),
        settings.get("TMDB_API_KEY"),
        token_name="the setting TMDB_ACCESS_TOKEN",  # noqa: S106 - its name, not a secret
        api_key_name="the setting TMDB_API_KEY",
    )


def _bind_host(address: Any) -> str | None:
    """Return the host of ``DOWNLOAD_BIND_ADDRESS``, which may be alone or with a port."""
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


def tls_context(settings: BaseSettings, *, verify: bool) -> ssl.SSLContext:
    """Return the TLS context of a crawl, by the settings that Scrapy has for all hosts, but for verification."""
    context = httpx.create_ssl_context(verify=verify)
    for bound, short in (("minimum_version", "MIN"), ("maximum_version", "MAX")):
        name = f"DOWNLOAD_TLS_{short}_VERSION"
        version = settings.get(name)
        if version is not None and version not in _TLS_VERSIONS:
            raise ValueError(f"Unknown {name} value: {version}")
        if version is not None:
            setattr(context, bound, _TLS_VERSIONS[version])
    ciphers = settings.get("DOWNLOADER_CLIENT_TLS_CIPHERS")
    # Scrapy's default leaves the choice to OpenSSL; Python's own, which it would replace, is the stricter one.
    if ciphers and ciphers != "DEFAULT":
        context.set_ciphers(ciphers)
    path = os.environ.get("SSLKEYLOGFILE")
    if path and context.keylog_filename != path:
        # For Wireshark. Python sets it where it verifies.
        try:
            with Path(path).open("ab"):
                context.keylog_filename = path
        except OSError as error:
            logger.warning(
                "Cannot write TLS session keys to %s (%s): unset the environment variable SSLKEYLOGFILE, or name "
                "another file in it",
                path,
                error,
            )
    return context
