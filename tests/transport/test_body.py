"""Undoing content encodings."""

from __future__ import annotations

import gzip
import zlib

import httpx
import pytest

from tmdbfusion_scrapy.transport import ACCEPT_ENCODING, BodyTooLarge, read_body

TEXT = b'{"id": 550, "title": "A film"}' * 100


def raw_deflate(data: bytes) -> bytes:
    stream = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return stream.compress(data) + stream.flush()


ENCODED = {
    "gzip": gzip.compress(TEXT),
    "x-gzip": gzip.compress(TEXT),
    "GZIP": gzip.compress(TEXT),
    "deflate": zlib.compress(TEXT),
    " deflate ": raw_deflate(TEXT),
    "gzip, deflate": zlib.compress(gzip.compress(TEXT)),
    "identity, gzip": gzip.compress(TEXT),
}


@pytest.mark.parametrize(("coding", "content"), ENCODED.items())
def test_known_encodings(coding, content):
    assert read_body(content, coding) == TEXT


@pytest.mark.parametrize("coding", [None, "", "identity"])
@pytest.mark.parametrize(
    "content", [TEXT, b"", b"\x1f", b"\x1f\x8bnot gzip at all", b"\x1f\x8b\x08\xffnot gzip"]
)
def test_a_plain_body_is_the_same_object(coding, content):
    assert read_body(content, coding) is content


def test_gzip_that_no_header_names():
    assert read_body(gzip.compress(TEXT), None) == TEXT


def test_several_gzip_members_and_padding():
    assert read_body(gzip.compress(TEXT) + gzip.compress(b"more") + bytes(8), "gzip") == TEXT + b"more"


@pytest.mark.parametrize("size", [3, 12, 40, len(gzip.compress(TEXT)) - 1])
@pytest.mark.parametrize("coding", ["gzip", None])
def test_cut_short_gzip(coding, size):
    with pytest.raises(httpx.DecodingError):
        read_body(gzip.compress(TEXT)[:size], coding)


def test_damaged_gzip():
    content = bytearray(gzip.compress(TEXT))
    content[-5] ^= 0xFF
    with pytest.raises(httpx.DecodingError):
        read_body(bytes(content), "gzip")


@pytest.mark.parametrize("content", [zlib.compress(TEXT)[:-3], raw_deflate(TEXT)[:-3]])
def test_broken_deflate(content):
    with pytest.raises(httpx.DecodingError):
        read_body(content, "deflate")


def test_a_label_without_a_body():
    assert read_body(b"", "gzip") == b""


@pytest.mark.parametrize("coding", ["gzip", None, "deflate", "gzip, deflate"])
def test_a_bomb_is_stopped(coding):
    bomb = bytes(20_000_000)
    content = zlib.compress(bomb) if coding == "deflate" else gzip.compress(bomb)
    if coding == "gzip, deflate":
        content = zlib.compress(content)
    with pytest.raises(BodyTooLarge) as caught:
        read_body(content, coding, max_size=1_000_000)
    assert caught.value.limit == 1_000_000
    assert 1_000_000 < caught.value.size <= 1_500_000
    assert "1000000" in str(caught.value)


def test_the_limit_counts_all_members():
    content = gzip.compress(bytes(600)) + gzip.compress(bytes(600))
    assert len(read_body(content, "gzip", max_size=1200)) == 1200
    with pytest.raises(BodyTooLarge) as caught:
        read_body(content, "gzip", max_size=1000)
    assert (caught.value.size, caught.value.limit) == (1200, 1000)


@pytest.mark.parametrize("coding", [None, "gzip"])
def test_the_limit_counts_the_encoded_body_too(coding):
    with pytest.raises(BodyTooLarge):
        read_body(b"x" * 11, coding, max_size=10)
    assert read_body(b"x" * 10, None, max_size=10) == b"x" * 10


def test_an_unknown_encoding_is_named():
    with pytest.raises(httpx.DecodingError, match="compress"):
        read_body(b"\x1f\x9d\x90\xff", "compress")


@pytest.mark.parametrize("coding", ["br", "zstd"])
def test_an_encoding_that_nobody_asked_for_is_named(coding):
    with pytest.raises(httpx.DecodingError, match=f"'{coding}' is not supported"):
        read_body(b"\x8b\x00\xff\xfe", coding)


def test_what_is_asked_for_can_be_undone():
    for coding in ACCEPT_ENCODING.split(", "):
        assert read_body(ENCODED[coding], coding) == TEXT
