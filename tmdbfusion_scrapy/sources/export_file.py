"""TMDB's daily ID exports: their names, their days, their lines.

https://developer.themoviedb.org/docs/daily-id-exports
"""

from __future__ import annotations

import datetime
import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated

import msgspec

from tmdbfusion_scrapy.exceptions import ResponseError
from tmdbfusion_scrapy.models.decoding import decoder_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

EXPORT_NAMES = {
    "movies": "movie_ids",
    "tv_shows": "tv_series_ids",
    "people": "person_ids",
    "collections": "collection_ids",
    "networks": "tv_network_ids",
    "keywords": "keyword_ids",
    "companies": "production_company_ids",
}
"""Name of the file by the table of the records. TMDB has none of seasons and episodes."""

ADULT_EXPORTS = frozenset({"movies", "tv_shows", "people"})
"""Tables whose records for adults TMDB lists in files of their own, and not in the others."""

PUBLISHED_AT = datetime.time(8)
"""Time of day in UTC from which the day's files are there."""

ODD_LINES = 1_000
"""An export of which more than one line in so many is odd is broken. One odd line breaks none."""

_CHUNK = 1 << 18
_NAMED = 5
_SHOWN = 80

_LONGEST_LINE = 1 << 20
"""Bytes. A line of TMDB has some 100; a broken file must not be held as one line."""


class ExportEntry(msgspec.Struct):
    """One line of an export.

    Args:
        id: TMDB's id.
        popularity: ``None`` in the files of collections, networks, keywords and companies.
        adult: ``None`` where the file does not say.
        video: ``None`` where the file does not say.
    """

    id: Annotated[int, msgspec.Meta(ge=1, le=10**18 - 1)]
    popularity: float | None = None
    adult: bool | None = None
    video: bool | None = None


@dataclass
class OddLines:
    """Lines of an export that are no entries.

    Attributes:
        lines: Lines that were read, blank ones left out.
        count: How many of them are odd.
        named: The first few, in words.
    """

    lines: int = 0
    count: int = 0
    named: list[str] = field(default_factory=list)

    @property
    def are_too_many(self) -> bool:
        """True where the export is broken."""
        return self.count == self.lines > 0 or self.count > max(1, self.lines // ODD_LINES)

    def add(self, number: int, line: bytes, reason: str) -> None:
        """Note a line."""
        self.count += 1
        if len(self.named) < _NAMED:
            shown = ascii(line[:_SHOWN])[2:-1] + ("..." if len(line) > _SHOWN else "")
            self.named.append(f"line {number} ({reason}): {shown}")


@dataclass(frozen=True)
class ExportFilter:
    """Filter of the lines of an export.

    Args:
        min_popularity: The least popularity; lines without one are wanted whatever it is.
        adult: Whether it is for adults; ``None`` for what the file has; those for adults are in another.
        video: Whether it is a video; ``None`` for both.
    """

    min_popularity: float | None = None
    adult: bool | None = None
    video: bool | None = None

    @property
    def is_open(self) -> bool:
        """True where every line passes."""
        return self == ExportFilter()

    def wants(self, entry: ExportEntry) -> bool:
        """Return whether a line passes."""
        if self.min_popularity is not None and (entry.popularity or 0.0) < self.min_popularity:
            return entry.popularity is None
        if self.adult is not None and entry.adult is not None and entry.adult != self.adult:
            return False
        return self.video is None or entry.video is None or entry.video == self.video


def export_file(kind: str, day: datetime.date, *, adult: bool = False) -> str:
    """Return the name of a file, such as ``movie_ids_11_22_2026.json.gz``.

    Args:
        kind: Table of the records, one of :data:`EXPORT_NAMES`.
        day: The day in UTC.
        adult: Whether it is the file of records for adults, which only :data:`ADULT_EXPORTS` have.
    """
    prefix = "adult_" if adult else ""
    return f"{prefix}{EXPORT_NAMES[kind]}_{day:%m_%d_%Y}.json.gz"


def newest_day(now: datetime.datetime) -> datetime.date:
    """Return the newest day of which the files are there, by TMDB's timetable.

    Args:
        now: Any moment with a time zone.
    """
    now = now.astimezone(datetime.timezone.utc)
    today = now.date()
    return today if now.time() >= PUBLISHED_AT else today - datetime.timedelta(days=1)


def read_entries(chunks: Iterable[bytes], odd: OddLines | None = None) -> Iterator[ExportEntry]:
    """Yield the entries of a file, a chunk of it held at a time.

    Args:
        chunks: The bytes of the file, compressed as they came.
        odd: Takes lines that are no entries, which are left out; without it there must be none.

    Raises:
        ResponseError: The file is broken: it is not gzip, ends too early, or a line is no entry.
    """
    decoder = decoder_of(ExportEntry)
    rest = b""
    number = 0
    for data in _decompressed(chunks):
        lines = (rest + data).split(b"\n")
        rest = lines.pop()
        if len(rest) > _LONGEST_LINE:
            raise ResponseError(f"line {number + len(lines) + 1} of the export is no entry: it does not end")
        for line in lines:
            number += 1
            if line.strip() and (entry := _entry(decoder, line, number, odd)) is not None:
                yield entry
    if rest.strip() and (entry := _entry(decoder, rest, number + 1, odd)) is not None:
        yield entry


def read_file(path: Path, odd: OddLines | None = None) -> Iterator[ExportEntry]:
    """Yield the entries of a file on disk; see :func:`read_entries`."""
    return read_entries(_chunks(path), odd)


def odd_lines(path: Path) -> OddLines:
    """Return what is odd with a file on disk, and how many lines it has.

    Raises:
        ResponseError: The file is broken; more than one line in :data:`ODD_LINES` is odd, say.
    """
    odd = OddLines()
    for _ in read_file(path, odd):
        pass
    if odd.are_too_many:
        raise ResponseError(
            f"the export is broken: {odd.count:,} of {odd.lines:,} lines are no entries, such as {odd.named[0]}"
        )
    return odd


def check_file(path: Path) -> None:
    """See that a file on disk is complete.

    Raises:
        ResponseError: It is broken: it is not gzip, or ends too early.
    """
    for _ in _decompressed(_chunks(path)):
        pass


def _chunks(path: Path) -> Iterator[bytes]:
    """The bytes of a file, a piece at a time."""
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            yield chunk


def _entry(
    decoder: msgspec.json.Decoder[ExportEntry], line: bytes, number: int, odd: OddLines | None
) -> ExportEntry | None:
    """One line, decoded; ``None`` for an odd one that may be left out."""
    if odd is not None:
        odd.lines += 1
    try:
        return decoder.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        if odd is None:
            raise ResponseError(f"line {number} of the export is no entry: {error}") from None
        odd.add(number, line, str(error))
        return None


def _decompressed(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the content of gzip data, a piece at a time; its checksum is looked at."""
    unzip = zlib.decompressobj(wbits=31)
    try:
        for chunk in chunks:
            data = chunk
            while data:
                yield unzip.decompress(data, _CHUNK)
                data = unzip.unconsumed_tail
                if unzip.eof:
                    # A gzip file may have several members.
                    data = unzip.unused_data
                    if data:
                        unzip = zlib.decompressobj(wbits=31)
    except zlib.error as error:
        raise ResponseError(f"the export is no gzip file, or broken: {error}") from None
    if not unzip.eof:
        raise ResponseError("the export is not complete: it ends in the middle")
