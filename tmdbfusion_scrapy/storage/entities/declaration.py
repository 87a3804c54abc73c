"""Declarations: the rows that a record becomes."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from operator import attrgetter, itemgetter
from typing import Any, cast

from sqlalchemy import Table

from tmdbfusion_scrapy.models.record import Record

Values = tuple[Any, ...]
"""The values of one row, in the order of the columns that were declared."""


def fields(*names: str) -> Callable[[Iterable[Any]], Iterator[Values]]:
    """Return a reader of rows that are the fields of these names, two at least, of each element."""
    return partial(map, attrgetter(*names))


@dataclass(frozen=True, eq=False)
class Stub:
    """Stub rows, of records that another record only names: the genre of a movie, the people of its cast.

    A stub row fills what is not known yet: a value that it lacks wipes out none.

    Args:
        table: Their table.
        columns: The columns of a stub row; the key first.
        fills: Columns that the record's own answer does not have. All others of a row that was fetched for its
            own sake are left as they are, so that they are of one answer.
    """

    table: Table
    columns: tuple[str, ...]
    fills: frozenset[str] = frozenset()


@dataclass(frozen=True, eq=False)
class Relation:
    """A part of a record that becomes rows of a link table.

    The rows of a record are replaced as a whole, so that what vanished at TMDB vanishes here. A part that is
    ``None`` was not asked for, or TMDB left it out: its rows stay. Of a part that could not be read as a whole the
    rows that it gives are written, and none is taken away.

    Args:
        table: The link table; its first column is the id of the record.
        path: Where the part is in the record: ``genres``, ``credits.cast``. With several, the first that is there.
        columns: Columns that ``read`` gives, in its order; the id of the record comes before them.
        read: Gives the rows of the part.
        stubs: What the part names, and the function that gives the rows of it from the part.
    """

    table: Table
    path: str | tuple[str, ...]
    columns: tuple[str, ...]
    read: Callable[[Any], Iterable[Values]]
    stubs: tuple[tuple[Stub, Callable[[Any], Iterable[Values]]], ...] = ()

    @cached_property
    def paths(self) -> tuple[str, ...]:
        """The places of the part, best first."""
        return (self.path,) if isinstance(self.path, str) else self.path

    @property
    def owner(self) -> str:
        """The column with the id of the record."""
        return next(iter(self.table.columns)).name

    @cached_property
    def key(self) -> tuple[int, ...]:
        """Places in the values that tell the rows of one record apart."""
        return tuple(index for index, name in enumerate(self.columns) if self.table.columns[name].primary_key)

    @cached_property
    def key_of(self) -> Callable[[Values], Any]:
        """The function that gives the key of a row among those of one record."""
        return itemgetter(*self.key)

    @cached_property
    def required(self) -> tuple[int, ...]:
        """Places in the values that must be there."""
        return tuple(
            index for index, name in enumerate(self.columns) if not self.table.columns[name].nullable
        )

    @cached_property
    def required_values(self) -> tuple[Callable[[Values], Any], ...]:
        """The functions that give each of the values that must be there."""
        return tuple(itemgetter(index) for index in self.required)


@dataclass(frozen=True, eq=False)
class Addition:
    """Rows of another record's link table that this record knows too: a person's part in a movie.

    They are added and updated; none is taken away, which is the other record's to do.

    Args:
        table: The link table.
        path: Where the part is in the record.
        columns: Columns that ``read`` gives, in its order.
        read: Gives the rows from the part and the id of the record.
        stubs: What the part names, and the function that gives the rows of it from the part.
    """

    table: Table
    path: str
    columns: tuple[str, ...]
    read: Callable[[Any, Any], Iterable[Values]]
    stubs: tuple[tuple[Stub, Callable[[Any], Iterable[Values]]], ...] = ()


@dataclass(frozen=True, eq=False)
class Children:
    """Records that belong to a record and are listed in it: the seasons of a series, the movies of a collection.

    Those that are in the database and no longer in the list are taken away, or lose the link.

    Args:
        table: Their table.
        parent: Its column with the id of the record.
        path: Where the list is in the record.
        stub: What the list says of them; the second column is ``parent``.
        read: Gives the rows of the list from it and the id of the record; the key first.
        are_parts: Whether they are taken away. Else ``parent`` becomes NULL, where a row is known from lists only.
    """

    table: Table
    parent: str
    path: str
    stub: Stub
    read: Callable[[Any, Any], Iterable[Values]]
    are_parts: bool = True


@dataclass(frozen=True, eq=False)
class Stored:
    """Declaration of a record type that is stored.

    A column of the table takes the field of its own name; what has another name or shape is ``computed``.

    Args:
        record: The record type.
        table: Its table; the table's name is also its kind in ``tmdb_failures``.
        path: Path of its call at TMDB, without the id.
        computed: Columns that are no field of the record, with the function that makes them.
        keeps: Columns that not every call for the record tells: a NULL leaves them as they are.
        stubs: What the record names, and the function that gives the rows of it from the record.
        relations: Its link tables.
        additions: Link tables of others that it adds to.
        children: Records that belong to it.
        inner: Gives whole records inside the record, which are stored like those that came alone.
    """

    record: type[Record]
    table: Table
    path: str
    computed: Mapping[str, Callable[[Any], Any]] = field(default_factory=dict)
    keeps: frozenset[str] = frozenset()
    stubs: tuple[tuple[Stub, Callable[[Any], Iterable[Values]]], ...] = ()
    relations: tuple[Relation, ...] = ()
    additions: tuple[Addition, ...] = ()
    children: tuple[Children, ...] = ()
    inner: Callable[[Any], Iterable[Record]] | None = None

    @cached_property
    def fields(self) -> tuple[str, ...]:
        """Columns that are fields of the record; the id first."""
        names = {part.name for part in dataclasses.fields(cast("Any", self.record))}
        shared = [
            column.name for column in self.table.columns if column.name in names and column.name != "id"
        ]
        return ("id", *(name for name in shared if name not in self.computed))

    @cached_property
    def inside(self) -> Stored:
        """The declaration for a record that came inside another one, and has no document of its own."""
        return dataclasses.replace(self, keeps=self.keeps | {"raw"})

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """All columns that are written, in the order of the values."""
        return (*self.fields, *self.computed, "raw", "fetched_at", "deleted_at", "etag")


@dataclass(frozen=True, eq=False)
class StoredList:
    """Declaration of a record that is but the envelope of others.

    Args:
        record: The record type.
        path: Path of the call at TMDB.
        stub: The table and columns of what is in it.
        read: Gives the rows.
    """

    record: type[Record]
    path: str
    stub: Stub
    read: Callable[[Any], Iterable[Values]]

    @property
    def table(self) -> Table:
        """The table of what is in it."""
        return self.stub.table
