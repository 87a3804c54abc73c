"""How the mapping of a record type to tables is declared."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from itertools import count
from operator import attrgetter
from typing import Any, cast

from sqlalchemy import Table

from tmdbfusion_scrapy.models.record import Record

Values = tuple[Any, ...]
"""The values of one row, in the order of the columns that were declared."""


def fields(*names: str) -> Callable[[Iterable[Any]], Iterator[Values]]:
    """Return a reader of rows that are the fields of these names, two at least, of each element."""
    row_of: Callable[[Any], Values] = attrgetter(*names)
    return lambda elements: map(row_of, elements)


class Readable(list[Any]):
    """What could be read of a list, with the place of each element in TMDB's list.

    Args:
        elements: What could be read.
        missing: Indexes of what could not be.
    """

    def __init__(self, elements: Iterable[Any], missing: Iterable[Any]) -> None:
        super().__init__(elements)
        gaps = set(missing)
        self.places = tuple(index for index in range(len(self) + len(gaps)) if index not in gaps)


def elements_of(record: Record, name: str) -> Any:
    """Return what a field of a record has; a list of which elements could not be read as :class:`Readable`."""
    found = getattr(record, name)
    missing = record._lost.get(name)  # noqa: SLF001 - the decoder's word to those who store
    return Readable(found, missing) if missing and isinstance(found, list) else found


def in_places(elements: Iterable[Any]) -> Iterator[tuple[int | None, Any]]:
    """Return elements with their places in TMDB's list; of one that says nothing the place is ``None``."""
    places = elements.places if isinstance(elements, Readable) else count()
    for place, element in zip(places, elements):  # noqa: B905 - count() has no end
        yield None if isinstance(element, Record) and _says_nothing(element) else place, element


def _says_nothing(record: Record) -> bool:
    """Whether no field of a record has a value."""
    model: Any = type(record)
    return bool(record == _blank(model))


@cache
def _blank(model: Any) -> Any:
    """A record of which no field has a value."""
    return model()


@dataclass(frozen=True, eq=False)
class Mention:
    """Rows of records that another record only names: the genre of a movie, the people of its cast.

    A mention fills what is not known yet: a value that it lacks wipes out none.

    Args:
        table: Their table.
        columns: The columns that a mention knows; the key first.
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
        mentions: What the part names, and the function that gives the rows of it from the part.
    """

    table: Table
    path: str | tuple[str, ...]
    columns: tuple[str, ...]
    read: Callable[[Any], Iterable[Values]]
    mentions: tuple[tuple[Mention, Callable[[Any], Iterable[Values]]], ...] = ()

    @property
    def paths(self) -> tuple[str, ...]:
        """The places of the part, best first."""
        return (self.path,) if isinstance(self.path, str) else self.path

    @property
    def owner(self) -> str:
        """The column with the id of the record."""
        return next(iter(self.table.columns)).name

    @cached_property
    def key(self) -> tuple[int, ...]:
        """Where in the values those are that tell the rows of one record apart."""
        return tuple(index for index, name in enumerate(self.columns) if self.table.columns[name].primary_key)

    @cached_property
    def required(self) -> tuple[int, ...]:
        """Where in the values those are that must be there."""
        return tuple(
            index for index, name in enumerate(self.columns) if not self.table.columns[name].nullable
        )


@dataclass(frozen=True, eq=False)
class Addition:
    """Rows of another record's link table that this record knows too: a person's part in a movie.

    They are added and updated; none is taken away, which is the other record's to do.

    Args:
        table: The link table.
        path: Where the part is in the record.
        columns: Columns that ``read`` gives, in its order.
        read: Gives the rows from the part and the id of the record.
        mentions: What the part names, and the function that gives the rows of it from the part.
    """

    table: Table
    path: str
    columns: tuple[str, ...]
    read: Callable[[Any, Any], Iterable[Values]]
    mentions: tuple[tuple[Mention, Callable[[Any], Iterable[Values]]], ...] = ()


@dataclass(frozen=True, eq=False)
class Children:
    """Records that belong to a record and are listed in it: the seasons of a series, the movies of a collection.

    Those that are in the database and no longer in the list are taken away, or lose the link.

    Args:
        table: Their table.
        parent: Its column with the id of the record.
        path: Where the list is in the record.
        mention: What the list says of them; the second column is ``parent``.
        read: Gives the rows of the list from it and the id of the record; the key first.
        are_parts: Whether they are taken away. Else ``parent`` becomes NULL, where a row is known from lists only.
    """

    table: Table
    parent: str
    path: str
    mention: Mention
    read: Callable[[Any, Any], Iterable[Values]]
    are_parts: bool = True


@dataclass(frozen=True, eq=False)
class Stored:
    """How a record type is stored.

    A column of the table takes the field of its own name; what has another name or shape is ``computed``.

    Args:
        record: The record type.
        table: Its table; the table's name is also its kind in ``tmdb_failures``.
        path: Path of its call at TMDB, without the id.
        computed: Columns that are no field of the record, with the function that makes them.
        keeps: Columns that not every call for the record tells: a NULL leaves them as they are.
        mentions: What the record names, and the function that gives the rows of it from the record.
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
    mentions: tuple[tuple[Mention, Callable[[Any], Iterable[Values]]], ...] = ()
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
        """How the record is stored that came inside another one, and has no document of its own."""
        return dataclasses.replace(self, keeps=self.keeps | {"raw"})

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """All columns that are written, in the order of the values."""
        return (*self.fields, *self.computed, "raw", "fetched_at", "deleted_at", "etag")


@dataclass(frozen=True, eq=False)
class StoredList:
    """How a record that is but the envelope of others is stored.

    Args:
        record: The record type.
        path: Path of the call at TMDB.
        mention: The table and columns of what is in it.
        read: Gives the rows.
    """

    record: type[Record]
    path: str
    mention: Mention
    read: Callable[[Any], Iterable[Values]]

    @property
    def table(self) -> Table:
        """The table of what is in it."""
        return self.mention.table
