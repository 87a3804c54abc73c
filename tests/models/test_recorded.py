"""The models against what TMDB really sent and what its OpenAPI document shows: nothing of it is lost."""

from __future__ import annotations

import dataclasses
import datetime
import functools
import gzip
import json
import typing
from typing import TYPE_CHECKING, Any

import pytest

from tmdbfusion_scrapy.api import OPERATIONS
from tmdbfusion_scrapy.models import Record, decode
from tmdbfusion_scrapy.models.movies import MovieDetails

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.once

UNTYPED: dict[str, set[str]] = {}
"""What the records leave to their extras, of all that the documents and the bodies of 2023 show."""


def newest(folder: Path) -> Iterator[tuple[str, str, bytes]]:
    """File, operationId and body of what was recorded in December 2025 and later."""
    place = folder / "recorded" / "bodies-2025-26"
    for line in (place / "INDEX.md").read_text().splitlines():
        cells = [cell.strip() for cell in line.split("|")]
        if len(cells) > 3 and cells[1].endswith(".json"):
            yield cells[1], cells[3], (place / cells[1]).read_bytes()


def recorded(folder: Path) -> Iterator[tuple[str, str, bytes]]:
    """File, operationId and body of each good response."""
    for line in (folder / "recorded" / "INDEX.md").read_text().splitlines():
        cells = [cell.strip() for cell in line.split("|")]
        if len(cells) < 7 or not cells[1].endswith(".json"):
            continue
        content = (folder / "recorded" / cells[1]).read_bytes()
        if cells[1].startswith("exchanges/"):
            exchange = json.loads(content)
            if exchange["response"]["status"] != 200:
                continue
            body = exchange["body"]
            content = (body if isinstance(body, str) else json.dumps(body)).encode()
        yield cells[1], cells[3], content


def examples(folder: Path) -> Iterator[tuple[str, str, bytes]]:
    """Name, operationId and body of each example of HTTP 200 in the OpenAPI document."""
    document = json.loads((folder / "openapi.json").read_text())
    for methods in document["paths"].values():
        for declared in methods.values():
            for example in declared["responses"]["200"]["content"]["application/json"]["examples"].values():
                value = example["value"]
                text = value if isinstance(value, str) else json.dumps(value)
                yield f"example of {declared['operationId']}", declared["operationId"], text.encode()


def lost(value: Any, got: Any, extras: Any, path: str = "", hint: Any = None) -> Iterator[str]:
    """Paths of the values of a body that neither the record has nor its extras."""
    if path in extras:
        if extras[path] != value:
            yield f"{path}: the extras have {extras[path]!r}, not {value!r}"
    elif isinstance(value, dict) and isinstance(got, Record):
        hints = fields_of(type(got))
        for key, part in value.items():
            inner = f"{path}.{key}".lstrip(".")
            name = key.replace("/", "_")
            if name in hints:
                yield from lost(part, getattr(got, name), extras, inner, hints[name])
            elif inner not in extras:
                yield f"{inner}: {type(got).__name__} has no such field"
            else:
                yield from lost(part, None, extras, inner)
    elif isinstance(value, dict) and isinstance(got, dict):
        for key, part in value.items():
            yield from lost(part, got.get(key), extras, f"{path}.{key}".lstrip("."))
    elif isinstance(value, list) and isinstance(got, list) and len(value) == len(got):
        for number, part in enumerate(value):
            yield from lost(part, got[number], extras, f"{path}[{number}]")
    elif not same(value, got, hint):
        yield f"{path}: {value!r} became {got!r}"


@functools.cache
def fields_of(model: Any) -> dict[str, Any]:
    """The fields of a record, with their types."""
    hints = typing.get_type_hints(model)
    return {field.name: hints[field.name] for field in dataclasses.fields(model)}


def same(value: Any, got: Any, hint: Any) -> bool:
    """Whether a field has what the JSON has: a date in its own type, nothing for what is null or empty."""
    if isinstance(got, datetime.datetime):
        return got == datetime.datetime.fromisoformat(value.replace(" UTC", "+00:00").replace("Z", "+00:00"))
    if isinstance(got, datetime.date):
        return got.isoformat() == str(value)[:10]
    if value is None:
        return got is None or got in ([], {})
    if value == "" and got is None:
        return bool({datetime.date, datetime.datetime} & set(typing.get_args(hint)))
    # True is 1 in Python, and not in JSON.
    return bool(got == value and isinstance(got, bool) == isinstance(value, bool))


def roots(record: Any, body: bytes) -> Iterator[tuple[Any, Any]]:
    """The records that a body is made of, each with its JSON: one, or those of a list."""
    value = json.loads(body)
    if isinstance(record, list):
        assert len(record) == len(value)
        yield from zip(record, value, strict=True)
    else:
        yield record, value


def extras_of(record: Any) -> Any:
    return getattr(record, "extras", {})


@pytest.mark.parametrize("source", [recorded, examples, newest])
def test_nothing_is_lost(recorded_dir, source):
    found = []
    seen = set()
    for name, operation, body in source(recorded_dir):
        seen.add(operation)
        for record, value in roots(decode(body, OPERATIONS[operation].model), body):
            found += [f"{name}: {path}" for path in lost(value, record, extras_of(record))]
    assert found == []
    assert len(seen) == {examples: 152, recorded: 114, newest: 56}[source]


@pytest.mark.parametrize("source", [recorded, examples, newest])
def test_nothing_drifts(recorded_dir, source):
    found = []
    for name, operation, body in source(recorded_dir):
        for record, _ in roots(decode(body, OPERATIONS[operation].model), body):
            found += [f"{name}: {field}" for field in getattr(record, "drift", ())]
    assert found == []


def test_the_records_know_what_the_documents_show(recorded_dir):
    """Extras are for what comes later. Recorded exchanges are of all ages; the bodies are of one."""
    found: dict[str, set[str]] = {}
    bodies = (one for one in recorded(recorded_dir) if one[0].startswith("bodies/"))
    for _, operation, body in (*examples(recorded_dir), *bodies, *newest(recorded_dir)):
        for record, _ in roots(decode(body, OPERATIONS[operation].model), body):
            if extras_of(record):
                found.setdefault(operation, set()).update(extras_of(record))
    assert found == UNTYPED


def test_a_recorded_body_is_kept_as_it_came(recorded_dir):
    for name, operation, body in (*recorded(recorded_dir), *newest(recorded_dir)):
        record = decode(body, OPERATIONS[operation].model)
        if isinstance(record, Record):
            assert record.raw == body, name


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"title": "Another"}, "title"),
        ({"budget": None}, "budget"),
        ({"adult": 0}, "adult"),
        ({"release_date": None}, "release_date"),
        ({"genres": []}, "genres"),
        ({"credits": None}, "credits"),
    ],
)
def test_the_walk_finds_what_is_lost(change, path):
    value = {
        "title": "Fight Club",
        "budget": 63_000_000,
        "adult": False,
        "release_date": "1999-10-15",
        "genres": [{"id": 18}],
        "credits": {"cast": [{"id": 287}]},
        "unknown": {"a": [1]},
    }
    record = decode(json.dumps(value).encode(), MovieDetails)
    extras = {"unknown": {"a": [1]}}
    assert list(lost(value, record, extras)) == []
    assert list(lost(value, record, {})) == ["unknown: MovieDetails has no such field"]
    assert list(lost(value, record, {"unknown": {"a": [2]}})) == [
        "unknown: the extras have {'a': [2]}, not {'a': [1]}"
    ]
    (missed,) = lost(value, dataclasses.replace(record, **change), extras)
    assert missed.startswith(f"{path}: ")


def test_all_real_movies(recorded_dir):
    path = recorded_dir / "movies-3000.jsonl.gz"
    if not path.exists():
        pytest.skip("movies-3000.jsonl.gz is not there")
    count = 0
    with gzip.open(path) as lines:
        for line in lines:
            record = decode(line, MovieDetails)
            count += 1
            assert record.drift == ()
            assert list(lost(json.loads(line), record, extras_of(record))) == []
    assert count == 3000
