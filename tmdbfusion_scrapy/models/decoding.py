"""JSON to records: strict and fast where TMDB keeps its word, lenient where it does not.

One odd value never costs a record. The whole body is first decoded straight into the record by msgspec. If a
value does not fit, the body is decoded once more without types and mended field by field: a null becomes the
field's default, a number in quotes the number, and what cannot be used is left out. What was not of its
field's type is named in :attr:`~tmdbfusion_scrapy.models.record.Record.drift`.
"""

from __future__ import annotations

import dataclasses
import datetime
import json
import math
import types
import typing
from functools import cache
from typing import Any, TypeVar, cast

import msgspec

from tmdbfusion_scrapy.exceptions import ResponseError
from tmdbfusion_scrapy.models.record import Record

T = TypeVar("T")

_SLASHED_KEYS = {"watch/providers": "watch_providers"}
"""Keys of appended parts that cannot be the name of a dataclass field."""

_REWRITTEN = (
    *((f'"{key}":'.encode(), f'"{name}":'.encode()) for key, name in _SLASHED_KEYS.items()),
    # TMDB's way to say that there is no date; one in a hundred movies has it.
    (b'_date":""', b'_date":null'),
)
"""What is rewritten before decoding, so that records of every day take the fast way."""

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
    text = body if model in _PLAIN else _rewritten(body)
    drift: tuple[str, ...] = ()
    try:
        value = _decoder(cast("Any", model)).decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        try:
            value, drift = _decode_leniently(text, model)
        except (ValueError, RecursionError, _Unusable):
            raise ResponseError(_describe(body, error)) from error
    if isinstance(value, Record):
        kind: Any = type(value)
        if value == _blank(kind) and not drift:
            _check_known(text, kind)
        value._raw = body  # noqa: SLF001 - the decoder is what fills a record
        value._drift = drift  # noqa: SLF001
    return cast("T", value)


def _rewritten(body: bytes) -> bytes:
    """The body in the form that the records expect."""
    for before, after in _REWRITTEN:
        # Inside a JSON string a quote is escaped, so this meets keys only.
        if before in body:
            body = body.replace(before, after)
    return body


@cache
def _blank(model: Any) -> Any:
    """A record of which every field has its default."""
    return model()


def _check_known(body: bytes, model: Any) -> None:
    """Refuse an object of which no field is the record's: a gateway's own JSON, with HTTP 200."""
    try:
        names = set(_parse(body))
    except (ValueError, RecursionError) as error:
        raise ResponseError(_describe(body, error)) from error
    if names and not names & set(_field_hints(model)):
        raise ResponseError(
            f"the body is a JSON object without one field of {model.__name__} ({len(body)} bytes)"
        )


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


class _Unusable(Exception):
    """A value that no rule can bring into its field's type."""


def _decode_leniently(body: bytes, model: Any) -> tuple[Any, tuple[str, ...]]:
    """Decode a body of which some value does not fit its field; ``ValueError`` for what is not JSON at all."""
    raw = _parse(body)
    if model is not Any:
        expected = list if typing.get_origin(model) is list else dict
        if not isinstance(raw, expected):
            raise ResponseError(
                f"the body is a JSON {_json_name(raw)} where an {_json_name(expected())} was expected"
            )
    drift: list[str] = []
    value = _mend(raw, model, getattr(model, "__name__", str(model)), drift)
    return value, tuple(drift)


def _parse(body: bytes) -> Any:
    """JSON without types; ``ValueError`` for what is none."""
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        # Slower, but it reads NaN, 1e999, half a surrogate pair and a byte order mark.
        return json.loads(body, parse_int=_whole_number)


def _whole_number(text: str) -> float:
    """A whole number; infinite where it has more digits than any id or sum."""
    return int(text) if len(text) < 400 else math.copysign(math.inf, -1 if text.startswith("-") else 1)


def _json_name(value: Any) -> str:
    """JSON's word for the type of a value."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    names: dict[type, str] = {dict: "object", list: "array", str: "string"}
    return names.get(type(value), "number")


def _mend(value: Any, hint: Any, name: str, drift: list[str]) -> Any:
    """Bring a value into the type of its field, noting in ``drift`` what had to be changed or left out."""
    origin = typing.get_origin(hint)
    if origin in (typing.Union, types.UnionType):
        if value is None:
            return None
        inner = next(arm for arm in typing.get_args(hint) if arm is not types.NoneType)
        return _mend(value, inner, name, drift)
    model = origin or hint
    if dataclasses.is_dataclass(model):
        return _mend_record(value, hint, drift)
    if model is list and isinstance(value, list):
        (inner,) = typing.get_args(hint) or (Any,)
        return _mend_each(value, inner, name, drift)
    if model is dict and isinstance(value, dict):
        _, inner = typing.get_args(hint) or (Any, Any)
        return {key: _mend(part, inner, name, drift) for key, part in value.items()}
    if value == "" and hint in (datetime.date, datetime.datetime):
        return None
    return _mend_scalar(value, hint, name, drift)


def _mend_record(value: Any, hint: Any, drift: list[str]) -> Any:
    """Build a record from an object, field by field."""
    if not isinstance(value, dict):
        raise _Unusable
    model = typing.get_origin(hint) or hint
    hints = _field_hints(hint)
    known = {}
    for key, part in value.items():
        field = _SLASHED_KEYS.get(key, key)
        if part is None or field not in hints:
            continue
        label = f"{model.__name__}.{field}"
        try:
            mended = _mend(part, hints[field], label, drift)
        except _Unusable:
            drift.append(label)
            continue
        if mended is not None:
            known[field] = mended
    return model(**known)


def _mend_each(values: list[Any], hint: Any, name: str, drift: list[str]) -> list[Any]:
    """Keep the elements that can be used."""
    kept = []
    for value in values:
        before = len(drift)
        try:
            mended = _mend(value, hint, name, drift)
        except _Unusable:
            drift.append(name)
            continue
        if isinstance(mended, Record):
            mended._drift = tuple(drift[before:])  # noqa: SLF001 - the decoder is what fills a record
        kept.append(mended)
    return kept


def _mend_scalar(value: Any, hint: Any, name: str, drift: list[str]) -> Any:
    """Convert a single value, first strictly, then by what it can only mean."""
    try:
        mended = _convert(value, hint, strict=True)
        if not isinstance(mended, str) or mended == value:
            return mended
    except _Unusable:
        mended = _convert(_guess(value, hint), hint, strict=False)
    drift.append(name)
    return mended


def _convert(value: Any, hint: Any, *, strict: bool) -> Any:
    """The value in the type of its field, of numbers only finite ones, of text only what UTF-8 can hold."""
    try:
        converted = msgspec.convert(value, hint, strict=strict)
    # SystemError: msgspec before 0.22, for an integer that no float can hold.
    except (msgspec.ValidationError, OverflowError, SystemError):
        raise _Unusable from None
    if isinstance(converted, float) and not math.isfinite(converted):
        raise _Unusable
    if isinstance(converted, str):
        try:
            converted.encode()
        except UnicodeEncodeError:
            return converted.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return converted


def _guess(value: Any, hint: Any) -> Any:
    """What a value of the wrong type can only mean."""
    if hint is str and isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    if hint is datetime.date and isinstance(value, str):
        # A date with a time of day.
        return value[:10]
    return value


@cache
def _field_hints(hint: Any) -> dict[str, Any]:
    """The types of a record's fields, with the type parameters of a generic record filled in."""
    model = typing.get_origin(hint) or hint
    filled = dict(zip(getattr(model, "__parameters__", ()), typing.get_args(hint), strict=False))
    hints = typing.get_type_hints(model)
    return {
        field.name: _fill(hints[field.name], filled)
        for field in dataclasses.fields(cast("Any", model))
        if field.init
    }


def _fill(hint: Any, filled: dict[Any, Any]) -> Any:
    """Put the arguments of a generic record into the type of one of its fields."""
    parameters = getattr(hint, "__parameters__", ())
    if hint in filled:
        return filled[hint]
    return hint[tuple(filled.get(parameter, Any) for parameter in parameters)] if parameters else hint
