"""Rows of ``tmdb_failures``: those that are over when something came, and all of them for a report."""

from __future__ import annotations

import csv
import json
import os
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from typing import IO, TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Engine, Row, and_, func, not_, select

from tmdbfusion_scrapy.formulas import without_formula
from tmdbfusion_scrapy.storage.database import reading
from tmdbfusion_scrapy.storage.entities import STORED
from tmdbfusion_scrapy.storage.entities.crawl import tmdb_failures

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path


_PATHS = {stored.table.name: stored.path for stored in STORED}

_ROWS_AT_ONCE = 1000
_COLUMNS = tuple(tmdb_failures.columns.keys())


def is_record_path(path: str) -> bool:
    """Return whether a path of the API is that of a record itself, such as ``/movie/550``."""
    # One of an image has no slash in front.
    return path.startswith("/") and path.count("/") == 2


def is_own_call(kind: str, key: str | None, path: str) -> bool:
    """Return whether a path is that of the call for a record, and not for a part or an image of it."""
    # The other is the path of a record that the database did not take, see ``batches``.
    return is_record_path(path) or path == f"{_PATHS.get(kind)}/{key}"


class FailingCalls(dict[tuple[str, str], int | None]):
    """The failures of a crawl's database that are over when the call comes: of parts, of lists, of images.

    By kind and path; of an image there is the id of its record.

    Attributes:
        images: Addresses of the images that could not be had, by kind and id of their record.
    """

    def __init__(self) -> None:
        super().__init__()
        self.images: dict[str, dict[int, set[str]]] = {}

    def add(self, kind: str | None, path: str, key: str | None) -> None:
        """Note a failure, with the id that it names."""
        kind = kind or ""
        # That takes a stored record.
        if kind in _PATHS and is_record_path(path):
            return
        # Of an image: its record.
        number = int(key) if "://" in path and key is not None and key.isdecimal() else None
        self[kind, path] = number
        if number is not None:
            self.images.setdefault(kind, {}).setdefault(number, set()).add(path)

    def discard(self, kind: str | None, path: str) -> bool:
        """Forget a failure, and say whether there was one."""
        kind = kind or ""
        if (kind, path) not in self:
            return False
        number = self.pop((kind, path))
        if number is not None:
            self.images[kind][number].discard(path)
            if not self.images[kind][number]:
                del self.images[kind][number]
        return True


def failing_calls(engine: Engine) -> FailingCalls:
    """Return the failures that a database has and that are over when the call comes. Blocks."""
    failed = tmdb_failures.columns
    is_with_record = and_(
        failed.kind.in_(list(_PATHS)), failed.path.like("/%"), failed.path.not_like("/%/%/%")
    )
    query = select(failed.kind, failed.path, failed.id).where(not_(is_with_record))
    found = FailingCalls()
    with reading(engine) as connection:
        for kind, path, key in connection.execute(query):
            found.add(kind, path, key)
    return found


@dataclass(frozen=True)
class FailureFilter:
    """Choice of failures.

    Args:
        kinds: Of these kinds, named as their tables; empty for all. ``""`` is for calls outside the catalogue.
        errors: With these error classes; empty for all.
        retryable: Whether the same call may work later; ``None`` for both.
    """

    kinds: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()
    retryable: bool | None = None

    def condition(self) -> list[ColumnElement[bool]]:
        """Return what must hold of a row."""
        columns = tmdb_failures.columns
        return [
            *([columns.kind.in_(self.kinds)] if self.kinds else []),
            *([columns.error.in_(self.errors)] if self.errors else []),
            *([] if self.retryable is None else [columns.retryable.is_(self.retryable)]),
        ]


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
    """Reads the failures of a database that is open for reading. All methods block."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def groups(self, choice: FailureFilter) -> list[FailureGroup]:
        """Return them in groups, the largest first."""
        columns = tmdb_failures.columns
        alike = (columns.kind, columns.error, columns.status_code, columns.retryable)
        count = func.count()
        query = (
            select(*alike, count, func.count(columns.id), func.max(columns.tried_at))
            .where(*choice.condition())
            .group_by(*alike)
            .order_by(count.desc(), *alike)
        )
        with self._engine.connect() as connection:
            return [FailureGroup(*row) for row in connection.execute(query)]

    def newest(self, choice: FailureFilter, limit: int | None = None) -> Iterator[Row[Any]]:
        """Yield their rows, or so many of them, the newest first; the columns are those of the table."""
        columns = tmdb_failures.columns
        order = (columns.tried_at.desc(), columns.kind, columns.path)
        query = select(tmdb_failures).where(*choice.condition()).order_by(*order).limit(limit)
        with self._engine.connect() as connection:
            yield from connection.execute(query, execution_options={"yield_per": _ROWS_AT_ONCE})

    def export(
        self, choice: FailureFilter, path: Path, limit: int | None = None, *, escape_formulas: bool = False
    ) -> int:
        """Write all columns to a file, the newest first, and return how many rows.

        The file is there as a whole or not at all; one of this name is replaced.

        Args:
            choice: Choice among them.
            path: The ending says the format, see :data:`EXPORT_FORMATS`.
            limit: Most rows; ``None`` for all.
            escape_formulas: Whether texts in CSV that a spreadsheet would take for formulas are made harmless.

        Raises:
            OSError: The file cannot be written.
        """
        part = path.with_name(f".{path.name}.{os.getpid()}.part")
        ending = path.suffix.lower()
        rows: Iterator[dict[str, Any]] = map(_exported, self.newest(choice, limit))
        if escape_formulas and ending == ".csv":
            rows = ({name: without_formula(value) for name, value in row.items()} for row in rows)
        number = count()
        try:
            with part.open("w", encoding="utf-8", newline="") as file:
                EXPORT_FORMATS[ending](file, (row for row, _ in zip(rows, number)))  # noqa: B905 - it has no end
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
        return next(number)


def _exported(row: Row[Any]) -> dict[str, Any]:
    """Return a row as it goes to a file."""
    values = dict(zip(_COLUMNS, row, strict=True))
    values["tried_at"] = values["tried_at"].isoformat()
    return values


def _write_csv(file: IO[str], rows: Iterable[dict[str, Any]]) -> None:
    """Write comma-separated values with a header; what is not known is empty."""
    writer = csv.DictWriter(file, _COLUMNS)
    writer.writeheader()
    writer.writerows({**row, "retryable": str(row["retryable"]).lower()} for row in rows)


def _write_json_lines(file: IO[str], rows: Iterable[dict[str, Any]]) -> None:
    """Write one JSON object a line."""
    file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def _write_json(file: IO[str], rows: Iterable[dict[str, Any]]) -> None:
    """Write a JSON array, an object a line."""
    before = "[\n"
    for row in rows:
        file.write(before + json.dumps(row, ensure_ascii=False))
        before = ",\n"
    file.write("[]\n" if before == "[\n" else "\n]\n")


EXPORT_FORMATS: dict[str, Callable[[IO[str], Iterable[dict[str, Any]]], None]] = {
    ".csv": _write_csv,
    ".jsonl": _write_json_lines,
    ".json": _write_json,
}
"""Functions that write a file, by the ending of its name."""
