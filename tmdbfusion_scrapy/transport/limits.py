"""What a pool may hold, and what it holds."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import httpx

DEFAULT_LIMITS: Final = httpx.Limits(
    max_connections=100,
    max_keepalive_connections=20,
    # Longer than the pauses of a paced crawl, shorter than the 60 to 75 seconds after which common servers
    # and load balancers close an idle connection; httpx's own 5 seconds would reconnect after every pause.
    keepalive_expiry=30.0,
)
"""Limits of both transports when none are given: 100 connections, 20 of them idle, for 30 seconds."""


@dataclass(frozen=True)
class PoolStatistics:
    """What a pool has done and holds at one moment.

    Attributes:
        opened: connections opened since the start, failed attempts not counted.
        reused: requests that went out on a connection which had carried one before.
        open: connections in use, idle, or being opened or closed now.
        idle: connections kept for the next request now.
        waiting: requests that wait for a free place now.
        tls_handshakes: TLS handshakes of the connections opened since the start; a proxy over TLS has one of
            its own.
    """

    opened: int
    reused: int
    open: int
    idle: int
    waiting: int
    tls_handshakes: int = 0


@dataclass(frozen=True)
class PoolLimits:
    """``httpx.Limits`` with numbers in place of None."""

    connections: float
    idle: float
    expiry: float

    @classmethod
    def from_httpx(cls, limits: httpx.Limits) -> PoolLimits:
        """Check the limits; None means no limit.

        Raises:
            ValueError: a number is negative, or no connection is allowed at all.
        """
        connections = _number("max_connections", limits.max_connections)
        if connections < 1:
            raise ValueError("max_connections must be at least 1, or None for no limit")
        return cls(
            connections=connections,
            idle=_number("max_keepalive_connections", limits.max_keepalive_connections),
            expiry=_number("keepalive_expiry", limits.keepalive_expiry),
        )


def _number(name: str, value: float | None) -> float:
    """Return the limit as a number, infinity for None."""
    if value is None:
        return math.inf
    if value < 0:
        raise ValueError(f"{name} must not be negative, it is {value}")
    return value
