"""What of the wanted records is done: stored, found deleted, or given up.

Lists of ids that an index holds: to look for each id in its row would be to read the whole database.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import BigInteger, select
from sqlalchemy import cast as sql_cast

from tmdbfusion_scrapy.storage.tables import metadata
from tmdbfusion_scrapy.storage.tables.crawl import tmdb_failures

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import ColumnElement, Select


class Done:
    """The queries for what is done.

    Args:
        kind: Table of the records, such as ``movies``.
    """

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._records = metadata.tables[kind]

    def stored(self, since: datetime | None) -> Select[Any]:
        """Return the query for the ids of what was stored since a moment or ever."""
        columns = self._records.columns
        fetched = columns.fetched_at
        return select(columns.id).where(fetched.is_not(None) if since is None else fetched >= since)

    def deleted(self) -> Select[Any]:
        """Return the query for the ids of what TMDB has no more."""
        columns = self._records.columns
        return select(columns.id).where(columns.deleted_at.is_not(None))

    def given_up(self, since: datetime | None) -> Select[Any]:
        """Return the query for the ids of what has failed since a moment, or ever and for good, as numbers."""
        key = tmdb_failures.columns.id
        # PostgreSQL would not take another text for a number.
        is_number = key.regexp_match("^[0-9]{1,18}$")
        return self.given_up_as(sql_cast(key, BigInteger), since).where(is_number)

    def given_up_as(self, key: ColumnElement[Any], since: datetime | None) -> Select[Any]:
        """Return the same with another expression for the id, which is any text.

        A part or an image of a record that failed is not the record.
        """
        failed = tmdb_failures.columns
        return select(key).where(
            failed.kind == self._kind,
            failed.id.is_not(None),
            failed.path.like("/%"),
            failed.path.not_like("/%/%/%"),
            failed.retryable.is_(False) if since is None else failed.tried_at >= since,
        )
