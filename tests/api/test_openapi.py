"""The catalogue against TMDB's own OpenAPI document."""

from __future__ import annotations

import datetime
import functools
import inspect
import json
import typing
from typing import Any

import pytest

from tmdbfusion_scrapy.api import OPERATIONS

if typing.TYPE_CHECKING:
    from pathlib import Path

INTENDED = {
    # httpx is told the content type by the client, which knows what it sends.
    ("movie-add-rating", "Content-Type"): "not a parameter of ours",
    ("movie-delete-rating", "Content-Type"): "not a parameter of ours",
    # The document calls the body RAW_BODY; its example is {"value": 8.5}.
    ("movie-add-rating", "value"): "the field of the body",
}

# The document says string; every other endpoint of a movie takes the same id as an integer.
INTENDED_TYPES = {("movie-keywords", "movie_id")}

# What the document says of a type, and what of it a caller may give.
TYPES = {"integer": int, "number": float, "boolean": bool, "string": str}


@pytest.fixture
def operations(recorded_dir) -> dict[str, Any]:
    return read_operations(recorded_dir / "openapi.json")


@functools.cache
def read_operations(path: Path) -> dict[str, Any]:
    document = json.loads(path.read_text())
    return {
        declared["operationId"]: {**declared, "method": method.upper(), "path": path}
        for path, methods in document["paths"].items()
        for method, declared in methods.items()
        if isinstance(declared, dict) and "operationId" in declared
    }


@pytest.mark.parametrize("name", OPERATIONS)
def test_endpoint(operations, name):
    endpoint = OPERATIONS[name]
    declared = operations[name]
    assert endpoint.method == declared["method"]
    assert "/3/" + endpoint.path == declared["path"]
    theirs = {
        parameter["name"]: (parameter["in"], parameter.get("required", False))
        for parameter in declared.get("parameters", [])
    }
    ours = {
        parameter.key: (parameter.place, parameter.required) for parameter in endpoint.parameters.values()
    }
    different = {key for key in theirs.keys() | ours.keys() if theirs.get(key) != ours.get(key)}
    assert different == {key for operation, key in INTENDED if operation == name}


@pytest.mark.parametrize("name", OPERATIONS)
def test_types_of_the_parameters(operations, name):
    endpoint = OPERATIONS[name]
    hints = typing.get_type_hints(endpoint.function)
    ours = {parameter.key: hints[parameter.name] for parameter in endpoint.parameters.values()}
    for parameter in operations[name].get("parameters", []):
        if parameter["name"] not in ours:
            continue
        arms = typing.get_args(ours[parameter["name"]]) or (ours[parameter["name"]],)
        if (name, parameter["name"]) in INTENDED_TYPES:
            continue
        wanted = TYPES[parameter["schema"]["type"]]
        assert wanted in arms or (wanted is str and datetime.date in arms), parameter["name"]


def test_movies_and_configuration_are_complete(operations):
    wanted = {name for name in operations if name.startswith(("movie-", "configuration-"))}
    assert wanted - set(OPERATIONS) == set()


def test_docstrings_describe_every_parameter():
    for endpoint in OPERATIONS.values():
        text = inspect.getdoc(endpoint.function) or ""
        assert f"https://developer.themoviedb.org/reference/{endpoint.operation_id}" in text
        for name in endpoint.parameters:
            assert f"\n    {name}: " in text, f"{endpoint.operation_id}: {name}"
