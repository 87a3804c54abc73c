"""The daily ID exports: files made when they are asked for, one gzip file for a name and a day."""

from __future__ import annotations

import os
import re
import zlib
from collections import OrderedDict
from datetime import date, datetime, time, timedelta, timezone
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from tmdbfusion_scrapy.sandbox.calendar import Clock
    from tmdbfusion_scrapy.sandbox.catalogue import Catalogue
    from tmdbfusion_scrapy.sandbox.entities import Entities

EXPORTS_PATH = "/p/exports"

_FILE = re.compile(r"(\w+?)_(\d\d)_(\d\d)_(\d{4})\.json\.gz")
_RECORDS = {"movie_ids": "movie", "tv_series_ids": "tv", "person_ids": "person"}
_ENTITIES = {
    "collection_ids": "collection",
    "keyword_ids": "keyword",
    "production_company_ids": "company",
    "tv_network_ids": "network",
}
_COMPLETE_AT = time(8)
# Seen as Last-Modified of a real file.
_MODIFIED_AT = time(7, 19, 28)
_KEPT_DAYS = 92
_KEPT_FILES = 12
_CHUNK_LINES = 2_000
_GZIP = zlib.MAX_WBITS | 16


class Exports:
    """The export files of a sandbox, in a temporary folder that ``close()`` removes.

    Args:
        catalogues: The records by kind.
        entities: Companies, networks, keywords and collections; None for replayed movies.
        clock: Tells what is published.
    """

    def __init__(self, catalogues: Mapping[str, Catalogue], entities: Entities | None, clock: Clock) -> None:
        self._catalogues = catalogues
        self._entities = entities
        self._clock = clock
        self._folder: TemporaryDirectory[str] | None = None
        self._files: OrderedDict[tuple[str, date], Path] = OrderedDict()

    def named(self, file: str) -> tuple[str, date] | None:
        """The name and day of a file such as ``movie_ids_06_01_2026.json.gz``; None if it is not there.

        A day's files are there from 08:00 UTC on, for three months.
        """
        match = _FILE.fullmatch(file)
        if match is None or not self._knows(match[1]):
            return None
        try:
            day = date(int(match[4]), int(match[2]), int(match[3]))
        except ValueError:
            return None
        now = self._clock.now()
        complete = datetime.combine(day, _COMPLETE_AT, timezone.utc)
        return (match[1], day) if complete <= now < complete + timedelta(days=_KEPT_DAYS) else None

    def ready(self, name: str, day: date) -> Path | None:
        """A file that was made before."""
        return self._files.get((name, day))

    def file(self, name: str, day: date) -> Path:
        """A file, made now unless it is there: a million lines take some seconds. Not safe between threads."""
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

    def _knows(self, name: str) -> bool:
        """Whether there are such files at all."""
        if name in _ENTITIES:
            return self._entities is not None
        return _RECORDS.get(name.removeprefix("adult_")) in self._catalogues

    def _lines(self, name: str, day: date) -> Iterable[str]:
        """The lines of a file."""
        if name in _ENTITIES:
            return self._named_lines(_ENTITIES[name])
        kind = _RECORDS[name.removeprefix("adult_")]
        return self._catalogues[kind].export_lines(day, adult=name.startswith("adult_"))

    def _named_lines(self, kind: str) -> Iterator[str]:
        """Lines of an id and a name."""
        if self._entities is not None:
            for item, name in self._entities.names(kind):
                yield f"{_encoded({'id': item, 'name': name})}\n"


def _encoded(line: dict[str, Any]) -> str:
    return msgspec.json.encode(line).decode()


def _write(path: Path, lines: Iterable[str]) -> None:
    """Compress lines into a file, a few thousand at a time."""
    # The fastest level: the file is read once or twice.
    compressor = zlib.compressobj(1, zlib.DEFLATED, _GZIP)
    waiting: list[str] = []
    with path.open("wb") as stream:
        for line in lines:
            waiting.append(line)
            if len(waiting) == _CHUNK_LINES:
                stream.write(compressor.compress("".join(waiting).encode()))
                waiting.clear()
        stream.write(compressor.compress("".join(waiting).encode()))
        stream.write(compressor.flush())
