"""Failures that are over, and those that stay, by what was stored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.storage.database_access import failed_call, movie
from tests.storage.stored_records import listed, part, rows, season, show, store
from tmdbfusion_scrapy.images.choice import ImageFile
from tmdbfusion_scrapy.images.store import may_miss_images, missing_images
from tmdbfusion_scrapy.items import ClearedFailure, UnchangedRecord
from tmdbfusion_scrapy.storage.failures import failing_calls

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine

IMAGE = "https://image.tmdb.org/t/p/w500/a.jpg"
PART = "/movie/1/credits"
OWN = "/movie/1"


def failed_paths(engine: Engine) -> list[str]:
    return [path for (path,) in rows(engine, "SELECT path FROM tmdb_failures ORDER BY path")]


def failures() -> list[Any]:
    return [failed_call(1, path=path, status_code=500) for path in (OWN, PART, IMAGE)]


@pytest.mark.parametrize("apart", [True, False])
@pytest.mark.parametrize("came", [movie(1), UnchangedRecord("movies", 1, "x y")], ids=["stored", "unchanged"])
def test_a_record_ends_the_failure_of_its_own_call_alone(engine: Engine, apart: bool, came: Any) -> None:
    for batch in (failures(), [came]) if apart else ([*failures(), came],):
        store(engine, *batch)
    assert failed_paths(engine) == [PART, IMAGE]


@pytest.mark.parametrize("apart", [True, False])
def test_a_call_ends_its_own_failure(engine: Engine, apart: bool) -> None:
    cleared = [ClearedFailure("movies", PART), ClearedFailure("movies", IMAGE), ClearedFailure(None, OWN)]
    for batch in (failures(), cleared) if apart else ([*failures(), *cleared],):
        store(engine, *batch)
    assert failed_paths(engine) == [OWN]
    # What fails after it came is a failure.
    store(engine, ClearedFailure("movies", PART), *failures())
    assert failed_paths(engine) == [OWN, PART, IMAGE]


def test_a_season_ends_no_failure_of_a_series_with_the_same_id(engine: Engine) -> None:
    path = "/tv/10/season/2"
    store(engine, failed_call(10, kind="seasons", path=path, status_code=500))
    store(engine, season(10, 1), show(1, seasons=[listed(10, 1)]))
    assert failed_paths(engine) == [path]


def test_what_the_database_did_not_take_is_over_when_it_does(engine: Engine) -> None:
    store(engine, failed_call(10, kind="seasons", path="/tv/season/10"))
    store(engine, season(10, 1))
    assert failed_paths(engine) == []


def test_the_failures_that_a_crawl_keeps_at_hand(engine: Engine) -> None:
    other = failed_call(0, kind="reviews", id="x", path="/review/x")
    unread = failed_call(0, kind=None, id=None, path="/search?page=2")
    store(engine, *failures(), other, unread, failed_call(2, path=IMAGE.replace("/a.", "/b.")))
    found = failing_calls(engine)
    # The movie's own takes a stored movie.
    assert [call in found for call in (("movies", OWN), ("movies", PART), ("reviews", "/review/x"))] == [
        False,
        True,
        True,
    ]
    assert ("", "/search?page=2") in found
    assert found.images == {"movies": {1: {IMAGE}, 2: {IMAGE.replace("/a.", "/b.")}}}
    assert (found.discard("movies", IMAGE), found.discard("movies", IMAGE)) == (True, False)
    assert found.images["movies"].keys() == {2}


def test_the_images_of_what_came_inside_a_series(engine: Engine) -> None:
    still = {**part(100), "still_path": "/s.jpg"}
    season_of = {"season_number": 1, "poster_path": "/p.svg", "episodes": [still]}
    store(engine, show(1, seasons=[listed(10, 1)], **{"season/1": season_of}), show(2, poster_path="/a.jpg"))
    failing = {
        "seasons": {10: ["https://x/w342/p.png", "https://x/w342/gone.png"], 11: ["https://x/w342/p.png"]},
        "episodes": {100: ["https://x/original/s.jpg"]},
        "tv_shows": {2: [IMAGE]},
    }
    assert missing_images(engine, "tv_shows", 1, failing) == [
        ImageFile("seasons", 10, "poster", "w342", "/p.svg"),
        ImageFile("episodes", 100, "still", "original", "/s.jpg"),
    ]
    assert may_miss_images("tv_shows", 1, failing)
    assert not may_miss_images("movies", 1, failing)
    assert not may_miss_images("tv_shows", 1, {"tv_shows": {2: [IMAGE]}})
