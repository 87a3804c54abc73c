"""Pieces of Markdown for the reference pages."""

from __future__ import annotations

import datetime
import re
import textwrap
import types
import typing
from typing import TYPE_CHECKING, Any

from tmdbfusion_scrapy.models import Record

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

WIDTH = 115


def table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    """A Markdown table."""
    lines = [head, tuple("---" for _ in head), *rows]
    return (
        "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)
        + "\n"
    )


def code(text: object) -> str:
    """Text in code type."""
    return f"`{text}`"


def plain(text: str) -> str:
    """A docstring's text for Markdown: single back-ticks, no roles."""
    return re.sub(r":(?:class|meth|data|attr|mod|func):`~?(?:[\w.]*\.)?(\w+)`", r"`\1`", text).replace(
        "``", "`"
    )


def wrapped(text: str, indent: str = "") -> str:
    """A paragraph in lines of the usual length."""
    return (
        textwrap.fill(text, WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
        + "\n"
    )


def anchor(name: str) -> str:
    """The fragment of a heading."""
    return "#" + re.sub(r"[^\w-]", "", name.lower())


def type_text(hint: Any, link: Callable[[str], str] | None = None) -> str:
    """A type as a reader writes it, without the ``None`` of what may be left out.

    ``link`` makes the address of a record's description.
    """
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return " | ".join(_inner_text(arm, link) for arm in arguments if arm is not types.NoneType)
    return _inner_text(hint, link)


def _inner_text(hint: Any, link: Callable[[str], str] | None) -> str:
    """A type inside another one, where ``None`` says something."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return " | ".join(_inner_text(arm, link) for arm in arguments)
    if origin is typing.Literal:
        return type(arguments[0]).__name__
    name = _type_name(origin or hint, link)
    if not arguments:
        return name
    inner = ", ".join(_inner_text(argument, link) for argument in arguments)
    # Square brackets beside those of a link are not read as its own.
    return f"{name}\\[{inner}\\]" if link else f"{name}[{inner}]"


def _type_name(kind: Any, link: Callable[[str], str] | None) -> str:
    """The name of a type without its arguments."""
    if isinstance(kind, typing.TypeVar):
        return kind.__name__
    if kind is types.NoneType:
        return "None"
    name: str = "Any" if kind is Any else kind.__name__
    if kind in (datetime.date, datetime.datetime):
        name = f"datetime.{name}"
    if link is not None and isinstance(kind, type) and issubclass(kind, Record):
        return f"[{name}]({link(name)})"
    return name
