"""3,000 real movies: stored and compared with their source, and stored with all that can be wrong with them."""

from __future__ import annotations

import copy
import json
import random
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import pytest

from tests.coroutines import coroutine_test
from tests.storage.database_access import Recorder, clear, select
from tests.storage.expected_documents import expect
from tests.storage.expected_rows import Expected, differences, dump
from tests.storage.real_documents import real_documents, real_movies
from tmdbfusion_scrapy.exceptions import ResponseError
from tmdbfusion_scrapy.models import decode
from tmdbfusion_scrapy.models.movies import MovieDetails
from tmdbfusion_scrapy.storage.batches import store_batch
from tmdbfusion_scrapy.storage.database import open_database
from tmdbfusion_scrapy.storage.sql import DatabaseOptions

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy.engine import Engine

pytestmark = pytest.mark.once

NOW = datetime(2026, 11, 22, 8, 0, 0, tzinfo=timezone.utc)

ELSEWHERE = 1_000_000_000
"""Added to the ids of what was spoilt, so that they are not those of good records."""


@pytest.mark.slow
@coroutine_test
async def test_real_movies_stand_as_they_came(recorded_dir: Path, database: str):
    bodies = real_movies(recorded_dir)
    expected = Expected()
    for body in bodies:
        expect(expected, "movies", json.loads(body))
    recorder = Recorder()
    writer = recorder.writer(DatabaseOptions(database))
    await writer.start()
    for body in bodies:
        await writer.put(decode(body, MovieDetails))
    await writer.close()

    assert (recorder.stored_movies, recorder.failures, writer.lost) == (len(bodies), [], 0)
    assert all(batch.refused == batch.fitted == [] for batch in recorder.batches)
    engine = open_database(database)
    found = dump(engine)
    engine.dispose()
    assert differences(expected.tables, found) == []
    assert expected.unknown == set()
    if database.startswith("sqlite"):
        raw = select(database, "SELECT CAST(raw AS TEXT) FROM movies")
        assert sorted(text.encode() for (text,) in raw) == sorted(bodies)


WRONG: tuple[Any, ...] = (
    *(None, "", "oops", "a\0b", "\ud800", "0000-00-00", "x" * 4000),
    *(0, -1, 2**31, 2**63, 2**70, 0.5, 1e308, True),
    *([], [None], ["x"], [[]], {}, {"id": None}, {"id": 2**70}, {"x": 1}, [{"id": 1}]),
)
"""What stands where something else is due."""


def spoilt(document: Any, chance: random.Random) -> Any:
    """The JSON of a document with some of its fields gone, of another type, or twice."""
    found = copy.deepcopy(document)
    for _ in range(chance.randint(1, 6)):
        places = [place for place in _places(found) if place[1] != "id" or place[0] is not found]
        holder, key = chance.choice(places or [(found, "title")])
        what = chance.random()
        if what < 0.2:
            holder.pop(key, None) if isinstance(holder, dict) else holder.pop(key)
        elif what < 0.3 and isinstance(holder, list):
            holder.append(copy.deepcopy(holder[key]))
        else:
            holder[key] = copy.deepcopy(chance.choice(WRONG))
    return found


def _places(value: Any) -> list[tuple[Any, Any]]:
    """Everything in JSON, by what it is in."""
    places: list[tuple[Any, Any]] = []
    entries = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    for key, inner in entries:
        places.append((value, key))
        places += _places(inner)
    return places


def spoilt_records(folder: Path, count: int, chance: random.Random) -> Iterator[Any]:
    """Records that came with something wrong, and some that were built so."""
    movies = real_movies(folder)
    documents = [document for document in real_documents(folder) if 1000 < len(document.body) < 60_000]
    for _ in range(count):
        if chance.random() < 0.5:
            model, body = MovieDetails, chance.choice(movies)
        else:
            document = chance.choice(documents)
            model, body = document.model, document.body
        value = spoilt(json.loads(body), chance)
        if isinstance(value.get("id"), int):
            value["id"] += ELSEWHERE
        try:
            record = decode(json.dumps(value).encode(), model)
        except ResponseError:
            continue
        if chance.random() < 0.1:
            setattr(
                record,
                chance.choice([name for name in vars(record) if name[0] != "_"]),
                copy.deepcopy(chance.choice(WRONG)),
            )
        yield record


@pytest.mark.parametrize("seed", [1])
def test_nothing_that_is_wrong_with_a_record_costs_another(
    recorded_dir: Path, engine: Engine, seed: int
) -> None:
    chance = random.Random(seed)
    bodies = chance.sample(real_movies(recorded_dir), 60)
    good = [decode(body, MovieDetails) for body in bodies]
    bad = list(spoilt_records(recorded_dir, 60, chance))
    items = [*good, *bad]
    chance.shuffle(items)
    refused = 0
    for start in range(0, len(items), 20):
        result = store_batch(engine, [(item, NOW) for item in items[start : start + 20]])
        refused += len(result.refused)
    rows = dump(engine)["movies"]
    for body in bodies:
        document = json.loads(body)
        row = rows[document["id"]]
        assert (row["raw"], row["title"], row["fetched_at"]) == (document, document["title"], "now")
    # Only what was built by hand has to be refused.
    assert refused < len(bad) / 4


def test_good_records_stand_as_they_would_without_the_bad_ones(recorded_dir: Path, engine: Engine) -> None:
    """Stored one by one after a bad one as they are in one go."""
    good = [decode(body, MovieDetails) for body in real_movies(recorded_dir)[:30]]
    store_batch(engine, [(item, NOW) for item in good])
    alone = dump(engine)
    clear(engine)
    result = store_batch(
        engine, [(item, NOW) for item in (*good[:15], MovieDetails(title="No id"), *good[15:])]
    )
    assert len(result.refused) == 1
    assert differences(alone, dump(engine)) == []
