"""The queue: PgQueuer's tables in the database of the crawls, asked over the connections that a crawl has anyway.

PgQueuer's statements do the work: enqueue without duplicates, dequeue with ``SKIP LOCKED``, jobs of the dead taken
up again, failed jobs held. Its ``QueueManager`` is not used: it does not come back after the connection is lost,
its heartbeat goes on in a worker that hangs, and it cannot give a job back.
"""

from __future__ import annotations

from datetime import timedelta
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import uuid4

from sqlalchemy import and_, cast, delete, func, insert, inspect, or_, select
from sqlalchemy.dialects.postgresql import REGCLASS

from tmdbfusion_scrapy.distributed.jobs import Job, entrypoint_of
from tmdbfusion_scrapy.distributed.tables import metadata, tmdb_queued_runs, tmdb_workers
from tmdbfusion_scrapy.exceptions import ConfigurationError
from tmdbfusion_scrapy.storage.backend import TABLES_LOCK, backend_for, backend_of, now_of
from tmdbfusion_scrapy.storage.database import database_label, parse_database_url
from tmdbfusion_scrapy.storage.postgresql import POSTGRESQL
from tmdbfusion_scrapy.storage.upserts import in_slices

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable, Callable, Sequence

    from sqlalchemy.engine import Connection, Engine
    from typing_extensions import Self

    Ask = Callable[..., Awaitable[Any]]

PREFIX = "tmdb_"
"""What the names of PgQueuer's objects begin with: it may serve something else in the same database, too."""

_JOBS_AT_ONCE = 1000
_FORGOTTEN_AFTER = timedelta(days=1)
"""Time after which a worker that was not seen is forgotten."""


class OpenRun(NamedTuple):
    """A run that is not finished.

    Attributes:
        run: Key in ``tmdb_runs``.
        spider: Name of the spider.
        language: Languages that texts are asked for in, best first, with commas; empty for TMDB's own choice.
        is_paused: Whether no worker is to take a job of it.
        is_enqueued: Whether all of its jobs were added.
    """

    run: int
    spider: str
    language: str
    is_paused: bool
    is_enqueued: bool


def check_queue(url: str) -> None:
    """See that jobs can be kept in a database.

    Args:
        url: ``TMDB_DATABASE_URL``.

    Raises:
        ConfigurationError: It is not PostgreSQL, or PgQueuer is not installed.
    """
    parsed = parse_database_url(url)
    if backend_for(parsed) is not POSTGRESQL:
        raise ConfigurationError(
            f"TMDB_DATABASE_URL={database_label(parsed)}: several machines share a crawl by a PostgreSQL database "
            "that all of them reach. Set it to postgresql://user:password@host/database, or use scrapy crawl on "
            "one machine"
        )
    if find_spec("pgqueuer") is None:
        raise ConfigurationError(
            "PgQueuer is not installed, which keeps the jobs: install it with pip install "
            "'tmdbfusion-scrapy[distributed]'"
        )


class _Driver:
    """PgQueuer's driver over an engine of SQLAlchemy, whose pool replaces a connection that was lost.

    Args:
        engine: Of PostgreSQL.
        ask: Calls what blocks in a thread, and again while the database is away.
    """

    def __init__(self, engine: Engine, ask: Ask) -> None:
        self._engine = engine
        self._ask = ask

    async def fetch(self, query: str, *args: object) -> list[dict[str, object]]:
        """Return the rows of a statement; its values stand as ``$1``."""
        rows: list[dict[str, object]] = await self._ask(self._run, query, args)
        return rows

    async def execute(self, query: str, *args: object) -> str:
        """Run a statement."""
        await self._ask(self._run, query, args)
        return ""

    def _run(self, query: str, args: tuple[object, ...]) -> list[dict[str, object]]:
        """Run a statement in a transaction of its own."""
        with self._engine.begin() as connection:
            return run_as_written(connection, query, args)

    async def notify(self, channel: str, payload: str) -> None:
        """Send a notification."""
        await self.execute("SELECT pg_notify($1, $2)", channel, payload)

    async def add_listener(self, channel: str, callback: Any) -> None:
        """Refuse: workers look for jobs by themselves."""
        raise NotImplementedError

    @property
    def shutdown(self) -> asyncio.Event:
        """Refused: there is nothing to shut down."""
        raise NotImplementedError

    @property
    def tm(self) -> Any:
        """Refused: there are no tasks."""
        raise NotImplementedError

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        """Do nothing: who made the engine disposes of it."""


def run_as_written(
    connection: Connection, query: str, args: tuple[object, ...] = ()
) -> list[dict[str, object]]:
    """Run a statement in PostgreSQL's own form, with ``$1`` for a value, and return its rows."""
    from psycopg import RawCursor

    driver: Any = connection.connection.driver_connection
    before, driver.cursor_factory = driver.cursor_factory, RawCursor
    try:
        options = {} if args else {"no_parameters": True}
        result = connection.exec_driver_sql(query, args or None, execution_options=options)
        return [dict(row) for row in result.mappings()] if result.returns_rows else []
    finally:
        driver.cursor_factory = before


class JobQueue:
    """The jobs of all runs in a database.

    Args:
        engine: Of the database; who made it disposes of it.
        ask: Calls what blocks in a thread, and again while the database is away.

    Attributes:
        worker: Key of this process in ``tmdb_workers``.
    """

    def __init__(self, engine: Engine, ask: Ask) -> None:
        from pgqueuer.adapters.persistence.qb import (
            QueryBuilderEnvironment,
            QueryQueueBuilder,
            QuerySchedulerBuilder,
        )
        from pgqueuer.domain.settings import DBSettings
        from pgqueuer.queries import Queries

        self._engine = engine
        self._ask = ask
        settings = DBSettings(prefix=PREFIX)
        self._table = settings.qualified.queue_table
        self._log = settings.qualified.queue_table_log
        self._queries = Queries(
            _Driver(engine, ask),
            QueryBuilderEnvironment(settings),
            QueryQueueBuilder(settings),
            QuerySchedulerBuilder(settings),
        )
        self._delete = self._queries.qbq.build_delete_from_queue_query()
        self.worker = uuid4()

    # Setting up

    async def is_installed(self) -> bool:
        """Return whether anything was ever enqueued in this database."""
        there: bool = await self._ask(self._is_installed)
        return there

    def _is_installed(self) -> bool:
        """Return whether there are tables of the queue."""
        return inspect(self._engine).has_table(tmdb_queued_runs.name)

    async def install(self) -> None:
        """Make the tables that are missing.

        Raises:
            ConfigurationError: PgQueuer's are those of another version.
        """
        await self._ask(self._install)
        plan = await self._queries.plan_upgrade()
        if plan.statements:
            raise ConfigurationError(
                f"the tables of the queue ({self._table} and others) are those of another version of PgQueuer: "
                f"when no worker runs, use PGQUEUER_PREFIX={PREFIX} pgq upgrade"
            )

    def _install(self) -> None:
        """Make the tables that are missing, in one transaction."""
        with self._engine.begin() as connection:
            backend_of(connection).take_lock(connection, TABLES_LOCK)
            if not inspect(connection).has_table(tmdb_queued_runs.name):
                run_as_written(connection, self._queries.qbe.build_install_query(create_schema=False))
                metadata.create_all(connection)

    # Planning

    async def hold_run(self, run: int) -> Connection | None:
        """Return a connection that keeps others from enqueuing a run until it is closed.

        ``None`` where another process enqueues it now.
        """
        held: Connection | None = await self._ask(self._hold_run, run)
        return held

    def _hold_run(self, run: int) -> Connection | None:
        """Take PostgreSQL's lock for the enqueuing of a run, which ends with its connection."""
        connection = self._engine.connect()
        # Not the pool's: its lock ends when it is closed.
        connection.detach()
        # By the table, as another schema of the database may have a queue and runs of its own.
        table = func.hashoid(cast(tmdb_queued_runs.name, REGCLASS))
        is_held = connection.scalar(select(func.pg_try_advisory_lock(table, run)))
        connection.commit()
        if not is_held:
            connection.close()
        return connection if is_held else None

    async def begin_run(self, run: int, spider: str, kind: str, language: str) -> bool:
        """Note a run whose jobs are enqueued now; return false where it has jobs in the queue already."""
        has_begun: bool = await self._ask(self._begin_run, run, spider, kind, language)
        return has_begun

    def _begin_run(self, run: int, spider: str, kind: str, language: str) -> bool:
        """Note a run, unless all of its jobs were enqueued and some are there."""
        runs = tmdb_queued_runs.columns
        with self._engine.begin() as connection:
            backend_of(connection).take_lock(connection, TABLES_LOCK)
            query = select(runs.enqueued_at, runs.paused_at).where(runs.run_id == run)
            row = connection.execute(query).first()
            if row is not None and row.enqueued_at is not None and self._has_jobs(connection, spider, run):
                return False
            # Whoever was killed while it added jobs may have cut the run otherwise: a record has one job.
            run_as_written(connection, self._delete, ([entrypoint_of(spider, run)],))
            connection.execute(delete(tmdb_queued_runs).where(runs.run_id == run))
            values = {"run_id": run, "spider": spider, "kind": kind, "language": language}
            paused_at = None if row is None else row.paused_at
            connection.execute(insert(tmdb_queued_runs).values(**values, jobs=0, ids=0, paused_at=paused_at))
            return True

    async def add(self, jobs: Sequence[Job], *, priority: int = 0) -> int:
        """Enqueue the jobs of a run that are not in the queue, and return how many these were.

        Args:
            jobs: All jobs of the run.
            priority: Jobs with a higher one are taken first.
        """
        added = 0
        for part in in_slices(jobs, _JOBS_AT_ONCE):
            keys = await self._queries.enqueue(
                [entrypoint_of(job.spider, job.run) for job in part],
                [job.to_bytes() for job in part],
                [priority] * len(part),
                dedupe_key=[job.key for job in part],
                on_conflict="skip",
            )
            added += sum(key is not None for key in keys)
        return added

    async def end_run(self, run: int, jobs: Sequence[Job]) -> bool:
        """Note that all jobs of a run are in the queue; return false where it was cancelled meanwhile."""
        return bool(await self._ask(self._end_run, run, len(jobs), sum(job.ids for job in jobs)))

    def _end_run(self, run: int, jobs: int, ids: int) -> int:
        """Note how many jobs a run has; workers may have finished it by now."""
        which = tmdb_queued_runs.columns.run_id == run
        with self._engine.begin() as connection:
            values = {"jobs": jobs, "ids": ids, "enqueued_at": now_of(connection)}
            return connection.execute(tmdb_queued_runs.update().where(which).values(values)).rowcount

    async def finish_run(self, run: int) -> bool:
        """Note that a run is finished; return false where another worker did."""
        return bool(await self._ask(self._set, run, finished_at=True))

    def _set(self, run: int, **values: Any) -> int:
        """Set columns of a run that is not finished; ``True`` stands for the time of the database."""
        runs = tmdb_queued_runs.columns
        which = and_(runs.run_id == run, runs.finished_at.is_(None))
        with self._engine.begin() as connection:
            now = now_of(connection)
            found = {name: now if value is True else value for name, value in values.items()}
            return connection.execute(tmdb_queued_runs.update().where(which).values(found)).rowcount

    # Working

    async def begin_worker(self, host: str, pid: int, spiders: Sequence[str]) -> None:
        """Put this process among the workers, and take out those that were not seen for a day."""
        await self._ask(self._begin_worker, host, pid, ",".join(spiders))

    def _begin_worker(self, host: str, pid: int, spiders: str) -> None:
        """Note a worker."""
        workers = tmdb_workers.columns
        with self._engine.begin() as connection:
            now = now_of(connection)
            is_old = workers.seen_at < now - _FORGOTTEN_AFTER
            # It may be there: the connection was lost before the answer came.
            is_here = workers.id == str(self.worker)
            connection.execute(delete(tmdb_workers).where(or_(is_old, is_here)))
            values = {"id": str(self.worker), "host": host, "pid": pid, "spiders": spiders}
            connection.execute(insert(tmdb_workers).values(**values, started_at=now, seen_at=now))

    async def end_worker(self) -> None:
        """Take this process out of the workers."""
        await self._ask(self._end_worker)

    def _end_worker(self) -> None:
        """Forget a worker."""
        with self._engine.begin() as connection:
            connection.execute(delete(tmdb_workers).where(tmdb_workers.columns.id == str(self.worker)))

    async def open_runs(self, spiders: Sequence[str]) -> list[OpenRun]:
        """Return the runs of some spiders that are not finished."""
        found: list[OpenRun] = await self._ask(self._open_runs, spiders)
        return found

    def _open_runs(self, spiders: Sequence[str]) -> list[OpenRun]:
        """Return the runs that are not finished."""
        runs = tmdb_queued_runs.columns
        query = select(tmdb_queued_runs).where(runs.finished_at.is_(None), runs.spider.in_(spiders))
        with self._engine.begin() as connection:
            return [
                OpenRun(
                    row.run_id,
                    row.spider,
                    row.language,
                    is_paused=row.paused_at is not None,
                    is_enqueued=row.enqueued_at is not None,
                )
                for row in connection.execute(query)
            ]

    async def take(self, entrypoints: Sequence[str], heartbeat: float) -> Any:
        """Return a job that nobody holds, or whose worker has not been heard of for a while; ``None`` for none.

        Args:
            entrypoints: Those of the runs.
            heartbeat: Seconds.
        """
        from pgqueuer.queries import EntrypointExecutionParameter

        if not entrypoints:
            return None
        parameters: Any = {name: EntrypointExecutionParameter(0) for name in entrypoints}
        manager: Any = self.worker
        jobs = await self._queries.dequeue(1, parameters, manager, None, timedelta(seconds=heartbeat))
        return jobs[0] if jobs else None

    async def keep(self, ids: Sequence[int]) -> set[int]:
        """Send the heartbeat of some jobs, and return those that are still this worker's."""
        rows: list[Any] = await self._ask(self._keep, list(ids))
        return {row["id"] for row in rows}

    def _keep(self, ids: list[int]) -> list[dict[str, object]]:
        """Note that the worker lives and holds some jobs."""
        with self._engine.begin() as connection:
            workers = tmdb_workers.columns
            seen = tmdb_workers.update().where(workers.id == str(self.worker))
            connection.execute(seen.values(seen_at=now_of(connection)))
            query = (
                f"UPDATE {self._table} SET heartbeat = NOW() "  # noqa: S608 - the name of a table
                "WHERE status = 'picked' AND queue_manager_id = $1 AND id = ANY($2::bigint[]) RETURNING id"
            )
            return run_as_written(connection, query, (self.worker, ids)) if ids else []

    async def give_back(self, ids: Sequence[int] | None = None, *, as_tried: bool = False) -> int:
        """Put jobs that are this worker's back into the queue, and return how many these were.

        Args:
            ids: PgQueuer's keys of them; ``None`` for all.
            as_tried: Whether it counts as a try in which nothing came.
        """
        query = (
            f"UPDATE {self._table} SET status = 'queued', queue_manager_id = NULL, updated = NOW(), "  # noqa: S608
            f"attempts = attempts + {int(as_tried)} "
            "WHERE status = 'picked' AND queue_manager_id = $1 "
            "AND ($2::bigint[] IS NULL OR id = ANY($2::bigint[])) RETURNING id"
        )
        keys = None if ids is None else list(ids)
        return len(await self._queries.driver.fetch(query, self.worker, keys))

    async def was_taken_before(self, taken: Any) -> bool:
        """Return whether a job was taken more than once, so that some worker may have left it unfinished."""
        query = f"SELECT count(*) > 1 AS found FROM {self._log} WHERE job_id = $1 AND status = 'picked'"  # noqa: S608
        return bool((await self._queries.driver.fetch(query, taken.id))[0]["found"])

    async def end(self, taken: Any) -> None:
        """Take a job out of the queue that is done."""
        await self._queries.log_jobs([(taken, "successful", None)])

    async def clear(self, spider: str, run: int) -> None:
        """Take all jobs of a run out of the queue, of which nobody wants anything any more."""
        await self._queries.clear_queue([entrypoint_of(spider, run)])

    async def fail(self, taken: Any, error: Exception) -> None:
        """Hold a job as failed, with the reason."""
        from pgqueuer.models import TracebackRecord

        record = TracebackRecord.from_exception(error, taken.id)
        await self._queries.log_jobs([(taken, "failed", record)])

    async def has_jobs(self, spider: str, run: int) -> bool:
        """Return whether a run has jobs in the queue, failed ones among them."""
        found: bool = await self._ask(self._ask_has_jobs, spider, run)
        return found

    def _ask_has_jobs(self, spider: str, run: int) -> bool:
        """Return whether a run has jobs."""
        with self._engine.begin() as connection:
            return self._has_jobs(connection, spider, run)

    def _has_jobs(self, connection: Connection, spider: str, run: int) -> bool:
        """Return whether a run has jobs."""
        query = f"SELECT EXISTS (SELECT 1 FROM {self._table} WHERE entrypoint = $1) AS found"  # noqa: S608
        return bool(run_as_written(connection, query, (entrypoint_of(spider, run),))[0]["found"])

    async def has_work(self, entrypoints: Sequence[str]) -> bool:
        """Return whether there are jobs that wait or that a worker holds."""
        query = (
            f"SELECT EXISTS (SELECT 1 FROM {self._table} "  # noqa: S608
            "WHERE entrypoint = ANY($1::text[]) AND status IN ('queued', 'picked')) AS found"
        )
        return bool((await self._queries.driver.fetch(query, list(entrypoints)))[0]["found"])

    # Looking at it, and an operator's commands

    async def counts(self) -> list[dict[str, Any]]:
        """Return how many jobs and ids there are by ``entrypoint``, ``status`` and ``worker``."""
        query = (
            "SELECT entrypoint, status::text AS status, queue_manager_id::text AS worker, count(*) AS jobs, "  # noqa: S608
            "sum((convert_from(payload, 'UTF8')::jsonb ->> 'ids')::bigint)::bigint AS ids "
            f"FROM {self._table} GROUP BY 1, 2, 3"
        )
        return await self._queries.driver.fetch(query)

    async def failed(self, entrypoints: Sequence[str]) -> list[tuple[int, Job, str]]:
        """Return the failed jobs of some runs: PgQueuer's key, the job, and why."""
        query = (
            "SELECT job.id, job.payload, (SELECT traceback ->> 'exception_message' "  # noqa: S608
            f"FROM {self._log} log WHERE log.job_id = job.id AND log.status = 'failed' "
            f"ORDER BY log.id DESC LIMIT 1) AS reason FROM {self._table} job "
            "WHERE job.status = 'failed' AND job.entrypoint = ANY($1::text[]) ORDER BY job.id"
        )
        rows: list[Any] = await self._queries.driver.fetch(query, list(entrypoints))
        return [(row["id"], Job.from_bytes(bytes(row["payload"])), row["reason"] or "") for row in rows]

    async def retry(self, ids: Sequence[int]) -> None:
        """Put failed jobs back into the queue."""
        keys: Any = list(ids)
        await self._queries.requeue_jobs(keys)

    async def pause(self, runs: Sequence[int], *, paused: bool) -> None:
        """Have no worker take a job of some runs any more, or have them taken again."""
        for run in runs:
            await self._ask(self._set, run, paused_at=True if paused else None)

    async def cancel(self, runs: Sequence[tuple[str, int]]) -> None:
        """Take the jobs of some runs, by spider and key, out of the queue; the runs stay open."""
        await self._queries.clear_queue([entrypoint_of(spider, run) for spider, run in runs])
        await self._ask(self._forget_runs, [run for _, run in runs])

    def _forget_runs(self, runs: Sequence[int]) -> None:
        """Take runs out of those that were enqueued."""
        with self._engine.begin() as connection:
            connection.execute(delete(tmdb_queued_runs).where(tmdb_queued_runs.columns.run_id.in_(runs)))
