"""Runs: a crawl from its first start until all of its frontier is done, however many processes it takes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from tmdbfusion_scrapy.storage.entities.crawl import tmdb_runs
from tmdbfusion_scrapy.stores import Run

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from sqlalchemy.engine import Connection


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
        select(*_RUN_COLUMNS)
        .where(
            columns.spider == spider,
            columns.arguments == text_of(arguments),
            columns.finished_at.is_(None),
        )
        .order_by(columns.id.desc())
        .limit(1)
    )
    row = connection.execute(query).first()
    return None if row is None else _resumed(row)


def run_of(connection: Connection, key: int) -> tuple[Run, bool] | None:
    """Return a run, and whether it is finished; ``None`` where there is none with this key."""
    query = select(*_RUN_COLUMNS, tmdb_runs.columns.finished_at).where(tmdb_runs.columns.id == key)
    row = connection.execute(query).first()
    return None if row is None else (_resumed(row), row.finished_at is not None)


_RUN_COLUMNS = tuple(tmdb_runs.columns[name] for name in ("id", "started_at", "since", "upto", "planned_at"))


def _resumed(row: Any) -> Run:
    """Return the run of a row of ``tmdb_runs``."""
    is_planned = row.planned_at is not None
    return Run(row.id, row.started_at, row.since, row.upto, is_planned=is_planned, is_resumed=True)


def requests_of_runs(
    connection: Connection, run: Run
) -> Iterator[tuple[tuple[tuple[str, ...], str], datetime, datetime | None]]:
    """Yield parts and languages that a spider asked for, from when to when; alike runs in a row are one."""
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


def newest_arguments(connection: Connection, spider: str) -> dict[str, str]:
    """Return the arguments of a spider's newest run; none where it has no run."""
    columns = tmdb_runs.columns
    query = (
        select(columns.arguments)
        .where(columns.spider == spider)
        .order_by(columns.started_at.desc(), columns.id.desc())
        .limit(1)
    )
    text = connection.scalar(query)
    return dict(json.loads(text)) if text else {}
