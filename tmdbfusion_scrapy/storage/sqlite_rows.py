"""Rows into SQLite: many rows to a statement.

sqlite3 gives up the GIL for each statement and takes it back after it. With a row a statement that is thousands of
times a batch, and each time the event loop may have to wait its turn.
"""

from __future__ import annotations

import json
from functools import cache
from itertools import chain
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, delete, func, select
from sqlalchemy.dialects import sqlite

from tmdbfusion_scrapy.storage.slices import MOST_KEYS, give_way, in_slices
from tmdbfusion_scrapy.storage.upserts import (
    DIALECTS,
    Replacement,
    Upsert,
    in_key_order,
    prepared,
    table_order,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from sqlalchemy.engine import Connection
    from sqlalchemy.sql import Executable

    from tmdbfusion_scrapy.storage.upserts import Row

_MOST_ROWS = 256
"""Rows of one statement. Fewer mean more waiting for the GIL, more are no faster; SQLite takes 32,766 values."""

_DIALECT = DIALECTS["sqlite"]


class SQLiteRows:
    """Writes rows on a connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def upsert(self, upsert: Upsert, rows: Iterable[Row]) -> None:
        """Insert rows, or update those that are there."""
        self._write(upsert, in_key_order(upsert.table, upsert.columns, rows))

    def replace(self, replacement: Replacement, rows: Mapping[Any, Sequence[Row]]) -> None:
        """Make these rows, by what they belong to, all that there are; see :class:`Replacement`.

        Writing what differs and counting spares the three indexes of a table those rows that stay as they are.
        """
        self._write(replacement.upsert, replacement.rows(rows))
        wrong = [
            owner for owner, number in self._counts(replacement, list(rows)) if number != len(rows[owner])
        ]
        if wrong:
            column = replacement.table.columns[replacement.owner]
            statement = delete(replacement.table).where(column == bindparam("of_owner"))
            self._connection.execute(statement, [{"of_owner": owner} for owner in wrong])
            self._write(replacement.upsert, replacement.rows({owner: rows[owner] for owner in wrong}))

    def _counts(self, replacement: Replacement, owners: Sequence[Any]) -> Iterator[tuple[Any, int]]:
        """How many rows belong to each of these that has any."""
        for part in in_slices(owners, MOST_KEYS):
            # As one row: sqlite3 gives up the GIL for each.
            yield from json.loads(self._connection.scalar(_count_statement(replacement), {"owners": part}))

    def _write(self, upsert: Upsert, rows: Sequence[Row]) -> None:
        """Execute a statement for as many rows as it takes, and so on."""
        values = prepared("sqlite", upsert.table, upsert.columns, rows)
        start = 0
        while start < len(values):
            give_way()
            # Powers of two: few statements for any number of rows.
            size = min(_MOST_ROWS, 1 << ((len(values) - start).bit_length() - 1))
            part = values[start : start + size]
            self._connection.exec_driver_sql(_statement(upsert, size), tuple(chain.from_iterable(part)))
            start += size


@cache
def _statement(upsert: Upsert, size: int) -> str:
    """The text of a statement for some rows."""
    if size > 1:
        # SQLAlchemy takes some 30 ms to write one of 64 rows.
        places = f"({', '.join('?' * len(upsert.columns))})"
        return _statement(upsert, 1).replace(places, ", ".join([places] * size), 1)
    names = table_order(upsert.table, upsert.columns)
    insert = sqlite.insert(upsert.table).values({name: bindparam(name) for name in names})
    return str(upsert.on_conflict(insert).compile(dialect=_DIALECT))


@cache
def _count_statement(replacement: Replacement) -> Executable:
    """The statement that counts the rows of some owners, as JSON."""
    owner = replacement.table.columns[replacement.owner].label("owner")
    found = select(owner, func.count().label("number")).group_by(owner)
    counts = found.where(owner.in_(bindparam("owners", expanding=True))).subquery()
    return select(func.json_group_array(func.json_array(counts.c.owner, counts.c.number)))
