"""From numbers of records to requests, time and disk."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tmdbfusion_scrapy.api.appending import MAX_APPENDS

if TYPE_CHECKING:
    from collections.abc import Sequence

DOCUMENT_BYTES = {
    "movies": 1_400,
    "tv_shows": 3_000,
    "people": 700,
    "collections": 2_000,
    "companies": 300,
    "networks": 200,
    "keywords": 50,
}
"""Rough size of TMDB's answer for a record without appended parts; a movie's is the average of 3,000."""

SEASONS_BYTES = 45_000
"""Rough size of the seasons of a series: three with 29 episodes, as in the sandbox."""

PART_BYTES = 7_000
"""Rough size of an appended part: the average of ``credits`` and ``keywords`` of the sandbox's movies."""


@dataclass(frozen=True)
class DiskModel:
    """What a record takes on the disk.

    Measured with 1,458 movies without parts (documents of 1.3 KB) and with credits and keywords (16 KB, 70 rows):
    3.6 and 29 KB in SQLite 3.40, 4.8 and 30 KB in PostgreSQL 15, indexes included. Series with their seasons take
    a tenth to a sixth more than it says, people up to a third less.

    Args:
        row: Bytes for a record, whatever its size.
        per_byte: Bytes for each byte of its document: in its rows, its indexes, and as it came.
        raw_per_byte: How much of that is the document as it came.
    """

    row: float
    per_byte: float
    raw_per_byte: float

    def size(self, document: float, *, store_raw: bool) -> float:
        """Return the bytes that a record takes.

        Args:
            document: Bytes of its document.
            store_raw: ``TMDB_STORE_RAW``.
        """
        return self.row + document * (self.per_byte - (0.0 if store_raw else self.raw_per_byte))


DISK = {"sqlite": DiskModel(1_300, 1.75, 1.0), "postgresql": DiskModel(2_500, 1.57, 0.5)}
"""By the kind of database; PostgreSQL compresses documents."""


def document_bytes(kind: str, appends: int, *, with_seasons: bool) -> float:
    """Return the rough size of a record's documents, where nothing stored tells.

    Args:
        kind: Table of the records.
        appends: How many parts are appended.
        with_seasons: Whether a series comes with its seasons.
    """
    return DOCUMENT_BYTES[kind] + appends * PART_BYTES + (SEASONS_BYTES if with_seasons else 0)


def requests_per_record(append: Sequence[str]) -> int:
    """Return how many requests a record takes with its parts."""
    return max(1, -(-len(append) // MAX_APPENDS))


def time_words(seconds: float) -> str:
    """Return a time such as ``9.7 hours``."""
    for unit, size, least in (("days", 86_400, 172_800), ("hours", 3_600, 3_600), ("minutes", 60, 120)):
        if seconds >= least:
            return f"{seconds / size:,.1f} {unit}"
    whole = math.ceil(seconds)
    return f"{whole} second{'' if whole == 1 else 's'}"


def byte_words(size: float) -> str:
    """Return a size such as ``61.3 GB``, in powers of 1,000."""
    for exponent, unit in ((4, "TB"), (3, "GB"), (2, "MB"), (1, "KB")):
        if size >= 1000**exponent:
            return f"{size / 1000**exponent:.1f} {unit}"
    return f"{size:.0f} bytes"
