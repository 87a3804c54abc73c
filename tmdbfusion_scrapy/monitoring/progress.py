"""Progress of a crawl: a live block in a terminal, above which all other output scrolls, or lines in the log.

rich's own ``Live`` renders every line of a log through its console, which wraps long lines and takes a
millisecond for each. Here what others write goes to the terminal as it is.
"""

from __future__ import annotations

import asyncio
import atexit
import logging
import os
import sys
import threading
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, TextIO

from rich.cells import cell_len, set_cell_size
from rich.color import ColorSystem
from rich.console import Console
from rich.style import Style
from scrapy import signals
from scrapy.exceptions import NotConfigured

from tmdbfusion_scrapy.crawling.errors import plain_messages
from tmdbfusion_scrapy.crawling.scrapy_internals import is_closing
from tmdbfusion_scrapy.exceptions import ConfigurationError
from tmdbfusion_scrapy.monitoring.status import has_status, status_of
from tmdbfusion_scrapy.monitoring.words import clock, counted, duration, logs_info, size
from tmdbfusion_scrapy.settings import SETTINGS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from scrapy.crawler import Crawler
    from scrapy.settings import BaseSettings
    from typing_extensions import Self

    from tmdbfusion_scrapy.monitoring.status import Snapshot

    Line = Sequence[tuple[str, str]]
    """Texts with the names of their styles, as rich has them; an empty name for none."""

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
    """Extension that shows how far a crawl is (``TMDB_PROGRESS``)."""

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
        """Make the extension, unless no progress is asked for, or nobody would see it."""
        settings = crawler.settings
        with plain_messages():
            asked, interval = _read(settings)
        # Such as scrapy check, and --nolog.
        is_quiet = asked == "auto" and not settings.getbool("LOG_ENABLED")
        if asked == "off" or is_quiet or not has_status(crawler):
            raise NotConfigured
        mode = "live" if asked != "plain" and can_draw(sys.stderr) else "plain"
        if asked == "live" and mode == "plain":
            logger.warning(
                "TMDB_PROGRESS is live, and standard error is no terminal that can be drawn on: progress comes as "
                "plain lines"
            )
        in_log = logs_info(settings)
        if mode == "plain" and asked == "auto" and not in_log:
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
    """Return the lines of the live block."""
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
    left = "" if now.seconds_left is None else f"{duration(now.seconds_left)} left"
    if is_stopping:
        left = "stopping: what is under way is finished"
    if now.wanted is None:
        reads = "reading what there is" if now.wanted_grows else ""
        return _flow([(counted(now.done, "record"), ""), (reads, ""), (left, "")], width)
    share = min(now.done / now.wanted, 1.0) if now.wanted else 1.0
    texts = [
        (f"{now.done:,} of {counted(now.wanted, 'record')}", ""),
        ("and more: the list is being read" if now.wanted_grows else "", ""),
        (f"{int(100 * share)}%", ""),
        (left, "bold"),
    ]
    cells = min(_MOST_BAR, width - sum(len(text) + 2 for text, _ in texts if text))
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
    return [*lines]


_ERASE_REST = "\x1b[J"
_ERASE_LINE = "\x1b[K"


def can_draw(stream: TextIO | None) -> bool:
    """Return whether a stream is a terminal of which the cursor can be moved.

    That of a command in a notebook, ``!scrapy crawl``, is not: what it writes is added to the cell's output.
    """
    # Jupyter sets it for a kernel and what that starts.
    if "JPY_PARENT_PID" in os.environ:
        return False
    if stream is None or not stream.isatty() or os.environ.get("TERM", "") in ("dumb", "unknown"):
        return False
    console = Console(file=stream)
    return not (console.legacy_windows or console.is_dumb_terminal)


def shows_unicode(stream: TextIO) -> bool:
    """Return whether a terminal shows more than ASCII.

    Python takes UTF-8 in the C locale, too, whose terminal may not.
    """
    if (stream.encoding or "").lower().replace("-", "") != "utf8":
        return False
    locale = next(filter(None, map(os.environ.get, ("LC_ALL", "LC_CTYPE", "LANG"))), "")
    return os.name == "nt" or "utf" in locale.lower()


class Screen:
    """Terminal of standard error, shared by the crawls of a process.

    From the first part that is shown until the last one leaves, what the handlers of the root logger and
    ``print()`` write to the terminal goes above the block; then streams and handlers are as they were.
    """

    _shared: ClassVar[Screen | None] = None

    def __init__(self, stream: TextIO) -> None:
        self.console = Console(file=stream)
        self.unicode = shows_unicode(stream)
        self._stream = stream
        self._parts: dict[object, Sequence[Line]] = {}
        # Reentrant: a signal handler may log while a line is written.
        self._lock = threading.RLock()
        self._drawn: list[int] = []
        self._is_inside_line = False
        # For each stream that was replaced: what reads and sets it, and the one before and after.
        self._undo: list[tuple[Callable[[], Any], Callable[[Any], Any], TextIO, _AboveBlock]] = []

    @classmethod
    def shared(cls) -> Screen:
        """Return the screen of this process, made of standard error as it is now where there is none."""
        if cls._shared is None:
            cls._shared = cls(sys.stderr)
            cls._shared.open()
        return cls._shared

    @property
    def width(self) -> int:
        """Columns of the terminal; the last one stays empty, lest a line wraps."""
        return self._size()[0] - 1

    def show(self, owner: object, lines: Sequence[Line]) -> None:
        """Show the part of a crawl, or show it anew."""
        with self._lock:
            self._parts[owner] = lines
            if not self._is_inside_line:
                self._draw()

    def leave(self, owner: object) -> None:
        """Take the part of a crawl away; after the last one the terminal is as it was."""
        with self._lock:
            self._parts.pop(owner, None)
            if self._parts:
                self.show(*next(iter(self._parts.items())))
                return
        self._close()

    def _erase(self) -> None:
        """Take the block away."""
        if self._drawn:
            self._stream.write(self._to_top() + _ERASE_REST)
            self._stream.flush()
            self._drawn = []

    def _draw(self) -> None:
        """Draw the block."""
        self._stream.write(self._block())
        self._stream.flush()

    def write(self, stream: TextIO, text: str) -> None:
        """Write what somebody else has to say above the block, to one of the terminal's streams."""
        with self._lock:
            self._erase()
            stream.write(text)
            # A prompt, or print() before it comes to the end of the line.
            self._is_inside_line = not text.endswith("\n") and bool(text)
            if self._parts and not self._is_inside_line:
                stream.flush()
                self._draw()

    def open(self) -> None:
        """Put streams of ours in the place of those that write to the terminal."""
        atexit.register(self._close)
        for name in ("stdout", "stderr"):
            stream = getattr(sys, name)
            # With LOG_STDOUT it is no stream at all.
            if getattr(stream, "isatty", bool)():
                ours = _AboveBlock(self, stream)
                setattr(sys, name, ours)
                self._undo.append((partial(getattr, sys, name), partial(setattr, sys, name), stream, ours))
                for handler in logging.getLogger().handlers:
                    if isinstance(handler, logging.StreamHandler) and handler.stream is stream:
                        handler.setStream(ours)
                        self._undo.append(
                            (partial(getattr, handler, "stream"), handler.setStream, stream, ours)
                        )

    def _close(self) -> None:
        """Leave the terminal, streams and handlers as they were; a second call does nothing."""
        atexit.unregister(self._close)
        if Screen._shared is self:
            Screen._shared = None
        with self._lock:
            self._parts.clear()
            self._erase()
        # Without the lock: a handler has its own, under which another thread may be writing here.
        while self._undo:
            current, set_back, stream, ours = self._undo.pop()
            if current() is ours:
                set_back(stream)

    def _size(self) -> os.terminal_size:
        """Return columns and lines of the terminal."""
        try:
            return os.get_terminal_size(self._stream.fileno())
        except (OSError, ValueError):
            return os.terminal_size((80, 24))

    def _to_top(self) -> str:
        """Return what moves the cursor from the end of the block to its beginning.

        A terminal that was made narrower has wrapped the lines meanwhile.
        """
        columns = max(self._size().columns, 1)
        rows = sum(max(1, -(-cells // columns)) for cells in self._drawn)
        return f"\r\x1b[{rows - 1}A" if rows > 1 else "\r"

    def _block(self) -> str:
        """Return what draws the block over the one that is there, the cursor at its end."""
        start = self._to_top() if self._drawn else ""
        columns, rows = self._size()
        lines = [line for part in self._parts.values() for line in part][: max(rows - 1, 1)]
        drawn = [self._render(line, max(columns - 1, 1)) for line in lines]
        self._drawn = [cells for _, cells in drawn]
        # Erased before it is written: what is erased behind a text may count as a part of the line when it wraps.
        return start + "\n".join(f"{_ERASE_LINE}{text}" for text, _ in drawn) + _ERASE_REST

    def _render(self, line: Line, width: int) -> tuple[str, int]:
        """Return a line for the terminal, not longer than a width, and its length in cells."""
        has_colors = self.console.color_system is not None and not self.console.no_color
        found, cells = [], 0
        for whole, style in line:
            text, length = whole, cell_len(whole)
            if cells + length > width:
                text, length = set_cell_size(whole, width - cells), width - cells
            cells += length
            shown = Style.parse(style).render(text, color_system=ColorSystem.STANDARD) if style else text
            found.append(shown if has_colors else text)
            if cells >= width:
                break
        return "".join(found), cells


class _AboveBlock:
    """Stream of a terminal that writes above the block of a screen; all else is the terminal's own."""

    def __init__(self, screen: Screen, stream: TextIO) -> None:
        self._screen = screen
        self._terminal = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._terminal, name)

    def write(self, text: str) -> int:
        """Write above the block."""
        self._screen.write(self._terminal, text)
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Write above the block."""
        self.write("".join(lines))
