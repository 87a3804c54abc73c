"""Marks on stored records: as of when they are, and since when TMDB has them no more."""

from __future__ import annotations

from collections import defaultdict
from functools import cache
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from sqlalchemy import BigInteger, bindparam, case, func, or_, select, update

from tmdbfusion_scrapy.storage.backend import backend_of
from tmdbfusion_scrapy.storage.entities import metadata
from tmdbfusion_scrapy.storage.failures import is_own_call, is_record_path
from tmdbfusion_scrapy.storage.rows import FAILURE_COLUMNS, owner_table
from tmdbfusion_scrapy.storage.upserts import MOST_KEYS, in_slices

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Column, Select, Table
    from sqlalchemy.engine import Connection
    from sqlalchemy.sql import Executable

    from tmdbfusion_scrapy.storage.entities.declaration import Stored, Values
    from tmdbfusion_scrapy.storage.rows import Changes, Times

_STATUS = FAILURE_COLUMNS.index("status_code")
_TRIED_AT = FAILURE_COLUMNS.index("tried_at")


def mark_deleted(connection: Connection, failures: Mapping[tuple[str, str], Values]) -> set[tuple[str, str]]:
    """Set ``deleted_at`` of stored records for which TMDB answered 404 since they were fetched.

    TMDB says in no other way that a record is gone, or was merged into another one
    (https://github.com/jellyfin/TMDbLib/issues/303).

    Args:
        connection: In a transaction.
        failures: Rows of ``tmdb_failures``, by kind and path.

    Returns:
        The kind and path of those that were stored: they are no failures.
    """
    gone: dict[Table, dict[int, tuple[tuple[str, str], Any]]] = defaultdict(dict)
    for place, row in failures.items():
        kind, key = row[0], row[1]
        table = metadata.tables.get(kind)
        if (
            row[_STATUS] == HTTPStatus.NOT_FOUND
            # Neither one of its images nor one of its parts, which have longer paths.
            and is_record_path(place[1])
            and table is not None
            and "deleted_at" in table.columns
            and key is not None
            and key.isdecimal()
        ):
            gone[table][int(key)] = (place, row[_TRIED_AT])
    found: set[tuple[str, str]] = set()
    for table, records in gone.items():
        known = _times_of(connection, table, list(records))
        times = [
            {"of_id": key, "gone_at": at}
            for key, (place, at) in records.items()
            if key in known and known[key][0] <= at
        ]
        if times:
            for statement in _deletions(table):
                connection.execute(statement, times)
        found.update(records[row["of_id"]][0] for row in times)
    return found


def outdated(connection: Connection, failures: Mapping[tuple[str, str], Values]) -> set[tuple[str, str]]:
    """Return those of some failures of records that came later, or of which TMDB said later that they are gone.

    Args:
        connection: In a transaction.
        failures: Rows of ``tmdb_failures``, by kind and path.
    """
    calls: dict[Table, dict[int, list[tuple[tuple[str, str], Any]]]] = defaultdict(lambda: defaultdict(list))
    for place, row in failures.items():
        kind, key, path = row[:3]
        table = metadata.tables.get(kind)
        if (
            table is not None
            and "deleted_at" in table.columns
            and key is not None
            and key.isdecimal()
            and is_own_call(kind, key, path)
        ):
            calls[table][int(key)].append((place, row[_TRIED_AT]))
    found: set[tuple[str, str]] = set()
    for table, records in calls.items():
        for key, times in _times_of(connection, table, list(records)).items():
            latest = max(filter(None, times))
            found.update(place for place, at in records[key] if at < latest)
    return found


def later_times(connection: Connection, changes: Changes, moment: datetime) -> Times:
    """Return the times of the rows that changes are for, if some are later than a moment; else nothing.

    Args:
        connection: In a transaction.
        changes: What is to be written.
        moment: When the first of it was fetched.
    """
    keys: dict[Table, set[Any]] = defaultdict(set)
    for table, records in changes.records.items():
        keys[table].update(records)
    for addition, owners in changes.additions.items():
        keys[owner_table(addition.table)].update(owners)
    parts = [(table, part) for table, some in keys.items() for part in in_slices(_storable(some), MOST_KEYS)]
    if not any(
        connection.execute(_later_statement(table), {"keys": part, "moment": moment}).first()
        for table, part in parts
    ):
        return {}
    times: dict[Table, dict[Any, Any]] = defaultdict(dict)
    for table, part in parts:
        for key, *found in connection.execute(_times_statement(table), {"keys": part}):
            times[table][key] = tuple(found)
    return times


def _storable(keys: Iterable[Any]) -> list[int]:
    """Return those of some ids that a row may have."""
    return [key for key in keys if -(2**63) <= key < 2**63]


@cache
def _times_statement(table: Table) -> Select[Any]:
    """Return the query for the times of some records."""
    columns = table.columns
    # An id may have 64 bits, whatever the column has.
    keys = bindparam("keys", expanding=True, type_=BigInteger)
    return select(columns.id, columns.fetched_at, columns.deleted_at).where(columns.id.in_(keys))


@cache
def _later_statement(table: Table) -> Select[Any]:
    """Return the query for one of some records that has a time later than a moment."""
    columns = table.columns
    moment: Any = bindparam("moment", type_=columns.fetched_at.type)
    is_later = or_(columns.fetched_at > moment, columns.deleted_at > moment)
    return _times_statement(table).where(is_later).limit(1)


@cache
def _deletions(table: Table) -> tuple[Executable, ...]:
    """Return the statements that note of a record, and of what belongs to it, since when it is gone."""
    found: list[Executable] = []
    for each, column in ((table, table.columns.id), *parts_of(table)):
        deleted_at = each.columns.deleted_at
        gone_at: Any = bindparam("gone_at", type_=deleted_at.type)
        # TMDB may have said so earlier.
        is_news = or_(deleted_at.is_(None), deleted_at > gone_at)
        is_it = (column == bindparam("of_id"), each.columns.fetched_at <= gone_at, is_news)
        found.append(update(each).where(*is_it).values(deleted_at=gone_at))
    return tuple(found)


def mark_there(connection: Connection, table: Table, records: Iterable[tuple[Stored, Values]]) -> None:
    """Take ``deleted_at`` from what belongs to records that came again.

    Args:
        connection: In a transaction.
        table: Table of the records.
        records: Their rows.
    """
    keys = [row[0] for stored, row in records if row[stored.columns.index("deleted_at")] is None]
    for part, column in parts_of(table):
        for some in in_slices(sorted(keys), MOST_KEYS):
            is_of_them = (column.in_(some), part.columns.deleted_at.is_not(None))
            connection.execute(update(part).where(*is_of_them).values(deleted_at=None))


@cache
def parts_of(table: Table) -> tuple[tuple[Table, Column[Any]], ...]:
    """Return the tables of records that belong to those of a table, with the column that says to which."""
    return tuple(
        (part, column)
        for part in metadata.sorted_tables
        if "deleted_at" in part.columns
        for column in part.columns
        if any(key.column is table.columns.id and key.ondelete == "CASCADE" for key in column.foreign_keys)
    )


def _times_of(connection: Connection, table: Table, keys: list[int]) -> dict[int, tuple[datetime, datetime]]:
    """Return ``fetched_at`` and ``deleted_at`` of those of the records that were fetched once."""
    query = _times_statement(table).where(table.columns.fetched_at.is_not(None))
    return {
        key: (fetched_at, deleted_at)
        for part in in_slices(_storable(keys), MOST_KEYS)
        for key, fetched_at, deleted_at in connection.execute(query, {"keys": part})
    }


def mark_fetched(
    connection: Connection, unchanged: Mapping[Table, Mapping[tuple[int, str], datetime]]
) -> dict[tuple[str, str], datetime]:
    """Write into the rows of unchanged records, and of what came inside them, that they are as of now.

    Args:
        connection: In a transaction.
        unchanged: When TMDB said so, by table, id and ``etag``. A row that has another ``etag`` by now stays as it
            is: it is of another answer.

    Returns:
        When that was, by kind and id.
    """
    for table, records in unchanged.items():
        values = [{"of_id": key, "of_etag": etag, "now": now} for (key, etag), now in sorted(records.items())]
        for statement in _statements(table):
            connection.execute(statement, values)
    return {
        (table.name, str(key)): now
        for table, records in unchanged.items()
        for (key, _), now in records.items()
    }


def spared_bytes(
    connection: Connection, unchanged: Mapping[Table, Mapping[tuple[int, str], datetime]]
) -> int:
    """Return the bytes of the documents that were not sent again, as far as they are stored."""
    return sum(
        stored_bytes(connection, table.name, [key for key, _ in records])
        for table, records in unchanged.items()
    )


@cache
def _statements(table: Table) -> tuple[Executable, ...]:
    """Return the statements for a record: first for its parts, which have the time at which it was fetched."""
    columns = table.columns
    now: Any = bindparam("now", type_=columns.fetched_at.type)
    is_it = (
        columns.id == bindparam("of_id"),
        columns.etag == bindparam("of_etag"),
        columns.fetched_at <= now,
    )
    before = select(columns.fetched_at).where(*is_it).scalar_subquery()
    found: list[Executable] = []
    for part in metadata.sorted_tables:
        for column in part.columns if "fetched_at" in part.columns else ():
            if any(key.column is columns.id and key.ondelete == "CASCADE" for key in column.foreign_keys):
                came_along = (column == bindparam("of_id"), part.columns.fetched_at == before)
                found.append(update(part).where(*came_along).values(_as_of(part, now)))
    found.append(update(table).where(*is_it).values(_as_of(table, now)))
    return tuple(found)


def _as_of(table: Table, now: Any) -> dict[str, Any]:
    """Return the times of a row that is as of a moment; TMDB may have said later that it is gone."""
    deleted_at = table.columns.deleted_at
    return {"fetched_at": now, "deleted_at": case((deleted_at > now, deleted_at), else_=None)}


def stored_bytes(connection: Connection, kind: str, ids: Sequence[int]) -> int:
    """Return the bytes of the documents of some records, those of a series with its seasons and episodes.

    Args:
        connection: To the database.
        kind: Table of the records, such as ``movies``.
        ids: TMDB's ids; those that are not stored, or stored without their document, count nothing.
    """
    parts = ("seasons", "episodes") if kind == "tv_shows" else ()
    owned = [(kind, "id"), *((table, "tv_show_id") for table in parts)]
    return sum(
        _bytes(connection, table, key, part) for table, key in owned for part in in_slices(ids, MOST_KEYS)
    )


def _bytes(connection: Connection, table: str, key: str, keys: Sequence[int]) -> int:
    """Return the bytes of the documents of some rows."""
    columns = metadata.tables[table].columns
    length = backend_of(connection).document_bytes(columns.raw)
    return int(connection.scalar(select(func.sum(length)).where(columns[key].in_(keys))) or 0)
