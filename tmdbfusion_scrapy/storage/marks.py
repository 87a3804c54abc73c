"""Marks on stored records: as of when they are, and since when TMDB has them no more."""

from __future__ import annotations

from collections import defaultdict
from functools import cache
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from sqlalchemy import BigInteger, bindparam, case, func, or_, select, update

from tmdbfusion_scrapy.storage.backend import backend_of
from tmdbfusion_scrapy.storage.entities import TABLES, metadata
from tmdbfusion_scrapy.storage.entities.declaration import is_part, target_of
from tmdbfusion_scrapy.storage.failures import is_own_call, is_record_path
from tmdbfusion_scrapy.storage.rows import FAILURES, owner_table
from tmdbfusion_scrapy.storage.upserts import MOST_KEYS, in_slices

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Column, Connection, Executable, Select, Table

    from tmdbfusion_scrapy.storage.entities.declaration import Stored, Values
    from tmdbfusion_scrapy.storage.rows import Call, Changes, Times

    Unchanged = Mapping[Table, Mapping[tuple[int, str], datetime]]

_STATUS = FAILURES.columns.index("status_code")
_TRIED_AT = FAILURES.columns.index("tried_at")


def mark_deleted(connection: Connection, failures: Mapping[Call, Values]) -> set[Call]:
    """Set ``deleted_at`` of stored records for which TMDB answered 404 since they were fetched.

    TMDB says in no other way that a record is gone, or was merged into another one
    (https://github.com/jellyfin/TMDbLib/issues/303). What is returned are those that were stored: they are no
    failures.
    """
    found: set[Call] = set()
    # Neither of one of its images nor of one of its parts, which have longer paths.
    gone = _by_record(
        (place, row)
        for place, row in failures.items()
        if row[_STATUS] == HTTPStatus.NOT_FOUND and is_record_path(place[1])
    )
    for table, records in gone.items():
        known = _times_of(connection, table, list(records))
        times = []
        for key, calls in records.items():
            place, at = calls[-1]
            if key in known and known[key][0] <= at:
                times.append({"of_id": key, "gone_at": at})
                found.add(place)
        if times:
            for statement in _deletions(table):
                connection.execute(statement, times)
    return found


def outdated(connection: Connection, failures: Mapping[Call, Values]) -> set[Call]:
    """Return those of some failures of records that came later, or of which TMDB said later that they are gone."""
    found: set[Call] = set()
    own = _by_record((place, row) for place, row in failures.items() if is_own_call(*row[:3]))
    for table, records in own.items():
        for key, times in _times_of(connection, table, list(records)).items():
            latest = max(filter(None, times))
            found.update(place for place, at in records[key] if at < latest)
    return found


def _by_record(failures: Iterable[tuple[Call, Values]]) -> dict[Table, dict[int, list[tuple[Call, Any]]]]:
    """Return the time of those of some failures that are of records, by table and id."""
    found: dict[Table, dict[int, list[tuple[Call, Any]]]] = defaultdict(lambda: defaultdict(list))
    for place, row in failures:
        kind, key = row[:2]
        table = metadata.tables.get(kind)
        if table is not None and "deleted_at" in table.columns and key is not None and key.isdecimal():
            found[table][int(key)].append((place, row[_TRIED_AT]))
    return found


def later_times(connection: Connection, changes: Changes, moment: datetime) -> Times:
    """Return the times of the rows that changes are for, if some are later than a moment; else nothing."""
    keys: dict[Table, set[Any]] = defaultdict(set)
    for table, records in changes.records.items():
        keys[table].update(records)
    for (addition, _), owners in changes.additions.items():
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


def _times_of(connection: Connection, table: Table, keys: list[int]) -> dict[int, tuple[datetime, datetime]]:
    """Return ``fetched_at`` and ``deleted_at`` of those of the records that were fetched once."""
    query = _times_statement(table).where(table.columns.fetched_at.is_not(None))
    return {
        key: (fetched_at, deleted_at)
        for part in in_slices(_storable(keys), MOST_KEYS)
        for key, fetched_at, deleted_at in connection.execute(query, {"keys": part})
    }


@cache
def parts_of(table: Table) -> tuple[tuple[Table, Column[Any]], ...]:
    """Return the tables of records that belong to those of a table, with the column that says to which."""
    return tuple(
        (part, column)
        for part in TABLES
        if "deleted_at" in part.columns
        for column in part.columns
        if target_of(column) is table and is_part(column)
    )


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
    """Take ``deleted_at`` from what belongs to records of a table that came again."""
    for part, column in parts_of(table):
        keys = sorted(row[0] for stored, row in records if row[stored.columns.index("deleted_at")] is None)
        for some in in_slices(keys, MOST_KEYS):
            is_of_them = (column.in_(some), part.columns.deleted_at.is_not(None))
            connection.execute(update(part).where(*is_of_them).values(deleted_at=None))


def mark_fetched(connection: Connection, unchanged: Unchanged) -> dict[Call, datetime]:
    """Write into the rows of unchanged records, and of what came inside them, that they are as of now.

    A row that has another ``etag`` by now stays as it is: it is of another answer. When TMDB said so is returned,
    by kind and id.
    """
    found: dict[Call, datetime] = {}
    for table, records in unchanged.items():
        values = [{"of_id": key, "of_etag": etag, "now": now} for (key, etag), now in sorted(records.items())]
        for statement in _renewals(table):
            connection.execute(statement, values)
        found.update(((table.name, str(key)), now) for (key, _), now in records.items())
    return found


@cache
def _renewals(table: Table) -> tuple[Executable, ...]:
    """Return the statements for a record: first for its parts, which have the time at which it was fetched."""
    columns = table.columns
    now: Any = bindparam("now", type_=columns.fetched_at.type)
    is_it = (
        columns.id == bindparam("of_id"),
        columns.etag == bindparam("of_etag"),
        columns.fetched_at <= now,
    )
    before = select(columns.fetched_at).where(*is_it).scalar_subquery()

    def as_of_now(each: Table, *conditions: Any) -> Executable:
        """Return the statement for the times of rows; TMDB may have said later that they are gone."""
        gone_at = each.columns.deleted_at
        times = {"fetched_at": now, "deleted_at": case((gone_at > now, gone_at), else_=None)}
        return update(each).where(*conditions).values(times)

    parts = (
        as_of_now(part, column == bindparam("of_id"), part.columns.fetched_at == before)
        for part, column in parts_of(table)
    )
    return (*parts, as_of_now(table, *is_it))


def stored_bytes(connection: Connection, kind: str, ids: Sequence[int]) -> int:
    """Return the bytes of the stored documents of some records; a series has those of its seasons and episodes."""
    total = 0
    parts = ("seasons", "episodes") if kind == "tv_shows" else ()
    for table, key in ((kind, "id"), *((part, "tv_show_id") for part in parts)):
        columns = metadata.tables[table].columns
        length = func.sum(backend_of(connection).document_bytes(columns.raw))
        for part in in_slices(ids, MOST_KEYS):
            total += int(connection.scalar(select(length).where(columns[key].in_(part))) or 0)
    return total
