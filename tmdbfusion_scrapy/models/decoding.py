"""JSON to records: strict and fast where TMDB keeps its word, lenient where it does not.

One odd value never costs a record. The whole body is first decoded straight into the record by msgspec. If a
value does not fit, the body is decoded once more without types and mended field by field
(:mod:`~tmdbfusion_scrapy.models.mending`). What was not of its field's type is named in
:attr:`~tmdbfusion_scrapy.models.record.Record.drift`.
"""

from __future__ import annotations

import json
import typing
from functools import cache
from typing import Any, TypeVar, cast

import msgspec

from tmdbfusion_scrapy.exceptions import ResponseError
from tmdbfusion_scrapy.models.fields import (
    NUMBERED_KEYS,
    SLASHED_KEYS,
    find_place,
    has_numbered_parts,
)
from tmdbfusion_scrapy.models.mending import Findings, UnusableError, mend, parse
from tmdbfusion_scrapy.models.record import Record

T = TypeVar("T")

_REWRITTEN = (
    *((f'"{key}":'.encode(), f'"{name}":'.encode()) for key, name in SLASHED_KEYS.items()),
    # TMDB's way to say that there is no date; one in a hundred movies has it.
    (b'_date":""', b'_date":null'),
)
"""What is rewritten before decoding, so that records of every day take the fast way."""

_NUMBERED = tuple(f'"{name}/'.encode() for name in NUMBERED_KEYS)
"""How the keys of numbered parts begin."""

_PLAIN: tuple[Any, ...] = (Any, dict, list)
"""Plain JSON is left as it came."""


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
    if isinstance(value, Record) and not value.drift and value == _blank(cast("Any", type(value))):
        _check_known(body, hint)
    return cast("T", value)


def split_object(body: bytes) -> dict[str, msgspec.Raw]:
    """Return the values of a JSON object by their keys, each as JSON.

    Raises:
        ResponseError: The body is no JSON object.
    """
    try:
        return cast("dict[str, msgspec.Raw]", _decoder(dict[str, msgspec.Raw]).decode(body))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        content = _parse_as(body, dict, error)
    return {key: _as_json(value) for key, value in content.items()}


def _decode(body: bytes, model: Any) -> Any:
    """Decode a body, record or not."""
    text = body if model in _PLAIN else _rewritten(body)
    drift: tuple[str, ...] = ()
    try:
        value = _decoder(model).decode(text)
        if has_numbered_parts(model) and any(mark in text for mark in _NUMBERED):
            _add_numbered_parts(value, text, model)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        value, drift = _decode_leniently(text, model, error)
    if isinstance(value, Record):
        value._raw = body  # noqa: SLF001 - the decoder is what fills a record
        value._drift = drift  # noqa: SLF001
        if type(value) is not model:
            value._model = model  # noqa: SLF001
    return value


def _decode_each(body: bytes, model: Any) -> list[Any]:
    """Decode an array element by element, so that each record keeps the JSON it came from."""
    try:
        parts = _decoder(list[msgspec.Raw]).decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        parts = [_as_json(part) for part in _parse_as(body, list, error)]
    # An element that is no object has nothing of a record.
    return [_decode(part, model) for part in map(bytes, parts) if part[:1] == b"{"]


@cache
def _is_record_list(model: Any) -> bool:
    """Whether a model is a list of records."""
    inner = typing.get_args(model)[0] if typing.get_origin(model) is list else None
    kind = typing.get_origin(inner) or inner
    return isinstance(kind, type) and issubclass(kind, Record)


def _rewritten(body: bytes) -> bytes:
    """The body in the form that the records expect."""
    for before, after in _REWRITTEN:
        # Inside a JSON string a quote is escaped, so this meets keys only.
        if before in body:
            body = body.replace(before, after)
    return body


def _add_numbered_parts(record: Any, body: bytes, model: Any) -> None:
    """Fill the fields that hold numbered parts; ``msgspec.DecodeError`` where one does not fit."""
    for key, part in split_object(body).items():
        place = find_place(key, model)
        if place is not None and place.number is not None and bytes(part) != b"null":
            getattr(record, place.field)[place.number] = _decoder(place.hint).decode(part)


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
def _decoder(model: Any) -> msgspec.json.Decoder[Any]:
    """The decoder of a model; building one costs far more than using it."""
    return msgspec.json.Decoder(model)


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
        value = mend(content, model, getattr(model, "__name__", str(model)), "", findings)
    except (RecursionError, UnusableError):
        raise ResponseError(_describe(body, error)) from error
    return value, tuple(findings.drift)


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
