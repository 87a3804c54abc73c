"""How large the stored documents are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import LargeBinary, Text, func, select
from sqlalchemy import cast as sql_cast

from tmdbfusion_scrapy.storage.slices import MOST_KEYS, in_slices
from tmdbfusion_scrapy.storage.tables import metadata

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.engine import Connection


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
    """Bytes of the documents of some rows."""
    columns = metadata.tables[table].columns
    if connection.dialect.name == "sqlite":
        # Its octet_length is of 3.43.
        length = func.length(sql_cast(columns.raw, LargeBinary))
    else:
        length = func.octet_length(sql_cast(columns.raw, Text))
    return int(connection.scalar(select(func.sum(length)).where(columns[key].in_(keys))) or 0)
