"""What stands in ``tmdb_failures``: one by one, in groups, and as a file."""

from __future__ import annotations

import csv
import json
import os
from dataclasses import dataclass
from datetime import datetime
from typing import IO, TYPE_CHECKING, Any

from sqlalchemy import func, select

from tmdbfusion_scrapy.formulas import without_formula
from tmdbfusion_scrapy.storage.tables.crawl import tmdb_failures

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from sqlalchemy import ColumnElement, Row, Select
    from sqlalchemy.engine import Engine

    Write = Callable[[IO[str], Iterable[dict[str, Any]]], int]

_ROWS_AT_ONCE = 1000
_COLUMNS = tuple(tmdb_failures.columns.keys())


@dataclass(frozen=True)
class FailureFilter:
    """Which failures are meant.

    Args:
        kinds: Of these kinds, named as their tables; empty for all. ``""`` is for calls outside the catalogue.
        errors: With these error classes; empty for all.
        retryable: Whether the same call may work later; ``None`` for both.
    """

    kinds: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()
    retryable: bool | None = None

    @property
    def is_open(self) -> bool:
        """Whether all failures are meant."""
        return self == FailureFilter()

    def condition(self) -> list[ColumnElement[bool]]:
        """Return what must hold of a row."""
        columns = tmdb_failures.columns
        conditions: list[ColumnElement[bool]] = []
        if self.kinds:
            conditions.append(columns.kind.in_(self.kinds))
        if self.errors:
            conditions.append(columns.error.in_(self.errors))
        if self.retryable is not None:
            conditions.append(columns.retryable.is_(self.retryable))
        return conditions


@dataclass(frozen=True)
class FailureGroup:
    """Failures that are alike.

    Args:
        kind: Of what, named as its table; ``""`` for calls outside the catalogue.
        error: Name of the error class.
        status_code: HTTP status; ``None`` where no response came.
        retryable: Whether the same call may work later.
        count: How many.
        with_id: How many of them are of one record each, so that ``-a source=failed`` finds them.
        newest: When the last of them was tried, in UTC.
    """

    kind: str
    error: str
    status_code: int | None
    retryable: bool
    count: int
    with_id: int
    newest: datetime


class FailuresReport:
    """Reads the failures. All methods block.

    Args:
        engine: Of :func:`~tmdbfusion_scrapy.storage.read_only.open_for_reading`.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def count(self, wanted: FailureFilter) -> int:
        """Return how many there are."""
        query = select(func.count()).select_from(tmdb_failures).where(*wanted.condition())
        with self._engine.connect() as connection:
            return connection.scalar(query) or 0

    def groups(self, wanted: FailureFilter) -> list[FailureGroup]:
        """Return them in groups, the largest first."""
        columns = tmdb_failures.columns
        alike = (columns.kind, columns.error, columns.status_code, columns.retryable)
        count = func.count()
        query = (
            select(*alike, count, func.count(columns.id), func.max(columns.tried_at))
            .where(*wanted.condition())
            .group_by(*alike)
            .order_by(count.desc(), *alike)
        )
        with self._engine.connect() as connection:
            return [FailureGroup(*row) for row in connection.execute(query)]

    def newest(self, wanted: FailureFilter, limit: int | None = None) -> Iterator[Row[Any]]:
        """Yield their rows, the newest first; the columns are those of the table.

        Args:
            wanted: Which of them.
            limit: Most rows; ``None`` for all.
        """
        with self._engine.connect() as connection:
            yield from connection.execute(
                _rows(wanted, limit), execution_options={"yield_per": _ROWS_AT_ONCE}
            )

    def export(
        self, wanted: FailureFilter, path: Path, limit: int | None = None, *, escape_formulas: bool = False
    ) -> int:
        """Write all columns to a file, the newest first, and return how many rows.

        The file is there as a whole or not at all; one of this name is replaced.

        Args:
            wanted: Which of them.
            path: The ending says the format, see :data:`EXPORT_FORMATS`.
            limit: Most rows; ``None`` for all.
            escape_formulas: Whether texts in CSV that a spreadsheet would take for formulas are made harmless.

        Raises:
            OSError: The file cannot be written.
        """
        part = path.with_name(f".{path.name}.{os.getpid()}.part")
        ending = path.suffix.lower()
        rows: Iterator[dict[str, Any]] = map(_exported, self.newest(wanted, limit))
        if escape_formulas and ending == ".csv":
            rows = ({name: without_formula(value) for name, value in row.items()} for row in rows)
        try:
            with part.open("w", encoding="utf-8", newline="") as file:
                count = EXPORT_FORMATS[ending](file, rows)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
        return count


def _rows(wanted: FailureFilter, limit: int | None) -> Select[Any]:
    """The newest first."""
    columns = tmdb_failures.columns
    order = (columns.tried_at.desc(), columns.kind, columns.path)
    return select(tmdb_failures).where(*wanted.condition()).order_by(*order).limit(limit)


def _exported(row: Row[Any]) -> dict[str, Any]:
    """A row as it goes to a file."""
    values = dict(zip(_COLUMNS, row, strict=True))
    values["tried_at"] = values["tried_at"].isoformat()
    return values


def _write_csv(file: IO[str], rows: Iterable[dict[str, Any]]) -> int:
    """Comma-separated values with a header; what is not known is empty."""
    writer = csv.DictWriter(file, _COLUMNS)
    writer.writeheader()
    count = 0
    for row in rows:
        writer.writerow({**row, "retryable": str(row["retryable"]).lower()})
        count += 1
    return count


def _write_json_lines(file: IO[str], rows: Iterable[dict[str, Any]]) -> int:
    """One JSON object a line."""
    count = 0
    for row in rows:
        file.write(json.dumps(row, ensure_ascii=False) + "\n")
        count += 1
    return count


def _write_json(file: IO[str], rows: Iterable[dict[str, Any]]) -> int:
    """A JSON array, an object a line."""
    count = 0
    for row in rows:
        file.write((",\n" if count else "[\n") + json.dumps(row, ensure_ascii=False))
        count += 1
    file.write("\n]\n" if count else "[]\n")
    return count


EXPORT_FORMATS: dict[str, Write] = {
    ".csv": _write_csv,
    ".jsonl": _write_json_lines,
    ".json": _write_json,
}
"""What writes a file, by the ending of its name."""
