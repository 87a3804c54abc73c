"""What a daily export may be like: a few odd lines, too many of them, much shorter than the last one."""

from __future__ import annotations

import asyncio
import datetime
import gzip
import logging
from typing import ClassVar

import pytest

from tests.coroutines import coroutine_test
from tests.crawling.crawls import crawl, failure_rows, rows, settings_of
from tests.storage.database_access import execute_sqlite
from tmdbfusion_scrapy.crawling import TMDBSourceSpider
from tmdbfusion_scrapy.crawling.source_spider import exit_status

pytestmark = pytest.mark.once

DAY = datetime.date(2026, 6, 1)
LATER = datetime.date(2026, 6, 2)


class Movies(TMDBSourceSpider):
    name = "movies"
    details_operation = "movie-details"
    changes_operation = "changes-movie-list"


@pytest.fixture(autouse=True)
def _folder(tmp_path, monkeypatch, caplog):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "scrapy.cfg").write_text("[settings]\n")
    caplog.set_level(logging.INFO)


class Exports:
    """A server of exports, and of every movie but those that are gone."""

    def __init__(self, server):
        self.server = server
        self.gone = set()
        self.adult = set()
        for key in range(1, 301):
            server.scripts[f"/3/movie/{key}"] = self.movie(key)

    def movie(self, key):
        async def answer(connection, seen):
            if key in self.gone:
                connection.respond(
                    b'{"success":false,"status_code":34,"status_message":"The resource could not be found."}',
                    status="404 Not Found",
                )
            else:
                adult = "true" if key in self.adult else "false"
                connection.respond(b'{"id":%d,"title":"Movie","adult":%s}' % (key, adult.encode()))

        return answer

    def put(self, day, lines, name="movie_ids"):
        async def answer(connection, seen):
            connection.respond(gzip.compress(b"\n".join(lines) + b"\n"))

        self.server.scripts[f"/exports/{name}_{day:%m_%d_%Y}.json.gz"] = answer

    @property
    def asked(self):
        paths = (seen.target.partition("?")[0].rpartition("/") for seen in self.server.requests)
        return sorted(int(key) for folder, _, key in paths if folder == "/3/movie" and key.isdecimal())


def entries(keys, adult=b"false"):
    return [b'{"adult":%b,"id":%d,"original_title":"Movie","popularity":1.5}' % (adult, key) for key in keys]


@pytest.fixture
def exports(raw_server):
    return Exports(raw_server)


@pytest.fixture
def settings(raw_server):
    return settings_of(f"{raw_server.url}/3", TMDB_EXPORTS_URL=f"{raw_server.url}/exports", RETRY_TIMES=0)


def of(day, **arguments):
    return {"source": "export", "day": day.isoformat(), **arguments}


def stored():
    return {key for (key,) in rows("SELECT id FROM movies WHERE fetched_at IS NOT NULL")}


def deleted():
    return {key for (key,) in rows("SELECT id FROM movies WHERE deleted_at IS NOT NULL")}


ODD = {
    "half a surrogate pair": rb'{"id":9,"original_title":"\ud83d","popularity":1.5}',
    "id as text": b'{"id":"9","popularity":1.5}',
    "no JSON": b"<html>",
    "cut": b'{"id":9,"original_ti',
    "array": b'[{"id":9}]',
    "text": b'"9"',
    "null": b"null",
    "no id": b'{"original_title":"Nine","popularity":1.5}',
    "id null": b'{"id":null}',
    "negative": b'{"id":-9,"popularity":1.5}',
    "zero": b'{"id":0}',
    "broken": b'{"id":9.5}',
    "huge": b'{"id":99999999999999999999}',
    "nested": b'{"id":9,"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "popularity as text": b'{"id":9,"popularity":"high"}',
    "control characters": b'\x1b[31m{"id":9}\r',
}


@pytest.mark.parametrize("name", ODD)
@coroutine_test
async def test_one_odd_line_is_left_out_and_named(exports, settings, caplog, name):
    exports.put(DAY, [*entries([1, 2]), ODD[name], *entries([3])])
    ended = await crawl(Movies, settings, **of(DAY))
    assert stored() == {1, 2, 3}
    assert ended.stats["tmdb/export/skipped_count"] == 1
    (line,) = [record.getMessage() for record in caplog.records if "no entries" in record.getMessage()]
    assert "1 of 4 lines of the export movie_ids_06_01_2026.json.gz" in line
    assert "line 3 (" in line
    assert line.isprintable()
    assert exit_status(ended.crawler) == 0


@coroutine_test
async def test_an_export_with_too_many_odd_lines_is_fetched_again(exports, settings, caplog):
    exports.put(DAY, [*entries(range(1, 101)), ODD["array"], ODD["id as text"]])
    ended = await crawl(Movies, settings, finish_reason="tmdb_source_failed", errors=1, **of(DAY))
    assert "the export is broken: 2 of 102 lines are no entries, such as line 101 (" in caplog.text
    assert "Traceback" not in caplog.text
    assert exit_status(ended.crawler) == 1
    assert exports.asked == []
    exports.put(DAY, entries(range(1, 101)))
    await crawl(Movies, settings, **of(DAY))
    assert len(stored()) == 100


@coroutine_test
async def test_an_export_that_shrank_is_not_believed(exports, settings, caplog):
    exports.put(DAY, entries(range(1, 101)))
    await crawl(Movies, settings, **of(DAY))
    # As if the server's disk had been full.
    exports.put(LATER, entries(range(1, 95)))
    ended = await crawl(Movies, settings, finish_reason="tmdb_source_failed", errors=1, **of(LATER))
    assert exit_status(ended.crawler) == 1
    assert "has 94 lines, 6% fewer than the last one, which had 100" in caplog.text
    assert "-a force=true" in caplog.text
    assert len(exports.asked) == 100
    exports.gone = {95, 96}
    ended = await crawl(Movies, settings, **of(LATER, force="true"))
    assert exit_status(ended.crawler) == 0
    assert len(exports.asked) == 106
    assert deleted() == {95, 96}
    # From now on this is the last one.
    await crawl(Movies, settings, **of(LATER))
    assert rows("SELECT export, export_size FROM tmdb_runs WHERE finished_at IS NOT NULL ORDER BY id") == [
        ("movie_ids", 100),
        ("movie_ids", 94),
        ("movie_ids", 94),
    ]


@coroutine_test
async def test_an_export_that_shrank_a_little_is_believed(exports, settings):
    exports.put(DAY, entries(range(1, 101)))
    await crawl(Movies, settings, **of(DAY))
    exports.put(LATER, entries(range(1, 96)))
    await crawl(Movies, settings, **of(LATER))
    assert len(exports.asked) == 105


@coroutine_test
async def test_records_for_adults_that_vanish_are_noticed(exports, settings):
    exports.adult = {201, 202, 203}
    exports.put(DAY, entries(range(1, 21)))
    exports.put(DAY, entries([201, 202, 203], b"true"), "adult_movie_ids")
    await crawl(Movies, settings, **of(DAY))
    await crawl(Movies, settings, **of(DAY, adult="true"))
    assert stored() == {*range(1, 21), 201, 202, 203}
    exports.gone = {7, 202}
    left = [key for key in range(1, 21) if key != 7]
    exports.put(LATER, entries(left))
    exports.put(LATER, entries([201, 203], b"true"), "adult_movie_ids")
    # Both at once: the one that all others are in says what of the others is gone.
    await crawl(Movies, settings, **of(LATER, force="true"))
    assert deleted() == {7, 202}
    assert failure_rows() == []


@coroutine_test
async def test_the_export_of_records_for_adults_says_which_are_gone(exports, settings):
    exports.adult = {201, 202, 203}
    exports.put(DAY, entries([201, 202, 203], b"true"), "adult_movie_ids")
    await crawl(Movies, settings, **of(DAY, adult="true"))
    await crawl(Movies, settings, ids="1")
    exports.gone = {202}
    exports.put(LATER, entries([201, 203], b"true"), "adult_movie_ids")
    await crawl(Movies, settings, **of(LATER, adult="true", force="true"))
    assert deleted() == {202}
    # A movie that is not for adults is not in it.
    assert exports.asked.count(1) == 1
    assert rows("SELECT count(*) FROM tmdb_watermarks") == [(0,)]


@coroutine_test
async def test_without_the_other_export_nothing_is_said_of_adults(exports, settings, caplog):
    exports.adult = {201}
    exports.put(DAY, entries([1, 2]))

    async def none(connection, seen):
        connection.respond(b"", status="403 Forbidden")

    exports.server.scripts["/exports/adult_movie_ids_06_01_2026.json.gz"] = none
    await crawl(Movies, settings, ids="201")
    await crawl(Movies, settings, **of(DAY))
    assert "Records for adults are not looked at" in caplog.text
    assert exports.asked.count(201) == 1
    assert deleted() == set()


@coroutine_test
async def test_permanent_failures_are_left_out_unless_asked_for(exports, settings):
    exports.gone = {3}
    exports.put(DAY, entries([1, 2, 3]))
    await crawl(Movies, settings, **of(DAY))
    execute_sqlite("tmdb.db", "UPDATE tmdb_failures SET tried_at = '2026-01-01'")
    await crawl(Movies, settings, source="failed")
    assert exports.asked.count(3) == 1
    exports.gone = set()
    await crawl(Movies, settings, source="failed", permanent="true")
    assert stored() == {1, 2, 3}
    assert failure_rows() == []


class Halting(Movies):
    """Is stopped by its second record."""

    name = "movies"
    seen: ClassVar[int] = 0

    def parse_details(self, response):
        yield from super().parse_details(response)
        type(self).seen += 1
        if self.seen == 2:
            self.halt = asyncio.ensure_future(self.crawler.engine.close_spider_async(reason="shutdown"))


@coroutine_test
async def test_changes_that_were_killed_go_on_with_the_days_since(exports, settings):
    today = datetime.datetime.now(datetime.timezone.utc).date()
    before = today - datetime.timedelta(days=5)
    many = list(range(1, 41))
    changed = {before: many, today: [1, 4, 47]}
    days = []

    async def feed(connection, seen):
        days.append((seen.query["start_date"], seen.query["end_date"]))
        first = datetime.date.fromisoformat(seen.query["start_date"])
        keys = [key for day, keys in changed.items() if day >= first for key in keys]
        found = ",".join(f'{{"id":{key},"adult":false}}' for key in dict.fromkeys(keys))
        connection.respond(f'{{"results":[{found}],"page":1,"total_pages":1,"total_results":99}}'.encode())

    exports.server.scripts["/3/movie/changes"] = feed
    del changed[today]
    since = {"source": "changes", "since": before.isoformat()}
    # With time for its callbacks.
    one = {
        **settings,
        "DOWNLOAD_SLOTS": {"tmdb": {"concurrency": 1, "delay": 0.05}},
    }
    await crawl(Halting, one, finish_reason="shutdown", **since)
    first = stored()
    assert 2 <= len(first) < 40
    # It happened five days ago.
    for column in ("upto", "started_at", "since"):
        execute_sqlite("tmdb.db", f"UPDATE tmdb_runs SET {column} = '{before}'")  # noqa: S608
    changed[today] = [1, 4, 47]
    asked = exports.asked
    ended = await crawl(Movies, settings, **since)
    assert exit_status(ended.crawler) == 0
    # What is left, and what changed since, even what was fetched then.
    again = exports.asked
    for key in asked:
        again.remove(key)
    assert sorted(again) == [*many, 47]
    assert stored() == {*many, 47}
    assert rows("SELECT value FROM tmdb_watermarks") == [(today.isoformat(),)]
    assert rows("SELECT count(*) FROM tmdb_runs") == [(1,)]


@coroutine_test
async def test_what_was_fetched_otherwise_is_said_at_the_start(exports, settings, caplog):
    exports.put(DAY, entries(range(1, 13)))
    await crawl(Movies, settings, **of(DAY, append="credits"))
    assert "fetches them again" not in caplog.text
    await crawl(Movies, settings, **of(DAY, append="credits"))
    assert "fetches them again" not in caplog.text
    await crawl(Movies, settings, **of(DAY, append="credits,images"))
    again = "scrapy crawl movies -a source=stale -a days=0 -a append=credits,images fetches them again"
    assert f"12 movies are stored without images: {again}" in caplog.text
    caplog.clear()
    await crawl(Movies, {**settings, "TMDB_LANGUAGE": "fr"}, **of(DAY, append="credits"))
    assert (
        "12 movies are stored in TMDB's own choice of language: scrapy crawl movies -a source=stale"
        in caplog.text
    )
    # It does what was promised.
    exports.server.requests.clear()
    await crawl(Movies, settings, source="stale", days="0", append="credits,images")
    assert set(exports.asked) == set(range(1, 13))
    caplog.clear()
    await crawl(Movies, settings, **of(DAY, append="credits,images"))
    assert "fetches them again" not in caplog.text
