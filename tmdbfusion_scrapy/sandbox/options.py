"""The options of a sandbox: one frozen record, checked when it is made."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from tmdbfusion_scrapy.sandbox.faults import FAULT_NAMES
from tmdbfusion_scrapy.sandbox.people import PEOPLE
from tmdbfusion_scrapy.sandbox.population import EPOCH, Churn, as_moment

# Least and greatest value, None for no bound; NaN is outside of all.
_RANGES: Mapping[str, tuple[float, float | None]] = {
    "port": (0, 65535), "movies": (1, 10_000_000), "series": (1, 1_000_000), "people": (1, 10_000_000),
    "daily_changed": (0, 0.5), "daily_new": (0, 0.5), "daily_gone": (0, 0.5), "latency": (0, 3600),
    "cache_bytes": (0, None), "large_body_bytes": (1, None), "keep_requests": (0, None), "rate_limit": (1, None),
    "retry_after": (0, None),
}  # fmt: skip


@dataclass(frozen=True)
class SandboxOptions:
    """Options of a sandbox: the records to serve and how it behaves.

    Args:
        host: Loopback address to listen on. Others are refused: the sandbox checks no real credentials.
        port: TCP port; 0 takes a free one.
        movies: Highest movie id of the generated catalogue on 2026-06-01, 1 to 10,000,000.
        series: Highest id of a series on that day, 1 to 1,000,000.
        people: Highest id of a person on that day, 1 to 10,000,000.
        seed: Seed of the generated catalogue and of the random faults.
        gaps: Share of the ids of movies and series that never exist and answer 404, 0 to below 1; of people it
            is that share of every eighth.
        today: The day to serve, at noon UTC, or a moment of it (a ``datetime``); not before 2026-06-01. None
            follows the real clock.
        daily_changed: Share of the movies, series and people that change each day, 0 to 0.5.
        daily_new: Share that appears each day; 0 to 0.5 of the numbers above.
        daily_gone: Share that vanishes each day, 0 to 0.5.
        exports_missing: Status of daily exports that are not there yet or any more: 403 or 404. What TMDB answers
            is not known; its storage, Amazon S3, answers 403 to who may not list it.
        etag: What an ``If-None-Match`` with the current ETag does: ``ignore`` or ``304``.
        replay: Files (``.jsonl``, ``.jsonl.gz``) of movie bodies and folders of recorded exchanges, to serve
            instead of the generated catalogue.
        rate_limit: Requests that a client address may make in any one second, 429 above; None is no limit.
        retry_after: Seconds to announce in ``Retry-After`` on the 429 of ``rate_limit``; None sends none, as TMDB.
        latency: Seconds to wait before each answer.
        faults: Fault name to probability, 0 to 1, together at most 1. See ``docs/sandbox.md`` for the names.
        token: The only bearer token or ``api_key`` to accept; None accepts any but the literal ``invalid``.
        cache_bytes: Bound on the memory for bodies that are ready to send.
        large_body_bytes: Least size of the body that the fault ``large`` sends.
        keep_requests: How many of the newest requests ``Sandbox.requests`` holds.

    Raises:
        ValueError: An option is outside its range. The message names it.
    """

    host: str = "127.0.0.1"
    port: int = 0
    movies: int = 10_000
    series: int = 2_000
    people: int = PEOPLE
    seed: int = 1
    gaps: float = 0.03
    today: date | None = None
    daily_changed: float = Churn.changed
    daily_new: float = Churn.new
    daily_gone: float = Churn.gone
    exports_missing: Literal[403, 404] = 403
    etag: Literal["ignore", "304"] = "ignore"
    replay: tuple[Path, ...] = ()
    rate_limit: int | None = None
    retry_after: int | None = None
    latency: float = 0.0
    faults: Mapping[str, float] = field(default_factory=dict)
    token: str | None = None
    cache_bytes: int = 128 * 1024 * 1024
    large_body_bytes: int = 50_000_000
    keep_requests: int = 10_000

    def __post_init__(self) -> None:
        object.__setattr__(self, "faults", MappingProxyType(dict(self.faults)))
        object.__setattr__(self, "replay", tuple(Path(path) for path in self.replay))
        if not _is_loopback(self.host):
            raise ValueError(
                f"host must be a loopback address such as 127.0.0.1 or ::1, not {self.host!r}: "
                "the sandbox is for this machine only"
            )
        for name, (low, high) in _RANGES.items():
            value = getattr(self, name)
            if value is not None and not (value >= low and (high is None or value <= high)):
                bounds = f"at least {low}" if high is None else f"between {low} and {high}"
                raise ValueError(f"{name} must be {bounds}, not {value!r}")
        if self.today is not None and as_moment(self.today).date() < EPOCH:
            why = f"today must not be before {EPOCH}, where the catalogue begins"
            raise ValueError(f"{why}, not {self.today}")
        for name, (first, second) in (("exports_missing", (403, 404)), ("etag", ("ignore", "304"))):
            if getattr(self, name) not in {first, second}:
                raise ValueError(f"{name} must be {first!r} or {second!r}, not {getattr(self, name)!r}")
        if not 0 <= self.gaps < 1:
            raise ValueError(f"gaps must be at least 0 and less than 1, not {self.gaps!r}")
        if self.token is not None and not self.token.strip():
            raise ValueError("token must not be empty")
        check_fault_probabilities(self.faults)
        for path in self.replay:
            if not path.exists():
                raise ValueError(f"replay: {path} does not exist")


def check_fault_probabilities(faults: Mapping[str, float]) -> None:
    """Raise ValueError for an unknown fault, a probability outside 0..1 or a sum above 1."""
    for name, probability in faults.items():
        if name not in FAULT_NAMES:
            raise ValueError(f"faults: unknown fault {name!r}; known are {', '.join(FAULT_NAMES)}")
        if not 0 <= probability <= 1:
            raise ValueError(
                f"faults: the probability of {name} must be between 0 and 1, not {probability!r}"
            )
    if sum(faults.values()) > 1 + 1e-9:
        raise ValueError(f"faults: the probabilities add up to {sum(faults.values()):g}, more than 1")


def _is_loopback(host: str) -> bool:
    """Tell whether an address or the name ``localhost`` stays on this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
