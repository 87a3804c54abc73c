"""The parameters of an endpoint: TMDB's names, and which values each of them takes."""

from __future__ import annotations

import datetime
import typing
from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from tmdbfusion_scrapy.api.call import Place
from tmdbfusion_scrapy.api.values import (
    check_appends,
    check_boolean,
    check_date,
    check_filter,
    check_float,
    check_id,
    check_integer,
    check_language,
    check_media_languages,
    check_number,
    check_page,
    check_rating,
    check_region,
    check_secret,
)
from tmdbfusion_scrapy.exceptions import ValidationError

SECRET_PARAMETERS = frozenset({"session_id", "guest_session_id", "password", "request_token", "access_token"})
"""Parameters that let their holder act for a user."""

_SESSIONS = frozenset({"session_id", "guest_session_id"})

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

    Args:
        parameters: The parameters of the endpoint by their names.
        given: The arguments of the call; ``append_to_response`` as names of parts.
        defaults: As of :meth:`~tmdbfusion_scrapy.api.Endpoint.call`.

    Raises:
        ValidationError: Two arguments say the same, or a session is given in vain.
    """
    said = {name for name, value in given.items() if value is not None}
    if "language" in said and "languages" in said:
        raise ValidationError("language and languages are both given: the first of languages is the language")
    ruled_out = {"languages"} if "language" in said else set()
    if not parameters.keys() >= _SESSIONS:
        return ruled_out
    sessions = said & _SESSIONS
    if "append_to_response" in parameters and _SESSION_PART not in (given.get("append_to_response") or ()):
        if sessions:
            raise ValidationError(
                f"{min(sessions)} is for the part {_SESSION_PART} alone: "
                f"add that to append_to_response, or leave the session out"
            )
        return ruled_out | _SESSIONS
    if sessions:
        return ruled_out | _SESSIONS
    return ruled_out | ({"guest_session_id"} if defaults.get("session_id") is not None else set())
