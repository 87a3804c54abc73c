"""Line plots as SVG, without a library."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from math import ceil, floor, log10
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

WIDTH, HEIGHT = 720, 190
LEFT, RIGHT, TOP, BOTTOM = 50, 90, 28, 34


@dataclass(frozen=True)
class Line:
    """A named line through points of x and y."""

    name: str
    points: Sequence[tuple[float, float]]
    colour: str
    dashed: bool = False


@dataclass(frozen=True)
class Panel:
    """A plot with a title; several stand below each other."""

    title: str
    lines: Sequence[Line]


def write_svg(path: Path, panels: Sequence[Panel], *, x_label: str, y_label: str) -> None:
    """Write panels with the same scales below each other."""
    points = [point for panel in panels for line in panel.lines for point in line.points]
    x_ticks = _ticks(max(x for x, _ in points))
    y_ticks = _ticks(max(y for _, y in points))
    height = HEIGHT * len(panels)
    size = f'width="{WIDTH}" height="{height}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" {size}>',
        '<g font-family="sans-serif" font-size="11">',
        f'<rect {size} fill="#ffffff"/>',
    ]
    for number, panel in enumerate(panels):
        parts.append(f'<g transform="translate(0,{number * HEIGHT})">')
        parts += _panel(panel, x_ticks, y_ticks, x_label, y_label)
        parts.append("</g>")
    parts.append("</g></svg>\n")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(parts), encoding="utf-8")


def _panel(
    panel: Panel, x_ticks: list[float], y_ticks: list[float], x_label: str, y_label: str
) -> Iterator[str]:
    """The elements of one panel."""
    right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM

    def x_of(x: float) -> float:
        return LEFT + (right - LEFT) * x / x_ticks[-1]

    def y_of(y: float) -> float:
        return bottom - (bottom - TOP) * y / y_ticks[-1]

    yield f'<text x="{LEFT}" y="18" font-size="13" font-weight="bold">{escape(panel.title)}</text>'
    for y in y_ticks:
        yield f'<line x1="{LEFT}" y1="{y_of(y):.1f}" x2="{right}" y2="{y_of(y):.1f}" stroke="#e5e5e5"/>'
        yield f'<text x="{LEFT - 6}" y="{y_of(y) + 4:.1f}" text-anchor="end">{y:g}</text>'
    for x in x_ticks:
        yield f'<text x="{x_of(x):.1f}" y="{bottom + 14}" text-anchor="middle">{x:g}</text>'
    yield f'<text x="{(LEFT + right) / 2:.0f}" y="{bottom + 27}" text-anchor="middle">{escape(x_label)}</text>'
    middle = (TOP + bottom) / 2
    yield (
        f'<text x="14" y="{middle:.0f}" text-anchor="middle" transform="rotate(-90 14 {middle:.0f})">'
        f"{escape(y_label)}</text>"
    )
    for number, line in enumerate(panel.lines):
        places = " ".join(f"{x_of(x):.1f},{y_of(y):.1f}" for x, y in line.points)
        dashes = ' stroke-dasharray="5 4"' if line.dashed else ""
        yield f'<polyline points="{places}" fill="none" stroke="{line.colour}" stroke-width="1.5"{dashes}/>'
        y_legend = TOP + 10 + 16 * number
        yield (
            f'<line x1="{right + 10}" y1="{y_legend}" x2="{right + 32}" y2="{y_legend}" '
            f'stroke="{line.colour}" stroke-width="2"{dashes}/>'
        )
        yield f'<text x="{right + 37}" y="{y_legend + 4}">{escape(line.name)}</text>'


def _ticks(highest: float) -> list[float]:
    """Round numbers from 0 to the first at or above ``highest``, some five of them."""
    rough = max(highest, 1e-9) / 5
    power = 10.0 ** floor(log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough)
    return [step * number for number in range(ceil(highest / step) + 1)]
