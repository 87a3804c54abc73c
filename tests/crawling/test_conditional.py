"""Conditional requests: what has not changed is not sent again, and is as fresh as what was."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from tests.coroutines import coroutine_test
from tests.crawling.crawls import Crawl, MoviesSpider, crawl, failure_rows, rows, settings_of
from tests.crawling.test_sources import SourceSpider
from tmdbfusion_scrapy import TMDBSpider
from tmdbfusion_scrapy.crawling import TMDBSeriesSpider
from tmdbfusion_scrapy.crawling.responses import MOST_IGNORED, conditions_of
from tmdbfusion_scrapy.items import UnchangedRecord
from tmdbfusion_scrapy.storage.crawl_state import CrawlState
from tmdbfusion_scrapy.storage.database import open_database

APPEND = {"append_to_response": "credits,keywords,release_dates"}


def stored_etags(kind, ids, database="tmdb.db", **options):
    """What the database has of the ETags of some records."""
    engine = open_database(f"sqlite:///{database}")
    try:
        return CrawlState(engine, kind).etags_of(ids, **options)
    finally:
        engine.dispose()


class AskingSpider(MoviesSpider):
    """Asks for movies with the ETags that the database has."""

    def movie(self, movie_id, **arguments):
        request = super().movie(movie_id, **arguments)
        return conditions_of(self.crawler).conditional(request, movie_id, self.etags.get(movie_id))

    async def start(self):
        self.etags = stored_etags("movies", list(self.ids))
        async for request in super().start():
            yield request


async def ask(base_url, ids, arguments=APPEND, **settings) -> Crawl:
    given = {"TMDB_CONDITIONAL": True, **settings}
    return await crawl(AskingSpider, settings_of(base_url, **given), ids=ids, arguments=arguments)


def contents(database):
    """All that is in a database, but for the times at which it was fetched."""
    with closing(sqlite3.connect(database)) as connection:
        names = [
            name
            for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            if not name.startswith(("sqlite_", "tmdb_"))
        ]
        found = {}
        for name in names:
            columns = [column[1] for column in connection.execute(f"PRAGMA table_info({name})")]
            kept = ", ".join(f'"{column}"' for column in columns if column != "fetched_at")
            is_full = ", fetched_at IS NULL" if "fetched_at" in columns else ""
            query = f"SELECT {kept}{is_full} FROM {name}"  # noqa: S608 - names of ours
            found[name] = sorted(connection.execute(query), key=repr)
        return found


@pytest.mark.parametrize("etag", ["304", "ignore"])
@coroutine_test
async def test_after_a_day_the_database_is_that_of_a_full_crawl(tmdb_sandbox_factory, tmp_path, etag):
    sandbox = tmdb_sandbox_factory(etag=etag, daily_changed=0.3, movies=30)
    ids = sandbox.movie_ids
    await ask(sandbox.base_url, ids)
    ((before,),) = rows("SELECT max(fetched_at) FROM movies")
    full = f"sqlite:///{tmp_path / 'full.db'}"
    with (
        closing(sqlite3.connect("tmdb.db")) as source,
        closing(sqlite3.connect(tmp_path / "full.db")) as copy,
    ):
        source.backup(copy)
    sandbox.advance(days=1)
    second = await ask(sandbox.base_url, ids)
    await ask(sandbox.base_url, ids, TMDB_CONDITIONAL=False, TMDB_DATABASE_URL=full)
    assert contents("tmdb.db") == contents(tmp_path / "full.db")
    assert rows("SELECT count(*) FROM movies WHERE fetched_at > ?", given=[before]) == [
        (len(second.ids | {item.id for item in second.items if isinstance(item, UnchangedRecord)}),)
    ]
    unchanged = second.stats.get("tmdb/conditional/not_modified_count", 0)
    assert len(second.ids) + unchanged + len(second.spider.failures) == len(ids)
    if etag == "304":
        assert second.stats["tmdb/conditional/request_count"] == len(ids)
        assert 0 < unchanged < len(ids)
        assert second.stats["tmdb/response_status_count/304"] == unchanged
        spared = {item.id for item in second.items if isinstance(item, UnchangedRecord)}
        sizes = dict(rows("SELECT id, length(CAST(raw AS BLOB)) FROM movies"))
        assert second.stats["tmdb/conditional/spared_bytes"] == sum(sizes[key] for key in spared) > 0
        assert "tmdb/conditional/ignored_count" not in second.stats
    else:
        assert unchanged == 0
        assert "tmdb/conditional/spared_bytes" not in second.stats
        assert second.stats["tmdb/conditional/ignored_count"] > 0


@coroutine_test
async def test_an_unchanged_record_reaches_neither_callback_nor_errback(tmdb_sandbox_factory):
    sandbox = tmdb_sandbox_factory(etag="304")
    first = await ask(sandbox.base_url, [1])
    ((etag,),) = rows("SELECT etag FROM movies WHERE id = 1")
    second = await ask(sandbox.base_url, [1])
    assert (len(first.spider.responses), second.spider.responses, second.spider.failures) == (1, [], [])
    assert second.items == [UnchangedRecord("movies", 1, etag)]
    assert failure_rows() == []
    assert "tmdb/stored_count/movies" not in second.stats
    assert not [name for name in second.stats if name.startswith(("httperror/", "tmdb/error_count"))]


@pytest.mark.parametrize(
    ("arguments", "settings"),
    [
        ({"append_to_response": "credits"}, {}),
        (APPEND, {"TMDB_LANGUAGE": "fr-FR"}),
        (APPEND, {"TMDB_CONDITIONAL": False}),
    ],
    ids=["appends", "language", "off"],
)
@coroutine_test
async def test_another_call_is_not_conditional(tmdb_sandbox_factory, arguments, settings):
    sandbox = tmdb_sandbox_factory(etag="304")
    await ask(sandbox.base_url, [1])
    sandbox.clear()
    second = await ask(sandbox.base_url, [1], arguments, **settings)
    assert second.ids == {1}
    assert "if-none-match" not in sandbox.requests[0].headers


@coroutine_test
async def test_another_chain_of_languages_is_another_call(tmdb_sandbox_factory):
    """The URL is the same; the texts are taken from other translations."""
    sandbox = tmdb_sandbox_factory(etag="304")
    await ask(sandbox.base_url, [1], {"languages": ["fr-CA", "fr"]})
    second = await ask(sandbox.base_url, [1], {"languages": ["fr-CA", "de"]})
    assert second.ids == {1}
    first, again = sandbox.requests
    assert (first.path, first.query) == (again.path, again.query)
    third = await ask(sandbox.base_url, [1], {"languages": ["fr-CA", "de"]})
    assert third.ids == set()


@coroutine_test
async def test_a_failure_and_a_deletion_are_over_when_the_record_is_there_unchanged(tmdb_sandbox_factory):
    sandbox = tmdb_sandbox_factory(etag="304")
    await ask(sandbox.base_url, [1, 2])
    sandbox.fail_next(404, path="movie/1")
    sandbox.fail_next(500, path="movie/2")
    await ask(sandbox.base_url, [1, 2], RETRY_ENABLED=False)
    assert rows("SELECT id FROM movies WHERE deleted_at IS NOT NULL") == [(1,)]
    assert [row[1] for row in failure_rows()] == ["2"]
    ended = await ask(sandbox.base_url, [1, 2])
    assert ended.stats["tmdb/conditional/not_modified_count"] == 2
    assert rows("SELECT id FROM movies WHERE deleted_at IS NOT NULL") == failure_rows() == []


@coroutine_test
async def test_a_retry_is_conditional_too(tmdb_sandbox_factory):
    sandbox = tmdb_sandbox_factory(etag="304")
    await ask(sandbox.base_url, [1])
    sandbox.fail_next(503, path="movie/1")
    ended = await ask(sandbox.base_url, [1])
    assert ended.stats["tmdb/retry/count"] == ended.stats["tmdb/conditional/not_modified_count"] == 1


@coroutine_test
async def test_a_row_of_another_answer_is_not_touched(tmdb_sandbox_factory):
    """It was written while the 304 was on its way, or is gone: the record is still wanted."""
    sandbox = tmdb_sandbox_factory(etag="304")

    class Overtaken(AskingSpider):
        async def start(self):
            async for request in super().start():
                yield request
            with closing(sqlite3.connect("tmdb.db")) as connection, connection:
                connection.execute(
                    "UPDATE movies SET etag = 'another one', fetched_at = '2026-01-01 00:00:00'"
                )

    await ask(sandbox.base_url, [1])
    settings = settings_of(sandbox.base_url, TMDB_CONDITIONAL=True, DOWNLOAD_SLOTS={"tmdb": {"delay": 0.05}})
    ended = await crawl(Overtaken, settings, ids=[1], arguments=APPEND)
    assert ended.stats["tmdb/conditional/not_modified_count"] == 1
    assert rows("SELECT fetched_at FROM movies WHERE id = 1") == [("2026-01-01 00:00:00",)]


class SeriesSpider(TMDBSpider):
    """Asks for a series with seasons."""

    name = "series"

    async def start(self):
        for series_id, etag in [*stored_etags("tv_shows", self.ids).items()] or [(i, None) for i in self.ids]:
            parts = [f"season/{number}" for number in range(20)]
            request = self.tmdb.tv.details(series_id, append_to_response=parts, callback=self.parse)
            yield conditions_of(self.crawler).conditional(request, series_id, etag)

    def parse(self, response):
        yield response.record


@coroutine_test
async def test_what_came_inside_an_unchanged_record_is_as_fresh(tmdb_sandbox_factory):
    sandbox = tmdb_sandbox_factory(etag="304", series=20)
    series_id = sandbox.series_ids[0]
    settings = settings_of(sandbox.base_url, TMDB_CONDITIONAL=True)
    await crawl(SeriesSpider, settings, ids=[series_id])
    assert rows("SELECT count(*) FROM episodes WHERE fetched_at IS NOT NULL") != [(0,)]
    assert rows("SELECT count(*) FROM seasons WHERE etag IS NOT NULL") == [(0,)]
    ended = await crawl(SeriesSpider, settings, ids=[series_id])
    assert ended.stats["tmdb/conditional/not_modified_count"] == 1
    fresh = "SELECT fetched_at FROM {} WHERE fetched_at IS NOT NULL GROUP BY fetched_at"
    (at,) = rows(fresh.format("tv_shows"))
    assert rows(fresh.format("seasons")) == rows(fresh.format("episodes")) == [at]


@pytest.mark.parametrize("source", [{"source": "ids", "ids": "1,2,3"}, {"source": "list", "pages": "1"}])
@coroutine_test
async def test_a_run_counts_what_has_not_changed_as_done(tmdb_sandbox_factory, source):
    sandbox = tmdb_sandbox_factory(etag="304")
    settings = settings_of(sandbox.base_url, TMDB_CONDITIONAL=True)
    first = await crawl(SourceSpider, settings, **source)
    second = await crawl(SourceSpider, settings, **source)
    assert second.stats["tmdb/conditional/not_modified_count"] == len(first.ids) > 0
    assert rows("SELECT count(*) FROM tmdb_runs WHERE finished_at IS NOT NULL") == [(2,)]
    assert rows("SELECT count(*) FROM tmdb_frontier") == [(0,)]


class AllSeasonsSpider(TMDBSeriesSpider):
    name = "all_seasons"


PARTS = (
    "aggregate_credits,alternative_titles,content_ratings,credits,episode_groups,external_ids,images,keywords,lists,"
    "recommendations,reviews,screened_theatrically,similar,translations,videos,watch/providers"
)


@coroutine_test
async def test_a_series_that_its_spider_completes_by_other_requests_has_no_etag(tmdb_sandbox_factory):
    sandbox = tmdb_sandbox_factory(etag="304", series=30)
    settings = settings_of(sandbox.base_url, TMDB_CONDITIONAL=True)
    arguments = {"source": "ids", "ids": ",".join(map(str, sandbox.series_ids)), "append": PARTS}
    await crawl(AllSeasonsSpider, settings, **arguments)
    # With so many parts the first request has room for the specials and seasons 1 to 3.
    is_long = "id IN (SELECT tv_show_id FROM seasons WHERE season_number > 3)"
    have = "SELECT count(*), count(etag) FROM tv_shows WHERE {}"
    ((count, with_etag),) = rows(have.format(is_long))
    assert count > with_etag == 0
    ((count, with_etag),) = rows(have.format(f"NOT {is_long} AND fetched_at IS NOT NULL"))
    assert count == with_etag > 0
    ended = await crawl(AllSeasonsSpider, settings, **arguments)
    assert ended.stats["tmdb/conditional/not_modified_count"] == count


@coroutine_test
async def test_a_record_of_several_requests_has_no_etag(tmdb_sandbox_factory):
    """An ETag is of one of its answers."""
    sandbox = tmdb_sandbox_factory()
    many = [f"season/{number}" for number in range(25)]

    class Long(SeriesSpider):
        name = "long"

        async def start(self):
            for series_id in self.ids:
                yield self.tmdb.tv.details(series_id, append_to_response=many, callback=self.parse)

    await crawl(Long, settings_of(sandbox.base_url), ids=sandbox.series_ids[:30])
    several = "SELECT count(*) FROM tv_shows WHERE number_of_seasons > 20 AND etag IS {}"
    assert rows(several.format("NOT NULL")) == [(0,)]
    assert rows("SELECT count(*) FROM tv_shows WHERE etag IS NOT NULL")[0][0] > 0


@coroutine_test
async def test_records_without_their_document_are_sent_again_where_it_is_wanted(tmdb_sandbox):
    await ask(tmdb_sandbox.base_url, [1], TMDB_STORE_RAW=False)
    assert list(stored_etags("movies", [1])) == [1]
    assert stored_etags("movies", [1], with_raw=True) == {}
    await ask(tmdb_sandbox.base_url, [1])
    assert list(stored_etags("movies", [1, 2], with_raw=True)) == [1]


@coroutine_test
async def test_a_server_that_ignores_it_is_soon_asked_no_more(tmdb_sandbox, caplog):
    ids = tmdb_sandbox.movie_ids[: MOST_IGNORED + 20]
    await ask(tmdb_sandbox.base_url, ids, {})
    caplog.clear()
    with caplog.at_level("INFO"):
        ended = await ask(tmdb_sandbox.base_url, ids, {})
    assert ended.ids == set(ids)
    assert ended.stats["tmdb/conditional/ignored_count"] >= MOST_IGNORED
    assert sum("does not heed If-None-Match" in record.getMessage() for record in caplog.records) == 1
    conditions = conditions_of(ended.crawler)
    assert not conditions.asks
    request = ended.spider.responses[0].request.replace(headers={})
    assert not conditions.conditional(request, 1, stored_etags("movies", [1])[1]).headers


@coroutine_test
async def test_a_304_with_headers_of_the_body_that_it_has_not(raw_server):
    """As a CDN may send it: with the type, the coding and even the length of what it stands for."""

    async def answer(connection, seen):
        kept = 'Content-Type: application/json;charset=utf-8\r\nETag: W/"1"\r\n'
        if seen.header("If-None-Match"):
            head = (
                f"HTTP/1.1 304 Not Modified\r\nContent-Length: 1234\r\nContent-Encoding: gzip\r\n{kept}\r\n"
            )
            connection.send(head.encode())
        else:
            connection.respond(b'{"id": 1, "title": "There"}', headers=kept)

    raw_server.scripts["/3/movie/1"] = answer
    url = f"{raw_server.url}/3"
    await ask(url, [1], {})
    ended = await ask(url, [1], {})
    assert ended.stats["tmdb/conditional/not_modified_count"] == 1
    assert "tmdb/retry/count" not in ended.stats


@coroutine_test
async def test_the_http_cache_goes_first(tmdb_sandbox_factory, tmp_path):
    """What it has answers; a 304 for what only the database has is not taken for one of the cache."""
    sandbox = tmdb_sandbox_factory(etag="304")
    cache = {
        "HTTPCACHE_ENABLED": True,
        "HTTPCACHE_DIR": str(tmp_path / "cache"),
        "HTTPCACHE_POLICY": "scrapy.extensions.httpcache.RFC2616Policy",
    }
    await ask(sandbox.base_url, [1])
    second = await ask(sandbox.base_url, [1], **cache)
    assert second.stats["tmdb/conditional/not_modified_count"] == 1
    assert "httpcache/store" not in second.stats
    await ask(sandbox.base_url, [1], TMDB_CONDITIONAL=False, **cache)
    fourth = await ask(sandbox.base_url, [1], **cache)
    assert fourth.ids == {1}
    assert "tmdb/request_count" not in fourth.stats


@coroutine_test
async def test_a_304_about_the_database_is_none_about_what_the_cache_has(raw_server, tmp_path):
    """An old answer without an ETag stands in the cache, a newer one in the database."""
    cache = {
        "HTTPCACHE_ENABLED": True,
        "HTTPCACHE_DIR": str(tmp_path / "cache"),
        "HTTPCACHE_POLICY": "scrapy.extensions.httpcache.RFC2616Policy",
    }
    kept = ["Cache-Control: max-age=0\r\n", b'{"id": 1, "title": "Old"}']

    async def answer(connection, seen):
        if seen.header("If-None-Match"):
            connection.respond(b"", status="304 Not Modified", headers=kept[0])
        else:
            connection.respond(kept[1], headers=f"Content-Type: application/json\r\n{kept[0]}")

    raw_server.scripts["/3/movie/1"] = answer
    url = f"{raw_server.url}/3"
    assert (await ask(url, [1], {}, **cache)).stats["httpcache/store"] == 1
    kept[:] = ['ETag: "2"\r\n', b'{"id": 1, "title": "New"}']
    await ask(url, [1], {})
    ended = await ask(url, [1], {}, **cache)
    assert [type(item) for item in ended.items] == [UnchangedRecord]
    assert rows("SELECT title FROM movies") == [("New",)]
