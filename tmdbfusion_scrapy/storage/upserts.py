"""What becomes of a row that is there already."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property
from operator import itemgetter
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import Boolean, Date, DateTime, Table, and_, case, func, or_
from sqlalchemy.engine import make_url
from sqlalchemy.types import TypeDecorator

from tmdbfusion_scrapy.storage.slices import in_slices

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from sqlalchemy import ColumnElement
    from sqlalchemy.dialects import postgresql, sqlite

    InsertT = TypeVar("InsertT", sqlite.Insert, postgresql.Insert)
    Row = tuple[Any, ...]
    Processors = tuple[tuple[int, Callable[[Any], Any]], ...]

DIALECTS = {name: make_url(f"{name}://").get_dialect()() for name in ("sqlite", "postgresql")}
"""The dialects that statements are written in, by name."""


@dataclass(frozen=True)
class Upsert:
    """Insert rows, or update the columns they have where their key is there.

    Args:
        table: The table.
        columns: The columns of the rows, in their order.
        keeps: Columns that a NULL leaves as they are.
        yields: Whether a row that has ``fetched_at`` is left as it is.
        fills: Columns that are written into such a row nevertheless.
        differs: Whether a row that says the same already is not written again. A row that only fills others, all
            of its columns being of ``keeps``, never is.
    """

    table: Table
    columns: tuple[str, ...]
    keeps: frozenset[str] = frozenset()
    yields: bool = False
    fills: frozenset[str] = frozenset()
    differs: bool = False

    def on_conflict(self, insert: InsertT) -> InsertT:
        """Add to an INSERT what is to be done with rows that are there."""
        table = self.table
        key = [column.name for column in table.primary_key]
        changed = [name for name in self.columns if name not in key]
        if not changed:
            return insert.on_conflict_do_nothing(index_elements=key)
        values: dict[str, ColumnElement[Any]] = {
            name: func.coalesce(insert.excluded[name], table.columns[name])
            if name in self.keeps
            else insert.excluded[name]
            for name in changed
        }
        condition = None
        if self.differs or self.keeps.issuperset(changed):
            differs = {name: table.columns[name].is_distinct_from(value) for name, value in values.items()}
            condition = or_(*differs.values())
            if self.yields and "fetched_at" in table.columns:
                is_named_only = table.columns.fetched_at.is_(None)
                condition = and_(is_named_only, condition)
                filled = [differs[name] for name in changed if name in self.fills]
                if filled:
                    condition = or_(condition, *filled)
                    for name in changed:
                        if name not in self.fills:
                            values[name] = case((is_named_only, values[name]), else_=table.columns[name])
        return insert.on_conflict_do_update(index_elements=key, set_=values, where=condition)


@dataclass(frozen=True)
class Replacement:
    """Make the rows that belong to records those that are given: what is not among them is deleted.

    Args:
        table: The table.
        owner: Its column with the id of the record.
        columns: All of its other columns, in the order of the rows.
    """

    table: Table
    owner: str
    columns: tuple[str, ...]

    @cached_property
    def upsert(self) -> Upsert:
        """How the rows are written."""
        return Upsert(self.table, (self.owner, *self.columns), differs=True)

    def rows(self, found: Mapping[Any, Iterable[Row]]) -> list[Row]:
        """Return the rows with their owner, in the order of the owners."""
        return [(owner, *row) for owner in sorted(found) for row in found[owner]]


def table_order(table: Table, columns: tuple[str, ...]) -> tuple[str, ...]:
    """Return the columns in the table's order, which is the one that a statement has them in."""
    return tuple(column.name for column in table.columns if column.name in columns)


def in_key_order(table: Table, columns: tuple[str, ...], rows: Iterable[Row]) -> list[Row]:
    """Return rows in the order of their key.

    Two crawls that wrote the same rows in different orders would wait for each other, and a database writes
    rows that follow each other faster. Rows that are in order already are sorted at once, others hold the GIL.
    """
    return sorted(rows, key=_key_getter(table, columns))


def prepared(dialect: str, table: Table, columns: tuple[str, ...], rows: Sequence[Row]) -> list[Row]:
    """Return rows for the driver: their values in :func:`table_order`, and of the driver's types."""
    order, processors = _preparation(dialect, table, columns)
    found: list[Row] = []
    for part in in_slices(rows):
        # Column by column, because a function that is mapped costs a third of a loop over rows.
        values: list[Iterable[Any]] = list(zip(*part, strict=True))
        for index, process in processors:
            values[index] = map(process, values[index])
        found += zip(*(values[index] for index in order), strict=True)
    return found


@cache
def _key_getter(table: Table, columns: tuple[str, ...]) -> Callable[[Row], Any]:
    """What gives the key of a row."""
    return itemgetter(*(columns.index(column.name) for column in table.primary_key))


@cache
def _preparation(dialect: str, table: Table, columns: tuple[str, ...]) -> tuple[tuple[int, ...], Processors]:
    """Where the values of a row are in the table's order, and what its types do with a value.

    SQLite has no dates and no booleans of its own. A document is JSON text already.
    """
    order = tuple(columns.index(name) for name in table_order(table, columns))
    processors: list[tuple[int, Callable[[Any], Any]]] = []
    for index, name in enumerate(columns):
        kind = table.columns[name].type
        if isinstance(kind, Boolean) and dialect == "sqlite":
            processors.append((index, _FLAGS.__getitem__))
        elif isinstance(kind, Boolean | Date | DateTime | TypeDecorator):
            process = kind.dialect_impl(DIALECTS[dialect]).bind_processor(DIALECTS[dialect])
            if process is not None:
                processors.append((index, process))
    return order, tuple(processors)


class _Flags(dict[Any, Any]):
    """Booleans as SQLite has them; SQLAlchemy's own function for it takes ten times as long."""

    def __missing__(self, value: Any) -> Any:
        """Refuse anything else."""
        raise TypeError(f"{value!r} is neither true nor false")


_FLAGS = _Flags({None: None, False: 0, True: 1})
