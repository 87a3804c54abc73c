"""Plain text for a terminal of 80 columns."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from tmdbfusion_scrapy.hidden import printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

WIDTH = 80
_GAP = "  "
_MOST_LINES = 3
_LEAST_CELL = 8
"""Columns that a cell has at least where a table is made narrower."""


def shown(text: str) -> str:
    """Return a text of a server as it may go to a terminal: in one line, without control characters."""
    return printable(text)


def cut(text: str, width: int) -> str:
    """Return a text that is no wider than ``width``."""
    return text if len(text) <= width else f"{text[: width - 1]}…"


def columns(rows: Sequence[Sequence[str]], *, right: Sequence[int] = ()) -> list[str]:
    """Return rows as lines whose columns stand under each other.

    Args:
        rows: Cells, as many in each row.
        right: Numbers of the columns that are aligned to the right.
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = [
            cell.rjust(width) if number in right else cell.ljust(width)
            for number, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append(_GAP.join(cells).rstrip())
    return lines


def grid(
    names: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    right: Sequence[int] = (),
    width: int | None = None,
) -> Iterator[str]:
    """Yield rows under the names of their columns; each row in lines of its own where there is no room for that.

    Args:
        names: Names of the columns.
        rows: Cells, as many in each row as there are names; letters may be of any script.
        right: Numbers of the columns that are aligned to the right.
        width: Columns of the terminal; ``None`` for as many as it takes.
    """
    from rich.cells import cell_len, set_cell_size

    def fitted(text: str, size: int, *, to_the_right: bool = False) -> str:
        length = cell_len(text)
        if length > size:
            return f"{set_cell_size(text, size - 1)}…"
        return " " * (size - length) + text if to_the_right else text + " " * (size - length)

    widths = [max(map(cell_len, column)) for column in zip(names, *rows, strict=True)]
    if width is not None:
        room = width - len(_GAP) * (len(names) - 1)
        # The widest ones give way.
        cap = max(widths)
        while sum(min(size, cap) for size in widths) > room and cap >= _LEAST_CELL:
            cap -= 1
        if cap < _LEAST_CELL:
            longest = max(map(cell_len, names))
            for row in rows:
                for name, cell in zip(names, row, strict=True):
                    line = f"{fitted(name, longest)}{_GAP}{cell}".rstrip()
                    yield fitted(line, width).rstrip()
                yield ""
            return
        widths = [min(size, cap) for size in widths]
    for row in (names, ["-" * size for size in widths], *rows):
        yield _GAP.join(
            fitted(cell, size, to_the_right=place in right)
            for place, (cell, size) in enumerate(zip(row, widths, strict=True))
        ).rstrip()


def described(rows: Sequence[tuple[str, str, str]]) -> Iterator[str]:
    """Yield rows of a name, a number and a remark, which goes on in the next line where it is long."""
    names, numbers = (max(len(row[place]) for row in rows) for place in (0, 1))
    for name, number, remark in rows:
        start = f"  {name.ljust(names)}{_GAP}{number.rjust(numbers)}{_GAP}"
        yield (
            textwrap.fill(
                remark,
                WIDTH,
                initial_indent=start,
                subsequent_indent=" " * len(start),
                break_on_hyphens=False,
            )
            if remark
            else start.rstrip()
        )


def paragraph(text: str, *, indent: str = "") -> str:
    """Return a text in lines of 80 columns; words that are longer than that are broken."""
    return textwrap.fill(text, WIDTH, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False)


def note(text: str) -> str:
    """Return a text, indented, in three lines of 80 columns at most."""
    return textwrap.fill(
        text,
        WIDTH,
        initial_indent="  ",
        subsequent_indent="  ",
        max_lines=_MOST_LINES,
        placeholder=" …",
        break_on_hyphens=False,
    )
