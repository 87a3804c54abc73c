"""Bodies that are packed otherwise than their label says, in both clients."""

from __future__ import annotations

import gzip
import zlib

import pytest

from tests.client.driving import MOVIE
from tmdbfusion_scrapy.exceptions import ResponseError, ServerError

READABLE = {
    "x-deflate": zlib.compress(MOVIE),
    "X-Gzip": gzip.compress(MOVIE),
    "GZIP": gzip.compress(MOVIE[:9]) + gzip.compress(MOVIE[9:]),
    "gzip": MOVIE,
    "deflate": gzip.compress(MOVIE),
    "br": zlib.compress(MOVIE),
    "zstd": MOVIE,
    "no-such-thing": gzip.compress(MOVIE),
    "identity, no-such-thing": MOVIE,
    "deflate, gzip": gzip.compress(zlib.compress(MOVIE)),
    "": gzip.compress(MOVIE),
}


def answering(body, label, status="200 OK", kind="application/json"):
    async def answer(connection, seen):
        headers = f"Content-Type: {kind}\r\n" + (f"Content-Encoding: {label}\r\n" if label else "")
        connection.respond(body, status=status, headers=headers)

    return answer


@pytest.mark.parametrize("label", READABLE)
def test_a_body_that_can_be_read_is_read(driver, server, label):
    server.scripts["/3/movie/550"] = answering(READABLE[label], label)
    assert driver().do(lambda client: client.movies.details(550)).title == "Loop"


@pytest.mark.parametrize("label", ["x-deflate", "br", "zstd", "no-such-thing", "gzip"])
def test_what_cannot_be_read_is_tried_again(driver, server, label):
    server.scripts["/3/movie/550"] = answering(b"\xff\xfe\xfd" * 50, label)
    with pytest.raises(ResponseError) as caught:
        driver().do(lambda client: client.movies.details(550))
    assert len(server.requests) == 3
    assert caught.value.path == "/movie/550"


def test_an_error_whose_body_cannot_be_read_is_the_one_of_its_status(driver, server):
    server.scripts["/3/movie/550"] = answering(b"\xff\xfe\xfd", "br", "502 Bad Gateway")
    with pytest.raises(ServerError) as caught:
        driver().do(lambda client: client.movies.details(550))
    assert caught.value.status_code == 502
