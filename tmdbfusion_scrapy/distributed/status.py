"""State of the queue, as ``scrapy tmdb-queue`` shows it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from tmdbfusion_scrapy.distributed.jobs import entrypoint_of
from tmdbfusion_scrapy.distributed.queue import JobQueue
from tmdbfusion_scrapy.distributed.tables import tmdb_queued_runs, tmdb_workers
from tmdbfusion_scrapy.exceptions import ConfigurationError
from tmdbfusion_scrapy.storage.backend import now_of
from tmdbfusion_scrapy.storage.entities import metadata
from tmdbfusion_scrapy.storage.entities.crawl import tmdb_runs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy.engine import Connection, Engine

    from tmdbfusion_scrapy.distributed.jobs import Job

RATE_SECONDS = 60
"""Seconds of which the rate is the average."""

_STATES = {"queued": "waiting", "picked": "running", "failed": "failed"}


@dataclass
class Amount:
    """Number of jobs, and of the records in them when they were planned."""

    jobs: int = 0
    records: int = 0

    def add(self, jobs: int, records: int) -> None:
        """Add to it."""
        self.jobs += jobs
        self.records += records


@dataclass
class RunStatus:
    """A run in the queue.

    Args:
        run: Key in ``tmdb_runs``.
        spider: Name of the spider.
        arguments: Its arguments.
        enqueued_at: When its jobs were in the queue, ISO 8601; ``None`` while they are being added.
        is_paused: Whether no worker takes its jobs.
        is_finished: Whether nothing is left of it.
        waiting: Jobs that no worker has.
        running: Jobs that a worker has.
        done: Jobs that are done.
        failed: Jobs that are held.
        records_per_second: Records of its kind that were stored in the last minute, on average.
        seconds_left: Until the waiting and running jobs are done at this rate; ``None`` where it is 0.
    """

    run: int
    spider: str
    arguments: Mapping[str, str]
    enqueued_at: str | None
    is_paused: bool
    is_finished: bool
    waiting: Amount = field(default_factory=Amount)
    running: Amount = field(default_factory=Amount)
    done: Amount = field(default_factory=Amount)
    failed: Amount = field(default_factory=Amount)
    records_per_second: float = 0.0
    seconds_left: float | None = None

    @property
    def entrypoint(self) -> str:
        """The name of its jobs."""
        return entrypoint_of(self.spider, self.run)


@dataclass
class WorkerStatus:
    """A worker.

    Args:
        host: Name of its machine; empty for one that is not known any more.
        pid: Number of its process there.
        seen_seconds: Seconds since its last heartbeat; ``None`` where that is not known.
        spiders: The spiders whose jobs it takes.
        jobs: Jobs that it has.
        records: Records in them.
    """

    host: str
    pid: int
    seen_seconds: float | None
    spiders: Sequence[str]
    jobs: int = 0
    records: int = 0


@dataclass(frozen=True)
class FailedJob:
    """A job that is held as failed.

    Args:
        job: PgQueuer's key of it.
        run: Key of the run.
        first: First position in the frontier.
        last: Last position.
        reason: What was missing.
    """

    job: int
    run: int
    first: int
    last: int
    reason: str


@dataclass(frozen=True)
class QueueStatus:
    """All that is in the queue."""

    runs: Sequence[RunStatus]
    workers: Sequence[WorkerStatus]
    failed: Sequence[FailedJob]

    def to_json(self) -> str:
        """Return it as JSON."""
        return json.dumps(asdict(self), indent=2)


class QueueReader:
    """Reads the queue, and does what an operator wants.

    Args:
        engine: Of the database.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.queue = JobQueue(engine, asyncio.to_thread)

    async def status(self, runs: Sequence[int] = (), *, with_finished: bool = True) -> QueueStatus:
        """Return what is in the queue.

        Args:
            runs: The runs that are meant; none for all.
            with_finished: Whether runs are among them that are finished.

        Raises:
            ConfigurationError: One of the runs is not there.
        """
        if not await self.queue.is_installed():
            if runs:
                raise _unknown(runs)
            return QueueStatus((), (), ())
        found, workers = await asyncio.to_thread(self._read)
        if unknown := set(runs) - found.keys():
            raise _unknown(sorted(unknown))
        chosen = {
            run.entrypoint: run
            for run in found.values()
            if (run.run in runs or not runs) and (with_finished or not run.is_finished)
        }
        for row in await self.queue.counts():
            run = chosen.get(row["entrypoint"])
            if run is not None:
                getattr(run, _STATES[row["status"]]).add(row["jobs"], row["ids"])
            if row["worker"] and (run is not None or not runs):
                worker = workers.setdefault(row["worker"], WorkerStatus("", 0, None, ()))
                worker.jobs += row["jobs"]
                worker.records += row["ids"]
        for run in chosen.values():
            for amount in (run.waiting, run.running, run.failed):
                run.done.add(-amount.jobs, -amount.records)
            if run.enqueued_at is None:
                # How many they are is known when all were added.
                run.done = Amount()
            if run.records_per_second and not run.is_finished:
                run.seconds_left = (run.waiting.records + run.running.records) / run.records_per_second
        return QueueStatus(
            list(chosen.values()), list(workers.values()), [*map(_failed, await self.queue.failed([*chosen]))]
        )

    def _read(self) -> tuple[dict[int, RunStatus], dict[str, WorkerStatus]]:
        """Return runs and workers, without their jobs."""
        queued, runs, workers = tmdb_queued_runs.columns, tmdb_runs.columns, tmdb_workers.columns
        query = (
            select(tmdb_queued_runs, runs.arguments, runs.finished_at.label("ended_at"))
            .join(tmdb_runs, runs.id == queued.run_id)
            .order_by(queued.run_id)
        )
        found: dict[int, RunStatus] = {}
        rates: dict[str, float] = {}
        with self._engine.begin() as connection:
            now = now_of(connection)
            for row in connection.execute(query):
                is_finished = row.finished_at is not None or row.ended_at is not None
                if not is_finished and row.kind not in rates:
                    rates[row.kind] = _rate(connection, row.kind)
                found[row.run_id] = RunStatus(
                    row.run_id,
                    row.spider,
                    json.loads(row.arguments),
                    row.enqueued_at and row.enqueued_at.isoformat(),
                    row.paused_at is not None,
                    is_finished,
                    done=Amount(row.jobs, row.ids),
                    records_per_second=0.0 if is_finished else rates[row.kind],
                )
            known = {
                row.id: WorkerStatus(
                    row.host, row.pid, (now - row.seen_at).total_seconds(), row.spiders.split(",")
                )
                for row in connection.execute(select(tmdb_workers).order_by(workers.host, workers.pid))
            }
        return found, known


def _rate(connection: Connection, kind: str) -> float:
    """Return how many records of a kind were stored a second."""
    fetched_at = metadata.tables[kind].columns.fetched_at
    since = now_of(connection) - timedelta(seconds=RATE_SECONDS)
    return (connection.scalar(select(func.count()).where(fetched_at >= since)) or 0) / RATE_SECONDS


def _failed(found: tuple[int, Job, str]) -> FailedJob:
    """Return a failed job of the queue."""
    key, job, reason = found
    return FailedJob(key, job.run, job.first, job.last, reason)


def _unknown(runs: Sequence[int]) -> ConfigurationError:
    """Return the error for runs that are not in the queue."""
    shown = ", ".join(map(str, runs))
    return ConfigurationError(f"run {shown} is not in the queue: see its runs with scrapy tmdb-queue")


def lines_of(
    status: QueueStatus, grid: Callable[..., Iterator[str]], duration: Callable[[float], str]
) -> Iterator[str]:
    """Yield the status as tables.

    Args:
        status: What is in the queue.
        grid: Makes lines of names of columns and rows; ``right`` are the numbers of those aligned to the right.
        duration: Says seconds in words.
    """
    if not status.runs:
        yield "The queue is empty: scrapy tmdb-enqueue SPIDER -a source=... plans a run"
        return
    rows = []
    for run in status.runs:
        arguments = " ".join(f"{name}={value}" for name, value in run.arguments.items() if name != "append")
        state = "finished" if run.is_finished else "paused" if run.is_paused else ""
        left = "" if run.seconds_left is None else duration(run.seconds_left)
        amounts = [f"{amount.records:,}" for amount in (run.waiting, run.running, run.done, run.failed)]
        rate = f"{run.records_per_second:.1f}" if run.records_per_second else ""
        rows.append([str(run.run), run.spider, arguments, *amounts, rate, left or state])
    yield from grid(
        ("run", "spider", "arguments", "waiting", "running", "done", "failed", "a second", "left"),
        rows,
        right=(0, 3, 4, 5, 6, 7, 8),
    )
    if status.workers:
        yield ""
        yield from grid(
            ("host", "process", "jobs", "records", "last heard of"),
            [
                [
                    worker.host or "(unknown)",
                    str(worker.pid or ""),
                    f"{worker.jobs:,}",
                    f"{worker.records:,}",
                    "" if worker.seen_seconds is None else f"{duration(worker.seen_seconds)} ago",
                ]
                for worker in status.workers
            ],
            right=(1, 2, 3),
        )
    if status.failed:
        yield ""
        for failed in status.failed:
            yield f"Job {failed.job} of run {failed.run} failed: {failed.reason}"
        yield "scrapy tmdb-queue --retry brings failed jobs back"
