"""Scrapy's HTTP cache: what it keeps of TMDB, what it never keeps, and when it asks again."""

from __future__ import annotations

import time

import pytest

from tests.coroutines import coroutine_test
from tests.crawling.crawls import MoviesSpider, crawl, rows, settings_of
from tests.crawling.test_wiring import BothSpider
from tests.transport.server import running
from tmdbfusion_scrapy.crawling.responses import TMDBCachePolicy

RFC2616 = "scrapy.extensions.httpcache.RFC2616Policy"
DUMMY = "scrapy.extensions.httpcache.DummyPolicy"
FOR_HOURS = {"Cache-Control": "public, max-age=28800", "ETag": 'W/"1"'}


@pytest.fixture
def cached(tmp_path):
    """Settings of a crawl with a cache."""

    def settings(base_url, policy=RFC2616, **more):
        cache = {
            "HTTPCACHE_ENABLED": True,
            "HTTPCACHE_DIR": str(tmp_path / "cache"),
            "HTTPCACHE_POLICY": policy,
        }
        return settings_of(base_url, **cache, **more)

    return settings


@pytest.fixture
def later(monkeypatch):
    """Let the cache believe that hours have passed."""

    def pass_by(hours):
        monkeypatch.setattr("scrapy.extensions.httpcache.time", lambda: time.time() + hours * 3600)

    return pass_by


@pytest.mark.parametrize("policy", [RFC2616, DUMMY], ids=["rfc2616", "dummy"])
@coroutine_test
async def test_a_second_crawl_is_answered_without_a_request(tmdb_sandbox, cached, policy):
    settings = cached(tmdb_sandbox.base_url, policy)
    first = await crawl(MoviesSpider, settings, ids=[1, 2, 3])
    tmdb_sandbox.clear()
    second = await crawl(MoviesSpider, settings, ids=[1, 2, 3])
    assert tmdb_sandbox.requests == []
    assert second.stats["httpcache/hit"] == 3
    assert sorted(second.items, key=lambda item: item.id) == sorted(first.items, key=lambda item: item.id)


STATUSES = (401, 404, 408, 422, 429, 500, 503)


@pytest.mark.parametrize("policy", [RFC2616, DUMMY], ids=["rfc2616", "dummy"])
@coroutine_test
async def test_an_error_is_never_kept(tmdb_sandbox, cached, policy):
    """Not even one that TMDB calls cacheable, as it does a 404."""
    for status in STATUSES:
        tmdb_sandbox.fail_next(status, path=f"movie/{status}", headers=FOR_HOURS)
    settings = cached(tmdb_sandbox.base_url, policy, RETRY_ENABLED=False)
    meta = {"handle_httpstatus_all": True}
    failed = await crawl(MoviesSpider, settings, ids=STATUSES, meta=meta)
    assert sorted(response.status for response in failed.spider.responses) == list(STATUSES)
    assert failed.stats["httpcache/uncacheable"] == len(STATUSES)
    again = await crawl(MoviesSpider, settings, ids=STATUSES)
    assert again.ids == set(STATUSES)
    assert again.stats["httpcache/store"] == len(STATUSES)


NOTICE = {"success": False, "status_code": 21, "status_message": "Entry not found: The item cannot be found."}
FAULTS = ("empty", "html", "list", "gzip-corrupt", "truncate")


@pytest.mark.parametrize("policy", [RFC2616, DUMMY], ids=["rfc2616", "dummy"])
@coroutine_test
async def test_a_200_that_is_no_record_is_never_kept_and_its_retry_is(tmdb_sandbox, cached, policy):
    tmdb_sandbox.fail_next(200, path="movie/1", headers=FOR_HOURS, body=NOTICE)
    ids = range(2, 2 + len(FAULTS))
    for movie_id, fault in zip(ids, FAULTS, strict=True):
        tmdb_sandbox.fail_next(fault, path=f"movie/{movie_id}")
    settings = cached(tmdb_sandbox.base_url, policy, DOWNLOAD_FAIL_ON_DATALOSS=False)
    first = await crawl(MoviesSpider, settings, ids=[1, *ids])
    assert first.ids == set(ids)
    # A notice of failure is no reason to try again.
    second = await crawl(MoviesSpider, settings, ids=[1, *ids])
    assert second.ids == {1, *ids}
    assert second.stats["tmdb/request_count"] == 1


@coroutine_test
async def test_a_retry_is_kept(tmdb_sandbox, cached):
    tmdb_sandbox.fail_next(500, path="movie/1", headers=FOR_HOURS)
    settings = cached(tmdb_sandbox.base_url)
    first = await crawl(MoviesSpider, settings, ids=[1])
    assert (first.stats["tmdb/request_count"], first.stats["httpcache/store"]) == (2, 1)
    second = await crawl(MoviesSpider, settings, ids=[1])
    assert "tmdb/request_count" not in second.stats


@coroutine_test
async def test_max_age_is_heeded_and_what_is_stale_is_asked_for_by_its_etag(
    tmdb_sandbox_factory, cached, later
):
    sandbox = tmdb_sandbox_factory(etag="304")
    settings = cached(sandbox.base_url)
    first = await crawl(MoviesSpider, settings, ids=[1, 2])
    sandbox.clear()
    later(hours=0.5)
    await crawl(MoviesSpider, settings, ids=[1, 2])
    assert sandbox.requests == []
    later(hours=9)
    third = await crawl(MoviesSpider, settings, ids=[1, 2])
    assert all(request.headers["if-none-match"].startswith('W/"') for request in sandbox.requests)
    assert third.stats["tmdb/response_status_count/304"] == third.stats["httpcache/revalidate"] == 2
    assert sorted(third.items, key=lambda item: item.id) == sorted(first.items, key=lambda item: item.id)
    assert "tmdb/conditional/not_modified_count" not in third.stats


@coroutine_test
async def test_what_is_stale_and_has_changed_comes_anew(tmdb_sandbox_factory, cached, later):
    sandbox = tmdb_sandbox_factory(etag="304", daily_changed=0.5)
    settings = cached(sandbox.base_url)
    ids = sandbox.movie_ids[:20]
    await crawl(MoviesSpider, settings, ids=ids)
    sandbox.advance(days=1)
    later(hours=9)
    cached_crawl = await crawl(MoviesSpider, settings, ids=ids)
    plain = await crawl(MoviesSpider, settings_of(sandbox.base_url), ids=ids)
    assert cached_crawl.stats["httpcache/revalidate"] > 0
    assert cached_crawl.stats["httpcache/invalidate"] > 0
    by_id = [sorted(ended.items, key=lambda item: item.id) for ended in (cached_crawl, plain)]
    assert by_id[0] == by_id[1]


@pytest.mark.parametrize("policy", [RFC2616, DUMMY], ids=["rfc2616", "dummy"])
@coroutine_test
async def test_a_bad_answer_from_before_is_asked_for_again(tmdb_sandbox, cached, monkeypatch, policy):
    """A 404 that was kept by whatever wrote into the cache, with which a crawl would go wrong for good."""
    tmdb_sandbox.fail_next(404, path="movie/1", headers=FOR_HOURS)
    settings = cached(tmdb_sandbox.base_url, policy)
    with monkeypatch.context() as unguarded:
        unguarded.setattr(TMDBCachePolicy, "should_cache_response", lambda *_: True)
        before = await crawl(MoviesSpider, settings, ids=[1])
    assert (before.ids, before.stats["httpcache/store"]) == (set(), 1)
    ended = await crawl(MoviesSpider, settings, ids=[1])
    assert ended.ids == {1}
    assert ended.stats["httpcache/store"] == 1


@coroutine_test
async def test_a_304_does_not_change_how_the_kept_body_is_read(raw_server, cached):
    """It may name the coding of the body that it does not have."""

    async def answer(connection, seen):
        headers = 'ETag: "1"\r\nContent-Type: application/json\r\nCache-Control: max-age=0\r\n'
        if seen.header("If-None-Match"):
            headers += "Content-Encoding: gzip\r\n"
            connection.send(f"HTTP/1.1 304 Not Modified\r\nContent-Length: 99\r\n{headers}\r\n".encode())
        else:
            connection.respond(b'{"id": 1, "title": "There"}', headers=headers)

    raw_server.scripts["/3/movie/1"] = answer
    for _ in range(3):
        ended = await crawl(MoviesSpider, cached(f"{raw_server.url}/3"), ids=[1])
        assert [item.title for item in ended.items] == ["There"]
    assert ended.stats["httpcache/revalidate"] == 1


class OthersSpider(BothSpider):
    """Takes whatever another host answers."""

    handle_httpstatus_list = (404, 500)


@coroutine_test
async def test_other_hosts_are_left_to_the_policy_that_the_user_chose(tmdb_sandbox, cached):
    async def answer(connection, seen):
        connection.respond(b"no", status=f"{seen.target[1:]} No")

    with running() as other:
        urls = [f"{other.url}/{status}" for status in (404, 500)]
        other.scripts.update({f"/{status}": answer for status in (404, 500)})
        settings = cached(tmdb_sandbox.base_url, DUMMY, HTTPCACHE_IGNORE_HTTP_CODES=[500], RETRY_TIMES=0)
        for _ in range(2):
            ended = await crawl(OthersSpider, settings, ids=[1], other_urls=urls, errors=None)
            assert sorted(response.status for response in ended.spider.others) == [404, 500]
        assert sorted(seen.target for seen in other.requests) == ["/404", "/500", "/500"]
    assert rows("SELECT id FROM movies") == [(1,)]
