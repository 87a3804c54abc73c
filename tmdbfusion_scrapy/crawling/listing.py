"""What a source lists: the entries that a run is planned from."""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from scrapy.utils.project import data_path

from tmdbfusion_scrapy.crawling.export_download import ExportDownload, export_client
from tmdbfusion_scrapy.crawling.session import session_of
from tmdbfusion_scrapy.exceptions import ConfigurationError
from tmdbfusion_scrapy.sources import ChangesSource, ExportSource, IdsSource, ImagesSource, StaleSource
from tmdbfusion_scrapy.sources.export import ADULT_EXPORTS, ExportFilter, read_file
from tmdbfusion_scrapy.sources.windows import is_too_long

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scrapy.crawler import Crawler

    from tmdbfusion_scrapy.sources import Source
    from tmdbfusion_scrapy.storage.known import Known

Entry = tuple[int, float | None]
"""An id and its popularity, by which the most wanted come first."""


@dataclass(frozen=True)
class Listing:
    """What a source lists.

    Args:
        entries: The ids.
        is_complete: Whether that is all that TMDB has of the kind.
        upto: The day up to which changes are known when all of it is fetched.
        changes_since: The day from which the change feed is to be read for the entries; ``None`` for none.
    """

    entries: Iterable[Entry] = ()
    is_complete: bool = False
    upto: str | None = None
    changes_since: datetime.date | None = None


async def list_source(crawler: Crawler, kind: str, source: Source, known: Known) -> Listing:
    """Return what a source lists.

    Args:
        crawler: Its settings say where exports are.
        kind: Table of the records.
        source: Any but a list or discover, which are read page by page.
        known: What the database can tell.

    Raises:
        ServerError: An export could not be had.
        ConfigurationError: There is nothing to go by.
    """
    now = datetime.datetime.now(datetime.timezone.utc)
    if isinstance(source, IdsSource):
        # In the order given.
        return Listing((key, float(-place)) for place, key in enumerate(source.ids))
    if isinstance(source, ExportSource):
        return await _export(crawler, kind, source)
    if isinstance(source, StaleSource):
        return Listing(known.stale(source.days, now))
    if isinstance(source, ChangesSource):
        return await _changes(crawler, kind, source, known, now.date())
    # The images of what is stored are no records to fetch.
    return Listing() if isinstance(source, ImagesSource) else Listing(known.failed())


async def _export(crawler: Crawler, kind: str, source: ExportSource) -> Listing:
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
    async with export_client(session.new_pool(1), timeout) as client:
        export = await ExportDownload(client, url, _folder_for(url)).fetch(kind, source.day, adult=adult)
    return Listing(
        _wanted_entries(export.path, source.wanted),
        is_complete=source.wanted.is_open,
        upto=export.day.isoformat() if source.wanted.is_open else None,
    )


def _folder_for(url: str) -> Path:
    """Where exports of a server are kept: another one's, such as a sandbox's, have the same names."""
    folder = Path(data_path("tmdb_exports", createdir=True))
    origin = folder / "origin.txt"
    if not origin.exists() or origin.read_text(encoding="utf-8") != url:
        for file in folder.iterdir():
            file.unlink()
        origin.write_text(url, encoding="utf-8")
    return folder


def _wanted_entries(path: Path, wanted: ExportFilter) -> Iterator[Entry]:
    """The lines of an export that are wanted."""
    for entry in read_file(path):
        if wanted.wants(entry):
            yield entry.id, entry.popularity


async def _changes(
    crawler: Crawler, kind: str, source: ChangesSource, known: Known, today: datetime.date
) -> Listing:
    """What changed, by the feed; where too much time passed, all that TMDB has."""
    since = source.since
    if since is None:
        mark = known.watermark(f"{kind}/changes")
        if mark is None:
            raise ConfigurationError(
                "the changes were never read into this database, so nobody can say from which "
                "day on: crawl -a source=export first, or add -a since=2026-11-01"
            )
        since = datetime.date.fromisoformat(mark)
        if is_too_long(since, today):
            return await _export(crawler, kind, ExportSource(ExportFilter(), None))
    return Listing(upto=today.isoformat(), changes_since=since)
