"""Single values that no column takes: they are made to fit, and do not cost the record."""

from __future__ import annotations

import datetime
import re
from functools import cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import JSON, BigInteger, Integer

from tmdbfusion_scrapy.storage.entities.columns import UTCDateTime
from tmdbfusion_scrapy.storage.rows import storable_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import Column, Table

    from tmdbfusion_scrapy.storage.entities.declaration import Values
    from tmdbfusion_scrapy.storage.rows import Changes

_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|.)", re.DOTALL)
"""An escape in a JSON text; the digits of one by number."""

_MOST_INDEXED = 1000
"""Bytes of a text in an index; PostgreSQL takes 2,704 of all its columns together."""


class _Fitting:
    """Makes values fit, and notes the columns of those that did not."""

    def __init__(self) -> None:
        self.columns: dict[str, None] = {}

    def row(self, table: Table, columns: Iterable[str], row: Values) -> Values | None:
        """A row that its table takes; ``None`` where the key is what does not fit."""
        values = []
        for column, value in zip(_columns(table, tuple(columns)), row, strict=True):
            better = _fitting(column, value)
            if better is not value:
                self.columns[f"{table.name}.{column.name}"] = None
                if better is None and not column.nullable:
                    return None
            values.append(better)
        return tuple(values)

    def rows(self, table: Table, columns: tuple[str, ...], rows: dict[Any, Values]) -> None:
        """Make rows fit in place; those whose key does not fit are left out."""
        for key, row in list(rows.items()):
            better = self.row(table, columns, row)
            if better is None:
                del rows[key]
            else:
                rows[key] = better


def fitted(changes: Changes) -> list[str]:
    """Make what does not fit fit.

    A number out of range becomes NULL, a NUL in a text U+FFFD, and a text too long for an index is cut. A
    moment without a time zone is taken for one in UTC, as TMDB's are. A row whose key does not fit is left out,
    unless it is the record's own.

    Args:
        changes: What one item changes; it is changed in place.

    Returns:
        The columns, as ``table.column``, once each; empty where everything fits.
    """
    fitting = _Fitting()
    for stub, named in changes.stubs.items():
        fitting.rows(stub.table, stub.columns, named)
    own = True
    for table, records in changes.records.items():
        for key, (stored, row) in list(records.items()):
            better = fitting.row(table, stored.columns, row)
            if better is not None:
                records[key] = (stored, better)
            elif not own:
                del records[key]
                _forget(changes, table, key)
            # The first is the item itself, the others are what came inside it.
            own = False
    for relation, owners in changes.links.items():
        for owner, rows in list(owners.items()):
            found = [fitting.row(relation.table, relation.columns, row) for row in rows]
            fit = [row for row in found if row is not None]
            if len(fit) == len(rows):
                owners[owner] = fit
            else:
                # What was left out may be what is there.
                del owners[owner]
                changes.merged[relation][owner] = dict(enumerate(fit))
    for relation, merged in changes.merged.items():
        for parts in merged.values():
            fitting.rows(relation.table, relation.columns, parts)
    for additions in (changes.additions, changes.late_additions):
        for addition, added in additions.items():
            for parts in added.values():
                fitting.rows(addition.table, addition.columns, parts)
    return list(fitting.columns)


def without_documents(changes: Changes) -> list[str]:
    """Leave the documents out: PostgreSQL reads them, and takes neither each number nor each depth.

    Args:
        changes: What one item changes; it is changed in place.

    Returns:
        The columns, as ``table.column``.
    """
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
    for declared in (changes.links, changes.merged):
        for relation, owners in declared.items():
            (owner,) = relation.table.columns[relation.owner].foreign_keys
            if owner.column.table is table:
                owners.pop(key, None)


@cache
def _columns(table: Table, names: tuple[str, ...]) -> tuple[Column[Any], ...]:
    """The columns of some names."""
    return tuple(table.columns[name] for name in names)


@cache
def _is_indexed(column: Column[Any]) -> bool:
    """Return whether a column is in the key or in an index."""
    return column.primary_key or any(column.name in index.columns for index in column.table.indexes)


def _fitting(column: Column[Any], value: Any) -> Any:
    """A value that the column takes; the same object where it takes it as it is, ``None`` where there is none."""
    if isinstance(value, int) and isinstance(column.type, Integer):
        bits = 63 if isinstance(column.type, BigInteger) else 31
        return value if -(2**bits) <= value < 2**bits else None
    if isinstance(value, str):
        text = storable_text(_fitting_document(value) if isinstance(column.type, JSON) else value)
        if len(text) > _MOST_INDEXED // 4 and _is_indexed(column):
            text = text.encode()[:_MOST_INDEXED].decode(errors="ignore")
        return value if text == value else text
    if isinstance(value, datetime.datetime) and isinstance(column.type, UTCDateTime):
        try:
            better = (value if value.tzinfo else value.replace(tzinfo=datetime.timezone.utc)).astimezone(
                datetime.timezone.utc
            )
        except OverflowError:
            return None
        return value if value.tzinfo else better
    return value


def _fitting_document(document: str) -> str:
    """A JSON text with U+FFFD for what an escape may not stand for."""
    pieces = []
    end = 0
    escapes = list(_ESCAPE.finditer(document))
    for place, escape in enumerate(escapes):
        code = int(escape[1], 16) if escape[1] else None
        if code is None or not _is_broken(code, place, escapes):
            continue
        pieces += [document[end : escape.start()], "\\ufffd"]
        end = escape.end()
    return "".join((*pieces, document[end:])) if pieces else document


def _is_broken(code: int, place: int, escapes: list[re.Match[str]]) -> bool:
    """Return whether an escape is a NUL or half a surrogate pair."""
    if code == 0:
        return True
    if 0xD800 <= code < 0xDC00:
        return not _is_beside(escapes, place, place + 1, range(0xDC00, 0xE000))
    if 0xDC00 <= code < 0xE000:
        return not _is_beside(escapes, place, place - 1, range(0xD800, 0xDC00))
    return False


def _is_beside(escapes: list[re.Match[str]], place: int, other: int, codes: range) -> bool:
    """Return whether another escape is directly before or after one, and of these codes."""
    if not 0 <= other < len(escapes) or escapes[other][1] is None:
        return False
    first, second = sorted((escapes[place], escapes[other]), key=lambda escape: escape.start())
    return first.end() == second.start() and int(escapes[other][1], 16) in codes
