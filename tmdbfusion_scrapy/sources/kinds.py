"""Where the ids of a crawl come from."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from tmdbfusion_scrapy.sources.export_file import ExportFilter


@dataclass(frozen=True, slots=True)
class IdsSource:
    """Records by their ids.

    Args:
        ids: TMDB's ids, each once, in the order given.
    """

    name: ClassVar[str] = "ids"

    ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ListSource:
    """The records of one of TMDB's lists.

    Args:
        list_name: TMDB's name of the list, such as ``popular``.
        pages: Most pages, 20 records each.
    """

    name: ClassVar[str] = "list"

    list_name: str
    pages: int


@dataclass(frozen=True, slots=True)
class DiscoverSource:
    """The records that discover finds.

    Args:
        filters: Arguments of the discover endpoint, by their names in Python.
        pages: Most pages, 20 records each; ``None`` for all, in parts where TMDB has more than 500 pages.
    """

    name: ClassVar[str] = "discover"

    filters: Mapping[str, Any]
    pages: int | None


@dataclass(frozen=True, slots=True)
class ExportSource:
    """The records of TMDB's daily export.

    Args:
        wanted: Which of them.
        day: The day of the export, UTC; ``None`` for the newest.
        force: Whether it is believed even if it is much shorter than the last one.
    """

    name: ClassVar[str] = "export"

    wanted: ExportFilter
    day: datetime.date | None
    force: bool = False


@dataclass(frozen=True, slots=True)
class ChangesSource:
    """The records that TMDB lists as changed.

    Args:
        since: The first day, UTC; ``None`` for the day up to which the changes were read before.
        force: Whether an export that takes the feed's place is believed even if it is much shorter than the last.
    """

    name: ClassVar[str] = "changes"

    since: datetime.date | None
    force: bool = False


@dataclass(frozen=True, slots=True)
class StaleSource:
    """The stored records that were not fetched for some days.

    Args:
        days: After so many days each record is due; popular ones earlier. 0 for all at once.
    """

    name: ClassVar[str] = "stale"

    days: float


@dataclass(frozen=True, slots=True)
class FailedSource:
    """The records whose failures stand in ``tmdb_failures``.

    Args:
        permanent: Whether those are tried again, too, for which a retry is of no use, such as a 404.
    """

    name: ClassVar[str] = "failed"

    permanent: bool = False


@dataclass(frozen=True, slots=True)
class ImagesSource:
    """The images of the records that are stored: no record is asked for."""

    name: ClassVar[str] = "images"


Source = (
    IdsSource
    | ListSource
    | DiscoverSource
    | ExportSource
    | ChangesSource
    | StaleSource
    | FailedSource
    | ImagesSource
)
