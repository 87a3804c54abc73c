"""Requests of a crawl that is not started, as it would send them, for ``scrapy tmdb-doctor``."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from scrapy import Request
from scrapy.downloadermiddlewares.httpproxy import HttpProxyMiddleware
from scrapy.exceptions import NotConfigured
from scrapy.utils.misc import build_from_crawler

from tmdbfusion_scrapy.api import OPERATIONS
from tmdbfusion_scrapy.api.call import judge
from tmdbfusion_scrapy.base_urls import is_loopback_url, is_plain
from tmdbfusion_scrapy.crawling.handler import outgoing_request
from tmdbfusion_scrapy.crawling.session import session_of, tls_context
from tmdbfusion_scrapy.credentials import proxy_secrets
from tmdbfusion_scrapy.exceptions import TMDBError
from tmdbfusion_scrapy.http import httpx
from tmdbfusion_scrapy.monitoring import probes

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

    from tmdbfusion_scrapy.crawling.session import CrawlSession
    from tmdbfusion_scrapy.monitoring.probes import Answer, Certificate

_PORTS = {"http": 80, "https": 443}


class CrawlRequests:
    """Requests with the token, proxy, TLS and pool of a crawl, but without its rate limiter: a dozen are made.

    Args:
        crawler: One with its add-ons loaded.
        sends_token: Whether the API gets the token, which may be none.

    Raises:
        ValueError: A setting for TLS cannot be used.
        ssl.SSLError: So it is with the ciphers.
        ValidationError: The proxy of the environment cannot be one.
    """

    def __init__(self, crawler: Crawler, *, sends_token: bool) -> None:
        self._crawler = crawler
        self._sends_token = sends_token
        self.session: CrawlSession = session_of(crawler)
        self._call = OPERATIONS["authentication-validate-key"].call({})
        first = self._of_crawl(self.session.api.base_url, sends_token=False)
        self._environment_proxy: httpx.Proxy | None = first.extensions.get("proxy")

    @cached_property
    def proxy(self) -> tuple[str, str] | None:
        """The API's proxy without user name and password, and words for where it comes from; ``None`` for none."""
        url = self.session.settings.proxy
        if url is not None:
            return _public(url), "TMDB_PROXY"
        if self._environment_proxy is None:
            return None
        scheme = urlsplit(self.session.api.base_url).scheme
        return _public(str(self._environment_proxy.url)), f"the environment variable {scheme}_proxy"

    def authentication(self, base_url: str, *, sends_token: bool = True) -> httpx.Request:
        """Return the request that asks a host of the API whether the token is valid.

        What stands in for the first host is asked through the first one's proxy.
        """
        sends_token = sends_token and self._sends_token
        if base_url == self.session.api.base_url:
            return self._of_crawl(base_url, sends_token=sends_token)
        request = self._of_crawl(base_url, sends_token=sends_token, uses_environment=False)
        if self._environment_proxy is not None and not is_plain(base_url):
            request.extensions = {**request.extensions, "proxy": self._environment_proxy}
        return request

    def image_host(self) -> httpx.Request:
        """Return a request to the host of the images, for nothing in particular.

        Raises:
            ValidationError: The proxy of the environment cannot be one.
        """
        request = Request(f"{self.session.settings.images_url}/", method="HEAD")
        uses_environment = self.session.images.uses_environment
        return outgoing_request(self._proxied(request), None, uses_environment=uses_environment)

    def first_stop(self, base_url: str, request: httpx.Request) -> tuple[str, int, bool]:
        """Return host and port that a request connects to, and whether that is a proxy."""
        proxy: httpx.Proxy | None = request.extensions.get("proxy")
        url = None if proxy is None else str(proxy.url)
        if url is None and not (is_plain(base_url) and is_loopback_url(base_url)):
            url = self.session.settings.proxy
        parts = urlsplit(url or base_url)
        return parts.hostname or "", parts.port or _PORTS[parts.scheme], url is not None

    async def send(
        self, request: httpx.Request, base_url: str, pool: httpx.AsyncBaseTransport | None = None
    ) -> Answer:
        """Send a request, on a connection of its own unless there is a pool for it."""
        if pool is not None:
            return await probes.exchange(pool, request, base_url, clean=self._clean)
        host, port, _ = self.first_stop(base_url, request)
        # The pool's lookup would be waited for at the end, however long it takes.
        lookup = await probes.look_up(host, port)
        if lookup.error is not None:
            return probes.Answer(base_url, error=probes.no_address(lookup))
        own = self.session.new_pool(base_url, 1)
        try:
            return await probes.exchange(own, request, base_url, clean=self._clean)
        finally:
            await own.aclose()

    async def look_at_certificate(self, base_url: str) -> Certificate | None:
        """Return the certificate of a host, accepted or not; the token is not sent."""
        unverified = tls_context(self._crawler.settings, verify=False)
        pool = self.session.new_pool(base_url, 1, tls=unverified)
        try:
            request = self.authentication(base_url, sends_token=False)
            return (await self.send(request, base_url, pool)).certificate
        finally:
            await pool.aclose()

    async def is_sandbox(self) -> bool:
        """Return whether the sandbox answers at the first base URL."""
        url = self.session.api.base_url
        if not (is_plain(url) and is_loopback_url(url)):
            return False
        parts = urlsplit(url)
        request = httpx.Request("GET", f"{parts.scheme}://{parts.netloc}/_sandbox/state")
        answer = await self.send(request, url)
        return answer.status == 200 and b'"max_in_flight"' in answer.body

    def error_of(self, answer: Answer) -> TMDBError | None:
        """Return the error that an answer to :meth:`authentication` tells of."""
        if answer.status is None:
            return None
        credentials = self.session.credentials
        try:
            judge(self._call, answer.status, answer.headers, answer.body, credentials, self._secrets)
        except TMDBError as error:
            return error
        return None

    @cached_property
    def _secrets(self) -> tuple[str, ...]:
        """Secrets besides the token: a server or a proxy may send them back."""
        found = proxy_secrets(self.session.settings.proxy)
        if self._environment_proxy is not None:
            value = self._environment_proxy.headers.get("Proxy-Authorization", "")
            found += proxy_secrets(None, value.encode("latin-1"))
        return found

    def _of_crawl(self, base_url: str, *, sends_token: bool, uses_environment: bool = True) -> httpx.Request:
        """Return the request for the validity of the token as the crawl would send it."""
        session = self.session
        headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
        request = Request(f"{base_url}{self._call.path}", headers=headers)
        return outgoing_request(
            self._proxied(request) if uses_environment else request,
            session.credentials if sends_token else None,
            uses_environment=session.api.uses_environment,
        )

    def _proxied(self, request: Request) -> Request:
        """Return a request with the proxy that Scrapy takes for it from the environment."""
        try:
            middleware = build_from_crawler(HttpProxyMiddleware, self._crawler)
        except NotConfigured:
            return request
        middleware.process_request(request)
        return request

    def _clean(self, error: Exception) -> Exception:
        return self.session.credentials.cleaned(error, self._secrets)


def _public(url: str) -> str:
    """Return the URL of a proxy without user name and password."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
