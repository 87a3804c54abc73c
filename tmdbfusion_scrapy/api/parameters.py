"""The parameters of an endpoint: names, and values checked before a request and written as TMDB reads them."""

from __future__ import annotations

import datetime
import enum
import math
import operator
import re
import typing
from collections.abc import Callable, Collection, Container, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

from tmdbfusion_scrapy.api.call import Place
from tmdbfusion_scrapy.exceptions import ValidationError
from tmdbfusion_scrapy.models.fields import part_key
from tmdbfusion_scrapy.models.paging import LAST_PAGE

_LANGUAGE = re.compile(r"([a-z]{2})(?:-([A-Za-z]{2}|[0-9]{3}))?")
"""ISO 639-1 with or without a country, or an area such as 419 (Latin America).

All of https://developer.themoviedb.org/reference/configuration-primary-translations are so; none has a script.
"""

MAX_CHANGE_DAYS = 14
"""Longest span of a change list: error 20, https://developer.themoviedb.org/docs/errors."""

SECRET_PARAMETERS = frozenset({"session_id", "guest_session_id", "password", "request_token", "access_token"})
"""Parameters that let their holder act for a user."""

SESSIONS = frozenset({"session_id", "guest_session_id"})
"""Those of them that are sessions, of a user or a guest."""

_SESSION_PART = "account_states"
"""The part of ``append_to_response`` that is about a user, and so needs a session."""

Check = Callable[[str, Any], Any]
"""Takes the name and the value of a parameter."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of an endpoint.

    Args:
        name: Its name in Python.
        key: Its name at TMDB: ``vote_average.gte`` for ``vote_average_gte``.
        place: Where it stands: ``path``, ``query`` or ``body``.
        required: Whether a call must give it.
        default: Its value in a call that does not give it; ``None`` leaves it out.
        choices: The only values that TMDB knows; empty where there are no such.
        checked: Returns the value, brought into its type, or raises ``ValidationError``.
    """

    name: str
    key: str
    place: Place
    required: bool
    default: Any = None
    choices: tuple[Any, ...] = ()
    checked: Check | None = None

    def check(self, value: Any) -> Any:
        """Return the value, brought into its type.

        Raises:
            ValidationError: TMDB would refuse it.
        """
        if self.choices and value not in self.choices:
            raise ValidationError(
                f"{self.name} is {value!r}: use one of {', '.join(map(repr, self.choices))}"
            )
        return value if self.checked is None else self.checked(self.name, value)


def write_value(name: str, value: Any) -> str:
    """Write a value into a URL: booleans in lower case, dates as YYYY-MM-DD, several joined by commas.

    A set is written in order, so that the same call is the same URL in every process.

    Raises:
        ValidationError: It is of a type that has no such form.
    """
    if type(value) is int:
        # By far the most are ids.
        return str(value)
    if isinstance(value, enum.Enum):
        value = value.value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime.datetime):
        return value.date().isoformat()
    if isinstance(value, datetime.date):
        return value.isoformat()
    if isinstance(value, float) and not math.isfinite(value):
        raise ValidationError(f"{name} is {value!r}, which is no number: leave it out, or give one")
    if isinstance(value, str):
        if not _is_unicode(value):
            raise ValidationError(
                f"{name} has half a surrogate pair, which is no text: give text that UTF-8 can hold"
            )
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
    if type(value) is int:
        return value
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
        raise ValidationError(
            f"start_date {start} is after end_date {end}: give them the other way round", tmdb_code=20
        )
    if days > MAX_CHANGE_DAYS:
        raise ValidationError(
            f"start_date {start} to end_date {end}: should be a range no longer than {MAX_CHANGE_DAYS} days",
            tmdb_code=20,
        )


_CHECKS: Mapping[str, Check] = {
    "append_to_response": check_appends,
    "include_image_language": check_media_languages,
    "include_video_language": check_media_languages,
    "language": check_language,
    "media_id": check_id,
    "page": check_page,
    "rating": check_rating,
    "region": check_region,
}
"""Checks that go by the name of the parameter."""

_CHECKS_BY_TYPE: Mapping[type, Check] = {
    datetime.date: check_date,
    bool: check_boolean,
    float: check_float,
    int: check_integer,
}
"""Checks that go by the declared type. Arguments of a crawl come as text, so text of the type is taken too."""


def choose_check(name: str, hint: Any, place: Place) -> Check | None:
    """Return the check of a parameter, by its name and its declared type."""
    arms = typing.get_args(hint) or (hint,)
    if name in SECRET_PARAMETERS:
        return check_secret
    if name in _CHECKS:
        return _CHECKS[name]
    if place == "path" and int in arms:
        return check_number if name.endswith("_number") else check_id
    if any(typing.get_origin(arm) is Iterable for arm in arms):
        return check_filter
    return next((check for kind, check in _CHECKS_BY_TYPE.items() if kind in arms), None)


def find_choices(hint: Any) -> tuple[Any, ...]:
    """Return the values that a ``Literal`` allows, alone or beside ``None``; empty where there is none."""
    for arm in (hint, *typing.get_args(hint)):
        if typing.get_origin(arm) is typing.Literal:
            return typing.get_args(arm)
    return ()


def find_ruled_out(
    parameters: Mapping[str, Any], given: Mapping[str, Any], defaults: Mapping[str, Any]
) -> Container[str]:
    """Return the names of the defaults that do not stand for an argument.

    What a call says itself rules out a default of the other kind: ``language`` one of ``languages``, and the
    session of a user that of a guest. A session goes along with the part that needs it alone: with one, an answer
    is a user's own, which no cache may keep.

    Raises:
        ValidationError: Two arguments say the same, or a session is given in vain.
    """
    said = {name for name, value in given.items() if value is not None}
    if "language" in said and "languages" in said:
        raise ValidationError(
            "language and languages are both given: the first of languages is the language, so leave language out"
        )
    ruled_out = {"languages"} if "language" in said else set()
    if not parameters.keys() >= SESSIONS:
        return ruled_out
    sessions = said & SESSIONS
    if "append_to_response" in parameters and _SESSION_PART not in (given.get("append_to_response") or ()):
        if sessions:
            raise ValidationError(
                f"{min(sessions)} is for the part {_SESSION_PART} alone: "
                f"add that to append_to_response, or leave the session out"
            )
        return ruled_out | SESSIONS
    if sessions:
        return ruled_out | SESSIONS
    return ruled_out | ({"guest_session_id"} if defaults.get("session_id") is not None else set())
