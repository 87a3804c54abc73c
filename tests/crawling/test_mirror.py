"""A mirror in a database: filled from an export, kept current by changes, gone on with after a stop."""

from __future__ import annotations

import datetime
import gzip
import json
import logging
from collections import Counter
from typing import ClassVar

import pytest

from tests.coroutines import coroutine_test
from tests.crawling.crawls import crawl, failure_rows, rows, settings_of
from tmdbfusion_scrapy.crawling import TMDBSeriesSpider, TMDBSourceSpider
from tmdbfusion_scrapy.sources import discover as discover_parts

pytestmark = pytest.mark.once


class Movies(TMDBSourceSpider):
    name = "movies"
    details_operation = "movie-details"
    list_operations: ClassVar = {"popular": "movie-popular-list", "trending": "trending-movies"}
    discover_operation = "discover-movie"
    changes_operation = "changes-movie-list"


class People(TMDBSourceSpider):
    name = "people"
    details_operation = "person-details"


class Series(TMDBSeriesSpider):
    name = "series"


TODAY = datetime.datetime.now(datetime.timezone.utc).date()
BEFORE = TODAY - datetime.timedelta(days=3)


def is_of_today(found: list[tuple[str]]) -> bool:
    """Whether a watermark stands at the day of the crawl; a run of the tests may last beyond midnight."""
    now = datetime.datetime.now(datetime.timezone.utc).date()
    return found in ([(TODAY.isoformat(),)], [(now.isoformat(),)])


@pytest.fixture
def sandbox(tmdb_sandbox_factory):
    """300 movies, three days ago."""
    days = {"today": BEFORE, "daily_changed": 0.05, "daily_gone": 0.003}
    return tmdb_sandbox_factory(movies=300, series=30, people=80, **days)


@pytest.fixture
def settings(sandbox):
    """Settings of a quick crawl of the sandbox."""
    return settings_of(sandbox.base_url, TMDB_EXPORTS_URL=sandbox.exports_url)


@pytest.fixture(autouse=True)
def _folder(tmp_path, monkeypatch, caplog):
    """A project of its own, where exports and the database go."""
    monkeypatch.chdir(tmp_path)
    caplog.set_level(logging.INFO)
    (tmp_path / "scrapy.cfg").write_text("[settings]\n")


def asked(sandbox):
    """Ids of the movies that were asked for, as they came."""
    paths = (seen.path.removeprefix("/3/movie/") for seen in sandbox.requests)
    return [int(path) for path in paths if path.isdecimal()]


def stored(kind="movies"):
    query = {
        "movies": "SELECT id FROM movies WHERE fetched_at IS NOT NULL",
        "people": "SELECT id FROM people WHERE fetched_at IS NOT NULL",
    }
    return {key for (key,) in rows(query[kind])}


EXPORT = {"source": "export", "day": BEFORE.isoformat()}


@coroutine_test
async def test_all_of_an_export_the_most_popular_first(sandbox, settings):
    await crawl(Movies, {**settings, "CONCURRENT_REQUESTS": 1}, **EXPORT)
    assert stored() == set(sandbox.movie_ids)
    popularity = dict(rows("SELECT id, popularity FROM movies"))
    order = [popularity[key] for key in asked(sandbox)]
    assert order == sorted(order, reverse=True)
    assert rows("SELECT name, value FROM tmdb_watermarks") == [("movies/changes", BEFORE.isoformat())]
    assert rows("SELECT count(*) FROM tmdb_frontier") == [(0,)]


@coroutine_test
async def test_an_export_is_fetched_from_the_address_of_the_crawl(raw_server):
    async def export(connection, seen):
        connection.respond(gzip.compress(b'{"id": 1, "popularity": 1.5}\n'))

    async def movie(connection, seen):
        connection.respond(b'{"id": 1, "title": "One"}')

    raw_server.scripts = {"/p/exports/movie_ids_06_01_2026.json.gz": export, "/3/movie/1": movie}
    settings = settings_of(
        f"{raw_server.url}/3",
        TMDB_EXPORTS_URL=f"{raw_server.url}/p/exports",
        DOWNLOAD_BIND_ADDRESS="127.0.0.2",
    )
    await crawl(Movies, settings, source="export", day="2026-06-01")
    assert stored() == {1}
    assert [seen.peer[0] for seen in raw_server.requests] == ["127.0.0.2", "127.0.0.2"]


@coroutine_test
async def test_what_is_stored_is_not_fetched_again(sandbox, settings):
    await crawl(Movies, settings, **EXPORT, limit="100")
    await crawl(Movies, settings, **EXPORT, limit="50")
    assert len(stored()) == len(asked(sandbox)) == 150
    await crawl(Movies, settings, **EXPORT)
    assert stored() == set(sandbox.movie_ids)
    assert max(Counter(asked(sandbox)).values()) == 1
    sandbox.clear()
    await crawl(Movies, settings, **EXPORT)
    assert asked(sandbox) == []


@coroutine_test
async def test_only_what_the_filters_let_through(sandbox, settings):
    await crawl(Movies, settings, **EXPORT, min_popularity="5")
    assert 0 < len(stored()) < len(sandbox.movie_ids)
    assert rows("SELECT count(*) FROM movies WHERE fetched_at IS NOT NULL AND popularity < 5") == [(0,)]
    # It is not all there is, so nobody knows what changed in the rest.
    assert rows("SELECT count(*) FROM tmdb_watermarks") == [(0,)]


@coroutine_test
async def test_records_for_adults_are_in_an_export_of_their_own(tmdb_sandbox_factory):
    sandbox = tmdb_sandbox_factory(movies=800, today=BEFORE, daily_new=0, daily_gone=0)
    settings = settings_of(sandbox.base_url, TMDB_EXPORTS_URL=sandbox.exports_url)
    await crawl(Movies, settings, **EXPORT, adult="true")
    for_adults = stored()
    assert rows("SELECT DISTINCT adult FROM movies WHERE fetched_at IS NOT NULL") == [(1,)]
    sandbox.clear()
    await crawl(Movies, settings, **EXPORT)
    # They are not listed there, and have not vanished all the same.
    assert not for_adults & set(asked(sandbox))
    assert rows("SELECT count(*) FROM movies WHERE deleted_at IS NOT NULL") == [(0,)]


@coroutine_test
async def test_a_crawl_that_was_stopped_goes_on(sandbox, settings, caplog):
    halting = {**settings, "CLOSESPIDER_ITEMCOUNT": 30, "CONCURRENT_REQUESTS": 4}
    await crawl(Movies, halting, finish_reason="closespider_itemcount", **EXPORT)
    assert "The same command goes on from here" in caplog.text
    first = stored()
    assert 30 <= len(first) < len(sandbox.movie_ids)
    assert rows("SELECT count(*) FROM tmdb_watermarks") == [(0,)]
    sandbox.clear()
    caplog.clear()
    await crawl(Movies, settings, **EXPORT)
    assert f"{len(sandbox.movie_ids) - len(first)} records are left" in caplog.text
    assert set(asked(sandbox)) == set(sandbox.movie_ids) - first
    assert stored() == set(sandbox.movie_ids)


@coroutine_test
async def test_ids_that_were_stopped_go_on_and_are_fetched_again_by_a_new_crawl(sandbox, settings):
    ids = ",".join(map(str, sandbox.movie_ids[:60]))
    halting = {**settings, "CLOSESPIDER_ITEMCOUNT": 20, "CONCURRENT_REQUESTS": 4}
    await crawl(Movies, halting, finish_reason="closespider_itemcount", ids=ids)
    first = stored()
    sandbox.clear()
    await crawl(Movies, settings, ids=ids)
    assert set(asked(sandbox)) == set(sandbox.movie_ids[:60]) - first
    sandbox.clear()
    await crawl(Movies, settings, ids=ids)
    assert set(asked(sandbox)) == set(sandbox.movie_ids[:60])


@coroutine_test
async def test_a_list_that_was_stopped_goes_on(sandbox, settings):
    halting = {**settings, "CLOSESPIDER_ITEMCOUNT": 20, "CONCURRENT_REQUESTS": 4}
    await crawl(Movies, halting, finish_reason="closespider_itemcount", list="trending", pages="3")
    first = stored()
    sandbox.clear()
    await crawl(Movies, settings, list="trending", pages="3")
    assert len(stored()) == 60
    assert not first & set(asked(sandbox))


@coroutine_test
async def test_changes_bring_the_mirror_up_to_date(sandbox, settings):
    await crawl(Movies, settings, **EXPORT)
    before = set(sandbox.movie_ids)
    sandbox.advance(days=3)
    sandbox.clear()
    await crawl(Movies, settings, source="changes")
    changed = set(asked(sandbox))
    assert 0 < len(changed) < len(before) / 2
    assert is_of_today(rows("SELECT value FROM tmdb_watermarks"))
    current = dict(rows("SELECT id, raw FROM movies WHERE deleted_at IS NULL AND fetched_at IS NOT NULL"))
    gone = before - set(sandbox.movie_ids)
    # The feed does not name what vanished.
    assert set(current) - gone == set(sandbox.movie_ids)
    sandbox.clear()
    await crawl(Movies, {**settings, "TMDB_DATABASE_URL": "sqlite:///fresh.db"}, source="export")
    fresh = dict(rows("SELECT id, raw FROM movies", "fresh.db"))
    assert {key: json.loads(current[key]) for key in fresh} == {
        key: json.loads(raw) for key, raw in fresh.items()
    }


@coroutine_test
async def test_what_vanished_from_the_export_is_looked_at(sandbox, settings):
    await crawl(Movies, settings, **EXPORT)
    sandbox.advance(days=3)
    # Not the newest one: before eight o'clock that is yesterday's, whatever day the sandbox has.
    latest = {"source": "export", "day": TODAY.isoformat()}
    gone = stored() - set(sandbox.movie_ids)
    assert gone
    await crawl(Movies, settings, **latest)
    assert {key for (key,) in rows("SELECT id FROM movies WHERE deleted_at IS NOT NULL")} == gone
    assert failure_rows() == []
    assert stored() - gone == set(sandbox.movie_ids)
    sandbox.clear()
    await crawl(Movies, settings, **latest)
    assert asked(sandbox) == []


@coroutine_test
async def test_changes_of_an_empty_database_say_what_to_do(sandbox, settings, caplog):
    await crawl(Movies, settings, finish_reason="tmdb_source_failed", errors=1, source="changes")
    assert "crawl -a source=export first, or add -a since=" in caplog.text
    assert not sandbox.requests


@coroutine_test
async def test_a_page_of_changes_that_fails_moves_no_watermark(sandbox, settings, caplog):
    await crawl(Movies, settings, **EXPORT)
    sandbox.advance(days=3)
    sandbox.fail_next(422, path="movie/changes")
    await crawl(Movies, settings, finish_reason="tmdb_source_failed", errors=None, source="changes")
    assert rows("SELECT value FROM tmdb_watermarks") == [(BEFORE.isoformat(),)]
    await crawl(Movies, settings, source="changes")
    assert is_of_today(rows("SELECT value FROM tmdb_watermarks"))


@coroutine_test
async def test_a_stop_while_the_changes_are_read_ends_the_crawl(tmdb_sandbox_factory):
    sandbox = tmdb_sandbox_factory(movies=300, today=BEFORE, latency=1.0)
    settings = settings_of(sandbox.base_url, CLOSESPIDER_TIMEOUT=0.3)
    since = (BEFORE - datetime.timedelta(days=20)).isoformat()
    await crawl(Movies, settings, finish_reason="closespider_timeout", errors=None, since=since)
    assert rows("SELECT finished_at FROM tmdb_runs") == [(None,)]


@coroutine_test
async def test_failed_ones_are_tried_again(sandbox, settings):
    bad = sandbox.movie_ids[:3]
    for key in bad:
        sandbox.fail_next(503, path=f"movie/{key}", times=10)
    await crawl(Movies, {**settings, "RETRY_TIMES": 1}, **EXPORT, errors=None)
    assert {int(row[1]) for row in failure_rows()} == set(bad)
    assert stored() == set(sandbox.movie_ids) - set(bad)
    sandbox.clear()
    await crawl(Movies, settings, source="failed")
    assert set(asked(sandbox)) == set(bad)
    assert failure_rows() == []
    assert stored() == set(sandbox.movie_ids)


@coroutine_test
async def test_stale_records_are_fetched_again(sandbox, settings, tmp_path):
    from tests.storage.database_access import execute_sqlite

    await crawl(Movies, settings, **EXPORT)
    execute_sqlite(tmp_path / "tmdb.db", "UPDATE movies SET fetched_at = '2026-01-01' WHERE id <= 20")
    old = {key for key in sandbox.movie_ids if key <= 20}
    sandbox.clear()
    await crawl(Movies, settings, source="stale", days="10")
    assert set(asked(sandbox)) == old


@coroutine_test
async def test_discover_in_parts_finds_all(sandbox, settings, monkeypatch):
    # As if TMDB served three pages: 300 movies take as many parts as 50,000 with 500.
    monkeypatch.setattr(discover_parts, "LAST_PAGE", 3)
    ended = await crawl(Movies, settings, source="discover")
    total = ended.stats["tmdb/discover/expected_count"]
    assert total > 60
    assert len(stored()) == ended.stats["tmdb/discover/found_count"] == total
    assert ended.stats["tmdb/discover/missing_count"] == 0
    assert ended.stats["tmdb/discover/duplicate_count"] == 0
    ((coverage,),) = rows("SELECT coverage FROM tmdb_runs")
    assert json.loads(coverage) == {
        "expected": total, "in_parts": total, "found": total, "duplicates": 0, "unread": 0
    }  # fmt: skip
    assert max(int(seen.query["page"]) for seen in sandbox.requests if "page" in seen.query) <= 3


@coroutine_test
async def test_a_series_of_three_seasons_is_one_request(sandbox, settings):
    ids = sandbox.series_ids[:20]
    await crawl(Series, settings, ids=",".join(map(str, ids)), append="credits")
    listed = dict(rows("SELECT id, number_of_seasons FROM tv_shows WHERE fetched_at IS NOT NULL"))
    assert set(listed) == set(ids)
    requests = Counter(seen.path for seen in sandbox.requests)
    assert {path for path, number in requests.items() if number > 1} == set()
    seasons = Counter(key for (key,) in rows("SELECT tv_show_id FROM seasons WHERE fetched_at IS NOT NULL"))
    assert all(seasons[key] >= number for key, number in listed.items())
    assert rows("SELECT count(*) FROM episodes WHERE season_id IS NULL OR tv_show_id IS NULL") == [(0,)]
    assert rows("SELECT count(*) FROM episodes") > [(0,)]


@coroutine_test
async def test_people_of_an_export(sandbox, settings):
    await crawl(People, settings, **EXPORT, append="combined_credits")
    assert stored("people") == set(sandbox.person_ids)


@coroutine_test
async def test_without_a_database_the_sources_that_need_one_say_so(settings, caplog):
    none = {**settings, "ITEM_PIPELINES": {"tmdbfusion_scrapy.storage.SQLPipeline": None}}
    await crawl(Movies, none, finish_reason="tmdb_source_failed", errors=1, source="stale")
    assert "needs a database" in caplog.text
