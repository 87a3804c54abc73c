"""Requests one by one, as they were sent and as they ended, for what watches them: metrics and traces."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, MutableMapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Attempt:
    """One request that was sent, or that could not be, and what came of it; no secret is in it.

    Args:
        method: HTTP method.
        url: Its URL, without credentials and with secrets masked.
        base_url: Base URL that it lies below.
        operation_id: TMDB's operationId; ``None`` for a call outside the catalogue and for an image.
        retries: How many attempts of the same call went before it.
        ended: When it had ended, in seconds since 1970 (UTC).
        seconds: How long it took, from the moment that the rate limiter let it go; of one without an answer, from
            the moment that it was handed to the transport.
        waited: Seconds before that, in which it waited for a connection and for the rate limiter.
        status: HTTP status; ``None`` without an answer.
        error: Name of the exception where there is no good answer; ``None`` otherwise.
        size: Bytes of the body as sent; ``None`` without an answer.
        memory: What observers keep of a call from one attempt to the next, under keys that begin with ``tmdb_``;
            values as JSON has them.
    """

    method: str
    url: str
    base_url: str
    operation_id: str | None
    retries: int
    ended: float
    seconds: float
    waited: float
    status: int | None
    error: str | None
    size: int | None
    memory: MutableMapping[str, Any] = field(repr=False)


Observer = Callable[[Attempt], None]
"""A function that is told of each attempt when it has ended; it must be quick, and raise nothing."""


def tell(
    observers: Iterable[Observer], *, begun: float, sent_at: float, error: BaseException | None, **facts: Any
) -> None:
    """Tell observers of an attempt that has just ended.

    Args:
        observers: Functions to call.
        begun: When it was handed to the transport, of ``time.monotonic()``.
        sent_at: When the rate limiter let it go; ``begun`` without an answer.
        error: What it ended with; ``None`` for a good answer.
        facts: The other arguments of :class:`Attempt`.
    """
    attempt = Attempt(
        ended=time.time(),
        seconds=time.monotonic() - sent_at,
        waited=sent_at - begun,
        error=None if error is None else type(error).__name__,
        **facts,
    )
    for observer in tuple(observers):
        observer(attempt)
