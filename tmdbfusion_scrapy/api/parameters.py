"""The parameters of an endpoint: TMDB's names, and which values each of them takes."""

from __future__ import annotations

import datetime
import typing
from collections.abc import Callable, Iterable, Mapping
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
