"""The sides of ``storage.py``: each takes decoded movies and stores them."""

from __future__ import annotations

import asyncio
import datetime
import json
from collections import defaultdict
from functools import cache
from typing import IO, TYPE_CHECKING, Any

import sqlalchemy
from scrapy.exporters import JsonLinesItemExporter
from sqlalchemy.dialects import postgresql, sqlite

from tmdbfusion_scrapy.feeds.exporters import RecordJsonLinesItemExporter
from tmdbfusion_scrapy.feeds.parquet import ParquetItemExporter
from tmdbfusion_scrapy.storage.database import open_database
from tmdbfusion_scrapy.storage.entities import metadata
from tmdbfusion_scrapy.storage.rows import Changes
from tmdbfusion_scrapy.storage.sql import DatabaseOptions
from tmdbfusion_scrapy.storage.writer import Writer

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

PIPELINES = ("sqlite", "postgresql")
EACH = ("sqlite, a commit each", "sqlite with WAL, a commit each", "postgresql, a commit each")
FILES = ("parquet", "json lines", "json lines, scrapy", "json.dumps")
OURS = (*PIPELINES, "parquet", "json lines")
SIDES = (*PIPELINES, *EACH, *FILES)


def needs_postgresql(side: str) -> bool:
    """Whether a side needs a server."""
    return side.startswith("postgresql")


class Pipeline:
    """What ``SQLPipeline`` does: a writer with batches in a thread, fed from an event loop."""

    def __init__(self, url: str) -> None:
        self.url = url

    def prepare(self, records: Sequence[Any]) -> Sequence[Any]:
        """Nothing to prepare; and open the database, which a crawl does once."""
        self.loop = asyncio.new_event_loop()
        self.writer = Writer(DatabaseOptions(self.url), on_batch=_ignore, on_wait=_fail, on_failure=_fail)
        self.loop.run_until_complete(self.writer.start())
        return records

    def store(self, records: Sequence[Any]) -> None:
        """Store movies, down to the last."""
        self.loop.run_until_complete(self._store(records))
        self.loop.close()

    async def _store(self, records: Sequence[Any]) -> None:
        for record in records:
            await self.writer.put(record)
        await self.writer.close()

    def close(self) -> None:
        """Nothing is open."""


class CommitEach:
    """A pipeline as one writes it by hand: for each item a transaction, in the event loop's own thread.

    The rows are the same, and so are the tables. SQLite is used as it comes, or with the write-ahead log and the
    rarer flushes to disk that the package sets.
    """

    def __init__(self, url: str, *, wal: bool) -> None:
        open_database(url).dispose()
        self.engine = sqlalchemy.create_engine(url, json_serializer=str)
        if self.engine.dialect.name == "sqlite":
            sqlalchemy.event.listen(self.engine, "connect", _with_wal if wal else _as_it_comes)

    def prepare(self, records: Sequence[Any]) -> Sequence[Any]:
        """Nothing to prepare."""
        return records

    def store(self, records: Sequence[Any]) -> None:
        """Store movies, a transaction each."""
        for record in records:
            changes = Changes([(record, datetime.datetime.now(datetime.timezone.utc))])
            with self.engine.begin() as connection:
                self._write(connection, changes)

    def _write(self, connection: sqlalchemy.Connection, changes: Changes) -> None:
        """Write the rows of a movie."""
        named: dict[sqlalchemy.Table, list[tuple[tuple[str, ...], Iterable[Any]]]] = defaultdict(list)
        for stub, rows in changes.stubs.items():
            named[stub.table].append((stub.columns, rows.values()))
        for record_table, found in changes.records.items():
            for stored, row in found.values():
                named[record_table].append((stored.columns, [row]))
        for table in metadata.sorted_tables:
            for columns, values in named[table]:
                self._upsert(connection, table, columns, values)
        for relation, owners in changes.links.items():
            for owner, links in owners.items():
                column = relation.table.columns[relation.owner]
                connection.execute(relation.table.delete().where(column == owner))
                if links:
                    names = relation.columns
                    rows_of = [
                        {relation.owner: owner, **dict(zip(names, link, strict=True))}
                        for link in links.values()
                    ]
                    connection.execute(relation.table.insert(), rows_of)

    def _upsert(
        self,
        connection: sqlalchemy.Connection,
        table: sqlalchemy.Table,
        columns: tuple[str, ...],
        rows: Iterable[Any],
    ) -> None:
        """Insert rows, or update them."""
        values = [dict(zip(columns, row, strict=True)) for row in rows]
        if values:
            connection.execute(_upsert_statement(self.engine.dialect.name, table, columns), values)

    def close(self) -> None:
        """Close the database."""
        self.engine.dispose()


class Exporter:
    """A feed exporter, to a file."""

    def __init__(self, path: Path, exporter: Any) -> None:
        self.file: IO[bytes] = path.open("wb")
        self.exporter = exporter(self.file)
        self.exporter.start_exporting()

    def prepare(self, records: Sequence[Any]) -> Sequence[Any]:
        """Nothing to prepare."""
        return records

    def store(self, records: Sequence[Any]) -> None:
        """Export movies."""
        for record in records:
            self.exporter.export_item(record)

    def close(self) -> None:
        """End the file."""
        self.exporter.finish_exporting()
        self.file.close()


class Dumps:
    """``json.dumps`` of the documents, a line each."""

    def __init__(self, path: Path) -> None:
        self.file = path.open("w", encoding="utf-8")

    def prepare(self, records: Sequence[Any]) -> Sequence[Any]:
        """Parse the documents."""
        return [json.loads(record.raw) for record in records]

    def store(self, records: Sequence[Any]) -> None:
        """Write documents."""
        for record in records:
            self.file.write(json.dumps(record) + "\n")

    def close(self) -> None:
        """End the file."""
        self.file.close()


Side = Pipeline | CommitEach | Exporter | Dumps


def open_side(side: str, folder: Path, postgresql_url: str) -> Side:
    """Make a side that stores into a folder or into a database of PostgreSQL."""
    url = postgresql_url if needs_postgresql(side) else f"sqlite:///{folder / 'tmdb.db'}"
    if side in PIPELINES:
        return Pipeline(url)
    if side in EACH:
        return CommitEach(url, wal="WAL" in side)
    if side == "json.dumps":
        return Dumps(folder / "movies.jsonl")
    exporters = {
        "parquet": ParquetItemExporter,
        "json lines": RecordJsonLinesItemExporter,
        "json lines, scrapy": JsonLinesItemExporter,
    }
    return Exporter(folder / "movies", exporters[side])


@cache
def _upsert_statement(dialect: str, table: sqlalchemy.Table, columns: tuple[str, ...]) -> Any:
    """The statement that inserts or updates a row."""
    insert: Any = (sqlite if dialect == "sqlite" else postgresql).insert(table)
    key = [column.name for column in table.primary_key]
    changed = {name: insert.excluded[name] for name in columns if name not in key}
    if not changed:
        return insert.on_conflict_do_nothing(index_elements=key)
    return insert.on_conflict_do_update(index_elements=key, set_=changed)


def _as_it_comes(connection: Any, _record: Any) -> None:
    """SQLite's own defaults, but for the foreign keys."""
    connection.execute("PRAGMA journal_mode = DELETE")
    connection.execute("PRAGMA foreign_keys = ON")


def _with_wal(connection: Any, _record: Any) -> None:
    """What the package sets."""
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA foreign_keys = ON")


def _ignore(_result: Any) -> None:
    """A batch is stored."""


def _fail(reason: str) -> None:
    """Nothing of this may happen here."""
    raise RuntimeError(reason)
