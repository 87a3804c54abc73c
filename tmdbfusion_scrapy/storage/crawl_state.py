"""State of a crawl, read from its database: records, failures and watermarks, its runs, and what is left of one.

A run is a crawl from its first start until all of its frontier is done, however many processes it takes.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import BigInteger, Select, Text, and_, bindparam, func, literal, or_, select
from sqlalchemy import cast as sql_cast
from sqlalchemy.engine import Engine

from tmdbfusion_scrapy.exceptions import ResponseError
from tmdbfusion_scrapy.models import decode
from tmdbfusion_scrapy.models.languages import LANGUAGE_KEY
from tmdbfusion_scrapy.storage.backend import backend_of, now_of
from tmdbfusion_scrapy.storage.database import reading
from tmdbfusion_scrapy.storage.entities import metadata
from tmdbfusion_scrapy.storage.entities.crawl import tmdb_failures, tmdb_frontier, tmdb_runs, tmdb_watermarks
from tmdbfusion_scrapy.storage.marks import stored_bytes
from tmdbfusion_scrapy.storage.upserts import MOST_KEYS, in_slices
from tmdbfusion_scrapy.stores import Entry, Progress, Run

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection

    Asked = tuple[tuple[str, ...], str]
    """Parts and languages that a spider asks for."""

POPULAR_FROM = ((3.0, 0.5), (10.0, 0.25))
"""Popularity from which a record is stale after a part of the days."""

_ROWS_AT_ONCE = 10_000
_SAMPLE = 500
"""Newest records that an estimate looks at."""


@dataclass(frozen=True)
class StoredRecord:
    """A stored record, as far as it tells its images: its document, where that is stored, and paths of images."""

    id: int
    raw: str | None
    paths: Mapping[str, str | None]

    def decoded(self, model: Any) -> Any:
        """Return it as a record of a class: from its document, else with its id and its images' paths only."""
        if self.raw is not None:
            with suppress(ResponseError):
                return decode(self.raw.encode(), model)
        return model(id=self.id, **self.paths)


@dataclass(frozen=True)
class FetchedOtherwise:
    """Stored records that lack parts that are asked for now, or were asked for in other languages."""

    missing: tuple[str, ...]
    language: str
    count: int


@dataclass(frozen=True)
class Share:
    """Listed records by what is known of them.

    Args:
        stored: Records that are listed and stored, and not known to be deleted.
        given_up: Records that are listed, not stored, and failed for good.
        unlisted: Records that are stored, not listed, and not known to be deleted.
    """

    stored: int
    given_up: int
    unlisted: int


@dataclass(frozen=True)
class Documents:
    """Number of the newest stored records, and the average bytes of their documents, parts of series included."""

    count: int
    bytes: float


class CrawlState:
    """Reads the state of the crawls for one kind of records, such as ``movies``. All methods block."""

    def __init__(self, engine: Engine, kind: str) -> None:
        self._engine = engine
        self._kind = kind
        self._columns = metadata.tables[kind].columns

    def close(self) -> None:
        """Close the connections."""
        self._engine.dispose()

    def now(self) -> datetime:
        """Return the time by the database's clock."""
        with reading(self._engine) as connection:
            return now_of(connection)

    def watermark(self, name: str) -> str | None:
        """Return how far something was read; ``None`` where it never was."""
        marks = tmdb_watermarks.columns
        found: str | None = self._scalar(select(marks.value).where(marks.name == name))
        return found

    def export_size(self, name: str) -> int | None:
        """Return how many lines the last export of a name had that a run was planned from; ``None`` for none."""
        runs = tmdb_runs.columns
        query = select(runs.export_size).where(runs.export == name).order_by(runs.planned_at.desc()).limit(1)
        found: int | None = self._scalar(query)
        return found

    def has_adult(self) -> bool:
        """Return whether records for adults are stored, of which TMDB is not known to have deleted."""
        if "adult" not in self._columns:
            return False
        is_there = (self._columns.fetched_at.is_not(None), self._columns.deleted_at.is_(None))
        query = select(self._columns.id).where(self._columns.adult.is_(True), *is_there)
        return self._scalar(query.limit(1)) is not None

    def stored(self) -> int:
        """Return how many records of the kind are stored."""
        return self._scalar(select(func.count()).where(self._columns.fetched_at.is_not(None))) or 0

    def fetched_since(self, moment: datetime) -> int:
        """Return how many records were stored from a moment on."""
        return self._scalar(select(func.count()).where(self._columns.fetched_at >= moment)) or 0

    def stale(self, days: float, now: datetime) -> Iterable[Entry]:
        """Return records not fetched for some days, with their popularity; none that is known to be deleted.

        A popular record changes more often: from a popularity of 3 on it is due after half of the days, from 10 on
        after a quarter. Everything else is due after the days, so nothing waits for ever.
        """
        fetched_at = self._columns.fetched_at
        popularity = self._columns.get("popularity")
        due = [fetched_at <= now - timedelta(days=days)]
        if popularity is not None:
            for least, part in POPULAR_FROM:
                due.append(and_(popularity >= least, fetched_at <= now - timedelta(days=days * part)))
        query = select(self._columns.id, literal(None) if popularity is None else popularity).where(
            fetched_at.is_not(None), or_(*due), self._columns.id.not_in(self._deleted())
        )
        return _Entries(self._engine, query)

    def failed(self, *, permanent: bool = True) -> Iterable[Entry]:
        """Return the ids in ``tmdb_failures``, those that failed first before the others.

        A part of a record that failed, such as ``/movie/1/credits``, is not over when the record is fetched.

        Args:
            permanent: Whether those are among them for which a retry is of no use.
        """
        failed = tmdb_failures.columns
        is_meant = (failed.kind == self._kind, failed.path.not_like("/%/%/%"))
        query = select(failed.id, literal(None)).where(*is_meant).order_by(failed.tried_at)
        return _Entries(self._engine, query if permanent else query.where(failed.retryable.is_(True)))

    def etags_of(self, ids: Sequence[int], *, with_raw: bool = False) -> dict[int, str]:
        """Return the column ``etag`` of those of some records that are stored, or stored with their document."""
        columns = self._columns
        is_known = (is_among(columns.id), columns.etag.is_not(None), columns.fetched_at.is_not(None))
        query = select(columns.id, columns.etag).where(*is_known)
        if with_raw:
            query = query.where(columns.raw.is_not(None))
        found: dict[int, str] = {}
        with reading(self._engine) as connection:
            for part in in_slices(ids, MOST_KEYS):
                found.update((key, etag) for key, etag in connection.execute(query, {"keys": part}))
        return found

    def stored_records(
        self,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        after: int = 0,
        limit: int = 500,
    ) -> list[StoredRecord]:
        """Return stored records behind an id, fetched between two moments; not those known to be deleted."""
        columns = self._columns
        paths = [column for column in columns if column.name.endswith("_path")]
        query = (
            select(columns.id, sql_cast(columns.raw, Text), *paths)
            .where(columns.id > after, columns.fetched_at.is_not(None), columns.deleted_at.is_(None))
            .order_by(columns.id)
            .limit(limit)
        )
        if since is not None:
            query = query.where(columns.fetched_at >= since)
        if until is not None:
            query = query.where(columns.fetched_at < until)
        names = [column.name for column in paths]
        with reading(self._engine) as connection:
            return [
                StoredRecord(key, raw, dict(zip(names, values, strict=True)))
                for key, raw, *values in connection.execute(query)
            ]

    def unfinished_run(self, spider: str, arguments: Mapping[str, str]) -> Run | None:
        """Return the run that the same command of a spider would go on with."""
        with reading(self._engine) as connection:
            return unfinished_run(connection, spider, arguments)

    def progress(self, run: Run) -> Progress:
        """Return how far a planned run is, also of what was done since it was last looked at."""
        frontier = tmdb_frontier.columns
        left = 0
        with reading(self._engine) as connection:
            backend_of(connection).expect_many(connection)
            for vanished, since in ((False, run.since), (True, run.started_at)):
                mine = select(frontier.id).where(frontier.run_id == run.id, frontier.vanished.is_(vanished))
                rest = mine.except_(*self._done(since)).subquery()
                left += connection.scalar(select(func.count()).select_from(rest)) or 0
            listed = connection.scalar(select(tmdb_runs.columns.listed).where(tmdb_runs.columns.id == run.id))
        return Progress(listed or 0, left)

    def share(
        self, listed: AbstractSet[int], *, adult: AbstractSet[int] | None = None, is_adult: bool = False
    ) -> Share:
        """Return how much of a list of ids is stored or given up; the others are as for ``Frontier.plan``."""
        columns = self._columns
        stored = 0
        unlisted: list[int] = []
        with reading(self._engine) as connection:
            failed = connection.scalars(self._given_up(None, as_text=True))
            given_up = {int(key) for key in failed if key.isdecimal()} & listed
            deleted = set(connection.scalars(self._deleted()))
            rows = connection.scalars(self._fetched(None), execution_options={"yield_per": _ROWS_AT_ONCE})
            for key in rows:
                # One that is listed and known to be deleted is perhaps there again: it is fetched.
                if key in deleted:
                    continue
                if key in listed:
                    stored += 1
                    given_up.discard(key)
                elif adult is None or key not in adult:
                    unlisted.append(key)
            if adult is None and "adult" in columns:
                # Those for adults are in lists of their own.
                query = select(columns.id).where(is_among(columns.id), columns.adult.is_(True))
                parts = in_slices(unlisted, MOST_KEYS)
                others = {key for part in parts for key in connection.scalars(query, {"keys": part})}
                unlisted = [key for key in unlisted if (key in others) is is_adult]
        return Share(stored, len(given_up), len(unlisted))

    def fetched_otherwise(self, run: Run, parts: Sequence[str], language: str) -> list[FetchedOtherwise]:
        """Return stored records that earlier runs of the spider fetched otherwise, the largest number first.

        A record is of the run that was the newest when it was fetched.
        """
        columns = self._columns
        counts: Counter[Asked] = Counter()
        with reading(self._engine) as connection:
            for (others, tongue), start, end in _requests_of_runs(connection, run):
                missing = tuple(part for part in parts if part not in others)
                if not missing and tongue == language:
                    continue
                is_of_run = [columns.fetched_at >= start, columns.id.not_in(self._deleted())]
                if end is not None:
                    is_of_run.append(columns.fetched_at < end)
                query = select(func.count()).where(*is_of_run)
                counts[missing, tongue] += connection.scalar(query) or 0
        return [FetchedOtherwise(*asked, count) for asked, count in counts.most_common() if count]

    def documents(self) -> Documents | None:
        """Return the size of the newest records; ``None`` where none is stored with its document."""
        with reading(self._engine) as connection:
            keys = self._newest(connection)
            if not keys:
                return None
            return Documents(len(keys), stored_bytes(connection, self._kind, keys) / len(keys))

    def other_languages(self) -> float | None:
        """Return how many requests in other languages the newest series took for texts that they lacked.

        It is an average; ``None`` where none is stored with its document.
        """
        document = sql_cast(self._columns.raw, Text)
        length = func.length(document) - func.length(func.replace(document, f'"{LANGUAGE_KEY}', '"'))
        with reading(self._engine) as connection:
            keys = self._newest(connection)
            if not keys:
                return None
            removed = connection.scalar(select(func.sum(length)).where(self._columns.id.in_(keys))) or 0
        return removed / len(LANGUAGE_KEY) / len(keys)

    def long_series(self, room: int, step: int) -> float | None:
        """Return how many more requests the stored series take on average; ``None`` where none is stored.

        Args:
            room: Seasons that come with the first request, season 0 among them.
            step: Seasons that come with each further one.
        """
        columns = metadata.tables["tv_shows"].columns
        query = select(columns.number_of_seasons).where(
            columns.fetched_at.is_not(None), columns.number_of_seasons.is_not(None)
        )
        with reading(self._engine) as connection:
            more = [-(-max(0, number + 1 - room) // step) for number in connection.scalars(query)]
        return sum(more) / len(more) if more else None

    def _scalar(self, query: Select[Any]) -> Any:
        """Return the first value that a query finds."""
        with reading(self._engine) as connection:
            return connection.scalar(query)

    # Lists of ids that an index holds: to look for each id in its row would be to read the whole database.

    def _done(self, since: datetime | None) -> tuple[Select[Any], ...]:
        """Return the queries for the ids of records that are done since a moment or ever, or deleted."""
        return self._fetched(since), self._deleted(), self._given_up(since)

    def _fetched(self, since: datetime | None) -> Select[Any]:
        """Return the query for the ids of records stored since a moment or ever."""
        fetched = self._columns.fetched_at
        return select(self._columns.id).where(fetched.is_not(None) if since is None else fetched >= since)

    def _deleted(self) -> Select[Any]:
        """Return the query for the ids of records that TMDB has no more."""
        return select(self._columns.id).where(self._columns.deleted_at.is_not(None))

    def _given_up(self, since: datetime | None, *, as_text: bool = False) -> Select[Any]:
        """Return the query for the ids that failed since a moment, or ever and for good, as numbers.

        A part or an image of a record that failed is not the record.
        """
        failed = tmdb_failures.columns
        query = select(failed.id if as_text else sql_cast(failed.id, BigInteger)).where(
            failed.kind == self._kind,
            failed.id.is_not(None),
            failed.path.like("/%"),
            failed.path.not_like("/%/%/%"),
            failed.retryable.is_(False) if since is None else failed.tried_at >= since,
        )
        # It is any text, and PostgreSQL would not take another one for a number.
        return query if as_text else query.where(failed.id.regexp_match("^[0-9]{1,18}$"))

    def _newest(self, connection: Connection) -> list[int]:
        """Return the ids of the newest records that are stored with their document."""
        columns = self._columns
        query = select(columns.id).where(columns.fetched_at.is_not(None), columns.raw.is_not(None))
        return list(connection.scalars(query.order_by(columns.fetched_at.desc()).limit(_SAMPLE)))


@dataclass(frozen=True)
class _Entries:
    """Entries that are asked for anew each time that they are gone through: a connection may be lost meanwhile."""

    engine: Engine
    query: Select[Any]

    def __iter__(self) -> Iterator[Entry]:
        with reading(self.engine) as connection:
            rows = connection.execute(self.query, execution_options={"yield_per": _ROWS_AT_ONCE})
            for key, popularity in rows:
                # That of a failure is any text.
                if isinstance(key, int) or (key is not None and key.isdecimal()):
                    yield int(key), popularity


def is_among(key: ColumnElement[Any]) -> ColumnElement[bool]:
    """Return the condition that an id is one of ``keys``; these may have 64 bits, whatever the column has."""
    return key.in_(bindparam("keys", expanding=True, type_=BigInteger))


def text_of(arguments: Mapping[str, str]) -> str:
    """Return a spider's arguments as one text, the same for the same command."""
    return json.dumps(dict(sorted(arguments.items())), ensure_ascii=False)


_RUNS = tmdb_runs.columns


def unfinished_run(connection: Connection, spider: str, arguments: Mapping[str, str]) -> Run | None:
    """Return the run that the same command goes on with; ``None`` where it begins a new one."""
    is_same = (_RUNS.spider == spider, _RUNS.arguments == text_of(arguments), _RUNS.finished_at.is_(None))
    row = connection.execute(select(tmdb_runs).where(*is_same).order_by(_RUNS.id.desc()).limit(1)).first()
    return None if row is None else _resumed(row)


def run_of(connection: Connection, key: int) -> tuple[Run, bool] | None:
    """Return a run, and whether it is finished; ``None`` where there is none with this key."""
    row = connection.execute(select(tmdb_runs).where(_RUNS.id == key)).first()
    return None if row is None else (_resumed(row), row.finished_at is not None)


def _resumed(row: Any) -> Run:
    """Return the run of a row of ``tmdb_runs``."""
    is_planned = row.planned_at is not None
    return Run(row.id, row.started_at, row.since, row.upto, is_planned=is_planned, is_resumed=True)


def _requests_of_runs(connection: Connection, run: Run) -> Iterator[tuple[Asked, datetime, datetime | None]]:
    """Yield parts and languages that a spider asked for, from when to when; alike runs in a row are one."""
    spider = select(_RUNS.spider).where(_RUNS.id == run.id).scalar_subquery()
    query = select(_RUNS.started_at, _RUNS.arguments, _RUNS.language).where(_RUNS.spider == spider)
    asked: list[tuple[Asked, datetime]] = []
    for started_at, arguments, language in connection.execute(query.order_by(_RUNS.started_at, _RUNS.id)):
        append = json.loads(arguments).get("append", "")
        now = (tuple(part.strip() for part in append.split(",") if part.strip()), language or "")
        if not asked or asked[-1][0] != now:
            asked.append((now, started_at))
    ends = (*(started_at for _, started_at in asked[1:]), None)
    yield from ((now, since, end) for (now, since), end in zip(asked, ends, strict=False))


def newest_arguments(connection: Connection, spider: str) -> dict[str, str]:
    """Return the arguments of a spider's newest run; none where it has no run."""
    query = select(_RUNS.arguments).where(_RUNS.spider == spider)
    text = connection.scalar(query.order_by(_RUNS.started_at.desc(), _RUNS.id.desc()).limit(1))
    return dict(json.loads(text)) if text else {}
