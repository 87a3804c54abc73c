"""Numbers and times of a crawl in words, and whether the log has them."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from rich.filesize import decimal

if TYPE_CHECKING:
    from scrapy.settings import BaseSettings

TERMS = "Terms: credit TMDB; keep 6 months; no commerce or AI training unless it agrees"
"""The terms in one line; see https://www.themoviedb.org/api-terms-of-use."""


def duration(seconds: float) -> str:
    """Return seconds in words of two units at most, such as ``2 h 13 min``."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s" if whole < 600 else f"{round(whole / 60)} min"
    minutes = round(whole / 60)
    if minutes < 24 * 60:
        return f"{minutes // 60} h {minutes % 60} min"
    hours = round(whole / 3600)
    return f"{hours // 24} d {hours % 24} h"


def clock(seconds: float) -> str:
    """Return seconds as ``0:01:23``."""
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}"


def size(number: float) -> str:
    """Return bytes as ``118.0 MB``."""
    return decimal(int(number))


def counted(number: int, one: str, many: str | None = None) -> str:
    """Return a number with its noun, such as ``1 pause`` and ``2 pauses``."""
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"


def logs_info(settings: BaseSettings) -> bool:
    """Return whether Scrapy's log shows what is of level INFO."""
    level = settings.get("LOG_LEVEL")
    number = level if isinstance(level, int) else logging.getLevelName(str(level))
    return settings.getbool("LOG_ENABLED") and (not isinstance(number, int) or number <= logging.INFO)
