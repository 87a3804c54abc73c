"""The frontier of a run: what is to be fetched, in its order, kept in the database.

A method may be tried again from its beginning: each is one transaction.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy import ColumnElement, Connection, and_, func, insert, or_, select

from tmdbfusion_scrapy.storage.backend import RUNS_LOCK, backend_of, now_of, run_lock
from tmdbfusion_scrapy.storage.crawl_state import CrawlState, is_among, run_of, text_of, unfinished_run
from tmdbfusion_scrapy.storage.database import reading
from tmdbfusion_scrapy.storage.entities.crawl import tmdb_failures, tmdb_frontier, tmdb_runs
from tmdbfusion_scrapy.storage.entities.declaration import number, tmdb_id
from tmdbfusion_scrapy.storage.rows import WATERMARKS
from tmdbfusion_scrapy.storage.upserts import MOST_KEYS, in_slices
from tmdbfusion_scrapy.stores import Progress, Run

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from typing_extensions import Self

    from tmdbfusion_scrapy.stores import Entry

# As SQLite's own row id, the id needs no index.
LISTED = sa.Table("tmdb_listed", sa.MetaData(), tmdb_id(), *number("popularity"), prefixes=["TEMPORARY"])
"""Each listed id once, with its popularity, on the disk: a million ids do not belong into memory."""

_RUNS = tmdb_runs.columns
_FRONTIER = tmdb_frontier.columns


class Frontier(CrawlState):
    """The state of the crawls for one kind of records, and the frontier of a run.

    What the arguments of its methods are, :class:`tmdbfusion_scrapy.stores.CrawlState` says.
    """

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def begin(
        self, spider: str, arguments: Mapping[str, str], *, again: bool, language: str | None = None
    ) -> Run:
        """Return the run of these arguments that is not finished, else a new one.

        Two processes that do so at the same time get the same run, and fetch the same records. With ``again`` what
        was stored before the run is fetched again.
        """
        with self._engine.begin() as connection:
            backend_of(connection).take_lock(connection, RUNS_LOCK)
            found = unfinished_run(connection, spider, arguments)
            if found is not None:
                return found
            now = now_of(connection)
            since = now if again else None
            values = {
                "spider": spider,
                "kind": self._kind,
                "arguments": text_of(arguments),
                "language": language,
            }
            statement = insert(tmdb_runs).values(**values, started_at=now, since=since)
            key = connection.execute(statement).inserted_primary_key
        assert key is not None  # noqa: S101 - one row was inserted
        return Run(key[0], now, since, None, is_planned=False, is_resumed=False)

    def plan(
        self,
        run: Run,
        listed: Iterable[Entry],
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

        Records without a popularity come last. With ``is_complete`` what is stored and not listed is fetched too,
        after everything else, to see whether it was deleted; of records for adults only where ``adult`` is given.
        A run that another process planned in the meantime stays as it is.
        """
        name, size = export or (None, None)
        with self._engine.begin() as connection:
            backend = backend_of(connection)
            backend.take_lock(connection, run_lock(run.id))
            query = select(_RUNS.upto).where(_RUNS.id == run.id, _RUNS.planned_at.is_not(None))
            planned = connection.execute(query).first()
            if planned is not None:
                return replace(run, is_planned=True, upto=planned.upto), _far(connection, run)
            backend.expect_many(connection)
            values: dict[str, Any] = {"listed": _fill(connection, listed), "upto": upto, "coverage": coverage}
            added = self._add_listed(connection, run, limit)
            if is_complete and (limit is None or added < limit):
                backend.add_ids(connection, LISTED, adult or ())
                key = self._columns.id
                gone = self._fetched(None).except_(self._deleted(), select(LISTED.columns.id))
                is_meant: ColumnElement[bool] = key.in_(gone)
                if adult is None and "adult" in self._columns:
                    # Adult ones have lists of their own.
                    is_for_adults = self._columns.adult.is_(True)
                    is_meant &= is_for_adults if is_adult else self._columns.adult.is_not(True)
                rest = None if limit is None else limit - added
                _add(connection, run, key, (key,), is_meant, start=added, vanished=True, limit=rest)
            LISTED.drop(connection)
            # Before it looks for what is done.
            backend.analyze(connection, tmdb_frontier)
            values |= {"planned_at": now_of(connection), "export": name, "export_size": size}
            connection.execute(tmdb_runs.update().where(_RUNS.id == run.id).values(values))
            return replace(run, is_planned=True, upto=upto), _far(connection, run)

    def renew(self, run: Run, listed: Iterable[Entry], *, upto: str) -> tuple[Run, Progress]:
        """Add what is listed to what is left of a planned run, even what the run has stored before."""
        with self._engine.begin() as connection:
            backend_of(connection).take_lock(connection, run_lock(run.id))
            found = connection.execute(select(_RUNS.upto, _RUNS.since).where(_RUNS.id == run.id)).one()
            if found.upto != run.upto:
                # Another process has done it.
                run = replace(run, upto=found.upto, since=found.since)
                return run, self._take_done(connection, run)
            self._take_done(connection, run)
            _fill(connection, listed)
            is_of_run = _FRONTIER.run_id == run.id
            is_new = _FRONTIER.id.not_in(select(LISTED.columns.id))
            connection.execute(
                insert(LISTED).from_select(["id"], select(_FRONTIER.id).where(is_of_run, is_new))
            )
            connection.execute(sa.delete(tmdb_frontier).where(is_of_run))
            run = replace(run, since=now_of(connection), upto=upto)
            values: dict[str, Any] = {"since": run.since, "upto": upto, "listed": _count(connection)}
            connection.execute(tmdb_runs.update().where(_RUNS.id == run.id).values(values))
            self._add_listed(connection, run, None)
            LISTED.drop(connection)
            return run, _far(connection, run)

    def go_on(self, run: Run) -> Progress:
        """Take from the frontier of a planned run what was done since."""
        with self._engine.begin() as connection:
            return self._take_done(connection, run)

    def left(self, run: Run, *, after: int = 0, limit: int = 1000) -> list[tuple[int, int]]:
        """Return position and id of a planned run's frontier, in its order, behind a position."""
        query = (
            select(_FRONTIER.position, _FRONTIER.id)
            .where(_FRONTIER.run_id == run.id, _FRONTIER.position > after)
            .order_by(_FRONTIER.position)
            .limit(limit)
        )
        with reading(self._engine) as connection:
            return [(position, key) for position, key in connection.execute(query)]

    def not_done(self, run: Run, keys: Sequence[int]) -> list[int]:
        """Return those of some ids that were not stored, found deleted or given up since the run began."""
        with reading(self._engine) as connection:
            done = self._done_among(connection, keys, run.started_at)
        return [key for key in keys if key not in done]

    def finish(self, run: Run, *, watermark: str | None = None, coverage: str | None = None) -> Progress:
        """End a run of which nothing is left; the watermark moves in the same transaction, to :attr:`Run.upto`."""
        with self._engine.begin() as connection:
            backend = backend_of(connection)
            backend.take_lock(connection, run_lock(run.id))
            progress = self._take_done(connection, run)
            is_open = select(_RUNS.id).where(_RUNS.id == run.id, _RUNS.finished_at.is_(None))
            if progress.left or connection.scalar(is_open) is None:
                return progress
            now = now_of(connection)
            if watermark is not None and run.upto is not None:
                backend.rows(connection).upsert(WATERMARKS, [(watermark, run.upto, now)])
            # One that was planned for others has its coverage.
            found = {"finished_at": now} if coverage is None else {"finished_at": now, "coverage": coverage}
            connection.execute(tmdb_runs.update().where(_RUNS.id == run.id).values(found))
            return progress

    def run(self, key: int) -> tuple[Run, bool] | None:
        """Return a run, and whether it is finished; ``None`` where there is none with this key."""
        with reading(self._engine) as connection:
            return run_of(connection, key)

    def shards(self, run: Run, size: int) -> list[tuple[int, int, int]]:
        """Return shards of a planned run's frontier, of ``size`` ids at most: first and last position, and ids."""
        position = _FRONTIER.position
        first = func.min(position)
        query = select(first, func.max(position), func.count()).where(_FRONTIER.run_id == run.id)
        with reading(self._engine) as connection:
            found = connection.execute(query.group_by((position - 1) // size).order_by(first))
            return [(first, last, count) for first, last, count in found]

    def left_between(self, run: Run, first: int, last: int, *, again: bool = False) -> list[int]:
        """Return the ids of a planned run between two positions that are not stored, deleted or given up.

        With ``again`` those are among them that were found deleted before the run: TMDB lists them, so perhaps
        they are there again.
        """
        rows = (
            select(_FRONTIER.id, _FRONTIER.vanished)
            .where(_FRONTIER.run_id == run.id, _FRONTIER.position.between(first, last))
            .order_by(_FRONTIER.position)
        )
        done: set[int] = set()
        with reading(self._engine) as connection:
            listed = [(key, vanished) for key, vanished in connection.execute(rows)]
            for is_vanished, since in ((False, run.since), (True, run.started_at)):
                keys = [key for key, vanished in listed if vanished is is_vanished]
                done |= self._done_among(connection, keys, since, run.started_at if again else None)
        return [key for key, _ in listed if key not in done]

    def _done_among(
        self,
        connection: Connection,
        keys: Sequence[int],
        since: datetime | None,
        deleted_since: datetime | None = None,
    ) -> set[int]:
        """Return those of some ids that are stored or given up since a moment or ever, or deleted."""
        columns = self._columns
        fetched = columns.fetched_at.is_not(None) if since is None else columns.fetched_at >= since
        deleted: ColumnElement[bool]
        if deleted_since is None:
            deleted = columns.deleted_at.is_not(None)
        else:
            deleted = columns.deleted_at >= deleted_since
            fetched = and_(fetched, columns.deleted_at.is_(None))
        done = select(columns.id).where(is_among(columns.id), or_(fetched, deleted))
        texts = tmdb_failures.columns.id.in_(sa.bindparam("keys", expanding=True))
        given_up = self._given_up(since, as_text=True).where(texts)
        found: set[int] = set()
        for part in in_slices(keys, MOST_KEYS):
            found.update(connection.scalars(done, {"keys": part}))
            found.update(map(int, connection.scalars(given_up, {"keys": list(map(str, part))})))
        return found

    def _add_listed(self, connection: Connection, run: Run, limit: int | None) -> int:
        """Add what is listed and not done; return how many these are."""
        columns = LISTED.columns
        stored = self._fetched(run.since)
        if run.since is None:
            # TMDB lists it: perhaps it is there again.
            stored = stored.where(self._columns.id.not_in(self._deleted()))
        todo = columns.id.in_(select(columns.id).except_(stored, self._given_up(run.since)))
        order = (columns.popularity.desc().nulls_last(), columns.id)
        _add(connection, run, columns.id, order, todo, limit=limit)
        return _far(connection, run).left

    def _take_done(self, connection: Connection, run: Run) -> Progress:
        """Take what was done from the frontier of a run."""
        backend_of(connection).expect_many(connection)
        for vanished, since in ((False, run.since), (True, run.started_at)):
            mine = and_(_FRONTIER.run_id == run.id, _FRONTIER.vanished.is_(vanished))
            # What TMDB said to be gone before, and says again, keeps its date.
            for done in self._done(since):
                connection.execute(sa.delete(tmdb_frontier).where(mine, _FRONTIER.id.in_(done)))
        return _far(connection, run)


def _far(connection: Connection, run: Run) -> Progress:
    """Return how far a run is whose frontier is up to date."""
    total = select(_RUNS.listed).where(_RUNS.id == run.id)
    left = select(func.count()).where(_FRONTIER.run_id == run.id)
    return Progress(connection.scalar(total) or 0, connection.scalar(left) or 0)


def _add(
    connection: Connection,
    run: Run,
    key: ColumnElement[int],
    order: tuple[ColumnElement[Any], ...],
    condition: ColumnElement[bool],
    *,
    start: int = 0,
    vanished: bool = False,
    limit: int | None = None,
) -> None:
    """Add ids to the frontier of a run, in an order, from a position on."""
    position = start + func.row_number().over(order_by=order)
    row = (sa.literal(run.id), position, key, sa.literal(vanished))
    rows = select(*row).where(condition).order_by(*order).limit(limit)
    names = ["run_id", "position", "id", "vanished"]
    connection.execute(insert(tmdb_frontier).from_select(names, rows))


def _fill(connection: Connection, listed: Iterable[Entry]) -> int:
    """Write what is listed into :data:`LISTED`; return how many ids these are. The later of two alike counts."""
    LISTED.drop(connection, checkfirst=True)
    backend_of(connection).fill(connection, LISTED, listed)
    return _count(connection)


def _count(connection: Connection) -> int:
    """Return how many ids are listed."""
    return connection.scalar(select(func.count()).select_from(LISTED)) or 0
