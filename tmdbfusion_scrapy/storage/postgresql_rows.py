"""Rows into PostgreSQL: with COPY, which costs the client a tenth of what INSERT does.

An upsert copies into a temporary table and inserts from there.
https://www.psycopg.org/psycopg3/docs/basic/copy.html
"""

from __future__ import annotations

from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import Column, MetaData, Table, any_, bindparam, delete, func, select
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import DBAPIError
from sqlalchemy.schema import CreateTable

from tmdbfusion_scrapy.storage.slices import in_slices
from tmdbfusion_scrapy.storage.upserts import (
    DIALECTS,
    in_key_order,
    prepared,
    table_order,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from sqlalchemy import ColumnElement, Select
    from sqlalchemy.engine import Connection

    from tmdbfusion_scrapy.storage.upserts import Replacement, Row, Upsert

_DIALECT = DIALECTS["postgresql"]


class PostgreSQLRows:
    """Writes rows on a connection, in one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._staged: set[str] = set()

    def upsert(self, upsert: Upsert, rows: Iterable[Row]) -> None:
        """Insert rows, or update those that are there.

        New ones are copied into the table itself: by way of another a document of 20 KB is compressed and written
        twice.
        """
        ordered = in_key_order(upsert.table, upsert.columns, rows)
        keys = [column.name for column in upsert.table.primary_key]
        if len(keys) > 1:
            self._upsert(upsert, ordered)
            return
        place = upsert.columns.index(keys[0])
        statement = _keys_statement(upsert.table, keys[0])
        known = set(self._connection.scalars(statement, {"keys": [row[place] for row in ordered]}))
        self._insert(upsert, [row for row in ordered if row[place] not in known])
        self._upsert(upsert, [row for row in ordered if row[place] in known])

    def replace(self, replacement: Replacement, rows: Mapping[Any, Sequence[Row]]) -> None:
        """Make these rows, by what they belong to, all that there are; see :class:`Replacement`.

        Where there are none they are copied into the table itself. Else what differs is written: each row that
        is written costs PostgreSQL a look at what it refers to, and a new version in every index.
        """
        known = self._counts(replacement, rows)
        self._insert(
            replacement.upsert,
            replacement.rows({owner: part for owner, part in rows.items() if owner not in known}),
        )
        if not known:
            return
        self._upsert(replacement.upsert, replacement.rows({owner: rows[owner] for owner in known}))
        counts = self._counts(replacement, known)
        wrong = [owner for owner, number in counts.items() if number != len(rows[owner])]
        if wrong:
            column = replacement.table.columns[replacement.owner]
            self._connection.execute(delete(replacement.table).where(_is_among(column)), {"keys": wrong})
            self._insert(replacement.upsert, replacement.rows({owner: rows[owner] for owner in wrong}))

    def _counts(self, replacement: Replacement, owners: Iterable[Any]) -> dict[Any, int]:
        """How many rows belong to each of these that has any."""
        found = self._connection.execute(
            _count_statement(replacement.table, replacement.owner), {"keys": list(owners)}
        )
        return {owner: number for owner, number in found}  # noqa: C416 - a Row is no pair to mypy

    def _upsert(self, upsert: Upsert, rows: Sequence[Row]) -> None:
        """Insert rows, or update those that are there, by way of a temporary table."""
        if not rows:
            return
        table = upsert.table
        names = table_order(table, upsert.columns)
        staging = self._staging(table)
        self._copy(staging, names, prepared("postgresql", table, upsert.columns, rows))
        source = select(*(staging.columns[name] for name in names))
        insert = postgresql.insert(table).from_select(list(names), source)
        self._connection.execute(upsert.on_conflict(insert))

    def _insert(self, upsert: Upsert, rows: Sequence[Row]) -> None:
        """Insert rows that are not there."""
        if not rows:
            return
        table, columns = upsert.table, upsert.columns
        self._copy(table, table_order(table, columns), prepared("postgresql", table, columns, rows))

    def _staging(self, table: Table) -> Table:
        """An empty temporary table with the columns of a table and none of its constraints."""
        staging = _staging_of(table)
        is_used = staging.name in self._staged
        if not is_used:
            self._connection.execute(CreateTable(staging, if_not_exists=True))
        # Within a savepoint, the records that were stored one by one before have left their rows.
        if is_used or self._connection.in_nested_transaction():
            self._connection.exec_driver_sql(f"TRUNCATE {staging.name}")
        self._staged.add(staging.name)
        return staging

    def _copy(self, table: Table, names: tuple[str, ...], rows: list[Row]) -> None:
        """Copy rows into a table."""
        columns = ", ".join(_DIALECT.identifier_preparer.quote(name) for name in names)
        statement = f"COPY {table.name} ({columns}) FROM STDIN"
        with self._driver_errors(statement), self._cursor() as cursor, cursor.copy(statement) as copy:
            for part in in_slices(rows):
                for row in part:
                    copy.write_row(row)

    def _cursor(self) -> Any:
        """The driver's own cursor: SQLAlchemy knows no COPY."""
        return self._connection.connection.cursor()

    @contextmanager
    def _driver_errors(self, statement: str) -> Iterator[None]:
        """Raise the driver's errors as SQLAlchemy does."""
        driver: Any = self._connection.dialect.loaded_dbapi
        try:
            yield
        except driver.Error as error:
            lost = self._connection.dialect.is_disconnect(error, self._connection.connection, None)
            if lost:
                self._connection.invalidate(error)
            raise DBAPIError.instance(
                statement,
                None,
                error,
                driver.Error,
                hide_parameters=True,
                connection_invalidated=lost,
                dialect=self._connection.dialect,
            ) from error


@cache
def _staging_of(table: Table) -> Table:
    """The temporary table for the rows of a table."""
    return Table(
        f"tmdb_staging_{table.name}",
        MetaData(),
        *(Column(column.name, column.type) for column in table.columns),
        prefixes=["TEMPORARY"],
        postgresql_on_commit="DELETE ROWS",
    )


def _is_among(column: Column[Any]) -> ColumnElement[bool]:
    """That a column has one of the values of the parameter ``keys``, which is one array, however many they are."""
    return column == any_(bindparam("keys", type_=postgresql.ARRAY(column.type)))


@cache
def _keys_statement(table: Table, name: str) -> Select[Any]:
    """The statement that finds which of some keys are there."""
    column = table.columns[name]
    return select(column).where(_is_among(column))


@cache
def _count_statement(table: Table, name: str) -> Select[Any]:
    """The statement that counts the rows that belong to some records."""
    column = table.columns[name]
    return select(column, func.count()).where(_is_among(column)).group_by(column)
