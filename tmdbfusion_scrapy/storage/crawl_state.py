"""State of a crawl, read from its database: records, failures and watermarks, the run, and what is left of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import BigInteger, Text, and_, bindparam, func, literal, or_, select
from sqlalchemy import cast as sql_cast

from tmdbfusion_scrapy.exceptions import ResponseError
from tmdbfusion_scrapy.models import decode
from tmdbfusion_scrapy.models.languages import LANGUAGE_KEY
from tmdbfusion_scrapy.storage.backend import backend_of, now_of
from tmdbfusion_scrapy.storage.database import reading
from tmdbfusion_scrapy.storage.entities import metadata
from tmdbfusion_scrapy.storage.entities.crawl import tmdb_failures, tmdb_frontier, tmdb_runs, tmdb_watermarks
from tmdbfusion_scrapy.storage.marks import stored_bytes
from tmdbfusion_scrapy.storage.runs import FetchedOtherwise, requests_of_runs, unfinished_run
from tmdbfusion_scrapy.storage.upserts import MOST_KEYS, in_slices
from tmdbfusion_scrapy.stores import Progress, Run

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Select
    from sqlalchemy.engine import Connection, Engine

Entry = tuple[int, float | None]
"""An id and its popularity."""

POPULAR_FROM = ((3.0, 0.5), (10.0, 0.25))
"""Popularity from which a record is stale after a part of the days."""

_ROWS_AT_ONCE = 10_000
_SAMPLE = 500
"""Newest records that an estimate looks at."""


@dataclass(frozen=True)
class StoredRecord:
    """A stored record, as far as it tells its images.

    Args:
        id: TMDB's id.
        raw: Its document, as JSON; ``None`` where that is not stored.
        paths: Its columns for paths of images, such as ``poster_path``.
    """

    id: int
    raw: str | None
    paths: Mapping[str, str | None]

    def decoded(self, model: Any) -> Any:
        """Return it as a record: from its document, else with its id and the paths of its images only.

        Args:
            model: The record class.
        """
        if self.raw is not None:
            with suppress(ResponseError):
                return decode(self.raw.encode(), model)
        return model(id=self.id, **self.paths)


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
    """Size of the newest stored records.

    Args:
        count: How many were looked at.
        bytes: Average size of a record's documents as they came, with those of a series' seasons and episodes.
    """

    count: int
    bytes: float


class CrawlState:
    """Reads the state of the crawls for one kind of records. All methods block.

    Args:
        engine: Of a database that was opened; it is disposed of with :meth:`close`.
        kind: Table of the records, such as ``movies``.
    """

    def __init__(self, engine: Engine, kind: str) -> None:
        self._engine = engine
        self._kind = kind
        self._records = metadata.tables[kind]

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
        columns = self._records.columns
        if "adult" not in columns:
            return False
        query = select(columns.id).where(
            columns.adult.is_(True), columns.fetched_at.is_not(None), columns.deleted_at.is_(None)
        )
        return self._scalar(query.limit(1)) is not None

    def stored(self) -> int:
        """Return how many records of the kind are stored."""
        return self._scalar(select(func.count()).where(self._records.columns.fetched_at.is_not(None))) or 0

    def fetched_since(self, moment: datetime) -> int:
        """Return how many records were stored from a moment on."""
        return self._scalar(select(func.count()).where(self._records.columns.fetched_at >= moment)) or 0

    def stale(self, days: float, now: datetime) -> Iterable[Entry]:
        """Return records not fetched for some days, with their popularity; none that is known to be deleted.

        A popular record changes more often: from a popularity of 3 on it is due after half of the days, from 10 on
        after a quarter. Everything else is due after the days, so nothing waits for ever.
        """
        columns = self._records.columns
        due = columns.fetched_at <= now - timedelta(days=days)
        has_popularity = "popularity" in columns
        if has_popularity:
            for least, part in POPULAR_FROM:
                early = now - timedelta(days=days * part)
                due = or_(due, and_(columns.popularity >= least, columns.fetched_at <= early))
        query = select(columns.id, columns.popularity if has_popularity else literal(None)).where(
            columns.fetched_at.is_not(None), due, columns.id.not_in(self._deleted())
        )

        def entries() -> Iterator[Entry]:
            with reading(self._engine) as connection:
                rows = connection.execute(query, execution_options={"yield_per": _ROWS_AT_ONCE})
                yield from ((key, popularity) for key, popularity in rows)

        return _Entries(entries)

    def failed(self, *, permanent: bool = True) -> Iterable[Entry]:
        """Return the ids in ``tmdb_failures``, those that failed first before the others.

        A part of a record that failed, such as ``/movie/1/credits``, is not over when the record is fetched.

        Args:
            permanent: Whether those are among them for which a retry is of no use.
        """
        failed = tmdb_failures.columns
        query = (
            select(failed.id)
            .where(failed.kind == self._kind, failed.path.not_like("/%/%/%"))
            .order_by(failed.tried_at)
        )
        if not permanent:
            query = query.where(failed.retryable.is_(True))

        def entries() -> Iterator[Entry]:
            with reading(self._engine) as connection:
                for key in connection.scalars(query):
                    if key is not None and key.isdecimal():
                        yield int(key), None

        return _Entries(entries)

    def etags_of(self, ids: Sequence[int], *, with_raw: bool = False) -> dict[int, str]:
        """Return the column ``etag`` of those of some records that are stored, by id.

        Args:
            ids: TMDB's ids.
            with_raw: Whether records without their document are left out, so that they are sent again.
        """
        columns = self._records.columns
        found: dict[int, str] = {}
        # An id may have 64 bits, whatever the column has.
        keys = bindparam("keys", expanding=True, type_=BigInteger)
        query = select(columns.id, columns.etag).where(
            columns.id.in_(keys), columns.etag.is_not(None), columns.fetched_at.is_not(None)
        )
        if with_raw:
            query = query.where(columns.raw.is_not(None))
        with reading(self._engine) as connection:
            for part in in_slices(ids, MOST_KEYS):
                rows = connection.execute(query, {"keys": part})
                found.update((key, etag) for key, etag in rows)
        return found

    def stored_records(
        self,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        after: int = 0,
        limit: int = 500,
    ) -> list[StoredRecord]:
        """Return stored records in the order of their ids; not those known to be deleted.

        Args:
            since: When they were fetched at the earliest; ``None`` for at any time.
            until: When they were fetched at the latest.
            after: The id behind which to begin.
            limit: Most records.
        """
        columns = self._records.columns
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
        """Return the run that the same command would go on with.

        Args:
            spider: The spider's name.
            arguments: Its arguments.
        """
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
                rest = mine.except_(self._fetched(since), self._deleted(), self._given_up(since)).subquery()
                left += connection.scalar(select(func.count()).select_from(rest)) or 0
            runs = tmdb_runs.columns
            listed = connection.scalar(select(runs.listed).where(runs.id == run.id))
        return Progress(listed or 0, left)

    def share(
        self, listed: AbstractSet[int], *, adult: AbstractSet[int] | None = None, is_adult: bool = False
    ) -> Share:
        """Return how much of a list is stored or given up.

        Args:
            listed: TMDB's ids.
            adult: As for ``Frontier.plan``.
            is_adult: As for ``Frontier.plan``.
        """
        stored = 0
        unlisted: list[int] = []
        with reading(self._engine) as connection:
            # An id is text there: it may be any.
            failed = connection.scalars(self._given_up_as(tmdb_failures.columns.id, None))
            given_up = {int(key) for key in failed if key.isdecimal()} & listed
            deleted = set(connection.scalars(self._deleted()))
            for key in connection.scalars(
                self._fetched(None), execution_options={"yield_per": _ROWS_AT_ONCE}
            ):
                # One that is listed and known to be deleted is perhaps there again: it is fetched.
                if key in deleted:
                    continue
                if key in listed:
                    stored += 1
                    given_up.discard(key)
                elif adult is None or key not in adult:
                    unlisted.append(key)
            if adult is None and "adult" in self._records.columns:
                unlisted = self._of_the_list(connection, unlisted, is_adult=is_adult)
        return Share(stored, len(given_up), len(unlisted))

    def fetched_otherwise(self, run: Run, parts: Sequence[str], language: str) -> list[FetchedOtherwise]:
        """Return stored records that earlier runs of the spider fetched otherwise, the largest number first.

        A record is of the run that was the newest when it was fetched.

        Args:
            run: The run that is begun.
            parts: Parts that are appended.
            language: Languages that texts are asked for in, best first.
        """
        columns = self._records.columns
        counts: dict[tuple[tuple[str, ...], str], int] = {}
        with reading(self._engine) as connection:
            for (others, tongue), start, end in requests_of_runs(connection, run):
                missing = tuple(part for part in parts if part not in others)
                if not missing and tongue == language:
                    continue
                query = select(func.count()).where(
                    columns.fetched_at >= start, columns.id.not_in(self._deleted())
                )
                if end is not None:
                    query = query.where(columns.fetched_at < end)
                place = (missing, tongue)
                counts[place] = counts.get(place, 0) + (connection.scalar(query) or 0)
        found = [FetchedOtherwise(*place, count) for place, count in counts.items() if count]
        return sorted(found, key=lambda other: -other.count)

    def documents(self) -> Documents | None:
        """Return the size of the newest records; ``None`` where none is stored with its document."""
        with reading(self._engine) as connection:
            keys = self._newest(connection)
            return (
                Documents(len(keys), stored_bytes(connection, self._kind, keys) / len(keys)) if keys else None
            )

    def other_languages(self) -> float | None:
        """Return how many requests in other languages the newest series took for texts that they lacked.

        It is an average; ``None`` where none is stored with its document.
        """
        columns = self._records.columns
        document = sql_cast(columns.raw, Text)
        length = func.length(document) - func.length(func.replace(document, f'"{LANGUAGE_KEY}', '"'))
        with reading(self._engine) as connection:
            keys = self._newest(connection)
            if not keys:
                return None
            removed = connection.scalar(select(func.sum(length)).where(columns.id.in_(keys))) or 0
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

    def _fetched(self, since: datetime | None) -> Select[Any]:
        """Return the query for the ids of records stored since a moment or ever."""
        columns = self._records.columns
        fetched = columns.fetched_at
        return select(columns.id).where(fetched.is_not(None) if since is None else fetched >= since)

    def _deleted(self) -> Select[Any]:
        """Return the query for the ids of records that TMDB has no more."""
        columns = self._records.columns
        return select(columns.id).where(columns.deleted_at.is_not(None))

    def _given_up(self, since: datetime | None) -> Select[Any]:
        """Return the query for the ids that failed since a moment, or ever and for good, as numbers."""
        key = tmdb_failures.columns.id
        # PostgreSQL would not take another text for a number.
        is_number = key.regexp_match("^[0-9]{1,18}$")
        return self._given_up_as(sql_cast(key, BigInteger), since).where(is_number)

    def _given_up_as(self, key: ColumnElement[Any], since: datetime | None) -> Select[Any]:
        """Return the same with another expression for the id, which is any text.

        A part or an image of a record that failed is not the record.
        """
        failed = tmdb_failures.columns
        return select(key).where(
            failed.kind == self._kind,
            failed.id.is_not(None),
            failed.path.like("/%"),
            failed.path.not_like("/%/%/%"),
            failed.retryable.is_(False) if since is None else failed.tried_at >= since,
        )

    def _of_the_list(self, connection: Connection, keys: list[int], *, is_adult: bool) -> list[int]:
        """Return those of some records that a list has to name: those for adults are in lists of their own."""
        columns = self._records.columns
        adult: set[int] = set()
        for part in in_slices(keys, MOST_KEYS):
            adult.update(
                connection.scalars(select(columns.id).where(columns.id.in_(part), columns.adult.is_(True)))
            )
        return [key for key in keys if (key in adult) is is_adult]

    def _newest(self, connection: Connection) -> list[int]:
        """Return the ids of the newest records that are stored with their document."""
        columns = self._records.columns
        query = (
            select(columns.id)
            .where(columns.fetched_at.is_not(None), columns.raw.is_not(None))
            .order_by(columns.fetched_at.desc())
            .limit(_SAMPLE)
        )
        return list(connection.scalars(query))


@dataclass(frozen=True)
class _Entries:
    """Entries that are asked for anew each time that they are gone through: a connection may be lost meanwhile."""

    ask: Callable[[], Iterator[Entry]]

    def __iter__(self) -> Iterator[Entry]:
        return self.ask()
