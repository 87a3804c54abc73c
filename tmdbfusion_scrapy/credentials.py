"""The token or key: told apart by shape, added to a request at the last moment; secrets are shown nowhere.

A call may bring secrets of its own, such as a session id. The methods that hide the token hide them as well.
"""

from __future__ import annotations

import base64
import binascii
import html
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import quote, quote_plus, unquote, urlsplit

from tmdbfusion_scrapy.exceptions import (
    ConfigurationError,
    TMDBError,
    chain_of,
    error_from_response,
    printable,
)

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from tmdbfusion_scrapy.exceptions import Headers

E = TypeVar("E", bound=Exception)
T = TypeVar("T")

_V3_KEY = re.compile(r"[0-9a-fA-F]{32}")
_V4_TOKEN = re.compile(r"[A-Za-z0-9_\-.~+/=]{2,}")

_SESSION_ID = re.compile(r"[!-~]+")

_MASK = "***"

_SHORTEST = 3
"""Characters; a password that is no longer would be found in every other word."""

_URL_SAFE = str.maketrans("+/", "-_")

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")

_WHERE = "get one at https://www.themoviedb.org/settings/api"


SECRET_NAMES = frozenset(
    {
        "session_id",
        "guest_session_id",
        "password",
        "request_token",
        "access_token",
        "token",
        "api_key",
        "proxy",
        "rate_limit_store",
    }
)
"""Names of arguments and parameters of which the text is hidden."""


class HiddenText(str):
    """A secret: text as any other, but for its ``repr``, which crash reporters send of local variables."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'***'"


def hidden(value: T) -> T:
    """Return a text so that no ``repr`` shows it; anything else comes back as it is."""
    if isinstance(value, str) and not isinstance(value, HiddenText):
        return HiddenText(value)  # type: ignore[return-value]
    return value


def with_hidden(given: Mapping[str, Any] | None) -> Any:
    """Return a mapping with its secrets hidden, told by their names; the same object where it has none."""
    if not isinstance(given, Mapping) or SECRET_NAMES.isdisjoint(given):
        return given
    return {name: hidden(value) if name in SECRET_NAMES else value for name, value in given.items()}


def plain_text(value: Any) -> str:
    """Return hidden text as msgspec takes it, which asks for what it does not know (``enc_hook``).

    Raises:
        TypeError: It is something else.
    """
    if isinstance(value, HiddenText):
        return str(value)
    raise TypeError(f"Encoding objects of type {type(value).__name__} is unsupported")


@dataclass(frozen=True, slots=True, repr=False)
class Credentials:
    """One secret and how it is sent.

    A v4 API Read Access Token goes into the ``Authorization`` header; a v3 API key, which TMDB takes only
    in the query string, into ``api_key``
    (https://developer.themoviedb.org/docs/authentication-application).
    """

    secret: str = field(repr=False)
    is_v3_key: bool

    def __repr__(self) -> str:
        return f"<Credentials: {'v3 API key' if self.is_v3_key else 'v4 access token'}>"

    @property
    def headers(self) -> Mapping[str, str]:
        """Headers to add to an outgoing request."""
        return {} if self.is_v3_key else {"Authorization": f"Bearer {self.secret}"}

    @property
    def query(self) -> Mapping[str, str]:
        """Query parameters to add to an outgoing request."""
        return {"api_key": self.secret} if self.is_v3_key else {}

    def redact(self, text: str, others: Iterable[str] = ()) -> str:
        """Return ``text`` without the token or key and other secrets, however a server may have written them."""
        return _pattern(self.secret, *others).sub(_MASK, text)

    def redact_body(self, body: bytes, others: Iterable[str] = ()) -> bytes:
        """Return a body without the secrets."""
        return _bytes_pattern(self.secret, *others).sub(_MASK.encode(), body)

    def redacted(self, error: TMDBError, others: Iterable[str] = ()) -> TMDBError:
        """Return the error without the secrets, which a server may have sent back in its message."""
        error.message = printable(self.redact(error.message, others))
        error.args = (error.message,)
        return error

    def unechoed(self, body: bytes) -> bytes:
        """Return a good body: the same object, but without the token or key if a server has sent it back."""
        # A search for each form is ten times faster than one pattern of all.
        for form in _bytes_forms(self.secret):
            if form in body:
                return self.redact_body(body)
        return body

    def error_from_response(
        self, status: int, headers: Headers, body: bytes, others: Iterable[str] = ()
    ) -> TMDBError | None:
        """Return the error that a response tells of, without the secrets; ``None`` for a good one."""
        error = error_from_response(status, headers, body)
        if error is None:
            return None
        # Made anew, for it may quote the beginning of the body, and that may end within a secret.
        made = error_from_response(status, headers, self.redact_body(body, others))
        return self.redacted(made or error, others)

    def cleaned(self, exception: E, others: Iterable[str] = ()) -> E:
        """Return the exception, or one of its class without what led to it if a text in there must not be shown.

        That is a secret, which a server that is none of TMDB's may send back, or a control character, which a
        terminal would obey.
        """
        pattern = _pattern(self.secret, *others)
        # What a parser makes of an answer that is no HTTP may have the request in its repr alone.
        texts = [f"{found!s} {found!r}" for found in chain_of(exception)]
        if any(pattern.search(text) or _CONTROL.search(text) for text in texts):
            return type(exception)(printable(pattern.sub(_MASK, str(exception))))
        return exception

    @classmethod
    def from_value(cls, value: object, *, name: str, is_v3_key: bool | None = None) -> Credentials:
        """Check a token or key and tell which it is, unless it must be a key: 32 hexadecimal digits are one.

        White space around it is dropped.

        Raises:
            ConfigurationError: It is empty or cannot be a token or key. The message does not show it.
        """
        if not isinstance(value, str):
            raise ConfigurationError(
                f"{name} is of type {type(value).__name__}: give your TMDB token as text"
            )
        value = hidden(value)
        secret = hidden(value.strip())
        if not secret:
            raise ConfigurationError(f"{name} is empty: set it to your TMDB token, or unset it; {_WHERE}")
        if re.match(r"bearer(\s|$)", secret, re.IGNORECASE):
            raise ConfigurationError(f"{name} begins with 'Bearer ': give the token alone")
        looks_v3 = _V3_KEY.fullmatch(secret) is not None
        if is_v3_key and not looks_v3:
            raise ConfigurationError(
                f"{name} is not a v3 API key (32 hexadecimal digits): a v4 API Read Access Token "
                f"belongs into TMDB_ACCESS_TOKEN or the argument token; {_WHERE}"
            )
        if not looks_v3 and not _V4_TOKEN.fullmatch(secret):
            raise ConfigurationError(f"{name} is malformed: {_faults(secret)}; {_WHERE}")
        return cls(str(secret), looks_v3 if is_v3_key is None else is_v3_key)

    @classmethod
    def resolve(
        cls,
        token: str | None,
        api_key: str | None,
        *,
        token_name: str = "token",  # noqa: S107 - the name of an argument, not a secret
        api_key_name: str = "api_key",
        environ: Mapping[str, str] | None = None,
    ) -> Credentials:
        """Return the credentials from arguments or settings, else from the environment.

        The order: ``token``, ``api_key``, ``TMDB_ACCESS_TOKEN``, ``TMDB_API_KEY``.

        Raises:
            ConfigurationError: None is set, or the first that is set cannot be used.
        """
        # The environment is in no local variable: its repr shows all of it.
        token, api_key = hidden(token), hidden(api_key)
        if token is not None:
            return cls.from_value(token, name=token_name)
        if api_key is not None:
            return cls.from_value(api_key, name=api_key_name, is_v3_key=True)
        if (value := _variable("TMDB_ACCESS_TOKEN", environ)) is not None:
            return cls.from_value(value, name="the environment variable TMDB_ACCESS_TOKEN")
        if (value := _variable("TMDB_API_KEY", environ)) is not None:
            return cls.from_value(value, name="the environment variable TMDB_API_KEY", is_v3_key=True)
        raise ConfigurationError(
            f"no TMDB token: set TMDB_ACCESS_TOKEN (or TMDB_API_KEY) in the environment, "
            f"or pass {token_name}; {_WHERE}"
        )


def resolve_session(
    value: object, *, name: str, variable: str, environ: Mapping[str, str] | None = None
) -> str | None:
    """Return a session id from an argument or a setting, else from the environment.

    White space around it is dropped. Empty text stands for none, whatever the environment has.

    Raises:
        ConfigurationError: It cannot be a session id. The message does not show it.
    """
    if value is None:
        value = _variable(variable, environ)
        name = f"the environment variable {variable}"
        if value is None:
            return None
    if not isinstance(value, str):
        raise ConfigurationError(f"{name} is of type {type(value).__name__}: give the session id as text")
    value = session = hidden(value.strip())
    if session and not _SESSION_ID.fullmatch(session):
        raise ConfigurationError(f"{name} is malformed: {_faults(session)}; give the session id alone")
    return session or None


_FAULTS = (
    (re.compile(r"\s"), "white space"),
    (re.compile(r"[\"'`\u2018-\u201f]"), "quotes"),
    (re.compile(r"[\x00-\x08\x0e-\x1b\x7f-\x9f]"), "control characters"),
    (re.compile(r"(?![\s\u2018-\u201f])[^\x00-\x9f]"), "letters beyond ASCII"),
    (re.compile(r"[$<>{}%]"), "a placeholder's signs"),
    (re.compile(r"[!#&()*,:;?@\[\\\]^|]"), "punctuation that is in no token"),
)
"""What makes a text no token, and how it is called."""


def _faults(text: str) -> str:
    """Return a sentence on the fault of a token or session id; the text itself is not shown."""
    found = [name for pattern, name in _FAULTS if pattern.search(text)]
    if not found:
        return "it is too short"
    listed = " and ".join(filter(None, (", ".join(found[:-1]), found[-1])))
    return f"it has {listed} in it"


def _variable(name: str, environ: Mapping[str, str] | None) -> str | None:
    """An environment variable, hidden."""
    return hidden((os.environ if environ is None else environ).get(name))


@lru_cache(maxsize=64)
def _pattern(*secrets: str) -> re.Pattern[str]:
    """Return a pattern that finds secrets, in whatever form."""
    return re.compile("|".join(map(re.escape, _forms(*secrets))))


@lru_cache(maxsize=8)
def _bytes_forms(secret: str) -> tuple[bytes, ...]:
    """Return the forms of a secret in a body."""
    return tuple(form.encode() for form in _forms(secret))


def _forms(*secrets: str) -> list[str]:
    """Return the forms in which secrets are repeated: plain, in a URL, JSON or HTML, quoted; longest first."""
    forms: set[str] = set()
    # Of hidden text repr() shows nothing.
    for secret in map(str, secrets):
        in_url = {quote(secret, safe="", errors="replace"), quote_plus(secret, errors="replace")}
        in_json = {json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]}
        # As in the header of HTTP's basic authentication; a server may leave the padding out.
        encoded = base64.b64encode(secret.encode(errors="replace")).decode().rstrip("=")
        in_base64 = {encoded, encoded.translate(_URL_SAFE)}
        forms |= {secret, html.escape(secret)} | in_url | in_json | in_base64
    for form in list(forms):
        # As Python shows text or bytes, which exceptions of a parser do.
        forms |= {repr(form)[1:-1], repr(form.encode(errors="replace"))[2:-1]}
    return sorted(forms, key=len, reverse=True)


@lru_cache(maxsize=64)
def _bytes_pattern(*secrets: str) -> re.Pattern[bytes]:
    """The same for a body."""
    return re.compile(_pattern(*secrets).pattern.encode())


def proxy_secrets(url: str | None, authorization: bytes | None = None) -> tuple[str, ...]:
    """Return what must not be shown of a proxy: its password, and user and password as HTTP sends them.

    They stand in its URL, or in the value of a header ``Proxy-Authorization``.
    """
    found: list[str] = []
    if url is not None:
        try:
            parts = urlsplit(url)
        except ValueError:
            return ()
        if parts.password:
            password = unquote(parts.password)
            found += [parts.password, password, f"{unquote(parts.username or '')}:{password}"]
    if authorization:
        value = authorization.decode("latin-1").partition(" ")[2].strip()
        try:
            pair = base64.b64decode(value + "=" * (-len(value) % 4), validate=True).decode("latin-1")
        except (binascii.Error, ValueError):
            pair = ""
        found += [value, pair, pair.partition(":")[2]]
    return tuple(dict.fromkeys(hidden(text) for text in found if len(text) > _SHORTEST))
