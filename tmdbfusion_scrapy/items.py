"""Items that are not TMDB records."""

from __future__ import annotations

import datetime
from dataclasses import dataclass


@dataclass
class FailedCall:
    """A call that failed for good: its retries are spent, or it is of no use to try again.

    ``SQLPipeline`` keeps it in ``tmdb_failures``.

    Args:
        kind: What was asked for, named as its table: ``movies``, ``genres``; ``None`` for calls outside the
            catalogue.
        id: TMDB's id of the record, as text; ``None`` for calls that name no record, such as list pages.
        path: Path of the call below the API's base URL, such as ``/movie/550``. A call without an id has its
            query string, so that pages are told apart. No secret is in it.
        error: Name of the error class, such as ``ServerError``.
        status_code: HTTP status; ``None`` where no response came.
        tmdb_code: TMDB's own code; ``None`` where it sent none.
        message: What went wrong.
        attempts: How often the call was made in this crawl.
        retryable: Whether the same call may work later.
        tried_at: When it was last tried, in UTC.
    """

    kind: str | None
    id: str | None
    path: str
    error: str
    status_code: int | None
    tmdb_code: int | None
    message: str
    attempts: int
    retryable: bool
    tried_at: datetime.datetime


@dataclass
class Watermark:
    """Point up to which something was read: ``SQLPipeline`` keeps it in ``tmdb_watermarks``.

    It stands in the same transaction as the items that came right before it, or in a later one.

    Args:
        name: What was read, such as ``movie/changes``.
        value: How far, such as a day.
        set_at: When that was known, in UTC.
    """

    name: str
    value: str
    set_at: datetime.datetime


@dataclass
class UnchangedRecord:
    """A stored record of which TMDB said that it has not changed (``TMDB_CONDITIONAL``, HTTP 304).

    ``SQLPipeline`` notes in ``fetched_at`` that the record is as of now.

    Args:
        kind: Its table, such as ``movies``.
        id: TMDB's id.
        etag: What its column ``etag`` had when it was asked for. If it has something else by now, the row is of
            another answer and stays as it is.
    """

    kind: str
    id: int
    etag: str


@dataclass
class ClearedFailure:
    """A call that had failed was made again, and came: ``SQLPipeline`` deletes its row of ``tmdb_failures``.

    A record that is stored, and an ``UnchangedRecord``, do so for their own call.

    Args:
        kind: As in :class:`FailedCall`.
        path: As in :class:`FailedCall`.
    """

    kind: str | None
    path: str


NOT_RECORDS = (FailedCall, Watermark, UnchangedRecord, ClearedFailure)
"""Items of a crawl beside the records: where a feed is of one class, none of these decides which."""
