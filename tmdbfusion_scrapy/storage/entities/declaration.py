"""Declarations: the types and columns of the tables, and the rows that a record becomes."""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from operator import attrgetter, itemgetter
from typing import Any, ClassVar

import sqlalchemy as sa
from sqlalchemy import Column, Dialect, ForeignKey, Index, Table, Text

from tmdbfusion_scrapy.models.record import Record
from tmdbfusion_scrapy.storage.upserts import Upsert

Values = tuple[Any, ...]
"""The values of one row, in the order of the columns that were declared."""

Read = Callable[[Any], Iterable[Values]]
"""Function that gives the rows of a record or of a part of it."""

metadata = sa.MetaData()
"""All tables of this package."""


class UTCDateTime(sa.TypeDecorator[datetime.datetime]):
    """A moment in UTC: aware in Python, also from SQLite, which keeps no time zone."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime.datetime | None, dialect: Dialect) -> Any:  # noqa: ARG002
        """Bring the moment to UTC; refuse one without a time zone, as nobody can say which it is."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value!r} has no time zone")
        return value.astimezone(datetime.timezone.utc)

    def process_result_value(self, value: datetime.datetime | None, dialect: Dialect) -> Any:  # noqa: ARG002
        """Give the time zone back."""
        if value is not None and value.tzinfo is None:
            return value.replace(tzinfo=datetime.timezone.utc)
        return value and value.astimezone(datetime.timezone.utc)


class Document(sa.TypeDecorator[str]):
    """JSON, which PostgreSQL keeps as ``jsonb``; the row gives it as text, see ``database.open_database``."""

    impl = sa.JSON(none_as_null=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> sa.types.TypeEngine[Any]:
        """Return the type that a database has for it."""
        if dialect.name != "postgresql":
            return super().load_dialect_impl(dialect)
        # Loaded where it is used: the dialect takes as long as all tables together.
        from sqlalchemy.dialects.postgresql import JSONB

        return dialect.type_descriptor(JSONB(none_as_null=True))

    def coerce_compared_value(self, op: Any, value: Any) -> Any:
        """Return the type of what it is compared with: a text that a document is searched for is no document."""
        return self.impl_instance.coerce_compared_value(op, value)


def _of_type(kind: Any) -> Callable[..., list[Column[Any]]]:
    """Return the function that gives columns of a type, by their names."""
    return lambda *names: [Column(name, kind) for name in names]


text = _of_type(Text)
integer = _of_type(sa.Integer)
long_integer = _of_type(sa.BigInteger)
number = _of_type(sa.Float)
flag = _of_type(sa.Boolean)
date = _of_type(sa.Date)
moment = _of_type(UTCDateTime)
document = _of_type(Document)


def tmdb_id() -> Column[int]:
    """Return TMDB's own id as the key: the database must not count ids up itself."""
    # SQLite's integers are of 64 bits anyway, and only an INTEGER key is the row id itself.
    kind = sa.BigInteger().with_variant(sa.Integer, "sqlite")
    return Column("id", kind, primary_key=True, autoincrement=False)


def text_key(*names: str) -> list[Column[Any]]:
    """Return parts of the key that are text."""
    return [Column(name, Text, primary_key=True) for name in names]


def position_key() -> Column[Any]:
    """Return the place in TMDB's list as a part of the key."""
    return Column("position", sa.Integer, primary_key=True, nullable=False, autoincrement=False)


def parent(name: str, to: str, **options: Any) -> Column[Any]:
    """Return a column with the key of the row that this one belongs to, and is gone with."""
    return Column(name, ForeignKey(to, ondelete="CASCADE"), **options)


def record_table(name: str, *columns: Column[Any], indexes: Iterable[tuple[str, ...]] = ()) -> Table:
    """Return a table of records: TMDB's id, what the crawl knows of it, the columns, and the document.

    ``fetched_at`` is NULL in a row that is known only because another record names it. ``deleted_at`` is when TMDB
    first said that it has no such record any more. ``etag`` tells the call that the row is of, and its ETag.

    Args:
        name: Its name.
        columns: The columns, named as the record's fields.
        indexes: Columns that people look records up by.
    """
    table = Table(
        name,
        metadata,
        tmdb_id(),
        # SQLite reads a row from its beginning: what every resume asks for must not be behind the document.
        *moment("fetched_at", "deleted_at"),
        *text("etag"),
        *columns,
        *document("raw"),
    )
    there = table.columns
    # Nine rows in ten have no value, and each would cost a place in the index. What is stored and what is stale is
    # found without a look at the rows; whether there are some for adults is asked before an export is planned.
    for first, *then_by in (("fetched_at", "popularity"), ("deleted_at",), ("imdb_id",), ("adult",)):
        if first in there:
            places = [there[column] for column in (first, *then_by) if column in there]
            has_value = there[first].is_(True) if first == "adult" else there[first].is_not(None)
            # PostgreSQL's backend takes it over: naming that dialect here would load it for every command.
            Index(f"ix_{name}_{first}", *places, sqlite_where=has_value)
    for names in indexes:
        Index(f"ix_{name}_{'_'.join(names)}", *(there[column] for column in names))
    return table


def target_of(column: Column[Any]) -> Table | None:
    """Return the table that a column refers to; ``None`` for one that refers to none."""
    return next((key.column.table for key in column.foreign_keys), None)


def is_part(column: Column[Any]) -> bool:
    """Return whether a row is a part of the one that a column refers to, and gone with it."""
    return any(key.ondelete == "CASCADE" for key in column.foreign_keys)


def fields(*names: str) -> Callable[[Iterable[Any]], Iterator[Values]]:
    """Return a reader of rows that are the fields of these names, two at least, of each element."""
    return partial(map, attrgetter(*names))


def shared(table: Table, record: Any) -> tuple[str, ...]:
    """Return the columns of a table that are fields of a record, the id first."""
    names = {part.name for part in dataclasses.fields(record)}
    return tuple(column.name for column in table.columns if column.name in names)


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

    @cached_property
    def upsert(self) -> Upsert:
        """The upsert of its rows."""
        keeps = frozenset(self.columns[1:])
        return Upsert(self.table, self.columns, keeps, yields=True, fills=self.fills)


Stubs = tuple[tuple[Stub, Read], ...]
"""What a record or a part names, and the function that gives the rows of it."""


@dataclass(frozen=True, eq=False)
class Relation:
    """A part of a record that becomes rows of a link table.

    The rows of a record are replaced as a whole, so that what vanished at TMDB vanishes here. A part that is
    ``None`` was not asked for, or TMDB left it out: its rows stay. Of a part that could not be read as a whole the
    rows that it gives are written, and none is taken away.

    Args:
        table: The link table; its first column is the id of the record.
        paths: Where the part is in the record: ``genres``, ``credits.cast``. Of several the first that is there.
        columns: Columns that ``read`` gives, in its order; the id of the record comes before them.
        read: Gives the rows of the part.
        stubs: What the part names.
    """

    table: Table
    paths: tuple[str, ...]
    columns: tuple[str, ...]
    read: Read
    stubs: Stubs = ()

    @property
    def owner(self) -> str:
        """The column with the id of the record."""
        return self.table.columns[0].name

    @cached_property
    def upsert(self) -> Upsert:
        """The upsert of its rows, with the id of the record."""
        return Upsert(self.table, (self.owner, *self.columns), differs=True)

    @cached_property
    def key(self) -> tuple[int, ...]:
        """Places in the values that tell the rows of one record apart."""
        return tuple(index for index, name in enumerate(self.columns) if self.table.columns[name].primary_key)

    @cached_property
    def key_of(self) -> Callable[[Values], Any]:
        """The function that gives the key of a row among those of one record."""
        return itemgetter(*self.key)

    @cached_property
    def required(self) -> dict[str, Callable[[Values], Any]]:
        """The columns that must have a value, and the functions that give it."""
        columns = self.table.columns
        return {name: itemgetter(i) for i, name in enumerate(self.columns) if not columns[name].nullable}


@dataclass(frozen=True, eq=False)
class Addition:
    """Rows of another record's link table that this record knows too: a person's part in a movie.

    They are added and updated; none is taken away, which is the other record's to do.

    Args:
        table: The link table.
        path: Where the part is in the record.
        columns: Columns that ``read`` gives, in its order.
        read: Gives the rows from the part and the id of the record.
        stubs: What the part names.
    """

    table: Table
    path: str
    columns: tuple[str, ...]
    read: Callable[[Any, Any], Iterable[Values]]
    stubs: Stubs = ()

    @cached_property
    def upsert(self) -> Upsert:
        """The upsert of its rows."""
        return Upsert(self.table, self.columns, frozenset(self.columns[2:]))

    @cached_property
    def late_upsert(self) -> Upsert:
        """The upsert of rows of a record that was fetched later: those that are there stay as they are."""
        return dataclasses.replace(self.upsert, only_new=True)


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
        stubs: What the record names.
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
    stubs: Stubs = ()
    relations: tuple[Relation, ...] = ()
    additions: tuple[Addition, ...] = ()
    children: tuple[Children, ...] = ()
    inner: Callable[[Any], Iterable[Record]] | None = None

    @cached_property
    def fields(self) -> tuple[str, ...]:
        """Columns that are fields of the record; the id first."""
        return tuple(name for name in shared(self.table, self.record) if name not in self.computed)

    @cached_property
    def inside(self) -> Stored:
        """The declaration for a record that came inside another one, and has no document of its own."""
        return dataclasses.replace(self, keeps=self.keeps | {"raw"})

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """All columns that are written, in the order of the values."""
        return (*self.fields, *self.computed, "raw", "fetched_at", "deleted_at", "etag")

    @cached_property
    def values_of(self) -> Callable[[Any], Values]:
        """The function that reads the fields of a record."""
        return attrgetter(*self.fields)

    @cached_property
    def upsert(self) -> Upsert:
        """The upsert of its rows."""
        return Upsert(self.table, self.columns, self.keeps)


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
    read: Read
    relations: ClassVar[tuple[Relation, ...]] = ()
    additions: ClassVar[tuple[Addition, ...]] = ()
    children: ClassVar[tuple[Children, ...]] = ()
    inner: ClassVar[None] = None

    @property
    def stubs(self) -> Stubs:
        """Stub rows of all that is in it."""
        return ((self.stub, self.read),)

    @property
    def table(self) -> Table:
        """The table of what is in it."""
        return self.stub.table
