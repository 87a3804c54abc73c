"""Records to rows, without a database."""

from __future__ import annotations

import dataclasses
import datetime
from collections import Counter, defaultdict
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from tmdbfusion_scrapy.exceptions import printable
from tmdbfusion_scrapy.items import ClearedFailure, FailedCall, UnchangedRecord, Watermark
from tmdbfusion_scrapy.storage.entities import STORED, STUBS, metadata
from tmdbfusion_scrapy.storage.entities.crawl import tmdb_failures, tmdb_watermarks
from tmdbfusion_scrapy.storage.entities.declaration import Stored, StoredList, target_of
from tmdbfusion_scrapy.storage.entities.parts import elements_of
from tmdbfusion_scrapy.storage.failures import is_own_call
from tmdbfusion_scrapy.storage.upserts import Upsert, give_way

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sqlalchemy import Table

    from tmdbfusion_scrapy.models.record import Record
    from tmdbfusion_scrapy.storage.entities.declaration import Addition, Children, Relation, Stub, Values

    Item = Record | ClearedFailure | FailedCall | UnchangedRecord | Watermark
    Entry = tuple[Item, datetime.datetime]
    """An item and when it was fetched."""
    Call = tuple[str, str]
    """Kind and path of a call, or kind and id of a record."""
    Times = Mapping[Table, Mapping[Any, tuple[datetime.datetime | None, datetime.datetime | None]]]
    """``fetched_at`` and ``deleted_at`` of rows that are there, by table and id."""

STORABLE = (*(stored.record for stored in STORED), ClearedFailure, FailedCall, UnchangedRecord, Watermark)
"""Every type of item that is stored."""

FAILURES = Upsert(
    tmdb_failures, tuple(part.name for part in dataclasses.fields(FailedCall)), newer="tried_at"
)
WATERMARKS = Upsert(
    tmdb_watermarks, tuple(part.name for part in dataclasses.fields(Watermark)), newer="set_at"
)

_BY_TYPE = {stored.record: stored for stored in STORED}

_ADDITIONS: dict[Table, dict[tuple[str, ...], Addition]] = defaultdict(dict)
"""Additions by table and columns: one of several alike, so that the later of two rows wins whichever gave it."""
for _stored in STORED:
    for _addition in _stored.additions:
        _ADDITIONS[_addition.table].setdefault(_addition.columns, _addition)


@dataclass(frozen=True)
class LeftOut:
    """Something that could not be stored: the record that had it first, such as ``movies 550``, and how often."""

    first: str
    number: int = 1

    def after(self, known: LeftOut | None) -> LeftOut:
        """Return the same with what was met before it."""
        return self if known is None else LeftOut(known.first, known.number + self.number)


@dataclass(frozen=True)
class _Listing:
    """The ids that a record lists, its place among the records of the batch, and when it was fetched."""

    keys: frozenset[Any]
    place: int
    at: datetime.datetime


class Changes:
    """Rows that items change in the database; of two with the same key the later one wins.

    Args:
        entries: Instances of :data:`STORABLE`, and when they were fetched, in that order.
        store_raw: Whether the documents are kept.
        times: Times of the rows that are there, as far as some are later than those of the items: what was
            fetched later stays as it is, with all that belongs to it.

    Attributes:
        stubs: Rows of what is named only, by declaration and key.
        records: Rows of records, with their declaration, by table and key.
        links: Link rows of records without the id, by declaration, that id, and what tells the rows of one apart.
        incomplete: Declarations and ids of those records of which there may be more link rows.
        additions: Rows that are added to a link table: by declaration and whether the record that owns them was
            fetched later, so that the rows it has stay; the id of that record; and what tells its rows apart.
        children: The records that list others, by declaration and id.
        fetched: When records were fetched for their own sake, by kind and id; the failure of their own call is
            over.
        cleared: When the other calls came whose failure is over, by kind and path.
        failures: Rows of ``tmdb_failures``, by kind and path.
        watermarks: Rows of ``tmdb_watermarks``, by name.
        unchanged: When TMDB said of stored records that they are as they were, by table, id and ``etag``.
        outdated: Records that the database has from later on, by kind.
        left_out: What could not be stored: values of the wrong type as ``Model.field``, and rows as
            ``table.column``, with the column of the key that they lack.

    Raises:
        ValueError: A record has no id. Others where one was built by hand, with a field of a wrong type.
    """

    def __init__(
        self, entries: Sequence[Entry], *, store_raw: bool = True, times: Times | None = None
    ) -> None:
        self.entries = entries
        self.store_raw = store_raw
        self._times = times or {}
        self.stubs: dict[Stub, dict[Any, Values]] = defaultdict(dict)
        self.records: dict[Table, dict[Any, tuple[Stored, Values]]] = defaultdict(dict)
        self.links: dict[Relation, dict[Any, dict[Any, Values]]] = defaultdict(dict)
        self.incomplete: set[tuple[Relation, Any]] = set()
        self.additions: dict[tuple[Addition, bool], dict[Any, dict[Any, Values]]] = defaultdict(dict)
        self.children: dict[Children, dict[Any, _Listing]] = defaultdict(dict)
        self._places: dict[Table, dict[Any, int]] = defaultdict(dict)
        self._count = 0
        self.fetched: dict[Call, datetime.datetime] = {}
        self.cleared: dict[Call, datetime.datetime] = {}
        self.failures: dict[Call, Values] = {}
        self._failed_paths: dict[tuple[str, str | None], set[str]] = defaultdict(set)
        self.watermarks: dict[str, Values] = {}
        self.unchanged: dict[Table, dict[tuple[int, str], datetime.datetime]] = defaultdict(dict)
        self.outdated: Counter[str] = Counter()
        self.left_out: dict[str, LeftOut] = {}
        for item, fetched_at in entries:
            self._add(item, fetched_at)

    def _add(self, item: Item, fetched_at: datetime.datetime) -> None:
        """Add what an item changes, which was fetched after those that were added before."""
        if isinstance(item, FailedCall):
            row = _failure_row(item)
            kind, key, path = row[:3]
            self.failures[kind, path] = row
            self._failed_paths[kind, key].add(path)
            self.cleared.pop((kind, path), None)
        elif isinstance(item, ClearedFailure):
            call = (storable_text(item.kind or ""), storable_text(item.path))
            self.cleared[call] = fetched_at
            self.failures.pop(call, None)
        elif isinstance(item, Watermark):
            self.watermarks[item.name] = tuple(getattr(item, name) for name in WATERMARKS.columns)
        elif isinstance(item, UnchangedRecord):
            self.unchanged[metadata.tables[item.kind]][item.id, item.etag] = fetched_at
            self._drop_failures(item.kind, str(item.id))
        else:
            self._name = f"{declaration_of(item).table.name} {getattr(item, 'id', None)}"
            self._leave_out(*item._dropped)  # noqa: SLF001 - the decoder's word to those who store
            self._add_record(item, fetched_at)

    def is_listed(
        self, children: Children, owner: Any, key: Any, fetched_at: datetime.datetime | None
    ) -> bool:
        """Return whether a record of the database is still one of those that another lists, or came later."""
        listing = self.children[children][owner]
        if key in listing.keys or self._places[children.table].get(key, -1) > listing.place:
            return True
        return fetched_at is not None and fetched_at > listing.at

    def _add_record(
        self,
        record: Record,
        fetched_at: datetime.datetime,
        *,
        is_inside: bool = False,
        is_of_older: bool = False,
    ) -> None:
        """Add a record, what it names and what is in it; not what the database has from later on.

        Of what is inside a record that the database has from later on (``is_of_older``) nothing is new.
        """
        # A series has a record for each of its episodes.
        give_way()
        stored = declaration_of(record)
        if isinstance(stored, StoredList):
            rows = list(stored.read(record))
            self._stub(stored.stub, rows)
            for row in rows:
                if row[0] is not None:
                    self._note_fetched(stored, row[0], fetched_at)
            return
        key = record.id  # type: ignore[attr-defined]
        if key is None:
            if not self._add_inner(stored, record, fetched_at):
                raise ValueError("the record has no id")
            self._leave_out(f"{stored.table.name}.id")
            return
        known = self._times.get(stored.table, {}).get(key)
        known_at, deleted_at = known or (None, None)
        if (is_of_older and known is None) or (known_at is not None and known_at > fetched_at):
            if not is_inside:
                self.outdated[stored.table.name] += 1
            self._add_inner(stored, record, fetched_at, is_of_older=True)
            return
        for stub, read in stored.stubs:
            self._stub(stub, read(record))
        self._count += 1
        # What came is not deleted, unless TMDB said so after that.
        gone_at = deleted_at if deleted_at is not None and deleted_at > fetched_at else None
        computed = (compute(record) for compute in stored.computed.values())
        raw = record.raw_text if self.store_raw else None
        row = (*stored.values_of(record), *computed, raw, fetched_at, gone_at, record.etag)
        self._set_record(stored.inside if is_inside else stored, key, row)
        for relation in stored.relations:
            self._add_links(relation, record, key)
        for addition in stored.additions:
            self._add_additions(addition, record, key, fetched_at)
        for children in stored.children:
            self._add_children(children, record, key, fetched_at)
        self._add_inner(stored, record, fetched_at)
        self._note_fetched(stored, key, fetched_at)

    def _add_inner(
        self,
        stored: Stored | StoredList,
        record: Record,
        fetched_at: datetime.datetime,
        *,
        is_of_older: bool = False,
    ) -> bool:
        """Add whole records inside a record, and say whether there is one; of one without id those inside it."""
        if stored.inner is None:
            return False
        is_any = False
        for inside in stored.inner(record):
            if inside.id is not None:  # type: ignore[attr-defined]
                self._add_record(inside, fetched_at, is_inside=True, is_of_older=is_of_older)
                is_any = True
            else:
                declared = declaration_of(inside)
                self._leave_out(f"{declared.table.name}.id")
                is_any |= self._add_inner(declared, inside, fetched_at, is_of_older=is_of_older)
        return is_any

    def _add_children(
        self, children: Children, record: Record, key: Any, fetched_at: datetime.datetime
    ) -> None:
        """Add the records that a record lists."""
        rows = list(children.read(_part(record, children.path), key))
        self._stub(children.stub, rows)
        keys = frozenset(row[0] for row in rows)
        if None not in keys and not _is_incomplete(record, children.path):
            self.children[children][key] = _Listing(keys, self._count, fetched_at)
        elif (known := self.children[children].get(key)) is not None:
            # What the record before it did not list is not to be taken away with the rest.
            self.children[children][key] = _Listing(known.keys | keys, known.place, known.at)

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
        self._places[stored.table][key] = self._count

    def _stub(self, stub: Stub, rows: Iterable[Values], *, is_counted: bool = True) -> None:
        """Add what is named; a later value wins over an earlier one, and any value over none.

        Rows of links lack the same keys, and are counted there.
        """
        known = self.stubs[stub]
        others = _others(stub)
        for row in rows:
            key = row[0]
            if key is None:
                if is_counted:
                    self._leave_out(f"{stub.table.name}.{stub.columns[0]}")
                continue
            if key in known and None in row:
                known[key] = tuple(
                    old if new is None else new for old, new in zip(known[key], row, strict=True)
                )
            else:
                known[key] = row
            for other, shared in others:
                if key in self.stubs[other]:
                    before = self.stubs[other][key]
                    self.stubs[other][key] = tuple(
                        old if place is None or row[place] is None else row[place]
                        for old, place in zip(before, shared, strict=True)
                    )

    def _add_links(self, relation: Relation, record: Record, key: Any) -> None:
        """Add the link rows of a record."""
        is_incomplete = False
        for path in relation.paths:
            part = _part(record, path)
            is_incomplete |= _is_incomplete(record, path)
            if part is not None:
                break
        else:
            return
        key_of = relation.key_of
        found: list[Values] = []
        # Most lists of most records are empty.
        if part:
            for stub, read in relation.stubs:
                self._stub(stub, read(part), is_counted=False)
            found = list(relation.read(part))
        rows = dict(zip(map(key_of, found), found, strict=True))
        required = relation.required
        if len(rows) < len(found) or any(None in map(value_of, found) for value_of in required.values()):
            rows = {}
            for row in found:
                lacking = next((name for name, value_of in required.items() if value_of(row) is None), None)
                if lacking is not None:
                    self._leave_out(f"{relation.table.name}.{lacking}")
                    is_incomplete = True
                else:
                    rows.setdefault(key_of(row), row)
        links = self.links[relation]
        if not is_incomplete:
            links[key] = rows
            self.incomplete.discard((relation, key))
        elif key in links:
            links[key].update(rows)
        else:
            links[key] = rows
            self.incomplete.add((relation, key))
        for addition in _ADDITIONS[relation.table].values() if relation.table in _ADDITIONS else ():
            added = self.additions[addition, False]
            if not is_incomplete:
                added.pop(key, None)
            else:
                for place in added.get(key, {}).keys() & rows.keys():
                    del added[key][place]

    def _add_additions(
        self, addition: Addition, record: Record, key: Any, fetched_at: datetime.datetime
    ) -> None:
        """Add rows to another record's link table; that record's id and the first column after it are its key."""
        part = _part(record, addition.path)
        if part is None:
            return
        for stub, read in addition.stubs:
            self._stub(stub, read(part), is_counted=False)
        times = self._times.get(owner_table(addition.table), {})
        written = _ADDITIONS[addition.table][addition.columns]
        for row in addition.read(part, key):
            if None in row[:2]:
                self._leave_out(f"{addition.table.name}.{addition.columns[row.index(None)]}")
            else:
                known_at, _ = times.get(row[0], (None, None))
                is_late = known_at is not None and known_at > fetched_at
                self.additions[written, is_late].setdefault(row[0], {})[row[1]] = row

    def _note_fetched(self, stored: Stored | StoredList, key: Any, fetched_at: datetime.datetime) -> None:
        """Note that a record came, and with it what its own call had failed to bring."""
        kind = stored.table.name
        self.fetched[kind, str(key)] = fetched_at
        self._drop_failures(kind, str(key))

    def _drop_failures(self, kind: str, key: str) -> None:
        """Take back what failed in this batch, before the record came."""
        for path in self._failed_paths.get((kind, key), ()):
            if is_own_call(kind, key, path):
                self.failures.pop((kind, path), None)

    def _leave_out(self, *names: str) -> None:
        """Count what could not be stored."""
        for name in names:
            self.left_out[name] = LeftOut(self._name).after(self.left_out.get(name))


def declaration_of(record: Record) -> Stored | StoredList:
    """Return the declaration for a record, or for the nearest base of its type."""
    record_type: Any = type(record)
    return _declaration_of_type(record_type)


@cache
def _declaration_of_type(record_type: Any) -> Stored | StoredList:
    """Return the declaration for a type of record, or for its nearest base."""
    return next(_BY_TYPE[base] for base in record_type.__mro__ if base in _BY_TYPE)


@cache
def owner_table(table: Table) -> Table:
    """Return the table of the records that own the rows of a link table."""
    owner = target_of(table.columns[0])
    assert owner is not None  # noqa: S101 - parts are of records
    return owner


def storable_text(text: str) -> str:
    """Return a text that a database takes: PostgreSQL takes no NUL, and none half a surrogate pair."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode(errors="replace").decode()


def _failure_row(failure: FailedCall) -> Values:
    """Return the row of a failed call."""
    row = {name: getattr(failure, name) for name in FAILURES.columns}
    row["kind"] = failure.kind or ""
    # Texts of a server, and a report of a failure must not fail.
    for name in ("message", "path", "id"):
        if row[name] is not None:
            row[name] = printable(storable_text(row[name]))
    return tuple(row.values())


def _part(record: Any, path: str) -> Any:
    """Return a part of a record; ``None`` where it, or what it is in, is not there."""
    way, name = _steps(path)
    for step in way:
        record = getattr(record, step)
        if record is None:
            return None
    return elements_of(record, name)


@cache
def _steps(path: str) -> tuple[tuple[str, ...], str]:
    """Return the fields on the way to a part, and the field that is the part."""
    *way, name = path.split(".")
    return tuple(way), name


def _is_incomplete(record: Any, path: str) -> bool:
    """Return whether a part of a record could not be read as a whole, and says nothing of what is gone."""
    # Of nearly every record all could be read.
    if not record._lost:  # noqa: SLF001 - the decoder's word to those who store
        return False
    for name in path.split("."):
        if record is None:
            return True
        if name not in record._lost:  # noqa: SLF001 - the decoder's word to those who store
            return False
        record = getattr(record, name)
    return True


@cache
def _others(stub: Stub) -> tuple[tuple[Stub, tuple[int | None, ...]], ...]:
    """Return other stubs of the same table, with the places that their columns have in this one."""
    places = {name: place for place, name in enumerate(stub.columns)}
    others = (other for other in STUBS if other is not stub and other.table is stub.table)
    return tuple((other, tuple(places.get(name) for name in other.columns)) for other in others)
