"""What can go wrong on purpose: the names of the faults, and when one strikes."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from hashlib import blake2b
from threading import Lock
from typing import TYPE_CHECKING, Any

import msgspec

from tmdbfusion_scrapy.sandbox.statuses import CODE_OF_HTTP_STATUS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

STATUS_FAULTS = ("429-retry-after", "429-http-date", *(str(status) for status in CODE_OF_HTTP_STATUS))
CONNECTION_FAULTS = (
    "timeout",
    "reset",
    "reset-body",
    "truncate",
    "close-idle",
    "gzip-unlabelled",
    "gzip-corrupt",
    "large",
)


def _html(_body: bytes) -> bytes:
    return (
        b"<!DOCTYPE html><html><head><title>Just a moment...</title></head><body>Please wait.</body></html>"
    )


def _empty(_body: bytes) -> bytes:
    return b""


def _list(body: bytes) -> bytes:
    return b"[" + body + b"]"


def _null_fields(body: bytes) -> bytes:
    """Every field null but ``id``; in a page of results, every field of each result."""
    value = msgspec.json.decode(body)
    if isinstance(value, dict) and isinstance(value.get("results"), list):
        return msgspec.json.encode({**value, "results": [_nulled(item) for item in value["results"]]})
    return msgspec.json.encode(_nulled(value))


def _nulled(value: Any) -> Any:
    """A record whose fields are null but for its id."""
    if not isinstance(value, dict):
        return value
    return {key: field if key == "id" else None for key, field in value.items()}


def _string_numbers(body: bytes) -> bytes:
    def as_strings(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: as_strings(field) for key, field in value.items()}
        if isinstance(value, list):
            return [as_strings(item) for item in value]
        return str(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else value

    return msgspec.json.encode(as_strings(msgspec.json.decode(body)))


def _unknown_fields(body: bytes) -> bytes:
    def extended(value: Any) -> Any:
        if isinstance(value, dict):
            fields = {key: extended(field) for key, field in value.items()}
            return {**fields, "sandbox_unknown": {"nested": [1, None, "x"]}}
        if isinstance(value, list):
            return [extended(item) for item in value]
        return value

    return msgspec.json.encode(extended(msgspec.json.decode(body)))


# Faults that change the good body and send it with its status.
BODY_FAULTS: Mapping[str, Callable[[bytes], bytes]] = {
    "html": _html,
    "empty": _empty,
    "list": _list,
    "null-fields": _null_fields,
    "string-numbers": _string_numbers,
    "unknown-fields": _unknown_fields,
}

FAULT_NAMES = (*CONNECTION_FAULTS, *BODY_FAULTS, *STATUS_FAULTS)


@dataclass(frozen=True)
class Failure:
    """One answer that will not be the good one.

    Args:
        fault: A name of ``FAULT_NAMES``, or an HTTP status from 200 to 599 in digits.
        headers: Headers to add to the answer; only with a status.
        body: Body instead of TMDB's; only with a status.
        path: Pattern of the paths it strikes (``movie/550``, ``movie/*``), below ``/3/``; None is any.
    """

    fault: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None
    path: str | None = None

    def __post_init__(self) -> None:
        status = int(self.fault) if self.fault.isdecimal() else None
        if self.fault not in FAULT_NAMES and (status is None or not 200 <= status <= 599):
            raise ValueError(
                f"unknown fault {self.fault!r}; known are {', '.join(FAULT_NAMES)} and any status from 200 to 599"
            )
        if (self.headers or self.body is not None) and self.fault not in STATUS_FAULTS and status is None:
            raise ValueError(f"headers and body go with a status, not with {self.fault!r}")


def failure(
    fault: str | int,
    *,
    path: str | None = None,
    headers: Mapping[str, str] | None = None,
    body: bytes | str | dict[str, Any] | list[Any] | None = None,
) -> Failure:
    """A Failure from what a test writes: a status as a number, a body as text or as a JSON value."""
    if isinstance(body, str):
        body = body.encode()
    elif body is not None and not isinstance(body, bytes):
        body = msgspec.json.encode(body)
    pattern = None if path is None else path.removeprefix("/3/").strip("/")
    return Failure(str(fault), tuple((headers or {}).items()), body, pattern)


class FailureQueue:
    """Failures that wait for their requests, first in, first out. Safe between threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._waiting: list[Failure] = []

    def add(self, item: Failure, times: int) -> None:
        """Let the failure strike ``times`` requests."""
        if times < 1:
            raise ValueError(f"times must be at least 1, not {times!r}")
        with self._lock:
            self._waiting.extend([item] * times)

    def take(self, path: str) -> Failure | None:
        """Remove and return the first failure that strikes the path."""
        if not self._waiting:
            return None
        with self._lock:
            for position, item in enumerate(self._waiting):
                if item.path is None or fnmatchcase(path, item.path):
                    return self._waiting.pop(position)
        return None

    def clear(self) -> None:
        """Forget what waits."""
        with self._lock:
            self._waiting.clear()


class RandomFaults:
    """Faults by probability. Which one strikes depends on the seed and the request's number alone."""

    def __init__(self, probabilities: Mapping[str, float], seed: int) -> None:
        self._seed = seed
        self._bounds: list[tuple[float, Failure]] = []
        bound = 0.0
        for name, probability in probabilities.items():
            bound += probability
            self._bounds.append((bound, Failure(name)))

    def choose(self, number: int) -> Failure | None:
        """The failure that strikes the request with this number, or None."""
        if not self._bounds:
            return None
        digest = blake2b(b"fault:%d:%d" % (self._seed, number), digest_size=8).digest()
        drawn = int.from_bytes(digest, "little") / 2**64
        return next((item for bound, item in self._bounds if drawn < bound), None)
