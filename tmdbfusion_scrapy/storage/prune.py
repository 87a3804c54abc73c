"""Deletion of records that were fetched too long ago: TMDB's terms allow to keep nothing longer than six months.

A record that expires is treated as if it had never been fetched. What belongs to it is deleted, and so is what
nothing names any more. Where a newer record names it, a stub row stays: its name, and what every list says of it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from sqlalchemy import Text, and_, case, delete, exists, func, null, or_, select, update
from sqlalchemy import cast as sql_cast

from tmdbfusion_scrapy.storage.backend import WRITE_LOCK, backend_of, patiently
from tmdbfusion_scrapy.storage.database import reading
from tmdbfusion_scrapy.storage.entities import STORED, STUBS, TABLES, metadata
from tmdbfusion_scrapy.storage.entities.declaration import Stored, StoredList, is_part, target_of
from tmdbfusion_scrapy.storage.upserts import MOST_KEYS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from sqlalchemy import Column, ColumnElement, Connection, Engine, FromClause, Table

_WAIT_SECONDS = 60.0
_NAMES = frozenset({"name", "title"})


@dataclass(frozen=True)
class Expired:
    """Records of a table that are too old, the rows of link tables that are theirs, and the oldest date."""

    table: str
    records: int
    parts: int
    oldest: datetime


def expired(engine: Engine, before: datetime) -> list[Expired]:
    """Return what was fetched before a moment, by table; tables without such records are left out."""
    found = []
    with reading(engine) as connection:
        for table, owners in _records().items():
            is_old = table.columns.fetched_at < before
            query = select(func.count(), func.min(table.columns.fetched_at)).where(is_old)
            records, oldest = connection.execute(query).one()
            if records:
                old = select(table.columns.id).where(is_old)
                counts = (select(func.count()).where(owner.in_(old)) for owner in owners)
                parts = sum(connection.scalar(count) or 0 for count in counts)
                found.append(Expired(table.name, records, parts, oldest))
    return found


class Pruning:
    """Deletion of what was fetched before a moment, and of what nothing names any more.

    Each batch of records is a transaction; when it is ended in between, the next one goes on.

    Args:
        engine: Of the database, for writing.
        before: The moment, with a time zone.
        on_wait: Called with the reason where a batch has to wait for the database.

    Attributes:
        deleted: How many rows were deleted, by table; those of which a stub row stays are not among them.
    """

    def __init__(self, engine: Engine, before: datetime, on_wait: Callable[[str], None]) -> None:
        self._engine = engine
        self._before = before
        self._on_wait = on_wait
        self.deleted: Counter[str] = Counter()

    def expire(self) -> Iterator[tuple[str, Sequence[int]]]:
        """Have the records expire; yields the table and the ids of each batch, when they are gone."""
        for table in _records():
            while keys := self._batch(partial(_expire, table, self._before)):
                yield table.name, keys

    def sweep(self) -> None:
        """Delete what no record names."""
        for table in _swept():
            while True:
                # A company may be named by one that is about to go.
                before = self.deleted[table.name]
                last = None
                while keys := self._batch(partial(_sweep, table, last)):
                    last = keys[-1]
                names_itself = any(column.table is table for column in _references(table))
                if self.deleted[table.name] == before or not names_itself:
                    break

    def _batch(self, action: Callable[[Connection], tuple[Sequence[Any], Counter[str]]]) -> Sequence[Any]:
        """Return the keys that an action was for, whose rows are deleted."""

        def transaction() -> tuple[Sequence[Any], Counter[str]]:
            with self._engine.begin() as connection:
                # A crawl may be naming what is about to be deleted.
                backend_of(connection).take_lock(connection, WRITE_LOCK)
                return action(connection)

        keys, rows = patiently(transaction, _WAIT_SECONDS, self._on_wait)
        self.deleted.update(rows)
        return keys


def _expire(table: Table, before: datetime, connection: Connection) -> tuple[Sequence[Any], Counter[str]]:
    """Have some records of a table expire."""
    key = table.columns.id
    keys = connection.scalars(select(key).where(table.columns.fetched_at < before).limit(MOST_KEYS)).all()
    deleted: Counter[str] = Counter()
    if keys:
        connection.execute(update(table).where(key.in_(keys)).values(_forgotten(table)))
        said = (column for sayers in _sayers().values() for column in sayers if target_of(column) is table)
        for column in said:
            others = (other for other in _sayers()[column.table] if other is not column)
            unsaid = (~_is_fetched(other, has_credit=True) for other in others)
            rows = connection.execute(delete(column.table).where(column.in_(keys), *unsaid))
            deleted[column.table.name] += rows.rowcount
    return keys, deleted


def _sweep(table: Table, last: Any, connection: Connection) -> tuple[Sequence[Any], Counter[str]]:
    """Delete the next rows of a table that no record names."""
    (key,) = table.primary_key
    unnamed = [~_is_named(key, column) for column in _references(table)]
    if "fetched_at" in table.columns:
        unnamed.append(table.columns.fetched_at.is_(None))
        unnamed += [~_is_fetched(column) for column in _lists(table)]
    query = select(key).where(and_(*unnamed)).order_by(key).limit(MOST_KEYS)
    keys = connection.scalars(query if last is None else query.where(key > last)).all()
    deleted: Counter[str] = Counter()
    if keys:
        deleted[table.name] = connection.execute(delete(table).where(key.in_(keys))).rowcount
    return keys, deleted


def _forgotten(table: Table) -> dict[str, Any]:
    """Return the values of a row as if the record had never been fetched."""
    stubs = [set(stub.columns) for stub in STUBS if stub.table is table]
    kept = _NAMES.union(set.intersection(*stubs) if stubs else (), (key.name for key in table.primary_key))
    values: dict[str, Any] = {column.name: null() for column in table.columns if column.name not in kept}
    for column in _lists(table):
        if is_part(column):
            values.pop(column.name, None)
        elif column.name in values:
            values[column.name] = case((_is_fetched(column), column), else_=null())
    return values


def _is_named(key: Column[Any], column: Column[Any]) -> ColumnElement[bool]:
    """Return whether a column refers to a row."""
    # The table itself may be the one that is asked.
    referring = _alias(column.table)
    return exists().where(referring.columns[column.name] == key).correlate(key.table)


def _is_fetched(column: Column[Any], *, has_credit: bool = False) -> ColumnElement[bool]:
    """Return whether the record that a column refers to was fetched, and has the credit of the row.

    Of a record without its document nobody knows what it said.
    """
    target = target_of(column)
    assert target is not None  # noqa: S101 - such columns are asked for
    record = _alias(target).columns
    found = exists().where(record.id == column, record.fetched_at.is_not(None))
    if has_credit:
        is_said = sql_cast(record.raw, Text).contains(column.table.columns.credit_id)
        found = found.where(or_(record.raw.is_(None), is_said))
    return found.correlate(column.table)


@cache
def _alias(table: Table) -> FromClause:
    """Return the table under another name: to make one takes longer than the rest of a statement."""
    return table.alias()


@cache
def _records() -> Mapping[Table, tuple[Column[Any], ...]]:
    """Return the tables of records, with the columns of link tables that say whose a row is."""
    found: dict[Table, dict[Column[Any], None]] = {}
    for stored in STORED:
        if isinstance(stored, Stored):
            owners = found.setdefault(stored.table, {})
            owners.update((relation.table.columns[relation.owner], None) for relation in stored.relations)
    return {table: tuple(owners) for table, owners in found.items()}


@cache
def _sayers() -> Mapping[Table, dict[Column[Any], None]]:
    """Return for each link table the columns with the records that say its rows, its owner first."""
    found: dict[Table, dict[Column[Any], None]]
    found = {owner.table: {owner: None} for owners in _records().values() for owner in owners}
    for stored in STORED:
        for addition in stored.additions:
            sayers = (column for column in addition.table.columns if target_of(column) is stored.table)
            found[addition.table].update(dict.fromkeys(sayers))
    return found


@cache
def _swept() -> list[Table]:
    """Return the tables whose rows others name, those that name others first."""
    lists = {stored.table for stored in STORED if isinstance(stored, StoredList)}
    return [
        table
        for table in reversed(TABLES)
        if (table in _records() or _references(table))
        and table not in lists
        and not table.name.startswith("tmdb_")
    ]


@cache
def _references(table: Table) -> list[Column[Any]]:
    """Return the columns that refer to a table."""
    return [
        column for other in metadata.tables.values() for column in other.columns if target_of(column) is table
    ]


@cache
def _lists(table: Table) -> list[Column[Any]]:
    """Return the columns of a table of records that refer to records by which these are listed."""
    children = {child.table.columns[child.parent] for stored in STORED for child in stored.children}
    return [
        column for column in table.columns if column.foreign_keys and (column in children or is_part(column))
    ]
