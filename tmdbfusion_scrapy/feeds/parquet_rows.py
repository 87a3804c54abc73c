"""Rows of a Parquet feed: their columns by the dataclass, and the row groups in which they are written."""

from __future__ import annotations

import dataclasses
import datetime
import types
import typing
from array import array
from collections import Counter
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import accumulate, chain
from operator import attrgetter
from typing import IO, TYPE_CHECKING, Any, NamedTuple

import msgspec
import pyarrow as pa
from pyarrow import parquet

from tmdbfusion_scrapy.models.fields import field_hints
from tmdbfusion_scrapy.models.record import Record, hint_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from tmdbfusion_scrapy.feeds.parquet import ParquetOptions


TIME = pa.timestamp("us", tz="UTC")
"""Type of a column of times."""


class Column(NamedTuple):
    """Arrow's type of a column, and what builds an array from as many values: ``None`` becomes null in each.

    It raises ``TypeError`` for a value that is not of the field's type, and ``ValueError`` for a text that UTF-8
    cannot hold, or a time out of range.
    """

    type: pa.DataType
    build: Callable[[Sequence[Any]], pa.Array]


def column_of(hint: Any, label: str, nulled: Counter[str], outer: tuple[Any, ...] = ()) -> Column:
    """Return the column for the type of a field, which ``label`` names as ``Model.field``.

    Values that are too large and became null are counted in ``nulled``. A class within itself (``outer``) has no
    end, so it becomes JSON text.
    """
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        arms = [arm for arm in arguments if arm is not types.NoneType]
        return column_of(arms[0], label, nulled, outer) if len(arms) == 1 else _JSON
    if origin is typing.Literal:
        kinds = {type(value) for value in arguments if value is not None}
        return column_of(kinds.pop(), label, nulled, outer) if len(kinds) == 1 else _JSON
    if origin is list:
        return _list_column(column_of(arguments[0], label, nulled, outer), label)
    if origin is dict and arguments[0] in (str, int):
        key, value = (column_of(argument, label, nulled, outer) for argument in arguments)
        return _map_column(key, value, label)
    # Parquet has no struct without fields.
    if dataclasses.is_dataclass(origin or hint) and hint not in outer and field_hints(hint):
        return _struct_column(hint, label, nulled, outer)
    return _plain_column(hint, label, nulled) if hint in _PLAIN else _JSON


def _columns_of(
    hint: Any, names: Iterable[str], nulled: Counter[str], outer: tuple[Any, ...]
) -> dict[str, Column]:
    """Return the columns of some fields of a dataclass."""
    hints = field_hints(hint)
    model = (typing.get_origin(hint) or hint).__name__
    return {
        name: column_of(hints[name], f"{model}.{name}", nulled, (*outer, hint))
        for name in names
        if name in hints
    }


def _struct_column(hint: Any, label: str, nulled: Counter[str], outer: tuple[Any, ...]) -> Column:
    """Return the column of the fields of a dataclass side by side."""
    model = typing.get_origin(hint) or hint
    columns = _columns_of(hint, field_hints(hint), nulled, outer)
    kind = pa.struct([(name, column.type) for name, column in columns.items()])
    get = getter_of(columns)
    nothing = types.SimpleNamespace(**dict.fromkeys(columns))

    def build(values: Sequence[Any]) -> pa.Array:
        kinds = set(map(type, values))
        absent = types.NoneType in kinds
        kinds.discard(types.NoneType)
        if not kinds:
            return pa.nulls(len(values), kind)
        if kinds != {model}:
            _check(values, (model,), label)
        validity = None
        if absent:
            validity = _bits(value is not None for value in values)
            values = [nothing if value is None else value for value in values]
        parts = zip(*map(get, values), strict=True)
        arrays = [column.build(part) for column, part in zip(columns.values(), parts, strict=True)]
        return pa.Array.from_buffers(kind, len(values), [validity], children=arrays)

    return Column(kind, build)


def _list_column(inner: Column, label: str) -> Column:
    """Return the column of a list of values."""

    def build(values: Sequence[Any]) -> pa.Array:
        offsets, present = _offsets(values, list, label)
        return pa.ListArray.from_arrays(offsets, inner.build(list(chain.from_iterable(present))))

    return Column(pa.list_(inner.type), build)


def _map_column(key: Column, inner: Column, label: str) -> Column:
    """Return the column of a value for each key."""

    def build(values: Sequence[Any]) -> pa.Array:
        offsets, present = _offsets(values, dict, label)
        keys = list(chain.from_iterable(present))
        items = list(chain.from_iterable(value.values() for value in present))
        return pa.MapArray.from_arrays(offsets, key.build(keys), inner.build(items))

    return Column(pa.map_(key.type, inner.type), build)


def _plain_column(kind: type, label: str, nulled: Counter[str]) -> Column:
    """Return the column of values that Arrow has a type for; a number that is too large becomes null."""
    arrow, accepted, refused = _PLAIN[kind]
    common = frozenset((*accepted, types.NoneType))

    def build(values: Sequence[Any]) -> pa.Array:
        if not common.issuperset(map(type, values)):
            # One of a subclass, such as an enumeration of texts, is of the type.
            _check(values, accepted, label, refused)
        try:
            return array_of(values, arrow)
        except OverflowError:
            if kind not in (int, float):
                raise
            bounded = [None if value is None else _bounded(value, kind) for value in values]
            nulled[label] += bounded.count(None) - values.count(None)
            return array_of(bounded, arrow)

    return Column(arrow, build)


def _bounded(value: Any, kind: type) -> Any:
    """Return a number that the column can hold; ``None`` for one that is too large."""
    if kind is int:
        return value if -(2**63) <= value < 2**63 else None
    try:
        return float(value)
    except OverflowError:
        return None


def _json_column(values: Sequence[Any]) -> pa.Array:
    """Return values of no fixed shape as JSON text; records in it, and dates as ISO 8601."""
    return array_of(
        [None if value is None else msgspec.json.encode(value).decode() for value in values], pa.string()
    )


_JSON = Column(pa.string(), _json_column)


def _check(
    values: Iterable[Any], accepted: tuple[type, ...], label: str, refused: tuple[type, ...] = ()
) -> None:
    """Raise where a value of a field is neither ``None`` nor of its type."""
    for value in values:
        if value is not None and (not isinstance(value, accepted) or isinstance(value, refused)):
            raise TypeError(f"{label} is {value!r:.80}, not of type {accepted[0].__name__}")


def getter_of(names: Iterable[str]) -> Callable[[Any], tuple[Any, ...]]:
    """Return what gives the attributes of an object in a tuple."""
    get = attrgetter(*names)
    return get if len(tuple(names)) > 1 else lambda value: (get(value),)


def array_of(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    """Return values of the right type as an array; ``None`` becomes null.

    ``pa.array`` loads pandas where that is installed, which takes a third of a second and 40 MB.
    """
    validity = None
    present = values
    if types.NoneType in set(map(type, values)):
        validity = _bits(value is not None for value in values)
        nothing = _NOTHING[kind]
        present = [nothing if value is None else value for value in values]
    if kind == pa.string():
        text = "".join(present)
        parts = present if text.isascii() else map(str.encode, present)
        buffers = [_ends(parts), pa.py_buffer(text.encode())]
    elif kind == pa.binary():
        buffers = [_ends(present), pa.py_buffer(b"".join(present))]
    elif kind == pa.bool_():
        buffers = [_bits(present)]
    elif kind == pa.date32():
        buffers = [pa.py_buffer(array("i", [day.toordinal() - _FIRST_DAY for day in present]))]
    elif kind == TIME:
        buffers = [pa.py_buffer(array("q", map(_microseconds, present)))]
    else:
        buffers = [pa.py_buffer(array(_NUMBERS[kind], present))]
    return pa.Array.from_buffers(kind, len(values), [validity, *buffers])


def _ends(parts: Iterable[str | bytes]) -> pa.Buffer:
    """Return where parts that follow each other begin and end."""
    return pa.py_buffer(array("i", accumulate(map(len, parts), initial=0)))


def _bits(values: Iterable[Any]) -> pa.Buffer:
    """Return a bit for each value, the first one lowest."""
    digits = "".join("1" if value else "0" for value in values)[::-1]
    return pa.py_buffer(int(digits or "0", 2).to_bytes((len(digits) + 7) // 8, "little"))


def _microseconds(moment: datetime.datetime) -> int:
    """Return a time since 1970; one without a time zone is in UTC."""
    aware = moment if moment.tzinfo else moment.replace(tzinfo=datetime.timezone.utc)
    return (aware - _EPOCH) // datetime.timedelta(microseconds=1)


_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
_FIRST_DAY = _EPOCH.toordinal()
_NUMBERS = {pa.int32(): "i", pa.int64(): "q", pa.float64(): "d"}
_NOTHING: dict[pa.DataType, Any] = {
    **dict.fromkeys((pa.bool_(), *_NUMBERS), 0),
    pa.string(): "",
    pa.binary(): b"",
    pa.date32(): _EPOCH,
    TIME: _EPOCH,
}
"""Values in the places of nulls."""

_PLAIN: dict[Any, tuple[pa.DataType, tuple[type, ...], tuple[type, ...]]] = {
    bool: (pa.bool_(), (bool,), ()),
    int: (pa.int64(), (int,), (bool,)),
    float: (pa.float64(), (float, int), (bool,)),
    str: (pa.string(), (str,), ()),
    bytes: (pa.binary(), (bytes,), ()),
    datetime.date: (pa.date32(), (datetime.date,), (datetime.datetime,)),
    datetime.datetime: (TIME, (datetime.datetime,), ()),
}
"""Arrow's type, what is taken, and which of its subclasses are not."""


def _offsets(values: Sequence[Any], kind: type, label: str) -> tuple[pa.Array, Sequence[Any]]:
    """Return where the elements of each value begin, null for a value that is none, and the values that are."""
    kinds = set(map(type, values))
    if not kinds.issubset((kind, types.NoneType)):
        _check(values, (kind,), label)
    if types.NoneType not in kinds:
        return array_of(list(accumulate(map(len, values), initial=0)), pa.int32()), values
    offsets: list[int | None] = list(accumulate((len(value or ()) for value in values), initial=0))
    for number, value in enumerate(values):
        if value is None:
            offsets[number] = None
    return array_of(offsets, pa.int32()), [value for value in values if value is not None]


RAW, FETCHED_AT = "raw", "fetched_at"

ADDED = {RAW: pa.string(), FETCHED_AT: TIME}
"""Columns of a record beside its fields."""


class RowBuilder:
    """Builds batches of rows from instances of one dataclass, which may be generic.

    ``fields`` are the columns, a mapping gives them other names; without it they are all and those of ``added``.
    """

    def __init__(
        self, hint: Any, fields: Mapping[str, str] | Iterable[str] | None, added: Sequence[str] = ()
    ) -> None:
        self._nulled: Counter[str] = Counter()
        model = typing.get_origin(hint) or hint
        hints = field_hints(hint)
        can_add = [name for name in ADDED if issubclass(model, Record) and name not in hints]
        if fields is None:
            fields = [*hints, *(name for name in can_add if name in added)]
        names = dict(fields) if isinstance(fields, dict) else {name: name for name in fields}
        self._columns = _columns_of(hint, names, self._nulled, ())
        self._added = [name for name in can_add if name in names]
        types = {name: column.type for name, column in self._columns.items()}
        types |= {name: ADDED[name] for name in self._added}
        self.unknown = [name for name in names if name not in types]
        self._order = [name for name in names if name in types]
        self.schema = pa.schema([(names[name], types[name]) for name in self._order])
        self._get = getter_of(self._columns) if self._columns else None

    def batch(
        self, items: Sequence[Any], times: Sequence[datetime.datetime]
    ) -> tuple[pa.RecordBatch, Counter[str]]:
        """Return rows of one item or more, and how many values became null by the field they were in.

        Raises:
            TypeError: A value is not of its field's type; only an item that was built by hand can have one.
            ValueError: A text cannot be written in UTF-8.
        """
        self._nulled.clear()
        arrays: dict[str, pa.Array] = {}
        if self._get is not None:
            parts = zip(*map(self._get, items), strict=True)
            for (name, column), values in zip(self._columns.items(), parts, strict=True):
                arrays[name] = column.build(values)
        for name in self._added:
            added = times if name == FETCHED_AT else [item.raw_text for item in items]
            arrays[name] = array_of(added, ADDED[name])
        batch = pa.RecordBatch.from_arrays([arrays[name] for name in self._order], schema=self.schema)
        return batch, Counter(self._nulled)


def fits(item: Any, hint: Any) -> bool:
    """Return whether an item has the fields of a dataclass, and no others."""
    if hint_of(item) == hint:
        return True
    model = typing.get_origin(hint) or hint
    kind: Any = type(item)
    if not issubclass(kind, model) or getattr(kind, "__parameters__", False):
        return False
    return len(dataclasses.fields(kind)) == len(dataclasses.fields(model))


class RowGroupWriter:
    """Collects batches and writes them as row groups.

    A thread does the writing, because encoding and compressing a row group takes far longer than an event loop
    may be held. pyarrow runs it without the GIL. At most one row group is being written and one collected.
    """

    def __init__(self, file: IO[bytes], schema: pa.Schema, options: ParquetOptions) -> None:
        self._options = options
        self._writer = parquet.ParquetWriter(
            pa.PythonFile(file, mode="w"),
            schema,
            compression=options.compression,
            compression_level=options.compression_level,
        )
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="tmdb-parquet")
        self._writing: Future[None] | None = None
        self._collected: list[pa.RecordBatch] = []
        self._rows = self._bytes = 0

    def add(self, batch: pa.RecordBatch) -> None:
        """Add rows, and start to write the row group that is full, once the one before is written."""
        most = self._options.row_group_size
        while self._rows + batch.num_rows > most:
            room = most - self._rows
            self._collect(batch.slice(0, room))
            self._write_collected()
            batch = batch.slice(room)
        self._collect(batch)
        if self._bytes >= self._options.row_group_bytes or self._rows == most:
            self._write_collected()

    def close(self) -> None:
        """Write what is left, and the footer. The file stays open."""
        try:
            self._write_collected()
            self._wait()
            self._thread.submit(self._writer.close).result()
        finally:
            self._thread.shutdown()

    def abandon(self) -> None:
        """Write nothing more; the file is of no use."""
        self._collected.clear()
        self._thread.shutdown()

    def _collect(self, batch: pa.RecordBatch) -> None:
        """Add rows of which there is room in the row group."""
        if batch.num_rows:
            self._collected.append(batch)
            self._rows += batch.num_rows
            self._bytes += batch.nbytes

    def _write_collected(self) -> None:
        """Hand the row group to the thread."""
        if self._collected:
            self._wait()
            table = pa.Table.from_batches(self._collected)
            self._collected, self._rows, self._bytes = [], 0, 0
            self._writing = self._thread.submit(self._writer.write_table, table, table.num_rows)

    def _wait(self) -> None:
        """Wait for the row group that is being written."""
        if self._writing is not None:
            writing, self._writing = self._writing, None
            writing.result()
