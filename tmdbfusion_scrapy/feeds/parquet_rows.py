"""Rows of a Parquet feed: their columns by the dataclass, and the row groups in which they are written."""

from __future__ import annotations

import dataclasses
import datetime
import types
import typing
from abc import ABC, abstractmethod
from array import array
from collections import Counter
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import accumulate, chain
from operator import attrgetter
from typing import IO, TYPE_CHECKING, Any

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

_LEAST, _MOST = -(2**63), 2**63 - 1
"""Bounds of a column of whole numbers."""


class Column(ABC):
    """Builds one Arrow array from the values of a field.

    Attributes:
        type: Arrow's type of the column; a null is allowed in each.
    """

    type: pa.DataType

    @abstractmethod
    def build(self, values: Sequence[Any]) -> pa.Array:
        """Return the values as an array, in the same order; ``None`` becomes null.

        Raises:
            TypeError: A value is not of the field's type.
            ValueError: A text is none that UTF-8 can hold, or a time out of range.
        """


def column_of(hint: Any, label: str, nulled: Counter[str], outer: tuple[Any, ...] = ()) -> Column:
    """Return the column for the type of a field.

    Args:
        hint: The type, with ``None`` or without.
        label: The field as ``Model.field``.
        nulled: Counts by label the values that are too large for their column and became null.
        outer: The classes that the field is in. One of them within itself has no end, so it becomes JSON text.
    """
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        arms = [arm for arm in arguments if arm is not types.NoneType]
        return column_of(arms[0], label, nulled, outer) if len(arms) == 1 else JSONColumn()
    if origin is typing.Literal:
        kinds = {type(value) for value in arguments if value is not None}
        return column_of(kinds.pop(), label, nulled, outer) if len(kinds) == 1 else JSONColumn()
    if origin is list:
        return ListColumn(column_of(arguments[0], label, nulled, outer), label)
    if origin is dict and arguments[0] in (str, int):
        key, value = (column_of(argument, label, nulled, outer) for argument in arguments)
        return MapColumn(key, value, label)
    model = origin or hint
    # Parquet has no struct without fields.
    if dataclasses.is_dataclass(model) and hint not in outer and field_hints(hint):
        return StructColumn(hint, label, nulled, outer)
    if hint in (int, float):
        return NumberColumn(hint, label, nulled)
    return PlainColumn(hint, label) if hint in _PLAIN else JSONColumn()


class StructColumn(Column):
    """The fields of a dataclass side by side."""

    def __init__(self, hint: Any, label: str, nulled: Counter[str], outer: tuple[Any, ...] = ()) -> None:
        self._model = typing.get_origin(hint) or hint
        self._label = label
        self.columns = {
            name: column_of(part, f"{self._model.__name__}.{name}", nulled, (*outer, hint))
            for name, part in field_hints(hint).items()
        }
        self.type = pa.struct([(name, column.type) for name, column in self.columns.items()])
        self._get = getter_of(self.columns)
        self._nothing = types.SimpleNamespace(**dict.fromkeys(self.columns))

    def build(self, values: Sequence[Any]) -> pa.Array:
        """See :meth:`Column.build`."""
        kinds = set(map(type, values))
        absent = types.NoneType in kinds
        kinds.discard(types.NoneType)
        if not kinds:
            return pa.nulls(len(values), self.type)
        if kinds != {self._model}:
            for value in values:
                if value is not None and not isinstance(value, self._model):
                    raise _misfit(value, self._model, self._label)
        validity = None
        if absent:
            validity = _bits(value is not None for value in values)
            values = [self._nothing if value is None else value for value in values]
        parts = zip(*map(self._get, values), strict=True)
        arrays = [column.build(part) for column, part in zip(self.columns.values(), parts, strict=True)]
        return pa.Array.from_buffers(self.type, len(values), [validity], children=arrays)


class ListColumn(Column):
    """A list of values."""

    def __init__(self, inner: Column, label: str) -> None:
        self._inner = inner
        self._label = label
        self.type = pa.list_(inner.type)

    def build(self, values: Sequence[Any]) -> pa.Array:
        """See :meth:`Column.build`."""
        offsets, present = _offsets(values, list, self._label)
        flat = list(chain.from_iterable(present))
        return pa.ListArray.from_arrays(offsets, self._inner.build(flat))


class MapColumn(Column):
    """A value for each key."""

    def __init__(self, key: Column, inner: Column, label: str) -> None:
        self._key = key
        self._inner = inner
        self._label = label
        self.type = pa.map_(key.type, inner.type)

    def build(self, values: Sequence[Any]) -> pa.Array:
        """See :meth:`Column.build`."""
        offsets, present = _offsets(values, dict, self._label)
        keys = list(chain.from_iterable(present))
        items = list(chain.from_iterable(value.values() for value in present))
        return pa.MapArray.from_arrays(offsets, self._key.build(keys), self._inner.build(items))


class PlainColumn(Column):
    """Values that Arrow has a type for."""

    def __init__(self, kind: type, label: str) -> None:
        self.type, accepted, self._refused = _PLAIN[kind]
        self._accepted = (*accepted, types.NoneType)
        self._common = frozenset(self._accepted)
        self._label = label

    def build(self, values: Sequence[Any]) -> pa.Array:
        """See :meth:`Column.build`."""
        if not self._common.issuperset(map(type, values)):
            # One of a subclass, such as an enumeration of texts, is of the type.
            for value in values:
                if not isinstance(value, self._accepted) or isinstance(value, self._refused):
                    raise _misfit(value, self._accepted[0], self._label)
        return array_of(values, self.type)


class NumberColumn(PlainColumn):
    """Numbers, of which one that is too large becomes null and is counted."""

    def __init__(self, kind: type, label: str, nulled: Counter[str]) -> None:
        super().__init__(kind, label)
        self._kind = kind
        self._nulled = nulled

    def build(self, values: Sequence[Any]) -> pa.Array:
        """See :meth:`Column.build`."""
        try:
            return super().build(values)
        except OverflowError:
            return array_of(list(map(self._bounded, values)), self.type)

    def _bounded(self, value: Any) -> Any:
        """A value that the column can hold."""
        if value is None or (self._kind is int and _LEAST <= value <= _MOST):
            return value
        try:
            if self._kind is float:
                return float(value)
        except OverflowError:
            pass
        self._nulled[self._label] += 1
        return None


class JSONColumn(Column):
    """Values of no fixed shape, as JSON text."""

    type = pa.string()

    def build(self, values: Sequence[Any]) -> pa.Array:
        """See :meth:`Column.build`."""
        return array_of([None if value is None else json_text(value) for value in values], self.type)


def json_text(value: Any) -> str:
    """Return a value as JSON text; records in it, and dates as ISO 8601."""
    return msgspec.json.encode(value).decode()


def getter_of(names: Sequence[str] | dict[str, Any]) -> Callable[[Any], tuple[Any, ...]]:
    """Return what gives the attributes of an object in a tuple."""
    get = attrgetter(*names)
    return get if len(names) > 1 else lambda value: (get(value),)


def array_of(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    """Return values of the right type as an array; ``None`` becomes null.

    ``pa.array`` loads pandas where that is installed, which takes a third of a second and 40 MB.

    Raises:
        OverflowError: A number is too large.
        UnicodeEncodeError: A text is none that UTF-8 can hold.
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
    for value in values if not kinds.issubset((kind, types.NoneType)) else ():
        if value is not None and not isinstance(value, kind):
            raise _misfit(value, kind, label)
    if types.NoneType not in kinds:
        return array_of(list(accumulate(map(len, values), initial=0)), pa.int32()), values
    offsets: list[int | None] = list(accumulate((len(value or ()) for value in values), initial=0))
    for number, value in enumerate(values):
        if value is None:
            offsets[number] = None
    return array_of(offsets, pa.int32()), [value for value in values if value is not None]


def _misfit(value: Any, kind: type, label: str) -> TypeError:
    """Say what a field has in place of what it should."""
    return TypeError(f"{label} is {value!r:.80}, not of type {kind.__name__}")


RAW, FETCHED_AT = "raw", "fetched_at"

ADDED = {RAW: pa.string(), FETCHED_AT: TIME}
"""Columns of a record beside its fields."""


class RowBuilder:
    """Builds batches of rows from instances of one dataclass.

    Args:
        hint: The dataclass, with its arguments if it is generic: ``Page[MovieListItem]``.
        fields: The columns, all fields and ``added`` for ``None``. A mapping gives them other names.
        added: Of :data:`ADDED`, those a record has where ``fields`` does not say.

    Attributes:
        schema: The columns, the same whatever the data.
        unknown: What of ``fields`` the dataclass does not have.
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
        self.unknown = [name for name in names if name not in hints and name not in can_add]
        self._columns = {
            name: column_of(hints[name], f"{model.__name__}.{name}", self._nulled, (hint,))
            for name in names
            if name in hints
        }
        self._added = [name for name in names if name in can_add and name not in hints]
        types = {name: column.type for name, column in self._columns.items()}
        order = [name for name in names if name not in self.unknown]
        self.schema = pa.schema([(names[name], types.get(name) or ADDED[name]) for name in order])
        self._order = order
        self._get = getter_of(self._columns) if self._columns else None

    def batch(
        self, items: Sequence[Any], times: Sequence[datetime.datetime]
    ) -> tuple[pa.RecordBatch, Counter[str]]:
        """Return the rows, and how many values became null by the field they were in.

        A whole number beyond 64 bits is such a value.

        Args:
            items: Instances of the dataclass, one at least.
            times: When each of them came.

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

    Args:
        file: Takes bytes; it is neither closed nor asked for another position.
        schema: Of every batch.
        options: Size of a row group and compression.
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
        self._rows = 0
        self._bytes = 0

    def add(self, batch: pa.RecordBatch) -> None:
        """Add rows, and start to write the row group that is full.

        Waits where the row group before is still being written.

        Raises:
            OSError: The row group before could not be written.
        """
        most = self._options.row_group_size
        while self._rows + batch.num_rows > most:
            room = most - self._rows
            self._collect(batch.slice(0, room))
            self._write_collected()
            batch = batch.slice(room)
        if batch.num_rows:
            self._collect(batch)
        if self._bytes >= self._options.row_group_bytes or self._rows == most:
            self._write_collected()

    def close(self) -> None:
        """Write what is left, and the footer. The file stays open.

        Raises:
            OSError: It could not be written.
        """
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
        if not self._collected:
            return
        self._wait()
        table = pa.Table.from_batches(self._collected)
        self._collected, self._rows, self._bytes = [], 0, 0
        self._writing = self._thread.submit(self._writer.write_table, table, table.num_rows)

    def _wait(self) -> None:
        """Wait for the row group that is being written."""
        if self._writing is not None:
            writing, self._writing = self._writing, None
            writing.result()
