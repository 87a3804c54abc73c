"""Runs: a crawl from its first start until all that it wants is done, however many processes it takes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from sqlalchemy import select

from tmdbfusion_scrapy.storage.tables.crawl import tmdb_runs
from tmdbfusion_scrapy.stores import Run

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.engine import Connection


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
