"""Databases of another version: an older one is brought up to date, a newer one is refused."""

from __future__ import annotations

import contextlib
import json
import logging
import signal
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import create_engine, inspect, make_url, text

from tests.storage.database_access import TRIED_AT, execute_sqlite, movie, select, write_lock
from tmdbfusion_scrapy.exceptions import ConfigurationError
from tmdbfusion_scrapy.storage import check_database
from tmdbfusion_scrapy.storage.batches import store_batch
from tmdbfusion_scrapy.storage.database import open_database, parse_database_url
from tmdbfusion_scrapy.storage.tables import metadata
from tmdbfusion_scrapy.storage.versions import VERSION

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy.engine import Connection

VERSION_0 = """
CREATE TABLE genres (id INTEGER NOT NULL, name TEXT, PRIMARY KEY (id));
CREATE TABLE movies (
    id INTEGER NOT NULL, title TEXT, original_title TEXT, original_language TEXT, release_date DATE,
    status TEXT, runtime INTEGER, budget BIGINT, revenue BIGINT, popularity FLOAT, vote_average FLOAT,
    vote_count INTEGER, adult BOOLEAN, video BOOLEAN, softcore BOOLEAN, belongs_to_collection_id INTEGER,
    imdb_id TEXT, homepage TEXT, tagline TEXT, overview TEXT, poster_path TEXT, backdrop_path TEXT,
    raw JSON_TYPE, fetched_at MOMENT_TYPE NOT NULL, PRIMARY KEY (id));
CREATE TABLE tmdb_failures (
    kind TEXT NOT NULL, path TEXT NOT NULL, id TEXT, error TEXT NOT NULL, status_code INTEGER,
    tmdb_code INTEGER, message TEXT NOT NULL, attempts INTEGER NOT NULL, retryable BOOLEAN NOT NULL,
    tried_at MOMENT_TYPE NOT NULL, PRIMARY KEY (kind, path));
CREATE INDEX ix_tmdb_failures_kind_id ON tmdb_failures (kind, id);
CREATE TABLE movie_genres (
    movie_id INTEGER NOT NULL, genre_id INTEGER NOT NULL, position INTEGER NOT NULL,
    PRIMARY KEY (movie_id, genre_id), FOREIGN KEY(movie_id) REFERENCES movies (id) ON DELETE CASCADE,
    FOREIGN KEY(genre_id) REFERENCES genres (id));
CREATE INDEX ix_movie_genres_genre_id ON movie_genres (genre_id);
"""
"""Tables as the first version of this package made them."""

FIRST_TABLES = ("genres", "movies", "movie_genres", "tmdb_failures")

DOCUMENT = {
    "id": 1,
    "title": "One",
    "genres": [{"id": 28, "name": "Action"}],
    "belongs_to_collection": {"id": 70, "name": "Numbers Collection"},
    "production_companies": [{"id": 5, "name": "Counting House"}],
    "credits": {"cast": [{"id": 9, "name": "Nine", "character": "Herself", "credit_id": "c1", "order": 0}]},
}
FETCHED_AT = "2026-01-02 03:04:05.000000"


@contextlib.contextmanager
def transaction(url: str) -> Iterator[Connection]:
    """A transaction of a program that is not this package."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "postgresql":
        parsed = parsed.set(drivername="postgresql+psycopg")
    engine = create_engine(parsed)
    try:
        with engine.begin() as connection:
            yield connection
    finally:
        engine.dispose()


def fill(url: str, *statements: str, movies: int = 5) -> None:
    """Make a database of version 0: movie 1 has a document, 2 has none, that of 3 is of no use."""
    types = (
        {"JSON_TYPE": "JSONB", "MOMENT_TYPE": "TIMESTAMP WITH TIME ZONE"}
        if url.startswith("postgresql")
        else {"JSON_TYPE": "JSON", "MOMENT_TYPE": "DATETIME"}
    )
    script = VERSION_0
    for name, of_database in types.items():
        script = script.replace(name, of_database)
    with transaction(url) as connection:
        for statement in filter(str.strip, script.split(";")):
            connection.exec_driver_sql(statement)
        connection.execute(text("INSERT INTO genres VALUES (28, 'Action'), (18, 'Drama')"))
        for number in range(1, movies + 1):
            document = {1: json.dumps(DOCUMENT), 2: None, 3: "[3]"}.get(number, json.dumps({"id": number}))
            connection.execute(
                text(
                    "INSERT INTO movies (id, title, adult, revenue, belongs_to_collection_id, raw, fetched_at) "
                    "VALUES (:id, :title, :adult, 3000000000, :collection, :raw, :fetched_at)"
                ),
                {
                    "id": number,
                    "title": f"Movie {number}",
                    "adult": False,
                    "collection": {1: 70, 2: 80}.get(number),
                    "raw": document,
                    "fetched_at": FETCHED_AT,
                },
            )
            connection.execute(
                text("INSERT INTO movie_genres VALUES (:id, 28, 1), (:id, 18, 0)"), {"id": number}
            )
        connection.execute(
            text(
                "INSERT INTO tmdb_failures VALUES ('movies', '/movie/1', '1', 'ServerError', 500, 11, 'No', 4, "
                "'1', :moment)"
            ),
            {"moment": FETCHED_AT},
        )
        for statement in statements:
            connection.exec_driver_sql(statement)


def rows_of_version_0(url: str) -> list[Any]:
    """All rows of the old tables, in their old columns."""
    wanted = {
        "genres": "id, name",
        "movies": "id, title, adult, revenue, belongs_to_collection_id, raw, fetched_at",
        "movie_genres": "movie_id, genre_id, position",
        "tmdb_failures": "kind, path, id, error, status_code, message, attempts, retryable, tried_at",
    }
    statements = [f"SELECT {columns} FROM {name} ORDER BY 1, 2" for name, columns in wanted.items()]  # noqa: S608
    return [select(url, statement) for statement in statements]


def version_of(url: str) -> list[Any]:
    return select(url, "SELECT version FROM tmdb_schema")


def shape(url: str) -> dict[str, Any]:
    """Columns, keys and indexes of all tables; columns in any order."""
    with transaction(url) as connection:
        inspector = inspect(connection)
        return {
            name: (
                sorted((c["name"], str(c["type"]), c["nullable"]) for c in inspector.get_columns(name)),
                inspector.get_pk_constraint(name)["constrained_columns"],
                sorted(
                    (key["constrained_columns"], key["referred_table"], str(key["options"]))
                    for key in inspector.get_foreign_keys(name)
                ),
                sorted((str(index["name"]), index["column_names"]) for index in inspector.get_indexes(name)),
            )
            for name in inspector.get_table_names()
        }


def test_a_new_database_has_the_version(sqlite_database: str) -> None:
    check_database(sqlite_database)
    check_database(sqlite_database)
    assert version_of(sqlite_database) == [(VERSION,)]


def test_version_0_is_brought_up_to_date(database: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "tmdbfusion_scrapy.storage.versions")
    fill(database)
    before = rows_of_version_0(database)
    check_database(database)
    check_database(database)
    assert rows_of_version_0(database) == before
    assert version_of(database) == [(VERSION,)]
    (said,) = [record.getMessage() for record in caplog.records if record.name.endswith(".versions")]
    assert f"is of version 0: bringing its tables to version {VERSION}, and reading 5 movies again" in said
    # What no call told yet is NULL.
    assert select(database, "SELECT count(*) FROM movies WHERE deleted_at IS NULL") == [(5,)]


def test_what_version_0_did_not_store_comes_from_the_documents(database: str) -> None:
    fill(database)
    check_database(database)
    assert select(database, "SELECT id, name, fetched_at FROM collections ORDER BY id") == [
        (70, "Numbers Collection", None),
        (80, None, None),
    ]
    assert select(
        database, "SELECT movie_id, name FROM movie_companies JOIN companies ON company_id = id"
    ) == [(1, "Counting House")]
    cast = "SELECT movie_id, character, name FROM movie_cast JOIN people ON people.id = person_id"
    assert select(database, cast) == [(1, "Herself", "Nine")]


def test_documents_that_do_not_fit_cost_only_themselves(sqlite_database: str) -> None:
    crew = [{"id": 2**70, "name": "Nobody", "job": "Director", "credit_id": "c2"}]
    document = json.dumps({"id": 4, "credits": {"crew": crew}})
    fill(sqlite_database)
    with transaction(sqlite_database) as connection:
        connection.execute(text("UPDATE movies SET raw = :raw WHERE id = 4"), {"raw": document})
    before = rows_of_version_0(sqlite_database)
    check_database(sqlite_database)
    assert rows_of_version_0(sqlite_database) == before
    assert select(sqlite_database, "SELECT person_id FROM movie_cast") == [(9,)]


VERSION_1 = (
    "DROP TABLE collection_images",
    "DROP TABLE collection_translations",
    "DROP TABLE company_images",
    "DROP TABLE network_images",
    *(
        f"ALTER TABLE {table} DROP COLUMN text_languages"
        for table in ("collections", "people", "movies", "tv_shows", "seasons", "episodes")
    ),
    *(f"ALTER TABLE tmdb_runs DROP COLUMN {column}" for column in ("export", "export_size", "language")),
    *(f"DROP INDEX ix_{table}_adult" for table in ("movies", "tv_shows", "people")),
    "UPDATE tmdb_schema SET version = 1",
)
"""What version 1 had not, beside 64 bits for ids in PostgreSQL."""


def fill_version_1(url: str) -> None:
    """Make a database of version 1 with two movies and what belongs to them."""
    engine = open_database(url)
    record = movie(1, **{name: value for name, value in DOCUMENT.items() if name != "id"})
    store_batch(engine, [(record, TRIED_AT), (movie(2), TRIED_AT)])
    engine.dispose()
    with transaction(url) as connection:
        connection.exec_driver_sql(
            "INSERT INTO tmdb_runs (spider, arguments, started_at) VALUES ('tmdb_movies', '{}', '2026-01-02')"
        )
        for statement in VERSION_1:
            connection.exec_driver_sql(statement)
        if connection.dialect.name != "postgresql":
            return
        inspector = inspect(connection)
        for name in inspector.get_table_names():
            for column in inspector.get_columns(name):
                is_id = column["name"] == "id" or column["name"].endswith("_id")
                if is_id and name != "tmdb_wanted" and str(column["type"]) == "BIGINT":
                    connection.exec_driver_sql(
                        f"ALTER TABLE {name} ALTER COLUMN {column['name']} TYPE INTEGER"
                    )


def all_rows(url: str) -> dict[str, Any]:
    """All rows of all tables, with the names of their columns."""
    with transaction(url) as connection:
        return {
            name: sorted(map(dict, connection.execute(text(f"SELECT * FROM {name}")).mappings()), key=str)  # noqa: S608
            for name in inspect(connection).get_table_names()
            if name != "tmdb_schema"
        }


def test_version_1_is_brought_up_to_date(database: str, caplog: pytest.LogCaptureFixture) -> None:
    check_database(database)
    new = shape(database)
    fill_version_1(database)
    before = all_rows(database)
    assert len(before["movies"]) == 2
    caplog.set_level(logging.INFO, "tmdbfusion_scrapy.storage.versions")
    check_database(database)
    check_database(database)
    assert shape(database) == new
    assert version_of(database) == [(VERSION,)]
    (said,) = [record.getMessage() for record in caplog.records if record.name.endswith(".versions")]
    assert said.endswith(f"is of version 1: bringing its tables to version {VERSION}. Nothing is lost")
    after = all_rows(database)
    for name, rows in before.items():
        assert [{key: row[key] for key in rows[0]} for row in after[name]] == rows
    engine = open_database(database)
    store_batch(engine, [(movie(2**40), TRIED_AT)])
    engine.dispose()
    assert select(database, "SELECT max(id) FROM movies") == [(2**40,)]


def test_a_view_that_holds_ids_of_32_bits_is_named(postgres_database: str) -> None:
    fill_version_1(postgres_database)
    with transaction(postgres_database) as connection:
        connection.exec_driver_sql("CREATE VIEW my_view AS SELECT id, title FROM movies")
    before = all_rows(postgres_database)
    with pytest.raises(ConfigurationError, match=r"table movies cannot .*used by a view.*: drop the views"):
        check_database(postgres_database)
    assert all_rows(postgres_database) == before
    assert version_of(postgres_database) == [(1,)]
    with transaction(postgres_database) as connection:
        connection.exec_driver_sql("DROP VIEW my_view")
    check_database(postgres_database)
    assert version_of(postgres_database) == [(VERSION,)]


def test_the_tables_are_those_of_a_new_database(database: str, tmp_path: Path, request: Any) -> None:
    fill(database)
    check_database(database)
    brought = shape(database)
    if database.startswith("sqlite"):
        check_database(f"sqlite:///{tmp_path}/new.db")
        assert brought == shape(f"sqlite:///{tmp_path}/new.db")
    else:
        with transaction(database) as connection:
            for name in inspect(connection).get_table_names():
                connection.exec_driver_sql(f"DROP TABLE {name} CASCADE")
        check_database(database)
        assert brought == shape(database)


def test_sqlite_enforces_foreign_keys_after_it(sqlite_database: str) -> None:
    fill(sqlite_database)
    engine = open_database(sqlite_database)
    with engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
        assert connection.exec_driver_sql("PRAGMA legacy_alter_table").scalar() == 0
        assert connection.exec_driver_sql("PRAGMA foreign_key_check").all() == []
        assert connection.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"
    engine.dispose()
    leftovers = "SELECT name FROM sqlite_master WHERE sql LIKE '%tmdb_new%'"
    assert select(sqlite_database, leftovers) == []


def test_a_database_that_was_brought_up_to_date_is_written_to(sqlite_database: str) -> None:
    fill(sqlite_database)
    engine = open_database(sqlite_database)
    collection = {"id": 71, "name": "Others Collection"}
    store_batch(engine, [(movie(2, belongs_to_collection=collection), TRIED_AT), (movie(9), TRIED_AT)])
    engine.dispose()
    assert select(sqlite_database, "SELECT id, belongs_to_collection_id FROM movies WHERE id IN (2, 9)") == [
        (2, 71),
        (9, None),
    ]


def test_what_a_user_added_stays(sqlite_database: str) -> None:
    fill(
        sqlite_database,
        "ALTER TABLE movies ADD COLUMN my_rating REAL DEFAULT 2.5",
        'ALTER TABLE movies ADD COLUMN "my note" TEXT',
        "ALTER TABLE movies ADD COLUMN tag",
        "UPDATE movies SET my_rating = 4.5, \"my note\" = 'seen' WHERE id = 1",
        "CREATE INDEX my_index ON movies (my_rating)",
        "CREATE VIEW my_view AS SELECT title FROM movies WHERE my_rating > 4",
        "CREATE TABLE seen (movie_id INTEGER REFERENCES movies (id) ON DELETE CASCADE)",
        "INSERT INTO seen VALUES (1)",
        "CREATE TRIGGER my_trigger AFTER DELETE ON movies BEGIN DELETE FROM seen; END",
    )
    check_database(sqlite_database)
    assert select(sqlite_database, 'SELECT id, my_rating, "my note", tag FROM movies WHERE id < 3') == [
        (1, 4.5, "seen", None),
        (2, 2.5, None, None),
    ]
    assert select(sqlite_database, "SELECT title FROM my_view") == [("Movie 1",)]
    assert select(sqlite_database, "SELECT movie_id FROM seen") == [(1,)]
    kept = "SELECT name FROM sqlite_master WHERE name LIKE 'my\\_%' ESCAPE '\\' ORDER BY name"
    assert select(sqlite_database, kept) == [("my_index",), ("my_trigger",), ("my_view",)]
    with transaction(sqlite_database) as connection:
        connection.exec_driver_sql("DELETE FROM movies WHERE id = 1")
    assert select(sqlite_database, "SELECT count(*) FROM seen") == [(0,)]


def test_a_computed_column_that_cannot_be_kept_is_named(sqlite_database: str) -> None:
    fill(sqlite_database, "ALTER TABLE movies ADD COLUMN millions AS (revenue / 1000000)")
    before = rows_of_version_0(sqlite_database)
    with pytest.raises(
        ConfigurationError, match=r"TMDB_DATABASE_URL.* computed column millions.*: drop that column"
    ):
        check_database(sqlite_database)
    assert rows_of_version_0(sqlite_database) == before
    assert sorted(shape(sqlite_database)) == sorted(FIRST_TABLES)


def test_what_a_user_added_stays_in_postgresql(postgres_database: str) -> None:
    fill(
        postgres_database,
        "ALTER TABLE movies ADD COLUMN my_rating REAL DEFAULT 2.5",
        "CREATE VIEW my_view AS SELECT title FROM movies WHERE my_rating > 2",
    )
    check_database(postgres_database)
    assert select(postgres_database, "SELECT count(*) FROM my_view") == [(5,)]


@pytest.mark.parametrize("statement", ["DROP TABLE movie_genres", "DROP INDEX ix_movie_genres_genre_id"])
def test_what_is_missing_is_added(sqlite_database: str, statement: str) -> None:
    fill(sqlite_database, statement)
    check_database(sqlite_database)
    index = "ix_movie_genres_genre_id"
    assert index in str(shape(sqlite_database)["movie_genres"])


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("CREATE TABLE people (id INTEGER PRIMARY KEY, phone TEXT)", "'people' is of another program"),
        ("ALTER TABLE genres ADD COLUMN slug TEXT NOT NULL DEFAULT ''", None),
        ("DROP TABLE genres; CREATE TABLE genres (name TEXT PRIMARY KEY)", "'genres' is of another program"),
    ],
)
def test_another_programs_table_beside_it_is_left_alone(
    sqlite_database: str, tmp_path: Path, statement: str, said: str | None
) -> None:
    fill(sqlite_database)
    execute_sqlite(tmp_path / "tmdb.db", *statement.split(";"))
    tables = "SELECT name, sql FROM sqlite_master ORDER BY name"
    before = select(sqlite_database, tables)
    if said is None:
        check_database(sqlite_database)
        return
    with pytest.raises(ConfigurationError, match=said):
        check_database(sqlite_database)
    assert select(sqlite_database, tables) == before


def test_a_newer_version_is_refused(sqlite_database: str) -> None:
    check_database(sqlite_database)
    with transaction(sqlite_database) as connection:
        connection.execute(text("UPDATE tmdb_schema SET version = :version"), {"version": VERSION + 2})
        # It may have other tables, too.
        connection.exec_driver_sql("DROP TABLE movie_cast")
    with pytest.raises(ConfigurationError) as refused:
        check_database(sqlite_database)
    message = str(refused.value)
    assert message.startswith("TMDB_DATABASE_URL=")
    assert f"version {VERSION + 2}, this one knows version {VERSION}" in message
    assert "pip install -U tmdbfusion-scrapy, or name another database" in message
    assert "movie_cast" not in shape(sqlite_database)


def test_two_crawls_open_an_old_database_at_once(database: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "tmdbfusion_scrapy.storage.versions")
    fill(database, movies=60)
    before = rows_of_version_0(database)
    together = threading.Barrier(3)
    errors: list[Exception] = []

    def crawl() -> None:
        together.wait()
        try:
            check_database(database)
        except Exception as error:  # noqa: BLE001 - the test looks at it
            errors.append(error)

    threads = [threading.Thread(target=crawl) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert rows_of_version_0(database) == before
    assert version_of(database) == [(VERSION,)]
    assert [record.name for record in caplog.records].count("tmdbfusion_scrapy.storage.versions") == 1


def test_a_file_that_is_being_brought_up_to_date_is_waited_for(sqlite_database: str, tmp_path: Path) -> None:
    # Statements give up after 0.05 seconds here; another crawl may take longer.
    fill(sqlite_database)
    errors: list[Exception] = []

    def crawl() -> None:
        try:
            check_database(sqlite_database)
        except Exception as error:  # noqa: BLE001 - the test looks at it
            errors.append(error)

    execute_sqlite(tmp_path / "tmdb.db", "PRAGMA journal_mode = WAL")
    with write_lock(tmp_path / "tmdb.db"):
        thread = threading.Thread(target=crawl)
        thread.start()
        thread.join(0.3)
        assert thread.is_alive()
    thread.join()
    assert errors == []
    assert version_of(sqlite_database) == [(VERSION,)]


KILLED = """
import os, signal, sys
from sqlalchemy import event
from sqlalchemy.engine import Engine
from tmdbfusion_scrapy.storage import check_database

@event.listens_for(Engine, "after_cursor_execute")
def kill(connection, cursor, statement, *rest):
    if statement.startswith(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)

check_database(sys.argv[1])
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("database", "statement"),
    [
        ("sqlite", "DROP TABLE movies"),
        ("sqlite", "INSERT INTO tmdb_schema"),
        ("postgresql", "INSERT INTO tmdb_schema"),
    ],
    indirect=["database"],
)
def test_a_crawl_that_is_killed_half_way_leaves_the_old_database(database: str, statement: str) -> None:
    fill(database)
    before = rows_of_version_0(database)
    command = [sys.executable, "-c", KILLED, parse_database_url(database).render_as_string(False), statement]
    ended = subprocess.run(command, check=False, capture_output=True, text=True)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    assert sorted(shape(database)) == sorted(FIRST_TABLES)
    assert rows_of_version_0(database) == before
    check_database(database)
    assert rows_of_version_0(database) == before
    assert set(metadata.tables) <= set(shape(database))
    assert version_of(database) == [(VERSION,)]
