"""Charts as SVG elements, drawn by pygal; the page that they stand in gives them their colours."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from math import floor, log10
from typing import TYPE_CHECKING, Any

from lxml import etree

if TYPE_CHECKING:
    from collections.abc import Callable

SVG = "http://www.w3.org/2000/svg"

SIZES = {"wide": (760, 250), "narrow": (340, 215)}
"""Sizes that each chart is drawn in, in pixels: for a screen or paper, and for a phone."""

FONT_SIZE = 11
"""Size of the texts in them, in the same pixels; report.css has it, too."""

_STEP_WIDTH = 85
_COORDINATES = {"d", "x", "y", "cx", "cy", "width", "height", "transform"}
_LONG_NUMBER = re.compile(r"-?\d+\.\d\d+")
_MINUTE, _HOUR = 60, 3600
_UNUSED = [f"{{{SVG}}}{name}" for name in ("style", "script", "title", "desc")]
"""The tooltips have the values of points in ``desc``."""


@dataclass(frozen=True)
class Line:
    """A named line through points."""

    name: str
    role: str
    points: Sequence[tuple[float, float]]
    is_filled: bool = False
    is_dotted: bool = False


def time_chart(
    key: str, title: str, description: str, lines: Sequence[Line], show: Callable[[float], str]
) -> list[Any]:
    """Return a chart of values over the seconds of a crawl, in each of :data:`SIZES`."""
    lines = [line for line in lines if line.points]
    xs = [x for line in lines for x, _ in line.points]
    ys = [y for line in lines for _, y in line.points]
    end = max([*xs, 1.0])
    top = max([*ys, 0.0])

    def draw(options: dict[str, Any]) -> Any:
        chart = _pygal().XY(
            **options,
            xrange=(0, end),
            range=(0, top or 1),
            x_labels=_round_steps(end, options["width"] // _STEP_WIDTH, base=_base_of(end)),
            x_value_formatter=duration,
            y_labels=_round_steps(top or 1, 4),
            value_formatter=show,
        )
        for line in lines:
            if line.is_filled:
                chart.add(line.name, list(line.points), fill=True, show_dots=False)
            chart.add(line.name, list(line.points), show_dots=line.is_dotted, stroke=not line.is_dotted)
        return chart

    # What has the colour below it has no line around it: the line is drawn by itself.
    roles = [role for line in lines for role in (*[f"{line.role} area"] * line.is_filled, line.role)]
    return _drawn(key, title, description, roles, draw)


def bar_chart(
    key: str, title: str, description: str, bars: Sequence[tuple[str, int]], *, labelled: Sequence[str]
) -> list[Any]:
    """Return a chart of bars beside each other, in each of :data:`SIZES`."""
    top = max((value for _, value in bars), default=1)

    def draw(options: dict[str, Any]) -> Any:
        chart = _pygal().Bar(
            **options,
            range=(0, top),
            x_labels=[name for name, _ in bars],
            x_labels_major=labelled,
            show_minor_x_labels=False,
            y_labels=_round_steps(top, 4),
            value_formatter=count,
        )
        chart.add(title, [value for _, value in bars])
        return chart

    return _drawn(key, title, description, ["first"], draw)


def count(value: float) -> str:
    """Return a number as a person reads it."""
    return f"{value:,.0f}" if abs(value) >= 10 or float(value).is_integer() else f"{value:,.1f}"


def duration(seconds: float) -> str:
    """Return a time in its two largest units."""
    whole = round(seconds)
    if seconds < 10 and seconds != whole:
        return f"{seconds:.1f} s"
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        minutes, rest = divmod(whole, _MINUTE)
        return f"{minutes} min" + (f" {rest} s" if rest else "")
    hours, rest = divmod(whole, _HOUR)
    minutes = rest // _MINUTE
    return f"{hours:,} h" + (f" {minutes} min" if minutes else "")


def _pygal() -> Any:
    """Return pygal, which is slow to load, without the finder that it adds to the imports of the whole process."""
    import pygal

    # For plugins that nobody asks for here; Python 3.10 and 3.11 warn of it at every import of what is not there.
    sys.meta_path[:] = [finder for finder in sys.meta_path if type(finder).__module__ != pygal.__name__]
    return pygal


def _drawn(
    key: str,
    title: str,
    description: str,
    roles: Sequence[str],
    draw: Callable[[dict[str, Any]], Any],
) -> list[Any]:
    """Return a chart in all sizes."""
    style = _pygal().style.Style(label_font_size=FONT_SIZE, major_label_font_size=FONT_SIZE)
    found = []
    for size, (width, height) in SIZES.items():
        options = {
            "width": width,
            "height": height,
            "margin": 2,
            "margin_top": 8,
            "margin_right": 14,
            "explicit_size": False,
            "show_legend": False,
            "show_x_guides": False,
            "js": (),
            "css": (),
            "truncate_label": -1,
            "style": style,
            "disable_xml_declaration": True,
            "dots_size": 3,
        }
        root = etree.fromstring(draw(options).render())
        found.append(_undressed(root, f"{key}-{size}", f"chart {size}", title, description, roles))
    return found


def _undressed(root: Any, key: str, classes: str, title: str, description: str, roles: Sequence[str]) -> Any:
    """Return a drawing without pygal's colours, scripts and tooltips, and with a title and a description."""
    etree.strip_elements(root, *_UNUSED, etree.Comment, with_tail=False)
    for group in root.xpath("//*[local-name()='g'][contains(@class, '-overlay')]"):
        group.getparent().remove(group)
    for group in root.xpath("//*[local-name()='g'][contains(@class, 'series')]"):
        number = next(int(each[6:]) for each in group.get("class").split() if each.startswith("serie-"))
        group.set("class", f"series {roles[number]}")
    for element in root.iter():
        element.attrib.pop("style", None)
        for name in _COORDINATES & set(element.attrib):
            element.set(name, _LONG_NUMBER.sub(lambda number: f"{float(number[0]):.1f}", element.get(name)))
    root.attrib.clear()
    width, height = SIZES[key.rpartition("-")[2]]
    root.attrib.update(
        {
            "viewBox": f"0 0 {width} {height}",
            "class": classes,
            "role": "img",
            "aria-labelledby": f"{key}-title {key}-desc",
        }
    )
    for place, (name, text) in enumerate((("title", title), ("desc", description))):
        element = etree.Element(f"{{{SVG}}}{name}", id=f"{key}-{name}")
        element.text = text
        root.insert(place, element)
    return root


def _base_of(seconds: float) -> float:
    """Return the seconds of the unit that a time is shown in."""
    if seconds >= 2 * _HOUR:
        return _HOUR
    return _MINUTE if seconds >= 2 * _MINUTE else 1


def _round_steps(highest: float, most: int, *, base: float = 1) -> list[float]:
    """Return round numbers from 0 to ``highest``, some ``most`` of them."""
    rough = highest / base / most
    power = 10.0 ** floor(log10(rough))
    factors = (1, 2, 5, 10) if base == 1 or rough > 10 else (1, 1.5, 2, 3, 5, 10)
    step = base * next(factor * power for factor in factors if factor * power >= rough * 0.999)
    return [step * number for number in range(floor(highest / step + 1e-9) + 1)]
