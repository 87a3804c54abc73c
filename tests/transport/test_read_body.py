"""Bodies that are read whatever their label says."""

from __future__ import annotations

import gzip
import random
import zlib

import httpx
import pytest

from tests.transport.test_body import raw_deflate
from tmdbfusion_scrapy.transport import BodyTooLarge, read_body

TEXT = b'{"id": 550, "title": "A film"}' * 100
PACKED = {
    "plain": TEXT,
    "gzip": gzip.compress(TEXT),
    "members": gzip.compress(TEXT[:50]) + gzip.compress(TEXT[50:]),
    "zlib": zlib.compress(TEXT),
    "raw deflate": raw_deflate(TEXT),
}
LABELS = [
    "gzip",
    "GZip",
    "x-gzip",
    "deflate",
    "x-deflate",
    "X-DEFLATE",
    "zlib",
    "br",
    "zstd",
    "compress",
    "aws-chunked",
    "utf-8",
    "none",
    "null",
    "identity, x-deflate",
    "x-deflate,",
    ", ,gzip",
    '"gzip"',
    "gzip;q=1.0",
    "gzip, gzip",
    "deflate, gzip",
    "gzip, br",
    "\xff\x00",
    "x" * 5000,
]


@pytest.mark.parametrize("content", PACKED.values(), ids=PACKED)
@pytest.mark.parametrize("label", LABELS, ids=[ascii(label[:20]) for label in LABELS])
def test_a_body_that_can_be_read_is_read(label, content):
    assert read_body(content, label) == TEXT


@pytest.mark.parametrize("label", [None, "", "identity"])
@pytest.mark.parametrize("times", [1, 2, 3])
def test_gzip_in_gzip_that_no_header_names(label, times):
    content = TEXT
    for _ in range(times):
        content = gzip.compress(content)
    assert read_body(content, label) == TEXT


@pytest.mark.parametrize("label", LABELS, ids=[ascii(label[:20]) for label in LABELS])
def test_what_cannot_be_read_is_an_error(label):
    noise = random.Random(8).randbytes(3000)
    gzipped, zlibbed = gzip.compress(noise), zlib.compress(noise)
    for broken in (noise, gzipped[:-20], zlibbed[:-20], gzipped[:-5] + b"\0" + gzipped[-4:]):
        with pytest.raises(httpx.DecodingError):
            read_body(broken, label)


@pytest.mark.parametrize("label", ["x-deflate", "nothing", "br", "gzip"])
def test_no_label_lets_a_bomb_pass(label):
    for pack in (gzip.compress, zlib.compress):
        with pytest.raises(BodyTooLarge):
            read_body(pack(bytes(20_000_000)), label, max_size=1_000_000)


def test_text_of_any_language_is_no_noise():
    for text in ("<html>überall</html>", "映画", "Not found\r\n\t", "\ufeff{}", ""):
        assert read_body(text.encode(), "x-unknown") == text.encode()
