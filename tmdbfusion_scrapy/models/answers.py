"""Checks of an answer against its call, whichever executor it came through."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tmdbfusion_scrapy.exceptions import ResponseError
from tmdbfusion_scrapy.models.paging import Paged
from tmdbfusion_scrapy.models.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


@dataclass(frozen=True, slots=True)
class Asked:
    """An id or number that was asked for, and its place in the answer.

    Args:
        name: The endpoint's parameter: ``series_id``.
        place: Field of the record that repeats it, ``id``, or of the records in one of its lists:
            ``episodes.show_id``.
        value: What was asked for. A number is compared as one, also with text.
    """

    name: str
    place: str
    value: int | str

    def check(self, record: Record) -> None:
        """Refuse the record of another id or number; one that does not tell it is taken for the right one.

        Raises:
            ResponseError: The record tells another one.
        """
        told = list(_values_at(record, self.place))
        if not told or any(_is_same(value, self.value) for value in told):
            return
        message = (
            f"{self.name} {self.value} was asked for, and {self.place.rpartition('.')[2]} {told[0]} came"
        )
        if self.place == "id" and isinstance(self.value, int):
            message += f": TMDB may have merged {self.value} into {told[0]}, or mixed up two answers"
        error = ResponseError(message)
        error.is_other_record = True
        raise error


def check_answer(record: Any, page: str | None = None, asked: Iterable[Asked] = ()) -> None:
    """Refuse an answer that could be decoded, and is not what was asked for.

    A page without a number is taken for the one that was asked for; so is one with 0, which TMDB sends with every
    page of the tagged images of a person.

    Args:
        record: What the whole body of the answer was decoded into.
        page: The number of the page that was asked for, as in the query; ``None`` if none was.
        asked: The ids and numbers that were asked for.

    Raises:
        ResponseError: It is a record of details without its id, the record of another id, a page with another
            number, or an object without any field.
    """
    if not isinstance(record, Record):
        return
    if record._needs_id:  # noqa: SLF001 - this is what looks at it
        if getattr(record, "id", None) is None:
            raise ResponseError("the record has no id")
    elif b"".join(record.raw[:16].split()) == b"{}":
        raise ResponseError("the body is a JSON object without any field")
    if page is not None and isinstance(record, Paged) and record.page not in (None, 0, int(page)):
        raise ResponseError(f"page {page} was asked for, and page {record.page} came")
    for one in asked:
        one.check(record)


def _values_at(record: Any, place: str) -> Iterator[Any]:
    """Yield what a field, or a field of the records in a list, holds."""
    name, _, rest = place.partition(".")
    value = getattr(record, name, None)
    if rest:
        for inner in value or ():
            yield from _values_at(inner, rest)
    elif value is not None:
        yield value


def _is_same(told: Any, asked: int | str) -> bool:
    """Return whether an answer tells what was asked for."""
    if isinstance(asked, int) and isinstance(told, str):
        return told.strip().lstrip("0") == str(asked).lstrip("0")
    return not isinstance(told, bool) and bool(told == asked)
