"""Rate at which a crawl asks TMDB, by its settings, and which of them holds it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tmdbfusion_scrapy.settings import SLOT, slot_delay, slot_options

if TYPE_CHECKING:
    from scrapy.settings import BaseSettings

    from tmdbfusion_scrapy.settings import TMDBSettings

ANSWER_SECONDS = 0.1
"""How long TMDB takes for an answer, about, the way included: so fast one connection asks again."""

_FAR_BELOW = 0.5
"""Part of the rate limit below which a crawl is told to be slow."""

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
        return self.per_second is not None and self.per_second < self.wanted * _FAR_BELOW

    @property
    def words(self) -> str:
        """The rate and what holds it; the fix as well, where it is slow."""
        if self.per_second is None:
            return "as fast as it answers (TMDB_REQUESTS_PER_SECOND is 0)"
        about = "" if self.fix is None else "about "
        words = f"at {about}{self.per_second:.3g} requests a second at most ({self.limit})"
        return f"{words}, where {self.wanted:g} are allowed: {self.fix}" if self.is_slow else words


def crawl_speed(settings: BaseSettings, ours: TMDBSettings, *, keeps_delay: bool) -> Speed:
    """Return how fast a crawl asks TMDB, by its settings as they were before the add-on changed them.

    With ``keeps_delay``, ``DOWNLOAD_DELAY`` and AutoThrottle are meant for TMDB, too.

    Raises:
        ConfigurationError: The delay of the slot is no number from 0.
    """
    wanted = ours.requests_per_second
    found = _by_delay(settings, wanted, keeps_delay=keeps_delay)
    if wanted:
        found = [Speed(wanted, "TMDB_REQUESTS_PER_SECOND", wanted), *found, *_by_concurrency(settings, ours)]
    no_limit = Speed(None, "TMDB_REQUESTS_PER_SECOND", wanted)
    return min(found, key=lambda speed: speed.per_second or 0.0, default=no_limit)


def _by_delay(settings: BaseSettings, wanted: float, *, keeps_delay: bool) -> list[Speed]:
    """Return the rate that the wait between two requests allows."""
    slot = f'DOWNLOAD_SLOTS["{SLOT}"]["delay"]'
    delay = settings.getfloat("DOWNLOAD_DELAY")
    if settings.getbool("AUTOTHROTTLE_ENABLED"):
        target = settings.getfloat("AUTOTHROTTLE_TARGET_CONCURRENCY") or 1.0
        seconds, cause = ANSWER_SECONDS / target, f"AUTOTHROTTLE_TARGET_CONCURRENCY = {target:g}"
        if delay > seconds:
            seconds, cause = delay, f"DOWNLOAD_DELAY = {delay:g}"
        limit = f"AUTOTHROTTLE_ENABLED, with {cause}"
        return [Speed(1 / seconds, limit, wanted, "set AUTOTHROTTLE_ENABLED = False")]
    own = slot_delay(settings)
    if own is not None:
        return [Speed(1 / own, f"{slot} = {own:g}", wanted, f"leave out {slot}")] if own else []
    if keeps_delay and delay:
        fix = f'set DOWNLOAD_SLOTS = {{"{SLOT}": {{"delay": 0}}}}'
        return [Speed(1 / delay, f"DOWNLOAD_DELAY = {delay:g}", wanted, fix)]
    return []


def _by_concurrency(settings: BaseSettings, ours: TMDBSettings) -> list[Speed]:
    """Return the rates that the requests at the same time allow, one answer after the other on each connection."""
    slot_is_named = "concurrency" in slot_options(settings, SLOT)
    name = f'DOWNLOAD_SLOTS["{SLOT}"]["concurrency"]' if slot_is_named else "CONCURRENT_REQUESTS_PER_DOMAIN"
    enough = max(_ENOUGH, math.ceil(ours.requests_per_second * ANSWER_SECONDS))
    slot_fix = f'set DOWNLOAD_SLOTS = {{"{SLOT}": {{"concurrency": {enough}}}}}'
    limits = [
        (settings.getint("CONCURRENT_REQUESTS") or None, "CONCURRENT_REQUESTS", None),
        (ours.slot_concurrency, name, slot_fix),
    ]
    if settings.get("TMDB_MAX_CONNECTIONS") is not None:
        limits.append((ours.max_connections, "TMDB_MAX_CONNECTIONS", None))
    return [
        Speed(
            limit / ANSWER_SECONDS,
            f"{setting} = {limit}, {ANSWER_SECONDS:g} s an answer",
            ours.requests_per_second,
            fix or f"set {setting} = {enough}",
        )
        for limit, setting, fix in limits
        if limit is not None
    ]
