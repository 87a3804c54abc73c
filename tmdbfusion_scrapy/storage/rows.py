"""Records to rows, without a database."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy import Table

from tmdbfusion_scrapy.crawling.items import FailedCall
from tmdbfusion_scrapy.storage.mapping import STORED, Link, Stored, StoredList

if TYPE_CHECKING:
    import datetime
    from collections.abc import Iterable

    from tmdbfusion_scrapy.models.record import Record

Row = dict[str, Any]

STORABLE = (*(stored.record for stored in STORED), FailedCall)
"""Every type of item that is stored."""

_BY_TYPE = {stored.record: stored for stored in STORED}


@dataclass
class Changes:
    """What one item, or a batch of them, changes in the database.

    Attributes:
        rows: Rows to upsert, by table and id.
        links: All links of a record, by link and id of the record: those that are not here are to go.
        records: Kind and id of the records stored for their own sake, not for a link; their failure is over.
        failures: Rows of ``tmdb_failures`` to upsert, by kind and path.
    """

    rows: dict[Table, dict[Any, Row]] = field(default_factory=lambda: defaultdict(dict))
    links: dict[Link, dict[Any, list[Row]]] = field(default_factory=lambda: defaultdict(dict))
    records: set[tuple[str, str]] = field(default_factory=set)
    failures: dict[tuple[str, str], Row] = field(default_factory=dict)

    def update(self, newer: Changes) -> None:
        """Add changes that came later: they win."""
        for table, rows in newer.rows.items():
            mine = self.rows[table]
            for key, row in rows.items():
                mine[key] = mine[key] | row if key in mine else row
        for link, owners in newer.links.items():
            self.links[link].update(owners)
        if newer.records:
            self.records |= newer.records
            over = [key for key, row in self.failures.items() if (row["kind"], row["id"]) in newer.records]
            for key in over:
                del self.failures[key]
        self.failures.update(newer.failures)


def changes_of(item: Record | FailedCall, fetched_at: datetime.datetime) -> Changes:
    """Return what an item changes.

    Args:
        item: An instance of one of :data:`STORABLE`.
        fetched_at: When it was fetched, aware.

    Raises:
        ValueError: The record has no id.
        TypeError, AttributeError: A field is of a type that the record does not allow; only a record that was
            built by hand can have one.
    """
    changes = Changes()
    if isinstance(item, FailedCall):
        row = _failure_row(item)
        changes.failures[row["kind"], row["path"]] = row
        return changes
    stored = _stored(item)
    if isinstance(stored, StoredList):
        for element in getattr(item, stored.field):
            key = _add_row(changes, stored.table, stored.columns, element)
            if key is not None:
                changes.records.add((stored.table.name, str(key)))
        return changes
    key = getattr(item, "id", None)
    if key is None:
        raise ValueError("the record has no id")
    changes.rows[stored.table][key] = _record_row(stored, item, fetched_at)
    for link in stored.links:
        # A list that could not be read says nothing of what is no longer in it.
        if f"{type(item).__name__}.{link.field}" in getattr(item, "drift", ()):
            continue
        changes.links[link][key] = list(_link_rows(changes, link, key, getattr(item, link.field)))
    changes.records.add((stored.table.name, str(key)))
    return changes


def storage_failure(item: Record | FailedCall, message: str, tried_at: datetime.datetime) -> FailedCall:
    """Return the failure to put on record for an item that the database does not take."""
    if isinstance(item, FailedCall):
        kind, key, path = item.kind, item.id, item.path
    else:
        stored = _stored(item)
        number = getattr(item, "id", None)
        kind, key = stored.table.name, None if number is None else str(number)
        path = stored.path if key is None else f"{stored.path}/{key}"
    return FailedCall(
        kind=kind,
        id=key,
        # PostgreSQL indexes no text over 2,704 bytes, and the path is part of the key.
        path=path[:500],
        error="StorageError",
        status_code=None,
        tmdb_code=None,
        message=message,
        attempts=1,
        retryable=False,
        tried_at=tried_at,
    )


def _stored(record: Record) -> Stored | StoredList:
    """The declaration for a record, or for the nearest base of its type."""
    return next(_BY_TYPE[base] for base in type(record).__mro__ if base in _BY_TYPE)


def _record_row(stored: Stored, record: Record, fetched_at: datetime.datetime) -> Row:
    """The row of a record."""
    row = {name: getattr(record, name) for name in stored.columns}
    for name, compute in stored.computed.items():
        row[name] = compute(record)
    # The decoder does not look into strings of fields it does not know, so a byte may be off there: it must
    # not cost the record.
    row["raw"] = record.raw.decode(errors="replace") if record.raw else None
    row["fetched_at"] = fetched_at
    return row


def _add_row(changes: Changes, table: Table, columns: tuple[str, ...], element: Any) -> Any:
    """Store an element of a list in its own table, with the fields it has; return its id."""
    # An element that names only its id must not wipe out what is known of it.
    row = {name: value for name in columns if (value := getattr(element, name)) is not None}
    key = row.get("id")
    if key is not None:
        changes.rows[table][key] = row
    return key


def _link_rows(changes: Changes, link: Link, owner: Any, elements: Iterable[Any]) -> Iterable[Row]:
    """The link rows of a record; each element goes to its own table as well."""
    seen = set()
    for position, element in enumerate(elements):
        target = _add_row(changes, link.target, link.target_columns, element)
        if target is None:
            continue
        row = {name: getattr(element, name) for name in link.columns}
        row[link.owner] = owner
        row[link.target_column] = target
        if "position" in link.table.columns:
            row["position"] = position
        key = tuple(row[name] for name in link.key)
        if key not in seen:
            seen.add(key)
            yield row


def _failure_row(failure: FailedCall) -> Row:
    """The row of a failed call."""
    row = {name: getattr(failure, name) for name in (part.name for part in dataclasses.fields(failure))}
    row["kind"] = failure.kind or ""
    # Texts of a server; PostgreSQL takes no NUL and no database a lone surrogate, and a report of a failure
    # must not fail.
    for name in ("message", "path"):
        row[name] = row[name].replace("\0", "\N{REPLACEMENT CHARACTER}").encode(errors="replace").decode()
    return row
