"""Base classes of the records, and records as plain values.

msgspec leaves out the fields of a dataclass that were never set, so it is given a struct of the same fields, whose
values it takes over at little cost.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from functools import cache
from operator import attrgetter
from reprlib import Repr
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar, cast

import msgspec
from typing_extensions import override

from tmdbfusion_scrapy.models.fields import field_hints

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping


T = TypeVar("T")


class Decoded:
    """Object decoded from JSON that keeps the JSON."""

    # Not annotated, so that dataclasses do not take them for fields.
    _raw = b""
    _drift = tuple[str, ...]()
    _model = cast("Any", None)
    _extras = cast("Mapping[str, Any] | None", None)

    @property
    def raw(self) -> bytes:
        """The JSON document this was decoded from, as ``bytes`` in UTF-8; empty for a record inside another one.

        :attr:`raw_text` is the same as text, ``json.loads()`` takes either.
        An element of an answer that is an array has its part of it. Of a record that took several requests it
        is what their bodies hold together.
        """
        return self._raw

    @property
    def raw_text(self) -> str | None:
        """:attr:`raw` as text; ``None`` for a record that has none.

        The decoder does not look into strings of keys it does not know, so a byte may be off there: it is
        replaced.
        """
        return self._raw.decode(errors="replace") if self._raw else None

    @property
    def drift(self) -> tuple[str, ...]:
        """Fields that came with a value of the wrong type, as ``Model.field``, in the order met.

        Those of the records inside are among them, and each of these knows its own too.
        """
        return self._drift

    @property
    def extras(self) -> Mapping[str, Any]:
        """Values that no field holds as TMDB sent them, by their place in the JSON.

        A place is written ``softcore`` or ``credits.cast[3].name``, with TMDB's keys. A key that no field has
        stands with its whole value, and so do a value of the wrong type (:attr:`drift`), whether its field
        could be used or not, and an error that TMDB sent in the place of an appended part. A null, and ``""``
        for a date, of a field are nothing extra.

        Found in :attr:`raw` when first asked for. Empty for a record inside another one: the extras of the outer
        one cover it.
        """
        if self._extras is None:
            # Loaded here, because records are what it works on.
            from tmdbfusion_scrapy.models.lenient import find_extras

            self._extras = find_extras(self._raw, self._model or type(self)) if self._raw else {}
        return self._extras


class Record(Decoded):
    """Base of the records: dataclasses with TMDB's own field names.

    Every field may be null or missing at TMDB, so every field has a default: ``None`` for a value, an empty
    list for a list. A record that was decoded keeps the JSON it came from (:attr:`raw`), what of it no field
    took (:attr:`extras`) and the names of the fields whose value was of the wrong type (:attr:`drift`). None of
    the properties here is a dataclass field, so that exports and comparisons see TMDB's fields only.

    Its ``repr`` says which record it is, ``MovieDetails(id=550, title='Fight Club')``; ``vars(record)`` and
    ``dataclasses.asdict(record)`` show all of it.
    """

    # Whether an answer that is this record is of no use without its id.
    _needs_id = False
    # What could not be read: by field at whatever depth, the indexes or keys for what the field itself lists; and
    # the labels of all of it, which are among the drift.
    _lost = cast("Mapping[str, tuple[str | int, ...]]", MappingProxyType({}))
    _dropped = tuple[str, ...]()
    _etag = cast("str | None", None)
    _missing_parts = tuple[str, ...]()
    _field_languages = cast("Mapping[str, str] | None", None)
    # The one that a crawl asked for; None where that is not known.
    _language = cast("str | None", None)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "__repr__" not in cls.__dict__:
            # Where a class has one, dataclass() makes none.
            cls.__repr__ = Record.__repr__  # type: ignore[method-assign]

    @override
    def __repr__(self) -> str:
        inside = ", ".join(f"{name}={_short.repr(value)}" for name, value in _telling(self))
        return f"{type(self).__name__}({inside})"

    # The classes here leave it to this one (eq=False): functions that dataclass() makes for each of 150 classes
    # take longer than all else at the start of a command.
    @override
    def __eq__(self, other: object) -> bool:
        kind: Any = type(self)
        if type(other) is not kind or not dataclasses.is_dataclass(kind):
            return NotImplemented
        _, read = _reader(kind)
        return read(self) == read(other)

    __hash__ = None  # type: ignore[assignment]

    @property
    def missing_parts(self) -> tuple[str, ...]:
        """Parts of ``append_to_response`` that TMDB left out, though they were asked for, in that order."""
        return self._missing_parts

    @property
    def etag(self) -> str | None:
        """The ETag of the answer, after a digest of the call and a space; only what a crawl fetched has one.

        It is what a later crawl asks with whether the record has changed. ``None`` for a record that took several
        requests, has a session's data, or has values of the wrong type.
        """
        return self._etag

    @property
    def field_languages(self) -> Mapping[str, str]:
        """The language of each text that was taken from ``translations``, by the name of its field.

        It is the language of the translation with its country, ``fr-CA``; for an original title that stands for
        a translated one it is the original language, ``fr``. A field that is as TMDB sent it is not here.
        """
        return self._field_languages or {}


_NAMES = ("title", "name", "english_name", "original_title", "original_name", "key", "file_path")
"""What a record is called, the best first."""

_short = Repr()
_short.maxstring = _short.maxother = 60


class _Count(int):
    """Count of the elements in a list or an object."""

    @override
    def __repr__(self) -> str:
        return f"<{int(self)}>"


def _telling(record: Record) -> Iterator[tuple[str, Any]]:
    """Yield the fields that say which record it is: the id and what it is called, else the first three."""
    known = getattr(record, "id", None)
    if known is not None:
        yield "id", known
    for name in _NAMES:
        called = getattr(record, name, None)
        if called is not None:
            yield name, called
            return
    left = 3
    for field in dataclasses.fields(cast("Any", record)):
        value = getattr(record, field.name)
        if left and field.repr and field.name != "id" and value is not None and value not in ([], {}):
            left -= 1
            yield field.name, _Count(len(value)) if isinstance(value, (list, dict)) else value


DEFAULT_LANGUAGE = "en-US"
"""What TMDB answers in where a call names no language."""

_TEXTS = ("title", "name", "overview", "tagline", "biography")
"""Texts that TMDB sends in the language of the call."""


def note_language(record: Record, language: str) -> None:
    """Note the language that a record was asked for in, and in it the seasons and episodes that came with it."""
    record._language = language  # noqa: SLF001 - this is what fills it
    for name in ("appended_seasons", "episodes"):
        for inner in getattr(record, name, ()):
            note_language(inner, language)


def text_languages(record: Record) -> dict[str, str]:
    """Return the language of each text of a record that is not empty, by the name of its field.

    It is the one that the record was asked for in, or the one of the translation that was taken. A person's name
    is translated only where it was taken from a translation. Empty where the language is not known.
    """
    found: dict[str, str] = {}
    language = record._language  # noqa: SLF001 - see note_language()
    if language is not None:
        is_person = hasattr(record, "biography")
        found = {
            name: language
            for name in _TEXTS
            if not (is_person and name == "name") and (getattr(record, name, None) or "").strip()
        }
    return {**found, **record.field_languages}


class RecordList(Decoded, list[T]):
    """An answer that is an array: a list that also has ``raw``, ``drift`` and ``extras``.

    An element that is of no use is left out of the list, named in :attr:`drift` (``list[Country]``) and kept in
    :attr:`extras` by its place (``[3]``).
    """

    @override
    def __repr__(self) -> str:
        shown = ", ".join(map(repr, self[:3]))
        return f"[{shown}, ... {len(self) - 3} more]" if len(self) > 3 else f"[{shown}]"


_SCALARS = frozenset({str, int, float, bool, types.NoneType})


def as_object(record: Record) -> dict[str, Any]:
    """Return all fields of a record, in the order of its class, what is in it as plain values too.

    Dates are ISO 8601. A value that is of another type than its field, which only a record that was built by hand
    can have, comes as it is.
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
