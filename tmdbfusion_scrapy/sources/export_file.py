"""TMDB's daily ID exports: their names, their days, their lines, and how a file is fetched to the disk.

https://developer.themoviedb.org/docs/daily-id-exports
"""

from __future__ import annotations

import asyncio
import datetime
import logging
import zlib
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO, NamedTuple

import msgspec

from tmdbfusion_scrapy.exceptions import ResponseError, ServerError, printable
from tmdbfusion_scrapy.http import httpx
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

_LONGEST_LINE = 1 << 20
"""Bytes. A line of TMDB has some 100; a broken file must not be held as one line."""

logger = logging.getLogger(__name__)


class ExportEntry(msgspec.Struct):
    """One line of an export; what its file does not say is ``None``."""

    id: Annotated[int, msgspec.Meta(ge=1, le=10**18 - 1)]
    popularity: float | None = None
    adult: bool | None = None
    video: bool | None = None


@dataclass
class OddLines:
    """Lines of an export that were read, how many of them are no entries, and the first few in words."""

    lines: int = 0
    count: int = 0
    named: list[str] = field(default_factory=list)

    def add(self, number: int, line: bytes, reason: str) -> None:
        """Note a line."""
        self.count += 1
        if len(self.named) < 5:
            shown = ascii(line[:80])[2:-1] + ("..." if len(line) > 80 else "")
            self.named.append(f"line {number} ({reason}): {shown}")


@dataclass(frozen=True)
class ExportFilter:
    """Filter of the lines of an export; what a line does not say does not keep it out, nor does a ``None``."""

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


def export_name(kind: str, *, adult: bool = False) -> str:
    """Return the name of an export without its day."""
    return f"{'adult_' if adult else ''}{EXPORT_NAMES[kind]}"


def export_file(kind: str, day: datetime.date, *, adult: bool = False) -> str:
    """Return the name of the file of a day in UTC, such as ``movie_ids_11_22_2026.json.gz``."""
    return f"{export_name(kind, adult=adult)}_{day:%m_%d_%Y}.json.gz"


def newest_day(now: datetime.datetime) -> datetime.date:
    """Return the newest day of which the files are there by TMDB's timetable, at a moment with a time zone."""
    now = now.astimezone(datetime.timezone.utc)
    return now.date() if now.time() >= PUBLISHED_AT else now.date() - datetime.timedelta(days=1)


def read_entries(chunks: Iterable[bytes], odd: OddLines | None = None) -> Iterator[ExportEntry]:
    """Yield the entries of compressed data, a chunk of it held at a time.

    Broken data raises a ``ResponseError``, and so does a line that is no entry, unless ``odd`` takes note of it.
    """
    decode = decoder_of(ExportEntry).decode
    for number, line in enumerate(_lines(chunks), 1):
        if not line.strip():
            continue
        if odd is not None:
            odd.lines += 1
        try:
            entry = decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            if odd is None:
                raise ResponseError(f"line {number} of the export is no entry: {error}") from None
            odd.add(number, line, str(error))
        else:
            yield entry


def _lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the lines of gzip data."""
    rest = b""
    number = 1
    for data in _decompressed(chunks):
        *lines, rest = (rest + data).split(b"\n")
        yield from lines
        number += len(lines)
        if len(rest) > _LONGEST_LINE:
            raise ResponseError(f"line {number} of the export is no entry: it does not end")
    yield rest


def read_file(path: Path, odd: OddLines | None = None) -> Iterator[ExportEntry]:
    """Yield the entries of a file on disk; see :func:`read_entries`."""
    return read_entries(_chunks(path), odd)


def odd_lines(path: Path) -> OddLines:
    """Return what is odd with a file on disk; too much of that raises a ``ResponseError``."""
    odd = OddLines()
    for _ in read_file(path, odd):
        pass
    if odd.count == odd.lines > 0 or odd.count > max(1, odd.lines // ODD_LINES):
        raise ResponseError(
            f"the export is broken: {odd.count:,} of {odd.lines:,} lines are no entries, such as {odd.named[0]}"
        )
    return odd


def check_file(path: Path) -> None:
    """Raise a ``ResponseError`` where a file on disk is not gzip, or ends too early."""
    for _ in _decompressed(_chunks(path)):
        pass


def _chunks(path: Path) -> Iterator[bytes]:
    """Yield the bytes of a file, a piece at a time."""
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            yield chunk


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


TRIES = 5
"""Requests for a file before it is given up."""

DAYS_BACK = 3
"""Days to go back where the newest file is not there."""

_FIRST_WAIT = 1.0


class Export(NamedTuple):
    """An export on the disk, compressed as it came, and its day in UTC."""

    path: Path
    day: datetime.date


class ExportDownload:
    """Fetches exports into a folder, from which those of other days are removed."""

    def __init__(self, client: httpx.AsyncClient, base_url: str, folder: Path) -> None:
        self._client = client
        self._base_url = base_url
        self._folder = folder

    async def fetch(self, kind: str, day: datetime.date | None = None, *, adult: bool = False) -> Export:
        """Return the export of a kind of records and a day in UTC, by default the newest that is there.

        Raises:
            ServerError: There is none, or it could not be had.
        """
        newest = day or newest_day(datetime.datetime.now(datetime.timezone.utc))
        for back in range(1 if day is not None else DAYS_BACK):
            tried = newest - datetime.timedelta(days=back)
            path = self._folder / export_file(kind, tried, adult=adult)
            if await self._is_had(path):
                await asyncio.to_thread(_remove_others, path)
                return Export(path, tried)
        raise ServerError(
            f"TMDB has no export {export_file(kind, newest, adult=adult)} under {self._base_url}"
            f"{'' if day is not None else f', and none of the {DAYS_BACK - 1} days before'}: "
            "files are kept for three months, give another -a day=",
            # A day that is not there will not come, unless it is one that is about to be.
            retryable=day is None,
        )

    async def _is_had(self, path: Path) -> bool:
        """Have a file complete on the disk; return false where the server has none of this name."""
        if await asyncio.to_thread(_is_complete, path):
            return True
        part = _Part(path)
        wait = _FIRST_WAIT
        for attempt in range(1, TRIES + 1):
            try:
                if not await self._get(path.name, part):
                    return False
                await asyncio.to_thread(part.finish)
            except (httpx.RequestError, ServerError, ResponseError) as error:
                if isinstance(error, ResponseError):
                    await asyncio.to_thread(part.remove)
                # Some errors of httpx say nothing.
                reason = printable(str(error)) or type(error).__name__
            else:
                return True
            if attempt < TRIES:
                logger.warning("Cannot fetch %s (%s): trying again in %g seconds", path.name, reason, wait)
                await asyncio.sleep(wait)
                wait *= 2
        raise ServerError(f"cannot fetch {self._base_url}/{path.name}, {TRIES} times: {reason}")

    async def _get(self, name: str, part: _Part) -> bool:
        """Fetch what is missing of a file; return whether the server has it at all."""
        have, validator = await asyncio.to_thread(part.state)
        headers = {"Accept-Encoding": "identity"}
        if have:
            # Another file under this name, a broken one that was replaced, comes as a whole.
            headers |= {"Range": f"bytes={have}-", "If-Range": validator}
        async with self._client.stream("GET", f"{self._base_url}/{name}", headers=headers) as response:
            if response.status_code in {HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND}:
                return False
            if response.status_code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                # All of it is there already, or it shrank: the check tells.
                return True
            if response.status_code not in {HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT}:
                raise ServerError(f"HTTP {response.status_code}", status_code=response.status_code)
            goes_on = response.status_code == HTTPStatus.PARTIAL_CONTENT
            if goes_on and not response.headers.get("Content-Range", "").startswith(f"bytes {have}-"):
                raise ResponseError("the server sent another part of the file than was asked for")
            tag = response.headers.get("ETag", "")
            file = await asyncio.to_thread(part.open, tag, goes_on=goes_on)
            try:
                # A piece has some 64 KB: to hand it to a thread costs less than to write it.
                async for chunk in response.aiter_raw():
                    await asyncio.to_thread(file.write, chunk)
            finally:
                # Also where the crawl is stopped: what came need not come again.
                file.close()
        return True


class _Part:
    """Part of a file that has come, beside it until all is there. All methods block."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._data = path.with_suffix(".part")
        self._tag = path.with_suffix(".etag")

    def state(self) -> tuple[int, str]:
        """Return the bytes that can be gone on from, and the ETag of the file that they are of."""
        try:
            return self._data.stat().st_size, self._tag.read_text(encoding="ascii")
        except FileNotFoundError:
            return 0, ""

    def open(self, validator: str, *, goes_on: bool) -> BinaryIO:
        """Open it to be written, at its end or anew."""
        if not goes_on:
            self.remove()
            self._data.parent.mkdir(parents=True, exist_ok=True)
            # A weak one does not promise the same bytes.
            if validator and validator.isascii() and not validator.startswith("W/"):
                self._tag.write_text(validator, encoding="ascii")
        return self._data.open("ab")

    def finish(self) -> None:
        """Make it the file, if it is complete."""
        check_file(self._data)
        self._data.replace(self._path)
        self.remove()

    def remove(self) -> None:
        """Forget what there is."""
        # First what says that the data can be gone on from.
        self._tag.unlink(missing_ok=True)
        self._data.unlink(missing_ok=True)


def _is_complete(path: Path) -> bool:
    """Return whether a file is there; a broken one, as a power cut may leave it, is removed."""
    try:
        check_file(path)
    except FileNotFoundError:
        return False
    except ResponseError:
        path.unlink(missing_ok=True)
        return False
    return True


def _remove_others(path: Path) -> None:
    """Remove the exports of other days."""
    for other in path.parent.glob(f"{path.name.rsplit('_', 3)[0]}_*"):
        if other != path:
            other.unlink(missing_ok=True)


def export_client(transport: httpx.AsyncBaseTransport, timeout: float) -> httpx.AsyncClient:
    """Return a client for :class:`ExportDownload`, which ends after so many seconds without a byte."""
    options: dict[str, Any] = {"trust_env": False, "follow_redirects": True}
    return httpx.AsyncClient(transport=transport, timeout=timeout, **options)
