"""Rows on their way into a table: upserts, their order, and work in slices."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from functools import cache, cached_property
from operator import itemgetter
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import ColumnElement, Delete, Insert, Table, Update, and_, case, false, func, or_, select

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from sqlalchemy.dialects import postgresql, sqlite
    from sqlalchemy.types import TypeEngine

    InsertT = TypeVar("InsertT", sqlite.Insert, postgresql.Insert)
    Row = tuple[Any, ...]
    Process = Callable[[Any], Any]
    ProcessorOf = Callable[[TypeEngine[Any]], Process | None]

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
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
        newer: Column with a time: a row that is there from later on is left as it is.
        only_new: Whether every row that is there is left as it is.
    """

    table: Table
    columns: tuple[str, ...]
    keeps: frozenset[str] = frozenset()
    yields: bool = False
    fills: frozenset[str] = frozenset()
    differs: bool = False
    newer: str | None = None
    only_new: bool = False

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The columns in the table's order, which is the one that a statement has them in."""
        return tuple(column.name for column in self.table.columns if column.name in self.columns)

    @cached_property
    def key_of(self) -> Callable[[Row], Any]:
        """The function that gives the key of a row."""
        return itemgetter(*(self.columns.index(column.name) for column in self.table.primary_key))

    def in_key_order(self, rows: Iterable[Row]) -> list[Row]:
        """Return rows in the order of their key.

        Two crawls that wrote the same rows in different orders would wait for each other, and a database writes
        rows that follow each other faster. Rows that are in order already are sorted at once, others hold the GIL.
        """
        return sorted(rows, key=self.key_of)

    def prepared(self, rows: Sequence[Row], processor_of: ProcessorOf) -> list[Row]:
        """Return rows for the driver: their values in the order of :attr:`names`, and of the driver's types.

        ``processor_of`` gives the function that makes a value of a type one of the driver's; ``None`` for none.
        """
        order, processors = _preparation(self, processor_of)
        if not processors and order == tuple(range(len(self.columns))):
            return list(rows)
        found: list[Row] = []
        for part in in_slices(rows):
            # Column by column, because a function that is mapped costs a third of a loop over rows.
            values: list[Iterable[Any]] = list(zip(*part, strict=True))
            for index, process in processors:
                values[index] = map(process, values[index])
            found += zip(*(values[index] for index in order), strict=True)
        return found

    def on_conflict(self, insert: InsertT) -> InsertT:
        """Add to an INSERT what is to be done with rows that are there."""
        table = self.table
        key = [column.name for column in table.primary_key]
        changed = [name for name in self.columns if name not in key]
        if self.only_new or not changed:
            return insert.on_conflict_do_nothing(index_elements=key)
        values: dict[str, ColumnElement[Any]] = {
            name: func.coalesce(insert.excluded[name], table.columns[name])
            if name in self.keeps
            else insert.excluded[name]
            for name in changed
        }
        condition = None
        if self.newer is not None:
            condition = table.columns[self.newer] <= insert.excluded[self.newer]
        elif self.differs or self.keeps.issuperset(changed):
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


@cache
def _preparation(
    upsert: Upsert, processor_of: ProcessorOf
) -> tuple[tuple[int, ...], tuple[tuple[int, Process], ...]]:
    """Return the places of a row's values in the table's order, and the functions for some of them."""
    order = tuple(upsert.columns.index(name) for name in upsert.names)
    types = (upsert.table.columns[name].type for name in upsert.columns)
    found = ((index, processor_of(kind)) for index, kind in enumerate(types))
    return order, tuple((index, process) for index, process in found if process is not None)


def probes(table: Table) -> tuple[Insert, Update, Delete]:
    """Return what a batch does to a table, done to no row."""
    names = [column.name for column in table.columns]
    return (
        table.insert().from_select(names, select(table).where(false())),
        table.update().where(false()).values({names[0]: table.columns[names[0]]}),
        table.delete().where(false()),
    )


MOST_KEYS = 500
"""Keys in one IN of a statement; older SQLite takes 999 parameters at most."""

_LONGEST = 0.002
_PAUSE = 0.00005
"""Seconds of work, and of the pause after it.

A thread that computes is asked for the GIL only every 5 ms (``sys.getswitchinterval``), and the event loop needs
it again after each of its system calls. A sleep of 0 seconds is over before a thread that waits for the GIL has
woken up.
"""


_last_pause = threading.local()


def give_way() -> None:
    """Let another thread run where this one has run for long; to be called often."""
    if time.perf_counter() - getattr(_last_pause, "ended", 0.0) > _LONGEST:
        time.sleep(_PAUSE)
        _last_pause.ended = time.perf_counter()


def in_slices(values: Sequence[T], size: int = 256) -> Iterator[Sequence[T]]:
    """Yield parts of a sequence, and give way before each."""
    for start in range(0, len(values), size):
        give_way()
        yield values[start : start + size]
