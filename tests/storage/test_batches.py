"""What stands in the database after batches."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import Table, insert, inspect, text
from sqlalchemy import select as sa_select
from sqlalchemy.exc import SQLAlchemyError

from tests.storage.database_access import TRIED_AT, execute_sqlite, failed_call, movie, select
from tests.storage.stored_records import NOW, rows, store
from tmdbfusion_scrapy.models import decode
from tmdbfusion_scrapy.models.companies import Genre, GenreList
from tmdbfusion_scrapy.models.movies import MovieDetails
from tmdbfusion_scrapy.storage.database import open_database
from tmdbfusion_scrapy.storage.entities.crawl import tmdb_failures
from tmdbfusion_scrapy.storage.entities.movies import movies

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy.engine import Engine


ACTION = {"id": 28, "name": "Action"}
DRAMA = {"id": 18, "name": "Drama"}
COMEDY = {"id": 35, "name": "Comedy"}


def table_rows(engine: Engine, table: Table) -> list[dict[str, Any]]:
    with engine.connect() as connection:
        return [dict(row) for row in connection.execute(sa_select(table)).mappings()]


FULL: dict[str, Any] = {
    "id": 550,
    "adult": False,
    "backdrop_path": "/b.jpg",
    "belongs_to_collection": {"id": 10, "name": "A collection"},
    "budget": 3_000_000_000,
    "genres": [DRAMA, ACTION],
    "homepage": "https://example.com",
    "imdb_id": "tt0137523",
    "original_language": "en",
    "original_title": "Été 北京 \N{CLAPPER BOARD}",
    "overview": 'A "quoted"\nline',
    "popularity": 61.416,
    "poster_path": "/p.jpg",
    "release_date": "1999-10-15",
    "revenue": 100_853_753_000,
    "runtime": 139,
    "softcore": True,
    "status": "Released",
    "tagline": "",
    "title": "Été",
    "video": True,
    "vote_average": 8.433,
    "vote_count": 26280,
    "a_field_of_tomorrow": {"deep": [1, 2.5, None]},
}


def test_every_column_of_a_movie_comes_back(engine: Engine) -> None:
    body = json.dumps(FULL).encode()
    store(engine, decode(body, MovieDetails))
    (row,) = table_rows(engine, movies)
    # A document of PostgreSQL's is compared as JSON; SQLite keeps the text as it came, see below.
    assert row.pop("raw") == FULL
    assert row.pop("fetched_at") == NOW
    assert row.pop("release_date").isoformat() == FULL["release_date"]
    assert row.pop("belongs_to_collection_id") == 10
    assert row.pop("deleted_at") is None
    assert row.pop("etag") is None
    assert row.pop("text_languages") is None
    assert row == {name: FULL[name] for name in row}
    assert type(row["adult"]) is bool


def test_nulls_come_back_as_nulls(engine: Engine) -> None:
    store(engine, decode(b'{"id": 1, "title": null, "belongs_to_collection": null}', MovieDetails))
    (row,) = table_rows(engine, movies)
    assert {name for name, value in row.items() if value is not None} == {"id", "raw", "fetched_at"}


def test_a_record_that_was_not_decoded_has_no_document(engine: Engine) -> None:
    store(engine, MovieDetails(id=1))
    assert rows(engine, "SELECT count(*) FROM movies WHERE raw IS NULL") == [(1,)]


def test_the_document_is_kept_byte_by_byte(sqlite_database: str) -> None:
    body = '{ "id":1,\n"budget": 1e3, "title":"\\u00e9 \\ud83c\\udfac", "x": 0.10, "x": 2 }'.encode("ascii")
    engine = open_database(sqlite_database)
    store(engine, decode(body, MovieDetails))
    engine.dispose()
    ((document,),) = select(sqlite_database, "SELECT raw FROM movies")
    assert document.encode() == body


def test_a_wrong_byte_in_an_unknown_field_does_not_cost_the_record(engine: Engine) -> None:
    body = b'{"id": 1, "unknown": "\xff"}'
    result = store(engine, decode(body, MovieDetails))
    assert result.stored["movies"] == 1
    assert table_rows(engine, movies)[0]["raw"] == {"id": 1, "unknown": "\N{REPLACEMENT CHARACTER}"}


def test_a_second_store_updates(engine: Engine) -> None:
    store(engine, movie(1, title="Old", runtime=90, budget=5))
    store(engine, movie(1, title="New", runtime=None))
    assert rows(engine, "SELECT id, title, runtime, budget FROM movies") == [(1, "New", None, None)]


def test_the_newest_of_a_batch_wins(engine: Engine) -> None:
    result = store(
        engine,
        movie(1, title="Old", genres=[ACTION]),
        movie(2),
        movie(1, title="New", genres=[DRAMA]),
    )
    assert rows(engine, "SELECT id, title FROM movies ORDER BY id") == [(1, "New"), (2, "Movie 2")]
    assert rows(engine, "SELECT movie_id, genre_id FROM movie_genres") == [(1, 18)]
    assert result.stored["movies"] == 2


def test_a_vanished_genre_vanishes(engine: Engine) -> None:
    store(engine, movie(1, genres=[ACTION, DRAMA]), movie(2, genres=[ACTION]))
    store(engine, movie(1, genres=[COMEDY, DRAMA]))
    links = "SELECT movie_id, genre_id, position FROM movie_genres ORDER BY movie_id, position"
    assert rows(engine, links) == [(1, 35, 0), (1, 18, 1), (2, 28, 0)]
    store(engine, movie(1))
    assert rows(engine, links) == [(2, 28, 0)]
    assert rows(engine, "SELECT id FROM genres ORDER BY id") == [(18,), (28,), (35,)]


def test_genres_that_could_not_be_read_say_nothing_of_what_is_gone(engine: Engine) -> None:
    store(engine, decode(b'{"id":1,"genres":[{"id":18,"name":"Drama"}]}', MovieDetails))
    store(engine, decode(b'{"id":1,"title":"Odd","genres":"oops"}', MovieDetails))
    assert rows(engine, "SELECT movie_id, genre_id FROM movie_genres") == [(1, 18)]
    assert rows(engine, "SELECT title FROM movies") == [("Odd",)]


def test_odd_genres(engine: Engine) -> None:
    store(engine, movie(1, genres=[{"name": "No id"}, ACTION, {"id": 28, "name": "Again"}, {"id": 99}]))
    links = "SELECT genre_id, position FROM movie_genres ORDER BY position"
    assert rows(engine, links) == [(28, 1), (99, 3)]
    assert rows(engine, "SELECT id, name FROM genres ORDER BY id") == [(28, "Again"), (99, None)]


def test_a_genre_without_a_name_keeps_the_known_one(engine: Engine) -> None:
    store(engine, movie(1, genres=[ACTION]))
    store(engine, movie(2, genres=[{"id": 28}, DRAMA]))
    assert rows(engine, "SELECT id, name FROM genres ORDER BY id") == [(18, "Drama"), (28, "Action")]


def test_a_genre_list_fills_genres(engine: Engine) -> None:
    body = json.dumps({"genres": [ACTION, {"id": None, "name": "No id"}, DRAMA]}).encode()
    result = store(engine, decode(body, GenreList))
    assert rows(engine, "SELECT id, name FROM genres ORDER BY id") == [(18, "Drama"), (28, "Action")]
    assert (result.stored, result.records) == ({"genres": 2}, {"genres": 2})


def test_links_go_with_their_movie(engine: Engine) -> None:
    store(engine, movie(1, genres=[ACTION]))
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM movies"))
    assert rows(engine, "SELECT count(*) FROM movie_genres") == [(0,)]


def test_a_link_needs_its_genre(engine: Engine) -> None:
    store(engine, movie(1))
    with pytest.raises(SQLAlchemyError), engine.begin() as connection:
        connection.execute(text("INSERT INTO movie_genres VALUES (1, 12345, 0)"))


def test_failed_calls_are_on_record(engine: Engine) -> None:
    result = store(engine, failed_call(7), failed_call(8, kind=None, id=None, path="/search?page=2"))
    assert result.stored == {"tmdb_failures": 2}
    first, second = sorted(table_rows(engine, tmdb_failures), key=lambda row: row["path"])
    assert first == vars(failed_call(7))
    assert (second["kind"], second["id"], second["path"]) == ("", None, "/search?page=2")


def test_a_call_that_fails_again_updates_its_row(engine: Engine) -> None:
    store(engine, failed_call(7), failed_call(7, attempts=2))
    store(engine, failed_call(7, attempts=3, error="ServerError"))
    assert rows(engine, "SELECT attempts, error FROM tmdb_failures") == [(3, "ServerError")]


def test_a_stored_movie_clears_its_failure(engine: Engine) -> None:
    store(engine, failed_call(1), failed_call(2), failed_call(1, kind="tv_shows", path="/tv/1"))
    store(engine, movie(1))
    left = "SELECT kind, id FROM tmdb_failures ORDER BY kind"
    assert rows(engine, left) == [("movies", "2"), ("tv_shows", "1")]


def test_the_order_inside_a_batch_decides_on_a_failure(engine: Engine) -> None:
    store(engine, failed_call(1), movie(1), movie(2), failed_call(2, status_code=500))
    assert rows(engine, "SELECT id FROM tmdb_failures") == [("2",)]
    assert rows(engine, "SELECT count(*) FROM movies") == [(2,)]


def test_nul_in_a_failure_does_not_lose_it(engine: Engine) -> None:
    store(engine, failed_call(1, message="a\0b\ud800"))
    assert rows(engine, "SELECT message FROM tmdb_failures") == [("a\N{REPLACEMENT CHARACTER}b?",)]


BAD: dict[str, Any] = {
    "an id that fits no column": (MovieDetails(id=2**70), str(2**70), f"/movie/{2**70}"),
    "no id": (MovieDetails(title="No id"), None, "/movie"),
    "a text where a date is due": (MovieDetails(id=9, release_date="soon"), "9", "/movie/9"),  # type: ignore[arg-type]
    "an object where a text is due": (MovieDetails(id=9, title={}), "9", "/movie/9"),  # type: ignore[arg-type]
    "a list where an id is due": (MovieDetails(id=[9]), "[9]", "/movie/[9]"),  # type: ignore[arg-type]
    "a failure without a time zone": (
        failed_call(9, tried_at=TRIED_AT.replace(tzinfo=None)),
        "9",
        "/movie/9",
    ),
    "a failure whose code fits no column": (failed_call(9, tmdb_code=2**70), "9", "/movie/9"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_record_costs_only_itself(engine: Engine, name: str) -> None:
    bad, key, path = BAD[name]
    result = store(engine, movie(1, genres=[ACTION]), bad, failed_call(3), movie(2))
    assert rows(engine, "SELECT id FROM movies ORDER BY id") == [(1,), (2,)]
    assert rows(engine, "SELECT movie_id, genre_id FROM movie_genres") == [(1, 28)]
    failures = "SELECT kind, id, path, error, retryable, attempts FROM tmdb_failures WHERE path != '/movie/3'"
    assert rows(engine, failures) == [("movies", key, path, "StorageError", 0, 1)]
    assert rows(engine, "SELECT error FROM tmdb_failures WHERE path = '/movie/3'") == [("NotFoundError",)]
    assert result.stored == {"movies": 2, "genres": 1, "tmdb_failures": 2}
    assert [failure.id for failure in result.refused] == [key]
    assert result.refused[0].message


def test_two_bad_records_of_one_path_cost_only_themselves(engine: Engine) -> None:
    bad = [MovieDetails(title="No id"), MovieDetails(title="None either")]
    result = store(engine, movie(1), *bad, movie(2))
    assert rows(engine, "SELECT id FROM movies ORDER BY id") == [(1,), (2,)]
    assert rows(engine, "SELECT path, error FROM tmdb_failures") == [("/movie", "StorageError")]
    assert len(result.refused) == 2


def test_a_value_that_is_neither_true_nor_false_is_called_so(engine: Engine) -> None:
    (failure,) = store(engine, MovieDetails(id=9, title="A", adult="perhaps")).refused  # type: ignore[arg-type]
    assert failure.message in {"'perhaps' is neither true nor false", "Not a boolean value: 'perhaps'"}


def test_a_bad_record_does_not_undo_the_good_one_stored_before(engine: Engine) -> None:
    store(engine, movie(9, title="Good", genres=[ACTION]))
    store(engine, MovieDetails(id=9, title="Bad", release_date="soon", genres=[Genre(18, "Drama")]))  # type: ignore[arg-type]
    assert rows(engine, "SELECT title, release_date FROM movies") == [("Good", None)]
    assert rows(engine, "SELECT genre_id FROM movie_genres") == [(28,)]


def test_good_records_beside_a_bad_one_share_what_they_name(engine: Engine) -> None:
    """They are stored one by one, and the first leaves nothing behind that the second would trip over."""
    cast = {"cast": [{"id": 7, "name": "A person", "credit_id": "c", "order": 0}], "crew": []}
    good = [movie(key, genres=[ACTION, DRAMA], credits=cast) for key in (1, 2, 3)]
    result = store(engine, *good[:2], MovieDetails(title="No id"), good[2])
    assert rows(engine, "SELECT movie_id, person_id FROM movie_cast ORDER BY movie_id") == [
        (key, 7) for key in (1, 2, 3)
    ]
    assert len(result.refused) == 1


def test_nothing_half_written_when_the_database_fails(database: str) -> None:
    engine = open_database(database)
    store(engine, movie(1, genres=[ACTION]))
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE tmdb_failures"))
    with pytest.raises(SQLAlchemyError):
        store(engine, movie(1, title="New", genres=[DRAMA]), movie(2))
    assert select(database, "SELECT id, title FROM movies") == [(1, "Movie 1")]
    assert select(database, "SELECT genre_id FROM movie_genres") == [(28,)]
    assert select(database, "SELECT id FROM genres") == [(28,)]
    engine.dispose()


def test_a_time_without_a_zone_is_given_back_in_utc(tmp_path: Path, sqlite_database: str) -> None:
    engine = open_database(sqlite_database)
    store(engine, movie(1))
    execute_sqlite(tmp_path / "tmdb.db", "UPDATE movies SET fetched_at = '2026-01-02 03:04:05.000000'")
    moment = table_rows(engine, movies)[0]["fetched_at"]
    engine.dispose()
    assert moment == datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)


def test_the_tables_have_their_keys(engine: Engine) -> None:
    (to_genre, to_movie) = sorted(
        inspect(engine).get_foreign_keys("movie_genres"), key=lambda key: key["referred_table"]
    )
    assert (to_genre["referred_table"], to_movie["referred_table"]) == ("genres", "movies")
    assert to_movie["options"]["ondelete"] == "CASCADE"
    with pytest.raises(SQLAlchemyError), engine.begin() as connection:
        connection.execute(insert(tmdb_failures), [vars(failed_call(1)) | {"kind": None}])
