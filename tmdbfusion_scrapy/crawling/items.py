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
