"""``TMDB_HTTP2`` in real crawls, against hypercorn and a server that misbehaves."""

from __future__ import annotations

import asyncio
import gzip
import json
import logging
from typing import Any

import pytest
from scrapy import signals
from scrapy.exceptions import StopDownload

from tests.coroutines import coroutine_test
from tests.crawling.crawls import TOKEN, MoviesSpider, crawl, failure_rows, rows, settings_of
from tests.transport.certificates import make_contexts
from tests.transport.http2_server import (
    close_connection,
    close_in_body,
    drip,
    hang,
    hypercorn,
    reset_in_body,
    respond,
    running_http2,
)
from tests.transport.proxy import proxying

KEY = "0123456789abcdef0123456789abcdef"
NOTICE = b'{"success": false, "status_code": %d, "status_message": "No."}'


def movie(number: int) -> bytes:
    return json.dumps({"id": number, "title": f"Movie {number}", "overview": "x" * 10_000}).encode()


async def application(scope: Any, receive: Any, send: Any) -> None:
    """TMDB, well and unwell."""
    number = int(scope["path"].rpartition("/")[2])
    if number == 404:
        await respond(send, NOTICE % 34, 404)
    elif number == 429:
        await respond(send, NOTICE % 25, 429, retry_after="0")
    elif number == 500:
        await respond(send, NOTICE % 11, 500)
    elif number == 601:
        await respond(send, b"<html>Please wait</html>", content_type="text/html")
    elif number == 602:
        await respond(send, gzip.compress(movie(602)))
    elif number == 603:
        await asyncio.sleep(3)
    else:
        await respond(send, movie(number))


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    folder = tmp_path_factory.mktemp("http2")
    make_contexts(folder)
    return folder / "certificate.pem"


@pytest.fixture
def server(certificate):
    with hypercorn(application, certificate) as server:
        yield server


@pytest.fixture
def raw(tmp_path_factory):
    with running_http2(make_contexts(tmp_path_factory.mktemp("raw")).server) as server:

        async def answer(connection, asked):
            number = int(asked.path.partition("?")[0].rpartition("/")[2])
            connection.respond(asked, movie(number))

        for number in range(1, 50):
            server.scripts[f"/3/movie/{number}"] = answer
        yield server


def settings(url: str, **more: Any) -> dict[str, Any]:
    return settings_of(f"{url}/3", **{"TMDB_HTTP2": True, "TMDB_VERIFY_TLS": False, "RETRY_TIMES": 1, **more})


@coroutine_test
async def test_one_connection(server):
    ended = await crawl(MoviesSpider, settings(server.url, CONCURRENT_REQUESTS=64), ids=range(1, 201))
    assert ended.ids == set(range(1, 201))
    assert rows("SELECT count(*) FROM movies") == [(200,)]
    assert failure_rows() == []
    assert len(server.scopes) == 200
    assert len(server.connections) == 1
    assert {response.protocol for response in ended.spider.responses} == {"HTTP/2"}
    assert {str(response.ip_address) for response in ended.spider.responses} == {"127.0.0.1"}
    assert all(response.certificate.startswith(b"0") for response in ended.spider.responses)
    assert ended.stats["tmdb/pool/connections_opened"] == 1
    assert ended.stats["tmdb/pool/connections_reused"] == 199
    headers = [dict(scope["headers"]) for scope in server.scopes]
    assert {sent[b"authorization"] for sent in headers} == {f"Bearer {TOKEN}".encode()}


@coroutine_test
async def test_records_and_failures_are_those_of_http1(server):
    outcomes = {}
    for http2 in (True, False):
        database = f"sqlite:///http{2 if http2 else 1}.db"
        ended = await crawl(
            MoviesSpider,
            settings(server.url, TMDB_HTTP2=http2, TMDB_DATABASE_URL=database, TMDB_RETRY_MAX_DELAY=2),
            errors=4,
            ids=[1, 2, 404, 500, 601, 602, 603, 429],
            meta={"download_timeout": 0.6},
        )
        failures = sorted(
            (
                failure.value.path,
                type(failure.value).__mro__,
                failure.value.status_code,
                failure.value.retry_after,
            )
            for failure in ended.spider.failures
        )
        # The others depend on how long things took.
        counted = ("tmdb/request", "tmdb/response", "tmdb/error", "tmdb/retry", "tmdb/item", "retry/")
        counts = {name: value for name, value in ended.stats.items() if name.startswith(counted)}
        file = database.removeprefix("sqlite:///")
        stored = rows("SELECT id, title, raw FROM movies ORDER BY id", file)
        outcomes[http2] = failures, counts, stored, failure_rows(file)
    assert outcomes[True] == outcomes[False]
    assert [row[0] for row in outcomes[True][2]] == [1, 2, 602]
    assert [row[2:] for row in outcomes[True][3]] == [
        ("/movie/404", "NotFoundError", 404, 34, 1),
        ("/movie/429", "RateLimitError", 429, 25, 2),
        ("/movie/500", "ServerError", 500, 11, 2),
        ("/movie/601", "ResponseError", 200, None, 2),
        ("/movie/603", "ServerError", None, None, 2),
    ]
    assert {scope["http_version"] for scope in server.scopes} == {"2", "1.1"}


@pytest.mark.parametrize("script", [close_connection, close_in_body, reset_in_body, hang, drip])
@coroutine_test
async def test_a_broken_exchange_is_tried_again(raw, script):
    answer = raw.scripts["/3/movie/7"]
    answers = [script, script, answer]

    async def spoil(connection, asked):
        await (answers.pop(0) if len(answers) > 1 else answer)(connection, asked)

    raw.scripts["/3/movie/7"] = spoil
    ended = await crawl(
        MoviesSpider, settings(raw.url, RETRY_TIMES=3), ids=range(1, 21), meta={"download_timeout": 0.3}
    )
    assert ended.ids == set(range(1, 21))
    assert failure_rows() == []
    assert answers == [answer]
    # A connection that dies takes the others' exchanges with it: they are tried again, too.
    assert "tmdb/retry/given_up_count" not in ended.stats
    assert "tmdb/error_count/ResponseError" not in ended.stats


@coroutine_test
async def test_the_time_out_is_for_the_whole_download(raw):
    raw.scripts["/3/movie/7"] = drip
    ended = await crawl(
        MoviesSpider, settings(raw.url, RETRY_TIMES=0), errors=1, ids=[1, 7], meta={"download_timeout": 0.2}
    )
    assert ended.ids == {1}
    (failure,) = ended.spider.failures
    assert "longer than its total time" in failure.value.message
    assert (
        ended.stats["downloader/exception_type_count/tmdbfusion_scrapy.crawling.errors.TimeoutServerError"]
        == 1
    )


@coroutine_test
async def test_goaway_costs_no_request(raw):
    """As nginx ends a connection after so many requests."""
    answer = raw.scripts["/3/movie/1"]

    async def last_of_ten(connection, asked):
        if asked.stream == 19:
            connection.go_away(19)
        if asked.stream <= 19:
            await answer(connection, asked)

    for number in range(1, 50):
        raw.scripts[f"/3/movie/{number}"] = last_of_ten
    ended = await crawl(MoviesSpider, settings(raw.url, RETRY_TIMES=0), ids=range(1, 50))
    assert ended.ids == set(range(1, 50))
    assert "tmdb/error_count/ServerError" not in ended.stats
    assert raw.accepted == 5


@coroutine_test
async def test_an_idle_connection_that_the_server_closed_costs_no_request(certificate):
    with hypercorn(application, certificate, keep_alive_timeout=0.05) as server:
        ended = await crawl(
            MoviesSpider,
            settings(
                server.url, RETRY_TIMES=0, CONCURRENT_REQUESTS=1, DOWNLOAD_SLOTS={"tmdb": {"delay": 0.15}}
            ),
            ids=range(1, 6),
        )
    assert ended.ids == set(range(1, 6))
    assert len(server.connections) > 1
    assert len(server.scopes) == 5


@coroutine_test
async def test_stopped_downloads_leave_the_connection_as_it_was(raw):
    class StoppingSpider(MoviesSpider):
        @classmethod
        def from_crawler(cls, crawler, *args, **kwargs):
            spider = super().from_crawler(crawler, *args, **kwargs)
            crawler.signals.connect(spider.stop, signals.headers_received)
            return spider

        def stop(self, request):
            if request.url.endswith("/7"):
                raise StopDownload(fail=False)

        def parse(self, response):
            self.responses.append(response)

    raw.scripts["/3/movie/7"] = drip
    ended = await crawl(StoppingSpider, settings(raw.url), errors=None, ids=range(1, 21))
    assert len(ended.spider.responses) + len(ended.spider.failures) >= 20
    assert raw.accepted == 1


@coroutine_test
async def test_proxies(server):
    with proxying(credentials="user:pass") as proxy:
        through = f"http://user:pass@{proxy.address}"
        ended = await crawl(MoviesSpider, settings(server.url, TMDB_PROXY=through), ids=range(1, 21))
        assert len(ended.ids) == 20
        assert len(proxy.heads) == 1
        ended = await crawl(MoviesSpider, settings(server.url), ids=range(1, 21), meta={"proxy": through})
        assert len(ended.ids) == 20
        assert len(proxy.heads) == 2
    assert {scope["http_version"] for scope in server.scopes} == {"2"}
    assert not [scope for scope in server.scopes if b"proxy-authorization" in dict(scope["headers"])]


@coroutine_test
async def test_a_certificate_that_nobody_knows(server):
    ended = await crawl(
        MoviesSpider, settings(server.url, TMDB_VERIFY_TLS=True, RETRY_TIMES=0), errors=1, ids=[1]
    )
    (failure,) = ended.spider.failures
    assert "certificate verify failed" in failure.value.message
    assert server.scopes == []


@coroutine_test
async def test_a_limit_makes_the_requests_wait(raw):
    answer = raw.scripts["/3/movie/1"]

    async def too_many(connection, asked):
        raw.scripts["/3/movie/1"] = answer
        connection.respond(asked, NOTICE % 25, 429, retry_after="1")

    raw.scripts["/3/movie/1"] = too_many
    ended = await crawl(MoviesSpider, settings(raw.url, TMDB_RETRY_MAX_DELAY=5), ids=[1])
    assert ended.ids == {1}
    assert ended.stats["tmdb/error_count/RateLimitError"] == 1
    assert ended.stats["tmdb/pacing/pause_count"] == 1


@coroutine_test
async def test_a_key_is_in_no_log(raw, caplog):
    for name in ("hpack", "h2"):
        logging.getLogger(name).setLevel(logging.NOTSET)
    with caplog.at_level(logging.DEBUG):
        ended = await crawl(
            MoviesSpider,
            settings(raw.url, TMDB_ACCESS_TOKEN=None, TMDB_API_KEY=KEY, LOG_LEVEL="DEBUG"),
            ids=range(1, 4),
        )
    assert len(ended.ids) == 3
    assert all(f"api_key={KEY}" in path for path in raw.paths)
    assert KEY not in caplog.text
    assert KEY not in repr([record.args for record in caplog.records])
