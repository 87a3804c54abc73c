"""Images of records that are stored: those that a killed crawl left, and those of a whole mirror."""

from __future__ import annotations

import logging
import random
import signal
import sqlite3
import subprocess
import time
from contextlib import closing
from pathlib import Path

import pytest

from tests.coroutines import coroutine_test
from tests.crawling.crawls import crawl, failure_rows, rows, settings_of
from tests.crawling.test_mirror import BEFORE, EXPORT, Movies, People, Series
from tests.scrapy_program import scrapy_program
from tmdbfusion_scrapy.sandbox import SandboxOptions, ThreadedSandbox

PROJECT = Path(__file__).parents[2] / "example_project"
IMAGES = {"TMDB_IMAGES": "poster", "IMAGES_STORE": "images", "TMDB_IMAGES_REQUESTS_PER_SECOND": 0}


@pytest.fixture
def sandbox(tmdb_sandbox_factory):
    return tmdb_sandbox_factory(movies=60, series=20, people=60, today=BEFORE)


@pytest.fixture
def settings(sandbox, tmp_path, caplog):
    caplog.set_level(logging.INFO)
    (tmp_path / "scrapy.cfg").write_text("[settings]\n")
    return settings_of(
        sandbox.base_url, TMDB_EXPORTS_URL=sandbox.exports_url, TMDB_IMAGES_URL=sandbox.images_url
    )


def files(kind="movies", name="w500", folder="."):
    """Ids of the records of which there is an image."""
    return {int(path.parent.name) for path in Path(folder, "images", kind).glob(f"*/{name}.*g")}


def with_image(kind="movies", column="poster_path", folder="."):
    """Ids of the stored records that have one."""
    query = (
        f"SELECT id FROM {kind} WHERE fetched_at IS NOT NULL AND deleted_at IS NULL AND {column} IS NOT NULL"  # noqa: S608
    )
    return {key for (key,) in rows(query, Path(folder, "tmdb.db"))}


@pytest.mark.parametrize("raw", [True, False])
@coroutine_test
async def test_the_images_of_a_mirror_that_exists(sandbox, settings, caplog, raw):
    settings["TMDB_STORE_RAW"] = raw
    await crawl(Movies, settings, **EXPORT)
    await crawl(People, settings, **EXPORT)
    before = rows("SELECT id, fetched_at, raw FROM movies")
    sandbox.clear()
    ended = await crawl(Movies, {**settings, **IMAGES}, source="images")
    assert files() == with_image() != set()
    assert ended.stats["tmdb/images/request_count"] == len(files())
    assert f"Images: {len(files())} stored, 0 were there, 0 did not come" in caplog.messages
    await crawl(People, {**settings, **IMAGES, "TMDB_IMAGES": ["profile"]}, source="images")
    assert files("people", "h632") == with_image("people", "profile_path") != set()
    # No record was asked for, or written.
    assert {seen.path.split("/")[1] for seen in sandbox.requests} == {"t"}
    assert rows("SELECT id, fetched_at, raw FROM movies") == before
    again = await crawl(Movies, {**settings, **IMAGES}, source="images")
    assert "tmdb/images/request_count" not in again.stats
    assert again.stats["tmdb/images/known_count"] == len(files())
    assert rows("SELECT count(*) FROM tmdb_runs WHERE finished_at IS NULL") == [(0,)]


@coroutine_test
async def test_the_images_of_seasons_and_episodes_of_a_mirror_as_in_a_crawl(settings):
    settings = {**settings, **IMAGES, "TMDB_IMAGES": ["poster", "still"]}
    await crawl(Series, {**settings, "TMDB_IMAGES": None}, limit="5", **EXPORT)
    await crawl(Series, settings, source="images")
    assert files("tv_shows") == with_image("tv_shows") != set()
    assert files("seasons") == files("episodes", "w300") == set()
    await crawl(Series, {**settings, "TMDB_IMAGES_SEASONS": True}, source="images")
    for kind, column, name in (("seasons", "poster_path", "w500"), ("episodes", "still_path", "w300")):
        query = f"SELECT id FROM {kind} WHERE {column} IS NOT NULL"  # noqa: S608
        assert files(kind, name) == {key for (key,) in rows(query)} != set()


@coroutine_test
async def test_no_images_of_what_is_deleted_or_only_named_or_over_the_limit(sandbox, settings):
    await crawl(Movies, settings, **EXPORT)
    gone, *others = sorted(with_image())
    with closing(sqlite3.connect("tmdb.db")) as connection, connection:
        connection.execute("UPDATE movies SET deleted_at = fetched_at WHERE id = ?", (gone,))
        connection.execute("UPDATE movies SET fetched_at = NULL WHERE id = ?", (others[0],))
    await crawl(Movies, {**settings, **IMAGES}, source="images", limit="5")
    first = [key for (key,) in rows("SELECT id FROM movies WHERE id NOT IN (?, ?)", given=(gone, others[0]))]
    assert files() == set(sorted(first)[:5]) & set(others[1:])
    await crawl(Movies, {**settings, **IMAGES}, source="images")
    assert files() == set(others[1:])


@coroutine_test
async def test_an_image_that_came_is_no_failure_any_more(sandbox, settings):
    await crawl(Movies, settings, **EXPORT)
    sandbox.fail_next(404, times=10**6, path="t/p/*")
    await crawl(Movies, {**settings, **IMAGES}, source="images")
    wanted = with_image()
    assert {int(row[1]) for row in failure_rows()} == wanted
    assert files() == set()
    sandbox.clear()
    await crawl(Movies, {**settings, **IMAGES}, source="images")
    assert files() == wanted
    assert failure_rows() == []


@coroutine_test
async def test_what_source_images_needs(settings):
    for spider, changed, message in (
        (Movies, {}, "set TMDB_IMAGES and IMAGES_STORE"),
        (
            Movies,
            {**IMAGES, "ITEM_PIPELINES": {"tmdbfusion_scrapy.storage.SQLPipeline": None}},
            "leave SQLPipeline in ITEM_PIPELINES",
        ),
    ):
        ended = await crawl(
            spider, {**settings, **changed}, finish_reason="tmdb_source_failed", errors=1, source="images"
        )
        assert "tmdb/request_count" not in ended.stats, message


class KilledCrawl:
    """The crawl of an export in a process of its own, as a user starts it."""

    def __init__(self, sandbox, folder, rate, spider="tmdb_movies"):
        self.folder = folder
        settings = {
            "TMDB_API_URL": sandbox.base_url,
            "TMDB_EXPORTS_URL": sandbox.exports_url,
            "TMDB_IMAGES_URL": sandbox.images_url,
            "TMDB_ACCESS_TOKEN": "sandbox",
            "TMDB_DATABASE_URL": f"sqlite:///{folder / 'tmdb.db'}",
            "TMDB_DATABASE_FLUSH_INTERVAL": 0.1,
            "TMDB_REQUESTS_PER_SECOND": 0,
            "TMDB_IMAGES": "poster",
            "TMDB_IMAGES_REQUESTS_PER_SECOND": rate,
            "IMAGES_STORE": folder / "images",
            "TELNETCONSOLE_ENABLED": False,
        }
        command = [*scrapy_program(), "crawl", spider, "-a", "source=export"]
        command += ["-a", f"day={BEFORE}"]
        for name, value in settings.items():
            command += ["-s", f"{name}={value}"]
        with (folder / "crawl.log").open("ab") as log:
            self.process = subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, stderr=log)

    def kill_when(self, condition):
        deadline = time.monotonic() + 300
        while not condition() and self.process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.02)
        assert self.process.poll() is None, (self.folder / "crawl.log").read_text()[-2000:]
        self.process.send_signal(signal.SIGKILL)
        self.process.communicate()

    def status(self):
        self.process.communicate(timeout=300)
        return self.process.returncode


def count(folder):
    try:
        return rows("SELECT count(*) FROM movies WHERE fetched_at IS NOT NULL", folder / "tmdb.db")[0][0]
    except sqlite3.OperationalError:
        return 0


def unfinished(folder):
    return rows("SELECT count(*) FROM tmdb_runs WHERE finished_at IS NULL", folder / "tmdb.db")[0][0]


def test_the_images_of_a_killed_crawl_come_with_the_same_command(tmp_path):
    with ThreadedSandbox(SandboxOptions(movies=60, today=BEFORE)) as sandbox:
        crawled = KilledCrawl(sandbox, tmp_path, rate=5)
        crawled.kill_when(lambda: count(tmp_path) == len(sandbox.movie_ids) and files(folder=tmp_path))
        assert len(files(folder=tmp_path)) < len(with_image(folder=tmp_path)) - 10
        # All records are stored, but the run is not finished.
        assert unfinished(tmp_path) == 1
        assert KilledCrawl(sandbox, tmp_path, rate=0).status() == 0
        assert files(folder=tmp_path) == with_image(folder=tmp_path)
        assert unfinished(tmp_path) == 0
        paths = [seen.path for seen in sandbox.requests if seen.path.startswith("/3/movie/")]
        assert len(paths) == len(set(paths)) == len(sandbox.movie_ids)


@pytest.mark.slow
def test_images_of_a_crawl_that_is_killed_again_and_again(tmp_path):
    moments = random.Random(30)
    kills = 0
    with ThreadedSandbox(SandboxOptions(movies=300, latency=0.02, today=BEFORE)) as sandbox:
        while kills < 6:
            before = len(files(folder=tmp_path))
            crawled = KilledCrawl(sandbox, tmp_path, rate=60)
            crawled.kill_when(lambda before=before: len(files(folder=tmp_path)) > before)
            time.sleep(moments.uniform(0, 0.3))
            kills += 1
        assert KilledCrawl(sandbox, tmp_path, rate=0).status() == 0
        movies = len(sandbox.movie_ids)
    assert count(tmp_path) == movies
    assert files(folder=tmp_path) == with_image(folder=tmp_path)
    assert unfinished(tmp_path) == 0
    assert rows("SELECT count(*) FROM tmdb_failures", tmp_path / "tmdb.db") == [(0,)]
