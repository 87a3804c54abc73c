"""3,000 real movies, stored and compared with their source."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any

from tests.coroutines import coroutine_test
from tests.storage.database_access import Recorder, select
from tmdbfusion_scrapy.models import decode
from tmdbfusion_scrapy.models.movies import MovieDetails
from tmdbfusion_scrapy.storage.options import DatabaseOptions

if TYPE_CHECKING:
    from pathlib import Path


@coroutine_test
async def test_real_movies_stand_as_they_came(recorded_dir: Path, database: str):
    with gzip.open(recorded_dir / "movies-3000.jsonl.gz") as file:
        bodies = file.read().splitlines()
    source: dict[int, dict[str, Any]] = {part["id"]: part for part in map(json.loads, bodies)}
    recorder = Recorder()
    writer = recorder.writer(DatabaseOptions(database))
    await writer.start()
    for body in bodies:
        await writer.put(decode(body, MovieDetails))
    await writer.close()

    assert (recorder.stored_movies, recorder.failures, writer.lost) == (len(source), [], 0)
    assert all(not batch.refused for batch in recorder.batches)
    columns = (
        "SELECT id, title, budget, revenue, runtime, vote_average, vote_count, overview, adult, "
        "CAST(release_date AS TEXT) FROM movies"
    )
    plain = ("title", "budget", "revenue", "runtime", "vote_average", "vote_count", "overview", "adult")
    stored = {row[0]: row[1:] for row in select(database, columns)}
    assert stored == {
        key: (*(movie[name] for name in plain), movie["release_date"] or None)
        for key, movie in source.items()
    }
    links: dict[int, list[int]] = {key: [] for key in source}
    for movie_id, genre_id in select(
        database, "SELECT movie_id, genre_id FROM movie_genres ORDER BY movie_id, position"
    ):
        links[movie_id].append(genre_id)
    assert links == {key: [genre["id"] for genre in movie["genres"]] for key, movie in source.items()}
    genres = {genre["id"]: genre["name"] for movie in source.values() for genre in movie["genres"]}
    assert dict(select(database, "SELECT id, name FROM genres")) == genres
    raw = dict(select(database, "SELECT id, CAST(raw AS TEXT) FROM movies"))
    assert {key: json.loads(text) for key, text in raw.items()} == source
    if database.startswith("sqlite"):
        assert sorted(text.encode() for text in raw.values()) == sorted(bodies)
