"""Writing one batch: one transaction for records, what belongs to them, failures and watermarks."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from functools import cache, partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import Connection, Engine, Executable, Table, bindparam, delete, select, update

from tmdbfusion_scrapy.exceptions import printable
from tmdbfusion_scrapy.items import ClearedFailure, FailedCall, UnchangedRecord, Watermark
from tmdbfusion_scrapy.storage import marks
from tmdbfusion_scrapy.storage.backend import WRITE_LOCK, backend_of, is_record_fault, now_of, reason_of
from tmdbfusion_scrapy.storage.entities import TABLES
from tmdbfusion_scrapy.storage.entities.crawl import tmdb_failures
from tmdbfusion_scrapy.storage.failures import is_own_call
from tmdbfusion_scrapy.storage.fitting import fitted, without_documents
from tmdbfusion_scrapy.storage.rows import FAILURES, WATERMARKS, Changes, LeftOut, declaration_of
from tmdbfusion_scrapy.storage.upserts import MOST_KEYS, in_slices

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from tmdbfusion_scrapy.storage.backend import RowWriter
    from tmdbfusion_scrapy.storage.entities.declaration import Children, Stored, Stub, Values
    from tmdbfusion_scrapy.storage.rows import Call, Entry, Item

    T = TypeVar("T")


@dataclass
class BatchResult:
    """Result of a batch.

    Attributes:
        stored: Rows upserted in tables of records and of the crawl, by name of the table.
        records: Of these the records stored for their own sake, not because another names them, and the failures.
        refused: Failures of the records that the database did not take; ``tmdb_failures`` has them too.
        deleted: Records that TMDB has no more, by kind; they stay, with ``deleted_at``.
        outdated: Records that are not stored, as the database has them from later on, by kind.
        fitted: Records of which single values did not fit and are NULL: what they are, and the columns.
        spared_bytes: Of the documents that TMDB did not send again.
        left_out: What of the records could not be stored, see :attr:`Changes.left_out`.
    """

    stored: Counter[str] = field(default_factory=Counter)
    records: Counter[str] = field(default_factory=Counter)
    refused: list[FailedCall] = field(default_factory=list)
    deleted: Counter[str] = field(default_factory=Counter)
    outdated: Counter[str] = field(default_factory=Counter)
    fitted: list[str] = field(default_factory=list)
    spared_bytes: int = 0
    left_out: dict[str, LeftOut] = field(default_factory=dict)

    def add(self, part: BatchResult) -> None:
        """Add what became of a part of the batch."""
        self.stored += part.stored
        self.records += part.records
        self.refused += part.refused
        self.deleted += part.deleted
        self.outdated += part.outdated
        self.fitted += part.fitted
        self.spared_bytes += part.spared_bytes
        for name, left_out in part.left_out.items():
            self.left_out[name] = left_out.after(self.left_out.get(name))


def store_batch(engine: Engine, entries: Sequence[Entry], *, store_raw: bool = True) -> BatchResult:
    """Store items in one transaction: all of them, but those whose fault it is that they cannot be.

    What was fetched last wins, in whichever order it comes, also over what other processes store.

    Args:
        engine: Of a database that was opened with ``open_database``.
        entries: Items, and when they were fetched by this machine's clock; of two that were at the same time the
            later one wins.
        store_raw: Whether the documents are kept.

    Raises:
        SQLAlchemyError: The database failed; nothing of the batch is stored.
    """
    try:
        with engine.connect() as connection:
            ordered = _in_order(entries, backend_of(connection).clock_offset(connection))
            # Before the lock is taken: another process may write meanwhile.
            changes = Changes(ordered, store_raw=store_raw)
            with connection.begin():
                backend_of(connection).take_lock(connection, WRITE_LOCK)
                return write_changes(connection, _current(connection, changes))
    except Exception as error:
        if not is_record_fault(error):
            raise
    result = BatchResult()
    with engine.begin() as connection:
        backend = backend_of(connection)
        backend.take_lock(connection, WRITE_LOCK)
        ordered = _in_order(entries, backend.clock_offset(connection))
        for part in _store_in_parts(connection, ordered, store_raw=store_raw):
            result.add(part)
    return result


def _in_order(entries: Iterable[Entry], offset: timedelta) -> list[Entry]:
    """Return items in the order in which they were fetched, with the times of the database's clock."""
    found = []
    for item, fetched_at in entries:
        name = _TIMES.get(type(item))
        at = fetched_at if name is None else getattr(item, name)
        if offset:
            at += offset
            item = item if name is None else replace(item, **{name: at})  # type: ignore[type-var]  # noqa: PLW2901
        found.append((item, at))
    # A moment without a time zone is refused later, where the error is told to be that item's.
    found.sort(key=lambda entry: entry[1] if entry[1].tzinfo else entry[1].replace(tzinfo=timezone.utc))
    return found


_TIMES: Mapping[type, str] = {FailedCall: "tried_at", Watermark: "set_at"}
"""Fields of items that say themselves when they were."""


def _current(connection: Connection, changes: Changes) -> Changes:
    """Return changes without what the database has from later on."""
    entries = changes.entries
    if changes.records and (times := marks.later_times(connection, changes, entries[0][1])):
        return Changes(entries, store_raw=changes.store_raw, times=times)
    return changes


def _store(connection: Connection, entries: Sequence[Entry], *, store_raw: bool) -> BatchResult:
    """Store items as they are."""
    return write_changes(connection, _current(connection, Changes(entries, store_raw=store_raw)))


def _tried(connection: Connection, action: Callable[[], T]) -> T | Exception:
    """Return what an action returns, else the fault of a record, for which all that it did is undone."""
    try:
        with connection.begin_nested():
            return action()
    except Exception as error:
        if not is_record_fault(error):
            raise
        return error


def _store_in_parts(
    connection: Connection, entries: Sequence[Entry], *, store_raw: bool
) -> Iterator[BatchResult]:
    """Store items of which one cannot be stored: each half by itself."""
    middle = len(entries) // 2
    for part in (entries[:middle], entries[middle:]):
        if len(part) > 1:
            result = _tried(connection, partial(_store, connection, part, store_raw=store_raw))
            if isinstance(result, BatchResult):
                yield result
            else:
                yield from _store_in_parts(connection, part, store_raw=store_raw)
        elif part:
            yield _store_one(connection, part[0], store_raw=store_raw)


def _store_one(connection: Connection, entry: Entry, *, store_raw: bool) -> BatchResult:
    """Store one item as it is, else without the single values that do not fit, else the failure to do so."""
    item, _ = entry
    result: BatchResult | Changes | Exception
    result = _tried(connection, lambda: _current(connection, Changes([entry], store_raw=store_raw)))
    columns: list[str] = []
    if isinstance(result, Changes):
        changes = result
        result = _tried(connection, partial(write_changes, connection, changes))
        for fit in (fitted, without_documents):
            if not isinstance(result, BatchResult) and (changed := fit(changes)):
                columns += changed
                result = _tried(connection, partial(write_changes, connection, changes))
    if not isinstance(result, BatchResult):
        failure = _storage_failure(item, reason_of(result), now_of(connection))
        # As all that is written one by one: PostgreSQL's writer clears its temporary tables in a savepoint.
        with connection.begin_nested():
            result = _store(connection, [(failure, failure.tried_at)], store_raw=store_raw)
        result.refused.append(failure)
    elif columns:
        result.fitted.append(f"{_name_of(item)}: {', '.join(columns)}")
    return result


def write_changes(connection: Connection, changes: Changes) -> BatchResult:
    """Write changes in the transaction that is open."""
    rows = backend_of(connection).rows(connection)
    # Before what came in full, which wins.
    over = marks.mark_fetched(connection, changes.unchanged)
    spared = sum(
        marks.stored_bytes(connection, table.name, [key for key, _ in records])
        for table, records in changes.unchanged.items()
    )
    stored = _write_records(connection, rows, changes)
    for relation, links in changes.links.items():
        whole = {
            key: each.values() for key, each in links.items() if (relation, key) not in changes.incomplete
        }
        rows.replace(relation, whole)
        if len(whole) < len(links):
            others = ((key, *row) for key in links.keys() - whole.keys() for row in links[key].values())
            rows.upsert(relation.upsert, others)
    for (addition, is_late), added in changes.additions.items():
        upsert = addition.late_upsert if is_late else addition.upsert
        rows.upsert(upsert, (row for each in added.values() for row in each.values()))
    for children in changes.children:
        _take_away(connection, changes, children)
    over.update(changes.fetched)
    # A 404 that came before the record, and was fetched after it, is no failure now.
    found = dict(changes.failures)
    for place, row in _clear_failures(connection, over).items():
        if place not in found or found[place][_TRIED_AT] < row[_TRIED_AT]:
            found[place] = row
    _clear_calls(connection, changes.cleared)
    deleted = marks.mark_deleted(connection, found)
    late = marks.outdated(connection, changes.failures)
    failures = [row for place, row in changes.failures.items() if place not in deleted | late]
    _clear_calls(connection, {place: found[place][_TRIED_AT] for place in deleted})
    if failures:
        rows.upsert(FAILURES, failures)
        stored[tmdb_failures.name] = len(failures)
    rows.upsert(WATERMARKS, changes.watermarks.values())
    records = Counter(kind for kind, _ in changes.fetched)
    records += Counter({tmdb_failures.name: len(failures)})
    return BatchResult(
        stored=stored,
        records=records,
        deleted=Counter(kind for kind, _ in deleted),
        outdated=changes.outdated,
        spared_bytes=spared,
        left_out=changes.left_out,
    )


def _write_records(connection: Connection, rows: RowWriter, changes: Changes) -> Counter[str]:
    """Write stub rows and records; return how many rows of each table."""
    stubs: dict[Table, list[Stub]] = defaultdict(list)
    for stub in changes.stubs:
        stubs[stub.table].append(stub)
    stored: Counter[str] = Counter()
    # Tables that others refer to come first.
    for table in TABLES:
        keys: set[Any] = set()
        for stub in stubs[table]:
            named = changes.stubs[stub]
            keys.update(named)
            # In order of their keys, so that there is less to sort.
            rows.upsert(stub.upsert, [named[key] for key in sorted(named)])
        if table in changes.records:
            records = changes.records[table]
            keys.update(records)
            marks.mark_there(connection, table, records.values())
            of_declarations: dict[Stored, list[Values]] = defaultdict(list)
            for declaration, values in records.values():
                of_declarations[declaration].append(values)
            for declaration, found in of_declarations.items():
                rows.upsert(declaration.upsert, found)
        if keys:
            stored[table.name] = len(keys)
    return stored


def _take_away(connection: Connection, changes: Changes, children: Children) -> None:
    """Delete the children that their parents list no more, or take the link away."""
    owners = list(changes.children[children])
    for part in in_slices(owners, MOST_KEYS):
        found = connection.execute(_children_statement(children), {"keys": part})
        gone = [key for key, owner, at in found if not changes.is_listed(children, owner, key, at)]
        table = children.table
        for some in in_slices(gone, MOST_KEYS):
            is_gone = table.columns.id.in_(some)
            no_more = update(table).values({children.parent: None})
            connection.execute((delete(table) if children.are_parts else no_more).where(is_gone))


@cache
def _children_statement(children: Children) -> Executable:
    """Return the statement that finds the children of some records."""
    columns = children.table.columns
    owner = columns[children.parent]
    found = select(columns.id, owner, columns.fetched_at).where(owner.in_(bindparam("keys", expanding=True)))
    return found if children.are_parts else found.where(columns.fetched_at.is_(None))


def _clear_failures(connection: Connection, fetched: Mapping[Call, datetime]) -> dict[Call, Values]:
    """Delete the failures of the calls for records that came; return the 404s that are later than the record."""
    over: dict[Call, datetime] = {}
    later: dict[Call, Values] = {}
    by_kind: dict[str, list[str]] = defaultdict(list)
    for kind, key in fetched:
        by_kind[kind].append(key)
    for kind, keys in by_kind.items():
        for part in in_slices(keys, MOST_KEYS):
            for row in connection.execute(_OF_RECORDS, {"of_kind": kind, "keys": part}):
                if not is_own_call(kind, row.id, row.path):
                    continue
                if row.tried_at <= fetched[kind, row.id]:
                    over[kind, row.path] = row.tried_at
                elif row.status_code == HTTPStatus.NOT_FOUND:
                    later[kind, row.path] = tuple(row)
    _clear_calls(connection, over)
    return later


def _clear_calls(connection: Connection, calls: Mapping[Call, datetime]) -> None:
    """Delete the failures of calls that came, up to when they did."""
    if calls:
        rows = [{"of_kind": kind, "of_path": path, "of_time": at} for (kind, path), at in calls.items()]
        connection.execute(_CLEARING, rows)


_TRIED_AT = FAILURES.columns.index("tried_at")
_FAILED = tmdb_failures.columns
_OF_RECORDS = select(*(_FAILED[name] for name in FAILURES.columns)).where(
    _FAILED.kind == bindparam("of_kind"), _FAILED.id.in_(bindparam("keys", expanding=True))
)
_CLEARING = delete(tmdb_failures).where(
    _FAILED.kind == bindparam("of_kind"),
    _FAILED.path == bindparam("of_path"),
    _FAILED.tried_at <= bindparam("of_time", type_=_FAILED.tried_at.type),
)


def _name_of(item: Item) -> str:
    """Return what an item is called in a report: its kind and id."""
    if isinstance(item, ClearedFailure | FailedCall | UnchangedRecord | Watermark):
        return type(item).__name__
    key = getattr(item, "id", None)
    return declaration_of(item).table.name if key is None else f"{declaration_of(item).table.name} {key}"


def _storage_failure(item: Item, message: str, tried_at: datetime) -> FailedCall:
    """Return the failure to put on record for an item that the database does not take."""
    key = getattr(item, "id", None)
    if isinstance(item, FailedCall | ClearedFailure):
        kind, path = item.kind, item.path
    elif isinstance(item, Watermark):
        kind, path = None, f"watermark {item.name}"
    elif isinstance(item, UnchangedRecord):
        kind, path = item.kind, f"/{item.kind}/{item.id}"
    else:
        stored = declaration_of(item)
        kind, path = stored.table.name, stored.path if key is None else f"{stored.path}/{key}"
    return FailedCall(
        kind=kind,
        id=None if key is None else str(key),
        # PostgreSQL indexes no text over 2,704 bytes, and the path is part of the key.
        path=path[:500],
        error="StorageError",
        status_code=None,
        tmdb_code=None,
        message=printable(message),
        attempts=1,
        retryable=False,
        tried_at=tried_at,
    )
