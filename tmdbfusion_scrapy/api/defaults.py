"""Defaults of a client for the arguments that a call does not give."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tmdbfusion_scrapy.exceptions import ValidationError

if TYPE_CHECKING:
    from collections.abc import Container, Mapping

_SESSIONS = frozenset({"session_id", "guest_session_id"})

_SESSION_PART = "account_states"
"""The part of ``append_to_response`` that is about a user, and so needs a session."""


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
