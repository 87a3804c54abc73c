"""Records as plain values: mappings of every field of their classes, whatever TMDB sent.

msgspec leaves out the fields of a dataclass that were never set, so it is given a struct of the same fields, whose
values it takes over at little cost.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from functools import cache
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import msgspec

from tmdbfusion_scrapy.models.fields import field_hints
from tmdbfusion_scrapy.models.record import Record

if TYPE_CHECKING:
    from collections.abc import Callable

_SCALARS = frozenset({str, int, float, bool, types.NoneType})


def as_object(record: Record) -> dict[str, Any]:
    """Return all fields of a record, in the order of its class, what is in it as plain values too.

    Dates are ISO 8601. A value that is of another type than its field, which only a record that was built by hand
    can have, comes as it is.

    Args:
        record: A record.
    """
    struct = _struct_of(hint_of(record))
    if struct is not None:
        try:
            found: dict[str, Any] = msgspec.to_builtins(msgspec.convert(record, struct, from_attributes=True))
        except (TypeError, ValueError, OverflowError, msgspec.ValidationError):
            pass
        else:
            return found
    return _fields_of(record)


def hint_of(item: Any) -> Any:
    """Return the class of an item, with its arguments where it was decoded as a generic one."""
    kind: Any = type(item)
    return (getattr(item, "_model", None) or kind) if getattr(kind, "__parameters__", False) else kind


@cache
def _struct_of(hint: Any) -> Any:
    """The struct of a class's fields; ``None`` where there can be none."""
    try:
        struct = _mirror(hint)
        # It is looked at when first used.
        msgspec.json.Decoder(struct)
    except (TypeError, ValueError, NotImplementedError, RecursionError):
        return None
    return struct


def _mirror(hint: Any) -> Any:
    """A type with structs in the places of dataclasses.

    Raises:
        TypeError: It has a type parameter that nothing fills, so what is in it could be a record.
    """
    if getattr(hint, "__parameters__", ()):
        raise TypeError(f"{hint} has type parameters that are not filled")
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    model = origin or hint
    if dataclasses.is_dataclass(model):
        return _dataclass_mirror(hint)
    if origin in (typing.Union, types.UnionType):
        return typing.Union[tuple(map(_mirror, arguments))]  # noqa: UP007 - of a tuple
    if origin is list:
        return list[_mirror(arguments[0])]  # type: ignore[misc]
    if origin is dict:
        return dict[arguments[0], _mirror(arguments[1])]  # type: ignore[valid-type, misc]
    return hint


@cache
def _dataclass_mirror(hint: Any) -> Any:
    """The struct of a dataclass."""
    name = (typing.get_origin(hint) or hint).__name__
    return msgspec.defstruct(name, [(field, _mirror(part)) for field, part in field_hints(hint).items()])


def _fields_of(record: Record) -> dict[str, Any]:
    """The fields of a record of which the types say too little."""
    kind: Any = type(record)
    names, read = _reader(kind)
    return dict(zip(names, map(_value, read(record)), strict=True))


@cache
def _reader(kind: Any) -> tuple[tuple[str, ...], Callable[[Any], tuple[Any, ...]]]:
    """The names of a class's fields, and what reads them."""
    names = tuple(field_hints(kind))
    if len(names) < 2:
        return names, lambda record: tuple(getattr(record, name) for name in names)
    return names, attrgetter(*names)


def _value(value: Any) -> Any:
    """A value as a plain one."""
    if type(value) in _SCALARS:
        return value
    if isinstance(value, Record):
        return as_object(value)
    if isinstance(value, (list, tuple)):
        return [_value(part) for part in value]
    if isinstance(value, dict):
        return {name: _value(part) for name, part in value.items()}
    try:
        return msgspec.to_builtins(value)
    except TypeError:
        return value
