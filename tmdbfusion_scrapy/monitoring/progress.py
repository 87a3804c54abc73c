"""Progress of a crawl: a live block in a terminal, or a plain line in the log now and then."""

from __future__ import annotations

import asyncio
import logging
import sys
from typing import TYPE_CHECKING, Any

from scrapy import signals
from scrapy.exceptions import NotConfigured

from tmdbfusion_scrapy.crawling.errors import plain_messages
from tmdbfusion_scrapy.crawling.scrapy_internals import is_closing
from tmdbfusion_scrapy.exceptions import ConfigurationError
from tmdbfusion_scrapy.monitoring.screen import Screen, can_draw
from tmdbfusion_scrapy.monitoring.status import has_status, status_of
from tmdbfusion_scrapy.monitoring.words import clock, counted, duration, logs_info, size
from tmdbfusion_scrapy.settings import SETTINGS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from scrapy.crawler import Crawler
    from scrapy.settings import BaseSettings
    from typing_extensions import Self

    from tmdbfusion_scrapy.monitoring.screen import Line
    from tmdbfusion_scrapy.monitoring.status import Snapshot

logger = logging.getLogger(__name__)

_MODES = ("off", "auto", "plain", "live")
_REFRESH_SECONDS = 1.0
_MOST_BAR = 40
_LEAST_BAR = 8

LIMITS = {
    "rate": "the rate limit",
    "connections": "connections",
    "server": "TMDB",
    "database": "the database",
    "process": "this process",
}
"""Words for ``Snapshot.limited_by``."""


class Progress:
    """Extension that shows how far a crawl is (``TMDB_PROGRESS``).

    Args:
        crawler: The crawler.
        mode: ``plain`` or ``live``.
        interval: Seconds between two plain lines.
        past_the_log: Whether plain lines go to standard error, for the log does not show them.

    Raises:
        ConfigurationError: A setting cannot be used.
    """

    def __init__(self, crawler: Crawler, mode: str, interval: float, *, past_the_log: bool) -> None:
        self._crawler = crawler
        self._is_live = mode == "live"
        self._interval = _REFRESH_SECONDS if self._is_live else interval
        self._past_the_log = past_the_log
        self._timer: asyncio.TimerHandle | None = None
        self._screen: Screen | None = None
        crawler.signals.connect(self._open, signals.spider_opened)
        crawler.signals.connect(self._close, signals.spider_closed)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Make the extension, unless no progress is asked for."""
        settings = crawler.settings
        with plain_messages():
            asked, interval = _read(settings)
        # Such as scrapy check, and --nolog.
        is_quiet = asked == "auto" and not settings.getbool("LOG_ENABLED")
        if asked == "off" or is_quiet or not has_status(crawler):
            raise NotConfigured
        mode = asked
        if asked != "plain":
            mode = "live" if can_draw(sys.stderr) else "plain"
        if asked == "live" and mode == "plain":
            logger.warning(
                "TMDB_PROGRESS is live, and standard error is no terminal that can be drawn on: progress comes as "
                "plain lines"
            )
        in_log = logs_info(settings)
        if mode == "plain" and asked == "auto" and not in_log:
            # Nobody would see it.
            raise NotConfigured
        return cls(crawler, mode, interval, past_the_log=asked == "plain" and not in_log)

    def _open(self) -> None:
        """Begin."""
        if self._is_live:
            self._show()
        else:
            self._timer = asyncio.get_running_loop().call_later(self._interval, self._show)

    def _close(self) -> None:
        """End."""
        if self._timer is not None:
            self._timer.cancel()
        if self._screen is not None:
            self._screen.leave(self)
            self._screen = None

    def _show(self) -> None:
        """Show how far the crawl is, and come back."""
        self._timer = asyncio.get_running_loop().call_later(self._interval, self._show)
        status = status_of(self._crawler)
        if not status.asks_tmdb:
            # Another spider of the project, which may never do so.
            return
        snapshot = status.snapshot()
        if self._is_live:
            self._screen = self._screen or Screen.shared()
            screen = self._screen
            is_stopping = is_closing(self._crawler)
            lines = block(snapshot, screen.width, unicode=screen.unicode, is_stopping=is_stopping)
            screen.show(self, lines)
        elif self._past_the_log:
            print(plain_line(snapshot), file=sys.stderr)  # noqa: T201 - it was asked for
        else:
            extra = {"spider": self._crawler.spider, "tmdb_progress": snapshot.to_dict()}
            logger.info("%s", plain_line(snapshot), extra=extra)


def _read(settings: BaseSettings) -> tuple[str, float]:
    """Return mode and interval."""
    asked = str(settings.get("TMDB_PROGRESS", SETTINGS["TMDB_PROGRESS"].default)).strip().lower()
    if asked not in _MODES:
        raise ConfigurationError(f"TMDB_PROGRESS is {asked!r}: set it to one of {', '.join(_MODES)}")
    value: Any = settings.get("TMDB_PROGRESS_INTERVAL", SETTINGS["TMDB_PROGRESS_INTERVAL"].default)
    try:
        interval = float(value)
    except (TypeError, ValueError):
        interval = 0.0
    if not 1 <= interval <= 86400:
        raise ConfigurationError(
            f"TMDB_PROGRESS_INTERVAL is {value!r}: set it to a number of seconds from 1 to 86400"
        )
    return asked, interval


def plain_line(now: Snapshot) -> str:
    """Return the progress as one line: the same parts in the same order, numbers without separators."""
    records = f"{now.done} records"
    if now.wanted is not None:
        share = f"{100 * now.done / now.wanted:.1f}" if now.wanted else "100.0"
        records = f"{now.done} of {now.wanted}{'+' if now.wanted_grows else ''} records ({share}%)"
    left = "time left not known" if now.seconds_left is None else f"{duration(now.seconds_left)} left"
    allowed = f" of {now.rate_now:.3g}" if now.rate_now else ""
    parts = (
        f"{now.spider}: {records}",
        left,
        f"{now.requests_per_second:.1f}{allowed} requests/s",
        f"limited by {LIMITS[now.limited_by] if now.limited_by else 'nothing'}",
        f"{now.stored} stored",
        f"{now.unchanged} unchanged",
        f"{now.gone} gone",
        f"{now.failed} failed",
        f"{now.retries_waiting} retries waiting",
        f"{now.rate_limited} times 429",
        f"{now.pauses} pauses",
        f"paused for {now.paused_for:.0f} s",
        f"{(now.memory or 0) // 1_000_000} MB",
    )
    return ", ".join(parts)


def block(now: Snapshot, width: int, *, unicode: bool, is_stopping: bool = False) -> list[Line]:
    """Return the lines of the live block.

    Args:
        now: The status.
        width: Columns; what does not fit on a line goes on with the next.
        unicode: Whether the bar may be more than ASCII.
        is_stopping: Whether the crawl was told to stop.
    """
    run = f"run {now.run_id}" if now.run_id is not None else ""
    head = [(now.spider, "bold"), (now.source, ""), (run, ""), (clock(now.elapsed), "")]
    return [
        *_flow(head, width),
        *_records(now, width, unicode=unicode, is_stopping=is_stopping),
        *_flow(_speed(now), width),
        *_flow(_outcomes(now), width),
    ]


def _records(now: Snapshot, width: int, *, unicode: bool, is_stopping: bool) -> list[Line]:
    """Return the bar and what it means."""
    if is_stopping:
        left = "stopping: what is under way is finished"
    elif now.seconds_left is None:
        left = ""
    else:
        left = f"{duration(now.seconds_left)} left"
    if now.wanted is None:
        reads = "reading what there is" if now.wanted_grows else ""
        return _flow([(counted(now.done, "record"), ""), (reads, ""), (left, "")], width)
    share = min(now.done / now.wanted, 1.0) if now.wanted else 1.0
    grows = "and more: the list is being read" if now.wanted_grows else ""
    texts = [
        (f"{now.done:,} of {counted(now.wanted, 'record')}", ""),
        (grows, ""),
        (f"{int(100 * share)}%", ""),
        (left, "bold"),
    ]
    taken = sum(len(text) + 2 for text, _ in texts if text)
    cells = min(_MOST_BAR, width - taken)
    if cells < _LEAST_BAR:
        return _flow(texts, width)
    full = int(cells * share)
    done, rest = ("━", "─") if unicode else ("#", ".")
    (line,) = _flow(texts, width - cells - 2)
    return [[(done * full, "green"), (rest * (cells - full), "dim"), ("  ", ""), *line]]


def _speed(now: Snapshot) -> Iterable[tuple[str, str]]:
    """Return how fast the crawl is, and why it is not faster."""
    allowed = f" of {now.rate_now:.3g}" if now.rate_now else ""
    yield f"{now.requests_per_second:.1f}{allowed} requests/s", ""
    if 0 < now.rate_now < now.rate_limit * 0.99:
        yield f"{now.rate_limit:g} set, lowered after a 429", "yellow"
    if now.paused_for > 0:
        yield f"paused: TMDB asks to wait, {duration(max(now.paused_for, 1))} left", "yellow"
    elif now.limited_by is not None:
        yield f"limited by {LIMITS[now.limited_by]}", ""
    most = f" of {now.connections.most}" if now.connections.most is not None else ""
    yield f"{now.connections.active}{most} connections busy", ""
    if now.latency is not None:
        yield f"{1000 * now.latency.p50:.0f} ms an answer", ""
    if now.memory is not None:
        yield size(now.memory), ""


def _outcomes(now: Snapshot) -> Iterable[tuple[str, str]]:
    """Return what became of the records and requests."""
    yield f"{now.stored:,} stored", ""
    yield f"{now.unchanged:,} unchanged", ""
    yield f"{now.gone:,} gone", ""
    yield f"{now.failed:,} failed", "red" if now.failed else ""
    yield f"{counted(now.retries_waiting, 'retry', 'retries')} waiting", ""
    yield counted(now.rate_limited, "answer 429", "answers 429"), "yellow" if now.rate_limited else ""
    yield counted(now.pauses, "pause"), ""


def _flow(parts: Iterable[tuple[str, str]], width: int) -> list[Line]:
    """Return parts, two spaces between them, on as many lines as they take; empty ones are left out."""
    lines: list[list[tuple[str, str]]] = [[]]
    cells = 0
    for text, style in parts:
        if not text:
            continue
        if cells and cells + 2 + len(text) > width:
            lines.append([])
            cells = 0
        if cells:
            lines[-1].append(("  ", ""))
            cells += 2
        lines[-1].append((text, style))
        cells += len(text)
    found: Sequence[Line] = lines
    return list(found)
