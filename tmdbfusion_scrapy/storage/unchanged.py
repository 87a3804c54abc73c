"""Stored records that TMDB did not send again, because they have not changed."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, select, update

from tmdbfusion_scrapy.storage.document_sizes import stored_bytes
from tmdbfusion_scrapy.storage.tables import metadata

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sqlalchemy import Table
    from sqlalchemy.engine import Connection
    from sqlalchemy.sql import Executable


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
    """The statements for a record: first for its parts, which have the time at which it was fetched."""
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
