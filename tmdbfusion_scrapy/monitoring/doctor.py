"""Examination of ``scrapy tmdb-doctor``: the way to TMDB as a crawl would have it, its settings, and the machine.

What is asked goes the way of a crawl that is not started: its token, proxy, TLS and pool.
"""

from __future__ import annotations

import asyncio
import json
import os
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from scrapy import Request
from scrapy.downloadermiddlewares.httpproxy import HttpProxyMiddleware
from scrapy.exceptions import NotConfigured
from scrapy.settings import SETTINGS_PRIORITIES
from scrapy.utils.misc import build_from_crawler

from tmdbfusion_scrapy.api import OPERATIONS
from tmdbfusion_scrapy.api.call import judge
from tmdbfusion_scrapy.base_urls import is_loopback_url, is_plain
from tmdbfusion_scrapy.crawling import Addon
from tmdbfusion_scrapy.crawling.session import credentials_of, outgoing_request, session_of, tls_context
from tmdbfusion_scrapy.credentials import proxy_secrets
from tmdbfusion_scrapy.exceptions import ConfigurationError, TMDBError, ValidationError
from tmdbfusion_scrapy.http import httpx
from tmdbfusion_scrapy.monitoring import checks, probes
from tmdbfusion_scrapy.monitoring.checks import Result, from_message
from tmdbfusion_scrapy.monitoring.probes import Answer
from tmdbfusion_scrapy.sources.export_file import DAYS_BACK, export_file, newest_day
from tmdbfusion_scrapy.storage.backend import backend_for
from tmdbfusion_scrapy.storage.database import parse_database_url
from tmdbfusion_scrapy.storage.sql import database_options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scrapy.crawler import Crawler
    from scrapy.settings import BaseSettings, Settings

    from tmdbfusion_scrapy.crawling.session import CrawlSession
    from tmdbfusion_scrapy.monitoring.checks import Status
    from tmdbfusion_scrapy.monitoring.probes import Certificate, Reached

STAND_IN: Final = "tmdb-doctor"
"""Token of a crawl that has none, so that all but the token can be looked at; it is never sent."""

_SAMPLES = 5
_SAMPLES_SECONDS = 3.0
"""Requests for the latency, and the time after which no further one is begun."""


_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class Report:
    """Results of all checks, in the order in which they are shown."""

    results: tuple[Result, ...]

    def count(self, status: Status) -> int:
        """Return how many results have a status."""
        return sum(result.status == status for result in self.results)

    @property
    def exit_status(self) -> int:
        """1 where there is a problem, else 0."""
        return 1 if self.count("problem") else 0

    def to_json(self) -> str:
        """Return the report as JSON; docs/commands.md has its shape."""
        status = "problem" if self.count("problem") else "warning" if self.count("warning") else "ok"
        shape = {
            "status": status,
            "problems": self.count("problem"),
            "warnings": self.count("warning"),
            "checks": [asdict(result) for result in self.results],
        }
        return json.dumps(shape, indent=2)


async def examine(crawler: Crawler, *, stores: bool, token_error: str | None = None) -> Report:
    """Return what is to be said of a crawl that is not started, with its add-ons loaded, and of the machine.

    ``token_error`` says why it has no token; its own is :data:`STAND_IN` then.

    Raises:
        ConfigurationError: It has no token, and nothing said so before.
    """
    try:
        requests = CrawlRequests(crawler, sends_token=token_error is None)
    except ConfigurationError:
        raise
    except (ValueError, OSError) as error:
        return await examine_unusable(crawler.settings, str(error))
    except ValidationError as error:
        fix = "set https_proxy to a URL such as http://proxy.example:3128, or TMDB_PROXY in its place"
        unusable = from_message("proxy", f"the environment variable https_proxy: {error.message}", fix)
        return Report((unusable, *await examine_machine(crawler.settings, stores=stores)))
    settings = requests.session.settings
    try:
        hosts, others, machine, is_sandbox = await asyncio.gather(
            asyncio.gather(*(_examine_host(requests, url) for url in settings.api_urls)),
            asyncio.gather(_exports(requests), _images(requests, crawler.settings)),
            examine_machine(crawler.settings, stores=stores),
            requests.is_sandbox(),
        )
    finally:
        await requests.session.close()
    is_loopback = all(map(is_loopback_url, settings.api_urls))
    stands_in = crawler.settings.getpriority("TMDB_API_URL") == SETTINGS_PRIORITIES["addon"]
    first = next((host for host in hosts if host.answer.error is None), hosts[0])
    token = from_message("token", token_error or "")
    if token_error is None:
        token = checks.token_result(
            requests.session.credentials,
            token_source(crawler.settings),
            first.error,
            was_asked=first.answer.error is None,
            is_sandbox=is_sandbox,
            stands_in=stands_in,
        )
    results = [
        checks.target_result(
            settings.api_urls, is_sandbox=is_sandbox, is_loopback=is_loopback, stands_in=stands_in
        ),
        token,
        checks.proxy_result(requests.proxy, first.answer.error, is_loopback=is_loopback),
    ]
    for host in hosts:
        # Another host stands in for one that cannot be reached.
        is_spare = any(other.is_good for other in hosts if other is not host)
        results += [
            replace(result, status="warning") if is_spare and result.status == "problem" else result
            for result in host.results
        ]
    latency = median(first.seconds) if first.seconds else None
    if latency is not None:
        results.append(checks.latency_result(latency, len(first.seconds)))
    if (clock := checks.clock_result(first.answer.headers, first.answered_at)) is not None:
        results.append(clock)
    addon = crawler.get_addon(Addon)
    speed = checks.speed_result(addon.speed if addon else None, settings, latency)
    return Report((*results, *others, speed, *machine))


async def examine_unusable(settings: Settings, error: str) -> Report:
    """Return what is to be said where a setting keeps crawls from beginning."""
    results = [from_message("settings", error)]
    try:
        credentials = credentials_of(settings)
    except ConfigurationError as bad:
        results.append(from_message("token", str(bad)))
    else:
        results.append(checks.token_result(credentials, token_source(settings), None, was_asked=False))
    return Report((*results, *await examine_machine(settings, stores=True)))


async def examine_machine(settings: BaseSettings, *, stores: bool) -> list[Result]:
    """Return what is to be said of disk, and of the database if the crawl stores in one."""
    found = Result("database", "ok", "none: SQLPipeline is turned off")
    folder = Path()
    if stores:
        try:
            url = database_options(settings).url
            state = await probes.in_thread(probes.database_state, url, seconds=probes.DATABASE_SECONDS)
            found = checks.database_result(state)
            folder = _database_folder(url)
        except ConfigurationError as error:
            found = from_message("database", str(error))
        except asyncio.TimeoutError:
            fix = "check host and port in TMDB_DATABASE_URL, and that the server runs"
            text = f"the database does not answer in {probes.DATABASE_SECONDS:g} s"
            found = Result("database", "problem", text, fix)
    try:
        free = await probes.in_thread(probes.free_bytes, folder, seconds=probes.DATABASE_SECONDS)
        disk = checks.disk_result(str(folder.absolute()), free)
    except (OSError, asyncio.TimeoutError) as error:
        text = f"{folder.absolute()} cannot be asked for its room: {str(error) or 'no answer'}"
        disk = Result("disk", "warning", text, "see whether the disk is there")
    return [found, disk]


def token_source(settings: BaseSettings) -> str:
    """Return words for where the token comes from."""
    for name in ("TMDB_ACCESS_TOKEN", "TMDB_API_KEY"):
        if settings.get(name) is not None:
            return f"the setting {name}"
    name = "TMDB_ACCESS_TOKEN" if "TMDB_ACCESS_TOKEN" in os.environ else "TMDB_API_KEY"
    return f"the environment variable {name}"


@dataclass(frozen=True)
class _Host:
    """Findings on one host of the API."""

    answer: Answer
    error: TMDBError | None
    answered_at: Any
    seconds: tuple[float, ...]
    results: tuple[Result, ...]

    @property
    def is_good(self) -> bool:
        """True if the API answers there."""
        return not any(result.name == "api" and result.status == "problem" for result in self.results)


async def _examine_host(requests: CrawlRequests, base_url: str) -> _Host:
    """Return the findings on a host of the API."""
    settings = requests.session.settings
    request = requests.authentication(base_url)
    host, port, is_proxy = requests.first_stop(base_url, request)
    lookup = await probes.look_up(host, port)
    found = [checks.dns_result(lookup, "the proxy" if is_proxy else "the host")]
    if lookup.error is not None:
        answer = Answer(base_url, error=probes.no_address(lookup))
        found.append(checks.api_result(answer, None))
        return _Host(answer, None, probes.utc_now(), (), tuple(found))
    four = lookup.ipv4 if settings.ip_family != "ipv6" else ()
    six = lookup.ipv6 if settings.ip_family != "ipv4" else ()
    async with requests.session.new_pool(base_url, 1) as pool:
        tried_four, tried_six, answer = await asyncio.gather(
            _reach(four, port), _reach(six, port), requests.send(request, base_url, pool)
        )
        answered_at = probes.utc_now()
        found += checks.family_results(lookup, tried_four, tried_six, settings.ip_family)
        seconds = await _sample(requests, base_url, pool) if answer.error is None else ()
    refused = checks.is_certificate_refused(answer)
    shown = await requests.look_at_certificate(base_url) if refused else None
    tls = checks.tls_result(
        answer, shown, verify=settings.verify_tls, is_plain=is_plain(base_url), now=answered_at
    )
    error = requests.error_of(answer)
    found += [*([tls] if tls is not None else []), checks.api_result(answer, error)]
    return _Host(answer, error, answered_at, seconds, tuple(found))


async def _reach(addresses: Sequence[str], port: int) -> Reached | None:
    """Try the first of some addresses."""
    return await probes.reach(addresses[0], port) if addresses else None


async def _sample(
    requests: CrawlRequests, base_url: str, pool: httpx.AsyncBaseTransport
) -> tuple[float, ...]:
    """Return the times of some answers, in seconds."""
    loop = asyncio.get_running_loop()
    until = loop.time() + _SAMPLES_SECONDS
    found: list[float] = []
    while len(found) < _SAMPLES and loop.time() < until:
        answer = await requests.send(requests.authentication(base_url), base_url, pool)
        if answer.error is not None:
            break
        found.append(answer.seconds)
    return tuple(found)


async def _exports(requests: CrawlRequests) -> Result:
    """Ask for the newest export of movies, as a crawl would, but not for its body."""
    url = requests.session.settings.exports_url
    newest = newest_day(probes.utc_now())
    for back in range(DAYS_BACK):
        name = export_file("movies", newest - timedelta(days=back))
        answer = await requests.send(httpx.Request("HEAD", f"{url}/{name}"), url)
        if answer.status not in (403, 404):
            break
    good = answer.status is not None and answer.status < 400
    return checks.host_result(
        "exports", answer, setting="TMDB_EXPORTS_URL", needed=False, use="-a source=export", good=good
    )


async def _images(requests: CrawlRequests, settings: BaseSettings) -> Result:
    """Ask the host of images for nothing in particular: any answer will do that tells of no fault of its own."""
    url = requests.session.settings.images_url
    try:
        answer = await requests.send(requests.image_host(), url)
    except ValidationError as error:
        answer = Answer(url, error=error)
    good = answer.status is not None and answer.status < 500
    needed = bool(settings.get("TMDB_IMAGES"))
    return checks.host_result(
        "images", answer, setting="TMDB_IMAGES_URL", needed=needed, use="TMDB_IMAGES", good=good
    )


def _database_folder(url: str) -> Path:
    """Return the folder of the database's file; that of the project for one that is elsewhere."""
    parsed = parse_database_url(url)
    backend = backend_for(parsed)
    path = None if backend is None else backend.path(parsed)
    return Path() if path is None else path.parent


class CrawlRequests:
    """Requests with the token, proxy, TLS and pool of a crawl, but without its rate limiter: a dozen are made.

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
            return Answer(base_url, error=probes.no_address(lookup))
        async with self.session.new_pool(base_url, 1) as own:
            return await probes.exchange(own, request, base_url, clean=self._clean)

    async def look_at_certificate(self, base_url: str) -> Certificate | None:
        """Return the certificate of a host, accepted or not; the token is not sent."""
        unverified = tls_context(self._crawler.settings, verify=False)
        async with self.session.new_pool(base_url, 1, tls=unverified) as pool:
            request = self.authentication(base_url, sends_token=False)
            return (await self.send(request, base_url, pool)).certificate

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
