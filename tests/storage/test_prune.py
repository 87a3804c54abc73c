"""What is too old goes as if it had never been fetched, on both databases."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select

from tests.storage.database_access import clear, failed_call, tables_with_rows
from tests.storage.library import HANKS, LIBRARY, MOVIES, PERSON, SERIES, VALE, movie
from tmdbfusion_scrapy.models import CollectionDetails, CompanyDetails
from tmdbfusion_scrapy.models.decoding import decode
from tmdbfusion_scrapy.storage.batches import store_batch
from tmdbfusion_scrapy.storage.entities import metadata
from tmdbfusion_scrapy.storage.prune import Pruning, expired

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.engine import Engine

NEW = datetime(2026, 11, 20, tzinfo=timezone.utc)
OLD = NEW - timedelta(days=200)
BEFORE = NEW - timedelta(days=180)

FILM = movie(
    301,
    "Part One",
    VALE,
    belongs_to_collection={"id": 71, "name": "Saga"},
    production_companies=[{"id": 81, "name": "Little Films", "origin_country": "US"}],
    spoken_languages=[{"iso_639_1": "is", "name": "Íslenska", "english_name": "Icelandic"}],
)
SAGA = decode(
    b'{"id": 71, "name": "Saga", "overview": "Long.", "parts": [{"id": 302, "title": "Part Two"}, '
    b'{"id": 301, "title": "Part One", "original_title": "Part One", "original_language": "en"}]}',
    CollectionDetails,
)
COMPANY = decode(
    b'{"id": 81, "name": "Little Films", "origin_country": "US", "headquarters": "Here", '
    b'"parent_company": {"id": 82, "name": "Large Films"}}',
    CompanyDetails,
)
RECORDS = [*MOVIES, SERIES, PERSON, FILM, SAGA, COMPANY]


def store(engine: Engine, old: Sequence[Any], new: Sequence[Any]) -> None:
    for items, when in ((old, OLD), (new, NEW)):
        if items:
            store_batch(engine, [(item, when) for item in items])


def contents(engine: Engine) -> dict[str, list[tuple[Any, ...]]]:
    """All rows, but genres: TMDB's list of them may have been asked for by itself."""
    with engine.connect() as connection:
        return {
            table.name: sorted(map(tuple, connection.execute(select(table))), key=repr)
            for table in tables_with_rows(connection)
            if table.name not in {"genres", "tmdb_schema"}
        }


def prune(engine: Engine) -> tuple[dict[str, list[int]], dict[str, int]]:
    pruning = Pruning(engine, BEFORE, pytest.fail)
    gone: dict[str, list[int]] = {}
    for table, keys in pruning.expire():
        gone.setdefault(table, []).extend(keys)
    pruning.sweep()
    return gone, {table: count for table, count in pruning.deleted.items() if count}


def parts_of(places: Sequence[int]) -> tuple[list[Any], list[Any]]:
    return [RECORDS[place] for place in places], [
        record for place, record in enumerate(RECORDS) if place not in places
    ]


ALL = range(len(RECORDS))


@pytest.mark.once
@pytest.mark.parametrize(
    "places",
    [
        *([place] for place in ALL),
        *([other for other in ALL if other != place] for place in ALL[::3]),
        [*range(len(MOVIES))],
        [place for place in ALL if place % 2],
        [place for place in ALL if place % 2 == 0],
        list(ALL),
        [],
    ],
    ids=lambda places: "-".join(map(str, places)) or "none",
)
def test_a_pruned_database_is_one_that_never_had_it(engine, places):
    old, new = parts_of(places)
    store(engine, old, new)
    found = expired(engine, BEFORE)
    before = {name: len(rows) for name, rows in contents(engine).items()}
    gone, deleted = prune(engine)
    assert {each.table: each.records for each in found} == {table: len(keys) for table, keys in gone.items()}
    assert all(each.oldest == OLD for each in found)
    assert expired(engine, BEFORE) == []
    pruned = contents(engine)
    assert deleted == {
        name: count - len(pruned.get(name, []))
        for name, count in before.items()
        if count != len(pruned.get(name, []))
    }
    # A second time there is nothing to do.
    assert prune(engine) == ({}, {})
    clear(engine)
    store(engine, [], new)
    assert pruned == contents(engine)


def test_the_crawls_own_tables_stay(engine):
    store(engine, [*LIBRARY, failed_call(9)], [])
    before = contents(engine)
    prune(engine)
    after = contents(engine)
    assert after == {name: rows for name, rows in before.items() if name.startswith("tmdb_")}


def test_a_person_whom_a_newer_movie_names_keeps_the_name_alone(engine):
    store(engine, [PERSON], [movie(1, "New", VALE, cast=[(HANKS, "Somebody")])])
    prune(engine)
    people = metadata.tables["people"]
    with engine.connect() as connection:
        row = connection.execute(select(people).where(people.columns.id == HANKS["id"])).one()
    assert (row.name, row.birthday, row.raw, row.etag, row.fetched_at) == (
        "Tom Hanks",
        None,
        None,
        None,
        None,
    )


def test_many_batches(engine):
    store(engine, [movie(key, f"Old {key}", {**VALE, "id": 5000 + key}) for key in range(1, 1201)], [])
    gone, deleted = prune(engine)
    assert (sorted(gone["movies"]), deleted["movies"], deleted["people"]) == ([*range(1, 1201)], 1200, 1200)


def test_what_was_half_done_is_gone_on_with(engine):
    store(engine, [*MOVIES, PERSON], [SERIES])
    for _ in Pruning(engine, BEFORE, pytest.fail).expire():
        break
    prune(engine)
    pruned = contents(engine)
    clear(engine)
    store(engine, [], [SERIES])
    assert pruned == contents(engine)
