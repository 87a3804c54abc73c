"""Marks on stored records: as of when they are, and since when TMDB has them no more."""

from __future__ import annotations

from collections import defaultdict
from functools import cache
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, func, select, update

from tmdbfusion_scrapy.storage.backend import backend_of
from tmdbfusion_scrapy.storage.entities import metadata
from tmdbfusion_scrapy.storage.failures import is_record_path
from tmdbfusion_scrapy.storage.rows import FAILURE_COLUMNS
from tmdbfusion_scrapy.storage.upserts import MOST_KEYS, in_slices

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Column, Table
    from sqlalchemy.engine import Connection
    from sqlalchemy.sql import Executable

    from tmdbfusion_scrapy.storage.entities.declaration import Values

_STATUS = FAILURE_COLUMNS.index("status_code")
_TRIED_AT = FAILURE_COLUMNS.index("tried_at")


def mark_deleted(connection: Connection, failures: Mapping[tuple[str, str], Values]) -> set[tuple[str, str]]:
    """Set ``deleted_at`` of stored records for which TMDB answered 404.

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
        stored = _stored(connection, table, list(records))
        if stored:
            deleted_at = table.columns.deleted_at
            gone_at = bindparam("gone_at", type_=deleted_at.type)
            statement = (
                update(table)
                .where(table.columns.id == bindparam("of_id"))
                .values(deleted_at=func.coalesce(deleted_at, gone_at))
            )
            gone_with_it = [
                update(part)
                .where(column == bindparam("of_id"), part.columns.fetched_at.is_not(None))
                .values(deleted_at=func.coalesce(part.columns.deleted_at, gone_at))
                for part, column in parts_of(table)
            ]
            times = [{"of_id": key, "gone_at": records[key][1]} for key in stored]
            for each in (statement, *gone_with_it):
                connection.execute(each, times)
        found.update(records[key][0] for key in stored)
    return found


def mark_there(connection: Connection, table: Table, keys: Iterable[Any]) -> None:
    """Take ``deleted_at`` from what belongs to records that came again.

    Args:
        connection: In a transaction.
        table: Table of the records.
        keys: Their ids.
    """
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


def _stored(connection: Connection, table: Table, keys: list[int]) -> list[int]:
    """Return those of the records that were fetched once."""
    columns = table.columns
    found: list[int] = []
    for part in in_slices(keys, MOST_KEYS):
        query = select(columns.id).where(columns.id.in_(part), columns.fetched_at.is_not(None))
        found.extend(connection.scalars(query))
    return sorted(found)


def mark_fetched(
    connection: Connection, unchanged: Mapping[Table, Mapping[tuple[int, str], datetime]]
) -> set[tuple[str, str]]:
    """Write into the rows of unchanged records, and of what came inside them, that they are as of now.

    Args:
        connection: In a transaction.
        unchanged: When TMDB said so, by table, id and ``etag``. A row that has another ``etag`` by now stays as it
            is: it is of another answer.

    Returns:
        Kind and id of the records.
    """
    for table, records in unchanged.items():
        values = [{"of_id": key, "of_etag": etag, "now": now} for (key, etag), now in sorted(records.items())]
        for statement in _statements(table):
            connection.execute(statement, values)
    return {(table.name, str(key)) for table, records in unchanged.items() for key, _ in records}


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
    is_it = (columns.id == bindparam("of_id"), columns.etag == bindparam("of_etag"))
    before = select(columns.fetched_at).where(*is_it).scalar_subquery()
    now: Any = bindparam("now", type_=columns.fetched_at.type)
    found: list[Executable] = []
    for part in metadata.sorted_tables:
        for column in part.columns if "fetched_at" in part.columns else ():
            if any(key.column is columns.id and key.ondelete == "CASCADE" for key in column.foreign_keys):
                came_along = (column == bindparam("of_id"), part.columns.fetched_at == before)
                found.append(update(part).where(*came_along).values(fetched_at=now, deleted_at=None))
    found.append(update(table).where(*is_it).values(fetched_at=now, deleted_at=None))
    return tuple(found)


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
