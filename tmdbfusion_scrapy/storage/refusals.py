"""What is said of an item that the database does not take."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tmdbfusion_scrapy.hidden import printable
from tmdbfusion_scrapy.items import ClearedFailure, FailedCall, UnchangedRecord, Watermark
from tmdbfusion_scrapy.storage.rows import declaration_of

if TYPE_CHECKING:
    import datetime

    from tmdbfusion_scrapy.storage.rows import Item


def name_of(item: Item) -> str:
    """Return what an item is called in a report: its kind and id."""
    if isinstance(item, ClearedFailure | FailedCall | UnchangedRecord | Watermark):
        return type(item).__name__
    key = getattr(item, "id", None)
    return declaration_of(item).table.name if key is None else f"{declaration_of(item).table.name} {key}"


def storage_failure(item: Item, message: str, tried_at: datetime.datetime) -> FailedCall:
    """Return the failure to put on record for an item that the database does not take."""
    if isinstance(item, FailedCall):
        kind, key, path = item.kind, item.id, item.path
    elif isinstance(item, ClearedFailure):
        kind, key, path = item.kind, None, item.path
    elif isinstance(item, Watermark):
        kind, key, path = None, None, f"watermark {item.name}"
    elif isinstance(item, UnchangedRecord):
        kind, key, path = item.kind, str(item.id), f"/{item.kind}/{item.id}"
    else:
        stored = declaration_of(item)
        number = getattr(item, "id", None)
        kind, key = stored.table.name, None if number is None else str(number)
        path = stored.path if key is None else f"{stored.path}/{key}"
    return FailedCall(
        kind=kind,
        id=key,
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
