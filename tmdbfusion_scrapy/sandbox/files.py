"""Files beside the API: the daily ID exports, made when they are asked for, and images of the asked size."""

from __future__ import annotations

import gzip
import os
import re
import zlib
from collections import OrderedDict
from dataclasses import replace
from datetime import date, datetime, time, timedelta, timezone
from email.utils import format_datetime, parsedate_to_datetime
from hashlib import blake2b
from itertools import islice
from pathlib import Path
from struct import pack
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Literal

import msgspec

from tmdbfusion_scrapy.sandbox.faults import damage
from tmdbfusion_scrapy.sandbox.http import Response

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from tmdbfusion_scrapy.sandbox.http import RecordedRequest
    from tmdbfusion_scrapy.sandbox.parts import Entities
    from tmdbfusion_scrapy.sandbox.population import Clock
    from tmdbfusion_scrapy.sandbox.records import Catalogue

_FILE = re.compile(r"(\w+?)_(\d\d)_(\d\d)_(\d{4})\.json\.gz")
_RECORDS = {"movie_ids": "movie", "tv_series_ids": "tv", "person_ids": "person"}
_ENTITIES = {
    "collection_ids": "collection", "keyword_ids": "keyword", "production_company_ids": "company",
    "tv_network_ids": "network",
}  # fmt: skip
_COMPLETE_AT = time(8)
# Seen as Last-Modified of a real file.
_MODIFIED_AT = time(7, 19, 28)
_KEPT_DAYS = 92
_KEPT_FILES = 12
_LINES_AT_ONCE = 2_000
_CHUNK = 128 * 1024
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")
_MISSING = '<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{}</Code><Message>{}</Message></Error>'
_WORDS = {403: ("AccessDenied", "Access Denied"), 404: ("NoSuchKey", "The specified key does not exist.")}
_ENDS: Mapping[str, Literal["close", "reset"]] = {"truncate": "close", "reset-body": "reset"}
_IMAGE = re.compile(r"(original|[wh]\d{1,4})/\w+\.(jpg|png|svg)")
_ORIGINAL_SIZE = (1000, 1500)
_IMAGE_TYPES = {"jpg": "image/jpeg", "png": "image/png", "svg": "image/svg+xml"}
_WIDTHS = (45, 92, 154, 185, 300, 342, 500, 780, 1280)
_IMAGE_SIZES = frozenset(("h632", "original", *(f"w{width}" for width in _WIDTHS)))


class Exports:
    """The export files of a sandbox, in a temporary folder that ``close()`` removes."""

    def __init__(self, catalogues: Mapping[str, Catalogue], entities: Entities | None, clock: Clock) -> None:
        self._catalogues = catalogues
        self._entities = entities
        self._clock = clock
        self._folder: TemporaryDirectory[str] | None = None
        self._files: OrderedDict[tuple[str, date], Path] = OrderedDict()

    def named(self, file: str) -> tuple[str, date] | None:
        """Return name and day of a file such as ``movie_ids_06_01_2026.json.gz``; None if it is not there."""
        match = _FILE.fullmatch(file)
        if match is None or (match[1] in _ENTITIES and self._entities is None):
            return None
        if (
            match[1] not in _ENTITIES
            and _RECORDS.get(match[1].removeprefix("adult_")) not in self._catalogues
        ):
            return None
        try:
            day = date(int(match[4]), int(match[2]), int(match[3]))
        except ValueError:
            return None
        complete = datetime.combine(day, _COMPLETE_AT, timezone.utc)
        there = complete <= self._clock.now() < complete + timedelta(days=_KEPT_DAYS)
        return (match[1], day) if there else None

    def file(self, name: str, day: date) -> Path:
        """Return a file, made now unless it is there: a million lines take seconds. Not safe between threads."""
        path = self._files.get((name, day))
        if path is None:
            if self._folder is None:
                self._folder = TemporaryDirectory(prefix="tmdb-sandbox-", ignore_cleanup_errors=True)
            path = Path(self._folder.name) / f"{name}_{day:%m_%d_%Y}.json.gz"
            _write(path, self._lines(name, day))
            modified = datetime.combine(day, _MODIFIED_AT, timezone.utc).timestamp()
            os.utime(path, (modified, modified))
            self._files[name, day] = path
            if len(self._files) > _KEPT_FILES:
                # Who reads it now has it open.
                self._files.popitem(last=False)[1].unlink(missing_ok=True)
        return path

    def close(self) -> None:
        """Remove the files. May be called again."""
        self._files.clear()
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None

    def _lines(self, name: str, day: date) -> Iterable[str]:
        if name not in _ENTITIES:
            kind = _RECORDS[name.removeprefix("adult_")]
            return self._catalogues[kind].export_lines(day, adult=name.startswith("adult_"))
        names = () if self._entities is None else self._entities.names(_ENTITIES[name])
        return (msgspec.json.encode({"id": item, "name": text}).decode() + "\n" for item, text in names)


def _write(path: Path, lines: Iterable[str]) -> None:
    """Compress lines into a file, a few thousand at a time."""
    # The fastest level: the file is read once or twice. Without the time, so that the bytes are always the same.
    with gzip.GzipFile(path, "wb", compresslevel=1, mtime=0) as stream:
        rest = iter(lines)
        while some := "".join(islice(rest, _LINES_AT_ONCE)):
            stream.write(some.encode())


def missing(status: int) -> Response:
    """Return the answer for a file that is not there, with status 403 or 404."""
    return Response(status, [("Content-Type", "application/xml")], _MISSING.format(*_WORDS[status]).encode())


def download(path: Path, request: RecordedRequest, fault: str | None) -> Response:
    """Return a file, or the range of it that the request asks for."""
    status = path.stat()
    size, modified = status.st_size, datetime.fromtimestamp(int(status.st_mtime), timezone.utc)
    etag, date_of = f'"{int(status.st_mtime):x}-{size:x}"', format_datetime(modified, usegmt=True)
    headers = [
        ("Accept-Ranges", "bytes"), ("Content-Type", "application/gzip"), ("ETag", etag),
        ("Last-Modified", date_of),
    ]  # fmt: skip
    if _is_known(request, etag, modified):
        return Response(304, headers)
    asked = _RANGE.fullmatch(request.headers.get("range", "").strip())
    if request.headers.get("if-range", etag) not in {etag, date_of}:
        # Another version of the file is meant.
        asked = None
    first, end = (0, size) if asked is None else _bounds(asked, size)
    if first >= end:
        return Response(416, [("Content-Range", f"bytes */{size}")])
    if asked is not None:
        headers.append(("Content-Range", f"bytes {first}-{end - 1}/{size}"))
    stop = first + (end - first) // 2 if fault in _ENDS else end
    chunks = _chunks(path, first, stop, size // 2 if fault == "gzip-corrupt" else -1)
    answer = Response(200 if asked is None else 206, headers, length=end - first, chunks=chunks)
    return replace(answer, end=_ENDS.get(fault or "", "keep"))


def _chunks(path: Path, first: int, stop: int, damaged: int) -> Iterator[bytes]:
    """Read a part of a file, with some bytes from the position ``damaged`` on changed."""
    with path.open("rb") as stream:
        stream.seek(first)
        while first < stop:
            chunk = stream.read(min(_CHUNK, stop - first))
            yield damage(chunk, damaged - first) if first <= damaged < first + len(chunk) else chunk
            first += len(chunk)


def _is_known(request: RecordedRequest, etag: str, modified: datetime) -> bool:
    """Tell whether the client has this version of the file."""
    tags = request.headers.get("if-none-match")
    if tags is not None:
        return tags.strip() == "*" or etag in (tag.strip() for tag in tags.split(","))
    try:
        return modified <= parsedate_to_datetime(request.headers.get("if-modified-since", ""))
    except (TypeError, ValueError):
        return False


def _bounds(match: re.Match[str], size: int) -> tuple[int, int]:
    """Return the first byte and the end of a range; nothing is between them if the file has nothing there."""
    if not match[1]:
        # The last bytes.
        return max(0, size - int(match[2] or "0")), size
    return int(match[1]), min(size, int(match[2]) + 1) if match[2] else size


def picture(path: str) -> tuple[str, bytes] | None:
    """Return the media type and the bytes of an image, all of one grey; None for what TMDB would not have."""
    match = _IMAGE.fullmatch(path)
    if match is None or match[1] not in _IMAGE_SIZES or (match[2] == "svg" and match[1] != "original"):
        return None
    width, height = _ORIGINAL_SIZE
    if match[1] != "original":
        # As a poster has them.
        length = int(match[1][1:])
        width, height = (length, length * 3 // 2) if match[1][0] == "w" else (length * 2 // 3, length)
    grey = blake2b(path.partition("/")[2].encode(), digest_size=1).digest()[0]
    if match[2] == "svg":
        body = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 2 3"><path d="M0 0h2v3H0z"/></svg>'
    else:
        body = (_jpeg if match[2] == "jpg" else _png)(width, height, grey)
    return _IMAGE_TYPES[match[2]], body


def _png(width: int, height: int, grey: int) -> bytes:

    def chunk(name: bytes, data: bytes) -> bytes:
        return pack(">I", len(data)) + name + data + pack(">I", zlib.crc32(name + data))

    header = pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    lines = zlib.compress((b"\0" + bytes([grey]) * width) * height, 1)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", lines) + chunk(b"IEND", b"")


def _jpeg(width: int, height: int, grey: int) -> bytes:
    """Return a baseline JPEG: the first block tells the grey, all others that nothing differs from it."""

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
