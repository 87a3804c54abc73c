"""Time series of a run: samples of its status, few enough to be kept in the database, and how it keeps them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, delete, func, insert, select, tuple_

from tmdbfusion_scrapy.storage.backend import backend_of, run_lock
from tmdbfusion_scrapy.storage.database import reading
from tmdbfusion_scrapy.storage.entities.crawl import tmdb_run_samples, tmdb_runs

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy import Row, RowMapping
    from sqlalchemy.engine import Connection, Engine

    from tmdbfusion_scrapy.monitoring.status import Snapshot

MOST_SAMPLES = 300
"""Most samples of a run."""

MOST_OF_EARLIER = MOST_SAMPLES // 2
"""Most samples that earlier processes of a run keep of them when another one begins."""

FIRST_INTERVAL = 0.5
"""Seconds between two samples, until they are thinned out for the first time."""

_MOST_FIELDS = 100
_COLUMNS = tmdb_run_samples.columns
_ORDER = (_COLUMNS.process, _COLUMNS.number)


@dataclass(frozen=True, slots=True)
class Sample:
    """Status of a process of a run at one moment, named as the columns of ``tmdb_run_samples``.

    Args:
        process: Number of the process in its run, from 0.
        number: Number of the sample in its process, from 0.
        at: When it was taken, in UTC.
        elapsed: Seconds since the process began to crawl. All counts are since then.
        responses: Responses by HTTP status, as text.
        failures: Calls and records that failed for good, by name of the error.
        drift: Values of the wrong type, by ``Model.field``.
        latency_p50: Median of the seconds to an answer, of the last answers; ``None`` before the first. The others
            are further percentiles.
        memory: Bytes that the process has; ``None`` where the system does not tell.

    All others are as in :class:`~tmdbfusion_scrapy.monitoring.status.Snapshot`.
    """

    process: int
    number: int
    at: datetime
    elapsed: float
    wanted: int | None = None
    done: int = 0
    stored: int = 0
    unchanged: int = 0
    gone: int = 0
    failed: int = 0
    requests: int = 0
    bytes: int = 0
    retries: int = 0
    rate_limited: int = 0
    pauses: int = 0
    responses: Mapping[str, int] = field(default_factory=dict)
    failures: Mapping[str, int] = field(default_factory=dict)
    drift: Mapping[str, int] = field(default_factory=dict)
    rate_limit: float = 0.0
    rate_now: float = 0.0
    paused_for: float = 0.0
    connections_active: int = 0
    connections_open: int = 0
    connections_most: int | None = None
    waiting: int = 0
    retries_waiting: int = 0
    latency_p50: float | None = None
    latency_p95: float | None = None
    latency_p99: float | None = None
    memory: int | None = None
    limited_by: str | None = None

    @classmethod
    def of(cls, snapshot: Snapshot, process: int, number: int, drift: Mapping[str, int]) -> Sample:
        """Return the sample of a snapshot."""
        same = {name: getattr(snapshot, name) for name in _NAMES if hasattr(snapshot, name)}
        latency, connections = snapshot.latency, snapshot.connections
        return cls(
            **{
                **same,
                "process": process,
                "number": number,
                "at": datetime.fromtimestamp(snapshot.time, timezone.utc),
                "responses": {str(status): count for status, count in snapshot.responses.items()},
                "failures": dict(snapshot.failures),
                "drift": dict(Counter(drift).most_common(_MOST_FIELDS)),
                "connections_active": connections.active,
                "connections_open": connections.open,
                "connections_most": connections.most,
                "latency_p50": None if latency is None else latency.p50,
                "latency_p95": None if latency is None else latency.p95,
                "latency_p99": None if latency is None else latency.p99,
            }
        )

    def plus(self, earlier: Sample) -> Sample:
        """Return the sample with the counts of an earlier process added."""
        counts: dict[str, Any] = {name: getattr(self, name) + getattr(earlier, name) for name in COUNTS}
        for name in COUNTS_BY_NAME:
            counts[name] = dict(Counter(getattr(self, name)) + Counter(getattr(earlier, name)))
        wanted = None if self.wanted is None else self.wanted + earlier.done
        return replace(self, elapsed=self.elapsed + earlier.elapsed, wanted=wanted, **counts)


_NAMES = tuple(each.name for each in fields(Sample))
COUNTS = (
    "done",
    "stored",
    "unchanged",
    "gone",
    "failed",
    "requests",
    "bytes",
    "retries",
    "rate_limited",
    "pauses",
)
"""Fields of a sample that count."""
COUNTS_BY_NAME = ("responses", "failures", "drift")
"""Fields of a sample that count by name."""


class Series:
    """Samples of one process, taken less often the longer it lasts.

    Where there is no more room every second one is dropped, and from then on the interval is twice as long.
    """

    def __init__(self, most: int = MOST_SAMPLES, interval: float = FIRST_INTERVAL) -> None:
        self._samples: list[Sample] = []
        self._most = most
        self.interval = interval

    @property
    def samples(self) -> Sequence[Sample]:
        """The samples, the oldest first."""
        return self._samples

    def add(self, sample: Sample) -> None:
        """Add a sample."""
        while len(self._samples) >= self._most:
            self._samples = self._samples[::2]
            self.interval *= 2
        self._samples.append(sample)

    def leave_room(self, earlier: int) -> None:
        """Leave room for the samples of earlier processes of the run."""
        # An even number: what is left and what comes next are at the same distance then.
        self._most = max((self._most - earlier) // 2 * 2, 2)
        last = self._samples[-1]
        while len(self._samples) >= self._most:
            self._samples = self._samples[::2]
            self.interval *= 2
        if self._samples[-1] is not last:
            self._samples.append(last)


def thinned(samples: Iterable[Sample], most: int = MOST_OF_EARLIER) -> list[Sample]:
    """Return fewer samples of ended processes, which add up to the same."""
    kept = list(samples)
    while len(kept) > most:
        ends = {(sample.process, sample.number) for sample in last_of_each(kept)}
        fewer = [
            sample
            for place, sample in enumerate(kept)
            if place % 2 == 0 or (sample.process, sample.number) in ends
        ]
        if len(fewer) == len(kept):
            # There is nothing but ends: the next process takes over what the oldest one counted.
            oldest = kept[0]
            rest = kept[1:]
            heir = rest[0].process
            fewer = [sample.plus(oldest) if sample.process == heir else sample for sample in rest]
        kept = fewer
    return kept


def last_of_each(samples: Iterable[Sample]) -> list[Sample]:
    """Return the last sample of each process: together they have the counts of the run."""
    return list({sample.process: sample for sample in samples}.values())


def joined(samples: Iterable[Sample]) -> list[Sample]:
    """Return the samples of a run's processes as one series: the counts of each go on from the one before."""
    found: list[Sample] = []
    before: Sample | None = None
    for sample in samples:
        if found and found[-1].process != sample.process:
            before = found[-1]
        found.append(sample if before is None else sample.plus(before))
    return found


def total_of(samples: Sequence[Sample], started_at: datetime) -> Sample:
    """Return the counts of a whole run, of which the samples are one series; all 0 where none was taken."""
    return samples[-1] if samples else Sample(0, 0, started_at, 0.0)


@dataclass(frozen=True)
class StoredRun:
    """A run as the database has it."""

    id: int
    spider: str
    kind: str
    arguments: Mapping[str, str]
    started_at: datetime
    finished_at: datetime | None
    listed: int | None


class RunSamples:
    """Keeps the samples of one process of a run in the database. All methods block.

    Each is one transaction, and may be tried again from its beginning.
    """

    def __init__(self, engine: Engine, run_id: int) -> None:
        self.engine = engine
        self.run_id = run_id
        self._written: frozenset[int] = frozenset()
        self._process = 0

    def begin(self, first: Sample) -> int:
        """Write the first sample of this process; return how many the earlier ones have, which are thinned out."""
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
        """Make these the samples of the process: what was written and is not among them goes."""
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
    """Return a run with its samples, ``None`` where there is none."""
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


def stored_runs(engine: Engine, limit: int) -> list[tuple[StoredRun, Sample]]:
    """Return the runs that began last, the newest first, with all that their processes counted."""
    with reading(engine) as connection:
        query = select(tmdb_runs).order_by(tmdb_runs.columns.id.desc()).limit(limit)
        runs = [_run(row) for row in connection.execute(query)]
        last = (
            select(_COLUMNS.run_id, _COLUMNS.process, func.max(_COLUMNS.number))
            .where(_COLUMNS.run_id.in_([run.id for run in runs]))
            .group_by(_COLUMNS.run_id, _COLUMNS.process)
        )
        key = tuple_(_COLUMNS.run_id, _COLUMNS.process, _COLUMNS.number)
        query = select(tmdb_run_samples).where(key.in_(last)).order_by(*_ORDER)
        samples: dict[int, list[Sample]] = {}
        for row in connection.execute(query).mappings():
            samples.setdefault(row["run_id"], []).append(_sample(row))
    return [(run, total_of(joined(samples.get(run.id, ())), run.started_at)) for run in runs]


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
