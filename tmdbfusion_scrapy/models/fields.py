"""Fields of a record by TMDB's keys, and their types."""

from __future__ import annotations

import dataclasses
import types
import typing
from functools import cache, lru_cache
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from tmdbfusion_scrapy.exceptions import ResponseError

if TYPE_CHECKING:
    from collections.abc import Iterable

SLASHED_KEYS = {"watch/providers": "watch_providers"}
"""Keys of appended parts that cannot be the name of a dataclass field."""

NUMBERED_KEYS = {"season": "appended_seasons"}
"""Appended parts that come as ``season/0``, ``season/1`` and so on: the field that lists them by number."""

_NOT_KEYS = frozenset((*SLASHED_KEYS.values(), *NUMBERED_KEYS.values()))
"""Fields of other keys than their own names."""

_PART_KEYS = {field: key for key, field in SLASHED_KEYS.items()}


class Place(NamedTuple):
    """Field that takes the value of a key, or the part of a number in its list."""

    field: str
    hint: Any
    number: int | None = None


# Bounded, because what comes as a key is not ours to say.
@lru_cache(maxsize=4096)
def find_place(key: str, hint: Any) -> Place | None:
    """Return where the value of a key goes in a record of a class, ``None`` where no field takes it."""
    hints = field_hints(hint)
    if "/" in key:
        name, _, number = key.partition("/")
        field = NUMBERED_KEYS.get(name, "")
        if field in hints and number.isascii() and number.isdecimal():
            return Place(field, typing.get_args(hints[field])[0], int(number))
        key = SLASHED_KEYS.get(key, "")
    elif key in _NOT_KEYS:
        return None
    return Place(key, hints[key]) if key in hints else None


@cache
def field_hints(hint: Any) -> dict[str, Any]:
    """Return the types of a record's fields, with the type parameters of a generic record filled in.

    Fields of which no key has the name are among them.
    """
    model = typing.get_origin(hint) or hint
    filled = dict(zip(getattr(model, "__parameters__", ()), typing.get_args(hint), strict=False))
    hints = typing.get_type_hints(model)
    return {
        field.name: _fill(hints[field.name], filled)
        for field in dataclasses.fields(cast("Any", model))
        if field.init
    }


def in_order(numbered: Iterable[tuple[int, Any]]) -> list[Any]:
    """Return numbered parts by their numbers; one that does not tell its number gets that of its key.

    Raises:
        ResponseError: One tells another number.
    """
    found = sorted(numbered, key=itemgetter(0))
    for number, part in found:
        if part.season_number is None:
            part.season_number = number
        elif part.season_number != number:
            raise ResponseError(f"season {number} was asked for, and season {part.season_number} came")
    return [part for _, part in found]


def part_key(name: str) -> str:
    """Return TMDB's name of a part, which may be given by its field's."""
    return _PART_KEYS.get(name, name)


def record_in(hint: Any) -> Any:
    """Return the record class of a field that holds one record or none, else ``None``."""
    arms = typing.get_args(hint) if typing.get_origin(hint) in (typing.Union, types.UnionType) else (hint,)
    found = [arm for arm in arms if dataclasses.is_dataclass(typing.get_origin(arm) or arm)]
    return found[0] if found else None


@cache
def holds_any(hint: Any) -> bool:
    """Return whether a type has ``Any`` in it, at whatever depth."""
    if hint is Any or isinstance(hint, typing.TypeVar):
        return True
    if dataclasses.is_dataclass(typing.get_origin(hint) or hint):
        return any(map(holds_any, field_hints(hint).values()))
    return any(map(holds_any, typing.get_args(hint)))


def _fill(hint: Any, filled: dict[Any, Any]) -> Any:
    """Put the arguments of a generic record into the type of one of its fields."""
    parameters = getattr(hint, "__parameters__", ())
    if hint in filled:
        return filled[hint]
    return hint[tuple(filled.get(parameter, Any) for parameter in parameters)] if parameters else hint
