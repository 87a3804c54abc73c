"""Records to rows, without a database."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from dataclasses import dataclass
from functools import cache
from operator import attrgetter, itemgetter
from typing import TYPE_CHECKING, Any

from tmdbfusion_scrapy.crawling.items import CallSucceeded, FailedCall, UnchangedRecord, Watermark
from tmdbfusion_scrapy.hidden import printable
from tmdbfusion_scrapy.storage.mapping import STORED
from tmdbfusion_scrapy.storage.mapping.declaration import Stored, StoredList, labels_on
from tmdbfusion_scrapy.storage.slices import give_way
from tmdbfusion_scrapy.storage.tables import metadata

if TYPE_CHECKING:
    import datetime
    from collections.abc import Callable, Iterable

    from sqlalchemy import Table

    from tmdbfusion_scrapy.models.record import Record
    from tmdbfusion_scrapy.storage.mapping.declaration import (
        Addition,
        Children,
        Mention,
        Relation,
        Values,
    )

    Item = Record | CallSucceeded | FailedCall | UnchangedRecord | Watermark

STORABLE = (*(stored.record for stored in STORED), CallSucceeded, FailedCall, UnchangedRecord, Watermark)
"""Every type of item that is stored."""

FAILURE_COLUMNS = tuple(part.name for part in dataclasses.fields(FailedCall))
WATERMARK_COLUMNS = tuple(part.name for part in dataclasses.fields(Watermark))

_BY_TYPE = {stored.record: stored for stored in STORED}

_LISTED_TABLES = {
    children.table for stored in STORED if isinstance(stored, Stored) for children in stored.children
}

_ADDITIONS: dict[Table, list[Addition]] = defaultdict(list)
for _stored in STORED:
    for _addition in _stored.additions if isinstance(_stored, Stored) else ():
        _ADDITIONS[_addition.table].append(_addition)


@dataclass(frozen=True)
class _Listing:
    """The ids that a record lists, and its place among the records of the batch."""

    keys: frozenset[Any]
    place: int


class Changes:
    """What items change in the database; of two with the same key the later one wins.

    Attributes:
        mentions: Rows of what is named only, by declaration and key.
        records: Rows of records, with their declaration, by table and key.
        links: All link rows of a record without its id, by declaration and that id.
        additions: Rows that are added to a link table, by declaration, the id of the record that owns them, and
            what tells its rows apart.
        children: The records that list others, by declaration and id.
        fetched: Kind and id of the records stored for their own sake; their failure is over.
        failures: Rows of ``tmdb_failures``, by kind and path.
        succeeded: Kind, path and id of single calls that came; their failure is over.
        watermarks: Rows of ``tmdb_watermarks``, by name.
        unchanged: When TMDB said of stored records that they are as they were, by table, id and ``etag``.
    """

    def __init__(self, *, store_raw: bool = True) -> None:
        self._store_raw = store_raw
        self.mentions: dict[Mention, dict[Any, Values]] = defaultdict(dict)
        self.records: dict[Table, dict[Any, tuple[Stored, Values]]] = defaultdict(dict)
        self.links: dict[Relation, dict[Any, list[Values]]] = defaultdict(dict)
        self.additions: dict[Addition, dict[Any, dict[Any, Values]]] = defaultdict(dict)
        self.children: dict[Children, dict[Any, _Listing]] = defaultdict(dict)
        self._places: dict[Table, dict[Any, int]] = {table: {} for table in _LISTED_TABLES}
        self._count = 0
        self.fetched: set[tuple[str, str]] = set()
        self.failures: dict[tuple[str, str], Values] = {}
        self._failed_paths: dict[tuple[str, str | None], set[str]] = defaultdict(set)
        self.succeeded: set[tuple[str, str, str]] = set()
        self.watermarks: dict[str, Values] = {}
        self.unchanged: dict[Table, dict[tuple[int, str], datetime.datetime]] = defaultdict(dict)

    def add(self, item: Item, fetched_at: datetime.datetime) -> None:
        """Add what an item changes; it came after those that were added before.

        Args:
            item: An instance of one of :data:`STORABLE`.
            fetched_at: When it was fetched, aware.

        Raises:
            ValueError: The record has no id.
            TypeError, AttributeError: A field is of a type that the record does not allow; only a record that
                was built by hand can have one.
        """
        if isinstance(item, FailedCall):
            row = _failure_row(item)
            kind, key, path = row[:3]
            self.failures[kind, path] = row
            self._failed_paths[kind, key].add(path)
        elif isinstance(item, CallSucceeded):
            self.succeeded.add((item.kind, item.path, item.id))
            self.failures.pop((item.kind, item.path), None)
        elif isinstance(item, Watermark):
            self.watermarks[item.name] = tuple(getattr(item, name) for name in WATERMARK_COLUMNS)
        elif isinstance(item, UnchangedRecord):
            self.unchanged[metadata.tables[item.kind]][item.id, item.etag] = fetched_at
        else:
            self._add_record(item, fetched_at, frozenset(item.drift))

    def is_listed(self, children: Children, owner: Any, key: Any) -> bool:
        """Return whether a record of the database is still one of those that another lists, or came later."""
        listing = self.children[children][owner]
        return key in listing.keys or self._places[children.table].get(key, -1) > listing.place

    def _add_record(
        self, record: Record, fetched_at: datetime.datetime, drift: frozenset[str], *, is_inside: bool = False
    ) -> None:
        """Add a record, what it names and what is in it."""
        # A series has a record for each of its episodes.
        give_way()
        stored = declaration_of(record)
        if isinstance(stored, StoredList):
            rows = list(stored.read(record))
            self._mention(stored.mention, rows)
            self._clear_failures(stored.table.name, (str(row[0]) for row in rows if row[0] is not None))
            return
        key = record.id  # type: ignore[attr-defined]
        if key is None:
            raise ValueError("the record has no id")
        for mention, read in stored.mentions:
            self._mention(mention, read(record))
        self._count += 1
        row = self._record_row(stored, record, fetched_at)
        self._set_record(stored.inside if is_inside else stored, key, row)
        for relation in stored.relations:
            self._add_links(relation, record, key, drift)
        for addition in stored.additions:
            self._add_additions(addition, record, key)
        for children in stored.children:
            part = _part(record, children.path)
            rows = list(children.read(part, key))
            self._mention(children.mention, rows)
            model: Any = type(record)
            keys = frozenset(row[0] for row in rows)
            if None not in keys and not drift & _labels(model, children.path):
                self.children[children][key] = _Listing(keys, self._count)
        if stored.inner is not None:
            for inside in stored.inner(record):
                # What of it could not be read is among the drift of the whole.
                if inside.id is not None:  # type: ignore[attr-defined]
                    self._add_record(inside, fetched_at, drift, is_inside=True)
        self._clear_failures(stored.table.name, (str(key),))

    def _set_record(self, stored: Stored, key: Any, row: Values) -> None:
        """Set the row of a record, with what it leaves as it is of the one that came before it."""
        rows = self.records[stored.table]
        if stored.keeps and key in rows:
            before, known = rows[key]
            row = tuple(
                old if new is None and name in stored.keeps else new
                for name, old, new in zip(stored.columns, known, row, strict=True)
            )
            # What the one before set to NULL is not left as it is in the database.
            stored = min(stored, before, key=lambda declaration: len(declaration.keeps))
        rows[key] = (stored, row)
        if stored.table in self._places:
            self._places[stored.table][key] = self._count

    def _record_row(self, stored: Stored, record: Record, fetched_at: datetime.datetime) -> Values:
        """The row of a record."""
        computed = (compute(record) for compute in stored.computed.values())
        raw = record.raw_text if self._store_raw else None
        # What came is not deleted, whatever it was before.
        return (*_getter(stored)(record), *computed, raw, fetched_at, None, record.etag)

    def _mention(self, mention: Mention, rows: Iterable[Values]) -> None:
        """Add what is named; a later value wins over an earlier one, and any value over none."""
        known = self.mentions[mention]
        for row in rows:
            key = row[0]
            if key is None:
                continue
            if None in row and key in known:
                known[key] = tuple(
                    old if new is None else new for old, new in zip(known[key], row, strict=True)
                )
            else:
                known[key] = row

    def _add_links(self, relation: Relation, record: Record, key: Any, drift: frozenset[str]) -> None:
        """Add the link rows of a record."""
        for path in relation.paths:
            part = _part(record, path)
            if part is not None:
                break
        else:
            return
        for mention, read in relation.mentions:
            self._mention(mention, read(part))
        # A part that could not be read says nothing of what is no longer in it.
        model: Any = type(record)
        if drift and drift & _labels(model, path):
            return
        required, key_of = _row_getters(relation)
        rows: dict[Any, Values] = {}
        for row in relation.read(part):
            if None not in required(row):
                rows.setdefault(key_of(row), row)
        self.links[relation][key] = list(rows.values())
        for addition in _ADDITIONS.get(relation.table, ()):
            self.additions[addition].pop(key, None)

    def _add_additions(self, addition: Addition, record: Record, key: Any) -> None:
        """Add rows to another record's link table; that record's id and the first column after it are its key."""
        part = _part(record, addition.path)
        if part is None:
            return
        for mention, read in addition.mentions:
            self._mention(mention, read(part))
        owners = self.additions[addition]
        for row in addition.read(part, key):
            if None not in row[:2]:
                owners.setdefault(row[0], {})[row[1]] = row

    def _clear_failures(self, kind: str, keys: Iterable[str]) -> None:
        """Note that these records came."""
        for key in keys:
            self.fetched.add((kind, key))
            for path in self._failed_paths.pop((kind, key), ()):
                self.failures.pop((kind, path), None)


def declaration_of(record: Record) -> Stored | StoredList:
    """The declaration for a record, or for the nearest base of its type."""
    return next(_BY_TYPE[base] for base in type(record).__mro__ if base in _BY_TYPE)


def storable_text(text: str) -> str:
    """Return a text that a database takes: PostgreSQL takes no NUL, and none half a surrogate pair."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode(errors="replace").decode()


def _failure_row(failure: FailedCall) -> Values:
    """The row of a failed call."""
    row = {name: getattr(failure, name) for name in FAILURE_COLUMNS}
    row["kind"] = failure.kind or ""
    # Texts of a server, and a report of a failure must not fail.
    for name in ("message", "path", "id"):
        if row[name] is not None:
            row[name] = printable(storable_text(row[name]))
    return tuple(row.values())


def _part(record: Any, path: str) -> Any:
    """A part of a record; ``None`` where it, or what it is in, is not there."""
    for name in path.split("."):
        record = getattr(record, name)
        if record is None:
            return None
    return record


@cache
def _labels(record: Any, path: str) -> frozenset[str]:
    """See :func:`labels_on`."""
    return labels_on(record, path)


@cache
def _getter(stored: Stored) -> Callable[[Any], Values]:
    """What reads the fields of a record."""
    return attrgetter(*stored.fields)


@cache
def _row_getters(relation: Relation) -> tuple[Callable[[Values], Values], Callable[[Values], Any]]:
    """What reads the required values of a row, as a tuple, and its key."""
    required = relation.required
    # itemgetter gives no tuple for one index.
    return itemgetter(*required, required[0]), itemgetter(*relation.key)
