"""Every kind of record, as TMDB really sends it, stored and compared with its JSON, value by value."""

from __future__ import annotations

import datetime
import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.storage.database_access import clear
from tests.storage.expected_documents import expect
from tests.storage.expected_rows import Expected, differences, dump
from tests.storage.real_documents import real_documents
from tmdbfusion_scrapy.models import decode
from tmdbfusion_scrapy.models.movies import MovieDetails
from tmdbfusion_scrapy.storage.batches import store_batch
from tmdbfusion_scrapy.storage.entities import metadata

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy.engine import Engine

pytestmark = pytest.mark.once

NOW = datetime.datetime(2026, 11, 22, 8, 0, 0, 123456, tzinfo=datetime.timezone.utc)


def test_every_document_stands_as_it_came(recorded_dir: Path, engine: Engine) -> None:
    wrong: list[str] = []
    filled: set[str] = set()
    for document in real_documents(recorded_dir):
        clear(engine)
        expected = Expected()
        expect(expected, document.kind, json.loads(document.body))
        result = store_batch(engine, [(decode(document.body, document.model), NOW)])
        found = dump(engine)
        wrong += [f"{document.name}: {one}" for one in differences(expected.tables, found)]
        wrong += [f"{document.name}: no column for {name}" for name in sorted(expected.unknown)]
        assert (result.refused, result.fitted) == ([], []), document.name
        filled.update(found)
    assert wrong == []
    # Nothing of a kind was proved by a table that stayed empty.
    assert {name for name in metadata.tables if not name.startswith("tmdb_")} - filled == set()


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        ({"title": "Another"}, "movies 1: title is 'Another', not 'One'"),
        ({"title": None}, "movies 1: title is None, not 'One'"),
        ({"adult": 0}, "movies 1: adult is 0, not False"),
        ({"runtime": 90}, "movies 1: runtime is 90, not None"),
    ],
)
def test_a_difference_is_found(engine: Engine, change: dict[str, Any], wrong: str) -> None:
    document = {"id": 1, "title": "One", "adult": False, "genres": [{"id": 18, "name": "Drama"}]}
    expected = Expected()
    expect(expected, "movies", document)
    store_batch(engine, [(decode(json.dumps(document).encode(), MovieDetails), NOW)])
    found = dump(engine)
    assert differences(expected.tables, found) == []
    found["movies"][1] = {
        name: value for name, value in {**found["movies"][1], **change}.items() if value is not None
    }
    assert differences(expected.tables, found) == [wrong]
    del found["movies"], found["genres"]
    assert differences(expected.tables, found) == ["genres: 18 is not there", "movies: 1 is not there"]


def test_what_has_no_column_is_found() -> None:
    expected = Expected()
    expect(expected, "movies", {"id": 1, "new": 1, "list": [], "genres": [{"id": 18, "colour": "red"}]})
    assert expected.unknown == {"movies: new", "movies: list", "genres: colour"}
