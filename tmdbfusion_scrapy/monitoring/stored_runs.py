"""Runs of a database with their samples: written during a crawl, read for a report."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, delete, func, insert, select

from tmdbfusion_scrapy.monitoring.series import COUNTS_BY_NAME, Sample, last_of_each, thinned
from tmdbfusion_scrapy.storage.backend import backend_of, run_lock
from tmdbfusion_scrapy.storage.database import reading
from tmdbfusion_scrapy.storage.entities.crawl import tmdb_run_samples, tmdb_runs

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy import Row, RowMapping
    from sqlalchemy.engine import Connection, Engine

_COLUMNS = tmdb_run_samples.columns
_ORDER = (_COLUMNS.process, _COLUMNS.number)


@dataclass(frozen=True)
class StoredRun:
    """A run as the database has it.

    Args:
        id: Its key.
        spider: Name of the spider.
        kind: Table of its records, such as ``movies``.
        arguments: Arguments of the spider.
        started_at: When it was first started, in UTC.
        finished_at: When nothing was left; ``None`` while something is.
        listed: Records that its source listed; ``None`` where it listed none beforehand.
    """

    id: int
    spider: str
    kind: str
    arguments: Mapping[str, str]
    started_at: datetime
    finished_at: datetime | None
    listed: int | None


@dataclass(frozen=True)
class RunCounts:
    """A run, and what it counted.

    Args:
        run: The run.
        elapsed: Seconds that its processes crawled, added up.
        done: Records that came, had not changed, are gone or failed.
        failed: Calls and records that failed for good.
        requests: Requests sent.
    """

    run: StoredRun
    elapsed: float
    done: int
    failed: int
    requests: int


class RunSamples:
    """Keeps the samples of one process of a run in the database. All methods block.

    Each is one transaction, and may be tried again from its beginning.

    Attributes:
        engine: Engine of the database.
        run_id: Key of the run.

    Args:
        engine: Of a database that was opened with ``open_database``; it is disposed of with :meth:`close`.
        run_id: Key of the run.
    """

    def __init__(self, engine: Engine, run_id: int) -> None:
        self.engine = engine
        self.run_id = run_id
        self._written: frozenset[int] = frozenset()
        self._process = 0

    def begin(self, first: Sample) -> int:
        """Write the first sample of this process; return how many the earlier ones have, which are thinned out.

        Args:
            first: The sample; what it says of its process does not count.
        """
        runs_samples = _COLUMNS.run_id == self.run_id
        with self.engine.begin() as connection:
            backend_of(connection).take_lock(connection, run_lock(self.run_id))
            earlier = samples_of(connection, self.run_id)
            fewer = thinned(earlier)
            if len(fewer) < len(earlier):
                connection.execute(delete(tmdb_run_samples).where(runs_samples))
                connection.execute(insert(tmdb_run_samples), [_row(self.run_id, each) for each in fewer])
            process = earlier[-1].process + 1 if earlier else 0
            row = _row(self.run_id, replace(first, process=process))
            connection.execute(insert(tmdb_run_samples), [row])
        self._process = process
        self._written = frozenset((first.number,))
        return len(fewer)

    def write(self, samples: Sequence[Sample]) -> None:
        """Make these the samples of the process: what was written and is not among them goes.

        Args:
            samples: All that are kept; one with a number that was written before is unchanged.
        """
        numbers = frozenset(sample.number for sample in samples)
        new = [
            _row(self.run_id, replace(sample, process=self._process))
            for sample in samples
            if sample.number not in self._written
        ]
        gone = sorted(self._written - numbers)
        with self.engine.begin() as connection:
            if gone:
                mine = and_(_COLUMNS.run_id == self.run_id, _COLUMNS.process == self._process)
                connection.execute(delete(tmdb_run_samples).where(mine, _COLUMNS.number.in_(gone)))
            if new:
                connection.execute(insert(tmdb_run_samples), new)
        self._written = numbers

    def close(self) -> None:
        """Close the connections."""
        self.engine.dispose()


def samples_of(connection: Connection, run_id: int) -> list[Sample]:
    """Return the samples of a run, by process and number."""
    query = select(tmdb_run_samples).where(_COLUMNS.run_id == run_id).order_by(*_ORDER)
    return [_sample(row) for row in connection.execute(query).mappings()]


def stored_run(engine: Engine, run_id: int | None = None) -> tuple[StoredRun, list[Sample]] | None:
    """Return a run with its samples, ``None`` where there is none.

    Args:
        engine: Of :func:`~tmdbfusion_scrapy.storage.database.open_for_reading`.
        run_id: Its key; ``None`` for the run that a crawl was at last.
    """
    runs = tmdb_runs.columns
    last_at = select(func.max(_COLUMNS.at)).where(_COLUMNS.run_id == runs.id).scalar_subquery()
    query = select(tmdb_runs)
    if run_id is None:
        query = query.order_by(func.coalesce(last_at, runs.started_at).desc(), runs.id.desc()).limit(1)
    else:
        query = query.where(runs.id == run_id)
    with reading(engine) as connection:
        row = connection.execute(query).first()
        return None if row is None else (_run(row), samples_of(connection, row.id))


def stored_runs(engine: Engine, limit: int) -> list[RunCounts]:
    """Return the runs that began last, the newest first.

    Args:
        engine: Of :func:`~tmdbfusion_scrapy.storage.database.open_for_reading`.
        limit: Most runs.
    """
    with reading(engine) as connection:
        query = select(tmdb_runs).order_by(tmdb_runs.columns.id.desc()).limit(limit)
        runs = [_run(row) for row in connection.execute(query)]
        ends = (
            select(_COLUMNS.run_id, _COLUMNS.process, func.max(_COLUMNS.number).label("number"))
            .where(_COLUMNS.run_id.in_([run.id for run in runs]))
            .group_by(_COLUMNS.run_id, _COLUMNS.process)
            .subquery()
        )
        query = (
            select(tmdb_run_samples)
            .join(
                ends,
                and_(
                    ends.columns.run_id == _COLUMNS.run_id,
                    ends.columns.process == _COLUMNS.process,
                    ends.columns.number == _COLUMNS.number,
                ),
            )
            .order_by(*_ORDER)
        )
        samples: dict[int, list[Sample]] = {}
        for row in connection.execute(query).mappings():
            samples.setdefault(row["run_id"], []).append(_sample(row))
    return [_counted(run, last_of_each(samples.get(run.id, ()))) for run in runs]


def _counted(run: StoredRun, ends: Iterable[Sample]) -> RunCounts:
    """Return a run with the counts of its processes."""
    ends = list(ends)
    return RunCounts(
        run,
        sum(end.elapsed for end in ends),
        sum(end.done for end in ends),
        sum(end.failed + end.gone for end in ends),
        sum(end.requests for end in ends),
    )


def _run(row: Row[Any]) -> StoredRun:
    """Return the run of a row."""
    return StoredRun(
        row.id,
        row.spider,
        row.kind,
        json.loads(row.arguments),
        row.started_at,
        row.finished_at,
        row.listed,
    )


def _row(run_id: int, sample: Sample) -> dict[str, Any]:
    """Return the row of a sample."""
    values = asdict(sample)
    for name in COUNTS_BY_NAME:
        values[name] = json.dumps(values[name])
    return {"run_id": run_id, **values}


def _sample(row: RowMapping) -> Sample:
    """Return the sample of a row."""
    values: dict[str, Any] = {str(name): value for name, value in row.items() if name != "run_id"}
    for name in COUNTS_BY_NAME:
        values[name] = json.loads(values[name])
    return Sample(**values)
