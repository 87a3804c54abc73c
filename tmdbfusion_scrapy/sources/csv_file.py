"""Ids from a column of a CSV file as a source, such as ``links.csv`` of MovieLens."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from tmdbfusion_scrapy.exceptions import ConfigurationError
from tmdbfusion_scrapy.sources.ids import checksum
from tmdbfusion_scrapy.sources.source import Listing, Source

if TYPE_CHECKING:
    from collections.abc import Mapping

    from typing_extensions import Self

    from tmdbfusion_scrapy.sources.source import Kind, Lookup

_SHOWN = 40


@dataclass(frozen=True)
class CsvSource(Source):
    """Records by the ids in a column of a CSV file.

    Args:
        file: Path of the file.
        column: Name of the column.
        ids: TMDB's ids, each once, in the order of the file.
    """

    name: ClassVar[str] = "csv"
    described: ClassVar = ("file", "column")

    file: str
    column: str
    ids: tuple[int, ...]

    @classmethod
    def from_arguments(cls, given: dict[str, str], kind: Kind) -> Self:  # noqa: ARG003 - the interface
        """Return the ids of ``column`` in ``file``; rows without one are left out.

        Raises:
            ConfigurationError: An argument is missing, the file cannot be read, or has no such column or no ids.
        """
        file = given.pop("file", None)
        column = given.pop("column", None)
        if file is None:
            raise ConfigurationError("-a source=csv needs the file: add -a file=links.csv")
        try:
            return cls(file, column or "", tuple(_read_ids(file, column)))
        except (OSError, ValueError, csv.Error) as error:
            if isinstance(error, ConfigurationError):
                raise
            raise ConfigurationError(
                f"-a file={file} cannot be read: {error}; name a CSV file in UTF-8 with a header"
            ) from None

    def describe(self, day: str | None) -> str:  # noqa: ARG002 - the interface
        """Return in words where the ids come from."""
        return (
            f"{len(self.ids):,} id{'' if len(self.ids) == 1 else 's'} in column {self.column} of {self.file}"
        )

    def identify(self, arguments: Mapping[str, str]) -> Mapping[str, str]:
        """Return the arguments with a checksum of the ids behind the file: with others it is another command."""
        return {**arguments, "file": f"{self.file} ({checksum(self.ids)})"}

    async def listing(self, lookup: Lookup) -> Listing:  # noqa: ARG002 - the interface
        """Return the ids."""
        return Listing.of_ids(self.ids)


def _read_ids(file: str, column: str | None) -> dict[int, None]:
    """Return the ids of a column, each once.

    Raises:
        ConfigurationError: There is no such column, one of its values is no id, or there are none.
        OSError: The file cannot be read; likewise ``ValueError`` and ``csv.Error``.
    """
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
