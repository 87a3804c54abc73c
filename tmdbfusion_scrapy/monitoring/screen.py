"""Block at the bottom of a terminal, above which all other output scrolls.

rich's own ``Live`` renders every line of a log through its console, which wraps long lines and takes a
millisecond for each. Here what others write goes to the terminal as it is.
"""

from __future__ import annotations

import atexit
import io
import logging
import os
import sys
import threading
from typing import TYPE_CHECKING, Any, ClassVar, TextIO

from rich.cells import cell_len, set_cell_size
from rich.color import ColorSystem
from rich.console import Console
from rich.style import Style

if TYPE_CHECKING:
    from collections.abc import Sequence

    Line = Sequence[tuple[str, str]]
    """Texts with the names of their styles, as rich has them; an empty name for none."""

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

    Attributes:
        console: rich's console of the terminal.
        unicode: Whether the terminal shows more than ASCII.
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
        self._swapped: list[tuple[str, TextIO, ScreenStream]] = []
        self._handlers: list[tuple[Any, TextIO, ScreenStream]] = []

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
                self._stream.write(self._block())
                self._stream.flush()

    def leave(self, owner: object) -> None:
        """Take the part of a crawl away; after the last one the terminal is as it was."""
        with self._lock:
            self._parts.pop(owner, None)
            if self._parts:
                self.show(*next(iter(self._parts.items())))
                return
        self._close()

    def write(self, stream: TextIO, text: str) -> None:
        """Write what somebody else has to say above the block, to one of the terminal's streams."""
        with self._lock:
            if self._drawn:
                self._stream.write(self._to_top() + _ERASE_REST)
                self._stream.flush()
                self._drawn = []
            stream.write(text)
            # A prompt, or print() before it comes to the end of the line.
            self._is_inside_line = not text.endswith("\n") and bool(text)
            if self._is_inside_line or not self._parts:
                return
            stream.flush()
            self._stream.write(self._block())
            self._stream.flush()

    def open(self) -> None:
        """Put streams of ours in the place of those that write to the terminal."""
        atexit.register(self._close)
        for name in ("stdout", "stderr"):
            stream = getattr(sys, name)
            # With LOG_STDOUT it is no stream at all.
            if getattr(stream, "isatty", bool)():
                ours = ScreenStream(self, stream)
                self._swapped.append((name, stream, ours))
        for handler in logging.getLogger().handlers:
            if not isinstance(handler, logging.StreamHandler):
                continue
            for _, stream, ours in self._swapped:
                if handler.stream is stream:
                    handler.setStream(ours)
                    self._handlers.append((handler, stream, ours))
        for name, _, ours in self._swapped:
            setattr(sys, name, ours)

    def _close(self) -> None:
        """Leave the terminal, streams and handlers as they were; a second call does nothing."""
        atexit.unregister(self._close)
        if Screen._shared is self:
            Screen._shared = None
        with self._lock:
            self._parts.clear()
            if self._drawn:
                self._stream.write(self._to_top() + _ERASE_REST)
                self._stream.flush()
                self._drawn = []
        # Without the lock: a handler has its own, under which another thread may be writing here.
        for handler, stream, ours in self._handlers:
            if handler.stream is ours:
                handler.setStream(stream)
        for name, stream, ours in self._swapped:
            if getattr(sys, name) is ours:
                setattr(sys, name, stream)
        self._handlers, self._swapped = [], []

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


class ScreenStream(io.TextIOBase):
    """Stream of a terminal that writes above the block of a screen."""

    def __init__(self, screen: Screen, stream: TextIO) -> None:
        self._screen = screen
        self._terminal = stream

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """Encoding of the terminal."""
        return self._terminal.encoding

    @property
    def errors(self) -> str | None:  # type: ignore[override]
        """Treatment of characters that the encoding lacks."""
        return self._terminal.errors

    @property
    def buffer(self) -> Any:
        """Binary stream of the terminal."""
        return self._terminal.buffer

    def write(self, text: str) -> int:
        """Write above the block."""
        self._screen.write(self._terminal, text)
        return len(text)

    def flush(self) -> None:
        """Have what was written reach the terminal."""
        self._terminal.flush()

    def fileno(self) -> int:
        """Return the file descriptor of the terminal."""
        return self._terminal.fileno()

    def isatty(self) -> bool:
        """Return True."""
        return True

    def writable(self) -> bool:
        """Return True."""
        return True
