"""The values of parameters: checked before a request, and written as TMDB reads them."""

from __future__ import annotations

import datetime
import enum
import math
import operator
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from typing import Any

from tmdbfusion_scrapy.exceptions import ValidationError
from tmdbfusion_scrapy.models.fields import part_key
from tmdbfusion_scrapy.models.paging import LAST_PAGE

_LANGUAGE = re.compile(r"([a-z]{2})(?:-([A-Za-z]{2}|[0-9]{3}))?")
"""ISO 639-1 with or without a country, or an area such as 419 (Latin America).

All of https://developer.themoviedb.org/reference/configuration-primary-translations are so; none has a script.
"""

MAX_CHANGE_DAYS = 14
"""Longest span of a change list: error 20, https://developer.themoviedb.org/docs/errors."""


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
    if isinstance(value, str):
        if not _is_unicode(value):
            raise ValidationError(f"{name} has half a surrogate pair, which is no text")
        return str(value)
    if isinstance(value, int | float):
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


def check_number(name: str, value: Any) -> int:
    """Return the number of a season or an episode; that of the specials is 0."""
    number = check_integer(name, value)
    if number < 0:
        raise ValidationError(f"{name} is {number}: seasons and episodes are numbered from 0")
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


def check_float(name: str, value: Any) -> int | float:
    """Return a number, also from text or from another library's number."""
    if not isinstance(value, bool):
        try:
            return check_integer(name, value)
        except ValidationError:
            pass
        try:
            number = float(value)
        except (TypeError, ValueError):
            pass
        else:
            if math.isfinite(number):
                return number
    raise ValidationError(f"{name} is {value!r}: it must be a number")


def check_boolean(name: str, value: Any) -> bool:
    """Return a boolean, also from the text ``true`` or ``false`` or from another library's boolean."""
    text = str(value).strip().lower()
    if text not in ("true", "false"):
        raise ValidationError(f"{name} is {value!r}: it must be True or False")
    return text == "true"


def check_rating(name: str, value: Any) -> float:
    """Return a rating, 0.5 to 10 in steps of 0.5."""
    try:
        rating = float(check_float(name, value))
    except ValidationError:
        rating = 0.0
    if not 0.5 <= rating <= 10 or rating % 0.5:
        raise ValidationError(f"{name} is {value!r}: a rating is 0.5 to 10.0 in steps of 0.5", tmdb_code=18)
    return rating


def check_filter(name: str, value: Any) -> str:
    """Return the values of a filter as text; an empty list would drop the filter without a word."""
    if isinstance(value, Iterator):
        value = list(value)
    for part in value if isinstance(value, Collection) else (value,):
        if isinstance(part, bool | float):
            raise ValidationError(f"{name} has {part!r}: give ids or text")
    text = write_value(name, value)
    if not text.strip(" ,|"):
        raise ValidationError(f"{name} is empty: leave it out, or give it a value")
    return text


def check_appends(name: str, value: Any) -> tuple[str, ...]:
    """Return the parts of an ``append_to_response``, each once, by TMDB's names: ``watch/providers``."""
    given = [value] if isinstance(value, str) else value
    names = list(given) if isinstance(given, Iterable) else [given]
    if not all(isinstance(part, str) for part in names):
        raise ValidationError(
            f"{name} is {value!r}: give the names of the parts, such as ['credits', 'images']"
        )
    parts = [part_key(part.strip()) for several in names for part in several.split(",") if part.strip()]
    return tuple(dict.fromkeys(sorted(parts) if isinstance(value, AbstractSet) else parts))


def check_language(name: str, value: Any) -> str:
    """Return a language; TMDB answers in English where it does not know one, and says nothing."""
    language = _read_language(value)
    if language is None:
        raise ValidationError(
            f"{name} is {value!r}: use ISO 639-1, with a country if wanted, such as fr or fr-CA"
        )
    return language


def check_region(name: str, value: Any) -> str:
    """Return a country's code in upper case."""
    text = value.strip().upper() if isinstance(value, str) else ""
    if not re.fullmatch(r"[A-Z]{2}", text):
        raise ValidationError(f"{name} is {value!r}: use the two letters of ISO 3166-1, such as CA")
    return text


def check_languages(name: str, value: Any) -> tuple[str, ...]:
    """Return a chain of languages, each once."""
    if value is None:
        return ()
    given = value.split(",") if isinstance(value, str) else value
    names = list(given) if isinstance(given, Iterable) else [given]
    languages = [_read_language(part) for part in names]
    if None in languages:
        raise ValidationError(
            f"{name} has {names[languages.index(None)]!r}: give ISO 639-1 codes, with a country if wanted, "
            f"such as ['fr-CA', 'fr', 'en']"
        )
    return tuple(dict.fromkeys(filter(None, languages)))


def _read_language(value: Any) -> str | None:
    """A language with its country in upper case, ``None`` where it is none."""
    match = _LANGUAGE.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        return None
    language, country = match.groups()
    return f"{language}-{country.upper()}" if country else str(language)


def check_media_languages(name: str, value: Any) -> tuple[str, ...]:
    """Return languages of images or videos; ``None`` among them, or ``null``, is for those without a language."""
    given = value.split(",") if isinstance(value, str) else value
    names = list(given) if isinstance(given, Iterable) else [given]
    parts = ["null" if part is None else part.strip() if isinstance(part, str) else "" for part in names]
    if not all(parts):
        raise ValidationError(f"{name} is {value!r}: give ISO 639-1 codes and None, such as ['en', None]")
    return tuple(dict.fromkeys(sorted(parts) if isinstance(value, AbstractSet) else parts))


def check_secret(name: str, value: Any) -> str:
    """Return a session id, token or password; the message does not show it."""
    if not isinstance(value, str) or value.strip() in ("", ".", "..") or not _is_unicode(value):
        raise ValidationError(f"{name} must be text that is not empty")
    return value


def _is_unicode(text: str) -> bool:
    """Return whether UTF-8 can hold a text: half a surrogate pair it cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


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
