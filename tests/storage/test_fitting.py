"""Values that no column takes: they cost themselves, and neither their record nor another one."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING

import pytest

from tests.storage.database_access import movie
from tests.storage.stored_records import rows, store
from tmdbfusion_scrapy.models import decode
from tmdbfusion_scrapy.models.companies import GenreList
from tmdbfusion_scrapy.models.movies import MovieDetails
from tmdbfusion_scrapy.models.releases import Release
from tmdbfusion_scrapy.models.tv import SeasonDetails, TVDetails
from tmdbfusion_scrapy.storage.fitting import _fitting_document

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine


HUGE = 2**70


def test_a_number_that_fits_no_column_is_null(engine: Engine) -> None:
    result = store(engine, movie(1), movie(9, budget=HUGE, runtime=90, title="Long"), movie(2))
    assert rows(engine, "SELECT id, title, budget, runtime FROM movies ORDER BY id") == [
        (1, "Movie 1", None, None),
        (2, "Movie 2", None, None),
        (9, "Long", None, 90),
    ]
    assert result.fitted == ["movies 9: movies.budget"]
    assert (result.refused, result.records) == ([], {"movies": 3})


def test_numbers_in_parts_and_mentions(engine: Engine) -> None:
    both = {"cast": [{"id": 7, "name": "P", "gender": HUGE, "credit_id": "c", "order": -HUGE}], "crew": []}
    result = store(engine, movie(9, credits=both))
    assert rows(engine, "SELECT person_id, position FROM movie_cast") == [(7, None)]
    assert rows(engine, "SELECT name, gender FROM people") == [("P", None)]
    assert result.fitted == ["movies 9: people.gender, movie_cast.position"]


def test_a_key_that_fits_no_column_costs_its_row_only(engine: Engine) -> None:
    odd = {"id": HUGE, "name": "Odd"}
    result = store(
        engine,
        movie(9, genres=[odd, {"id": 18, "name": "Drama"}], belongs_to_collection=odd, runtime=90),
    )
    assert rows(engine, "SELECT id, runtime, belongs_to_collection_id FROM movies") == [(9, 90, None)]
    assert rows(engine, "SELECT movie_id, genre_id, position FROM movie_genres") == [(9, 18, 1)]
    assert rows(engine, "SELECT id FROM genres") == [(18,)]
    assert result.fitted == [
        "movies 9: collections.id, genres.id, movies.belongs_to_collection_id, movie_genres.genre_id"
    ]
    assert result.refused == []


def test_an_episode_whose_id_fits_no_column_does_not_cost_its_season(engine: Engine) -> None:
    episodes = [{"id": HUGE, "show_id": 1, "crew": [{"id": 7, "credit_id": "c"}]}, {"id": 100, "show_id": 1}]
    season = decode(json.dumps({"id": 10, "season_number": 1, "episodes": episodes}).encode(), SeasonDetails)
    result = store(engine, season)
    assert rows(engine, "SELECT id, season_id FROM episodes") == [(100, 10)]
    assert rows(engine, "SELECT id FROM seasons") == [(10,)]
    assert (result.refused, result.fitted) == ([], ["seasons 10: episodes.id"])
    assert result.records == {"seasons": 1, "episodes": 1}


def test_a_list_without_an_id_of_its_own(engine: Engine) -> None:
    genres = [{"id": HUGE, "name": "Odd"}, {"id": 18, "name": "Drama"}, {"id": 28, "name": "Action"}]
    result = store(engine, decode(json.dumps({"genres": genres}).encode(), GenreList), movie(1))
    assert rows(engine, "SELECT id FROM genres ORDER BY id") == [(18,), (28,)]
    assert (result.refused, result.fitted) == ([], ["genres: genres.id"])


def test_several_records_inside_one(engine: Engine) -> None:
    body = {
        "id": 1,
        "vote_count": HUGE,
        "seasons": [{"id": 10, "season_number": 1}, {"id": 11, "season_number": 2}],
        "season/1": {"season_number": 1, "episodes": [{"id": 100}, {"id": 101, "runtime": HUGE}]},
        "season/2": {"season_number": 2, "episodes": [{"id": 110}]},
    }
    result = store(engine, decode(json.dumps(body).encode(), TVDetails))
    assert rows(engine, "SELECT id, season_id FROM episodes ORDER BY id") == [(100, 10), (101, 10), (110, 11)]
    assert (result.refused, result.fitted) == ([], ["tv_shows 1: tv_shows.vote_count, episodes.runtime"])


@pytest.mark.parametrize(
    ("value", "stored"),
    [("a\0b", "a\N{REPLACEMENT CHARACTER}b"), ("\0", "\N{REPLACEMENT CHARACTER}"), ("\\u0000", "\\u0000")],
)
def test_a_nul_that_postgresql_refuses(engine: Engine, value: str, stored: str) -> None:
    nul = value if engine.dialect.name == "sqlite" else stored
    both = {"cast": [{"id": 7, "name": value, "credit_id": value, "character": value}], "crew": []}
    genres = [{"id": 18, "name": value}]
    result = store(engine, movie(1), movie(2, title=value, unknown=value, credits=both, genres=genres))
    assert rows(engine, "SELECT title FROM movies WHERE id = 2") == [(nul,)]
    assert rows(engine, "SELECT credit_id, character FROM movie_cast") == [(nul, nul)]
    assert rows(engine, "SELECT name FROM people") == [(nul,)]
    assert rows(engine, "SELECT name FROM genres") == [(nul,)]
    ((document,),) = rows(engine, "SELECT CAST(raw AS TEXT) FROM movies WHERE id = 2")
    assert json.loads(document)["unknown"] == nul
    assert result.refused == []
    assert bool(result.fitted) == (nul != value)


@pytest.mark.parametrize(
    ("escaped", "stored"),
    [
        (r"\ud800", "\N{REPLACEMENT CHARACTER}"),
        (r"\udc00x", "\N{REPLACEMENT CHARACTER}x"),
        (r"\ud83c\ud83c\udfac", "\N{REPLACEMENT CHARACTER}\N{CLAPPER BOARD}"),
        (r"\ud83c \udfac", "\N{REPLACEMENT CHARACTER} \N{REPLACEMENT CHARACTER}"),
    ],
)
def test_half_a_surrogate_pair(engine: Engine, escaped: str, stored: str) -> None:
    store(engine, decode(f'{{"id": 1, "title": "{escaped}", "unknown": "{escaped}"}}'.encode(), MovieDetails))
    assert rows(engine, "SELECT title FROM movies") == [(stored,)]
    if engine.dialect.name == "postgresql":
        assert rows(engine, "SELECT raw ->> 'unknown' FROM movies") == [(stored,)]


@pytest.mark.parametrize(
    ("document", "fitting"),
    [
        (r'"\u0000"', r'"\ufffd"'),
        (r'"\\u0000"', r'"\\u0000"'),
        (r'"\\\u0000"', r'"\\\ufffd"'),
        (r'"\ud83c\udfac"', r'"\ud83c\udfac"'),
        (r'"\ud83c\n\udfac"', r'"\ufffd\n\ufffd"'),
        (r'"\udfac\ud83c"', r'"\ufffd\ufffd"'),
        (r'"\ud83c\\udfac"', r'"\ufffd\\udfac"'),
        (r'"\u00e9\u0041"', r'"\u00e9\u0041"'),
    ],
)
def test_only_what_an_escape_may_not_stand_for_is_replaced(document: str, fitting: str) -> None:
    assert _fitting_document(document) == fitting
    json.loads(fitting).encode()


def test_a_document_that_postgresql_cannot_hold(engine: Engine) -> None:
    """More digits than its numbers have."""
    result = store(engine, decode(b'{"id": 1, "title": "T", "unknown": 1e999999}', MovieDetails), movie(2))
    is_kept = engine.dialect.name == "sqlite"
    assert rows(engine, "SELECT title FROM movies ORDER BY id") == [("T",), ("Movie 2",)]
    assert rows(engine, "SELECT id FROM movies WHERE raw IS NULL") == ([] if is_kept else [(1,)])
    assert result.fitted == ([] if is_kept else ["movies 1: movies.raw"])


def test_a_text_that_no_index_of_postgresql_takes(engine: Engine) -> None:
    long = "".join(random.Random(1).choices("\N{CLAPPER BOARD}abcdefgh0123456789", k=5000))
    both = {"cast": [{"id": 7, "name": long, "credit_id": long, "character": long}], "crew": []}
    result = store(engine, movie(1, title=long, overview=long, credits=both), movie(2))
    is_kept = engine.dialect.name == "sqlite"
    ((title, overview),) = rows(engine, "SELECT title, overview FROM movies WHERE id = 1")
    assert overview == long
    assert title == long if is_kept else (long.startswith(title) and 990 < len(title.encode()) <= 1000)
    assert rows(engine, "SELECT character FROM movie_cast") == [(long,)]
    assert result.refused == []


def test_moments_without_a_time_zone_and_out_of_range(engine: Engine) -> None:
    moments = ["2026-01-02T03:04:05", "0001-01-01T00:00:00+05:00", "2026-01-02T03:04:05+01:00"]
    releases = [{"type": 1, "release_date": moment} for moment in moments]
    body = {"id": 1, "release_dates": {"results": [{"iso_3166_1": "DE", "release_dates": releases}]}}
    record = decode(json.dumps(body).encode(), MovieDetails)
    assert isinstance(record.release_dates.results[0].release_dates[0], Release)  # type: ignore[union-attr]
    result = store(engine, record)
    found = rows(engine, "SELECT CAST(release_date AS TEXT) FROM movie_release_dates ORDER BY position")
    assert [value and value[:19] for (value,) in found] == [
        "2026-01-02 03:04:05",
        None,
        "2026-01-02 02:04:05",
    ]
    assert (result.refused, result.fitted) == ([], ["movies 1: movie_release_dates.release_date"])
