"""``scrapy tmdb-query``."""

from __future__ import annotations

import csv
import io
import json
import sys
from typing import TYPE_CHECKING

import pytest

from tests.storage.conftest import postgres_schema
from tests.storage.database_access import select, sqlite_url
from tests.storage.library import LIBRARY, store
from tmdbfusion_scrapy.commands.command import grid
from tmdbfusion_scrapy.storage.queries import shipped_queries

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def sqlite_library(tmp_path_factory: pytest.TempPathFactory) -> str:
    url = sqlite_url(tmp_path_factory.mktemp("library") / "tmdb.db")
    store(url, LIBRARY)
    return url


@pytest.fixture(scope="module")
def postgres_library() -> Iterator[str]:
    with postgres_schema() as url:
        store(url, LIBRARY)
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def library(request: pytest.FixtureRequest) -> str:
    """A database of each kind with the library in it, for all tests: queries do not write."""
    url: str = request.getfixturevalue("sqlite_library" if request.param == "sqlite" else "postgres_library")
    return url


def test_a_query_of_the_package_is_printed_as_a_table(scrapy_command, library):
    finished = scrapy_command("tmdb-query", "seasons", TMDB_DATABASE_URL=library)
    assert (finished.status, finished.errors) == (0, "")
    assert finished.out == (
        "Season by season\n"
        "\n"
        "series          season  episodes  rating  best_episode\n"
        "--------------  ------  --------  ------  ------------\n"
        "Harbour Lights       1         3    7.75  Ebb\n"
        f"Harbour Lights       2         1  {'  9.0' if 'sqlite' in library else ' 9.00':>6}  Return\n"
        "\n"
        "2 rows.\n"
    )


@pytest.mark.parametrize("name", list(shipped_queries()))
def test_each_query_of_the_package_runs(scrapy_command, library, name):
    finished = scrapy_command("tmdb-query", name, "--json", TMDB_DATABASE_URL=library)
    assert (finished.status, finished.errors) == (0, "")
    assert json.loads(finished.out)


def test_a_value_is_changed(scrapy_command, library):
    finished = scrapy_command(
        "tmdb-query", "streaming", "-p", "country=DE", "--csv", TMDB_DATABASE_URL=library
    )
    assert list(csv.reader(io.StringIO(finished.out))) == [
        ["provider", "kind", "title"],
        ["Flixo", "movie", "The Tin Orbit"],
    ]


def test_no_rows_say_what_to_change(scrapy_command, sqlite_library):
    finished = scrapy_command("tmdb-query", "actor", "-p", "name=Nobody", TMDB_DATABASE_URL=sqlite_library)
    assert finished.status == 0
    assert "No rows." in finished.lines
    assert "scrapy tmdb-query actor -p name='Tom Hanks'" in finished.out.replace("\n", " ")
    assert "aggregate_credits of series" in finished.out.replace("\n", " ")


def test_the_list_names_all_queries_and_their_values(scrapy_command):
    finished = scrapy_command("tmdb-query", "--list")
    assert finished.status == 0
    assert [line.split()[0] for line in finished.lines[1:11]] == list(shipped_queries())
    assert "-p name='Tom Hanks'" in finished.out


def test_a_file_and_its_values(scrapy_command, library, tmp_path):
    file = tmp_path / "mine.sql"
    file.write_text(
        "-- Long movies\nSELECT title, runtime FROM movies WHERE runtime >= :least ORDER BY title LIMIT :most;\n"
    )
    arguments = ("tmdb-query", str(file), "--json", "-p", "most=2")
    finished = scrapy_command(*arguments, "-p", "least=121", TMDB_DATABASE_URL=library)
    assert (finished.status, finished.errors) == (0, "")
    found = json.loads(finished.out)
    assert [list(row) for row in found] == [["title", "runtime"]] * len(found)
    assert found
    assert all(row["runtime"] >= 121 for row in found)
    finished = scrapy_command(*arguments, TMDB_DATABASE_URL=library)
    assert finished.status == 1
    assert "-p least=" in finished.errors
    finished = scrapy_command(*arguments, "-p", "other=1", TMDB_DATABASE_URL=library)
    assert "no value 'other' to change: it takes least, most" in finished.errors


def test_standard_input(scrapy_command, sqlite_library, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO("SELECT 1 AS n, 2 AS n, 'ü' AS letter"))
    finished = scrapy_command("tmdb-query", "-", "--json", TMDB_DATABASE_URL=sqlite_library)
    assert json.loads(finished.out) == [{"n": 1, "n_2": 2, "letter": "ü"}]


WRITING = [
    "DELETE FROM movies",
    "INSERT INTO genres (id, name) VALUES (1, 'x')",
    "UPDATE movies SET title = 'x'",
    "DROP TABLE movies",
    "CREATE TABLE mine (id INTEGER)",
    "CREATE TEMPORARY TABLE mine (id INTEGER)",
    "WITH gone AS (DELETE FROM movie_genres RETURNING 1) SELECT * FROM gone",
    "SELECT 1; DELETE FROM movies",
    "COMMIT; DELETE FROM movies",
    "ATTACH 'other.db' AS other",
    "PRAGMA query_only = OFF",
    "SET TRANSACTION READ WRITE",
    "SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE; DELETE FROM movies",
    "VACUUM",
    "BEGIN",
]


@pytest.mark.parametrize("statement", WRITING)
def test_a_query_that_would_write_is_refused(scrapy_command, library, statement, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = select(library, "SELECT count(*), min(title) FROM movies")
    (tmp_path / "mine.sql").write_text(statement)
    finished = scrapy_command("tmdb-query", "mine.sql", TMDB_DATABASE_URL=library)
    assert finished.status == 1
    assert finished.out == ""
    assert finished.errors.startswith("scrapy tmdb-query: mine.sql ")
    assert "use one SELECT" in finished.errors
    assert "Traceback" not in finished.errors
    assert select(library, "SELECT count(*), min(title) FROM movies") == before
    assert not (tmp_path / "other.db").exists()


@pytest.mark.parametrize(
    ("arguments", "settings", "status", "said"),
    [
        (["nothing"], {}, 1, ["no query and no file 'nothing'", "grossing, actor"]),
        (["grossing", "-p", "x=1"], {}, 1, ["no value 'x'", "takes none"]),
        (["empty.sql"], {}, 1, ["empty.sql: there is no query in it"]),
        (["odd.sql"], {}, 1, ["odd.sql cannot be answered", "nowhere"]),
        (
            ["grossing"],
            {"TMDB_DATABASE_URL": "sqlite:///none.db"},
            1,
            ["there is no such file", "nothing was"],
        ),
        ([], {}, 2, ["the name of a query is missing: --list shows them"]),
        (["grossing", "--limit", "0"], {}, 2, ["--limit 0"]),
        (["grossing", "-p", "x"], {}, 2, ["-p NAME=VALUE"]),
        (["grossing", "teams"], {}, 2, ["unrecognized arguments: teams"]),
    ],
)
def test_what_cannot_be_done_is_said(
    scrapy_command, sqlite_library, tmp_path, monkeypatch, arguments, settings, status, said
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty.sql").write_text("-- nothing\n;")
    (tmp_path / "odd.sql").write_text("SELECT * FROM nowhere")
    finished = scrapy_command("tmdb-query", *arguments, **{"TMDB_DATABASE_URL": sqlite_library, **settings})
    assert finished.status == status
    for part in said:
        assert part in finished.errors + finished.out
    assert not (tmp_path / "none.db").exists()


def test_a_table_is_as_wide_as_the_terminal():
    names, row = ["title", "other", "number"], ["映画の題名がとても長いとき", "x" * 60, "3"]

    def lines(width):
        return list(grid(names, [row], right=[2], width=width))

    assert lines(40)[1:] == ["-" * 15 + "  " + "-" * 15 + "  ------", f"映画の題名がと…  {'x' * 14}…       3"]
    assert lines(None)[1] == "-" * 26 + "  " + "-" * 60 + "  ------"
    # No room for a table: each row in lines of its own.
    assert lines(20) == ["title   映画の題名 …", "other   xxxxxxxxxxx…", "number  3", ""]


def test_more_rows_than_a_table_shows(scrapy_command, sqlite_library, monkeypatch):
    statement = (
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300) SELECT i FROM n"
    )
    for options, count in (([], 100), (["--limit", "7"], 7), (["--limit", "300"], 300)):
        monkeypatch.setattr(sys, "stdin", io.StringIO(statement))
        finished = scrapy_command("tmdb-query", "-", *options, TMDB_DATABASE_URL=sqlite_library)
        assert sum(line.strip().isdecimal() for line in finished.lines) == count
        assert ("--limit N gives more" in finished.out) == (count < 300)
