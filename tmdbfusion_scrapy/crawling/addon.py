"""The add-on: puts everything in its place, and says how fast TMDB is asked."""

from __future__ import annotations

import logging
import math
import os
from dataclasses import dataclass
from difflib import get_close_matches
from importlib.util import find_spec
from typing import TYPE_CHECKING

from scrapy.exceptions import NotConfigured
from scrapy.settings import SETTINGS_PRIORITIES, BaseSettings
from scrapy.utils.job import job_dir
from scrapy.utils.misc import load_object
from scrapy.utils.reactor import is_reactor_installed

from tmdbfusion_scrapy.crawling.errors import plain_messages
from tmdbfusion_scrapy.exceptions import ConfigurationError
from tmdbfusion_scrapy.settings import (
    SETTINGS,
    SLOT,
    TMDBSettings,
    job_times,
    previous,
    read_boolean,
    settings_of,
    slot_delay,
    slot_options,
)

if TYPE_CHECKING:
    from scrapy import Spider
    from scrapy.crawler import Crawler
    from typing_extensions import Self

logger = logging.getLogger(__name__)

ANSWER_SECONDS = 0.1
"""How long TMDB takes for an answer, about, the way included: so fast one connection asks again."""

_ENOUGH = 8
"""Requests at the same time that are enough for TMDB's rate limit; a higher one needs more."""


@dataclass(frozen=True, slots=True)
class Speed:
    """Highest rate at which TMDB is asked.

    Args:
        per_second: Requests a second; ``None`` for no limit.
        limit: Words for what holds it, which name the setting.
        wanted: ``TMDB_REQUESTS_PER_SECOND``; 0 for no limit.
        fix: Advice what to set for more; ``None`` where it is the rate limit itself that holds.
    """

    per_second: float | None
    limit: str
    wanted: float
    fix: str | None = None

    @property
    def is_slow(self) -> bool:
        """True where something else than the rate limit holds it far below that."""
        return self.per_second is not None and self.per_second < self.wanted / 2

    @property
    def words(self) -> str:
        """The rate and what holds it; the fix as well, where it is slow."""
        if self.per_second is None:
            return "as fast as it answers (TMDB_REQUESTS_PER_SECOND is 0)"
        about = "" if self.fix is None else "about "
        words = f"at {about}{self.per_second:.3g} requests a second at most ({self.limit})"
        return f"{words}, where {self.wanted:g} are allowed: {self.fix}" if self.is_slow else words


def crawl_speed(settings: BaseSettings, ours: TMDBSettings, *, keeps_delay: bool) -> Speed:
    """Return how fast a crawl asks TMDB; ``keeps_delay`` where ``DOWNLOAD_DELAY`` is meant for TMDB, too."""
    wanted, slot = ours.requests_per_second, f'DOWNLOAD_SLOTS["{SLOT}"]'
    own, delay = slot_delay(settings), settings.getfloat("DOWNLOAD_DELAY")
    seconds, limit, fix = 0.0, "", ""
    if settings.getbool("AUTOTHROTTLE_ENABLED"):
        target = settings.getfloat("AUTOTHROTTLE_TARGET_CONCURRENCY") or 1.0
        seconds, limit = ANSWER_SECONDS / target, f"AUTOTHROTTLE_TARGET_CONCURRENCY = {target:g}"
        if delay > seconds:
            seconds, limit = delay, f"DOWNLOAD_DELAY = {delay:g}"
        limit, fix = f"AUTOTHROTTLE_ENABLED, with {limit}", "set AUTOTHROTTLE_ENABLED = False"
    elif own is not None:
        seconds, limit, fix = own, f'{slot}["delay"] = {own:g}', f'leave out {slot}["delay"]'
    elif keeps_delay:
        fix = f'set DOWNLOAD_SLOTS = {{"{SLOT}": {{"delay": 0}}}}'
        seconds, limit = delay, f"DOWNLOAD_DELAY = {delay:g}"
    found = [Speed(1 / seconds, limit, wanted, fix)] if seconds else []
    if not wanted:
        return found[0] if found else Speed(None, "TMDB_REQUESTS_PER_SECOND", wanted)
    # One answer after the other on each connection.
    enough = max(_ENOUGH, math.ceil(wanted * ANSWER_SECONDS))
    slot_is_named = "concurrency" in slot_options(settings)
    of_slot = f'{slot}["concurrency"]' if slot_is_named else "CONCURRENT_REQUESTS_PER_DOMAIN"
    limits = {"CONCURRENT_REQUESTS": settings.getint("CONCURRENT_REQUESTS"), of_slot: ours.slot_concurrency}
    if settings.get("TMDB_MAX_CONNECTIONS") is not None:
        limits["TMDB_MAX_CONNECTIONS"] = ours.max_connections
    for name, most in limits.items():
        if most:
            fix = f'DOWNLOAD_SLOTS = {{"{SLOT}": {{"concurrency": {enough}}}}}'
            fix = f"set {fix if name == of_slot else f'{name} = {enough}'}"
            limit = f"{name} = {most}, {ANSWER_SECONDS:g} s an answer"
            found.append(Speed(most / ANSWER_SECONDS, limit, wanted, fix))
    rate = Speed(wanted, "TMDB_REQUESTS_PER_SECOND", wanted)
    return min([rate, *found], key=lambda speed: speed.per_second or 0.0)


_ASYNCIO_REACTOR = "twisted.internet.asyncioreactor.AsyncioSelectorReactor"

_NO_LIMIT = 2**31


class Addon:
    """Wires the handler, the middlewares, the storage and the settings.

    ::

        ADDONS = {"tmdbfusion_scrapy.Addon": 500}

    Raises:
        ConfigurationError: A setting cannot be used; the message names it. The crawl does not start.

    Attributes:
        speed: At what rate TMDB is asked at most; ``None`` until the settings are changed.
    """

    def __init__(self, spidercls: type[Spider]) -> None:
        self._spidercls = spidercls
        self.speed: Speed | None = None

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Make the add-on of a crawl."""
        return cls(crawler.spidercls)

    @classmethod
    def update_pre_crawler_settings(cls, settings: BaseSettings) -> None:
        """Take uvloop (extra ``fast``), unless a loop was chosen or is there, and make first log lines JSON."""
        if settings.get("TMDB_LOG_JSON") and settings.get("TMDB_ENABLED") is not False:
            load_object("tmdbfusion_scrapy.monitoring.json_log.install_early")(settings)
        chosen = settings.getpriority("ASYNCIO_EVENT_LOOP") or settings.get("TMDB_ENABLED") is False
        if not chosen and not is_reactor_installed() and find_spec("uvloop") is not None:
            settings.set("ASYNCIO_EVENT_LOOP", "uvloop.Loop", priority="addon")

    def update_settings(self, settings: BaseSettings) -> None:
        """Change the settings of a crawl; what the user set wins."""
        # Loaded here: every command makes the add-on, and only a crawl needs these.
        from tmdbfusion_scrapy.crawling.dupefilter import TMDBDupeFilter, TMDBRequestFingerprinter
        from tmdbfusion_scrapy.crawling.middleware import RetryQueue, TMDBMiddleware, TMDBRetryMiddleware
        from tmdbfusion_scrapy.crawling.reading import TMDBCachePolicy
        from tmdbfusion_scrapy.crawling.scheduling import LazyStartMiddleware, RunQueue, StartRunQueue
        from tmdbfusion_scrapy.crawling.session import credentials_of
        from tmdbfusion_scrapy.crawling.spider import TMDBSpider
        from tmdbfusion_scrapy.transport.dialing import check_certificate_variables

        with plain_messages():
            if not read_boolean(settings, "TMDB_ENABLED"):
                raise NotConfigured("TMDB_ENABLED is False")
            _warn_of_unknown(settings)
            ours = settings_of(settings)
            credentials_of(settings)
            read_boolean(settings, "TMDB_EXIT_STATUS")
            job_times(settings)
            if ours.verify_tls:
                check_certificate_variables()
            _check_reactor(settings)
            _check_job_directory(settings)
            _install_handler(settings)
            # A project's DOWNLOAD_DELAY is meant for web sites: scrapy startproject writes one. The spider's, the
            # command line's and AutoThrottle are meant for TMDB.
            keeps_delay = (
                hasattr(self._spidercls, "download_delay")
                or (settings.getpriority("DOWNLOAD_DELAY") or 0) > SETTINGS_PRIORITIES["project"]
                or settings.getbool("AUTOTHROTTLE_ENABLED")
            )
            self.speed = crawl_speed(settings, ours, keeps_delay=keeps_delay)
            no_delay = {} if keeps_delay else {"delay": 0.0}
            _install_slot(settings, ours, no_delay)
            if settings.getbool("HTTPCACHE_ENABLED"):
                _put_before(settings, "HTTPCACHE_POLICY", TMDBCachePolicy)
            if ours.shared_limit is not None:
                from tmdbfusion_scrapy.rate_store import open_store

                open_store(ours.shared_limit)
            # Packages that stand above this one.
            install_storage = load_object("tmdbfusion_scrapy.storage.sql.install_storage")
            install_storage(settings, asks_tmdb=issubclass(self._spidercls, TMDBSpider))
            if settings.get("JOBDIR"):
                for queue in (RunQueue, StartRunQueue):
                    _put_before(settings, queue.disk_setting, queue)
            load_object("tmdbfusion_scrapy.feeds.exporters.install_feeds")(settings)
            load_object("tmdbfusion_scrapy.images.choice.install_images")(settings, slot=no_delay)
            load_object("tmdbfusion_scrapy.monitoring.install_monitoring")(settings)
        # Before robots.txt (100), default headers (400) and cookies (700).
        settings.setdefault_in_component_priority_dict("DOWNLOADER_MIDDLEWARES", TMDBMiddleware, 90)
        # Responses come from high numbers to low: after decompression (590), before RetryMiddleware (550).
        settings.setdefault_in_component_priority_dict("DOWNLOADER_MIDDLEWARES", TMDBRetryMiddleware, 560)
        settings.setdefault_in_component_priority_dict("SPIDER_MIDDLEWARES", LazyStartMiddleware, 10)
        settings.setdefault_in_component_priority_dict("ITEM_PIPELINES", RetryQueue, 0)
        if not settings.getpriority("CONCURRENT_ITEMS"):
            # Scrapy 2.15 to 2.19 start this many tasks for every response; docs/performance.md has what they cost.
            settings.set("CONCURRENT_ITEMS", 1, priority="addon")
        filters = {
            "DUPEFILTER_CLASS": TMDBDupeFilter,
            "REQUEST_FINGERPRINTER_CLASS": TMDBRequestFingerprinter,
        }
        for name, cls in filters.items():
            # What the user chose stays.
            if (settings.getpriority(name) or 0) <= SETTINGS_PRIORITIES["addon"]:
                _put_before(settings, name, cls)


def _warn_of_unknown(settings: BaseSettings) -> None:
    """Warn of each setting of a project or a command line that is named as ours are and is none of them."""
    for name in settings:
        given = (settings.getpriority(name) or 0) >= SETTINGS_PRIORITIES["project"]
        if given and str(name).startswith("TMDB_") and name not in SETTINGS:
            close = get_close_matches(str(name), SETTINGS, n=1)
            advice = f"{close[0]} is one" if close else "docs/reference/settings.md lists them"
            logger.warning("%s is no setting of tmdbfusion-scrapy and changes nothing: %s", name, advice)


def _check_reactor(settings: BaseSettings) -> None:
    """Refuse a reactor without asyncio, on which the transport runs."""
    reactor = settings.get("TWISTED_REACTOR")
    if settings.getbool("TWISTED_REACTOR_ENABLED") and reactor != _ASYNCIO_REACTOR:
        raise ConfigurationError(
            f"TWISTED_REACTOR is {reactor!r}: TMDB requests need asyncio. Leave it at its default "
            f"({_ASYNCIO_REACTOR}), or set TWISTED_REACTOR_ENABLED to False"
        )


def _check_job_directory(settings: BaseSettings) -> None:
    """Make the job directory, as Scrapy does, and refuse one that cannot be written."""
    try:
        path = job_dir(settings)
        if path and not os.access(path, os.W_OK | os.X_OK):
            raise PermissionError(f"no permission to write to {path}")
    except OSError as error:
        raise ConfigurationError(
            f"JOBDIR cannot be used ({error}): make the folder writable, or name another one"
        ) from error


def _install_handler(settings: BaseSettings) -> None:
    """Put our handler before those of http and https, and keep what was there for all other requests."""
    from tmdbfusion_scrapy.crawling.handler import TMDBHTTPDownloadHandler, TMDBHTTPSDownloadHandler

    handlers = dict(settings.getdict("DOWNLOAD_HANDLERS"))
    ours = {"http": TMDBHTTPDownloadHandler, "https": TMDBHTTPSDownloadHandler}
    before = {scheme: handlers[scheme] for scheme in ours if scheme in handlers}
    settings.set(previous("DOWNLOAD_HANDLERS"), before, priority="addon")
    handlers.update(ours)
    given = settings.getpriority("DOWNLOAD_HANDLERS") or 0
    # Without a reactor, Scrapy sets its defaults after the add-ons, as a project's. The setting itself stands no
    # higher than what was there: Scrapy would drop what an add-on after ours sets, and check_handlers() refuse
    # nothing.
    entries = BaseSettings(handlers, priority=max(given, SETTINGS_PRIORITIES["project"]))
    settings.set("DOWNLOAD_HANDLERS", entries, priority=max(given, SETTINGS_PRIORITIES["addon"]))


def _put_before(settings: BaseSettings, name: str, ours: type) -> None:
    """Put a class of ours before the one that was there, which it asks about all but TMDB's requests."""
    before = settings[name] and load_object(settings[name])
    # A class that is made of ours stays. None does, too: start requests have no queue of their own then.
    if before is None or (isinstance(before, type) and issubclass(before, ours)):
        return
    settings.set(previous(name), before, priority="addon")
    settings.set(name, ours, priority=max(settings.getpriority(name) or 0, SETTINGS_PRIORITIES["addon"]))


def _install_slot(settings: BaseSettings, ours: TMDBSettings, options: dict[str, float]) -> None:
    """Give the slot its concurrency, and the delay that is meant for it."""
    # Where 0 stands for no limit, Scrapy would send nothing at all: for a slot, and before 2.19 for all.
    for name in ("CONCURRENT_REQUESTS", "CONCURRENT_REQUESTS_PER_DOMAIN"):
        if settings.getint(name) == 0:
            settings.set(name, _NO_LIMIT, priority=settings.getpriority(name) or 0)
    slots = dict(settings.getdict("DOWNLOAD_SLOTS"))
    # Not more than connections: a request that would wait for one waits in the slot.
    limits = [limit for limit in (ours.slot_concurrency, ours.max_connections) if limit is not None]
    slots[SLOT] = {**options, **(slots.get(SLOT) or {}), "concurrency": min(limits, default=_NO_LIMIT)}
    priority = max(settings.getpriority("DOWNLOAD_SLOTS") or 0, SETTINGS_PRIORITIES["addon"])
    settings.set("DOWNLOAD_SLOTS", slots, priority=priority)
