"""Types, columns and tables that several kinds of records share."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeDecorator

from tmdbfusion_scrapy.models.companies import GenreList, Keyword
from tmdbfusion_scrapy.storage.entities.declaration import Stored, StoredList, Stub, Values

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sqlalchemy.engine import Dialect


metadata = MetaData()
"""All tables of this package."""


TMDB_ID = BigInteger().with_variant(Integer, "sqlite")
"""Ids of 64 bits. SQLite's integers are of 64 bits anyway, and only an INTEGER key is the row id itself."""


class UTCDateTime(TypeDecorator[datetime.datetime]):
    """A moment in UTC: aware in Python, also from SQLite, which keeps no time zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime.datetime | None, dialect: Dialect) -> Any:  # noqa: ARG002
        """Bring the moment to UTC; refuse one without a time zone, as nobody can say which it is."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value!r} has no time zone")
        return value.astimezone(datetime.timezone.utc)

    def process_result_value(
        self,
        value: datetime.datetime | None,
        dialect: Dialect,  # noqa: ARG002
    ) -> datetime.datetime | None:
        """Give the time zone back."""
        if value is None:
            return None
        if value.tzinfo is None:
            return value.replace(tzinfo=datetime.timezone.utc)
        return value.astimezone(datetime.timezone.utc)


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
        Column("fetched_at", UTCDateTime),
        Column("deleted_at", UTCDateTime),
        Column("etag", Text),
        *columns,
        *document("raw"),
    )
    # What is stored, and what is stale, is found without a look at the rows.
    index_where_known(table, "fetched_at", *(("popularity",) if "popularity" in table.columns else ()))
    index_where_known(table, "deleted_at")
    for names in indexes:
        Index(f"ix_{name}_{'_'.join(names)}", *(table.columns[column] for column in names))
    if "imdb_id" in table.columns:
        index_where_known(table, "imdb_id")
    if "adult" in table.columns:
        # Whether there are some is asked before each export is planned.
        is_adult = table.columns.adult.is_(True)
        Index(f"ix_{name}_adult", table.columns.adult, sqlite_where=is_adult, postgresql_where=is_adult)
    return table


def index_where_known(table: Table, name: str, *then_by: str) -> None:
    """Index those rows that have a value; nine in ten have none, and each would cost a place in the index."""
    columns = (table.columns[column] for column in (name, *then_by))
    is_known = table.columns[name].is_not(None)
    Index(f"ix_{table.name}_{name}", *columns, sqlite_where=is_known, postgresql_where=is_known)


def tmdb_id() -> Column[int]:
    """Return TMDB's own id as the key: the database must not count ids up itself."""
    return Column("id", TMDB_ID, primary_key=True, autoincrement=False)


def text(*names: str) -> list[Column[Any]]:
    """Return columns of text."""
    return [Column(name, Text) for name in names]


def document(*names: str) -> list[Column[Any]]:
    """Return columns of JSON. The row gives it as text, see ``database.open_database``."""
    kind = JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")
    return [Column(name, kind) for name in names]


def integer(*names: str) -> list[Column[Any]]:
    """Return columns of whole numbers of 32 bits."""
    return [Column(name, Integer) for name in names]


def long_integer(*names: str) -> list[Column[Any]]:
    """Return columns of whole numbers of 64 bits."""
    return [Column(name, BigInteger) for name in names]


def number(*names: str) -> list[Column[Any]]:
    """Return columns of floating-point numbers."""
    return [Column(name, Float) for name in names]


def flag(*names: str) -> list[Column[Any]]:
    """Return columns of true and false."""
    return [Column(name, Boolean) for name in names]


def date(*names: str) -> list[Column[Any]]:
    """Return columns of dates."""
    return [Column(name, Date) for name in names]


def moment(*names: str) -> list[Column[Any]]:
    """Return columns of moments in UTC."""
    return [Column(name, UTCDateTime) for name in names]


def reference(name: str, to: str, **options: Any) -> Column[Any]:
    """Return a column with the key of another table's row, ``to`` as ``table.column``."""
    return Column(name, ForeignKey(to), **options)


def parent(name: str, to: str, **options: Any) -> Column[Any]:
    """Return a column with the key of the row that this one belongs to, and is gone with."""
    return Column(name, ForeignKey(to, ondelete="CASCADE"), **options)


GENRE = Stub(Table("genres", metadata, tmdb_id(), *text("name")), ("id", "name"))

COUNTRY = Stub(
    Table("countries", metadata, Column("iso_3166_1", Text, primary_key=True), *text("name")),
    ("iso_3166_1", "name"),
)

LANGUAGE = Stub(
    Table("languages", metadata, Column("iso_639_1", Text, primary_key=True), *text("english_name", "name")),
    ("iso_639_1", "english_name", "name"),
)

WATCH_PROVIDER = Stub(
    Table("watch_providers", metadata, tmdb_id(), *text("name", "logo_path")), ("id", "name", "logo_path")
)

KEYWORD = Stub(record_table("keywords", *text("name"), indexes=(("name",),)), ("id", "name"))
KEYWORDS = Stored(Keyword, KEYWORD.table, "/keyword")


def _genres(genres: GenreList) -> Iterator[Values]:
    """Return the genres of a list."""
    return ((genre.id, genre.name) for genre in genres.genres)


GENRES = StoredList(GenreList, "/genre", GENRE, _genres)
