"""Runs: a crawl from its first start until all that it wants is done, however many processes it takes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import select

from tmdbfusion_scrapy.storage.tables.crawl import tmdb_runs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.engine import Connection


@dataclass(frozen=True)
class Run:
    """One crawl, from its first start until all that it wants is done.

    Args:
        id: Its key.
        started_at: When it was first started, in UTC.
        since: What was stored, found deleted or failed from then on is done; ``None`` if what was stored at any
            time is, and what has failed for good.
        upto: The watermark that stands when it is finished; ``None`` for none.
        is_planned: Whether all that it wants stands in the database.
        is_resumed: Whether an earlier process began it.
    """

    id: int
    started_at: datetime
    since: datetime | None
    upto: str | None
    is_planned: bool
    is_resumed: bool


@dataclass(frozen=True)
class Progress:
    """How far a run is.

    Args:
        wanted: Records that it wants.
        left: Of these the ones that are to be fetched.
    """

    wanted: int
    left: int


def text_of(arguments: Mapping[str, str]) -> str:
    """Return a spider's arguments as one text, the same for the same command."""
    return json.dumps(dict(sorted(arguments.items())), ensure_ascii=False)


def unfinished_run(connection: Connection, spider: str, arguments: Mapping[str, str]) -> Run | None:
    """Return the run that the same command goes on with; ``None`` where it begins a new one.

    Args:
        connection: To the database.
        spider: The spider's name.
        arguments: Its arguments.
    """
    columns = tmdb_runs.columns
    query = (
        select(columns.id, columns.started_at, columns.since, columns.upto, columns.planned_at)
        .where(
            columns.spider == spider,
            columns.arguments == text_of(arguments),
            columns.finished_at.is_(None),
        )
        .order_by(columns.id.desc())
        .limit(1)
    )
    row = connection.execute(query).first()
    if row is None:
        return None
    is_planned = row.planned_at is not None
    return Run(row.id, row.started_at, row.since, row.upto, is_planned=is_planned, is_resumed=True)
