"""Rows of a Parquet feed: their columns by the dataclass, and the row groups in which they are written."""

from __future__ import annotations

import dataclasses
import typing
from collections import Counter
from concurrent.futures import Future, ThreadPoolExecutor
from typing import IO, TYPE_CHECKING, Any

import pyarrow as pa
from pyarrow import parquet

from tmdbfusion_scrapy.feeds.parquet_columns import TIME, array_of, column_of, getter_of
from tmdbfusion_scrapy.models.fields import field_hints
from tmdbfusion_scrapy.models.record import Record, hint_of

if TYPE_CHECKING:
    import datetime
    from collections.abc import Iterable, Mapping, Sequence

    from tmdbfusion_scrapy.feeds.parquet_options import ParquetOptions

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
