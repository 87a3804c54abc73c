"""Images for the paths that records name: real JPEG and PNG files of the asked size, all of one grey."""

from __future__ import annotations

import re
import zlib
from hashlib import blake2b
from struct import pack

IMAGES_PATH = "/t/p"

_PATH = re.compile(r"(original|[wh]\d{1,4})/\w+\.(jpg|png|svg)")
_ORIGINAL = (1000, 1500)
_TYPES = {"jpg": "image/jpeg", "png": "image/png", "svg": "image/svg+xml"}
_SIZES = frozenset(
    {
        *(f"w{width}" for width in (45, 92, 154, 185, 300, 342, 500, 780, 1280)),
        "h632",
        "original",
    }
)


def picture(path: str) -> tuple[str, bytes] | None:
    """The media type and the bytes of an image; None for what TMDB would not have.

    Args:
        path: Size and file name, such as ``w500/abc.jpg``.
    """
    match = _PATH.fullmatch(path)
    if match is None or match[1] not in _SIZES or (match[2] == "svg" and match[1] != "original"):
        return None
    width, height = _dimensions(match[1])
    grey = blake2b(path.partition("/")[2].encode(), digest_size=1).digest()[0]
    if match[2] == "svg":
        body = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 2 3"><path d="M0 0h2v3H0z"/></svg>'
    else:
        body = (_jpeg if match[2] == "jpg" else _png)(width, height, grey)
    return _TYPES[match[2]], body


def _dimensions(size: str) -> tuple[int, int]:
    """Width and height of one of TMDB's sizes, as a poster has them."""
    if size == "original":
        return _ORIGINAL
    length = int(size[1:])
    return (length, length * 3 // 2) if size[0] == "w" else (length * 2 // 3, length)


def _png(width: int, height: int, grey: int) -> bytes:
    """A PNG of 8 bit greys."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return pack(">I", len(data)) + name + data + pack(">I", zlib.crc32(name + data))

    header = pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    lines = (b"\0" + bytes([grey]) * width) * height
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(lines, 1))
        + chunk(b"IEND", b"")
    )


def _jpeg(width: int, height: int, grey: int) -> bytes:
    """A baseline JPEG: the first block tells the grey, all others that nothing differs from it."""

    def segment(marker: int, data: bytes) -> bytes:
        return pack(">BBH", 0xFF, marker, len(data) + 2) + data

    # With 8 as the only quantum the coefficient is the difference from middle grey; 0 would be no difference.
    level = grey - 128 or 1
    size = abs(level).bit_length()
    value = level if level > 0 else level + (1 << size) - 1
    # Code 0 is "no difference", code 10 "a difference of that many bits"; 0 also ends a block.
    bits = f"10{value:0{size}b}0" + "00" * (-(-width // 8) * -(-height // 8) - 1)
    bits += "1" * (-len(bits) % 8)
    scan = int(bits, 2).to_bytes(len(bits) // 8, "big").replace(b"\xff", b"\xff\0")
    return b"".join(
        (
            b"\xff\xd8",
            segment(0xE0, b"JFIF\0\1\1\0\0\1\0\1\0\0"),
            segment(0xDB, b"\0" + b"\x08" * 64),
            segment(0xC0, pack(">BHHBBBB", 8, height, width, 1, 1, 0x11, 0)),
            segment(0xC4, b"\x00" + bytes([1, 1] + [0] * 14) + bytes([0, size])),
            segment(0xC4, b"\x10" + bytes([1] + [0] * 15) + b"\0"),
            segment(0xDA, b"\1\1\0\0\x3f\0"),
            scan,
            b"\xff\xd9",
        )
    )
