"""The catalogue against an OpenAPI document of TMDB's: what differs, both ways.

Compared are operations, paths, methods, parameters with their places and types, the fields of bodies, and those of
the document's examples of answers.

::

    python -m tmdbfusion_scrapy.api.openapi                  # against the document that TMDB publishes now
    python -m tmdbfusion_scrapy.api.openapi openapi.json     # against a file

It ends with 0 if nothing differs but what :mod:`~tmdbfusion_scrapy.api.differences` lists with a reason, with 1 if
something does, and with 2 if the document cannot be read.
"""

from __future__ import annotations

import datetime
import re
import sys
import types
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from tmdbfusion_scrapy.api.catalogue import load_operations
from tmdbfusion_scrapy.api.differences import INTENDED, Difference
from tmdbfusion_scrapy.exceptions import ResponseError, printable
from tmdbfusion_scrapy.models import Record, decode
from tmdbfusion_scrapy.models.fields import find_place

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tmdbfusion_scrapy.api.endpoint import Endpoint


_METHODS = frozenset({"get", "put", "post", "delete", "patch"})
_TYPE_NAMES = {datetime.date: "date", bool: "boolean", float: "number", str: "string", int: "integer"}


@dataclass(frozen=True, slots=True)
class Declared:
    """A parameter, as the catalogue or a document declares it; ``required`` is ``None`` where it is not said."""

    place: str
    type: str
    required: bool | None = False
    choices: frozenset[str] = frozenset()

    def __str__(self) -> str:
        return f"{self.place} {self.type}" + (", required" if self.required else "")


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation, as the catalogue or a document declares it; ``answers`` are the document's examples."""

    method: str
    path: str
    parameters: Mapping[str, Declared]
    answers: tuple[bytes, ...] = ()


def read_document(document: Any) -> dict[str, Operation]:
    """Return the operations of an OpenAPI document by their operationIds.

    Raises:
        ValueError: It is no OpenAPI document.
    """
    try:
        paths = {path: (item, _METHODS & item.keys()) for path, item in document["paths"].items()}
    except (AttributeError, KeyError, TypeError):
        raise ValueError("this is no OpenAPI document: it has no paths that are objects") from None
    read = {}
    for path, (item, methods) in paths.items():
        for method in methods:
            where = f"{method.upper()} {path}"
            try:
                name, operation = _read_operation(method, path, item)
            except KeyError as error:
                raise ValueError(
                    f"this OpenAPI document cannot be read: {where} has no {error.args[0]}"
                ) from None
            except (AttributeError, TypeError, ValueError):
                raise ValueError(
                    f"this OpenAPI document cannot be read: {where} is not of OpenAPI's form"
                ) from None
            read[name] = operation
    if not read:
        raise ValueError("this OpenAPI document has no operations")
    return read


def _read_operation(method: str, path: str, item: Mapping[str, Any]) -> tuple[str, Operation]:
    """An operation with its operationId."""
    declared = item[method]
    return declared["operationId"], Operation(
        method.upper(), path, dict(_read_declared(item, declared)), tuple(_read_answers(declared))
    )


def _read_declared(path: Mapping[str, Any], operation: Mapping[str, Any]) -> Iterator[tuple[str, Declared]]:
    """Parameters, those of the whole path among them, and fields of the body."""
    for parameter in [*path.get("parameters", ()), *operation.get("parameters", ())]:
        schema = parameter.get("schema", {})
        yield (
            parameter["name"],
            Declared(
                parameter["in"],
                _schema_type(schema),
                parameter.get("required", False),
                frozenset(schema.get("enum", ())),
            ),
        )
    for content in operation.get("requestBody", {}).get("content", {}).values():
        schema = content.get("schema", {})
        fields = schema.get("properties", {})
        if fields.keys() - {"RAW_BODY"}:
            for name, field in fields.items():
                yield name, Declared("body", _schema_type(field), name in schema.get("required", ()))
        else:
            # TMDB's own documents call a body RAW_BODY and show its fields in the example alone.
            for example in content.get("examples", {}).values():
                for name, value in example["value"].items():
                    yield name, Declared("body", json_type(value), None)


def _read_answers(operation: Mapping[str, Any]) -> Iterator[bytes]:
    """Texts of the examples of a good answer; in TMDB's own documents most are JSON in a string."""
    for content in operation.get("responses", {}).get("200", {}).get("content", {}).values():
        for example in content.get("examples", {}).values():
            value = example["value"]
            yield value.encode() if isinstance(value, str) else msgspec.json.encode(value)


def _schema_type(schema: Mapping[str, Any]) -> str:
    """The type of a parameter in a document; a date is one of its own."""
    given = schema.get("type", "unknown")
    if isinstance(given, list):
        given = next((name for name in given if name != "null"), "null")
    return "date" if given == "string" and schema.get("format") == "date" else str(given)


def json_type(value: Any) -> str:
    """JSON Schema's word for the type of a value."""
    names = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array", dict: "object"}
    return names.get(type(value), "null")


ADDRESS = "https://developer.themoviedb.org/openapi/tmdb-api.json"
"""Where TMDB publishes its document."""

PREFIX = "/3/"
"""What the document's paths begin with and the base URL of a client has already."""


def compare(document: Mapping[str, Any]) -> list[Difference]:
    """Return how the catalogue and a document differ, but for what is intended.

    An intended difference that the document does not show is returned too, with ``is_gone``.

    Raises:
        ValueError: It is no OpenAPI document.
    """
    found = set(_differences(load_operations(), read_document(document)))
    gone = {replace(difference, is_gone=True) for difference in INTENDED.keys() - found}
    return sorted((found - INTENDED.keys()) | gone)


def _read_endpoint(endpoint: Endpoint[..., Any]) -> Operation:
    """An operation of the catalogue, in a document's terms."""
    hints = typing.get_type_hints(endpoint.function)
    parameters = {
        parameter.key: Declared(
            parameter.place,
            _hint_type(hints[parameter.name], parameter.choices),
            parameter.required,
            frozenset(map(str, parameter.choices)),
        )
        for parameter in endpoint.parameters.values()
    }
    return Operation(endpoint.method, PREFIX + endpoint.path, parameters)


def _hint_type(hint: Any, choices: tuple[Any, ...]) -> str:
    """The type of a parameter of the catalogue, in a document's words."""
    if choices:
        return json_type(choices[0])
    arms = typing.get_args(hint) or (hint,)
    # In this order: a date may be given as text, and a filter of ids as text in TMDB's own form.
    return next((name for kind, name in _TYPE_NAMES.items() if kind in arms), "array")


def _differences(
    endpoints: Mapping[str, Endpoint[..., Any]], there: Mapping[str, Operation]
) -> Iterator[Difference]:
    """All differences, intended or not."""
    here = {name: _read_endpoint(endpoint) for name, endpoint in endpoints.items()}
    renamed = dict(_renamed(here, there))
    for old, new in renamed.items():
        yield Difference(old, "", "operationId", old, new)
    for name in there.keys() - here.keys() - set(renamed.values()):
        yield Difference(name, "", "missing here", "", f"{there[name].method} {there[name].path}")
    for name, operation in here.items():
        declared = there.get(renamed.get(name, name))
        if declared is None:
            yield Difference(name, "", "missing there", f"{operation.method} {operation.path}", "")
        else:
            yield from _operation_differences(name, operation, declared)
            for answer in declared.answers:
                yield from _answer_differences(endpoints[name], answer)


def _renamed(here: Mapping[str, Operation], there: Mapping[str, Operation]) -> Iterator[tuple[str, str]]:
    """Operations that have another operationId in the document."""
    new = {(there[name].method, there[name].path): name for name in there.keys() - here.keys()}
    for name in here.keys() - there.keys():
        key = (here[name].method, here[name].path)
        if key in new:
            yield name, new[key]


def _operation_differences(name: str, here: Operation, there: Operation) -> Iterator[Difference]:
    if here.method != there.method:
        yield Difference(name, "", "method", here.method, there.method)
    if here.path != there.path:
        yield Difference(name, "", "path", here.path, there.path)
    for key in here.parameters.keys() | there.parameters.keys():
        yield from _parameter_differences(name, key, here.parameters.get(key), there.parameters.get(key))


def _parameter_differences(
    operation: str, key: str, here: Declared | None, there: Declared | None
) -> Iterator[Difference]:
    if here is None:
        yield Difference(operation, key, "missing here", "", str(there))
    elif there is None:
        yield Difference(operation, key, "missing there", str(here), "")
    else:
        if here.place != there.place:
            yield Difference(operation, key, "place", here.place, there.place)
        if here.type != there.type:
            yield Difference(operation, key, "type", here.type, there.type)
        if there.required is not None and here.required != there.required:
            yield Difference(operation, key, "required", str(here.required), str(there.required))
        if here.choices != there.choices:
            yield Difference(
                operation, key, "choices", ", ".join(sorted(here.choices)), ", ".join(sorted(there.choices))
            )


def _answer_differences(endpoint: Endpoint[..., Any], answer: bytes) -> Iterator[Difference]:
    """Return the values of an example that the record has no field for."""
    try:
        record = decode(answer, endpoint.model)
    except ResponseError as error:
        yield Difference(endpoint.operation_id, "", "answer", endpoint.model.__name__, str(error))
        return
    for part in record if isinstance(record, list) else [record]:
        for path, value in (part.extras if isinstance(part, Record) else {}).items():
            about = re.sub(r"\[\d+\]", "[]", path)
            here = _field_type(
                about, typing.get_args(endpoint.model)[0] if record is not part else endpoint.model
            )
            yield Difference(endpoint.operation_id, about, "answer", here, json_type(value))


def _field_type(path: str, hint: Any) -> str:
    """The type of a record's field, in a document's words; empty where the record has no such field."""
    for step in path.split("."):
        key = step.rstrip("[]")
        if typing.get_origin(hint) is dict:
            hint = typing.get_args(hint)[1]
        else:
            place = find_place(key, hint)
            if place is None:
                return ""
            hint = _without_none(place.hint)
        for _ in range(step.count("[]")):
            hint = _without_none((*typing.get_args(hint), Any)[0])
    return (
        "" if hint is Any else "array" if typing.get_origin(hint) is list else _TYPE_NAMES.get(hint, "object")
    )


def _without_none(hint: Any) -> Any:
    """The type of a value that is there."""
    arms = [arm for arm in typing.get_args(hint) if arm is not types.NoneType]
    return arms[0] if types.NoneType in typing.get_args(hint) and len(arms) == 1 else hint


def load_document(address: str) -> Any:
    """Return the JSON at a path or an ``https`` URL.

    Raises:
        OSError: It cannot be read.
        httpx.HTTPError: It cannot be fetched.
        ValueError: It is not JSON.
    """
    import json

    from tmdbfusion_scrapy.http import httpx

    if "://" in address:
        response = httpx.get(address, follow_redirects=True, timeout=60).raise_for_status()
        return json.loads(response.content)
    return json.loads(Path(address).read_bytes())


def main(arguments: Sequence[str] | None = None) -> int:
    """Report the differences against a document; return the exit status."""
    import argparse

    from tmdbfusion_scrapy.http import httpx

    parser = argparse.ArgumentParser(
        prog="python -m tmdbfusion_scrapy.api.openapi",
        description="Report how the catalogue differs from TMDB's OpenAPI document.",
    )
    parser.add_argument("document", nargs="?", default=ADDRESS, help="path or URL (default: %(default)s)")
    address = parser.parse_args(arguments).document
    try:
        document = load_document(address)
        differences = compare(document)
    except (OSError, httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        sys.stderr.write(f"{address} cannot be read: {printable(str(reason))}\n")
        return 2
    for difference in differences:
        sys.stdout.write(f"{printable(str(difference))}\n")
    sys.stdout.write(
        f"{len(read_document(document))} operations there, {len(load_operations())} here, "
        f"{len(differences)} differences that are not intended\n"
    )
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())
