"""JSON to records: strict and fast where TMDB keeps its word, lenient where it does not.

One odd value never costs a record. The whole body is first decoded straight into the record by msgspec. If a
value does not fit, the body is decoded once more without types and read field by field
(:mod:`~tmdbfusion_scrapy.models.lenient`). What was not of its field's type is named in
:attr:`~tmdbfusion_scrapy.models.record.Record.drift`.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import threading
import typing
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar, cast

import msgspec

from tmdbfusion_scrapy.exceptions import ResponseError
from tmdbfusion_scrapy.models.fields import (
    NUMBERED_KEYS,
    SLASHED_KEYS,
    field_hints,
    find_place,
    holds_any,
    in_order,
    record_in,
)
from tmdbfusion_scrapy.models.lenient import Findings, UnusableError, parse, read_leniently
from tmdbfusion_scrapy.models.record import Decoded, Record, RecordList

T = TypeVar("T")

_MISFITS = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What strict decoding raises."""

_BUILDING = threading.RLock()
"""Held while a decoder is built and used for the first time.

msgspec keeps what it knows of a class on the class, before it is complete: a thread that builds a decoder with the
same class in it meanwhile, and uses it, ends the process (https://github.com/jcrist/msgspec, 0.19 to 0.22).
"""

if hasattr(os, "register_at_fork"):
    # A child that was forked by another thread meanwhile would have half of that, and a lock that nobody releases.
    os.register_at_fork(
        before=_BUILDING.acquire, after_in_parent=_BUILDING.release, after_in_child=_BUILDING.release
    )

_PLAIN: tuple[Any, ...] = (Any, dict, list)
"""Plain JSON is left as it came."""

_EMPTY_DATE, _NO_DATE = b'_date":""', b'_date":null'
"""TMDB's way to say that there is no date, which one in a hundred movies has, and ours.

Inside a JSON string a quote is escaped, so this meets keys only.
"""


@dataclass(frozen=True, slots=True)
class _Plan:
    """Decoder of a model, worked out once."""

    decoder: msgspec.json.Decoder[Any]
    marks: tuple[bytes, ...] = ()
    slashed: tuple[tuple[str, Any], ...] = ()
    parts: tuple[tuple[str, Any], ...] = ()
    has_any: bool = False


def decode(body: bytes, model: type[T]) -> T:
    """Decode a response body.

    Args:
        body: JSON in UTF-8, decompressed.
        model: A record class, ``list[...]`` of one, or ``dict``/``Any`` for plain JSON.

    Raises:
        ResponseError: The body is empty, is not JSON, is an array where an object is due (or the reverse), or
            is an object with fields of which none is the record's.
    """
    hint: Any = model
    if _is_record_list(hint):
        return cast("T", _decode_each(body, typing.get_args(hint)[0]))
    value = _decode(body, hint)
    # With an id it is no blank one.
    may_be_blank = getattr(value, "id", None) is None and isinstance(value, Record) and not value.drift
    if may_be_blank and value == _blank(cast("Any", type(value))):
        _check_known(body, hint)
    return cast("T", value)


def split_object(body: bytes) -> dict[str, msgspec.Raw]:
    """Return the values of a JSON object by their keys, each as JSON.

    Raises:
        ResponseError: The body is no JSON object.
    """
    try:
        return cast("dict[str, msgspec.Raw]", decoder_of(dict[str, msgspec.Raw]).decode(body))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        content = _parse_as(body, dict, error)
    return {key: _as_json(value) for key, value in content.items()}


def _decode(body: bytes, model: Any) -> Any:
    """Decode a body, record or not."""
    plan = _plan(model)
    drift: tuple[str, ...] = ()
    try:
        value = _decode_strictly(body, model, plan)
    except _MISFITS as error:
        value, drift = _decode_otherwise(body, model, plan, error)
    if isinstance(value, list) and model not in _PLAIN:
        value = RecordList(value)
    if isinstance(value, Decoded):
        value._raw = body  # noqa: SLF001 - the decoder is what fills a record
        if drift:
            value._drift = drift  # noqa: SLF001
        if type(value) is not model:
            value._model = model  # noqa: SLF001
    return value


def _decode_strictly(body: bytes, model: Any, plan: _Plan) -> Any:
    """Decode a body that is as it should be.

    Raises:
        msgspec.DecodeError: It is not, or a field would get what is not its own.
    """
    value = plan.decoder.decode(body)
    for name, blank in plan.parts:
        part = getattr(value, name)
        if part is not None and part == blank and b'"status_message"' in body:
            raise msgspec.DecodeError("a part may be the notice of an error")
    for name, nothing in plan.slashed:
        if getattr(value, name) != nothing:
            raise msgspec.DecodeError(f"{name} is no key")
    # Also where none was asked for: extras take for held what has a field.
    if any(mark in body for mark in plan.marks):
        _add_slashed_parts(value, body, model)
    return value


def _decode_otherwise(body: bytes, model: Any, plan: _Plan, error: Exception) -> tuple[Any, tuple[str, ...]]:
    """Decode a body of which some value does not fit its field; ``error`` says which."""
    if _EMPTY_DATE in body:
        # Still several times faster than the lenient way.
        try:
            return _decode_strictly(_without_empty_dates(body, model), model, plan), ()
        except (*_MISFITS, ResponseError):
            pass
    return _decode_leniently(body, model, error)


def _decode_each(body: bytes, model: Any) -> RecordList[Any]:
    """Decode an array element by element, so that each record keeps the JSON it came from."""
    try:
        parts = decoder_of(list[msgspec.Raw]).decode(body)
    except _MISFITS as error:
        parts = [_as_json(part) for part in _parse_as(body, list, error)]
    found = RecordList[Any]()
    drift: list[str] = []
    for part in map(bytes, parts):
        if part[:1] == b"{":
            found.append(_decode(part, model))
            drift += found[-1].drift
        else:
            # It has nothing of a record.
            drift.append(_label(list[model]))
    found._raw, found._drift, found._model = body, tuple(drift), list[model]  # noqa: SLF001
    return found


@cache
def _is_record_list(model: Any) -> bool:
    """Return whether a model is a list of records."""
    inner = typing.get_args(model)[0] if typing.get_origin(model) is list else None
    kind = typing.get_origin(inner) or inner
    return isinstance(kind, type) and issubclass(kind, Record)


def _without_empty_dates(body: bytes, model: Any) -> bytes:
    """The body with ``null`` for empty dates. What a field of type ``Any`` holds stays as it was sent."""
    if _EMPTY_DATE not in body:
        return body
    if not _plan(model).has_any:
        return body.replace(_EMPTY_DATE, _NO_DATE)
    values: dict[str, Any] = {}
    for key, raw in split_object(body).items():
        place = find_place(key, model)
        inner = record_in(place.hint) if place is not None else None
        if place is None or bytes(raw) == b"null":
            values[key] = raw
        elif bytes(raw) == b'""' and key.endswith("_date"):
            values[key] = None
        elif inner is not None:
            values[key] = msgspec.Raw(_without_empty_dates(bytes(raw), inner))
        elif holds_any(place.hint):
            values[key] = raw
        else:
            values[key] = msgspec.Raw(bytes(raw).replace(_EMPTY_DATE, _NO_DATE))
    return msgspec.json.encode(values)


def _add_slashed_parts(record: Any, body: bytes, model: Any) -> None:
    """Fill the fields of which no key has the name; ``msgspec.DecodeError`` where a part does not fit."""
    numbered: dict[str, list[tuple[int, Any]]] = {}
    for key, raw in split_object(body).items():
        place = find_place(key, model) if "/" in key else None
        value = bytes(raw)
        if place is None or value == b"null":
            continue
        hint = record_in(place.hint)
        part = _decode_strictly(value, hint, _plan(hint))
        if part == _blank(hint) and b'"status_message"' in value:
            raise msgspec.DecodeError(f"{key} may be the notice of an error")
        if place.number is None:
            setattr(record, place.field, part)
        else:
            numbered.setdefault(place.field, []).append((place.number, part))
    for field, parts in numbered.items():
        setattr(record, field, in_order(parts))


@cache
def _blank(model: Any) -> Any:
    """A record of which every field has its default."""
    return model()


def _check_known(body: bytes, model: Any) -> None:
    """Refuse an object of which no field is the record's: a gateway's own JSON, with HTTP 200."""
    names = split_object(body)
    if names and not any(find_place(name, model) for name in names):
        name = getattr(model, "__name__", str(model))
        raise ResponseError(f"the body is a JSON object without one field of {name} ({len(body)} bytes)")


@cache
def decoder_of(model: Any) -> msgspec.json.Decoder[Any]:
    """Return the strict decoder of a type, for all threads; building one costs far more than using it.

    Every decoder with a class of ours in it comes from here, see :data:`_BUILDING`.
    """
    with _BUILDING:
        decoder = msgspec.json.Decoder(model)
        with contextlib.suppress(msgspec.DecodeError):
            decoder.decode(b"{}")
    return decoder


@cache
def _plan(model: Any) -> _Plan:
    """Return the decoder of a model."""
    if not dataclasses.is_dataclass(typing.get_origin(model) or model):
        return _Plan(decoder_of(model))
    hints = field_hints(cast("Any", model))
    blank = _blank(model)
    slashed = {key: field for key, field in SLASHED_KEYS.items() if field in hints}
    numbered = {f"{key}/": field for key, field in NUMBERED_KEYS.items() if field in hints}
    return _Plan(
        decoder_of(model),
        # The first that is found ends the search, and seasons are what makes a body large.
        marks=(*(f'"{key}'.encode() for key in numbered), *(f'"{key}"'.encode() for key in slashed)),
        slashed=tuple((field, getattr(blank, field)) for field in (*slashed.values(), *numbered.values())),
        parts=tuple((name, _blank(inner)) for name, hint in hints.items() if (inner := record_in(hint))),
        has_any=holds_any(model),
    )


def _describe(body: bytes, error: Exception) -> str:
    """Say what came instead of JSON."""
    if not body.strip():
        return "the body is empty where JSON was expected"
    if body.lstrip()[:1] == b"<":
        return f"the body is HTML or XML where JSON was expected ({len(body)} bytes)"
    return f"the body is not valid JSON ({len(body)} bytes): {error}"


def _decode_leniently(body: bytes, model: Any, error: Exception) -> tuple[Any, tuple[str, ...]]:
    """Decode a body of which some value does not fit its field; ``error`` says which."""
    content = _parse_as(body, list if typing.get_origin(model) is list else dict, error, model)
    findings = Findings()
    try:
        value = read_leniently(content, model, _label(model), "", findings)
    except (RecursionError, UnusableError):
        raise ResponseError(_describe(body, error)) from error
    return value, tuple(findings.drift)


def _label(model: Any) -> str:
    """Return the name of a model in drift: ``MovieDetails``, ``list[Country]``."""
    if typing.get_origin(model) is list:
        return f"list[{_label(typing.get_args(model)[0])}]"
    return str(getattr(model, "__name__", model))


def _parse_as(body: bytes, expected: type, error: Exception, model: Any = None) -> Any:
    """JSON without types, of the kind that is due; ``error`` says why it is not decoded with them."""
    try:
        content = parse(body)
    except (ValueError, RecursionError):
        raise ResponseError(_describe(body, error)) from error
    if model is not Any and not isinstance(content, expected):
        raise ResponseError(
            f"the body is a JSON {_json_name(content)} where an {_json_name(expected())} was expected"
        )
    return content


def _as_json(value: Any) -> msgspec.Raw:
    """A value as JSON again, also one that only Python's own reader takes."""
    return msgspec.Raw(json.dumps(value).encode())


def _json_name(value: Any) -> str:
    """JSON's word for the type of a value."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    names: dict[type, str] = {dict: "object", list: "array", str: "string"}
    return names.get(type(value), "number")
