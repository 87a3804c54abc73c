from __future__ import annotations

import logging

import pytest

from tmdbfusion_scrapy.http2 import prepare_http2


@pytest.fixture
def hpack():
    """The logger of hpack, at the level of the root as in a crawl at DEBUG."""
    logger = logging.getLogger("hpack")
    before = logger.level
    logger.setLevel(logging.NOTSET)
    yield logging.getLogger("hpack.hpack")
    logger.setLevel(before)


def test_the_paths_of_requests_are_not_logged(hpack, caplog):
    pytest.importorskip("h2", reason="the extra http2 is not installed")
    from hpack import Encoder

    path = [(":path", "/3/movie/550?api_key=0123456789abcdef0123456789abcdef")]
    with caplog.at_level(logging.DEBUG):
        Encoder().encode(path)
        assert "api_key" in caplog.text
        caplog.clear()
        prepare_http2("http2")
        Encoder().encode(path)
    assert not caplog.text
