"""Text made fit to be shown: nothing of a secret, and no character that a terminal obeys."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

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
    }
)
"""Names of arguments and parameters of which the text is hidden."""

T = TypeVar("T")


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


def chain_of(exception: BaseException) -> Iterator[BaseException]:
    """Yield an exception and all that led to it, causes and contexts alike."""
    waiting: list[BaseException | None] = [exception]
    seen: set[int] = set()
    while waiting:
        found = waiting.pop()
        if found is None or id(found) in seen:
            continue
        seen.add(id(found))
        yield found
        waiting += (found.__cause__, found.__context__)


def without_frames(exception: BaseException) -> None:
    """Take the tracebacks from an exception and from all that led to it.

    The frames of a transport have what is sent in their local variables, credentials included. Texts stay.
    """
    for found in chain_of(exception):
        found.__traceback__ = None


def printable(text: str) -> str:
    """Return a text as it may go into a log and to a terminal: each character that does not print is a space.

    A server's words may hold line breaks, which forge log lines, and sequences that a terminal obeys.
    """
    return text if text.isprintable() else "".join(c if c.isprintable() else " " for c in text)
