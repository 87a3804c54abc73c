"""Session of a crawl: credentials, rate limit, pool and TLS of its requests and images, and how they are sent."""

from __future__ import annotations

import logging
import os
import ssl
from collections import deque
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import ref

import msgspec
from scrapy import Request, signals

from tmdbfusion_scrapy import stats as names
from tmdbfusion_scrapy.api.call import Secret, fill_target, values_in
from tmdbfusion_scrapy.base_urls import is_loopback, is_loopback_url, is_plain
from tmdbfusion_scrapy.crawling.scrapy_internals import has_environment_proxy, is_closing
from tmdbfusion_scrapy.credentials import Credentials
from tmdbfusion_scrapy.exceptions import ValidationError
from tmdbfusion_scrapy.http import httpx
from tmdbfusion_scrapy.rate_limit import RateLimit, RateLimiter, RateLimitState
from tmdbfusion_scrapy.settings import IMAGES_SLOT, SettingsReader, once_a_crawl, settings_of
from tmdbfusion_scrapy.transport import FailoverTransport, PooledTransport
from tmdbfusion_scrapy.transport.outgoing import NO_BODY, Outgoing

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence

    from scrapy.crawler import Crawler
    from scrapy.settings import BaseSettings

    from tmdbfusion_scrapy.attempts import Observer
    from tmdbfusion_scrapy.transport.answer import Answer

logger = logging.getLogger(__name__)

_origin = lru_cache(maxsize=16)(httpx.URL)

_TLS_VERSIONS = {
    "TLSv1.0": ssl.TLSVersion.TLSv1,
    "TLSv1.1": ssl.TLSVersion.TLSv1_1,
    "TLSv1.2": ssl.TLSVersion.TLSv1_2,
    "TLSv1.3": ssl.TLSVersion.TLSv1_3,
}

_NOT_SENT = frozenset({b"Proxy-Authorization", b"Host", b"Content-Length"})
"""Headers, as Scrapy writes them, that are not the server's business, or that httpx writes itself."""

_NOT_SHOWN = _NOT_SENT | {b"Authorization"}
"""The same for a host that is to see no credentials: DEFAULT_REQUEST_HEADERS of a project may hold some."""

LAST_ANSWERS = 1024
"""Answers that are remembered: half a minute at TMDB's rate limit."""


class Traffic:
    """Notes that a crawl takes of each answer; nothing is worked out until somebody asks.

    Attributes:
        answers: When the last answers of the API came, by ``time.monotonic()``, and their latency in seconds.
        received: Bytes of all bodies as sent, images included.
        observers: Functions that are told of each attempt; they must not hold the crawler.
        session: The session of the crawl, from its first use.
    """

    def __init__(self) -> None:
        self.answers: deque[tuple[float, float]] = deque(maxlen=LAST_ANSWERS)
        self.received = 0
        self.observers: list[Observer] = []
        self.session: CrawlSession | None = None


@once_a_crawl
def traffic_of(crawler: Crawler) -> Traffic:  # noqa: ARG001 - one for each
    """Return the traffic of a crawl."""
    return Traffic()


@dataclass(frozen=True)
class Channel:
    """The way of one kind of requests, told by their base URL.

    ``failover`` is ``None`` where there is one host, ``credentials`` where nothing goes with them. A proxy of the
    environment is not used for loopback, nor beside ``TMDB_PROXY``.
    """

    base_url: str
    pool: PooledTransport
    limiter: RateLimiter
    uses_environment: bool
    request_count: str
    status_count: str
    failover: FailoverTransport | None = None
    credentials: Credentials | None = None

    def send(self, request: Request, secrets: Sequence[Secret]) -> Coroutine[Any, Any, Answer]:
        """Send a request with the credentials and its secrets, which it stays without itself."""
        if self.failover is None:
            outgoing = prepare(request, self.pool, self.credentials, secrets)
            if outgoing is not None:
                return self.pool.send(outgoing, {"total": request.meta.get("download_timeout")})
        uses, send = self.uses_environment, self.pool.send_request
        sent = outgoing_request(request, self.credentials, secrets=secrets, uses_environment=uses)
        return send(sent) if self.failover is None else self.failover.reach(sent, send)


class CrawlSession:
    """One pool for a crawl, for Scrapy's handlers of all schemes, and its part in the process's rate limit."""

    def __init__(self, crawler: Crawler) -> None:
        self.settings = settings = settings_of(crawler.settings)
        self.credentials = credentials_of(crawler.settings)
        self._tls = tls_context(crawler.settings, verify=settings.verify_tls)
        self._local_address = _bind_host(crawler.settings.get("DOWNLOAD_BIND_ADDRESS"))
        connections = settings.max_connections, settings.max_keepalive_connections
        counts = names.REQUEST_COUNT, names.RESPONSE_STATUS_COUNT
        api = self._channel(settings.api_url, "api", settings.requests_per_second, connections, counts)
        several = len(settings.api_urls) > 1
        failover = FailoverTransport(api.pool, settings.api_urls) if several else None
        self.api = replace(api, failover=failover, credentials=self.credentials)
        self._crawler = ref(crawler)
        self._report_due = 0.0
        self._most_waiting = 0
        crawler.signals.connect(self._report, signals.spider_closed)

    @cached_property
    def images(self) -> Channel:
        """The way of the images: another host, without credentials, whose 429 does not stop the other."""
        settings, connections = self.settings, (self.settings.images_max_connections,)
        counts = names.IMAGES_REQUEST_COUNT, names.IMAGES_RESPONSE_STATUS_COUNT
        rate = settings.images_requests_per_second
        return self._channel(settings.images_url, "images", rate, connections, counts)

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
        for channel in self._channels:
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
    def _channels(self) -> list[Channel]:
        return [self.api, self.images] if "images" in vars(self) else [self.api]

    def _channel(
        self, url: str, kind: str, rate: float, connections: tuple[int | None, ...], counts: tuple[str, str]
    ) -> Channel:
        """Return a way with a rate limiter whose state is shared in the process, or beyond it."""
        shared = self.settings.shared_limit
        state: RateLimitState
        if shared is None:
            state = RateLimiter.new_state(url, kind)
        else:
            from tmdbfusion_scrapy.shared_rate import shared_rate

            state = shared_rate(shared, url, kind)
        limiter = RateLimiter(RateLimit(rate), state, is_stopping=self.is_stopping)
        pool = self.new_pool(url, *connections, limiter=limiter)
        uses_environment = self.settings.proxy is None and not is_loopback_url(url)
        return Channel(url, pool, limiter, uses_environment, *counts)

    def _report(self) -> None:
        crawler = self._crawler()
        assert crawler is not None  # noqa: S101 - its own signal
        member, pool = self.api.limiter.member, self.api.pool.statistics()
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
        for images in self._channels[1:]:
            found[names.IMAGES_RATE] = round(images.limiter.member.rate, 3)
            found[names.IMAGES_PAUSES] = images.limiter.member.pauses
            found[names.IMAGES_OPENED] = images.pool.statistics().opened
        for name, value in found.items():
            crawler.stats.set_value(name, value)


def session_of(crawler: Crawler) -> CrawlSession:
    """Return the session of a crawl, made at its first use."""
    traffic = traffic_of(crawler)
    traffic.session = traffic.session or CrawlSession(crawler)
    return traffic.session


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


def prepare(
    request: Request, pool: PooledTransport, credentials: Credentials | None, secrets: Sequence[Secret] = ()
) -> Outgoing | None:
    """Return what a pool sends for a TMDB request; ``None`` for one with a body or a proxy of its own.

    :func:`outgoing_request`, which is for any request, takes three times as long (benchmarks/transport.py).
    """
    if request.body or request.method not in NO_BODY or "proxy" in request.meta:
        return None
    origin, target = _split(request.url)
    head = pool.head(origin, _fields(request, origin, credentials))
    if head.frames_body:
        return None
    return head.without_body(request.method, _filled(target, credentials, secrets))


def outgoing_request(
    request: Request,
    credentials: Credentials | None,
    *,
    secrets: Sequence[Secret] = (),
    uses_environment: bool = True,
) -> httpx.Request:
    """Return what is sent for a TMDB request; ``None`` are the credentials for a host that is to see none.

    Path and query go along as httpx's extension ``target``, as Scrapy has escaped them. ``ValidationError``
    where a secret would reach another endpoint by its place, or the proxy of the request is none, or would
    read the token.
    """
    origin, target = _split(request.url)
    headers = _fields(request, origin, credentials)
    body = request.body
    if in_body := values_in("body", secrets):
        body = msgspec.json.encode({**msgspec.json.decode(body or b"{}"), **in_body})
    # Scrapy's time-out is for all of the download.
    timeout = {"total": request.meta.get("download_timeout")}
    extensions: dict[str, Any] = {"target": _filled(target, credentials, secrets), "timeout": timeout}
    if "proxy" in request.meta and (uses_environment or not has_environment_proxy(request)):
        carries_token = credentials is not None and bool(credentials.headers or credentials.query)
        extensions["proxy"] = _proxy_of(request, origin, carries_token=carries_token)
    content = body if body or request.method not in NO_BODY else None
    return httpx.Request(request.method, origin, headers=headers, content=content, extensions=extensions)


def _fields(
    request: Request, origin: httpx.URL, credentials: Credentials | None
) -> list[tuple[bytes, bytes]]:
    unsent = _NOT_SENT if credentials is not None else _NOT_SHOWN
    fields = [(b"Host", origin.netloc)]
    # As stored: names are in title case and values are bytes, which Headers.items() would make sure of once more.
    for name, values in dict.items(request.headers):
        if name not in unsent:
            fields += [(name, value) for value in values]
    if credentials is not None and b"Authorization" not in request.headers:
        fields += [(name.encode(), value.encode()) for name, value in credentials.headers.items()]
    return fields


def _filled(target: str, credentials: Credentials | None, secrets: Sequence[Secret]) -> bytes:
    if secrets or (credentials is not None and credentials.query):
        target = fill_target(target, secrets, credentials.query if credentials is not None else {})
    return target.encode("ascii")


def _split(url: str) -> tuple[httpx.URL, str]:
    """Return the origin and the target of a URL that Scrapy has escaped."""
    scheme, _, rest = url.partition("#")[0].partition("://")
    host, slash, path = rest.partition("/")
    if not slash:
        host, _, query = host.partition("?")
        path = f"?{query}" if query else ""
    return _origin(f"{scheme}://{host}"), f"/{path}"


def _proxy_of(request: Request, origin: httpx.URL, *, carries_token: bool) -> httpx.Proxy | None:
    """Return the proxy that a request names, ``None`` for none at all."""
    url = request.meta["proxy"]
    if not url:
        return None
    if origin.scheme == "http" and carries_token:
        raise ValidationError(
            f'request.meta["proxy"] is set for {origin}, plain http, so the proxy would read your token: leave it '
            f"out, which loopback does not need, or set TMDB_API_URL to an https URL"
        )
    if origin.scheme == "http" and is_loopback(origin.host):
        return None
    # HttpProxyMiddleware has moved user and password here, in HTTPPROXY_AUTH_ENCODING and of whatever scheme.
    authorization = request.headers.get(b"Proxy-Authorization")
    headers = [(b"Proxy-Authorization", authorization)] if authorization is not None else None
    try:
        proxy = httpx.Proxy(url if "://" in url else f"http://{url}", headers=headers)
    except (ValueError, httpx.InvalidURL):
        proxy = None
    if proxy is None or proxy.url.scheme not in ("http", "https") or not proxy.url.host:
        raise ValidationError("the proxy of the request must be a URL that begins with http:// or https://")
    return proxy
