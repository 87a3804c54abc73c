"""Bodies that are packed otherwise than their label says, in a crawl."""

from __future__ import annotations

import gzip

import pytest

from tests.client.test_labels import READABLE, answering
from tests.coroutines import coroutine_test
from tests.crawling.crawls import MoviesSpider, crawl, failure_rows, settings_of


@pytest.mark.parametrize("kind", ["application/json", "text/html", "", "application/json;charset=utf-8"])
@coroutine_test
async def test_a_body_that_can_be_read_is_read(raw_server, kind):
    scripts = [answering(body, label, kind=kind) for label, body in READABLE.items()]

    async def one_after_the_other(connection, seen):
        await scripts.pop()(connection, seen)

    raw_server.scripts["/3/movie/550"] = one_after_the_other
    settings = settings_of(f"{raw_server.url}/3", RETRY_TIMES=0)
    ids = [550] * len(READABLE)
    ended = await crawl(MoviesSpider, settings, ids=ids, arguments={"dont_filter": True})
    assert [response.record.title for response in ended.spider.responses] == ["Loop"] * len(ids)
    assert len(raw_server.requests) == len(ids)
    for response in ended.spider.responses:
        assert b"Content-Encoding" not in response.headers


@pytest.mark.parametrize("label", ["x-deflate", "br", "zstd", "no-such-thing", "gzip"])
@coroutine_test
async def test_what_cannot_be_read_is_tried_again_and_on_record(raw_server, label):
    raw_server.scripts["/3/movie/550"] = answering(b"\xff\xfe\xfd" * 50, label)
    settings = settings_of(f"{raw_server.url}/3", RETRY_TIMES=1)
    await crawl(MoviesSpider, settings, errors=1, ids=[550])
    assert len(raw_server.requests) == 2
    assert failure_rows() == [("movies", "550", "/movie/550", "ResponseError", None, None, 2)]


@pytest.mark.parametrize("label", ["br", "no-such-thing", "gzip"])
@coroutine_test
async def test_an_error_whose_body_cannot_be_read_is_the_one_of_its_status(raw_server, label):
    raw_server.scripts["/3/movie/550"] = answering(b"\xff\xfe\xfd", label, "502 Bad Gateway")
    settings = settings_of(f"{raw_server.url}/3", RETRY_TIMES=0)
    await crawl(MoviesSpider, settings, errors=1, ids=[550])
    assert failure_rows() == [("movies", "550", "/movie/550", "ServerError", 502, None, 1)]


@pytest.mark.parametrize("label", ["gzip", "x-deflate", "no-such-thing"])
@coroutine_test
async def test_a_body_that_broke_off_and_may(raw_server, label):
    async def half(connection, seen):
        body = gzip.compress(b"{}" * 500)
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Encoding: {label}\r\n"
        connection.send(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body[:10])
        connection.transport.close()

    raw_server.scripts["/3/movie/550"] = half
    settings = settings_of(f"{raw_server.url}/3", RETRY_TIMES=0, DOWNLOAD_FAIL_ON_DATALOSS=False)
    await crawl(MoviesSpider, settings, ids=[550], errors=None)
    assert failure_rows() == [("movies", "550", "/movie/550", "ResponseError", 200, None, 1)]
