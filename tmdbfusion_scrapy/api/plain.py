"""Calls of what the catalogue does not know."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import quote, unquote

import msgspec

from tmdbfusion_scrapy.api.call import Call, Secret
from tmdbfusion_scrapy.api.parameters import SECRET_PARAMETERS, SESSIONS, check_secret, write_value
from tmdbfusion_scrapy.credentials import HiddenText, plain_text
from tmdbfusion_scrapy.exceptions import ValidationError

if TYPE_CHECKING:
    from tmdbfusion_scrapy.api.call import Place

_METHOD = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""A token, https://www.rfc-editor.org/rfc/rfc9110#name-tokens."""


def plain_call(
    defaults: Mapping[str, Any],
    method: Any,
    path: Any,
    params: Mapping[str, Any] | None,
    json: Mapping[str, Any] | None,
) -> Call[Any]:
    """Return a call of what the catalogue does not know; its answer is plain JSON.

    Raises:
        ValidationError: The method is none; the path has a query, is a URL, or leads elsewhere; or a parameter
            has no form in a URL.
        TypeError: ``json`` cannot be written as JSON.
    """
    if not isinstance(method, str) or not _METHOD.fullmatch(method):
        raise ValidationError(f"method is {method!r}: use an HTTP method, such as GET")
    escaped, path_secrets = _divide_path(path, {defaults.get(name) for name in SESSIONS})
    params = {"language": defaults.get("language"), "region": defaults.get("region"), **(params or {})}
    query, query_secrets = _divide(params, "query")
    if json is not None:
        _check_json(json)
    body, body_secrets = _divide(json or {}, "body")
    return Call(
        method.upper(),
        escaped,
        {name: write_value(name, value) for name, value in query.items()},
        cast("type[Any]", Any),
        body=body if json is not None else None,
        secrets=(*path_secrets, *query_secrets, *body_secrets),
    )


def _divide_path(path: Any, sessions: set[str | None]) -> tuple[str, list[Secret]]:
    """The escaped path with a mask for each session in it: that of a guest by its place, ours wherever it is."""
    if (
        not isinstance(path, str)
        or any(letter in path for letter in "?#\\")
        or "://" in path
        or any(map(str.isspace, path))
    ):
        # The message does not repeat the path: a query in it may hold a key.
        raise ValidationError(
            "path must be a path below the base URL, such as movie/550; give a query as params"
        )
    segments = path.lstrip("/").split("/")
    secrets = []
    for place, segment in enumerate(segments):
        value = unquote(segment)
        if value in (".", ".."):
            raise ValidationError(
                "path has a dot segment, which would reach another endpoint: give the path that it leads to"
            )
        if value in sessions or (value and segments[:place] == ["guest_session"]):
            secrets.append(Secret("guest_session_id", "path", check_secret("guest_session_id", value)))
            segments[place] = Secret.MASK
        else:
            try:
                # Without the star, so that nothing but a secret has its mask. What is escaped stays as it is.
                segments[place] = quote(segment, safe="%!$&'()+,;=:@~")
            except UnicodeEncodeError:
                raise ValidationError(
                    "path has half a surrogate pair, which is no text: give text that UTF-8 can hold"
                ) from None
    return "/" + "/".join(segments), secrets


def _check_json(json: Any) -> None:
    """Refuse what cannot be sent, before anything is."""
    if not isinstance(json, Mapping):
        raise TypeError(f"json is of type {type(json).__name__}: give a mapping")
    try:
        msgspec.json.encode(json, enc_hook=plain_text)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise TypeError(f"json cannot be written as JSON: {error}") from None


def _divide(given: Mapping[str, Any], place: Place) -> tuple[dict[str, Any], list[Secret]]:
    """Divide values into those that may be seen and secrets; a query parameter that is ``None`` is left out."""
    secrets = [
        Secret(name, place, check_secret(name, given[name]))
        for name in sorted(SECRET_PARAMETERS & given.keys())
        if given[name] is not None
    ]
    hidden = {secret.key for secret in secrets}
    keep_null = place == "body"
    shown = {k: v for k, v in given.items() if k not in hidden and (keep_null or v is not None)}
    return shown, secrets


def hide_sessions(path: Any, defaults: Mapping[str, Any]) -> Any:
    """Return a path so that no ``repr`` shows it, if there is a session in it."""
    if not isinstance(path, str):
        return path
    sessions = [defaults[name] for name in SESSIONS if defaults.get(name)]
    if "guest_session/" in path or any(session in path for session in sessions):
        return HiddenText(path)
    return path
