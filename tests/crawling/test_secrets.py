"""The token or key reaches the server and nothing else."""

from __future__ import annotations

import asyncio
import logging
import socket
import traceback

import pytest
import scrapy

from tests.coroutines import coroutine_test
from tests.crawling.crawls import MoviesSpider, crawl, rows, settings_of
from tests.transport.server import running

V4_TOKEN = "eyJhbGciOiJIUzI1NiJ9.c2VjcmV0LW9mLXRoZS10ZXN0cw.c2lnbmF0dXJl-x_1"
V3_KEY = "0a1b2c3d4e5f60718293a4b5c6d7e8f9"

CREDENTIALS = [
    pytest.param({"TMDB_ACCESS_TOKEN": V4_TOKEN}, V4_TOKEN, id="v4"),
    pytest.param({"TMDB_ACCESS_TOKEN": None, "TMDB_API_KEY": V3_KEY}, V3_KEY, id="v3"),
]

FAULTS = ["reset", "reset-body", "truncate", "html", "empty", "list", "gzip-unlabelled", "large", "timeout"]
FAULTS += ["string-numbers", "400", "403", "404", "422", "429", "500", "503", "302"]


class SpoiledSpider(MoviesSpider):
    """Waits but a moment for the answers that may never come."""

    name = "spoiled"

    def movie(self, movie_id, **arguments):
        is_spoiled = movie_id in self.ids[: len(FAULTS)]
        return super().movie(movie_id, meta={"download_timeout": 0.3} if is_spoiled else {}, **arguments)


class StoppedSpider(MoviesSpider):
    """Is stopped while requests are in the queue."""

    name = "stopped"

    def parse(self, response):
        yield from super().parse(response)
        if len(self.responses) == 5:
            self.closing = asyncio.ensure_future(self.crawler.engine.close_spider_async(reason="stopped"))


def files_with(secret, folder):
    """The files of a folder in which a secret stands, and how many there are in all."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    needle = secret.encode()
    return [path for path in files if needle in path.read_bytes()], len(files)


def told(failure, spider):
    """All that an error says of itself and of what led to it."""
    texts = [failure.getTraceback(), repr(failure.request), str(failure.request.to_dict(spider=spider))]
    errors = [failure.value]
    while errors:
        error = errors.pop()
        texts += [str(error), repr(error), str(vars(error)), "".join(traceback.format_exception(error))]
        errors += [other for other in (error.__cause__, error.__context__) if other is not None]
    return "\n".join(texts)


@pytest.mark.parametrize(("credentials", "secret"), CREDENTIALS)
@coroutine_test
async def test_the_secret_is_nowhere_but_at_the_server(
    tmdb_sandbox_factory, tmp_path, caplog, credentials, secret
):
    caplog.set_level(logging.DEBUG)
    sandbox = tmdb_sandbox_factory(token=secret)
    ids = sandbox.movie_ids[:40]
    for movie_id, fault in zip(ids, FAULTS, strict=False):
        sandbox.fail_next(fault, path=f"movie/{movie_id}", times=2)
    settings = settings_of(
        sandbox.base_url,
        **credentials,
        LOG_LEVEL="DEBUG",
        DOWNLOAD_MAXSIZE=1_000_000,
        HTTPCACHE_ENABLED=True,
        HTTPCACHE_DIR=str(tmp_path / "cache"),
        RETRY_TIMES=1,
    )
    ended = await crawl(SpoiledSpider, settings, errors=None, ids=ids)
    assert len(ended.ids) >= 40 - len(FAULTS)
    assert len(ended.spider.failures) >= 10
    assert len(rows("SELECT id FROM tmdb_failures")) == len(ended.spider.failures)
    stopped = await crawl(
        StoppedSpider,
        {**settings, "JOBDIR": str(tmp_path / "job"), "CONCURRENT_REQUESTS": 1, "HTTPCACHE_ENABLED": False},
        finish_reason="stopped",
        ids=ids[20:],
    )
    for seen in sandbox.requests:
        sent = seen.headers.get("authorization", "").removeprefix("Bearer ") or seen.query["api_key"]
        assert sent == secret
    found, number = files_with(secret, tmp_path)
    assert number > 20
    assert not found
    assert len(caplog.records) > 100
    formatter = logging.Formatter()
    assert secret not in "\n".join(map(formatter.format, caplog.records))
    for crawled in (ended, stopped):
        assert secret not in str(crawled.stats)
        assert secret not in str(crawled.items)
        for response in crawled.spider.responses:
            assert secret not in f"{response.url} {response.request} {response.meta} {response.headers}"
    for failure in ended.spider.failures:
        assert secret not in told(failure, ended.spider)


@pytest.mark.parametrize(("credentials", "secret"), CREDENTIALS)
@coroutine_test
async def test_the_secret_is_not_told_where_there_is_no_answer(raw_tls_server, caplog, credentials, secret):
    caplog.set_level(logging.DEBUG)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    urls = [f"http://127.0.0.1:{port}/3", "https://no-such-host.invalid/3", f"{raw_tls_server.url}/3"]
    for url in urls:
        settings = settings_of(url, **credentials, RETRY_TIMES=0, LOG_LEVEL="DEBUG")
        ended = await crawl(MoviesSpider, settings, errors=None, ids=[1])
        (failure,) = ended.spider.failures
        assert secret not in told(failure, ended.spider)
    formatter = logging.Formatter()
    assert secret not in "\n".join(map(formatter.format, caplog.records))


@pytest.mark.parametrize(("credentials", "secret"), CREDENTIALS)
@coroutine_test
async def test_a_server_that_repeats_the_secret_in_a_redirect(raw_server, caplog, credentials, secret):
    caplog.set_level(logging.DEBUG)
    with running() as other:

        async def moved(connection, seen):
            location = f"{other.url}{seen.target}"
            connection.respond(b"", status="302 Found", headers=f"Location: {location}\r\n")

        raw_server.scripts["/3/movie/1"] = moved
        settings = settings_of(f"{raw_server.url}/3", **credentials, LOG_LEVEL="DEBUG")
        ended = await crawl(MoviesSpider, settings, ids=[1])
        assert not other.requests
    (failure,) = ended.spider.failures
    assert secret not in told(failure, ended.spider)
    formatter = logging.Formatter()
    assert secret not in "\n".join(map(formatter.format, caplog.records))


@coroutine_test
async def test_a_key_that_the_user_put_into_the_url_is_warned_of_and_kept_out_of_the_database(
    tmdb_sandbox, caplog
):
    class CarelessSpider(MoviesSpider):
        name = "careless"

        async def start(self):
            for number in (999_998, 999_999):
                url = f"{tmdb_sandbox.base_url}/movie/{number}?api_key={V3_KEY}"
                yield scrapy.Request(url, callback=self.parse, errback=self.failed)

    ended = await crawl(CarelessSpider, settings_of(tmdb_sandbox.base_url))
    warnings = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    (warning,) = [line for line in warnings if "api_key" in line]
    assert "TMDB_API_KEY" in warning
    assert V3_KEY not in warning
    assert len(ended.spider.failures) == 2
    assert V3_KEY not in str(rows("SELECT * FROM tmdb_failures"))
