"""What the server does wrong: tried again, stored, or on record; the rest of the crawl goes on."""

from __future__ import annotations

import asyncio
import gzip
import json
import re
import socket
import time
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime

import pytest

from tests.coroutines import coroutine_test
from tests.crawling.crawls import TOKEN, MoviesSpider, crawl, failure_rows, rows, settings_of
from tests.patience import with_more_time
from tests.transport.server import truncate_chunked
from tmdbfusion_scrapy.exceptions import TMDBError

PASSING = [
    pytest.param("reset", {}, "ServerError", None, None, id="reset"),
    pytest.param("reset-body", {}, "ServerError", None, None, id="reset-in-body"),
    pytest.param("truncate", {}, "ServerError", None, None, id="short-body"),
    pytest.param("html", {}, "ResponseError", 200, None, id="html"),
    pytest.param("empty", {}, "ResponseError", 200, None, id="empty-body"),
    pytest.param("list", {}, "ResponseError", 200, None, id="list"),
    pytest.param("timeout", {"download_timeout": 0.2}, "ServerError", None, None, id="hang"),
    pytest.param(500, {}, "ServerError", 500, 11, id="500"),
    pytest.param(502, {}, "ServerError", 502, 43, id="502"),
    pytest.param(503, {}, "ServerError", 503, 9, id="503"),
    pytest.param(504, {}, "ServerError", 504, 24, id="504"),
]
"""Fault, meta of the requests, error, HTTP status, TMDB code."""


class SpoiledSpider(MoviesSpider):
    """Gives its meta to the first movie alone: the others are not to be timed out."""

    def movie(self, movie_id, **arguments):
        meta = {} if movie_id == self.ids[0] else {"meta": {}}
        return super().movie(movie_id, **meta, **arguments)


async def crawl_four(sandbox, *, meta=None, errors=0, **settings):
    """Crawl four movies; the first one is the one that a test spoils."""
    bad, *good = sandbox.movie_ids[:4]
    ended = await crawl(
        SpoiledSpider, settings_of(sandbox.base_url, **settings), errors=errors, ids=[bad, *good], meta=meta
    )
    for failure in ended.spider.failures:
        assert isinstance(failure.value, TMDBError)
    assert ended.ids >= set(good)
    assert set(rows("SELECT id FROM movies")) >= {(number,) for number in good}
    return ended, bad


@coroutine_test
async def test_a_crawl_without_faults(tmdb_sandbox):
    ids = tmdb_sandbox.movie_ids[:20]
    ended = await crawl(MoviesSpider, settings_of(tmdb_sandbox.base_url), ids=ids)
    assert ended.ids == set(ids)
    assert rows("SELECT count(*) FROM movies") == [(20,)]
    assert failure_rows() == []
    assert ended.stats["tmdb/request_count"] == 20
    assert ended.stats["tmdb/response_status_count/200"] == 20
    assert ended.stats["tmdb/item_count/movies"] == 20
    assert ended.stats["tmdb/stored_count/movies"] == 20
    assert "tmdb/retry/count" not in ended.stats
    seen = tmdb_sandbox.requests
    assert {request.headers["authorization"] for request in seen} == {f"Bearer {TOKEN}"}
    assert {request.headers["accept"] for request in seen} == {"application/json"}


@pytest.mark.parametrize(("fault", "meta", "error", "status", "code"), PASSING)
@coroutine_test
@with_more_time
async def test_a_fault_that_passes(tmdb_sandbox, fault, meta, error, status, code, scale):
    tmdb_sandbox.clear()
    tmdb_sandbox.fail_next(fault, path=f"movie/{tmdb_sandbox.movie_ids[0]}")
    meta = {name: value * scale for name, value in meta.items()}
    ended, bad = await crawl_four(tmdb_sandbox, meta=meta)
    assert bad in ended.ids
    assert rows("SELECT count(*) FROM movies") == [(4,)]
    assert failure_rows() == []
    assert ended.stats["tmdb/retry/count"] == ended.stats["retry/count"] == 1
    assert ended.stats[f"tmdb/error_count/{error}"] == 1
    reason = f"{status} {error}" if status else error
    assert ended.stats[f"retry/reason_count/{reason}"] == 1
    assert "tmdb/retry/given_up_count" not in ended.stats


@pytest.mark.parametrize(("fault", "meta", "error", "status", "code"), PASSING)
@coroutine_test
async def test_a_fault_that_stays(tmdb_sandbox, fault, meta, error, status, code):
    # More than there are attempts: the transport sends again by itself what a reused connection swallowed.
    tmdb_sandbox.fail_next(fault, times=10, path=f"movie/{tmdb_sandbox.movie_ids[0]}")
    # get_retry_request says at ERROR that it gave up.
    ended, bad = await crawl_four(tmdb_sandbox, meta=meta, errors=1)
    assert failure_rows() == [("movies", str(bad), f"/movie/{bad}", error, status, code, 3)]
    assert ended.stats["tmdb/retry/count"] == 2
    assert ended.stats["retry/max_reached"] == 1
    assert ended.stats[f"tmdb/error_count/{error}"] == 3
    assert ended.stats["tmdb/retry/given_up_count"] == 1
    (failure,) = ended.spider.failures
    assert failure.value.retryable
    assert (failure.value.method, failure.value.path) == ("GET", f"/movie/{bad}")


@pytest.mark.parametrize(
    ("status", "error", "code"),
    [
        (400, "ValidationError", 47),
        (403, "PermissionDeniedError", 45),
        (404, "NotFoundError", 34),
        (405, "ValidationError", 42),
        (406, "ValidationError", 19),
        (422, "ValidationError", 5),
    ],
)
@coroutine_test
async def test_what_will_not_pass_is_not_tried_again(tmdb_sandbox, status, error, code):
    body = {"success": False, "status_code": code, "status_message": "No."}
    path = f"movie/{tmdb_sandbox.movie_ids[0]}"
    tmdb_sandbox.fail_next(status, path=path, body=body)
    ended, bad = await crawl_four(tmdb_sandbox)
    assert failure_rows() == [("movies", str(bad), f"/movie/{bad}", error, status, code, 1)]
    assert rows("SELECT message, retryable FROM tmdb_failures") == [("No.", 0)]
    assert ended.stats[f"tmdb/error_count/{error}"] == 1
    assert ended.stats[f"tmdb/response_status_count/{status}"] == 1
    assert "tmdb/retry/count" not in ended.stats


@coroutine_test
async def test_a_record_that_comes_later_takes_its_failure_off_the_list(tmdb_sandbox):
    tmdb_sandbox.fail_next(404, path=f"movie/{tmdb_sandbox.movie_ids[0]}")
    await crawl_four(tmdb_sandbox)
    assert len(failure_rows()) == 1
    await crawl_four(tmdb_sandbox)
    assert failure_rows() == []
    assert rows("SELECT count(*) FROM movies") == [(4,)]


@coroutine_test
async def test_a_page_that_fails_is_on_record_with_its_query(tmdb_sandbox):
    class PageSpider(MoviesSpider):
        name = "page"

        async def start(self):
            yield self.tmdb.discover.movie(page=3, primary_release_year=1999, callback=self.parse)

    tmdb_sandbox.fail_next(422)
    await crawl(PageSpider, settings_of(tmdb_sandbox.base_url))
    ((kind, number, path, *_),) = failure_rows()
    assert (kind, number) == ("discover", None)
    assert path.startswith("/discover/movie?")
    assert "page=3" in path
    assert "primary_release_year=1999" in path


@coroutine_test
async def test_a_bad_token_closes_the_spider(tmdb_sandbox_factory, caplog):
    sandbox = tmdb_sandbox_factory(token="another")
    ended = await crawl(
        MoviesSpider,
        settings_of(sandbox.base_url, CONCURRENT_REQUESTS=4),
        finish_reason="tmdb_bad_token",
        errors=1,
        ids=range(1, 60),
    )
    assert len(sandbox.requests) <= 4
    (line,) = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert "TMDB_ACCESS_TOKEN" in line
    assert TOKEN not in line
    assert {row[3:6] for row in failure_rows()} == {("AuthenticationError", 401, 7)}
    assert ended.items
    assert not ended.ids


@coroutine_test
async def test_what_is_forbidden_to_one_call_does_not_close_the_spider(tmdb_sandbox):
    body = {"success": False, "status_code": 3, "status_message": "Authentication failed."}
    tmdb_sandbox.fail_next(401, path=f"movie/{tmdb_sandbox.movie_ids[0]}", body=body)
    _, bad = await crawl_four(tmdb_sandbox)
    assert failure_rows() == [("movies", str(bad), f"/movie/{bad}", "PermissionDeniedError", 401, 3, 1)]


def received(sandbox, movie_id):
    """When the requests for a movie came, of ``time.monotonic()``."""
    return [seen.received_at for seen in sandbox.requests if seen.path == f"/3/movie/{movie_id}"]


@coroutine_test
async def test_retry_after_in_seconds_is_waited_for(tmdb_sandbox):
    tmdb_sandbox.fail_next(429, path=f"movie/{tmdb_sandbox.movie_ids[0]}", headers={"Retry-After": "1"})
    ended, bad = await crawl_four(tmdb_sandbox, TMDB_RETRY_MAX_DELAY=10)
    first, second = received(tmdb_sandbox, bad)
    assert second - first >= 1
    assert ended.ids == set(tmdb_sandbox.movie_ids[:4])
    assert ended.stats["tmdb/error_count/RateLimitError"] == 1
    assert ended.stats["retry/reason_count/429 RateLimitError"] == 1
    assert ended.stats["tmdb/rate_limit/pause_count"] == 1


@coroutine_test
async def test_retry_after_as_a_date_is_waited_for(tmdb_sandbox):
    date = (datetime.now(timezone.utc) + timedelta(seconds=2)).replace(microsecond=0)
    until = time.monotonic() + (date - datetime.now(timezone.utc)).total_seconds()
    tmdb_sandbox.fail_next(
        503,
        path=f"movie/{tmdb_sandbox.movie_ids[0]}",
        headers={"Retry-After": format_datetime(date, usegmt=True)},
    )
    ended, bad = await crawl_four(tmdb_sandbox, TMDB_RETRY_MAX_DELAY=10)
    # The clock and time.monotonic() may drift apart a little.
    assert received(tmdb_sandbox, bad)[1] >= until - 0.05
    assert bad in ended.ids


@pytest.mark.parametrize("value", ["3600", "Fri, 31 Dec 2100 23:59:59 GMT"])
@coroutine_test
async def test_a_retry_after_that_is_too_long_ends_the_retries(tmdb_sandbox, value):
    path = f"movie/{tmdb_sandbox.movie_ids[0]}"
    tmdb_sandbox.fail_next(503, path=path, headers={"Retry-After": value})
    _, bad = await crawl_four(tmdb_sandbox)
    assert failure_rows() == [("movies", str(bad), f"/movie/{bad}", "ServerError", 503, 9, 1)]


@pytest.mark.parametrize("value", ["soon", "-1", "nan", ""])
@coroutine_test
async def test_a_retry_after_that_is_none_is_left_out_of_account(tmdb_sandbox, value):
    path = f"movie/{tmdb_sandbox.movie_ids[0]}"
    tmdb_sandbox.fail_next(503, path=path, headers={"Retry-After": value})
    ended, bad = await crawl_four(tmdb_sandbox)
    assert bad in ended.ids


@coroutine_test
async def test_a_503_with_retry_after_makes_all_wait(tmdb_sandbox):
    tmdb_sandbox.fail_next(503, path=f"movie/{tmdb_sandbox.movie_ids[0]}", headers={"Retry-After": "1"})
    ended, bad = await crawl_four(tmdb_sandbox, TMDB_RETRY_MAX_DELAY=10, CONCURRENT_REQUESTS=1)
    first, *others = sorted(seen.received_at for seen in tmdb_sandbox.requests if "movie" in seen.path)
    assert min(others) - first >= 0.95
    assert ended.stats["tmdb/rate_limit/pause_count"] == 1
    assert bad in ended.ids


@coroutine_test
async def test_a_429_without_retry_after(tmdb_sandbox):
    tmdb_sandbox.fail_next(429, path=f"movie/{tmdb_sandbox.movie_ids[0]}")
    ended, bad = await crawl_four(tmdb_sandbox)
    assert bad in ended.ids
    assert ended.stats["tmdb/retry/count"] == 1
    assert ended.stats["tmdb/rate_limit/pause_count"] == 1


@coroutine_test
@with_more_time
async def test_a_server_that_limits_the_rate_gives_all_records_in_the_end(tmdb_sandbox_factory, scale):
    # A limit that this machine can pass, however busy it is.
    sandbox = tmdb_sandbox_factory(rate_limit=20 // scale)
    ids = sandbox.movie_ids[: 32 // scale]
    ended = await crawl(MoviesSpider, settings_of(sandbox.base_url, RETRY_TIMES=10), ids=ids)
    assert ended.ids == set(ids)
    assert ended.stats["tmdb/response_status_count/429"] >= 1
    assert failure_rows() == []


@coroutine_test
async def test_a_refused_connection():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    ended = await crawl(MoviesSpider, settings_of(f"http://127.0.0.1:{port}/3"), errors=1, ids=[550])
    assert failure_rows() == [("movies", "550", "/movie/550", "ServerError", None, None, 3)]
    assert ended.stats["tmdb/request_count"] == 3
    ((message,),) = rows("SELECT message FROM tmdb_failures")
    assert message.startswith("ConnectError: Cannot connect to ")


@coroutine_test
async def test_a_body_that_is_too_large_is_not_read_and_not_tried_again(tmdb_sandbox):
    tmdb_sandbox.fail_next("large", path=f"movie/{tmdb_sandbox.movie_ids[0]}")
    ended, bad = await crawl_four(tmdb_sandbox, DOWNLOAD_MAXSIZE=1_000_000)
    assert failure_rows() == [("movies", str(bad), f"/movie/{bad}", "ResponseError", None, None, 1)]
    ((message,),) = rows("SELECT message FROM tmdb_failures")
    assert re.search(r"\b50\d{6} bytes", message)
    assert "DOWNLOAD_MAXSIZE" in message
    assert ended.stats["downloader/response_bytes"] < 1_000_000


@coroutine_test
async def test_a_body_without_a_length_that_gets_too_large(raw_server):
    async def endless(connection, seen):
        connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while not connection.lost.is_set():
            connection.send(b"4000\r\n" + b"x" * 0x4000 + b"\r\n")
            await asyncio.sleep(0.001)

    raw_server.scripts["/3/movie/1"] = endless
    settings = settings_of(f"{raw_server.url}/3", DOWNLOAD_MAXSIZE=100_000)
    await crawl(MoviesSpider, settings, ids=[1])
    assert [row[3] for row in failure_rows()] == ["ResponseError"]


@pytest.mark.parametrize("labelled", [True, False])
@coroutine_test
async def test_a_gzip_bomb_is_not_unpacked(raw_server, labelled):
    async def bomb(connection, seen):
        header = "Content-Encoding: gzip\r\n" if labelled else ""
        connection.respond(gzip.compress(b"x" * 5_000_000), headers=header)

    raw_server.scripts["/3/movie/1"] = bomb
    settings = settings_of(f"{raw_server.url}/3", DOWNLOAD_MAXSIZE=100_000)
    await crawl(MoviesSpider, settings, ids=[1])
    ((*_, attempts),) = failure_rows()
    assert attempts == 1
    ((message,),) = rows("SELECT message FROM tmdb_failures")
    assert "DOWNLOAD_MAXSIZE" in message


@coroutine_test
async def test_a_large_body_is_warned_of_once(tmdb_sandbox_factory, caplog):
    sandbox = tmdb_sandbox_factory(large_body_bytes=300_000)
    sandbox.fail_next("large", path=f"movie/{sandbox.movie_ids[0]}")
    ended, bad = await crawl_four(sandbox, DOWNLOAD_WARNSIZE=100_000)
    assert bad in ended.ids
    lines = [record.getMessage() for record in caplog.records if "warn size" in record.getMessage()]
    assert len(lines) == 1


@pytest.mark.parametrize("labelled", [True, False])
@coroutine_test
async def test_gzip_labelled_and_not(raw_server, labelled):
    body = json.dumps({"id": 1, "title": "Zipped"}).encode()

    async def zipped(connection, seen):
        header = "Content-Encoding: gzip\r\n" if labelled else ""
        connection.respond(gzip.compress(body), headers=header)

    raw_server.scripts["/3/movie/1"] = zipped
    ended = await crawl(MoviesSpider, settings_of(f"{raw_server.url}/3"), ids=[1])
    assert rows("SELECT id, title FROM movies") == [(1, "Zipped")]
    (response,) = ended.spider.responses
    assert response.body == body
    assert b"Content-Encoding" not in response.headers


@coroutine_test
async def test_gzip_that_is_cut_short_is_no_record(raw_server):
    async def cut(connection, seen):
        packed = gzip.compress(json.dumps({"id": 1, "title": "Zipped"}).encode())
        connection.respond(packed[:-12], headers="Content-Encoding: gzip\r\n")

    raw_server.scripts["/3/movie/1"] = cut
    settings = settings_of(f"{raw_server.url}/3", RETRY_TIMES=1)
    await crawl(MoviesSpider, settings, errors=1, ids=[1])
    assert [row[3:] for row in failure_rows()] == [("ResponseError", None, None, 2)]
    assert rows("SELECT count(*) FROM movies") == [(0,)]


@coroutine_test
async def test_a_chunked_body_that_is_cut_short_is_no_record(raw_server):
    raw_server.scripts["/3/movie/1"] = truncate_chunked
    settings = settings_of(f"{raw_server.url}/3", RETRY_TIMES=0)
    await crawl(MoviesSpider, settings, errors=1, ids=[1])
    assert [row[3] for row in failure_rows()] == ["ServerError"]


@coroutine_test
async def test_null_in_every_field(tmdb_sandbox):
    tmdb_sandbox.fail_next("null-fields", path=f"movie/{tmdb_sandbox.movie_ids[0]}")
    ended, bad = await crawl_four(tmdb_sandbox)
    assert bad in ended.ids
    query = "SELECT title, budget, release_date FROM movies WHERE id = ?"
    assert rows(query, given=[bad]) == [(None, None, None)]
    assert failure_rows() == []
    assert not [name for name in ended.stats if name.startswith("tmdb/drift_count/")]


@coroutine_test
async def test_unknown_fields(tmdb_sandbox):
    tmdb_sandbox.fail_next("unknown-fields", path=f"movie/{tmdb_sandbox.movie_ids[0]}")
    ended, bad = await crawl_four(tmdb_sandbox)
    assert bad in ended.ids
    ((raw,),) = rows("SELECT raw FROM movies WHERE id = ?", given=[bad])
    assert json.loads(raw)["sandbox_unknown"] == {"nested": [1, None, "x"]}


@coroutine_test
async def test_numbers_as_strings(tmdb_sandbox):
    _, bad = await crawl_four(tmdb_sandbox)
    query = "SELECT title, budget, revenue, runtime, popularity, vote_average FROM movies WHERE id = ?"
    before = rows(query, given=[bad])
    tmdb_sandbox.fail_next("string-numbers", path=f"movie/{bad}")
    ended, _ = await crawl_four(tmdb_sandbox)
    assert rows(query, given=[bad]) == before
    assert failure_rows() == []
    drift = {name: count for name, count in ended.stats.items() if name.startswith("tmdb/drift_count/")}
    assert drift["tmdb/drift_count/MovieDetails.budget"] == 1


@coroutine_test
async def test_a_page_of_results_with_null_in_every_field(tmdb_sandbox):
    class PageSpider(MoviesSpider):
        name = "page"

        async def start(self):
            yield self.tmdb.movies.popular(callback=self.parse_page)

        def parse_page(self, response):
            for entry in response.record.results:
                yield self.movie(entry.id)

    tmdb_sandbox.fail_next("null-fields", path="movie/popular")
    ended = await crawl(PageSpider, settings_of(tmdb_sandbox.base_url))
    assert len(ended.ids) == 20
