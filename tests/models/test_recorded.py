"""The models against what TMDB really sent and what its OpenAPI document shows."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any

import pytest

from tmdbfusion_scrapy.api import OPERATIONS
from tmdbfusion_scrapy.models import decode
from tmdbfusion_scrapy.models.movies import MovieDetails

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def recorded(folder: Path) -> Iterator[tuple[str, str, bytes]]:
    """File, operationId and body of each good response whose endpoint is in the catalogue."""
    for line in (folder / "recorded" / "INDEX.md").read_text().splitlines():
        cells = [cell.strip() for cell in line.split("|")]
        if len(cells) < 5 or cells[3] not in OPERATIONS:
            continue
        content = (folder / "recorded" / cells[1]).read_bytes()
        if cells[1].startswith("exchanges/"):
            exchange = json.loads(content)
            if exchange["response"]["status"] != 200:
                continue
            body = exchange["body"]
            content = (body if isinstance(body, str) else json.dumps(body)).encode()
        yield cells[1], cells[3], content


def test_recorded_bodies_have_no_drift(recorded_dir):
    seen = set()
    for name, operation, body in recorded(recorded_dir):
        record = decode(body, OPERATIONS[operation].model)
        seen.add(operation)
        if isinstance(record, list):
            assert record, name
            assert all(getattr(part, "drift", ()) == () for part in record), name
        else:
            assert record.drift == (), name
            assert record.raw == body, name
    assert len(seen) >= 28


def test_examples_of_the_openapi_document_have_no_drift(recorded_dir):
    document = json.loads((recorded_dir / "openapi.json").read_text())
    checked = 0
    for methods in document["paths"].values():
        for declared in methods.values():
            if not isinstance(declared, dict) or declared.get("operationId") not in OPERATIONS:
                continue
            for value in examples(declared["responses"]["200"]):
                record = decode(value.encode(), OPERATIONS[declared["operationId"]].model)
                assert getattr(record, "drift", ()) == ()
                assert record
                checked += 1
    assert checked >= 30


def examples(response: dict[str, Any]) -> Iterator[str]:
    for content in response.get("content", {}).values():
        for example in content.get("examples", {}).values():
            value = example["value"]
            yield value if isinstance(value, str) else json.dumps(value)


def test_all_real_movies(recorded_dir):
    path = recorded_dir / "movies-3000.jsonl.gz"
    if not path.exists():
        pytest.skip("movies-3000.jsonl.gz is not there")
    count = 0
    with gzip.open(path) as lines:
        for line in lines:
            record = decode(line, MovieDetails)
            source = json.loads(line)
            count += 1
            assert record.drift == ()
            assert (record.id, record.budget, record.revenue) == (
                source["id"],
                source["budget"],
                source["revenue"],
            )
            assert [genre.id for genre in record.genres] == [genre["id"] for genre in source["genres"]]
            assert (record.release_date.isoformat() if record.release_date else None) == (
                source["release_date"] or None
            )
            assert record.keywords is not None
            assert len(record.keywords.keywords) == len(source["keywords"]["keywords"])
    assert count == 3000
