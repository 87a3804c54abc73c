"""What writes rows, by the database."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tmdbfusion_scrapy.storage.postgresql_rows import PostgreSQLRows
from tmdbfusion_scrapy.storage.sqlite_rows import SQLiteRows

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection


def rows_on(connection: Connection) -> SQLiteRows | PostgreSQLRows:
    """Return what writes rows on a connection, in the transaction that is open."""
    return SQLiteRows(connection) if connection.dialect.name == "sqlite" else PostgreSQLRows(connection)
