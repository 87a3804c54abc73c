"""What a source lists, in a temporary table on the disk: a million ids do not belong into memory."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from sqlalchemy import BigInteger, Column, Float, Integer, MetaData, Table, func, insert, select

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy.engine import Connection

LISTED = Table(
    "tmdb_listed",
    MetaData(),
    # As SQLite's own row id, it needs no index.
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("popularity", Float),
    prefixes=["TEMPORARY"],
)
"""Each id once, with its popularity. It is there from :func:`fill` until it is dropped."""

_ROWS_AT_ONCE = 20_000


def fill(connection: Connection, listed: Iterable[tuple[int, float | None]]) -> int:
    """Write what is listed into :data:`LISTED`; return how many ids these are.

    Args:
        connection: In a transaction.
        listed: Ids and popularities; of two with the same id the later one counts.
    """
    LISTED.drop(connection, checkfirst=True)
    if connection.dialect.name == "sqlite":
        LISTED.create(connection)
        _insert(connection, listed)
    else:
        _copy(connection, listed)
    return connection.scalar(select(func.count()).select_from(LISTED)) or 0


def add(connection: Connection, ids: Iterable[int]) -> None:
    """Write more ids into :data:`LISTED`; in PostgreSQL one that is there may stand there twice from then on."""
    statement = insert(LISTED).prefix_with("OR IGNORE", dialect="sqlite")
    rest = iter(ids)
    while part := list(islice(rest, _ROWS_AT_ONCE)):
        connection.execute(statement, [{"id": key} for key in part])


def _insert(connection: Connection, listed: Iterable[tuple[int, float | None]]) -> None:
    """Write into SQLite."""
    statement = f"INSERT OR REPLACE INTO {LISTED.name} (id, popularity) VALUES (?, ?)"  # noqa: S608
    entries = iter(listed)
    while part := list(islice(entries, _ROWS_AT_ONCE)):
        connection.exec_driver_sql(statement, part)


def _copy(connection: Connection, listed: Iterable[tuple[int, float | None]]) -> None:
    """Write into PostgreSQL."""
    # COPY does not take an id twice, so that is left to a query.
    connection.exec_driver_sql(
        "CREATE TEMPORARY TABLE tmdb_listed_rows (place BIGSERIAL, id BIGINT, popularity FLOAT)"
    )
    # SQLAlchemy knows no COPY.
    driver: Any = connection.connection
    with driver.cursor() as cursor, cursor.copy("COPY tmdb_listed_rows (id, popularity) FROM STDIN") as copy:
        for row in listed:
            copy.write_row(row)
    connection.exec_driver_sql(
        f"CREATE TEMPORARY TABLE {LISTED.name} AS "  # noqa: S608
        "SELECT DISTINCT ON (id) id, popularity FROM tmdb_listed_rows ORDER BY id, place DESC"
    )
    connection.exec_driver_sql("DROP TABLE tmdb_listed_rows")
    # Without knowing how many there are, PostgreSQL would look for each one in all others.
    connection.exec_driver_sql(f"ANALYZE {LISTED.name}")
