"""The parameters of an endpoint: TMDB's names, how values are written, what is refused before a request."""

from __future__ import annotations

import datetime
import enum
import math
import operator
import re
from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any, Literal

from tmdbfusion_scrapy.exceptions import ValidationError
from tmdbfusion_scrapy.models.paging import LAST_PAGE

MAX_APPENDS = 20
"""Most parts of one ``append_to_response``: error 27, https://developer.themoviedb.org/docs/errors."""

MAX_CHANGE_DAYS = 14
"""Longest span of a change list: error 20, https://developer.themoviedb.org/docs/errors."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of an endpoint.

    Args:
        name: Its name in Python.
        key: Its name at TMDB: ``vote_average.gte`` for ``vote_average_gte``.
        place: Where it stands: ``path``, ``query`` or ``body``.
        required: Whether a call must give it.
    """

    name: str
    key: str
    place: Literal["path", "query", "body"]
    required: bool

    def check(self, value: Any) -> Any:
        """Return the value, brought into its type.

        Raises:
            ValidationError: TMDB would refuse it.
        """
        check = _CHECKS.get(self.name)
        if check is None and self.place == "path" and self.name.endswith("_id"):
            check = check_id
        return value if check is None else check(self.name, value)


def write_value(name: str, value: Any) -> str:
    """Write a value into a URL: booleans in lower case, dates as YYYY-MM-DD, several joined by commas.

    A set is written in order, so that the same call is the same URL in every process.

    Raises:
        ValidationError: It is of a type that has no such form.
    """
    if isinstance(value, enum.Enum):
        value = value.value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime.datetime):
        return value.date().isoformat()
    if isinstance(value, datetime.date):
        return value.isoformat()
    if isinstance(value, float) and not math.isfinite(value):
        raise ValidationError(f"{name} is {value!r}, which is no number")
    if isinstance(value, str | int | float):
        return str(value)
    if hasattr(value, "__index__"):
        return str(operator.index(value))
    if isinstance(value, Iterable) and not isinstance(value, Mapping | bytes | bytearray):
        parts = [write_value(name, part) for part in value]
        return ",".join(sorted(parts) if isinstance(value, AbstractSet) else parts)
    raise ValidationError(f"{name} cannot be {type(value).__name__}: give text, a number, a date or a list")


def check_integer(name: str, value: Any) -> int:
    """Return a whole number, also from text or from another library's integer."""
    if isinstance(value, str):
        if re.fullmatch(r"[+-]?[0-9]{1,20}", value.strip()):
            return int(value)
    elif not isinstance(value, bool) and hasattr(value, "__index__"):
        return operator.index(value)
    raise ValidationError(f"{name} is {value!r}: it must be a whole number")


def check_id(name: str, value: Any) -> int:
    """Return a TMDB id, a whole number from 1."""
    number = check_integer(name, value)
    if number < 1:
        raise ValidationError(f"{name} is {number}: TMDB's ids start at 1")
    return number


def check_page(name: str, value: Any) -> int:
    """Return a page number, 1 to 500."""
    number = check_integer(name, value)
    if not 1 <= number <= LAST_PAGE:
        raise ValidationError(f"{name} is {number}: pages start at 1 and max at {LAST_PAGE}", tmdb_code=22)
    return number


def check_date(name: str, value: Any) -> datetime.date:
    """Return a date, also from text."""
    if isinstance(value, datetime.datetime):
        return value.date()
    if isinstance(value, datetime.date):
        return value
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d{2}-\d{2}", value):
        try:
            return datetime.date.fromisoformat(value)
        except ValueError:
            pass
    raise ValidationError(f"{name} is {value!r}: the format needs to be YYYY-MM-DD", tmdb_code=23)


def check_rating(name: str, value: Any) -> float:
    """Return a rating, 0.5 to 10 in steps of 0.5."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0.5 <= value <= 10 or value % 0.5:
        raise ValidationError(f"{name} is {value!r}: a rating is 0.5 to 10.0 in steps of 0.5", tmdb_code=18)
    return float(value)


def check_appends(name: str, value: Any) -> tuple[str, ...]:
    """Return the parts of an ``append_to_response``."""
    given = value.split(",") if isinstance(value, str) else value
    names = list(given) if isinstance(given, Iterable) else [given]
    if not all(isinstance(part, str) for part in names):
        raise ValidationError(
            f"{name} is {value!r}: give the names of the parts, such as ['credits', 'images']"
        )
    parts = tuple(part.strip() for part in names if part.strip())
    if isinstance(value, AbstractSet):
        parts = tuple(sorted(parts))
    if len(parts) > MAX_APPENDS:
        raise ValidationError(
            f"{name} has {len(parts)} parts: the maximum number of remote calls is {MAX_APPENDS}",
            tmdb_code=27,
        )
    return parts


_CHECKS: dict[str, Callable[[str, Any], Any]] = {
    "page": check_page,
    "start_date": check_date,
    "end_date": check_date,
    "primary_release_date_gte": check_date,
    "primary_release_date_lte": check_date,
    "release_date_gte": check_date,
    "release_date_lte": check_date,
    "append_to_response": check_appends,
    "rating": check_rating,
}
"""Checks by the name of the parameter. Path parameters that end in ``_id`` are ids."""


def check_change_span(start: str | None, end: str | None) -> None:
    """Refuse a span of a change list that TMDB would refuse."""
    if start is None or end is None:
        return
    days = (datetime.date.fromisoformat(end) - datetime.date.fromisoformat(start)).days
    if days < 0:
        raise ValidationError(f"start_date {start} is after end_date {end}", tmdb_code=20)
    if days > MAX_CHANGE_DAYS:
        raise ValidationError(
            f"start_date {start} to end_date {end}: should be a range no longer than {MAX_CHANGE_DAYS} days",
            tmdb_code=20,
        )
