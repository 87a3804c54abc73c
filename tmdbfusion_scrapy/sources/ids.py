"""Ids as a source: given one by one, in a file, in a column of CSV, or as the database has them."""

from __future__ import annotations

import csv
import datetime
import re
import sys
import zlib
from contextlib import nullcontext
from dataclasses import dataclass
from functools import reduce
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from tmdbfusion_scrapy.exceptions import ConfigurationError
from tmdbfusion_scrapy.sources.source import NEEDS_DATABASE, Listing, Source, take_flag, take_number

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Mapping
    from contextlib import AbstractContextManager

    from scrapy import Request
    from typing_extensions import Self

    from tmdbfusion_scrapy.sources.source import Crawl, Kind, Lookup


_SHOWN = 40
_SEPARATOR = re.compile(r"\s*,\s*|\s+")
_IDS_FIX = (
    "use whole numbers from 1 with commas, such as -a ids=550,551, the path of a file that has them, or - for "
    "standard input"
)


@dataclass(frozen=True)
class IdsSource(Source):
    """Records by their ids, each once, in the order given."""

    name: ClassVar[str] = "ids"
    implied_by: ClassVar = ("ids",)
    described: ClassVar = ("ids",)

    ids: tuple[int, ...]

    @classmethod
    def from_arguments(cls, given: dict[str, str], kind: Kind) -> Self:  # noqa: ARG003 - the interface
        """Return ids: numbers with commas or spaces between them, a file of them, or ``-`` for standard input."""
        text = given.pop("ids", None)
        if text is None:
            raise ConfigurationError(
                "-a source=ids needs the ids: add -a ids=550,551, the path of a file, or -"
            )
        text = str(text).strip()
        ids: dict[int, None] = {}
        try:
            with _lines(text) as lines:
                # A comma may end each line of a list.
                for line in filter(None, map(str.strip, lines)):
                    ids.update(
                        (_id(part, text), None) for part in _SEPARATOR.split(line.removesuffix(",").rstrip())
                    )
        except ConfigurationError:
            raise
        except (OSError, ValueError) as error:
            raise ConfigurationError(
                f"-a ids={text[:_SHOWN]} cannot be read: {error}; name a text file of ids, one or more a line"
            ) from None
        if not ids:
            raise ConfigurationError(f"-a ids={text[:_SHOWN]}: it is empty; {_IDS_FIX}")
        return cls(tuple(ids))

    def describe(self, day: str | None) -> str:  # noqa: ARG002 - the interface
        return f"{len(self.ids):,} given id{'s' * (len(self.ids) != 1)}"

    def identify(self, arguments: Mapping[str, str]) -> Mapping[str, str]:
        """Return the arguments with a checksum behind ids that were read from somewhere."""
        text = arguments["ids"]
        return {**arguments, "ids": f"{text} ({checksum(self.ids)})"} if _are_outside(text) else arguments

    async def listing(self, lookup: Lookup) -> Listing:  # noqa: ARG002 - the interface
        return Listing.of_ids(self.ids)


def checksum(ids: Iterable[int]) -> str:
    """Return some text that is the same for the same ids."""
    return f"{reduce(lambda found, key: zlib.crc32(b'%d,' % key, found), ids, 0):08x}"


def _are_outside(text: str) -> bool:
    """Return whether ``ids`` names where the ids are, so that another time there may be others."""
    text = text.strip()
    try:
        return not re.fullmatch(r"[0-9,\s]*", text) and (text == "-" or Path(text).is_file())
    except (OSError, ValueError):
        # Too long for a name, or with a null in it.
        return False


def _id(part: str, text: str) -> int:
    """Return an id that is part of ``ids``."""
    if not re.fullmatch(r"[0-9]{1,18}", part) or int(part) < 1:
        what = f"{part[:_SHOWN]!r} is no TMDB id" if part else "it has an empty part"
        raise ConfigurationError(f"-a ids={text[:_SHOWN]}: {what}; {_IDS_FIX}")
    return int(part)


def _lines(text: str) -> AbstractContextManager[Iterable[str]]:
    """Open the lines of the ids, read where they are: a file may have a million."""
    if text == "-":
        return nullcontext(sys.stdin)
    if _are_outside(text):
        # Windows' editors begin a file with a mark.
        return Path(text).open(encoding="utf-8-sig")
    return nullcontext(text.splitlines())


@dataclass(frozen=True)
class CsvSource(Source):
    """Records by the ids in a column of a CSV file, each once, in the order of the file."""

    name: ClassVar[str] = "csv"
    described: ClassVar = ("file", "column")

    file: str
    column: str
    ids: tuple[int, ...]

    @classmethod
    def from_arguments(cls, given: dict[str, str], kind: Kind) -> Self:  # noqa: ARG003 - the interface
        """Return the ids of ``column`` in ``file``; rows without one are left out."""
        file = given.pop("file", None)
        column = given.pop("column", None)
        if file is None:
            raise ConfigurationError("-a source=csv needs the file: add -a file=links.csv")
        try:
            return cls(file, column or "", tuple(_read_ids(file, column)))
        except ConfigurationError:
            raise
        except (OSError, ValueError, csv.Error) as error:
            raise ConfigurationError(
                f"-a file={file} cannot be read: {error}; name a CSV file in UTF-8 with a header"
            ) from None

    def describe(self, day: str | None) -> str:  # noqa: ARG002 - the interface
        return f"{len(self.ids):,} id{'s' * (len(self.ids) != 1)} in column {self.column} of {self.file}"

    def identify(self, arguments: Mapping[str, str]) -> Mapping[str, str]:
        """Return the arguments with a checksum of the ids behind the file: with others it is another command."""
        return {**arguments, "file": f"{self.file} ({checksum(self.ids)})"}

    async def listing(self, lookup: Lookup) -> Listing:  # noqa: ARG002 - the interface
        return Listing.of_ids(self.ids)


def _read_ids(file: str, column: str | None) -> dict[int, None]:
    """Return the ids of a column, each once."""
    ids: dict[int, None] = {}
    # Windows' editors begin a file with a mark.
    with Path(file).open(encoding="utf-8-sig", newline="") as lines:
        header = lines.readline()
        # A spreadsheet may write another one, as the language of its user has it.
        delimiter = max(",;\t", key=header.count)
        # Strict, for a quote that is never closed would take the rows after it for its text.
        rows = csv.reader(chain([header], lines), delimiter=delimiter, strict=True)
        names = [name.strip() for name in next(rows, [])]
        if column not in names:
            said = (
                f"-a column={column} is no column of {file}" if column else "-a source=csv needs the column"
            )
            if not names:
                raise ConfigurationError(f"{said}: its first line is empty, and should name the columns")
            raise ConfigurationError(f"{said}: use one of {', '.join(names)}, such as -a column=tmdbId")
        place = names.index(column)
        for row in rows:
            text = row[place].strip() if len(row) > place else ""
            if not text:
                continue
            # pandas writes whole numbers so where some are missing.
            found = re.fullmatch(r"0*([1-9][0-9]{0,17})(?:\.0)?", text, re.ASCII)
            if found is None:
                raise ConfigurationError(
                    f"-a file={file}: {text[:_SHOWN]!r} in line {rows.line_num}, column {column}, is no TMDB "
                    "id; use whole numbers from 1, or leave it empty"
                )
            ids[int(found[1])] = None
    if not ids:
        raise ConfigurationError(f"-a file={file}: column {column} is empty; name one with TMDB's ids")
    return ids


DEFAULT_STALE_DAYS = 30.0
"""TMDB forbids to keep anything longer than six months; a month leaves room."""

_MOST_DAYS = 3650


@dataclass(frozen=True)
class StaleSource(Source):
    """The stored records that were not fetched for some days, popular ones earlier; 0 is for all at once."""

    name: ClassVar[str] = "stale"
    implied_by: ClassVar = ("days",)
    described: ClassVar = ("days",)
    needs_database: ClassVar[bool] = True

    days: float

    @classmethod
    def from_arguments(cls, given: dict[str, str], kind: Kind) -> Self:  # noqa: ARG003 - the interface
        """Return after how many days a record is stale."""
        days = take_number(given, "days", most=_MOST_DAYS)
        return cls(DEFAULT_STALE_DAYS if days is None else days)

    def describe(self, day: str | None) -> str:  # noqa: ARG002 - the interface
        return f"what was not fetched for {self.days:g} days, popular records earlier"

    async def listing(self, lookup: Lookup) -> Listing:
        return Listing(lookup.known.stale(self.days, datetime.datetime.now(datetime.timezone.utc)))


@dataclass(frozen=True)
class FailedSource(Source):
    """The records whose failures stand in ``tmdb_failures``; ``permanent`` ones, such as a 404, if so asked."""

    name: ClassVar[str] = "failed"
    needs_database: ClassVar[bool] = True

    permanent: bool = False

    @classmethod
    def from_arguments(cls, given: dict[str, str], kind: Kind) -> Self:  # noqa: ARG003 - the interface
        """Return whether permanent failures are tried again, too."""
        return cls(take_flag(given, "permanent"))

    def describe(self, day: str | None) -> str:  # noqa: ARG002 - the interface
        return "what failed before"

    async def listing(self, lookup: Lookup) -> Listing:
        return Listing(lookup.known.failed(permanent=self.permanent))


@dataclass(frozen=True)
class ImagesSource(Source):
    """The images of the records that are stored: no record is asked for."""

    name: ClassVar[str] = "images"
    needs_database: ClassVar[bool] = True
    asks_for_records: ClassVar[bool] = False

    @classmethod
    def from_arguments(cls, given: dict[str, str], kind: Kind) -> Self:  # noqa: ARG003 - the interface
        """Return the source; it has no arguments."""
        return cls()

    def describe(self, day: str | None) -> str:  # noqa: ARG002 - the interface
        return "the images of what is stored; no record is fetched"

    async def listing(self, lookup: Lookup) -> Listing:  # noqa: ARG002 - the interface
        """Return nothing: the images of what is stored are no records to fetch."""
        return Listing()

    async def requests(self, crawl: Crawl) -> AsyncIterator[Request]:
        """Have the images downloaded; the requests for them are the pipeline's."""
        if crawl.run is None:
            raise ConfigurationError(NEEDS_DATABASE)
        await crawl.fetch_stored_images()
        # It yields the requests of no record.
        async for request in crawl.records(()):
            yield request
