"""What a source lists: the entries that a run is planned from."""

from __future__ import annotations

import asyncio
import datetime
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scrapy.utils.project import data_path

from tmdbfusion_scrapy import stats as names
from tmdbfusion_scrapy.crawling.export_download import ExportDownload, export_client
from tmdbfusion_scrapy.crawling.session import session_of
from tmdbfusion_scrapy.exceptions import ConfigurationError, ResponseError, ServerError
from tmdbfusion_scrapy.sources import (
    ChangesSource,
    ExportSource,
    FailedSource,
    IdsSource,
    ImagesSource,
    StaleSource,
)
from tmdbfusion_scrapy.sources.export import (
    ADULT_EXPORTS,
    EXPORT_NAMES,
    ExportFilter,
    OddLines,
    odd_lines,
    read_file,
)
from tmdbfusion_scrapy.sources.windows import is_too_long

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from scrapy.crawler import Crawler

    from tmdbfusion_scrapy.crawling.export_download import Export
    from tmdbfusion_scrapy.sources import Source
    from tmdbfusion_scrapy.storage.crawl_state import CrawlState

    Ask = Callable[..., Awaitable[Any]]

logger = logging.getLogger(__name__)

MOST_SHRINKAGE = 0.05
"""Part by which an export may be shorter than the one before it."""

Entry = tuple[int, float | None]
"""An id and its popularity, by which the most wanted come first."""

_FOLDER = "tmdb_exports"
"""Where exports are kept, below ``.scrapy``."""


@dataclass(frozen=True)
class Listing:
    """What a source lists.

    Args:
        entries: The ids. They can be gone through more than once: the database may be lost while they are written.
        is_complete: Whether that is all that TMDB has of the kind.
        upto: The day up to which changes are known when all of it is fetched.
        adult: The ids of all records for adults, which are in an export of their own; ``None`` where they are not
            known.
        is_adult: Whether the entries are the records for adults, and no others.
        export: The export that the entries are of, without its day, and how many lines it has.
        changes_since: The day from which the change feed is to be read for the entries; ``None`` for none.
    """

    entries: Iterable[Entry] = ()
    is_complete: bool = False
    upto: str | None = None
    adult: Iterable[int] | None = None
    is_adult: bool = False
    export: tuple[str, int] | None = None
    changes_since: datetime.date | None = None


async def list_source(
    crawler: Crawler, kind: str, source: Source, known: CrawlState, ask: Ask = asyncio.to_thread
) -> Listing:
    """Return what a source lists.

    Args:
        crawler: Its settings say where exports are.
        kind: Table of the records.
        source: Any but a list or discover, which are read page by page.
        known: What the database can tell.
        ask: Calls a function that blocks.

    Raises:
        ServerError: An export could not be had.
        ResponseError: An export is broken.
        ConfigurationError: There is nothing to go by.
    """
    now = datetime.datetime.now(datetime.timezone.utc)
    if isinstance(source, IdsSource):
        # In the order given.
        return Listing([(key, float(-place)) for place, key in enumerate(source.ids)])
    if isinstance(source, ExportSource):
        return await _export(crawler, kind, source, known, ask)
    if isinstance(source, StaleSource):
        return Listing(known.stale(source.days, now))
    if isinstance(source, ChangesSource):
        return await _changes(crawler, kind, source, known, now.date(), ask)
    if isinstance(source, ImagesSource):
        # The images of what is stored are no records to fetch.
        return Listing()
    return Listing(known.failed(permanent=isinstance(source, FailedSource) and source.permanent))


def is_before_today(day: str | None) -> bool:
    """Whether a day is over, by UTC."""
    return day is not None and day < datetime.datetime.now(datetime.timezone.utc).date().isoformat()


async def _export(crawler: Crawler, kind: str, source: ExportSource, known: CrawlState, ask: Ask) -> Listing:
    """The records of a daily export."""
    adult = source.wanted.adult is True
    if adult and kind not in ADULT_EXPORTS:
        raise ConfigurationError(
            "TMDB lists movies, series and people for adults in files of their own, and nothing else: "
            "leave out -a adult"
        )
    session = session_of(crawler)
    url = session.settings.exports_url
    timeout = crawler.settings.getfloat("DOWNLOAD_TIMEOUT")
    try:
        async with export_client(session.new_pool(url, 1), timeout) as client:
            download = ExportDownload(client, url, _folder_for(url))
            export = await download.fetch(kind, source.day, adult=adult)
            size = await _size(crawler, kind, export, known, ask, adult=adult, force=source.force)
            others = None
            if source.wanted.is_open and kind in ADULT_EXPORTS and await ask(known.has_adult):
                others = await _adult(crawler, kind, download, export.day, known, ask, force=source.force)
    except OSError as error:
        # What the network does ends in errors of httpx: this is the disk.
        raise ConfigurationError(
            f"exports are kept in .scrapy/{_FOLDER} of the project's folder, which cannot be written ({error}): "
            "make it writable, or start the crawl in a folder that is"
        ) from error
    return Listing(
        _WantedEntries(export.path, source.wanted),
        is_complete=source.wanted in (ExportFilter(), ExportFilter(adult=True)),
        upto=export.day.isoformat() if source.wanted.is_open else None,
        adult=others,
        is_adult=adult,
        export=(_export_name(kind, adult=adult), size),
    )


async def _adult(
    crawler: Crawler,
    kind: str,
    download: ExportDownload,
    day: datetime.date,
    known: CrawlState,
    ask: Ask,
    *,
    force: bool,
) -> Iterable[int] | None:
    """The ids of all records for adults; ``None`` where they cannot be had: nobody can say then what is gone."""
    try:
        export = await download.fetch(kind, day, adult=True)
        await _size(crawler, kind, export, known, ask, adult=True, force=force)
    except (ServerError, ResponseError, ConfigurationError) as error:
        logger.warning("Records for adults are not looked at: %s", error, extra={"spider": crawler.spider})
        return None
    return [key for key, _ in _WantedEntries(export.path, ExportFilter())]


async def _size(
    crawler: Crawler, kind: str, export: Export, known: CrawlState, ask: Ask, *, adult: bool, force: bool
) -> int:
    """How many lines an export has, which is one that can be believed.

    Raises:
        ResponseError: It is broken.
        ConfigurationError: It is much shorter than the last one.
    """
    try:
        odd = await asyncio.to_thread(odd_lines, export.path)
    except ResponseError:
        # The next start fetches it again.
        export.path.unlink(missing_ok=True)
        raise
    if odd.count:
        if crawler.stats is not None:
            crawler.stats.inc_value(names.EXPORT_SKIPPED, odd.count)
        logger.warning(
            "%d of %d lines of the export %s are no entries and are left out: %s%s",
            odd.count,
            odd.lines,
            export.path.name,
            "; ".join(odd.named),
            "; ..." if odd.count > len(odd.named) else "",
            extra={"spider": crawler.spider},
        )
    last: int | None = await ask(known.export_size, _export_name(kind, adult=adult))
    if last is not None and odd.lines < last * (1 - MOST_SHRINKAGE) and not force:
        export.path.unlink(missing_ok=True)
        raise ConfigurationError(
            f"the export of {export.day} has {odd.lines:,} lines, {1 - odd.lines / last:.0%} fewer than the last "
            f"one, which had {last:,}: a part of it seems to be missing, and what is missing would seem to be "
            "deleted. If it is right, add -a force=true; else take the next day's"
        )
    return odd.lines


def _export_name(kind: str, *, adult: bool) -> str:
    """The name of an export without its day."""
    return f"{'adult_' if adult else ''}{EXPORT_NAMES[kind]}"


def _folder_for(url: str) -> Path:
    """Where exports of a server are kept: another one's, such as a sandbox's, have the same names."""
    folder = Path(data_path(_FOLDER, createdir=True))
    origin = folder / "origin.txt"
    if not origin.exists() or origin.read_text(encoding="utf-8") != url:
        for file in folder.iterdir():
            file.unlink()
        origin.write_text(url, encoding="utf-8")
    return folder


@dataclass(frozen=True)
class _WantedEntries:
    """The lines of an export that are wanted, read anew each time that they are gone through.

    Args:
        path: The file.
        wanted: Which lines.
    """

    path: Path
    wanted: ExportFilter

    def __iter__(self) -> Iterator[Entry]:
        for entry in read_file(self.path, OddLines()):
            if self.wanted.wants(entry):
                yield entry.id, entry.popularity


async def _changes(
    crawler: Crawler, kind: str, source: ChangesSource, known: CrawlState, today: datetime.date, ask: Ask
) -> Listing:
    """What changed, by the feed; where too much time passed, all that TMDB has."""
    since = source.since
    if since is None:
        mark: str | None = await ask(known.watermark, f"{kind}/changes")
        if mark is None:
            raise ConfigurationError(
                "the changes were never read into this database, so nobody can say from which "
                "day on: crawl -a source=export first, or add -a since=2026-11-01"
            )
        since = datetime.date.fromisoformat(mark)
        if is_too_long(since, today):
            return await _export(crawler, kind, ExportSource(ExportFilter(), None, source.force), known, ask)
    return Listing(upto=today.isoformat(), changes_since=since)
