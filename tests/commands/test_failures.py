"""``scrapy tmdb-failures``."""

from __future__ import annotations

import csv
import json
from datetime import timedelta

import pytest

from tests.storage.database_access import TRIED_AT, execute_sqlite, failed_call, select, write_lock
from tmdbfusion_scrapy.commands.command import TMDBCommand
from tmdbfusion_scrapy.storage.batches import store_batch
from tmdbfusion_scrapy.storage.database import reopen_database

GONE = failed_call(1)
BUSY = failed_call(
    2,
    error="ServerError",
    status_code=503,
    tmdb_code=46,
    message="The API is undergoing maintenance. Try again later.",
    attempts=3,
    retryable=True,
    tried_at=TRIED_AT + timedelta(minutes=5),
)
PERSON = failed_call(7, kind="people", path="/person/7", tried_at=TRIED_AT + timedelta(minutes=1))
PAGE = failed_call(
    kind="discover",
    id=None,
    path="/discover/movie?page=3",
    error="ServerError",
    status_code=None,
    tmdb_code=None,
    message="ReadTimeout",
    retryable=True,
    tried_at=TRIED_AT + timedelta(minutes=9),
)
OUTSIDE = failed_call(kind=None, id=None, path="/movie/5/odd?page=1", tried_at=TRIED_AT - timedelta(days=1))
ALL = [PAGE, BUSY, PERSON, GONE, OUTSIDE]
"""The newest first."""


def fill(url, *failures):
    engine = reopen_database(url)
    store_batch(engine, [(failure, failure.tried_at) for failure in failures])
    engine.dispose()
    return url


@pytest.fixture
def failures(sqlite_with_tables):
    return fill(sqlite_with_tables, *reversed(ALL))


@pytest.fixture
def failures_anywhere(database_with_tables):
    """The same in a database of each kind."""
    return fill(database_with_tables, *reversed(ALL))


def exported(path):
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def test_they_are_listed_the_newest_first(scrapy_command, failures_anywhere):
    finished = scrapy_command("tmdb-failures", TMDB_DATABASE_URL=failures_anywhere)
    assert (finished.status, finished.errors) == (0, "")
    assert all(len(line) <= 80 for line in finished.lines)
    head = [line for line in finished.lines if line[:4].isdigit()]
    assert [line.split() for line in head] == [
        ["2026-11-20", "10:39", "discover", "-", "ServerError", "-", "temporary"],
        ["2026-11-20", "10:35", "movies", "2", "ServerError", "503", "temporary"],
        ["2026-11-20", "10:31", "people", "7", "NotFoundError", "404", "permanent"],
        ["2026-11-20", "10:30", "movies", "1", "NotFoundError", "404", "permanent"],
        ["2026-11-19", "10:30", "-", "-", "NotFoundError", "404", "permanent"],
    ]
    # Cells stand under each other.
    assert len({line.index("Error") - line.split()[4].index("Error") for line in head}) == 1
    assert "  /movie/2: The API is undergoing maintenance. Try again later. (3 tries)" in finished.lines
    assert "5 failures: 2 temporary, 3 permanent." in finished.lines


def test_how_to_try_again_is_said_by_kind(scrapy_command, failures):
    finished = scrapy_command("tmdb-failures", TMDB_DATABASE_URL=failures)
    assert "  scrapy crawl movies -a source=failed  2 failures of movies" in finished.lines
    # No spider of the project crawls people.
    assert "people" not in finished.out.partition("Try again, and")[2]
    assert "3 failures of lists, pages or parts" in finished.out
    assert "Permanent ones will fail again" in finished.out


def test_without_a_spider_for_them_a_name_is_left_open(scrapy_command, failures):
    finished = scrapy_command("tmdb-failures", TMDB_DATABASE_URL=failures, SPIDER_MODULES=[])
    assert "scrapy crawl <spider> -a source=failed" in finished.out


def test_a_limit_says_that_there_are_more(scrapy_command, failures):
    finished = scrapy_command("tmdb-failures", "--limit", "2", TMDB_DATABASE_URL=failures)
    assert "/movie/2" in finished.out
    assert "/person/7" not in finished.out
    assert "The newest 2 are shown: --limit 5 or" in finished.out


def test_groups(scrapy_command, failures_anywhere):
    more = failed_call(9, tried_at=TRIED_AT + timedelta(hours=1))
    fill(failures_anywhere, more)
    finished = scrapy_command("tmdb-failures", "--group", TMDB_DATABASE_URL=failures_anywhere)
    assert finished.status == 0
    assert [line.split() for line in finished.lines[1:6]] == [
        ["2", "movies", "NotFoundError", "404", "permanent", "2026-11-20", "11:30"],
        ["1", "-", "NotFoundError", "404", "permanent", "2026-11-19", "10:30"],
        ["1", "discover", "ServerError", "-", "temporary", "2026-11-20", "10:39"],
        ["1", "movies", "ServerError", "503", "temporary", "2026-11-20", "10:35"],
        ["1", "people", "NotFoundError", "404", "permanent", "2026-11-20", "10:31"],
    ]
    assert "6 failures: 2 temporary, 4 permanent." in finished.lines


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ([], ALL),
        (["--limit", "2"], ALL[:2]),
        (["--kind", "movies"], [BUSY, GONE]),
        (["--kind", "movies", "--kind", "people"], [BUSY, PERSON, GONE]),
        (["--kind", "-"], [OUTSIDE]),
        (["--error", "ServerError"], [PAGE, BUSY]),
        (["--permanent"], [PERSON, GONE, OUTSIDE]),
        (["--temporary"], [PAGE, BUSY]),
        (["--temporary", "--kind", "movies"], [BUSY]),
    ],
)
def test_filters(scrapy_command, sqlite_with_tables, tmp_path, options, wanted):
    url = fill(sqlite_with_tables, *ALL)
    finished = scrapy_command("tmdb-failures", "--export", "f.jsonl", *options, TMDB_DATABASE_URL=url)
    assert finished.status == 0
    assert finished.out == f"Wrote {len(wanted)} failure{'s' * (len(wanted) != 1)} to f.jsonl\n"
    assert [row["path"] for row in exported(tmp_path / "f.jsonl")] == [failure.path for failure in wanted]


def test_all_columns_are_exported(scrapy_command, failures_anywhere, tmp_path):
    for name in ("f.csv", "f.jsonl", "f.json"):
        assert (
            scrapy_command("tmdb-failures", "--export", name, TMDB_DATABASE_URL=failures_anywhere).status == 0
        )
    rows = exported(tmp_path / "f.jsonl")
    assert rows[0] == {
        "kind": "discover",
        "path": "/discover/movie?page=3",
        "id": None,
        "error": "ServerError",
        "status_code": None,
        "tmdb_code": None,
        "message": "ReadTimeout",
        "attempts": 1,
        "retryable": True,
        "tried_at": "2026-11-20T10:39:00.250000+00:00",
    }
    assert json.loads((tmp_path / "f.json").read_text("utf-8")) == rows
    with (tmp_path / "f.csv").open(encoding="utf-8", newline="") as file:
        in_csv = list(csv.DictReader(file))
    as_text = [
        {
            name: "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
            for name, value in row.items()
        }
        for row in rows
    ]
    assert in_csv == as_text
    assert sorted(
        path.name for path in tmp_path.iterdir() if path.suffix != ".db" and "db-" not in path.name
    ) == [
        "f.csv",
        "f.json",
        "f.jsonl",
    ]


def test_formulas_in_csv_are_escaped_where_it_is_wanted(scrapy_command, sqlite_with_tables, tmp_path):
    """What a server said is anyone's text."""
    message = '=HYPERLINK("http://a.example")'
    url = fill(sqlite_with_tables, failed_call(1, message=message))
    for settings, expected in (({}, message), ({"TMDB_CSV_ESCAPE_FORMULAS": "True"}, f"'{message}")):
        finished = scrapy_command("tmdb-failures", "--export", "f.csv", TMDB_DATABASE_URL=url, **settings)
        assert finished.status == 0
        with (tmp_path / "f.csv").open(newline="") as file:
            (row,) = csv.DictReader(file)
        assert (row["message"], row["path"]) == (expected, "/movie/1")
        finished = scrapy_command("tmdb-failures", "--export", "f.json", TMDB_DATABASE_URL=url, **settings)
        assert json.loads((tmp_path / "f.json").read_text())[0]["message"] == message
    finished = scrapy_command(
        "tmdb-failures", "--export", "f.csv", TMDB_DATABASE_URL=url, TMDB_CSV_ESCAPE_FORMULAS="perhaps"
    )
    assert finished.status == 1
    assert "TMDB_CSV_ESCAPE_FORMULAS is 'perhaps'" in finished.errors


def test_an_export_replaces_the_file_before_it(scrapy_command, sqlite_with_tables, tmp_path):
    (tmp_path / "f.json").write_text("old")
    url = fill(sqlite_with_tables)
    assert scrapy_command("tmdb-failures", "--export", "f.json", TMDB_DATABASE_URL=url).status == 0
    assert json.loads((tmp_path / "f.json").read_text("utf-8")) == []


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--export", "f.xls"], "ends in .csv, .jsonl, .json"),
        (["--limit", "0"], "--limit 0: use a whole number from 1"),
        (["--group", "--limit", "3"], "leave --export and --limit out"),
        (["--permanent", "--temporary"], "not allowed with"),
        (["--permanant"], "--permanant"),
        (["movies"], "unrecognized arguments: movies"),
    ],
)
def test_options_that_cannot_be_used(scrapy_command, options, words):
    finished = scrapy_command("tmdb-failures", *options)
    assert finished.status == 2
    assert words in finished.errors


def test_no_failures(scrapy_command, sqlite_with_tables):
    url = fill(sqlite_with_tables)
    finished = scrapy_command("tmdb-failures", TMDB_DATABASE_URL=url)
    assert (finished.status, finished.out, finished.errors) == (0, "No failures.\n", "")


def test_none_of_this_kind(scrapy_command, sqlite_with_tables):
    url = fill(sqlite_with_tables, *ALL)
    finished = scrapy_command("tmdb-failures", "--kind", "keywords", TMDB_DATABASE_URL=url)
    assert (finished.status, finished.out) == (0, "No such failures; 5 others stand there.\n")


def test_a_database_that_is_not_there_is_not_made(scrapy_command, tmp_path):
    finished = scrapy_command("tmdb-failures", "-s", "TMDB_DATABASE_URL=sqlite:///none.db")
    assert (finished.status, finished.out) == (1, "")
    assert "TMDB_DATABASE_URL=sqlite:///none.db: there is no such file" in finished.errors
    assert not list(tmp_path.iterdir())


def test_a_database_of_another_program(scrapy_command, tmp_path):
    execute_sqlite(tmp_path / "other.db", "CREATE TABLE movies (id INTEGER)")
    before = (tmp_path / "other.db").read_bytes()
    finished = scrapy_command("tmdb-failures", TMDB_DATABASE_URL="sqlite:///other.db")
    assert finished.status == 1
    assert "has no tables of a crawl" in finished.errors
    assert (tmp_path / "other.db").read_bytes() == before


def test_a_file_that_is_no_database(scrapy_command, tmp_path):
    (tmp_path / "tmdb.db").write_text("something else, and long enough to be looked at" * 20)
    finished = scrapy_command("tmdb-failures")
    assert finished.status == 1
    assert "cannot be read: file is not a database" in finished.errors


@pytest.mark.parametrize(("version", "words"), [("99", "newer version"), ("0", "older version")])
def test_a_database_of_another_version(scrapy_command, sqlite_with_tables, tmp_path, version, words):
    fill(sqlite_with_tables)
    execute_sqlite(tmp_path / "tmdb.db", f"UPDATE tmdb_schema SET version = {version}")  # noqa: S608
    finished = scrapy_command("tmdb-failures", TMDB_DATABASE_URL=sqlite_with_tables)
    assert finished.status == 1
    assert words in finished.errors


def test_a_password_is_not_shown(scrapy_command):
    url = "postgresql://somebody:geheim@127.0.0.1:1/tmdb"
    finished = scrapy_command("tmdb-failures", TMDB_DATABASE_URL=url)
    assert finished.status == 1
    assert "postgresql://somebody:***@127.0.0.1:1/tmdb cannot be read" in finished.errors
    assert "geheim" not in finished.out + finished.errors


def test_what_a_server_said_cannot_move_the_cursor(scrapy_command, sqlite_with_tables):
    url = fill(sqlite_with_tables, failed_call(message="\x1b[2Jcleared\r\nand a second line " + "x" * 500))
    finished = scrapy_command("tmdb-failures", TMDB_DATABASE_URL=url)
    assert "\x1b" not in finished.out
    assert "\r" not in finished.out
    assert "  /movie/1:  [2Jcleared" in finished.out
    assert all(len(line) <= 80 for line in finished.lines)


def test_a_file_that_cannot_be_written(scrapy_command, failures):
    finished = scrapy_command("tmdb-failures", "--export", "missing/f.csv", TMDB_DATABASE_URL=failures)
    assert (finished.status, finished.out) == (1, "")
    assert finished.errors == "scrapy tmdb-failures: cannot write missing/f.csv: No such file or directory\n"


def test_they_can_be_read_while_a_crawl_writes(scrapy_command, sqlite_with_tables, tmp_path):
    url = fill(sqlite_with_tables, *ALL)
    with write_lock(tmp_path / "tmdb.db"):
        finished = scrapy_command("tmdb-failures", "--group", TMDB_DATABASE_URL=url)
    assert finished.status == 0
    assert "5 failures" in finished.out
    assert select(url, "SELECT count(*) FROM tmdb_failures") == [(5,)]


def test_no_command_lets_a_terminal_obey_a_text(capsys):
    class Saying(TMDBCommand):
        name = "saying"

        def short_desc(self):
            return "Say something"

        def run(self, args, opts):
            """Nothing: what is said is said by the test."""

    command = Saying()
    command.say(["two\nlines", "\x1b[31mred\x9b\x07\u202e"])
    command.fail("what\x1b]0;title\x07 \r failed")
    said = capsys.readouterr()
    assert said.out == "two\nlines\n [31mred   \n"
    assert said.err == "scrapy saying: what ]0;title    failed\n"
