"""The frontier of a run: what is to be fetched, in its order, kept in the database.

A method may be tried again from its beginning: each is one transaction.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    BigInteger,
    Column,
    Float,
    Integer,
    MetaData,
    Table,
    and_,
    bindparam,
    delete,
    func,
    insert,
    literal,
    or_,
    select,
    true,
)

from tmdbfusion_scrapy.storage.backend import RUNS_LOCK, backend_of, now_of, run_lock
from tmdbfusion_scrapy.storage.crawl_state import CrawlState
from tmdbfusion_scrapy.storage.database import reading
from tmdbfusion_scrapy.storage.entities.crawl import tmdb_failures, tmdb_frontier, tmdb_runs, tmdb_watermarks
from tmdbfusion_scrapy.storage.rows import WATERMARK_COLUMNS
from tmdbfusion_scrapy.storage.runs import run_of, text_of, unfinished_run
from tmdbfusion_scrapy.storage.upserts import MOST_KEYS, Upsert, in_slices
from tmdbfusion_scrapy.stores import Progress, Run

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import ColumnElement, Select
    from sqlalchemy.engine import Connection
    from sqlalchemy.sql import Executable
    from typing_extensions import Self

LISTED = Table(
    "tmdb_listed",
    MetaData(),
    # As SQLite's own row id, it needs no index.
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("popularity", Float),
    prefixes=["TEMPORARY"],
)
"""Each listed id once, with its popularity, on the disk: a million ids do not belong into memory."""


class Frontier(CrawlState):
    """The state of the crawls for one kind of records, and the frontier of a run.

    Args:
        engine: Of a database that was opened with ``open_database``; it is disposed of with :meth:`close`.
        kind: Table of the records, such as ``movies``.
    """

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

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
            backend_of(connection).take_lock(connection, RUNS_LOCK)
            found = unfinished_run(connection, spider, arguments)
            if found is not None:
                return found
            now = now_of(connection)
            since = now if again else None
            statement = insert(tmdb_runs).values(
                spider=spider,
                kind=self._kind,
                arguments=text_of(arguments),
                started_at=now,
                since=since,
                language=language,
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
        coverage: str | None = None,
    ) -> tuple[Run, Progress]:
        """Make the frontier of what is listed and not done, the most popular first; in one transaction.

        A run that another process planned in the meantime stays as it is.

        Args:
            run: A run that is not planned.
            listed: TMDB's ids with their popularity, in any number and order; those without one come last.
            is_complete: Whether that is all that TMDB has: what is stored and not listed is fetched too, after
                everything else, to see whether it was deleted.
            limit: Most records.
            upto: The watermark that stands when the run is finished.
            adult: The ids of all records for adults, which are listed by themselves; ``None`` where they are not
                known, so that nothing is said of those that are stored.
            is_adult: Whether the listed records are those for adults, and no others.
            export: Name and number of lines of the export that lists them.
            coverage: What a crawl of discover in parts found, as JSON.

        Returns:
            The run as it now is, and how far.
        """
        runs = tmdb_runs.columns
        name, size = export or (None, None)
        with self._engine.begin() as connection:
            backend_of(connection).take_lock(connection, run_lock(run.id))
            query = select(runs.upto).where(runs.id == run.id, runs.planned_at.is_not(None))
            planned = connection.execute(query).first()
            if planned is not None:
                return replace(run, is_planned=True, upto=planned.upto), self._far(connection, run)
            backend = backend_of(connection)
            backend.expect_many(connection)
            number = _fill(connection, listed)
            added = self._add_listed(connection, run, limit)
            if is_complete and (limit is None or added < limit):
                backend.add_ids(connection, LISTED, adult or ())
                which = self._missing_are_noticed(is_adult=is_adult, knows_adult=adult is not None)
                self._add_vanished(connection, run, added, limit, which)
            LISTED.drop(connection)
            # Before it looks for what is done.
            backend.analyze(connection, tmdb_frontier)
            connection.execute(
                tmdb_runs.update()
                .where(runs.id == run.id)
                .values(
                    planned_at=now_of(connection),
                    listed=number,
                    upto=upto,
                    export=name,
                    export_size=size,
                    coverage=coverage,
                )
            )
            return replace(run, is_planned=True, upto=upto), self._far(connection, run)

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
        frontier = tmdb_frontier.columns
        with self._engine.begin() as connection:
            backend_of(connection).take_lock(connection, run_lock(run.id))
            found = connection.execute(select(runs.upto, runs.since).where(runs.id == run.id)).one()
            if found.upto != run.upto:
                # Another process has done it.
                run = replace(run, upto=found.upto, since=found.since)
                return run, self._take_done(connection, run)
            self._take_done(connection, run)
            _fill(connection, listed)
            rest = select(frontier.id).where(
                frontier.run_id == run.id, frontier.id.not_in(select(LISTED.columns.id))
            )
            connection.execute(insert(LISTED).from_select(["id"], rest))
            connection.execute(delete(tmdb_frontier).where(frontier.run_id == run.id))
            run = replace(run, since=now_of(connection), upto=upto)
            number = connection.scalar(select(func.count()).select_from(LISTED)) or 0
            connection.execute(
                tmdb_runs.update().where(runs.id == run.id).values(since=run.since, upto=upto, listed=number)
            )
            self._add_listed(connection, run, None)
            LISTED.drop(connection)
            return run, self._far(connection, run)

    def go_on(self, run: Run) -> Progress:
        """Take from the frontier of a planned run what was done since."""
        with self._engine.begin() as connection:
            return self._take_done(connection, run)

    def left(self, run: Run, *, after: int = 0, limit: int = 1000) -> list[tuple[int, int]]:
        """Return position and id of a planned run's frontier, in its order, behind a position."""
        frontier = tmdb_frontier.columns
        query = (
            select(frontier.position, frontier.id)
            .where(frontier.run_id == run.id, frontier.position > after)
            .order_by(frontier.position)
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
        given_up = self._given_up_as(failed.id, run.started_at).where(
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
            backend_of(connection).take_lock(connection, run_lock(run.id))
            progress = self._take_done(connection, run)
            is_open = select(runs.id).where(runs.id == run.id, runs.finished_at.is_(None))
            if progress.left or connection.scalar(is_open) is None:
                return progress
            now = now_of(connection)
            if watermark is not None and run.upto is not None:
                row = (watermark, run.upto, now)
                backend_of(connection).rows(connection).upsert(
                    Upsert(tmdb_watermarks, WATERMARK_COLUMNS, newer="set_at"), [row]
                )
            # One that was planned for others has its coverage.
            found = {"finished_at": now} if coverage is None else {"finished_at": now, "coverage": coverage}
            connection.execute(tmdb_runs.update().where(runs.id == run.id).values(found))
            return progress

    def run(self, key: int) -> tuple[Run, bool] | None:
        """Return a run, and whether it is finished; ``None`` where there is none with this key."""
        with reading(self._engine) as connection:
            return run_of(connection, key)

    def shards(self, run: Run, size: int) -> list[tuple[int, int, int]]:
        """Return the frontier of a planned run in shards: first and last position, and how many ids.

        Args:
            run: The run.
            size: Most ids of a shard.
        """
        frontier = tmdb_frontier.columns
        position = frontier.position
        query = (
            select(func.min(position), func.max(position), func.count())
            .where(frontier.run_id == run.id)
            .group_by((position - 1) // size)
            .order_by(func.min(position))
        )
        with reading(self._engine) as connection:
            return [(first, last, count) for first, last, count in connection.execute(query)]

    def left_between(self, run: Run, first: int, last: int, *, again: bool = False) -> list[int]:
        """Return the ids of a planned run between two positions that are not stored, deleted or given up.

        Args:
            run: The run.
            first: The first position.
            last: The last one.
            again: Whether those are among them that were found deleted before the run: TMDB lists them, so
                perhaps they are there again.
        """
        frontier = tmdb_frontier.columns
        rows = (
            select(frontier.id, frontier.vanished)
            .where(frontier.run_id == run.id, frontier.position.between(first, last))
            .order_by(frontier.position)
        )
        done: set[int] = set()
        with reading(self._engine) as connection:
            listed = [(key, vanished) for key, vanished in connection.execute(rows)]
            for is_vanished, since in ((False, run.since), (True, run.started_at)):
                keys = [key for key, vanished in listed if vanished is is_vanished]
                for part in in_slices(keys, MOST_KEYS):
                    done |= self._done_among(connection, part, since, run.started_at if again else None)
        return [key for key, _ in listed if key not in done]

    def _done_among(
        self,
        connection: Connection,
        keys: Sequence[int],
        since: datetime | None,
        deleted_since: datetime | None,
    ) -> set[int]:
        """Return those of some ids that are stored or given up since a moment or ever, or deleted."""
        columns = self._records.columns
        fetched = columns.fetched_at.is_not(None) if since is None else columns.fetched_at >= since
        deleted: ColumnElement[bool]
        if deleted_since is None:
            deleted = columns.deleted_at.is_not(None)
        else:
            deleted = columns.deleted_at >= deleted_since
            fetched = and_(fetched, columns.deleted_at.is_(None))
        among = columns.id.in_(bindparam("ids", type_=BigInteger, expanding=True))
        done = select(columns.id).where(among, or_(fetched, deleted))
        found = set(connection.scalars(done, {"ids": keys}))
        failed = tmdb_failures.columns.id
        given_up = self._given_up_as(failed, since).where(failed.in_(bindparam("texts", expanding=True)))
        found.update(int(key) for key in connection.scalars(given_up, {"texts": [str(key) for key in keys]}))
        return found

    def _add_listed(self, connection: Connection, run: Run, limit: int | None) -> int:
        """Add what is listed and not done; return how many these are."""
        columns = LISTED.columns
        stored = self._fetched(run.since)
        if run.since is None:
            # TMDB lists it: perhaps it is there again.
            stored = stored.where(self._records.columns.id.not_in(self._deleted()))
        todo = columns.id.in_(select(columns.id).except_(stored, self._given_up(run.since)))
        order = (columns.popularity.desc().nulls_last(), columns.id)
        connection.execute(_addition(run, columns.id, order, todo, limit=limit))
        return self._far(connection, run).left

    def _missing_are_noticed(self, *, is_adult: bool, knows_adult: bool) -> ColumnElement[bool]:
        """Return the condition for stored records that a list has to name: adult ones have lists of their own."""
        if "adult" not in self._records.columns or knows_adult:
            return true()
        adult = self._records.columns.adult
        return adult.is_(True) if is_adult else adult.is_not(True)

    def _add_vanished(
        self, connection: Connection, run: Run, start: int, limit: int | None, which: ColumnElement[bool]
    ) -> None:
        """Add what is stored and not listed, after as many as are there already."""
        key = self._records.columns.id
        gone = self._fetched(None).except_(self._deleted(), select(LISTED.columns.id))
        rest = None if limit is None else limit - start
        is_gone = and_(key.in_(gone), which)
        connection.execute(_addition(run, key, (key,), is_gone, start=start, vanished=True, limit=rest))

    def _take_done(self, connection: Connection, run: Run) -> Progress:
        """Take what was done from the frontier of a run."""
        backend_of(connection).expect_many(connection)
        frontier = tmdb_frontier.columns
        for vanished, since in ((False, run.since), (True, run.started_at)):
            mine = and_(frontier.run_id == run.id, frontier.vanished.is_(vanished))
            # What TMDB said to be gone before, and says again, keeps its date.
            for done in (self._fetched(since), self._deleted(), self._given_up(since)):
                connection.execute(delete(tmdb_frontier).where(mine, frontier.id.in_(done)))
        return self._far(connection, run)

    def _far(self, connection: Connection, run: Run) -> Progress:
        """Return how far a run is whose frontier is up to date."""
        total = select(tmdb_runs.columns.listed).where(tmdb_runs.columns.id == run.id)
        left = select(func.count()).where(tmdb_frontier.columns.run_id == run.id)
        return Progress(connection.scalar(total) or 0, connection.scalar(left) or 0)


def _addition(
    run: Run,
    key: ColumnElement[int],
    order: tuple[ColumnElement[Any], ...],
    condition: ColumnElement[bool],
    *,
    start: int = 0,
    vanished: bool = False,
    limit: int | None = None,
) -> Executable:
    """Return the statement that adds ids to a frontier, in an order, from a position on."""
    position = start + func.row_number().over(order_by=order)
    rows: Select[Any] = (
        select(literal(run.id), position, key, literal(vanished))
        .where(condition)
        .order_by(*order)
        .limit(limit)
    )
    return insert(tmdb_frontier).from_select(["run_id", "position", "id", "vanished"], rows)


def _fill(connection: Connection, listed: Iterable[tuple[int, float | None]]) -> int:
    """Write what is listed into :data:`LISTED`; return how many ids these are.

    Args:
        connection: In a transaction.
        listed: Ids and popularities; of two with the same id the later one counts.
    """
    LISTED.drop(connection, checkfirst=True)
    backend_of(connection).fill(connection, LISTED, listed)
    return connection.scalar(select(func.count()).select_from(LISTED)) or 0
