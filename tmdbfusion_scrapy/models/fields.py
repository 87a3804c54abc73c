"""Which field of a record a key of TMDB's belongs to, and of which type that field is."""

from __future__ import annotations

import dataclasses
import typing
from functools import cache, lru_cache
from typing import Any, NamedTuple, cast

SLASHED_KEYS = {"watch/providers": "watch_providers"}
"""Keys of appended parts that cannot be the name of a dataclass field."""

NUMBERED_KEYS = {"season": "appended_seasons"}
"""Appended parts that come as ``season/0``, ``season/1`` and so on: the field that holds them by number."""

_NUMBERED_FIELDS = frozenset(NUMBERED_KEYS.values())


class Place(NamedTuple):
    """Where the value of a key goes.

    Args:
        field: Name of the record's field.
        hint: Type of the value.
        number: Key in the field's ``dict``; ``None`` for the field itself.
    """

    field: str
    hint: Any
    number: int | None = None


def find_place(key: str, model: Any) -> Place | None:
    """Return where the value of a key goes, ``None`` where no field takes it.

    Args:
        key: A key as TMDB sends it.
        model: The record class, with its arguments if it is generic.
    """
    return _find_place(key, model)


# Bounded, because what comes as a key is not ours to say.
@lru_cache(maxsize=4096)
def _find_place(key: str, hint: Any) -> Place | None:
    """As :func:`find_place`, whose arguments type checkers take as they are."""
    hints = field_hints(hint)
    if "/" in key:
        name, _, number = key.partition("/")
        field = NUMBERED_KEYS.get(name, "")
        if field in hints and number.isascii() and number.isdecimal():
            return Place(field, typing.get_args(hints[field])[1], int(number))
        key = SLASHED_KEYS.get(key, "")
    return Place(key, hints[key]) if key in hints else None


@cache
def field_hints(hint: Any) -> dict[str, Any]:
    """Return the types of a record's fields, with the type parameters of a generic record filled in.

    A field that holds numbered parts is among them, though no key has its name.
    """
    model = typing.get_origin(hint) or hint
    filled = dict(zip(getattr(model, "__parameters__", ()), typing.get_args(hint), strict=False))
    hints = typing.get_type_hints(model)
    return {
        field.name: _fill(hints[field.name], filled)
        for field in dataclasses.fields(cast("Any", model))
        if field.init
    }


@cache
def has_numbered_parts(model: Any) -> bool:
    """Return whether a model is a record with a field that holds numbered parts."""
    kind = typing.get_origin(model) or model
    return dataclasses.is_dataclass(kind) and not _NUMBERED_FIELDS.isdisjoint(field_hints(cast("Any", kind)))


def _fill(hint: Any, filled: dict[Any, Any]) -> Any:
    """Put the arguments of a generic record into the type of one of its fields."""
    parameters = getattr(hint, "__parameters__", ())
    if hint in filled:
        return filled[hint]
    return hint[tuple(filled.get(parameter, Any) for parameter in parameters)] if parameters else hint
