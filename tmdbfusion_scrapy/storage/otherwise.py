"""Records that were fetched with other parts, or in another language, than a crawl asks for now."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from tmdbfusion_scrapy.storage.tables import metadata
from tmdbfusion_scrapy.storage.tables.crawl import tmdb_runs

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from sqlalchemy.engine import Connection

    from tmdbfusion_scrapy.stores import Run


@dataclass(frozen=True)
class FetchedOtherwise:
    """Stored records that lack something that is asked for now.

    Args:
        missing: Parts that they were fetched without.
        language: Languages that they were asked for in, best first; empty for TMDB's own choice.
        count: How many they are.
    """

    missing: tuple[str, ...]
    language: str
    count: int


def fetched_otherwise(
    connection: Connection, kind: str, run: Run, parts: Sequence[str], language: str
) -> list[FetchedOtherwise]:
    """Return what was fetched otherwise by earlier runs of the same spider, the largest number first.

    A record is of the run that was the newest when it was fetched.

    Args:
        connection: To the database.
        kind: Table of the records.
        run: The run that is begun.
        parts: What is appended.
        language: Languages that texts are asked for in, best first.
    """
    columns = metadata.tables[kind].columns
    deleted = select(columns.id).where(columns.deleted_at.is_not(None))
    counts: dict[tuple[tuple[str, ...], str], int] = {}
    for (others, tongue), start, end in _times(connection, run):
        missing = tuple(part for part in parts if part not in others)
        if not missing and tongue == language:
            continue
        query = select(func.count()).where(columns.fetched_at >= start, columns.id.not_in(deleted))
        if end is not None:
            query = query.where(columns.fetched_at < end)
        place = (missing, tongue)
        counts[place] = counts.get(place, 0) + (connection.scalar(query) or 0)
    found = [FetchedOtherwise(missing, tongue, count) for (missing, tongue), count in counts.items() if count]
    return sorted(found, key=lambda other: -other.count)


def _times(
    connection: Connection, run: Run
) -> Iterator[tuple[tuple[tuple[str, ...], str], datetime, datetime | None]]:
    """What the runs of a spider asked for, and from when to when: those in a row that did alike are one."""
    columns = tmdb_runs.columns
    spider = select(columns.spider).where(columns.id == run.id).scalar_subquery()
    query = (
        select(columns.started_at, columns.arguments, columns.language)
        .where(columns.spider == spider)
        .order_by(columns.started_at, columns.id)
    )
    asked: tuple[tuple[str, ...], str] | None = None
    since: datetime | None = None
    for started_at, arguments, language in connection.execute(query):
        append = json.loads(arguments).get("append", "")
        now = (tuple(part.strip() for part in append.split(",") if part.strip()), language or "")
        if now == asked:
            continue
        if asked is not None and since is not None:
            yield asked, since, started_at
        asked, since = now, started_at
    if asked is not None and since is not None:
        yield asked, since, None
