"""Single values that no column takes: they are made to fit, and do not cost the record."""

from __future__ import annotations

import datetime
import re
from typing import TYPE_CHECKING, Any

from sqlalchemy import BigInteger, Column, Integer, Table

from tmdbfusion_scrapy.storage.entities.declaration import Document, UTCDateTime, target_of
from tmdbfusion_scrapy.storage.rows import storable_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tmdbfusion_scrapy.storage.entities.declaration import Addition, Relation, Stub, Values
    from tmdbfusion_scrapy.storage.rows import Changes

_ESCAPE = re.compile(
    # Both halves of a pair, and escapes of one character, are passed over.
    r"\\u[dD][89abAB]..\\u[dD][c-fC-F]..|\\[^u]|\\u(0000|[dD][89a-fA-F]..)",
    re.DOTALL,
)
"""An escape in a JSON text; the group has a NUL or half a surrogate pair."""

_MOST_INDEXED = 1000
"""Bytes of a text in an index; PostgreSQL takes 2,704 of all its columns together."""


def _fit(found: dict[str, None], table: Table, columns: Iterable[str], row: Values) -> Values | None:
    """Return a row that its table takes, and note what did not fit; ``None`` where that is the key."""
    values = []
    for column, value in zip((table.columns[name] for name in columns), row, strict=True):
        better = _fitting(column, value)
        if better is not value:
            found[f"{table.name}.{column.name}"] = None
            if better is None and not column.nullable:
                return None
        values.append(better)
    return tuple(values)


def _fit_all(found: dict[str, None], declared: Stub | Relation | Addition, rows: dict[Any, Values]) -> None:
    """Make rows fit in place; those whose key does not fit are left out."""
    for key, row in list(rows.items()):
        better = _fit(found, declared.table, declared.columns, row)
        if better is None:
            del rows[key]
        else:
            rows[key] = better


def fitted(changes: Changes) -> list[str]:
    """Make what does not fit fit.

    A number out of range becomes NULL, a NUL in a text U+FFFD, and a text too long for an index is cut. A
    moment without a time zone is taken for one in UTC, as TMDB's are. A row whose key does not fit is left out,
    unless it is the record's own. The columns are returned, as ``table.column``, once each.
    """
    found: dict[str, None] = {}
    for stub, named in changes.stubs.items():
        _fit_all(found, stub, named)
    own = True
    for table, records in changes.records.items():
        for key, (stored, row) in list(records.items()):
            better = _fit(found, table, stored.columns, row)
            if better is not None:
                records[key] = (stored, better)
            elif not own:
                del records[key]
                _forget(changes, table, key)
            # The first is the item itself, the others are what came inside it.
            own = False
    for relation, owners in changes.links.items():
        for owner, rows in owners.items():
            number = len(rows)
            _fit_all(found, relation, rows)
            if len(rows) < number:
                # What was left out may be what is there.
                changes.incomplete.add((relation, owner))
    for (addition, _), added in changes.additions.items():
        for rows in added.values():
            _fit_all(found, addition, rows)
    return list(found)


def without_documents(changes: Changes) -> list[str]:
    """Leave the documents out: PostgreSQL reads them, and takes neither each number nor each depth."""
    columns = []
    for table, records in changes.records.items():
        for key, (stored, row) in records.items():
            place = stored.columns.index("raw")
            if row[place] is not None:
                records[key] = (stored, (*row[:place], None, *row[place + 1 :]))
                columns.append(f"{table.name}.raw")
    return columns


def _forget(changes: Changes, table: Table, key: Any) -> None:
    """Leave out what belongs to a record that is left out."""
    changes.fetched.pop((table.name, str(key)), None)
    for relation, owners in changes.links.items():
        if target_of(relation.table.columns[relation.owner]) is table:
            owners.pop(key, None)


def _is_indexed(column: Column[Any]) -> bool:
    """Return whether a column is in the key or in an index."""
    return column.primary_key or any(column.name in index.columns for index in column.table.indexes)


def _fitting(column: Column[Any], value: Any) -> Any:
    """Return a value that the column takes: the same object where it takes it, ``None`` where there is none."""
    if isinstance(value, int) and isinstance(column.type, Integer):
        bits = 63 if isinstance(column.type, BigInteger) else 31
        return value if -(2**bits) <= value < 2**bits else None
    if isinstance(value, str):
        text = storable_text(_fitting_document(value) if isinstance(column.type, Document) else value)
        if len(text) > _MOST_INDEXED // 4 and _is_indexed(column):
            text = text.encode()[:_MOST_INDEXED].decode(errors="ignore")
        return value if text == value else text
    if isinstance(value, datetime.datetime) and isinstance(column.type, UTCDateTime):
        aware = value if value.tzinfo else value.replace(tzinfo=datetime.timezone.utc)
        try:
            aware.astimezone(datetime.timezone.utc)
        except OverflowError:
            return None
        return aware
    return value


def _fitting_document(document: str) -> str:
    """Return a JSON text with U+FFFD for what an escape may not stand for."""
    return _ESCAPE.sub(lambda escape: "\\ufffd" if escape[1] else escape[0], document)
