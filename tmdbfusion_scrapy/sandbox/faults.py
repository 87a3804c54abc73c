"""The faults: their names, when one strikes, and the answer that is left of a good one."""

from __future__ import annotations

import gzip
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from fnmatch import fnmatchcase
from hashlib import blake2b
from itertools import accumulate
from threading import Lock
from typing import TYPE_CHECKING, Any

import msgspec

from tmdbfusion_scrapy.sandbox.http import CODE_OF_HTTP_STATUS, JSON_HEADERS, Response, status_reply

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tmdbfusion_scrapy.sandbox.http import PreparedReply

_CHUNK = 64 * 1024
_HTML_HEADERS = (("Content-Type", "text/html; charset=utf-8"),)
_HTML = b"<!DOCTYPE html><html><head><title>Just a moment...</title></head><body>Please wait.</body></html>"


def _null_fields(value: Any) -> Any:
    """Null every field but ``id``; in a page of results, every field of each result."""
    if not isinstance(value, dict):
        return value
    if isinstance(value.get("results"), list):
        return {**value, "results": [_null_fields(item) for item in value["results"]]}
    return {key: field if key == "id" else None for key, field in value.items()}


def _string_numbers(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _string_numbers(field) for key, field in value.items()}
    if isinstance(value, list):
        return [_string_numbers(item) for item in value]
    return str(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else value


def _unknown_fields(value: Any) -> Any:
    if isinstance(value, dict):
        fields = {key: _unknown_fields(field) for key, field in value.items()}
        return {**fields, "sandbox_unknown": {"nested": [1, None, "x"]}}
    return [_unknown_fields(item) for item in value] if isinstance(value, list) else value


def _changed(change: Callable[[Any], Any]) -> Callable[[PreparedReply, int], Response]:
    """Change the JSON of the good answer."""

    def spoil(good: PreparedReply, _large: int) -> Response:
        body = msgspec.json.encode(change(msgspec.json.decode(good.plain.body)))
        return replace(good.plain, headers=JSON_HEADERS[:1], body=body)

    return spoil


def _large(good: PreparedReply, size: int) -> Response:
    """Return the good object with one field more, which makes it ``size`` bytes long at least."""
    opening = good.plain.body.removesuffix(b"}") + b',"sandbox_padding":"'

    def padding() -> Iterator[bytes]:
        chunks, rest = divmod(size, _CHUNK)
        for _ in range(chunks):
            yield b"x" * _CHUNK
        yield b"x" * rest + b'"}'

    return replace(good.plain, body=opening, length=len(opening) + size + 2, chunks=padding())


def _half(good: PreparedReply, end: Any) -> Response:
    """Return an answer that announces the whole body, sends half of it, and ends the connection."""
    body = good.plain.body
    return replace(good.plain, body=body[: len(body) // 2], length=len(body), end=end)


def damage(data: bytes, at: int | None = None) -> bytes:
    """Return the bytes with some of them changed, those in the middle by default, so that a checksum fails."""
    at = len(data) // 2 if at is None else at
    return data[:at] + bytes(255 - byte for byte in data[at : at + 64]) + data[at + 64 :]


# What each fault makes of the good answer; the number is the size of a large body.
_SPOILED: Mapping[str, Callable[[PreparedReply, int], Response]] = {
    "reset-body": lambda good, _: _half(good, "reset"),
    "truncate": lambda good, _: _half(good, "close"),
    "close-idle": lambda good, _: replace(good.plain, end="close"),
    "gzip-unlabelled": lambda good, _: replace(good.plain, body=gzip.compress(good.plain.body)),
    "gzip-corrupt": lambda good, _: replace(good.gzipped, body=damage(good.gzipped.body)),
    "large": _large,
    "html": lambda good, _: replace(good.plain, headers=_HTML_HEADERS, body=_HTML),
    "empty": lambda good, _: replace(good.plain, headers=JSON_HEADERS[:1], body=b""),
    "list": _changed(lambda value: [value]),
    "null-fields": _changed(_null_fields),
    "string-numbers": _changed(_string_numbers),
    "unknown-fields": _changed(_unknown_fields),
}
_STATUS_FAULTS = ("429-retry-after", "429-http-date", *map(str, CODE_OF_HTTP_STATUS))
FAULT_NAMES = ("timeout", "reset", *_SPOILED, *_STATUS_FAULTS)
# The faults that can strike an image, which is no JSON.
IMAGE_FAULTS = frozenset({"reset-body", "truncate", "close-idle", "html", "empty"})


@dataclass(frozen=True)
class Failure:
    """One answer that will not be the good one.

    ``fault`` is a name of ``FAULT_NAMES``, or an HTTP status from 200 to 599 in digits, which alone may have
    headers and a body. It strikes the paths below ``/3/`` of a pattern such as ``movie/*``, or any.
    """

    fault: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None
    path: str | None = None

    def __post_init__(self) -> None:
        if self.fault not in FAULT_NAMES and not (self.fault.isdecimal() and 200 <= int(self.fault) <= 599):
            raise ValueError(
                f"unknown fault {self.fault!r}; known are {', '.join(FAULT_NAMES)} and any status from 200 to 599"
            )
        if (self.headers or self.body is not None) and not self.is_status:
            raise ValueError(f"headers and body go with a status, not with {self.fault!r}")

    @property
    def is_status(self) -> bool:
        """True for an answer of its own, which needs no good one to spoil."""
        return self.fault in _STATUS_FAULTS or self.fault.isdecimal()

    def status_response(self, retry_after: int) -> Response:
        """Return TMDB's error body for the status, or what the test gave instead."""
        status = int(self.fault.partition("-")[0])
        headers = self.headers
        if self.fault == "429-retry-after":
            headers = (("Retry-After", str(retry_after)), *headers)
        elif self.fault == "429-http-date":
            # An HTTP date has whole seconds: one more, lest the wait round down to nothing.
            moment = datetime.now(timezone.utc) + timedelta(seconds=retry_after + 1)
            headers = (("Retry-After", format_datetime(moment, usegmt=True)), *headers)
        base = Response(status, JSON_HEADERS)
        if self.body is None and status in CODE_OF_HTTP_STATUS:
            base = status_reply(CODE_OF_HTTP_STATUS[status])
        given = {name.lower() for name, _ in headers}
        kept = [pair for pair in base.headers if pair[0].lower() not in given]
        return Response(status, (*kept, *headers), base.body if self.body is None else self.body)

    def spoiled(self, good: PreparedReply, large: int) -> Response:
        """Return what the fault makes of a good answer."""
        return _SPOILED[self.fault](good, large)


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
        with self._lock:
            self._waiting.clear()


class RandomFaults:
    """Faults by probability; the seed and the number of the request alone choose one."""

    def __init__(self, probabilities: Mapping[str, float], seed: int) -> None:
        self._seed = seed
        self._bounds = list(zip(accumulate(probabilities.values()), map(Failure, probabilities), strict=True))

    def choose(self, number: int) -> Failure | None:
        """Return the failure that strikes the request with this number, or None."""
        if not self._bounds:
            return None
        digest = blake2b(b"fault:%d:%d" % (self._seed, number), digest_size=8).digest()
        drawn = int.from_bytes(digest, "little") / 2**64
        return next((item for bound, item in self._bounds if drawn < bound), None)
