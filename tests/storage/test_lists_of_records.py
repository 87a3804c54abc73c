"""Records that others list: seasons, episodes, the movies of a collection, the parts of a person."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.storage.database_access import clear, movie
from tests.storage.stored_records import (
    cast,
    credit,
    listed,
    made,
    member,
    part,
    rows,
    season,
    show,
    store,
)
from tmdbfusion_scrapy.models.companies import CollectionDetails
from tmdbfusion_scrapy.models.people import PersonDetails
from tmdbfusion_scrapy.models.tv import EpisodeDetails

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine


def test_seasons_and_episodes_that_vanished_are_taken_away(engine: Engine) -> None:
    store(
        engine,
        show(1, seasons=[listed(10, 0), listed(11, 1)]),
        show(2, seasons=[listed(20, 1)]),
        season(10, 0, (part(100), part(101, 2))),
        season(11, 1, (part(110, guest_stars=[member(5, "g")]),)),
        season(20, 1, (part(200, show_id=2),)),
    )
    store(engine, season(10, 0, (part(101, 2),)))
    assert rows(engine, "SELECT id FROM episodes ORDER BY id") == [(101,), (110,), (200,)]
    store(engine, show(1, seasons=[listed(10, 0)]))
    assert rows(engine, "SELECT id FROM seasons ORDER BY id") == [(10,), (20,)]
    assert rows(engine, "SELECT id FROM episodes ORDER BY id") == [(101,), (200,)]
    assert rows(engine, "SELECT * FROM episode_guest_stars") == []


@pytest.mark.parametrize("seasons", ["oops", [{"id": "eleven", "season_number": 1}], ["oops"]])
def test_no_season_is_taken_away_by_a_list_that_could_not_be_read(engine: Engine, seasons: Any) -> None:
    store(engine, show(1, seasons=[listed(10, 0), listed(11, 1)]))
    store(engine, show(1, seasons=seasons, name="New"))
    assert rows(engine, "SELECT id FROM seasons ORDER BY id") == [(10,), (11,)]
    assert rows(engine, "SELECT name FROM tv_shows") == [("New",)]


@pytest.mark.parametrize("apart", [True, False])
def test_the_later_of_list_and_season_counts(engine: Engine, apart: bool) -> None:
    without = show(1, seasons=[listed(10, 0)])
    alone = season(11, 1, (part(110),))
    for items, left in (((without, alone), [(10,), (11,)]), ((alone, without), [(10,)])):
        clear(engine)
        store(engine, show(1, seasons=[listed(10, 0), listed(11, 1)]))
        for batch in ((item,) for item in items) if apart else (items,):
            store(engine, *batch)
        assert rows(engine, "SELECT id FROM seasons ORDER BY id") == left


def test_a_season_keeps_what_only_its_series_says(engine: Engine) -> None:
    store(engine, show(1, seasons=[listed(10, 1, overview="From the list")]))
    store(engine, season(10, 1, name="Own", overview="Own"))
    query = "SELECT tv_show_id, name, overview, episode_count FROM seasons"
    assert rows(engine, query) == [(1, "Own", "Own", 2)]
    store(engine, show(1, seasons=[listed(10, 1, overview="From the list", episode_count=3)]))
    assert rows(engine, query) == [(1, "Own", "Own", 3)]


@pytest.mark.parametrize("apart", [True, False])
def test_an_episode_alone_and_in_its_season(engine: Engine, apart: bool) -> None:
    """Whichever comes later has the columns; the document and the season stay."""
    alone = made(
        EpisodeDetails,
        100,
        name="Alone",
        show_id=1,
        credits=cast(member(1, "c1")),
        guest_stars=[member(2, "g1")],
    )
    whole = season(10, 1, (part(100, name="In the season", guest_stars=[member(3, "g2")]),))
    for items, name, guest in (
        ((alone, whole), "In the season", "g2"),
        ((whole, alone), "Alone", "g1"),
    ):
        clear(engine)
        for batch in ((item,) for item in items) if apart else (items,):
            store(engine, *batch)
        query = "SELECT name, season_id, tv_show_id FROM episodes WHERE raw IS NOT NULL"
        assert rows(engine, query) == [(name, 10, 1)]
        assert rows(engine, "SELECT credit_id FROM episode_cast") == [("c1",)]
        assert rows(engine, "SELECT credit_id FROM episode_guest_stars") == [(guest,)]


def test_an_appended_season_keeps_the_document_of_its_own(engine: Engine) -> None:
    store(engine, season(10, 1, (part(100),), name="Own"))
    appended = {"name": "Appended", "season_number": 1, "episodes": [part(100), part(101, 2, show_id=None)]}
    store(engine, show(1, seasons=[listed(10, 1)], **{"season/1": appended}))
    assert rows(engine, "SELECT id, name FROM seasons WHERE raw IS NOT NULL") == [(10, "Appended")]
    episodes = "SELECT id, tv_show_id, season_id FROM episodes ORDER BY id"
    assert rows(engine, episodes) == [(100, 1, 10), (101, 1, 10)]


@pytest.mark.parametrize("apart", [True, False])
def test_an_episode_alone_that_is_stored_without_its_document(engine: Engine, apart: bool) -> None:
    """The document of before is not of this answer, whatever comes after it."""
    alone = made(EpisodeDetails, 100, name="Alone", show_id=1)
    store(engine, alone)
    items = (alone, season(10, 1, (part(100),)))
    for batch in ((item,) for item in items) if apart else (items,):
        store(engine, *batch, store_raw=False)
    assert rows(engine, "SELECT name, raw FROM episodes") == [("Episode 1", None)]


def test_older_answers_name_the_character_of_a_guest_otherwise(engine: Engine) -> None:
    guests = [{"id": 5, "credit_id": "g", "character_name": "Old"}, member(6, "h", character_name="Old")]
    store(engine, season(10, 1, (part(100, guest_stars=guests),)))
    query = "SELECT credit_id, character FROM episode_guest_stars ORDER BY credit_id"
    assert rows(engine, query) == [("g", "Old"), ("h", "X")]


def test_the_next_episode_is_among_the_episodes(engine: Engine) -> None:
    following = part(102, 3, air_date="2026-12-01")
    store(engine, show(1, seasons=[listed(10, 1)], next_episode_to_air=following))
    query = "SELECT id, tv_show_id, season_id, name, fetched_at FROM episodes"
    assert rows(engine, query) == [(102, 1, 10, "Episode 3", None)]
    # It was put off, and the season tells.
    store(engine, season(10, 1, (part(100), part(101, 2))))
    assert rows(engine, "SELECT id FROM episodes ORDER BY id") == [(100,), (101,)]


def test_a_movie_that_left_a_collection_is_no_longer_in_it(engine: Engine) -> None:
    query = "SELECT id, title, belongs_to_collection_id FROM movies ORDER BY id"
    parts = [{"id": 1, "title": "One"}, {"id": 2, "name": "Two"}, {"id": 3, "title": "Three"}]
    store(engine, made(CollectionDetails, 5, parts=parts), movie(3, belongs_to_collection={"id": 5}))
    assert rows(engine, query) == [(1, "One", 5), (2, "Two", 5), (3, "Movie 3", 5)]
    store(engine, made(CollectionDetails, 5, parts=parts[:1]))
    # The third has an answer of its own that says where it belongs.
    assert rows(engine, query) == [(1, "One", 5), (2, "Two", None), (3, "Movie 3", 5)]


def test_the_credits_of_a_person_are_added(engine: Engine) -> None:
    store(engine, movie(1, credits=cast(member(7, "c1", order=4, character="Old"), member(8, "c2"))))
    person = made(PersonDetails, 7, movie_credits={"cast": [credit(1, "c1"), credit(2, "c3", order=0)]})
    store(engine, person)
    query = "SELECT movie_id, person_id, credit_id, character, position FROM movie_cast ORDER BY credit_id"
    # No order is said, so the one that is known stays.
    assert rows(engine, query) == [(1, 7, "c1", "X", 4), (1, 8, "c2", "X", 0), (2, 7, "c3", "X", 0)]
    assert rows(engine, "SELECT id, title FROM movies WHERE fetched_at IS NULL") == [(2, "Movie 2")]
    store(engine, made(PersonDetails, 7, movie_credits={"cast": []}))
    assert len(rows(engine, query)) == 3


@pytest.mark.parametrize("apart", [True, False])
def test_the_list_of_the_movie_counts_for_who_is_in_it(engine: Engine, apart: bool) -> None:
    person = made(PersonDetails, 7, movie_credits={"cast": [credit(1, "gone"), credit(2, "c3")]})
    film = movie(1, credits=cast(member(8, "c2")))
    for items, left in (((person, film), ["c2", "c3"]), ((film, person), ["c2", "c3", "gone"])):
        clear(engine)
        for batch in ((item,) for item in items) if apart else (items,):
            store(engine, *batch)
        assert rows(engine, "SELECT credit_id FROM movie_cast ORDER BY credit_id") == [(one,) for one in left]


def test_combined_credits_are_told_apart(engine: Engine) -> None:
    both = [
        {"media_type": "movie", "id": 1, "title": "M", "credit_id": "c1"},
        {"media_type": "tv", "id": 1, "name": "T", "credit_id": "c2", "episode_count": 5},
        {"media_type": None, "id": 9, "credit_id": "c3"},
    ]
    store(engine, made(PersonDetails, 7, combined_credits={"cast": both, "crew": []}))
    assert rows(engine, "SELECT movie_id, credit_id FROM movie_cast") == [(1, "c1")]
    assert rows(engine, "SELECT tv_show_id, credit_id, episode_count FROM tv_show_cast") == [(1, "c2", 5)]
