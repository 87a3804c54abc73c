"""An OpenAPI document of TMDB's: its operations, as far as the catalogue is compared with them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

_METHODS = frozenset({"get", "put", "post", "delete", "patch"})


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
