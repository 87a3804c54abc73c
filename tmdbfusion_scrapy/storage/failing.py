"""Rows of ``tmdb_failures`` that are over when a record is stored, and those that their own call ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import and_, or_

from tmdbfusion_scrapy.storage.mapping import STORED
from tmdbfusion_scrapy.storage.tables.crawl import tmdb_failures

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import ColumnElement

_PATHS = {stored.table.name: stored.path for stored in STORED}


def is_record_path(path: str) -> bool:
    """Whether a path of the API is that of a record itself, such as ``/movie/550``.

    Args:
        path: As it stands in ``tmdb_failures``; one of an image has no slash in front.
    """
    return path.startswith("/") and path.count("/") == 2


def is_own_call(kind: str, key: str, path: str) -> bool:
    """Whether a path is that of the call for a record, and not for a part or an image of it.

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
    """Whether it takes a stored record to clear a failure."""
    return kind in _PATHS and is_record_path(path)


def _stored_path(kind: str, key: str) -> str:
    """The path of a record that the database did not take, see ``refusals``."""
    return f"{_PATHS[kind]}/{key}"
