"""The lenient way from JSON to a record: field by field, each odd value named and nothing dropped unseen.

A null becomes the field's default, a number in quotes the number, and what cannot be used is left out.
"""

from __future__ import annotations

import dataclasses
import datetime
import json
import math
import re
import types
import typing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from tmdbfusion_scrapy.models.fields import find_place, in_order, record_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


_UTC = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})[ T]([0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?) ?UTC")
"""TMDB's other way to write a moment: ``2010-06-16 23:26:16 UTC``."""


class UnusableError(Exception):
    """A value that no rule can bring into its field's type."""


class Dropped(NamedTuple):
    """A value that could not be used."""

    label: str
    within: str
    key: str | int


@dataclass
class Findings:
    """Findings of one decoding."""

    drift: list[str] = field(default_factory=list)
    extras: dict[str, Any] = field(default_factory=dict)
    dropped: list[Dropped] = field(default_factory=list)

    def note_drift(self, label: str, path: str, value: Any) -> None:
        """Note a value of the wrong type."""
        self.drift.append(label)
        self.extras[path] = value

    def note_dropped(self, dropped: Dropped, path: str, value: Any) -> None:
        """Note a value of the wrong type that could not be used."""
        self.note_drift(dropped.label, path, value)
        self.dropped.append(dropped)


def parse(body: bytes) -> Any:
    """Return JSON without types; ``ValueError`` for what is none."""
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        # Slower, but it reads NaN, 1e999, half a surrogate pair and a byte order mark.
        return json.loads(body, parse_int=_whole_number)


def read_leniently(value: Any, hint: Any, label: str, path: str, findings: Findings) -> Any:
    """Bring a value into the type of its field.

    Raises:
        UnusableError: No rule can do it.
    """
    origin = typing.get_origin(hint)
    if origin in (typing.Union, types.UnionType):
        if value is None:
            return None
        inner = next(arm for arm in typing.get_args(hint) if arm is not types.NoneType)
        return read_leniently(value, inner, label, path, findings)
    model = origin or hint
    if dataclasses.is_dataclass(model):
        return _read_record(value, hint, path, findings)
    if model is list and isinstance(value, list):
        (inner,) = typing.get_args(hint) or (Any,)
        places = ((index, f"{path}[{index}]", part) for index, part in enumerate(value))
        return [found for _, found in _read_each(places, inner, label, path, findings)]
    if model is dict and isinstance(value, dict):
        _, inner = typing.get_args(hint) or (Any, Any)
        places = ((key, _below(path, key), part) for key, part in value.items())
        return dict(_read_each(places, inner, label, path, findings))
    if model in (list, dict):
        # A list or an object that is none. Not left to msgspec, which would look into the classes inside:
        # decoders alone may do that, under a lock.
        raise UnusableError
    if value == "" and hint in (datetime.date, datetime.datetime):
        return None
    if hint is datetime.datetime and isinstance(value, str) and (utc := _UTC.fullmatch(value)):
        value = f"{utc[1]}T{utc[2]}Z"
    return _read_scalar(value, hint, label, path, findings)


def _whole_number(text: str) -> float:
    """A whole number; infinite where it has more digits than any id or sum."""
    return int(text) if len(text) < 400 else math.copysign(math.inf, -1 if text.startswith("-") else 1)


def _read_record(value: Any, hint: Any, path: str, findings: Findings) -> Any:
    """Build a record from an object, field by field."""
    if not isinstance(value, dict):
        raise UnusableError
    model = typing.get_origin(hint) or hint
    before, kept = len(findings.drift), len(findings.dropped)
    lost: dict[str, tuple[str | int, ...]] = {}
    known: dict[str, Any] = {}
    numbered: dict[str, list[tuple[int, Any]]] = {}
    for key, part in value.items():
        place = find_place(key, hint)
        inside = _below(path, key)
        if place is None or (not path and is_notice(part) and record_in(place.hint)):
            findings.extras[inside] = part
            continue
        if part is None:
            continue
        label = f"{model.__name__}.{place.field}"
        so_far = len(findings.dropped)
        try:
            found = read_leniently(part, place.hint, label, inside, findings)
        except UnusableError:
            findings.note_dropped(Dropped(label, path, key), inside, part)
            lost[place.field] = ()
            continue
        if len(findings.dropped) > so_far:
            lost[place.field] = tuple(each.key for each in findings.dropped[so_far:] if each.within == inside)
        if place.number is not None:
            numbered.setdefault(place.field, []).append((place.number, found))
        elif found is not None:
            known[place.field] = found
    record = model(**known, **{name: in_order(parts) for name, parts in numbered.items()})
    record._drift = tuple(findings.drift[before:])  # noqa: SLF001 - the decoder is what fills a record
    if lost:
        record._lost = lost  # noqa: SLF001
        record._dropped = tuple(each.label for each in findings.dropped[kept:])  # noqa: SLF001
    return record


def is_notice(value: Any) -> bool:
    """Return whether JSON is TMDB's notice of an error, which may stand in the place of an appended part."""
    return isinstance(value, dict) and "status_code" in value and "status_message" in value


def _below(path: str, key: str) -> str:
    """The place of what an object has under a key."""
    return f"{path}.{key}" if path else key


def _read_each(
    places: Iterable[tuple[Any, str, Any]], hint: Any, label: str, within: str, findings: Findings
) -> Iterator[tuple[Any, Any]]:
    """Keep the elements that can be used, each with its index or key."""
    for key, path, part in places:
        try:
            yield key, read_leniently(part, hint, label, path, findings)
        except UnusableError:
            findings.note_dropped(Dropped(label, within, key), path, part)


def _read_scalar(value: Any, hint: Any, label: str, path: str, findings: Findings) -> Any:
    """Convert a single value, first strictly, then by what it can only mean."""
    try:
        found = _convert(value, hint, strict=True)
        if not isinstance(found, str) or found == value:
            return found
    except UnusableError:
        found = _convert(_guess(value, hint), hint, strict=False)
    findings.note_drift(label, path, value)
    return found


def _convert(value: Any, hint: Any, *, strict: bool) -> Any:
    """The value in the type of its field, of numbers only finite ones, of text only what UTF-8 can hold."""
    try:
        converted = msgspec.convert(value, hint, strict=strict)
    # SystemError: msgspec before 0.22, for an integer that no float can hold. UnicodeEncodeError: half a
    # surrogate pair where no text is due.
    except (msgspec.ValidationError, OverflowError, SystemError, UnicodeEncodeError):
        raise UnusableError from None
    if isinstance(converted, float) and not math.isfinite(converted):
        raise UnusableError
    if isinstance(converted, str):
        try:
            converted.encode()
        except UnicodeEncodeError:
            return converted.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return converted


def _guess(value: Any, hint: Any) -> Any:
    """Return the one value that a value of the wrong type can mean."""
    if hint is str and isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    if hint is datetime.date and isinstance(value, str):
        # A date with a time of day.
        return value[:10]
    if hint is datetime.datetime and isinstance(value, str) and len(value) == len("2010-06-16"):
        return f"{value}T00:00:00Z"
    if hint is datetime.datetime and not (isinstance(value, str) and "-" in value):
        # A number would be taken for seconds since 1970.
        raise UnusableError
    return value


def find_extras(body: bytes, model: Any) -> dict[str, Any]:
    """Return what of a body the fields of its record do not hold as it was sent.

    Returns:
        Values by their place in the JSON, such as ``credits.cast[3].name``: keys that no field has, with all
        that is in them, and values of the wrong type. See :attr:`~tmdbfusion_scrapy.models.record.Record.extras`.
    """
    try:
        value = parse(body)
    except UnicodeDecodeError:
        # The decoder does not look into strings of keys it does not know, so a byte may be off there.
        value = parse(body.decode(errors="replace").encode())
    findings = Findings()
    read_leniently(value, model, "", "", findings)
    return findings.extras
