"""Real movie bodies from JSON Lines files as a catalogue."""

from __future__ import annotations

import gzip
import zlib
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import msgspec

from tmdbfusion_scrapy.sandbox.calendar import EPOCH
from tmdbfusion_scrapy.sandbox.catalogue import MOVIE_PARTS, Facts, genre_ids, summary

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

# Movies newer than "today" are what makes a movie "upcoming".
_UPCOMING_DAYS = 21


class ReplayError(ValueError):
    """A replay file or folder that cannot be used; the message names it."""


class ReplayedCatalogue:
    """The movies of JSON Lines files, one body of ``movie/{id}`` a line, with appended parts or without.

    Lines are kept as bytes, so memory is about the size of the unpacked files. A later line replaces an earlier
    one with the same id.

    Args:
        paths: ``.jsonl`` or ``.jsonl.gz`` files.

    Raises:
        ReplayError: A file cannot be read, or a line is not a JSON object with a whole number as ``id``.
    """

    def __init__(self, paths: tuple[Path, ...]) -> None:
        self._lines: dict[int, bytes] = {}
        self._newest = date.min
        for path in paths:
            self._read(path)
        today = EPOCH
        if self._newest > date.min + timedelta(days=_UPCOMING_DAYS):
            today = min(EPOCH, self._newest - timedelta(days=_UPCOMING_DAYS))
        self._today = today

    def _read(self, path: Path) -> None:
        """Take in the lines of one file."""
        try:
            with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as stream:
                for number, line in enumerate(stream, 1):
                    if line.strip():
                        self._take(line.strip(), f"{path}, line {number}")
        except (OSError, EOFError, zlib.error) as error:
            raise ReplayError(f"replay: cannot read {path}: {error}") from error

    def _take(self, line: bytes, place: str) -> None:
        """Take in one line."""
        try:
            body = msgspec.json.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise ReplayError(f"replay: {place}: not JSON: {error}") from error
        movie_id = body.get("id") if isinstance(body, dict) else None
        if not isinstance(movie_id, int) or isinstance(movie_id, bool) or movie_id < 0:
            raise ReplayError(
                f"replay: {place}: not a movie body: a JSON object with a whole number as id is needed"
            )
        self._lines[movie_id] = line
        released = _released(body)
        if released is not None and released > self._newest:
            self._newest = released

    def today(self) -> date:
        """Three weeks before the newest release date, so that "upcoming" has something to show."""
        return self._today

    def facts(self) -> Iterator[Facts]:
        """The facts of all movies, by ascending id."""
        for movie_id in sorted(self._lines):
            body = msgspec.json.decode(self._lines[movie_id])
            released = _released(body)
            yield Facts(
                id=movie_id,
                adult=bool(body.get("adult")),
                popularity=_number(body.get("popularity")),
                vote_average=_number(body.get("vote_average")),
                vote_count=int(_number(body.get("vote_count"))),
                revenue=int(_number(body.get("revenue"))),
                day=released.toordinal() if released else 0,
                runtime=int(_number(body.get("runtime"))),
                genre_ids=tuple(genre_ids(body)),
                language=str(body.get("original_language") or ""),
            )

    def latest(self) -> int | None:
        """The highest id, None for files without a movie."""
        return max(self._lines, default=None)

    def summary(self, item: int, language: str) -> dict[str, Any] | None:
        """A movie as a list shows it."""
        body = self.details(item, language)
        return None if body is None else summary(body)

    def export_lines(self, day: date, *, adult: bool) -> Iterator[str]:  # noqa: ARG002 - the same on all days
        """The lines of ``movie_ids``, or of ``adult_movie_ids``."""
        for movie_id in sorted(self._lines):
            body = msgspec.json.decode(self._lines[movie_id])
            if bool(body.get("adult")) is adult:
                line = {
                    "adult": adult,
                    "id": movie_id,
                    "original_title": str(body.get("original_title") or body.get("title") or ""),
                    "popularity": _number(body.get("popularity")),
                    "video": bool(body.get("video")),
                }
                yield msgspec.json.encode(line).decode() + "\n"

    def details(self, item: int, language: str) -> dict[str, Any] | None:  # noqa: ARG002 - one language only
        """The line's body without appended parts; None for an id that is in no file."""
        line = self._lines.get(item)
        if line is None:
            return None
        return {key: value for key, value in msgspec.json.decode(line).items() if key not in MOVIE_PARTS}

    def part(self, item: int, name: str, query: Mapping[str, str]) -> dict[str, Any] | None:  # noqa: ARG002
        """A part that the line holds; None for others."""
        line = self._lines.get(item)
        part = msgspec.json.decode(line).get(name) if line is not None and name in MOVIE_PARTS else None
        return part if isinstance(part, dict) else None


def _released(body: Mapping[str, Any]) -> date | None:
    """The release date of a body, None where it is missing or odd."""
    try:
        return date.fromisoformat(body.get("release_date") or "")
    except (TypeError, ValueError):
        return None


def _number(value: Any) -> float:
    """A number of a body, 0 where it is null or odd."""
    return value if isinstance(value, (int, float)) else 0
