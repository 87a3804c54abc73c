"""The drawing of the database's schema."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any, NamedTuple

from meanings import TABLES
from sqlalchemy import Column
from table_page import groups, type_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from sqlalchemy import Table

WIDTH = 264
GAP = 26
MARGIN = 20
LINE = 15
PADDING = 8
HEADER = 22
SPACE = 12
CHARACTER = 6.62
"""Width of a character of the monospaced font at 11 pixels, a little more than most have."""

PLACES = (("Of movies",), ("Of series",), ("Of seasons", "Of people"), ("Of episodes",))
"""Groups of tables by column of the drawing; the other tables fill the columns up."""

COLOURS = {
    "movies": "#9a3412",
    "tv_shows": "#1d4ed8",
    "seasons": "#0e7490",
    "episodes": "#0f766e",
    "people": "#7e22ce",
    "collections": "#a16207",
    "companies": "#4d7c0f",
    "networks": "#be185d",
    "keywords": "#6d28d9",
    "genres": "#b91c1c",
    "countries": "#047857",
    "languages": "#0369a1",
    "watch_providers": "#c2410c",
}
PLAIN = "#475569"

STYLE = (
    "text{font:11px ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace;fill:#1e293b}"
    ".name{font-weight:bold;font-size:12px}.main{fill:#fff}.key{font-weight:bold}.type{fill:#64748b}"
)


class Word(NamedTuple):
    """A column in a line of text: its name, and the table that it refers to."""

    text: str
    key: bool
    target: str


class Drawing:
    """An SVG picture, drawn from the top of each column down."""

    def __init__(self) -> None:
        self.shapes: list[str] = []
        self.headers: dict[str, tuple[float, float]] = {}
        self.references: dict[str, tuple[float, float]] = {}

    def column(self, tables: Iterable[Table], x: float, y: float) -> float:
        """Draw tables below each other; return where they end."""
        for table in tables:
            lines = table.columns.values() if table.name in TABLES else list(_words(table))
            y += self._card(table, lines, x, y) + SPACE
        return y

    def _card(self, table: Table, lines: Sequence[list[Word] | Column[Any]], x: float, y: float) -> float:
        """Draw a table; return its height."""
        main = table.name in TABLES
        colour = COLOURS.get(table.name, PLAIN)
        height = HEADER + len(lines) * LINE + PADDING
        self.shapes.append(
            f'<rect x="{x}" y="{y}" width="{WIDTH}" height="{height}" rx="5" fill="#fff" stroke="#94a3b8"/>'
        )
        if main:
            self.shapes.append(
                f'<path d="M{x} {y + HEADER}v-{HEADER - 5}a5 5 0 0 1 5 -5h{WIDTH - 10}a5 5 0 0 1 5 5'
                f'v{HEADER - 5}z" fill="{colour}"/>'
            )
            self.headers[table.name] = (x, y + HEADER / 2)
        style = "name main" if main else "name"
        self.shapes.append(
            f'<text class="{style}" x="{x + PADDING}" y="{y + 15}">{escape(table.name)}</text>'
        )
        for number, line in enumerate(lines):
            middle = y + HEADER + number * LINE + 12
            if isinstance(line, Column):
                self._row(line, x, middle)
            else:
                self._line(line, x + PADDING, middle)
        return height

    def _row(self, column: Column[Any], x: float, y: float) -> None:
        """Draw a column of a table with its type or what it refers to."""
        style = ' class="key"' if column.primary_key else ""
        self.shapes.append(f'<text{style} x="{x + PADDING}" y="{y}">{escape(column.name)}</text>')
        target = _target(column)
        text, colour = (f"→ {target}", COLOURS.get(target, PLAIN)) if target else (type_name(column), "")
        fill = f' style="fill:{colour}"' if colour else ' class="type"'
        self.shapes.append(
            f'<text{fill} text-anchor="end" x="{x + WIDTH - PADDING}" y="{y}">{escape(text)}</text>'
        )
        if target:
            self.references[f"{column.table.name}.{column.name}"] = (x, y - 4)

    def _line(self, words: list[Word], x: float, y: float) -> None:
        """Draw some columns of a link table in one line."""
        parts = []
        for word in words:
            style = ' class="key"' if word.key else ""
            parts.append(f"<tspan{style}>{escape(word.text)}</tspan>")
            if word.target:
                colour = COLOURS.get(word.target, PLAIN)
                parts.append(f'<tspan style="fill:{colour}">→{escape(word.target)}</tspan>')
            parts.append("<tspan> </tspan>")
        self.shapes.append(f'<text x="{x}" y="{y}">{"".join(parts[:-1])}</text>')

    def arrow(self, column: str, target: str) -> None:
        """Draw the arrow from a column of a table to the table left of it."""
        x, y = self.references[column]
        left, top = self.headers[target]
        colour = COLOURS[target]
        middle = x - GAP / 2
        self.shapes.append(
            f'<path d="M{x} {y}H{middle}V{top}H{left + WIDTH + 6}" fill="none" stroke="{colour}" '
            f'stroke-width="1.5"/><path d="M{left + WIDTH} {top}l8 -4v8z" fill="{colour}"/>'
        )


def schema_drawing() -> str:
    """All tables with their columns and what these refer to, as SVG."""
    found = groups()
    drawing = Drawing()
    ends: list[float] = []
    for number, headings in enumerate(PLACES):
        y: float = MARGIN
        for heading in headings:
            y = drawing.column(found.pop(heading), _left(number), y) + SPACE
        ends.append(y)
    drawing.arrow("seasons.tv_show_id", "tv_shows")
    drawing.arrow("episodes.season_id", "seasons")
    for tables in found.values():
        for table in tables:
            shortest = ends.index(min(ends))
            ends[shortest] = drawing.column([table], _left(shortest), ends[shortest])
    width = _left(len(PLACES)) - GAP + MARGIN
    height = max(ends) + MARGIN - SPACE
    shapes = "\n".join(drawing.shapes)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
        f'height="{height}">\n<style>{STYLE}</style>\n'
        f'<rect width="{width}" height="{height}" fill="#f8fafc"/>\n{shapes}\n</svg>\n'
    )


def _left(number: int) -> int:
    """The left edge of a column of the drawing."""
    return MARGIN + number * (WIDTH + GAP)


def _words(table: Table) -> Iterator[list[Word]]:
    """The columns of a link table, as many in a line as it takes."""
    line: list[Word] = []
    length = 0
    most = int((WIDTH - 2 * PADDING) / CHARACTER)
    for number, column in enumerate(table.columns):
        # The first column is the id of the record that the table stands under.
        word = Word(column.name, column.primary_key, _target(column) if number else "")
        needed = len(word.text) + (len(word.target) + 1 if word.target else 0)
        if line and length + 1 + needed > most:
            yield line
            line, length = [], 0
        length += needed + (1 if line else 0)
        line.append(word)
    yield line


def _target(column: Column[Any]) -> str:
    """The table that a column refers to, or nothing."""
    return next((foreign.column.table.name for foreign in column.foreign_keys), "")
