"""Writing one batch: one transaction for records, links and failures."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timezone
from functools import cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import Table, and_, bindparam, delete
from sqlalchemy.dialects import postgresql, sqlite

from tmdbfusion_scrapy.crawling.items import FailedCall
from tmdbfusion_scrapy.storage.faults import RECORD_ERRORS, is_record_fault, reason_of
from tmdbfusion_scrapy.storage.rows import Changes, changes_of, storage_failure
from tmdbfusion_scrapy.storage.schema import metadata, tmdb_failures

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy.engine import Connection, Engine
    from sqlalchemy.sql import Executable

    from tmdbfusion_scrapy.models.record import Record
    from tmdbfusion_scrapy.storage.rows import Row

    Entry = tuple[Record | FailedCall, datetime]
    """An item and when it was fetched."""


@dataclass
class BatchResult:
    """What became of a batch.

    Attributes:
        stored: Rows upserted, by name of the table.
        records: Of these the records stored for their own sake, not for a link, and the failures.
        refused: Failures of the records that the database did not take; ``tmdb_failures`` has them too.
    """

    stored: Counter[str] = field(default_factory=Counter)
    records: Counter[str] = field(default_factory=Counter)
    refused: list[FailedCall] = field(default_factory=list)


def store_batch(engine: Engine, entries: Sequence[Entry]) -> BatchResult:
    """Store items in one transaction: all of them, but those whose fault it is that they cannot be.

    The items are in the order in which they came; the later one of two with the same id wins.

    Raises:
        SQLAlchemyError: The database failed; nothing of the batch is stored.
    """
    try:
        changes = Changes()
        for item, fetched_at in entries:
            changes.update(changes_of(item, fetched_at))
        with engine.begin() as connection:
            return _write(connection, changes)
    except RECORD_ERRORS as error:
        if not is_record_fault(error):
            raise
    return _store_each(engine, entries)


def _store_each(engine: Engine, entries: Iterable[Entry]) -> BatchResult:
    """Store items one by one, still in one transaction; one that fails is undone to its savepoint."""
    result = BatchResult()
    with engine.begin() as connection:
        for item, fetched_at in entries:
            try:
                changes = changes_of(item, fetched_at)
                with connection.begin_nested():
                    part = _write(connection, changes)
            except RECORD_ERRORS as error:
                if not is_record_fault(error):
                    raise
                failure = storage_failure(item, reason_of(error), datetime.now(timezone.utc))
                result.refused.append(failure)
                with connection.begin_nested():
                    part = _write(connection, changes_of(failure, failure.tried_at))
            result.stored += part.stored
            result.records += part.records
    return result


def _write(connection: Connection, changes: Changes) -> BatchResult:
    """Write changes."""
    # Tables that others refer to come first.
    for table in metadata.sorted_tables:
        if table in changes.rows:
            _upsert(connection, table, changes.rows[table].values())
    for link, owners in changes.links.items():
        _replace(connection, link.table, link.owner, owners)
    if changes.records:
        connection.execute(
            _clear_failure(), [{"of_kind": kind, "of_id": key} for kind, key in sorted(changes.records)]
        )
    _upsert(connection, tmdb_failures, changes.failures.values())
    failures = Counter({tmdb_failures.name: len(changes.failures)} if changes.failures else {})
    return BatchResult(
        stored=Counter({table.name: len(rows) for table, rows in changes.rows.items()}) + failures,
        records=Counter(kind for kind, _ in changes.records) + failures,
    )


def _upsert(connection: Connection, table: Table, rows: Iterable[Row]) -> None:
    """Insert rows, or update the columns they have where their key is there."""
    by_columns: dict[tuple[str, ...], list[Row]] = defaultdict(list)
    for row in rows:
        by_columns[tuple(row)].append(row)
    key = [column.name for column in table.primary_key]
    for columns, alike in by_columns.items():
        # Two crawls that lock the same rows in different orders would wait for each other.
        alike.sort(key=lambda row: tuple(row[name] for name in key))
        connection.execute(_upsert_statement(connection.dialect.name, table, columns), alike)


@cache
def _upsert_statement(dialect: str, table: Table, columns: tuple[str, ...]) -> Executable:
    """The statement for rows with these columns."""
    insert = sqlite.insert(table) if dialect == "sqlite" else postgresql.insert(table)
    key = [column.name for column in table.primary_key]
    changed = {name: insert.excluded[name] for name in columns if name not in key}
    statement = insert.values({name: bindparam(name) for name in columns})
    if not changed:
        return statement.on_conflict_do_nothing(index_elements=key)
    return statement.on_conflict_do_update(index_elements=key, set_=changed)


def _replace(connection: Connection, table: Table, owner: str, owners: dict[Any, list[Row]]) -> None:
    """Make these rows all that the link table has of these owners."""
    connection.execute(_delete_links(table, owner), [{"of_owner": key} for key in sorted(owners)])
    rows = [row for key in sorted(owners) for row in owners[key]]
    if rows:
        connection.execute(table.insert(), rows)


@cache
def _delete_links(table: Table, owner: str) -> Executable:
    """The statement that takes away the links of one owner."""
    return delete(table).where(table.columns[owner] == bindparam("of_owner"))


@cache
def _clear_failure() -> Executable:
    """The statement that takes away the failures of one record."""
    columns = tmdb_failures.columns
    return delete(tmdb_failures).where(
        and_(columns.kind == bindparam("of_kind"), columns.id == bindparam("of_id"))
    )
