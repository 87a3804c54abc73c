"""The tables.

Column names are TMDB's field names. Every field may be null or missing at TMDB, so every column may be NULL
but the keys.
"""

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

if TYPE_CHECKING:
    from sqlalchemy.engine import Dialect


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


def _document() -> Column[Any]:
    """A column for the JSON a record came as; the row gives it as text, see ``database.open_engine``."""
    return Column("raw", JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql"))


def _tmdb_id() -> Column[int]:
    """TMDB's own id as the key: the database must not count ids up itself."""
    return Column("id", Integer, primary_key=True, autoincrement=False)


metadata = MetaData()
"""All tables of this package."""

genres = Table(
    "genres",
    metadata,
    _tmdb_id(),
    Column("name", Text),
)

movies = Table(
    "movies",
    metadata,
    _tmdb_id(),
    Column("title", Text),
    Column("original_title", Text),
    Column("original_language", Text),
    Column("release_date", Date),
    Column("status", Text),
    Column("runtime", Integer),
    # Grosses passed the 2,147,483,647 of a 32-bit integer long ago.
    Column("budget", BigInteger),
    Column("revenue", BigInteger),
    Column("popularity", Float),
    Column("vote_average", Float),
    Column("vote_count", Integer),
    Column("adult", Boolean),
    Column("video", Boolean),
    Column("softcore", Boolean),
    Column("belongs_to_collection_id", Integer),
    Column("imdb_id", Text),
    Column("homepage", Text),
    Column("tagline", Text),
    Column("overview", Text),
    Column("poster_path", Text),
    Column("backdrop_path", Text),
    _document(),
    Column("fetched_at", UTCDateTime, nullable=False),
)

movie_genres = Table(
    "movie_genres",
    metadata,
    Column("movie_id", ForeignKey("movies.id", ondelete="CASCADE"), primary_key=True),
    Column("genre_id", ForeignKey("genres.id"), primary_key=True, index=True),
    Column("position", Integer, nullable=False),
)

tmdb_failures = Table(
    "tmdb_failures",
    metadata,
    # NULL in a key would make every row another one: kind is '' for calls outside the catalogue.
    Column("kind", Text, primary_key=True),
    Column("path", Text, primary_key=True),
    # Text, so that an id that fits no number is on record too.
    Column("id", Text),
    Column("error", Text, nullable=False),
    Column("status_code", Integer),
    Column("tmdb_code", Integer),
    Column("message", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("retryable", Boolean, nullable=False),
    Column("tried_at", UTCDateTime, nullable=False),
    # Every stored record looks for its failure by this.
    Index("ix_tmdb_failures_kind_id", "kind", "id"),
)
