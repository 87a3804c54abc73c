"""``scrapy tmdb-plan``."""

from __future__ import annotations

import asyncio
import json
import re
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from tests.commands.spiders import KeywordsSpider, MoviesSpider, SeriesSpider
from tests.coroutines import coroutine_test
from tests.crawling.crawls import crawl, provide_database, rows, settings_of
from tests.storage.database_access import failed_call, movie
from tmdbfusion_scrapy.commands.plan_report import (
    DISK,
    byte_words,
    document_bytes,
    requests_per_record,
    time_words,
)
from tmdbfusion_scrapy.items import Watermark
from tmdbfusion_scrapy.models import TVDetails, decode
from tmdbfusion_scrapy.storage.batches import store_batch
from tmdbfusion_scrapy.storage.crawl_state import CrawlState
from tmdbfusion_scrapy.storage.database import reopen_database
from tmdbfusion_scrapy.storage.frontier import Frontier

DATABASE = "sqlite:///tmdb.db"


def numbers(finished):
    """The numbers of a plan by their names."""
    return dict(re.findall(r"^  (\S[\w ]*?)  +([\d,.]+(?: \w+)?)(?:  |$)", finished.out, re.MULTILINE))


def count(finished, name):
    return int(numbers(finished)[name].replace(",", ""))


def arguments_of(given):
    return [part for name, value in given.items() for part in ("-a", f"{name}={value}")]


def urls_of(sandbox):
    return {"TMDB_API_URL": sandbox.base_url, "TMDB_EXPORTS_URL": sandbox.exports_url}


def store(*items, fetched_at=None):
    provide_database()
    engine = reopen_database(DATABASE)
    store_batch(engine, [(item, fetched_at or datetime.now(timezone.utc)) for item in items])
    engine.dispose()


@pytest.fixture
def small_sandbox(tmdb_sandbox_factory):
    """45 movies and 25 series, on the day that it is: exports have the day in their names."""
    return tmdb_sandbox_factory(movies=45, series=25, people=40, today=None)


@pytest.mark.parametrize(
    ("spider", "arguments"),
    [
        (MoviesSpider, {"source": "export"}),
        (MoviesSpider, {"source": "export", "limit": "7", "min_popularity": "1"}),
        (MoviesSpider, {"source": "list", "list": "top_rated", "pages": "2"}),
        (MoviesSpider, {"source": "list", "limit": "25"}),
        (MoviesSpider, {"source": "discover"}),
        (MoviesSpider, {"source": "discover", "pages": "1", "vote_count.gte": "1"}),
        (MoviesSpider, {"ids": "3,4,5,5", "append": "credits"}),
        (SeriesSpider, {"source": "export"}),
        (SeriesSpider, {"source": "list"}),
        (KeywordsSpider, {"source": "export", "limit": "5"}),
    ],
)
@coroutine_test
async def test_the_crawl_makes_the_requests_that_were_planned(
    scrapy_command, small_sandbox, spider, arguments
):
    planned = await asyncio.to_thread(
        scrapy_command, "tmdb-plan", spider.name, *arguments_of(arguments), **urls_of(small_sandbox)
    )
    assert (planned.status, planned.errors) == (0, "")
    settings = settings_of(small_sandbox.base_url, TMDB_EXPORTS_URL=small_sandbox.exports_url)
    ended = await crawl(spider, settings, errors=None, **arguments)
    assert count(planned, "Requests") == ended.stats["tmdb/request_count"]


def test_ids_of_a_file(scrapy_command, small_sandbox):
    Path("links.csv").write_text("movieId,imdbId,tmdbId\n1,2,3\n4,5,\n6,7,8\n", encoding="utf-8")
    arguments = arguments_of({"source": "csv", "file": "links.csv", "column": "tmdbId", "limit": "1"})
    planned = scrapy_command("tmdb-plan", MoviesSpider.name, *arguments, **urls_of(small_sandbox))
    assert "movies: 2 ids in column tmdbId of links.csv, 1 at most" in " ".join(planned.out.split())
    assert (count(planned, "Listed"), count(planned, "Requests")) == (2, 1)
    assert small_sandbox.requests == []


@pytest.mark.parametrize(("appended", "requests", "room"), [(0, 1, 19), (5, 1, 14), (19, 1, 0), (20, 2, 19)])
def test_translations_are_one_of_the_parts(scrapy_command, small_sandbox, appended, requests, room):
    """Where there is room for them, they cost no request."""
    arguments = arguments_of({"ids": "1,2,3", "append": ",".join(f"part{n}" for n in range(appended))})
    settings = {**urls_of(small_sandbox), "TMDB_LANGUAGES": "en"}
    planned = scrapy_command("tmdb-plan", SeriesSpider.name, *arguments, **settings)
    assert count(planned, "Requests") == 3 * requests
    assert f"with {room} seasons" in " ".join(planned.out.split())
    planned = scrapy_command("tmdb-plan", MoviesSpider.name, *arguments, **settings)
    assert count(planned, "Requests") == 3 * requests


@coroutine_test
async def test_texts_in_other_languages_are_counted_by_what_is_stored(scrapy_command, small_sandbox):
    arguments = {"ids": ",".join(map(str, small_sandbox.series_ids))}
    settings = {**urls_of(small_sandbox), "TMDB_LANGUAGES": "fr,de,en"}
    command = ("tmdb-plan", SeriesSpider.name, *arguments_of(arguments))
    planned = await asyncio.to_thread(scrapy_command, *command, **settings)
    assert "TMDB_LANGUAGES take more, which are not counted" in " ".join(planned.out.split())
    ended = await crawl(
        SeriesSpider, settings_of(small_sandbox.base_url, TMDB_LANGUAGES="fr,de,en"), **arguments
    )
    made = ended.stats["tmdb/request_count"]
    assert made > len(small_sandbox.series_ids)
    planned = await asyncio.to_thread(scrapy_command, *command, **settings)
    assert abs(count(planned, "Requests") - made) <= 1


@coroutine_test
async def test_what_is_stored_is_not_planned_again(scrapy_command, small_sandbox):
    settings = settings_of(small_sandbox.base_url, TMDB_EXPORTS_URL=small_sandbox.exports_url)
    await crawl(MoviesSpider, settings, source="export", limit="10")
    store(movie(10_001))
    planned = await asyncio.to_thread(
        scrapy_command, "tmdb-plan", "movies", "-a", "source=export", **urls_of(small_sandbox)
    )
    listed = count(planned, "Listed")
    assert listed > 30
    assert count(planned, "Stored already") == 10
    # The one that is in no export.
    assert count(planned, "Not listed") == 1
    assert count(planned, "To be fetched") == listed - 10 + 1


def test_what_failed_for_good_is_not_planned_again(scrapy_command, small_sandbox):
    store(failed_call(3), failed_call(4, retryable=True))
    planned = scrapy_command("tmdb-plan", "movies", "-a", "source=export", **urls_of(small_sandbox))
    assert count(planned, "Given up") == 1
    assert count(planned, "To be fetched") == count(planned, "Listed") - 1
    failed = scrapy_command("tmdb-plan", "movies", "-a", "source=failed", **urls_of(small_sandbox))
    assert "movies: what failed before" in failed.lines
    assert count(failed, "To be fetched") == 1
    again = ("-a", "source=failed", "-a", "permanent=true")
    failed = scrapy_command("tmdb-plan", "movies", *again, **urls_of(small_sandbox))
    assert count(failed, "To be fetched") == 2


def test_what_is_left_is_what_a_run_would_want(database_with_tables):
    """The plan and the crawl ask the database in different ways; here for all that may have become of a record."""
    listed = range(1, 9)
    engine = reopen_database(database_with_tables)
    now = datetime.now(timezone.utc)
    store_batch(engine, [(movie(key), now) for key in (1, 2, 3, 20, 21)])
    gone = [failed_call(key, tried_at=now) for key in (2, 21)]
    others = [
        failed_call(4),
        failed_call(5, retryable=True),
        failed_call(6, path="/movie/6/images", message="a part"),
        failed_call(7, path="https://image.tmdb.org/t/p/w342/7.jpg", status_code=None),
        failed_call(kind="movies", id="99999999999999999999", path="/movie/99999999999999999999"),
        failed_call(kind="movies", id="tt8", path="/movie/tt8"),
        failed_call(8, kind="people", path="/person/8"),
    ]
    store_batch(engine, [(failure, now) for failure in [*gone, *others]])
    state = CrawlState(engine, "movies")
    share = state.share(frozenset(listed))
    assert (share.stored, share.given_up, share.unlisted) == (2, 1, 1)
    planned = len(listed) - share.stored - share.given_up + share.unlisted
    with Frontier(reopen_database(database_with_tables), "movies") as frontier:
        run = frontier.begin("movies", {}, again=False)
        run, progress = frontier.plan(run, [(key, None) for key in listed], is_complete=True)
        assert progress.left == planned
        store_batch(engine, [(movie(8), datetime.now(timezone.utc))])
        expected = state.progress(run)
        assert frontier.go_on(run) == expected
        assert state.progress(run) == expected
    assert expected.left < planned
    engine.dispose()


def test_stale_records(scrapy_command):
    now = datetime.now(timezone.utc)
    store(movie(1, popularity=0.1), movie(2, popularity=0.1), fetched_at=now - timedelta(days=40))
    store(movie(3, popularity=0.1))
    planned = scrapy_command("tmdb-plan", "movies", "-a", "source=stale")
    assert "movies: what was not fetched for 30 days, popular records earlier" in planned.lines
    assert (count(planned, "Listed"), count(planned, "Stored already")) == (2, 2)
    # They take the place of what is there.
    assert numbers(planned)["Disk"] == "0 bytes"


def test_changes_ask_for_the_first_page_of_each_window(scrapy_command, tmdb_sandbox_factory):
    sandbox = tmdb_sandbox_factory(movies=2_000, today=None)
    since = datetime.now(timezone.utc).date() - timedelta(days=20)
    planned = scrapy_command("tmdb-plan", "movies", "-a", f"since={since}", **urls_of(sandbox))
    assert f"movies: what changed since {since}" in planned.lines
    assert [(seen.path, seen.query["start_date"]) for seen in sandbox.requests] == [
        ("/3/movie/changes", str(since - timedelta(days=1))),
        ("/3/movie/changes", str(since + timedelta(days=12))),
    ]
    assert 0 < count(planned, "Listed") < count(planned, "Requests")
    assert "at most" in planned.out


def test_changes_go_on_from_the_watermark(scrapy_command, small_sandbox):
    day = datetime.now(timezone.utc).date() - timedelta(days=2)
    store(Watermark("movies/changes", str(day), datetime.now(timezone.utc)))
    planned = scrapy_command("tmdb-plan", "movies", "-a", "source=changes", **urls_of(small_sandbox))
    assert f"movies: what changed since {day}" in planned.lines


def test_a_large_discover_counts_its_parts(scrapy_command, tmdb_sandbox_factory):
    sandbox = tmdb_sandbox_factory(movies=11_000)
    planned = scrapy_command("tmdb-plan", "movies", "-a", "source=discover", **urls_of(sandbox))
    listed = count(planned, "Listed")
    assert listed > 10_000
    pages = -(-listed // 20)
    assert pages < count(planned, "Requests") - listed < pages + 20
    assert len(sandbox.requests) == 1


def test_a_run_that_is_not_finished(scrapy_command):
    store(movie(1))
    with Frontier(reopen_database(DATABASE), "movies") as frontier:
        run = frontier.begin("movies", {"source": "export"}, again=False)
        frontier.plan(run, [(key, None) for key in (1, 2, 3, 4)], limit=None)
    store(movie(2), failed_call(3))
    # Nobody has to be asked any more.
    planned = scrapy_command(
        "tmdb-plan", "movies", "-a", "source=export", TMDB_API_URL="http://127.0.0.1:1/3"
    )
    assert planned.status == 0
    assert (count(planned, "Listed"), count(planned, "To be fetched")) == (4, 1)
    assert count(planned, "Done already") == 3
    assert f"The run begun at {run.started_at:%Y-%m-%d %H:%M} UTC is not finished" in planned.out
    other = scrapy_command("tmdb-plan", "movies", "-a", "ids=5,6", TMDB_API_URL="http://127.0.0.1:1/3")
    assert "not finished" not in other.out


def test_an_unfinished_list_goes_on(scrapy_command, tmdb_sandbox):
    store(movie(1), fetched_at=datetime.now(timezone.utc) - timedelta(days=1))
    with Frontier(reopen_database(DATABASE), "movies") as frontier:
        frontier.begin("movies", {"source": "list"}, again=True)
    store(movie(2), movie(3))
    planned = scrapy_command("tmdb-plan", "movies", "-a", "source=list", **urls_of(tmdb_sandbox))
    assert (count(planned, "Listed"), count(planned, "To be fetched")) == (120, 118)


def test_nothing_is_written(scrapy_command, small_sandbox, tmp_path):
    for arguments in (["-a", "source=export"], ["-a", "source=list"], ["-a", "ids=1"]):
        assert scrapy_command("tmdb-plan", "movies", *arguments, **urls_of(small_sandbox)).status == 0
    assert not list(tmp_path.glob("*.db*"))
    store(movie(1))
    for arguments in (["-a", "source=export"], ["-a", "source=list"], ["-a", "ids=1"]):
        assert scrapy_command("tmdb-plan", "movies", *arguments, **urls_of(small_sandbox)).status == 0
    assert rows("SELECT count(*) FROM tmdb_runs") == [(0,)]
    assert rows("SELECT count(*) FROM tmdb_frontier") == [(0,)]
    assert rows("SELECT count(*) FROM movies WHERE fetched_at IS NOT NULL") == [(1,)]


@coroutine_test
async def test_the_crawl_uses_the_export_that_the_plan_downloaded(scrapy_command, small_sandbox):
    await asyncio.to_thread(
        scrapy_command, "tmdb-plan", "movies", "-a", "source=export", **urls_of(small_sandbox)
    )
    settings = settings_of(small_sandbox.base_url, TMDB_EXPORTS_URL=small_sandbox.exports_url)
    await crawl(MoviesSpider, settings, source="export", limit="1")
    exports = [seen for seen in small_sandbox.requests if "movie_ids" in seen.path]
    assert len(exports) == 1


def test_without_a_database(scrapy_command, small_sandbox):
    settings = {"ITEM_PIPELINES": {"tmdbfusion_scrapy.storage.SQLPipeline": None}}
    planned = scrapy_command("tmdb-plan", "movies", "-a", "ids=1,2", **settings, **urls_of(small_sandbox))
    assert planned.status == 0
    assert "the crawl stores nothing" in planned.out
    assert "Disk" not in planned.out


def test_size_is_that_of_the_records_stored(scrapy_command, database_with_tables, small_sandbox):
    engine = reopen_database(database_with_tables)
    now = datetime.now(timezone.utc)
    store_batch(engine, [(movie(key, overview="x" * 20_000), now) for key in range(100, 110)])
    engine.dispose()
    planned = scrapy_command(
        *("tmdb-plan", "movies", "-a", "ids=1,2,3"),
        TMDB_DATABASE_URL=database_with_tables,
        **urls_of(small_sandbox),
    )
    assert planned.status == 0
    assert "by the 10 stored last" in planned.out
    # Their documents have some 40 bytes besides.
    each = DISK[engine.dialect.name].size(20_040, store_raw=True)
    disk, unit = numbers(planned)["Disk"].split()
    assert unit == "KB"
    assert float(disk) == pytest.approx(3 * each / 1000, rel=0.01)
    assert "not there yet" not in planned.out


def test_long_series_take_more_requests(scrapy_command, small_sandbox):
    for key, seasons in ((1, 3), (2, 19), (3, 20), (4, 60)):
        store(decode(json.dumps({"id": key, "number_of_seasons": seasons}).encode(), TVDetails))
    # Season 0 and 19 more come with the first request: 0, 0, 1 and 3 requests more.
    ids = ",".join(map(str, range(101, 109)))
    planned = scrapy_command("tmdb-plan", "series", "-a", f"ids={ids}", **urls_of(small_sandbox))
    assert count(planned, "Requests") == 8 + 8
    assert "one a series, with 20 seasons; 1.00 for longer ones" in " ".join(planned.out.split())


def test_the_rate_is_that_of_the_settings(scrapy_command):
    ids = ",".join(map(str, range(1, 121)))
    arguments = ["tmdb-plan", "movies", "-a", f"ids={ids}", "-s"]
    assert numbers(scrapy_command(*arguments, "TMDB_REQUESTS_PER_SECOND=0.5"))["Time"] == "4.0 minutes"
    assert "no rate is set" in scrapy_command(*arguments, "TMDB_REQUESTS_PER_SECOND=0").out


@pytest.mark.parametrize(
    ("arguments", "settings", "words"),
    [
        (["nothing"], {}, "there is no spider 'nothing' here: use one of keywords, movies, plain, series"),
        (["nothing"], {"SPIDER_MODULES": []}, "run this in a Scrapy project"),
        (["plain"], {}, "plain is not planned by its arguments"),
        (["movies", "-a", "foo=bar"], {}, "-a foo=... does not go with source=list"),
        (["movies", "-a", "source=changes"], {}, "add -a since=2026-11-01"),
        (
            ["movies", "-a", "ids=1", "-s", "TMDB_REQUESTS_PER_SECOND=x"],
            {},
            "TMDB_REQUESTS_PER_SECOND is 'x'",
        ),
        (["movies", "-a", "ids=1"], {"TMDB_ACCESS_TOKEN": None}, "TMDB_ACCESS_TOKEN"),
        (["movies", "-a", "ids=1"], {"TMDB_DATABASE_URL": "oracle://x/y"}, "which is not supported"),
        (
            ["movies", "-a", "source=list"],
            {"TMDB_API_URL": "http://127.0.0.1:1/3", "RETRY_TIMES": 0},
            "GET /movie/popular",
        ),
    ],
)
def test_what_cannot_be_planned_ends_with_a_message(scrapy_command, tmp_path, arguments, settings, words):
    finished = scrapy_command("tmdb-plan", *arguments, **settings)
    assert (finished.status, finished.out) == (1, "")
    assert finished.errors.startswith("scrapy tmdb-plan: ")
    assert words in finished.errors
    assert len(finished.errors.splitlines()) == 1
    assert not list(tmp_path.glob("*.db*"))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "the name of a spider is missing"),
        (["movies", "series"], "unrecognized arguments: series"),
        (["movies", "--limit", "3"], "unrecognized arguments: --limit"),
        (["movies", "-a", "ids"], "use -a NAME=VALUE"),
    ],
)
def test_a_command_line_that_cannot_be_used(scrapy_command, arguments, words):
    finished = scrapy_command("tmdb-plan", *arguments)
    assert finished.status == 2
    assert words in finished.errors


def test_lines_fit_80_columns(scrapy_command, small_sandbox):
    arguments = [
        "-a",
        "source=discover",
        "-a",
        "primary_release_date.gte=1950-01-01",
        "-a",
        "vote_count.gte=1",
    ]
    planned = scrapy_command("tmdb-plan", "movies", *arguments, **urls_of(small_sandbox))
    assert planned.lines[0].startswith("movies: what discover finds, primary_release_date.gte=1950-01-01")
    assert all(len(line) <= 80 for line in planned.lines)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 seconds"),
        (0.2, "1 second"),
        (90, "90 seconds"),
        (600, "10.0 minutes"),
        (35_000, "9.7 hours"),
        (864_000, "10.0 days"),
    ],
)
def test_times(seconds, words):
    assert time_words(seconds) == words


@pytest.mark.parametrize(
    ("size", "words"), [(0, "0 bytes"), (999, "999 bytes"), (61_300_000_000, "61.3 GB"), (2e12, "2.0 TB")]
)
def test_sizes(size, words):
    assert byte_words(size) == words


def test_more_than_20_parts_take_more_requests():
    assert [requests_per_record(["part"] * number) for number in (0, 1, 20, 21, 41)] == [1, 1, 1, 2, 3]


def test_what_is_not_kept_takes_no_place():
    model = DISK["sqlite"]
    assert model.size(20_000, store_raw=True) - model.size(20_000, store_raw=False) == 20_000


def test_parts_and_seasons_make_records_larger():
    bare = document_bytes("tv_shows", 0, with_seasons=False)
    assert (
        bare
        < document_bytes("tv_shows", 1, with_seasons=False)
        < document_bytes("tv_shows", 1, with_seasons=True)
    )
