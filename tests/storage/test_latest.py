"""The latest fetched wins, in whichever order it is stored, and by the clock of the database."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.storage.database_access import TRIED_AT, clear, failed_call, movie, select
from tests.storage.stored_records import listed, rows, season, show
from tmdbfusion_scrapy.items import ClearedFailure, UnchangedRecord, Watermark
from tmdbfusion_scrapy.models import PersonDetails, decode
from tmdbfusion_scrapy.storage.batches import store_batch
from tmdbfusion_scrapy.storage.database import open_database

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from sqlalchemy.engine import Engine

pytestmark = pytest.mark.once


ROOT = Path(__file__).parents[2]


def at(minute: int) -> datetime:
    return TRIED_AT + timedelta(minutes=minute)


def failure(minute: int, status: int = 500, **fields: Any) -> Any:
    return failed_call(1, status_code=status, message=str(minute), tried_at=at(minute), **fields)


def document(minute: int) -> Any:
    """Movie 1 as it was at a minute: all that it says names the minute."""
    genres = [{"id": minute, "name": str(minute)}]
    cast = [{"id": 1, "credit_id": f"c{minute}", "name": "A", "character": str(minute), "order": 0}]
    return movie(1, title=str(minute), genres=genres, credits={"cast": cast, "crew": []})


@st.composite
def arrivals(draw: st.DrawFn) -> list[list[tuple[int, str]]]:
    """What was fetched of a movie, minute by minute, in any order of arrival and any batches."""
    kinds = draw(st.lists(st.sampled_from(["record", "failure"]), min_size=1, max_size=5))
    gone = draw(st.none() | st.integers(0, len(kinds)))
    if gone is not None:
        kinds.insert(gone, "gone")
    order = draw(st.permutations(list(enumerate(kinds, start=1))))
    batches: list[list[tuple[int, str]]] = [[]]
    for event in order:
        if batches[-1] and draw(st.booleans()):
            batches.append([])
        batches[-1].append(event)
    return batches


def item(minute: int, kind: str) -> Any:
    if kind == "record":
        return document(minute)
    return failure(minute, 404 if kind == "gone" else 500)


def test_the_order_of_arrival_does_not_matter(shared_engine: Engine) -> None:
    @settings(max_examples=40, deadline=None)
    @given(batches=arrivals())
    def check(batches: list[list[tuple[int, str]]]) -> None:
        clear(shared_engine)
        for batch in batches:
            store_batch(shared_engine, [(item(*event), at(event[0])) for event in batch])
        events = sorted(event for batch in batches for event in batch)
        times = {
            kind: [minute for minute, each in events if each == kind]
            for kind in ("record", "failure", "gone")
        }
        record = max(times["record"], default=0)
        failed = [minute for minute in times["failure"] if minute > record]
        gone = [minute for minute in times["gone"] if minute > record]
        stored = [
            tuple(row) for row in rows(shared_engine, "SELECT title FROM movies WHERE fetched_at IS NOT NULL")
        ]
        assert stored == ([(str(record),)] if record else [])
        assert rows(shared_engine, "SELECT genre_id FROM movie_genres") == ([(record,)] if record else [])
        assert rows(shared_engine, "SELECT character FROM movie_cast") == ([(str(record),)] if record else [])
        messages = [int(message) for (message,) in rows(shared_engine, "SELECT message FROM tmdb_failures")]
        is_gone = bool(rows(shared_engine, "SELECT 1 FROM movies WHERE deleted_at IS NOT NULL"))
        # What was last heard of it decides.
        if failed and (not gone or max(failed) > max(gone)):
            assert messages == [max(failed)]
            assert not is_gone or gone
        elif gone and record:
            assert messages == []
            assert is_gone
        else:
            assert messages == gone
            assert not is_gone

    check()


def test_an_older_failure_of_a_part_leaves_the_newer_one(engine: Engine) -> None:
    path = "/movie/1/credits"
    store_batch(engine, [(failure(2, path=path), at(2))])
    store_batch(engine, [(failure(1, path=path), at(1))])
    assert rows(engine, "SELECT message FROM tmdb_failures") == [("2",)]
    store_batch(engine, [(ClearedFailure("movies", path), at(1))])
    assert rows(engine, "SELECT message FROM tmdb_failures") == [("2",)]
    store_batch(engine, [(ClearedFailure("movies", path), at(3))])
    assert rows(engine, "SELECT message FROM tmdb_failures") == []


def test_a_watermark_does_not_go_back(engine: Engine) -> None:
    for minute in (2, 1):
        store_batch(engine, [(Watermark("changes", str(minute), at(minute)), at(3))])
    assert rows(engine, "SELECT value FROM tmdb_watermarks") == [("2",)]


def test_an_older_word_that_nothing_changed_changes_nothing(engine: Engine) -> None:
    record = movie(1)
    record._etag = "digest tag"  # as a crawl notes it
    store_batch(engine, [(record, at(5))])
    store_batch(engine, [(failure(3, 404), at(3)), (failure(7, 404), at(7))])
    before = rows(engine, "SELECT fetched_at, deleted_at FROM movies")
    store_batch(engine, [(UnchangedRecord("movies", 1, "digest tag"), at(4))])
    assert rows(engine, "SELECT fetched_at, deleted_at FROM movies") == before
    # Still before TMDB said that it is gone.
    store_batch(engine, [(UnchangedRecord("movies", 1, "digest tag"), at(6))])
    assert rows(engine, "SELECT deleted_at IS NULL FROM movies") in ([(0,)], [(False,)])
    store_batch(engine, [(UnchangedRecord("movies", 1, "digest tag"), at(8))])
    assert rows(engine, "SELECT deleted_at FROM movies") == [(None,)]


def test_an_older_series_takes_no_newer_season_and_brings_none_back(engine: Engine) -> None:
    def series(*numbers: int) -> Any:
        parts = {f"season/{n}": {"id": n * 10, "season_number": n, "name": f"S{n}"} for n in numbers}
        return show(1, seasons=[listed(n * 10, n) for n in numbers], **parts)

    store_batch(engine, [(series(1, 2), at(2))])
    store_batch(engine, [(season(20, 2, name="newer"), at(3))])
    store_batch(engine, [(series(1, 2, 3), at(1))])
    assert rows(engine, "SELECT id FROM seasons ORDER BY id") == [(10,), (20,)]
    # A season that was fetched after the series listed it not.
    store_batch(engine, [(series(1), at(3))])
    assert rows(engine, "SELECT id FROM seasons ORDER BY id") == [(10,)]


def test_a_person_changes_no_part_of_a_movie_that_was_fetched_later(engine: Engine) -> None:
    store_batch(engine, [(document(2), at(2))])
    part = {"id": 1, "title": "M", "character": "older", "credit_id": "c2", "order": 5}
    person = decode(
        json.dumps({"id": 1, "name": "A", "movie_credits": {"cast": [part], "crew": []}}).encode(),
        PersonDetails,
    )
    store_batch(engine, [(person, at(1))])
    assert rows(engine, "SELECT character FROM movie_cast") == [("2",)]
    store_batch(engine, [(person, at(3))])
    assert rows(engine, "SELECT character FROM movie_cast") == [("older",)]


WORKER = """
import sys
from datetime import datetime, timezone
from tests.storage.database_access import failed_call, movie
from tmdbfusion_scrapy.storage.batches import store_batch
from tmdbfusion_scrapy.storage.database import open_database
from tmdbfusion_scrapy.storage.frontier import Frontier

engine = open_database(sys.argv[1])
for line in sys.stdin:
    action = line.strip()
    now = datetime.now(timezone.utc)
    said = None
    if action in ("plan", "finish"):
        with Frontier(engine, "movies") as frontier:
            run = frontier.begin("tmdb_movies", {}, again=True)
            if action == "plan":
                frontier.plan(run, [(1, None), (2, None)])
            else:
                said = frontier.finish(run).left
    elif action == "gone":
        store_batch(engine, [(failed_call(1, tried_at=now), now)])
    else:
        store_batch(engine, [(movie(1, title=action), now), (failed_call(2, status_code=500, tried_at=now), now)])
    print(said, flush=True)
"""


@pytest.fixture
def worker(postgres_database: str) -> Iterator[Any]:
    """Does something in a process whose clock is some seconds off; there is one of each clock."""
    faketime = shutil.which("faketime")
    if faketime is None:
        pytest.skip("faketime is not installed: no process with another clock")
    open_database(postgres_database).dispose()

    processes: dict[int, subprocess.Popen[str]] = {}

    def work(seconds: int, action: str) -> str:
        if seconds not in processes:
            command = [faketime, "-f", f"{seconds:+d}s", sys.executable, "-c", WORKER, postgres_database]
            pipe = subprocess.PIPE
            processes[seconds] = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, cwd=ROOT)
        process = processes[seconds]
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(f"{action}\n")
        process.stdin.flush()
        said = process.stdout.readline()
        assert said
        return said.strip()

    yield work
    for process in processes.values():
        process.communicate()
        assert process.returncode == 0


@pytest.mark.parametrize("seconds", [120, -120])
def test_clocks_that_are_off_neither_undo_a_record_nor_keep_a_run_going(
    worker: Any, postgres_database: str, seconds: int
) -> None:
    worker(seconds, "plan")
    worker(-seconds, "first")
    worker(seconds, "second")
    worker(-seconds, "third")
    assert select(postgres_database, "SELECT title FROM movies") == [("third",)]
    assert worker(seconds, "finish") == "0"
    worker(seconds, "gone")
    assert select(postgres_database, "SELECT deleted_at > fetched_at FROM movies") == [(True,)]
    worker(-seconds, "fourth")
    assert select(postgres_database, "SELECT title, deleted_at FROM movies") == [("fourth", None)]
