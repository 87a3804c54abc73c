"""``scrapy tmdb-prune``."""

from __future__ import annotations

import asyncio
import io
import os
import pty
import sqlite3
import subprocess
import sys
from datetime import datetime, timedelta, timezone

import pytest

from tests.commands.spiders import MoviesSpider
from tests.coroutines import coroutine_test
from tests.crawling.crawls import crawl, rows, settings_of
from tests.crawling.test_project import TOKEN, copy_of_the_project, environment
from tests.storage.database_access import select
from tests.storage.library import MOVIES, SERIES, VALE, movie
from tmdbfusion_scrapy.storage.batches import store_batch
from tmdbfusion_scrapy.storage.database import reopen_database

NOW = datetime.now(timezone.utc)


def fill(url, *items):
    """Store items by how many days ago they were fetched."""
    engine = reopen_database(url)
    for days, records in items:
        store_batch(engine, [(record, NOW - timedelta(days=days)) for record in records])
    engine.dispose()
    return url


@pytest.fixture
def aged(database_with_tables):
    """A database of each kind with old movies and a new series."""
    return fill(database_with_tables, (181, MOVIES), (179, [SERIES]))


def count(url, table):
    return select(url, f"SELECT count(*) FROM {table}")[0][0]  # noqa: S608


def test_it_counts_and_changes_nothing_unless_told_to(scrapy_command, aged):
    for options in ([], ["--dry-run"], ["--dry-run", "--delete", "--yes"], ["--dry-run", "--refetch"]):
        finished = scrapy_command("tmdb-prune", *options, TMDB_DATABASE_URL=aged)
        assert (finished.status, finished.errors) == (0, "")
        assert finished.lines[1].split("  ")[0] == "TABLE"
        table, records, parts, *_ = finished.lines[2].split()
        assert (table, records) == ("movies", str(len(MOVIES)))
        assert int(parts) > len(MOVIES)
        assert "scrapy tmdb-prune --delete" in finished.out
        assert "  scrapy crawl movies -a source=stale -a days=180" in finished.lines
        assert count(aged, "movies") == len(MOVIES)


def test_it_deletes_and_says_what(scrapy_command, aged):
    finished = scrapy_command("tmdb-prune", "--delete", "--yes", TMDB_DATABASE_URL=aged)
    assert (finished.status, finished.errors) == (0, "")
    told = {line.split()[0]: line.split()[1] for line in finished.lines if len(line.split()) == 2}
    assert told["movies"] == str(len(MOVIES))
    assert count(aged, "movies") == count(aged, "movie_cast") == 0
    assert count(aged, "tv_shows") == 1
    assert select(aged, "SELECT name FROM people") == [("Tom Hanks",)]
    finished = scrapy_command("tmdb-prune", "--delete", "--yes", TMDB_DATABASE_URL=aged)
    assert "Nothing was fetched more than 180 days ago" in finished.out
    assert "Nothing was deleted." in finished.lines


def test_another_age(scrapy_command, aged):
    finished = scrapy_command("tmdb-prune", "--older-than", "10", TMDB_DATABASE_URL=aged)
    assert "tv_shows" in finished.out
    assert "--delete --older-than 10" in finished.out
    finished = scrapy_command("tmdb-prune", "--older-than", "1000", TMDB_DATABASE_URL=aged)
    assert finished.out.startswith("Nothing was fetched more than 1000 days ago")


def test_nobody_to_ask_needs_a_yes(scrapy_command, aged, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    finished = scrapy_command("tmdb-prune", "--delete", TMDB_DATABASE_URL=aged)
    assert finished.status == 1
    assert "add --yes" in finished.errors
    assert count(aged, "movies") == len(MOVIES)


@pytest.mark.parametrize(("answer", "left"), [("y\n", 0), ("n\n", len(MOVIES)), ("\n", len(MOVIES))])
def test_it_asks_in_a_terminal(scrapy_command, sqlite_with_tables, monkeypatch, answer, left):
    url = fill(sqlite_with_tables, (200, MOVIES))
    ours, theirs = pty.openpty()
    with os.fdopen(theirs) as terminal:
        monkeypatch.setattr(sys, "stdin", terminal)
        os.write(ours, answer.encode())
        finished = scrapy_command("tmdb-prune", "--delete", TMDB_DATABASE_URL=url)
    os.close(ours)
    assert f"Delete {len(MOVIES)} records, and what nothing names any more? [y/N]" in finished.out
    assert finished.status == 0
    assert count(url, "movies") == left


def test_stored_images_of_what_is_deleted_go(scrapy_command, sqlite_with_tables, tmp_path):
    url = fill(sqlite_with_tables, (200, [movie(1, "Old", VALE)]), (1, [movie(2, "New", VALE)]))
    store = tmp_path / "images"
    for key in (1, 2):
        (store / "movies" / str(key)).mkdir(parents=True)
        for name in ("w500.jpg", "w500.source", "backdrop-w1280.png", "backdrop-w1280.source"):
            (store / "movies" / str(key) / name).write_bytes(b"x")
    (store / "movies" / "1" / "mine.txt").write_bytes(b"x")
    finished = scrapy_command(
        "tmdb-prune", "--delete", "--yes", TMDB_DATABASE_URL=url, IMAGES_STORE=str(store)
    )
    assert "(images)" in finished.out
    assert [path.name for path in (store / "movies" / "1").iterdir()] == ["mine.txt"]
    assert len(list((store / "movies" / "2").iterdir())) == 4


def test_images_elsewhere_are_not_deleted_and_that_is_said(scrapy_command, sqlite_with_tables):
    url = fill(sqlite_with_tables, (200, [movie(1, "Old", VALE)]))
    finished = scrapy_command(
        "tmdb-prune", "--delete", "--yes", TMDB_DATABASE_URL=url, IMAGES_STORE="ftp://me:secret@host/x"
    )
    assert "Images in the store at ftp:// are not deleted" in finished.out
    assert "secret" not in finished.out


class ProjectSpider(MoviesSpider):
    """Spider of the example project, by its name."""

    name = "tmdb_movies"


@coroutine_test
async def test_it_fetches_again(tmp_path, tmdb_sandbox):
    project = copy_of_the_project(tmp_path / "project")
    database = {"TMDB_DATABASE_URL": f"sqlite:///{project / 'tmdb.db'}"}
    settings = settings_of(tmdb_sandbox.base_url, **database)
    await crawl(ProjectSpider, settings, ids="1,2,3,4", append="keywords")
    with sqlite3.connect(project / "tmdb.db") as connection:
        connection.execute("UPDATE movies SET fetched_at = '2020-01-01 00:00:00.000000' WHERE id < 4")
        # TMDB does not have this one any more: it is not asked for again.
        connection.execute("UPDATE movies SET deleted_at = '2020-01-02 00:00:00.000000' WHERE id = 3")
    connection.close()
    options = ["-s", f"TMDB_API_URL={tmdb_sandbox.base_url}", "-s", "TMDB_REQUESTS_PER_SECOND=0"]
    finished = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "scrapy", "tmdb-prune", "--refetch", *options],
        cwd=project, env=environment(**TOKEN), capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert finished.returncode == 0, finished.stderr
    assert "scrapy crawl tmdb_movies -a source=stale -a days=180 -a append=keywords" in finished.stdout
    assert "Left: 1 movies." in finished.stdout
    asked = [dict(seen.query) for seen in tmdb_sandbox.requests if seen.path == "/3/movie/2"]
    assert asked == [{"append_to_response": "keywords"}] * 2
    assert rows("SELECT id FROM movies WHERE fetched_at LIKE '2020%'", project / "tmdb.db") == [(3,)]


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["--older-than", "0"], 2, "--older-than 0: use a number of days from 1"),
        (["--delete", "--refetch"], 2, "not allowed with"),
        (["--delete", "--yes"], 1, "there is no such file"),
    ],
)
def test_what_cannot_be_done_is_said(scrapy_command, tmp_path, monkeypatch, arguments, status, said):
    monkeypatch.chdir(tmp_path)
    finished = scrapy_command("tmdb-prune", *arguments, TMDB_DATABASE_URL="sqlite:///none.db")
    assert finished.status == status
    assert said in finished.errors + finished.out
    assert not (tmp_path / "none.db").exists()
