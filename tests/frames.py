"""What a crash reporter such as Sentry sees of an error: the local variables of every frame, by their repr."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

_DEPTH = 6


def chain_of(error: BaseException) -> Iterator[BaseException]:
    """The error, and all that led to it: causes, contexts, and what groups of them hold."""
    waiting, seen = [error], set()
    while waiting:
        found = waiting.pop()
        if id(found) in seen:
            continue
        seen.add(id(found))
        yield found
        waiting += [led for led in (found.__cause__, found.__context__) if led is not None]
        waiting += getattr(found, "exceptions", ())


def frames_of(error: BaseException) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """File, function and local variables of every frame of an error and of what led to it."""
    for found in chain_of(error):
        trace = found.__traceback__
        while trace is not None:
            code = trace.tb_frame.f_code
            yield code.co_filename, code.co_name, dict(trace.tb_frame.f_locals)
            trace = trace.tb_next


def forms_of(secret: str) -> list[str]:
    """How a secret may be written."""
    encoded = base64.b64encode(secret.encode()).decode().rstrip("=")
    return [secret, encoded]


def shown(value: Any, depth: int = _DEPTH) -> Iterator[str]:
    """What is shown of a value: its repr, and those of what is in it."""
    try:
        yield repr(value)
    except Exception as error:  # noqa: BLE001 - as a reporter does
        yield f"repr failed: {error!r}"
    if depth and isinstance(value, dict):
        for key, inner in list(value.items()):
            yield from shown(key, depth - 1)
            yield from shown(inner, depth - 1)
    elif depth and isinstance(value, (list, tuple, set, frozenset)):
        for inner in list(value):
            yield from shown(inner, depth - 1)


def leaks(error: BaseException, *secrets: str, where: str = "") -> list[str]:
    """Where any of the secrets is to be seen, but for the frames of tests.

    Args:
        error: The error.
        secrets: What nothing may show.
        where: Part of the paths of the files whose frames count; all by default.
    """
    wanted = [form for secret in secrets for form in forms_of(secret)]
    found = []
    for path, name, variables in frames_of(error):
        if "/tests/" in path or where not in path:
            continue
        for variable, value in variables.items():
            if any(form in text for text in shown(value) for form in wanted):
                found.append(f"{path.rpartition('site-packages/')[2]}:{name}: {variable}")
    found += [
        f"text of {type(led).__name__}"
        for led in chain_of(error)
        if any(form in text for text in (str(led), repr(led)) for form in wanted)
    ]
    return sorted(set(found))
