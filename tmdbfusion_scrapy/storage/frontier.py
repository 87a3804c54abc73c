"""What a crawl wants and what of it is stored, asked of the database.

All methods block: a crawl calls them in a thread.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from sqlalchemy import BigInteger, and_, bindparam, delete, func, insert, literal, or_, select, true

from tmdbfusion_scrapy.storage.done import Done
from tmdbfusion_scrapy.storage.known import Known, reading
from tmdbfusion_scrapy.storage.listed import LISTED, add, fill
from tmdbfusion_scrapy.storage.locks import RUNS_LOCK, run_lock, take_lock
from tmdbfusion_scrapy.storage.otherwise import FetchedOtherwise, fetched_otherwise
from tmdbfusion_scrapy.storage.row_writers import rows_on
from tmdbfusion_scrapy.storage.rows import WATERMARK_COLUMNS
from tmdbfusion_scrapy.storage.runs import text_of, unfinished_run
from tmdbfusion_scrapy.storage.slices import MOST_KEYS, in_slices
from tmdbfusion_scrapy.storage.tables import metadata
from tmdbfusion_scrapy.storage.tables.crawl import tmdb_failures, tmdb_runs, tmdb_wanted, tmdb_watermarks
from tmdbfusion_scrapy.storage.upserts import Upsert
from tmdbfusion_scrapy.stores import Progress, Run

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sqlalchemy import ColumnElement, Select
    from sqlalchemy.engine import Connection, Engine
    from sqlalchemy.sql import Executable
    from typing_extensions import Self


class Frontier:
    """The part of the database that says what is to be done.

    Args:
        engine: Of a database that was opened with ``open_database``; it is disposed of with :meth:`close`.
        kind: Table of the records, such as ``movies``.

    Attributes:
        known: What the database can tell of the records.
    """

    def __init__(self, engine: Engine, kind: str) -> None:
        self._engine = engine
        self._kind = kind
        self.known = Known(engine, kind)
        self._done = Done(kind)
        self._records = metadata.tables[kind]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._engine.dispose()

    def begin(
        self, spider: str, arguments: Mapping[str, str], *, again: bool, language: str | None = None
    ) -> Run:
        """Return the run of these arguments that is not finished, else a new one.

        Two processes that do so at the same time get the same run, and fetch the same records.

        Args:
            spider: The spider's name.
            arguments: Its arguments.
            again: Whether what was stored before the run is fetched again.
            language: The languages that texts are asked for in, best first.
        """
        with self._engine.begin() as connection:
            take_lock(connection, RUNS_LOCK)
            found = unfinished_run(connection, spider, arguments)
            if found is not None:
                return found
            now = datetime.now(timezone.utc)
            since = now if again else None
            statement = insert(tmdb_runs).values(
                spider=spider, arguments=text_of(arguments), started_at=now, since=since, language=language
            )
            key = connection.execute(statement).inserted_primary_key
        assert key is not None  # noqa: S101 - one row was inserted
        return Run(key[0], now, since, None, is_planned=False, is_resumed=False)

    def plan(
        self,
        run: Run,
        listed: Iterable[tuple[int, float | None]],
        *,
        is_complete: bool = False,
        limit: int | None = None,
        upto: str | None = None,
        adult: Iterable[int] | None = None,
        is_adult: bool = False,
        export: tuple[str, int] | None = None,
    ) -> tuple[Run, Progress]:
        """Make what is listed, and not done, what the run wants, the most popular first; in one transaction.

        A run that another process planned in the meantime stays as it is.

        Args:
            run: A run that is not planned.
            listed: TMDB's ids with their popularity, in any number and order; those without one come last.
            is_complete: Whether that is all that TMDB has: what is stored and not listed is wanted too, after
                everything else, to see whether it was deleted.
            limit: Most records.
            upto: The watermark that stands when the run is finished.
            adult: The ids of all records for adults, which are listed by themselves; ``None`` where they are not
                known, so that nothing is said of those that are stored.
            is_adult: Whether the listed records are those for adults, and no others.
            export: Name and number of lines of the export that lists them.

        Returns:
            The run as it now is, and how far.
        """
        runs = tmdb_runs.columns
        name, size = export or (None, None)
        with self._engine.begin() as connection:
            take_lock(connection, run_lock(run.id))
            query = select(runs.upto).where(runs.id == run.id, runs.planned_at.is_not(None))
            planned = connection.execute(query).first()
            if planned is not None:
                return replace(run, is_planned=True, upto=planned.upto), self._progress(connection, run)
            _expect_many(connection)
            number = fill(connection, listed)
            added = self._want_listed(connection, run, limit)
            if is_complete and (limit is None or added < limit):
                add(connection, adult or ())
                which = self._missing_are_noticed(is_adult=is_adult, knows_adult=adult is not None)
                self._want_vanished(connection, run, added, limit, which)
            LISTED.drop(connection)
            if connection.dialect.name == "postgresql":
                # It must know that the table has grown before it looks for what is done.
                connection.exec_driver_sql(f"ANALYZE {tmdb_wanted.name}")
            connection.execute(
                tmdb_runs.update()
                .where(runs.id == run.id)
                .values(
                    planned_at=datetime.now(timezone.utc),
                    wanted=number,
                    upto=upto,
                    export=name,
                    export_size=size,
                )
            )
            return replace(run, is_planned=True, upto=upto), self._progress(connection, run)

    def renew(
        self, run: Run, listed: Iterable[tuple[int, float | None]], *, upto: str
    ) -> tuple[Run, Progress]:
        """Add what is listed to what is left of a planned run, even what the run has stored before.

        Args:
            run: A run that is planned.
            listed: As for :meth:`plan`.
            upto: The watermark that stands when the run is finished.

        Returns:
            The run as it now is, and how far.
        """
        runs = tmdb_runs.columns
        wanted = tmdb_wanted.columns
        with self._engine.begin() as connection:
            take_lock(connection, run_lock(run.id))
            found = connection.execute(select(runs.upto, runs.since).where(runs.id == run.id)).one()
            if found.upto != run.upto:
                # Another process has done it.
                run = replace(run, upto=found.upto, since=found.since)
                return run, self._take_done(connection, run)
            self._take_done(connection, run)
            fill(connection, listed)
            rest = select(wanted.id).where(
                wanted.run_id == run.id, wanted.id.not_in(select(LISTED.columns.id))
            )
            connection.execute(insert(LISTED).from_select(["id"], rest))
            connection.execute(delete(tmdb_wanted).where(wanted.run_id == run.id))
            run = replace(run, since=datetime.now(timezone.utc), upto=upto)
            number = connection.scalar(select(func.count()).select_from(LISTED)) or 0
            connection.execute(
                tmdb_runs.update().where(runs.id == run.id).values(since=run.since, upto=upto, wanted=number)
            )
            self._want_listed(connection, run, None)
            LISTED.drop(connection)
            return run, self._progress(connection, run)

    def fetched_otherwise(self, run: Run, parts: Sequence[str], language: str) -> list[FetchedOtherwise]:
        """Return the stored records that lack a part, or are in another language."""
        with reading(self._engine) as connection:
            return fetched_otherwise(connection, self._kind, run, parts, language)

    def go_on(self, run: Run) -> Progress:
        """Take what was done since from what a planned run wants."""
        with self._engine.begin() as connection:
            return self._take_done(connection, run)

    def left(self, run: Run, *, after: int = 0, limit: int = 1000) -> list[tuple[int, int]]:
        """Return position and id of what a planned run wants, in its order, behind a position."""
        wanted = tmdb_wanted.columns
        query = (
            select(wanted.position, wanted.id)
            .where(wanted.run_id == run.id, wanted.position > after)
            .order_by(wanted.position)
            .limit(limit)
        )
        with reading(self._engine) as connection:
            return [(position, key) for position, key in connection.execute(query)]

    def not_done(self, run: Run, keys: Sequence[int]) -> list[int]:
        """Return those of some ids that were not stored, found deleted or given up since the run began."""
        done: set[int] = set()
        columns = self._records.columns
        # TMDB's ids may be of 64 bits, even though no record with one has been stored.
        among = columns.id.in_(bindparam("ids", type_=BigInteger, expanding=True))
        seen = or_(columns.fetched_at >= run.started_at, columns.deleted_at.is_not(None))
        failed = tmdb_failures.columns
        given_up = self._done.given_up_as(failed.id, run.started_at).where(
            failed.id.in_(bindparam("texts", expanding=True))
        )
        with reading(self._engine) as connection:
            for part in in_slices(keys, MOST_KEYS):
                done.update(connection.scalars(select(columns.id).where(among, seen), {"ids": part}))
                texts = {"texts": [str(key) for key in part]}
                done.update(int(key) for key in connection.scalars(given_up, texts))
        return [key for key in keys if key not in done]

    def finish(self, run: Run, *, watermark: str | None = None, coverage: str | None = None) -> Progress:
        """End a run of which nothing is left; the watermark moves in the same transaction.

        Args:
            run: The run.
            watermark: Name of the watermark that :attr:`Run.upto` is the value of.
            coverage: What a crawl of discover in parts found, as JSON.

        Returns:
            How far the run is; it goes on where something is left.
        """
        runs = tmdb_runs.columns
        with self._engine.begin() as connection:
            take_lock(connection, run_lock(run.id))
            progress = self._take_done(connection, run)
            if progress.left:
                return progress
            now = datetime.now(timezone.utc)
            if watermark is not None and run.upto is not None:
                row = (watermark, run.upto, now)
                rows_on(connection).upsert(Upsert(tmdb_watermarks, WATERMARK_COLUMNS), [row])
            connection.execute(
                tmdb_runs.update().where(runs.id == run.id).values(finished_at=now, coverage=coverage)
            )
            return progress

    def _want_listed(self, connection: Connection, run: Run, limit: int | None) -> int:
        """Want what is listed and not done; return how many these are."""
        columns = LISTED.columns
        stored = self._done.stored(run.since)
        if run.since is None:
            # TMDB lists it: perhaps it is there again.
            stored = stored.where(self._records.columns.id.not_in(self._done.deleted()))
        todo = columns.id.in_(select(columns.id).except_(stored, self._done.given_up(run.since)))
        order = (columns.popularity.desc().nulls_last(), columns.id)
        connection.execute(_wanted(run, columns.id, order, todo, limit=limit))
        return self._progress(connection, run).left

    def _missing_are_noticed(self, *, is_adult: bool, knows_adult: bool) -> ColumnElement[bool]:
        """Which stored records a list has to name: those for adults are in lists of their own."""
        if "adult" not in self._records.columns or knows_adult:
            return true()
        adult = self._records.columns.adult
        return adult.is_(True) if is_adult else adult.is_not(True)

    def _want_vanished(
        self, connection: Connection, run: Run, start: int, limit: int | None, which: ColumnElement[bool]
    ) -> None:
        """Want what is stored and not listed, after as many as are wanted already."""
        key = self._records.columns.id
        gone = self._done.stored(None).except_(self._done.deleted(), select(LISTED.columns.id))
        rest = None if limit is None else limit - start
        is_gone = and_(key.in_(gone), which)
        connection.execute(_wanted(run, key, (key,), is_gone, start=start, vanished=True, limit=rest))

    def _take_done(self, connection: Connection, run: Run) -> Progress:
        """Take what was done from what a run wants."""
        _expect_many(connection)
        wanted = tmdb_wanted.columns
        for vanished, since in ((False, run.since), (True, run.started_at)):
            mine = and_(wanted.run_id == run.id, wanted.vanished.is_(vanished))
            # What TMDB said to be gone before, and says again, keeps its date.
            for done in (self._done.stored(since), self._done.deleted(), self._done.given_up(since)):
                connection.execute(delete(tmdb_wanted).where(mine, wanted.id.in_(done)))
        return self._progress(connection, run)

    def _progress(self, connection: Connection, run: Run) -> Progress:
        """How far a run is."""
        total = select(tmdb_runs.columns.wanted).where(tmdb_runs.columns.id == run.id)
        left = select(func.count()).where(tmdb_wanted.columns.run_id == run.id)
        return Progress(connection.scalar(total) or 0, connection.scalar(left) or 0)


def _wanted(
    run: Run,
    key: ColumnElement[int],
    order: tuple[ColumnElement[Any], ...],
    condition: ColumnElement[bool],
    *,
    start: int = 0,
    vanished: bool = False,
    limit: int | None = None,
) -> Executable:
    """The statement that makes ids wanted, in an order, from a position on."""
    position = start + func.row_number().over(order_by=order)
    rows: Select[Any] = (
        select(literal(run.id), position, key, literal(vanished))
        .where(condition)
        .order_by(*order)
        .limit(limit)
    )
    return insert(tmdb_wanted).from_select(["run_id", "position", "id", "vanished"], rows)


def _expect_many(connection: Connection) -> None:
    """Prepare a transaction for questions about a million ids."""
    if connection.dialect.name == "postgresql":
        # Its statistics know nothing of what was stored a moment ago: it would look through all that is wanted for
        # each of a few that turn out to be half a million.
        connection.exec_driver_sql("SET LOCAL enable_nestloop = off; SET LOCAL work_mem = '64MB'")
