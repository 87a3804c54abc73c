"""What the database can tell of its records: which are stale, which failed, how far something was read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import BigInteger, Text, and_, bindparam, literal, or_, select
from sqlalchemy import cast as sql_cast

from tmdbfusion_scrapy.exceptions import ResponseError
from tmdbfusion_scrapy.models import decode
from tmdbfusion_scrapy.storage.database import READING
from tmdbfusion_scrapy.storage.slices import MOST_KEYS, in_slices
from tmdbfusion_scrapy.storage.tables import metadata
from tmdbfusion_scrapy.storage.tables.crawl import tmdb_failures, tmdb_runs, tmdb_watermarks

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from sqlalchemy import Select
    from sqlalchemy.engine import Connection, Engine

Entry = tuple[int, float | None]
"""An id and its popularity."""

POPULAR_FROM = ((3.0, 0.5), (10.0, 0.25))
"""Popularity from which a record is stale after a part of the days."""


@dataclass(frozen=True)
class StoredRecord:
    """What of a stored record tells its images.

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


class Known:
    """What is known of the records of one kind. All methods block.

    Args:
        engine: Of a database that was opened.
        kind: Table of the records, such as ``movies``.
    """

    def __init__(self, engine: Engine, kind: str) -> None:
        self._engine = engine
        self._kind = kind
        self._records = metadata.tables[kind]

    def watermark(self, name: str) -> str | None:
        """Return how far something was read; ``None`` where it never was."""
        query = select(tmdb_watermarks.columns.value).where(tmdb_watermarks.columns.name == name)
        with reading(self._engine) as connection:
            return connection.scalar(query)

    def stale(self, days: float, now: datetime) -> Iterable[Entry]:
        """Return what was not fetched for some days, with its popularity; not what is known to be deleted.

        What is popular changes more often: from a popularity of 3 on it is due after half of the days, from 10 on
        after a quarter. Everything else is due after the days, so nothing waits for ever.
        """
        columns = self._records.columns
        due = columns.fetched_at <= now - timedelta(days=days)
        has_popularity = "popularity" in columns
        if has_popularity:
            for least, part in POPULAR_FROM:
                early = now - timedelta(days=days * part)
                due = or_(due, and_(columns.popularity >= least, columns.fetched_at <= early))
        deleted = select(columns.id).where(columns.deleted_at.is_not(None))
        query = select(columns.id, columns.popularity if has_popularity else literal(None)).where(
            columns.fetched_at.is_not(None), due, columns.id.not_in(deleted)
        )
        return _Entries(lambda: self._many(query))

    def etags_of(self, ids: Sequence[int], *, with_raw: bool = False) -> dict[int, str]:
        """Return what the column ``etag`` has for those of some records that are stored, by id.

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
        """Return stored records in the order of their ids; not what is known to be deleted.

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

    def has_adult(self) -> bool:
        """Return whether records for adults are stored, of which TMDB is not known to have deleted."""
        columns = self._records.columns
        if "adult" not in columns:
            return False
        query = select(columns.id).where(
            columns.adult.is_(True), columns.fetched_at.is_not(None), columns.deleted_at.is_(None)
        )
        with reading(self._engine) as connection:
            return connection.scalar(query.limit(1)) is not None

    def export_size(self, name: str) -> int | None:
        """Return how many lines the last export of a name had that a run was planned from; ``None`` for none."""
        runs = tmdb_runs.columns
        query = select(runs.export_size).where(runs.export == name).order_by(runs.planned_at.desc()).limit(1)
        with reading(self._engine) as connection:
            return connection.scalar(query)

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

    def _many(self, query: Select[Any]) -> Iterator[Entry]:
        """Ids and popularities, some at a time."""
        with _reading_many(self._engine) as connection:
            rows = connection.execute(query, execution_options={"yield_per": 10_000})
            yield from ((key, popularity) for key, popularity in rows)


@dataclass(frozen=True)
class _Entries:
    """Entries that are asked for anew each time that they are gone through: a connection may be lost meanwhile."""

    ask: Callable[[], Iterator[Entry]]

    def __iter__(self) -> Iterator[Entry]:
        return self.ask()


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A connection to read on, which keeps no one from writing."""
    with engine.connect().execution_options(**{READING: True}) as connection:
        yield connection


def _reading_many(engine: Engine) -> AbstractContextManager[Connection]:
    """A connection to read a part of the rows at a time: PostgreSQL needs a transaction for that."""
    return reading(engine) if engine.dialect.name == "sqlite" else engine.connect()
