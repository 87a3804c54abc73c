"""Rows of ``tmdb_failures``: those that are over when something came, and all of them for a report."""

from __future__ import annotations

import csv
import json
import os
from dataclasses import dataclass
from datetime import datetime
from typing import IO, TYPE_CHECKING, Any

from sqlalchemy import and_, func, not_, or_, select

from tmdbfusion_scrapy.formulas import without_formula
from tmdbfusion_scrapy.storage.database import reading
from tmdbfusion_scrapy.storage.entities import STORED
from tmdbfusion_scrapy.storage.entities.crawl import tmdb_failures

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from sqlalchemy import ColumnElement, Row, Select
    from sqlalchemy.engine import Engine

    Write = Callable[[IO[str], Iterable[dict[str, Any]]], int]

_PATHS = {stored.table.name: stored.path for stored in STORED}

_ROWS_AT_ONCE = 1000
_COLUMNS = tuple(tmdb_failures.columns.keys())


def is_record_path(path: str) -> bool:
    """Return whether a path of the API is that of a record itself, such as ``/movie/550``.

    Args:
        path: As it stands in ``tmdb_failures``; one of an image has no slash in front.
    """
    return path.startswith("/") and path.count("/") == 2


def is_own_call(kind: str, key: str, path: str) -> bool:
    """Return whether a path is that of the call for a record, and not for a part or an image of it.

    Args:
        kind: Table of the record.
        key: TMDB's id of it.
        path: The path.
    """
    return is_record_path(path) or path == _stored_path(kind, key)


def own_calls(kind: str, keys: Iterable[str]) -> ColumnElement[bool]:
    """Return the same as a condition for rows of ``tmdb_failures`` that have one of some ids."""
    path = tmdb_failures.columns.path
    stored_paths = [_stored_path(kind, key) for key in keys]
    return or_(and_(path.like("/%"), path.not_like("/%/%/%")), path.in_(stored_paths))


def with_record() -> ColumnElement[bool]:
    """Return the condition for rows of ``tmdb_failures`` that it takes a stored record to clear."""
    failed = tmdb_failures.columns
    return and_(failed.kind.in_(list(_PATHS)), failed.path.like("/%"), failed.path.not_like("/%/%/%"))


def is_with_record(kind: str, path: str) -> bool:
    """Return whether it takes a stored record to clear a failure."""
    return kind in _PATHS and is_record_path(path)


def _stored_path(kind: str, key: str) -> str:
    """Return the path of a record that the database did not take, see ``batches``."""
    return f"{_PATHS[kind]}/{key}"


class FailingCalls:
    """The failures of a crawl's database that are over when the call comes: of parts, of lists, of images.

    Attributes:
        images: Addresses of the images that could not be had, by kind and id of their record.
    """

    def __init__(self) -> None:
        self._keys: dict[tuple[str, str], str | None] = {}
        self.images: dict[str, dict[int, set[str]]] = {}

    def __contains__(self, call: object) -> bool:
        return call in self._keys

    def __bool__(self) -> bool:
        return bool(self._keys)

    def add(self, kind: str | None, path: str, key: str | None) -> None:
        """Note a failure, with the id that it names."""
        kind = kind or ""
        if is_with_record(kind, path):
            return
        self._keys[kind, path] = key
        if _is_image(path, key):
            self.images.setdefault(kind, {}).setdefault(int(key or 0), set()).add(path)

    def discard(self, kind: str | None, path: str) -> bool:
        """Forget a failure, and say whether there was one."""
        kind = kind or ""
        if (kind, path) not in self._keys:
            return False
        key = self._keys.pop((kind, path))
        if _is_image(path, key):
            of_record = self.images[kind][int(key or 0)]
            of_record.discard(path)
            if not of_record:
                del self.images[kind][int(key or 0)]
        return True


def failing_calls(engine: Engine) -> FailingCalls:
    """Return the failures that a database has and that are over when the call comes. Blocks."""
    failed = tmdb_failures.columns
    query = select(failed.kind, failed.path, failed.id).where(not_(with_record()))
    found = FailingCalls()
    with reading(engine) as connection:
        for kind, path, key in connection.execute(query):
            found.add(kind, path, key)
    return found


def _is_image(path: str, key: str | None) -> bool:
    """Return whether what failed is an image of a record."""
    return "://" in path and key is not None and key.isdecimal()


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

    @property
    def is_open(self) -> bool:
        """True where all failures are meant."""
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
        engine: Of :func:`~tmdbfusion_scrapy.storage.database.open_for_reading`.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def count(self, choice: FailureFilter) -> int:
        """Return how many there are."""
        query = select(func.count()).select_from(tmdb_failures).where(*choice.condition())
        with self._engine.connect() as connection:
            return connection.scalar(query) or 0

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
        """Yield their rows, the newest first; the columns are those of the table.

        Args:
            choice: Choice among them.
            limit: Most rows; ``None`` for all.
        """
        with self._engine.connect() as connection:
            yield from connection.execute(
                _rows(choice, limit), execution_options={"yield_per": _ROWS_AT_ONCE}
            )

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
        try:
            with part.open("w", encoding="utf-8", newline="") as file:
                count = EXPORT_FORMATS[ending](file, rows)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
        return count


def _rows(choice: FailureFilter, limit: int | None) -> Select[Any]:
    """Return the query for rows, the newest first."""
    columns = tmdb_failures.columns
    order = (columns.tried_at.desc(), columns.kind, columns.path)
    return select(tmdb_failures).where(*choice.condition()).order_by(*order).limit(limit)


def _exported(row: Row[Any]) -> dict[str, Any]:
    """Return a row as it goes to a file."""
    values = dict(zip(_COLUMNS, row, strict=True))
    values["tried_at"] = values["tried_at"].isoformat()
    return values


def _write_csv(file: IO[str], rows: Iterable[dict[str, Any]]) -> int:
    """Write comma-separated values with a header; what is not known is empty."""
    writer = csv.DictWriter(file, _COLUMNS)
    writer.writeheader()
    count = 0
    for row in rows:
        writer.writerow({**row, "retryable": str(row["retryable"]).lower()})
        count += 1
    return count


def _write_json_lines(file: IO[str], rows: Iterable[dict[str, Any]]) -> int:
    """Write one JSON object a line."""
    count = 0
    for row in rows:
        file.write(json.dumps(row, ensure_ascii=False) + "\n")
        count += 1
    return count


def _write_json(file: IO[str], rows: Iterable[dict[str, Any]]) -> int:
    """Write a JSON array, an object a line."""
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
"""Functions that write a file, by the ending of its name."""
