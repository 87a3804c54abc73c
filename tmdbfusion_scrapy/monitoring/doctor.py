"""Examination of ``scrapy tmdb-doctor``: the way to TMDB as a crawl would have it, its settings, and the machine.

What is asked goes the way of a crawl that is not started: its token, proxy, TLS and pool.
"""

from __future__ import annotations

import asyncio
import json
import os
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, Final

from scrapy.settings import SETTINGS_PRIORITIES

from tmdbfusion_scrapy.base_urls import is_loopback_url, is_plain
from tmdbfusion_scrapy.crawling import Addon
from tmdbfusion_scrapy.crawling.session import credentials_of
from tmdbfusion_scrapy.exceptions import ConfigurationError, TMDBError, ValidationError
from tmdbfusion_scrapy.http import httpx
from tmdbfusion_scrapy.monitoring import checks, probes
from tmdbfusion_scrapy.monitoring.checks import Result, from_message
from tmdbfusion_scrapy.monitoring.probes import Answer
from tmdbfusion_scrapy.monitoring.requests import CrawlRequests
from tmdbfusion_scrapy.sources.export_file import DAYS_BACK, export_file, newest_day
from tmdbfusion_scrapy.storage.backend import backend_for
from tmdbfusion_scrapy.storage.database import parse_database_url
from tmdbfusion_scrapy.storage.sql import database_options

if TYPE_CHECKING:
    from typing import Literal

    from scrapy.crawler import Crawler
    from scrapy.settings import BaseSettings, Settings

    from tmdbfusion_scrapy.base_urls import IPFamily
    from tmdbfusion_scrapy.monitoring.checks import Status
    from tmdbfusion_scrapy.monitoring.probes import Lookup, Reached

STAND_IN: Final = "tmdb-doctor"
"""Token of a crawl that has none, so that all but the token can be looked at; it is never sent."""

_SAMPLES = 5
_SAMPLES_SECONDS = 3.0
"""Requests for the latency, and the time after which no further one is begun."""


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
    results = [
        checks.target_result(
            settings.api_urls,
            is_sandbox=is_sandbox,
            is_loopback=is_loopback,
            stands_in=stands_in,
        ),
        from_message("token", token_error)
        if token_error is not None
        else checks.token_result(
            requests.session.credentials,
            token_source(crawler.settings),
            first.error,
            was_asked=first.answer.error is None,
            is_sandbox=is_sandbox,
            stands_in=stands_in,
        ),
        checks.proxy_result(requests.proxy, first.answer.error, is_loopback=is_loopback),
    ]
    for host in hosts:
        # Another host stands in for one that cannot be reached.
        is_spare = any(other.is_good for other in hosts if other is not host)
        results += [_milder(result) if is_spare else result for result in host.results]
    results += [checks.latency_result(first.seconds)] if first.seconds else []
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
    pool = requests.session.new_pool(base_url, 1)
    try:
        four, six, answer = await asyncio.gather(
            _reach(lookup, port, "ipv4", settings.ip_family),
            _reach(lookup, port, "ipv6", settings.ip_family),
            requests.send(request, base_url, pool),
        )
        answered_at = probes.utc_now()
        found += checks.family_results(lookup, four, six, settings.ip_family)
        seconds = await _sample(requests, base_url, pool) if answer.error is None else ()
    finally:
        await pool.aclose()
    refused = checks.is_certificate_refused(answer)
    shown = await requests.look_at_certificate(base_url) if refused else None
    tls = checks.tls_result(
        answer, shown, verify=settings.verify_tls, is_plain=is_plain(base_url), now=answered_at
    )
    error = requests.error_of(answer)
    found += [*([tls] if tls is not None else []), checks.api_result(answer, error)]
    return _Host(answer, error, answered_at, seconds, tuple(found))


async def _reach(
    lookup: Lookup, port: int, family: Literal["ipv4", "ipv6"], wanted: IPFamily
) -> Reached | None:
    """Try one address of a kind."""
    addresses = lookup.ipv4 if family == "ipv4" else lookup.ipv6
    if not addresses or wanted not in ("auto", family):
        return None
    return await probes.reach(addresses[0], port)


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


def _milder(result: Result) -> Result:
    return replace(result, status="warning") if result.status == "problem" else result


def _database_folder(url: str) -> Path | None:
    """Return the folder of the database's file; that of the project for one that is elsewhere."""
    parsed = parse_database_url(url)
    backend = backend_for(parsed)
    path = None if backend is None else backend.path(parsed)
    return Path() if path is None else path.parent
