"""What becomes of rows over time: what vanishes, what stays, and which of two answers counts."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from tests.storage.database_access import clear, failed_call, movie
from tests.storage.stored_records import (
    NOW,
    cast,
    credit,
    everything,
    listed,
    made,
    member,
    part,
    rows,
    season,
    show,
    store,
)
from tmdbfusion_scrapy.items import Watermark
from tmdbfusion_scrapy.models import decode
from tmdbfusion_scrapy.models.companies import CollectionDetails, CompanyDetails
from tmdbfusion_scrapy.models.movies import MovieDetails
from tmdbfusion_scrapy.models.people import PersonDetails
from tmdbfusion_scrapy.models.tv import TVDetails
from tmdbfusion_scrapy.storage.entities.crawl import tmdb_watermarks

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine


def test_what_vanished_upstream_vanishes(engine: Engine) -> None:
    full = {
        "genres": [{"id": 1, "name": "A"}],
        "keywords": {"keywords": [{"id": 2, "name": "B"}]},
        "credits": {"cast": [member(1, "c1"), member(2, "c2")], "crew": [member(3, "c3", job="Editor")]},
        "images": {"posters": [{"file_path": "/a.jpg"}], "backdrops": [{"file_path": "/b.jpg"}]},
        "external_ids": {"wikidata_id": "Q1", "imdb_id": "tt1"},
    }
    store(engine, movie(1, **full), movie(2, **full))
    less = {
        "genres": [],
        "keywords": {"keywords": []},
        "credits": cast(member(2, "c2")),
        "images": {"posters": [{"file_path": "/a.jpg"}]},
        "external_ids": {"wikidata_id": None, "imdb_id": "tt1"},
    }
    store(engine, movie(1, **less))
    tables = everything(engine)
    counts = {
        name: dict(Counter(row["movie_id"] for row in tables[f"movie_{name}"]))
        for name in ("genres", "keywords", "cast", "crew", "images", "external_ids")
    }
    assert counts == {
        "genres": {2: 1},
        "keywords": {2: 1},
        "cast": {1: 1, 2: 2},
        "crew": {2: 1},
        "images": {1: 1, 2: 2},
        "external_ids": {1: 1, 2: 2},
    }
    # Those who are no longer in it are still people.
    assert rows(engine, "SELECT count(*) FROM people") == [(3,)]


def test_an_append_that_was_left_out_stays(engine: Engine) -> None:
    store(engine, movie(1, credits=cast(member(1, "c1")), keywords={"keywords": [{"id": 2, "name": "B"}]}))
    store(engine, movie(1, title="New"))
    assert rows(engine, "SELECT credit_id FROM movie_cast") == [("c1",)]
    assert rows(engine, "SELECT keyword_id FROM movie_keywords") == [(2,)]
    store(engine, movie(1, credits=None, keywords={"keywords": []}))
    assert rows(engine, "SELECT credit_id FROM movie_cast") == [("c1",)]
    assert rows(engine, "SELECT keyword_id FROM movie_keywords") == []


def test_a_null_becomes_a_null(engine: Engine) -> None:
    store(engine, movie(1, runtime=90, belongs_to_collection={"id": 5, "name": "C"}, origin_country=["DE"]))
    store(engine, movie(1, runtime=None, belongs_to_collection=None, origin_country=None))
    assert rows(engine, "SELECT runtime, belongs_to_collection_id FROM movies") == [(None, None)]
    assert rows(engine, "SELECT * FROM movie_origin_countries") == []
    assert rows(engine, "SELECT id, name FROM collections") == [(5, "C")]


@pytest.mark.parametrize("broken", ['"oops"', "7"])
def test_a_part_that_could_not_be_read_says_nothing_of_what_is_gone(engine: Engine, broken: str) -> None:
    store(engine, movie(1, credits=cast(member(1, "c1"))))
    store(engine, decode(f'{{"id":1,"credits":{{"cast":{broken}}}}}'.encode(), MovieDetails))
    assert rows(engine, "SELECT credit_id FROM movie_cast") == [("c1",)]


def test_ids_elsewhere_that_tmdb_does_not_know_are_none(engine: Engine) -> None:
    ids = {"imdb_id": "", "wikidata_id": None, "facebook_id": "F"}
    store(engine, movie(1, external_ids=ids), made(TVDetails, 1, external_ids={"tvrage_id": 0, "tvdb_id": 7}))
    assert rows(engine, "SELECT source, external_id FROM movie_external_ids") == [("facebook", "F")]
    assert rows(engine, "SELECT source, external_id FROM tv_show_external_ids") == [("tvdb", "7")]


def test_a_mention_yields_to_the_full_row_and_fills_what_that_lacks(engine: Engine) -> None:
    store(engine, made(PersonDetails, 1, name="Full", popularity=2.0, gender=None))
    named = member(1, "c1", name="Named", popularity=9.0, gender=2, original_name="Original")
    store(engine, movie(1, credits=cast(named)))
    query = "SELECT name, popularity, gender, original_name FROM people"
    assert rows(engine, query) == [("Full", 2.0, None, "Original")]
    store(engine, made(PersonDetails, 1, name="Fuller"))
    assert rows(engine, query) == [("Fuller", None, None, "Original")]


def test_a_full_row_takes_the_place_of_a_mention(engine: Engine) -> None:
    store(engine, movie(1, credits=cast(member(1, "c1", popularity=9.0))))
    assert rows(engine, "SELECT name, popularity, fetched_at FROM people") == [("Person 1", 9.0, None)]
    store(engine, made(PersonDetails, 1, name="Full", popularity=None))
    assert rows(engine, "SELECT name, popularity FROM people WHERE fetched_at IS NOT NULL") == [
        ("Full", None)
    ]


def test_a_mention_wipes_nothing_out(engine: Engine) -> None:
    store(engine, movie(1, credits=cast(member(1, "c1", profile_path="/p.jpg", gender=1))))
    store(engine, movie(2, credits=cast(member(1, "c2", name="Renamed", profile_path=None))))
    assert rows(engine, "SELECT name, profile_path, gender FROM people") == [("Renamed", "/p.jpg", 1)]


@pytest.mark.parametrize("apart", [True, False])
def test_mentions_and_full_rows_in_one_batch_as_in_several(engine: Engine, apart: bool) -> None:
    named = movie(1, credits=cast(member(1, "c1", name="Named", original_name="Original")))
    full = made(PersonDetails, 1, name="Full")
    for items in ((full, named), (named, full)):
        clear(engine)
        for batch in ((item,) for item in items) if apart else (items,):
            store(engine, *batch)
        assert rows(engine, "SELECT name, original_name FROM people") == [("Full", "Original")]


def test_a_company_names_its_parent(engine: Engine) -> None:
    child = made(CompanyDetails, 2, name="Child", parent_company={"id": 1, "name": "Parent"})
    itself = made(CompanyDetails, 3, name="Odd", parent_company={"id": 3, "name": "Odd"})
    parent = made(CompanyDetails, 1, name="Parent Ltd.", parent_company=None)
    store(engine, child, itself)
    query = "SELECT id, name, parent_company_id FROM companies ORDER BY id"
    assert rows(engine, query) == [(1, "Parent", None), (2, "Child", 1), (3, "Odd", 3)]
    store(engine, parent, child)
    assert rows(engine, query) == [(1, "Parent Ltd.", None), (2, "Child", 1), (3, "Odd", 3)]


def test_storing_again_changes_nothing(engine: Engine) -> None:
    batch = [
        show(1, seasons=[listed(10, 1)], created_by=[member(1, "c1")], aggregate_credits={"cast": []}),
        season(10, 1, (part(100, crew=[member(2, "c2", job="Editor")]), part(101, 2))),
        movie(1, credits=cast(member(1, "c3"), member(3, "c4")), genres=[{"id": 1, "name": "A"}]),
        made(PersonDetails, 1, name="Full", combined_credits={"cast": [credit(1, "c3", media_type="movie")]}),
        made(CollectionDetails, 5, parts=[{"id": 1}, {"id": 2}]),
        failed_call(8),
        Watermark("changes", "2026-11-22", NOW),
    ]
    store(engine, *batch)
    once = everything(engine)
    assert {"movies", "seasons", "episode_crew", "tmdb_failures", "tmdb_watermarks"} < once.keys()
    store(engine, *batch)
    assert everything(engine) == once
    for item in batch:
        store(engine, item)
    assert everything(engine) == once


def test_the_order_of_records_says_only_who_wins(engine: Engine) -> None:
    """What both name is as the later one says, all else is the same."""
    first = movie(1, genres=[{"id": 1, "name": "Early"}], credits=cast(member(1, "c1", name="Early")))
    second = movie(2, genres=[{"id": 1, "name": "Late"}], credits=cast(member(1, "c2", name="Late")))
    found = []
    for items in ((first, second), (second, first)):
        clear(engine)
        store(engine, *items)
        found.append(everything(engine))
    names = [[table["genres"][0]["name"], table["people"][0]["name"]] for table in found]
    assert names == [["Late", "Late"], ["Early", "Early"]]
    for tables in found:
        del tables["genres"], tables["people"]
    assert found[0] == found[1]


def test_a_watermark_is_set_with_the_records_or_not_at_all(engine: Engine) -> None:
    later = NOW + timedelta(days=1)
    result = store(engine, movie(1), Watermark("changes", "a", NOW), Watermark("changes", "b", later))
    assert rows(engine, "SELECT name, value FROM tmdb_watermarks") == [("changes", "b")]
    assert result.records == {"movies": 1}
    store(engine, Watermark("changes", "c", later), MovieDetails(title="No id"))
    assert rows(engine, "SELECT value FROM tmdb_watermarks") == [("c",)]
    with engine.connect() as connection:
        assert connection.execute(select(tmdb_watermarks.columns.set_at)).scalar() == later


def test_a_season_that_came_with_its_series_clears_its_failure(engine: Engine) -> None:
    store(engine, failed_call(10, kind="seasons"), failed_call(11, kind="seasons"))
    store(engine, show(1, seasons=[listed(10, 1)], **{"season/1": {"episodes": [part(100)]}}))
    assert rows(engine, "SELECT id FROM tmdb_failures") == [("11",)]


def test_without_documents(engine: Engine) -> None:
    store(engine, movie(1), season(10, 1, (part(100),)), store_raw=False)
    tables = everything(engine)
    assert [tables[name][0]["raw"] for name in ("movies", "seasons", "episodes")] == [None, None, None]
