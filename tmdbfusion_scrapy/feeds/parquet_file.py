"""A Parquet file that is written one row group at a time."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from typing import IO, TYPE_CHECKING

import pyarrow as pa
from pyarrow import parquet

if TYPE_CHECKING:
    from tmdbfusion_scrapy.feeds.parquet_options import ParquetOptions


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
