"""What an answer must have, whichever executor it came through."""

from __future__ import annotations

from typing import Any

from tmdbfusion_scrapy.exceptions import ResponseError
from tmdbfusion_scrapy.models.paging import Paged
from tmdbfusion_scrapy.models.record import Record


def check_answer(record: Any, page: str | None = None) -> None:
    """Refuse an answer that could be decoded, and is not what was asked for.

    A page without a number is taken for the one that was asked for.

    Args:
        record: What the whole body of the answer was decoded into.
        page: The number of the page that was asked for, as in the query; ``None`` if none was.

    Raises:
        ResponseError: It is a record of details without its id, a page with another number, or an object without
            any field.
    """
    if not isinstance(record, Record):
        return
    if record._needs_id:  # noqa: SLF001 - this is what looks at it
        if getattr(record, "id", None) is None:
            raise ResponseError("the record has no id")
    elif b"".join(record.raw[:16].split()) == b"{}":
        raise ResponseError("the body is a JSON object without any field")
    if page is not None and isinstance(record, Paged) and record.page not in (None, int(page)):
        raise ResponseError(f"page {page} was asked for, and page {record.page} came")
