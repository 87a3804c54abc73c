"""Records of TMDB's daily export as a source."""

from __future__ import annotations

import asyncio
import datetime
import logging
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from tmdbfusion_scrapy import stats as names
from tmdbfusion_scrapy.exceptions import ConfigurationError, ResponseError, ServerError
from tmdbfusion_scrapy.settings import check_boolean
from tmdbfusion_scrapy.sources.export_file import (
    ADULT_EXPORTS,
    ExportFilter,
    OddLines,
    export_name,
    odd_lines,
    read_file,
)
from tmdbfusion_scrapy.sources.source import Listing, Source, take_day, take_flag, take_number

if TYPE_CHECKING:
    from collections.abc import Iterator

    from typing_extensions import Self

    from tmdbfusion_scrapy.sources.export_file import Export, ExportDownload
    from tmdbfusion_scrapy.sources.source import Kind, Lookup
    from tmdbfusion_scrapy.stores import Entry

logger = logging.getLogger(__name__)

FOLDER = "tmdb_exports"
"""Folder of the exports, below ``.scrapy``."""

MOST_SHRINKAGE = 0.05
"""Part by which an export may be shorter than the one before it."""


@dataclass(frozen=True)
class ExportSource(Source):
    """The records of TMDB's daily export; ``force`` believes one that is much shorter than the last."""

    name: ClassVar[str] = "export"
    implied_by: ClassVar = ("day", "min_popularity")
    described: ClassVar = ("day",)
    needs_database: ClassVar[bool] = True
    fetches_again: ClassVar[bool] = False
    is_mirror: ClassVar[bool] = True

    wanted: ExportFilter = field(default_factory=ExportFilter)
    day: datetime.date | None = None
    force: bool = False

    @classmethod
    def from_arguments(cls, given: dict[str, str], kind: Kind) -> Self:  # noqa: ARG003 - the interface
        """Return which records of which export are fetched."""
        popularity = take_number(given, "min_popularity")
        adult, video = (
            check_boolean(f"-a {name}", given.pop(name)) if name in given else None
            for name in ("adult", "video")
        )
        return cls(ExportFilter(popularity, adult, video), take_day(given, "day"), take_flag(given, "force"))

    def describe(self, day: str | None) -> str:
        return f"the daily export{f' of {day}' if day else ''}"

    async def listing(self, lookup: Lookup) -> Listing:
        """Return the records of the export, which is downloaded where it is not there, and looked at."""
        table = lookup.kind.table
        adult = self.wanted.adult is True
        if adult and table not in ADULT_EXPORTS:
            raise ConfigurationError(
                "TMDB lists movies, series and people for adults in files of their own, and nothing else: "
                "leave out -a adult"
            )
        is_whole = self.wanted.is_open and table in ADULT_EXPORTS
        others = None
        try:
            async with lookup.exports() as download:
                export, lines = await self._fetched(lookup, download, self.day, adult=adult)
                if is_whole and await lookup.ask(lookup.known.has_adult):
                    others = await self._adult(lookup, download, export.day)
        except OSError as error:
            # What the network does ends in errors of httpx: this is the disk.
            raise ConfigurationError(
                f"exports are kept in .scrapy/{FOLDER} of the project's folder, which cannot be written "
                f"({error}): make it writable, or start the crawl in a folder that is"
            ) from error
        return Listing(
            _Entries(export.path, self.wanted),
            is_complete=self.wanted in (ExportFilter(), ExportFilter(adult=True)),
            upto=export.day.isoformat() if self.wanted.is_open else None,
            adult=others,
            is_adult=adult,
            export=(export_name(table, adult=adult), lines),
        )

    async def _adult(self, lookup: Lookup, download: ExportDownload, day: datetime.date) -> list[int] | None:
        """Return the ids of all records for adults; ``None`` where they cannot be had, so none seems gone."""
        try:
            export, _ = await self._fetched(lookup, download, day, adult=True)
        except (ServerError, ResponseError, ConfigurationError) as error:
            logger.warning("Records for adults are not looked at: %s", error, extra=lookup.log_extra)
            return None
        return [key for key, _ in _Entries(export.path, ExportFilter())]

    async def _fetched(
        self, lookup: Lookup, download: ExportDownload, day: datetime.date | None, *, adult: bool
    ) -> tuple[Export, int]:
        """Return an export that can be believed, and how many lines it has."""
        table = lookup.kind.table
        export = await download.fetch(table, day, adult=adult)
        try:
            odd = await asyncio.to_thread(odd_lines, export.path)
        except ResponseError:
            # The next start fetches it again.
            export.path.unlink(missing_ok=True)
            raise
        if odd.count:
            lookup.count(names.EXPORT_SKIPPED, odd.count)
            logger.warning(
                "%d of %d lines of the export %s are no entries and are left out: %s%s",
                odd.count,
                odd.lines,
                export.path.name,
                "; ".join(odd.named),
                "; ..." if odd.count > len(odd.named) else "",
                extra=lookup.log_extra,
            )
        last: int | None = await lookup.ask(lookup.known.export_size, export_name(table, adult=adult))
        if last is not None and odd.lines < last * (1 - MOST_SHRINKAGE) and not self.force:
            export.path.unlink(missing_ok=True)
            raise ConfigurationError(
                f"the export of {export.day} has {odd.lines:,} lines, {1 - odd.lines / last:.0%} fewer than the "
                f"last one, which had {last:,}: a part of it seems to be missing, and what is missing would seem "
                "to be deleted. If it is right, add -a force=true; else take the next day's"
            )
        return export, odd.lines


@dataclass(frozen=True)
class _Entries:
    """Lines of an export that a filter lets through, read anew each time that they are gone through."""

    path: Path
    wanted: ExportFilter

    def __iter__(self) -> Iterator[Entry]:
        for entry in read_file(self.path, OddLines()):
            if self.wanted.wants(entry):
                yield entry.id, entry.popularity
