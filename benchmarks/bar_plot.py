"""Bar plots as SVG, without a library."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

_WIDTH, _LEFT, _RIGHT = 720, 210, 70
_TITLE, _LINE, _GAP = 30, 22, 12
_COLOURS = ("#d62728", "#999999")


@dataclass(frozen=True)
class Bar:
    """A named bar; what is ours is in another colour."""

    name: str
    value: float
    is_ours: bool = True


def write_bars(path: Path, panels: Sequence[tuple[str, Sequence[Bar]]]) -> None:
    """Write panels with a title each and the same scale below each other."""
    highest = max(bar.value for _, bars in panels for bar in bars)
    height = sum(_TITLE + _LINE * len(bars) + _GAP for _, bars in panels)
    size = f'width="{_WIDTH}" height="{height}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" {size}>',
        '<g font-family="sans-serif" font-size="12">',
        f'<rect {size} fill="#ffffff"/>',
    ]
    top = 0
    for title, bars in panels:
        parts += _panel(title, bars, top, highest)
        top += _TITLE + _LINE * len(bars) + _GAP
    parts.append("</g></svg>\n")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(parts), encoding="utf-8")


def _panel(title: str, bars: Sequence[Bar], top: int, highest: float) -> Iterator[str]:
    """The elements of one panel."""
    yield f'<text x="10" y="{top + 20}" font-size="13" font-weight="bold">{escape(title)}</text>'
    for number, bar in enumerate(bars):
        y = top + _TITLE + _LINE * number
        width = (_WIDTH - _LEFT - _RIGHT) * bar.value / highest
        colour = _COLOURS[0 if bar.is_ours else 1]
        yield f'<text x="{_LEFT - 8}" y="{y + 13}" text-anchor="end">{escape(bar.name)}</text>'
        yield f'<rect x="{_LEFT}" y="{y}" width="{width:.1f}" height="16" fill="{colour}"/>'
        yield f'<text x="{_LEFT + width + 6:.1f}" y="{y + 13}">{bar.value:,.0f}</text>'
