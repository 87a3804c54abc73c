"""Examination of ``scrapy tmdb-doctor``: the way to TMDB as a crawl would have it, its settings, and the machine.

What is asked goes through the session of a crawl that is not started: its token, proxy, TLS and pool.
"""

from __future__ import annotations

import asyncio
import json
import os
from dataclasses import asdict, dataclass, replace
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
from tmdbfusion_scrapy.crawling.handler import outgoing_request
from tmdbfusion_scrapy.crawling.session import credentials_of, session_of, tls_context
from tmdbfusion_scrapy.credentials import proxy_secrets
from tmdbfusion_scrapy.exceptions import ConfigurationError, TMDBError
from tmdbfusion_scrapy.http import httpx
from tmdbfusion_scrapy.monitoring import checks, network_checks, probes
from tmdbfusion_scrapy.monitoring.checks import Result, from_message
from tmdbfusion_scrapy.monitoring.probes import Answer
from tmdbfusion_scrapy.sources.export_file import export_file, newest_day
from tmdbfusion_scrapy.storage.database import parse_database_url
from tmdbfusion_scrapy.storage.writer import database_options

if TYPE_CHECKING:
    from typing import Literal

    from scrapy.crawler import Crawler
    from scrapy.settings import BaseSettings, Settings

    from tmdbfusion_scrapy.crawling.session import CrawlSession
    from tmdbfusion_scrapy.monitoring.checks import Status
    from tmdbfusion_scrapy.monitoring.probes import Certificate, Lookup, Reached

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
    """Return what is to be said of a crawl and of the machine.

    Args:
        crawler: One with its add-ons loaded that is not started.
        stores: Whether it stores in a database.
        token_error: Why it has no token; its own is :data:`STAND_IN` then.
    """
    way = _Way(crawler, sends_token=token_error is None)
    try:
        hosts, others, machine, is_sandbox = await asyncio.gather(
            asyncio.gather(*map(way.examine_host, way.session.settings.api_urls)),
            asyncio.gather(_exports(way), _images(way, crawler.settings)),
            examine_machine(crawler.settings, stores=stores),
            way.is_sandbox(),
        )
    finally:
        await way.session.close()
    settings = way.session.settings
    stands_in = crawler.settings.getpriority("TMDB_API_URL") == SETTINGS_PRIORITIES["addon"]
    first = next((host for host in hosts if host.answer.error is None), hosts[0])
    results = [
        checks.target_result(
            settings.api_urls,
            is_sandbox=is_sandbox,
            is_loopback=all(map(is_loopback_url, settings.api_urls)),
            stands_in=stands_in,
        ),
        from_message("token", token_error)
        if token_error is not None
        else checks.token_result(
            way.session.credentials,
            token_source(crawler.settings),
            first.error,
            was_asked=first.answer.error is None,
            is_sandbox=is_sandbox,
            stands_in=stands_in,
        ),
        network_checks.proxy_result(
            *way.proxy, first.answer.error, is_loopback=all(map(is_loopback_url, settings.api_urls))
        ),
    ]
    for host in hosts:
        # Another host stands in for one that cannot be reached.
        is_spare = any(other.is_good for other in hosts if other is not host)
        results += [_milder(result) if is_spare else result for result in host.results]
    results += [network_checks.latency_result(first.seconds)] if first.seconds else []
    clock = checks.clock_result(first.answer.headers, first.answered_at)
    results += [clock] if clock is not None else []
    addon = crawler.get_addon(Addon)
    latency = median(first.seconds) if first.seconds else None
    results += [*others, checks.speed_result(addon.speed if addon else None, settings, latency), *machine]
    return Report(tuple(results))


async def examine_unusable(settings: Settings, error: str) -> Report:
    """Return what is to be said where a setting keeps crawls from beginning.

    Args:
        settings: Those of the project.
        error: The message on the setting.
    """
    results = [from_message("settings", error)]
    try:
        credentials = credentials_of(settings)
    except ConfigurationError as bad:
        results.append(from_message("token", str(bad)))
    else:
        results.append(checks.token_result(credentials, token_source(settings), None, was_asked=False))
    return Report((*results, *await examine_machine(settings, stores=True)))


async def examine_machine(settings: BaseSettings, *, stores: bool) -> list[Result]:
    """Return what is to be said of database and disk.

    Args:
        settings: Those of the crawl.
        stores: Whether it stores in a database.
    """
    results: list[Result] = []
    folder: Path | None = Path()
    if not stores:
        results.append(Result("database", "ok", "none: SQLPipeline is turned off"))
    else:
        try:
            url = database_options(settings).url
            state = await probes.in_thread(probes.database_state, url, seconds=probes.DATABASE_SECONDS)
            results.append(checks.database_result(state))
            folder = _database_folder(url)
        except ConfigurationError as error:
            results.append(from_message("database", str(error)))
        except asyncio.TimeoutError:
            fix = "check host and port in TMDB_DATABASE_URL, and that the server runs"
            text = f"the database does not answer in {probes.DATABASE_SECONDS:g} s"
            results.append(Result("database", "problem", text, fix))
    if folder is not None:
        try:
            free = await probes.in_thread(probes.free_bytes, folder, seconds=probes.DATABASE_SECONDS)
            results.append(checks.disk_result(str(folder.absolute()), free))
        except (OSError, asyncio.TimeoutError) as error:
            text = f"{folder.absolute()} cannot be asked for its room: {str(error) or 'no answer'}"
            results.append(Result("disk", "warning", text, "see whether the disk is there"))
    return results


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


class _Way:
    """Way of a crawl's requests, without its rate limiter: a dozen requests are made."""

    def __init__(self, crawler: Crawler, *, sends_token: bool) -> None:
        self._crawler = crawler
        self._sends_token = sends_token
        self.session: CrawlSession = session_of(crawler)
        self._authentication = OPERATIONS["authentication-validate-key"].call({})

    @cached_property
    def proxy(self) -> tuple[str | None, str | None]:
        """The URL of the proxy, without user name and password, and words for where it comes from."""
        url = self.session.settings.proxy
        if url is not None:
            return _public(url), "TMDB_PROXY"
        if self._first_proxy is None:
            return None, None
        scheme = urlsplit(self.session.api.base_url).scheme
        return _public(str(self._first_proxy.url)), f"the environment variable {scheme}_proxy"

    @cached_property
    def _first_proxy(self) -> httpx.Proxy | None:
        """Proxy of the environment for the API; what stands in for its host is asked through the same."""
        request = self._request(self.session.api.base_url, "authentication")
        proxy: httpx.Proxy | None = request.extensions.get("proxy")
        return proxy

    @cached_property
    def _secrets(self) -> tuple[str, ...]:
        """What nothing may show, besides the token: a server or a proxy may send it back."""
        found = proxy_secrets(self.session.settings.proxy)
        if self._first_proxy is not None:
            value = self._first_proxy.headers.get("Proxy-Authorization", "")
            found += proxy_secrets(None, value.encode("latin-1"))
        return found

    async def examine_host(self, base_url: str) -> _Host:
        """Return the findings on a host of the API."""
        settings = self.session.settings
        plain = is_plain(base_url)
        (host, port), role = self._first_stop(base_url)
        lookup = await probes.look_up(host, port)
        pool = self.session.new_pool(base_url, 1)
        seconds: tuple[float, ...] = ()
        try:
            if lookup.error is not None:
                found = [network_checks.dns_result(lookup, role)]
                answer = probes.Answer(base_url, error=probes.no_address(lookup))
                error, answered_at, shown = None, probes.utc_now(), None
            else:
                four, six, (answer, answered_at, shown) = await asyncio.gather(
                    self._reach(lookup, port, "ipv4"),
                    self._reach(lookup, port, "ipv6"),
                    self._ask(pool, base_url),
                )
                found = [
                    network_checks.dns_result(lookup, role),
                    *network_checks.family_results(lookup, four, six, settings.ip_family),
                ]
                error = self._judged(answer)
                if answer.error is None:
                    seconds = await self._sample(pool, base_url)
        finally:
            await pool.aclose()
        tls = network_checks.tls_result(
            answer, shown, verify=settings.verify_tls, is_plain=plain, now=answered_at
        )
        found += [*([tls] if tls is not None else []), network_checks.api_result(answer, error)]
        return _Host(answer, error, answered_at, seconds, tuple(found))

    async def is_sandbox(self) -> bool:
        """Return whether the sandbox answers at the first base URL."""
        url = self.session.api.base_url
        if not (is_plain(url) and is_loopback_url(url)):
            return False
        parts = urlsplit(url)
        request = httpx.Request("GET", f"{parts.scheme}://{parts.netloc}/_sandbox/state")
        answer = await self.exchange(url, request)
        return answer.status == 200 and b'"max_in_flight"' in answer.body

    async def exchange(self, base_url: str, request: httpx.Request) -> Answer:
        """Send a request of its own, on a connection of its own."""
        lookup = await self._look_up_first_stop(base_url, request)
        if lookup.error is not None:
            return probes.Answer(base_url, error=probes.no_address(lookup))
        pool = self.session.new_pool(base_url, 1)
        try:
            return await probes.exchange(pool, request, base_url, clean=self._clean)
        finally:
            await pool.aclose()

    def without_token(self, url: str, *, uses_environment: bool, method: str = "GET") -> httpx.Request:
        """Return a request of the crawl that carries no token, through the proxy that it would have."""
        return outgoing_request(
            self._proxied(Request(url, method=method)), None, uses_environment=uses_environment
        )

    async def _ask(
        self, pool: httpx.AsyncBaseTransport, base_url: str
    ) -> tuple[Answer, Any, Certificate | None]:
        """Ask whether the token is valid; look at a certificate that is not accepted."""
        request = self._request(base_url, "authentication")
        answer = await probes.exchange(pool, request, base_url, clean=self._clean)
        answered_at = probes.utc_now()
        if not network_checks.is_certificate_refused(answer):
            return answer, answered_at, None
        unverified = tls_context(self._crawler.settings, verify=False)
        look = self.session.new_pool(base_url, 1, tls=unverified)
        try:
            request = self._request(base_url, "authentication", with_token=False)
            seen = await probes.exchange(look, request, base_url, clean=self._clean)
        finally:
            await look.aclose()
        return answer, answered_at, seen.certificate

    async def _sample(self, pool: httpx.AsyncBaseTransport, base_url: str) -> tuple[float, ...]:
        """Return the times of some answers."""
        loop = asyncio.get_running_loop()
        until = loop.time() + _SAMPLES_SECONDS
        found: list[float] = []
        while len(found) < _SAMPLES and loop.time() < until:
            request = self._request(base_url, "authentication")
            answer = await probes.exchange(pool, request, base_url, clean=self._clean)
            if answer.error is not None:
                break
            found.append(answer.seconds)
        return tuple(found)

    async def _reach(self, lookup: Lookup, port: int, family: Literal["ipv4", "ipv6"]) -> Reached | None:
        """Try one address of a kind."""
        addresses = lookup.ipv4 if family == "ipv4" else lookup.ipv6
        if not addresses or self.session.settings.ip_family not in ("auto", family):
            return None
        return await probes.reach(addresses[0], port)

    def _judged(self, answer: Answer) -> TMDBError | None:
        """Return the error that an answer tells of."""
        if answer.status is None:
            return None
        try:
            judge(
                self._authentication,
                answer.status,
                answer.headers,
                answer.body,
                self.session.credentials,
                self._secrets,
            )
        except TMDBError as error:
            return error
        return None

    def _request(self, base_url: str, path: str, *, with_token: bool = True) -> httpx.Request:
        """Return a request to the API, as the crawl would send it."""
        session = self.session
        headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
        request = Request(f"{base_url}/{path}", headers=headers)
        is_first = base_url == session.api.base_url
        outgoing = outgoing_request(
            self._proxied(request) if is_first else request,
            session.credentials if self._sends_token and with_token else None,
            uses_environment=session.api.uses_environment,
        )
        if not is_first and self._first_proxy is not None and not is_plain(base_url):
            outgoing.extensions = {**outgoing.extensions, "proxy": self._first_proxy}
        return outgoing

    def _proxied(self, request: Request) -> Request:
        """Return a request with the proxy that Scrapy takes for it from the environment."""
        try:
            middleware = build_from_crawler(HttpProxyMiddleware, self._crawler)
        except NotConfigured:
            return request
        middleware.process_request(request)
        return request

    def _first_stop(self, base_url: str) -> tuple[tuple[str, int], str]:
        """Return host and port that are connected to, and what they are: the proxy's, or the server's."""
        settings = self.session.settings
        if is_plain(base_url):
            return _host_and_port(base_url), "the host"
        if settings.proxy is not None:
            return _host_and_port(settings.proxy), "the proxy"
        if self._first_proxy is not None:
            return _host_and_port(str(self._first_proxy.url)), "the proxy"
        return _host_and_port(base_url), "the host"

    async def _look_up_first_stop(self, base_url: str, request: httpx.Request) -> Lookup:
        """Return the addresses of what a request would connect to: an unanswered question is not asked twice."""
        proxy = request.extensions.get("proxy") or (
            None if is_plain(base_url) else self.session.settings.proxy
        )
        url = base_url if proxy is None else str(proxy.url) if isinstance(proxy, httpx.Proxy) else proxy
        return await probes.look_up(*_host_and_port(url))

    def _clean(self, error: Exception) -> Exception:
        return self.session.credentials.cleaned(error, self._secrets)


async def _exports(way: _Way) -> Result:
    """Ask for the newest export of movies, as a crawl would, but not for its body."""
    url = way.session.settings.exports_url
    name = export_file("movies", newest_day(probes.utc_now()))
    answer = await way.exchange(url, httpx.Request("HEAD", f"{url}/{name}"))
    good = answer.status is not None and answer.status < 400
    return network_checks.host_result(
        "exports", answer, setting="TMDB_EXPORTS_URL", needed=False, use="-a source=export", good=good
    )


async def _images(way: _Way, settings: BaseSettings) -> Result:
    """Ask the host of images for nothing in particular: any answer will do that tells of no fault of its own."""
    url = way.session.settings.images_url
    uses_environment = way.session.images.uses_environment
    request = way.without_token(f"{url}/", uses_environment=uses_environment, method="HEAD")
    answer = await way.exchange(url, request)
    good = answer.status is not None and answer.status < 500
    needed = bool(settings.get("TMDB_IMAGES"))
    return network_checks.host_result(
        "images", answer, setting="TMDB_IMAGES_URL", needed=needed, use="TMDB_IMAGES", good=good
    )


def _milder(result: Result) -> Result:
    return replace(result, status="warning") if result.status == "problem" else result


def _database_folder(url: str) -> Path | None:
    """Return the folder of the database's file; that of the project for one that is elsewhere."""
    path = probes.sqlite_path(parse_database_url(url))
    return Path() if path is None else path.parent


def _host_and_port(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 80)


def _public(url: str) -> str:
    """Return the URL of a proxy without user name and password."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
