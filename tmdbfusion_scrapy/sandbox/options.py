"""The options of a sandbox: one frozen record, checked when it is made."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from tmdbfusion_scrapy.sandbox.faults import FAULT_NAMES

MAX_MOVIES = 10_000_000


@dataclass(frozen=True)
class SandboxOptions:
    """What a sandbox serves and how it behaves.

    Args:
        host: Loopback address to listen on. Others are refused: the sandbox checks no real credentials.
        port: TCP port; 0 takes a free one.
        movies: Highest movie id of the generated catalogue, 1 to 10,000,000.
        seed: Seed of the generated catalogue and of the random faults.
        gaps: Share of the ids in ``1..movies`` that do not exist and answer 404, 0 to below 1.
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
    seed: int = 1
    gaps: float = 0.03
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
        _check_range("port", self.port, 0, 65535)
        _check_range("movies", self.movies, 1, MAX_MOVIES)
        _check_range("latency", self.latency, 0, 3600)
        _check_range("cache_bytes", self.cache_bytes, 0, None)
        _check_range("large_body_bytes", self.large_body_bytes, 1, None)
        _check_range("keep_requests", self.keep_requests, 0, None)
        if not 0 <= self.gaps < 1:
            raise ValueError(f"gaps must be at least 0 and less than 1, not {self.gaps!r}")
        if self.rate_limit is not None:
            _check_range("rate_limit", self.rate_limit, 1, None)
        if self.retry_after is not None:
            _check_range("retry_after", self.retry_after, 0, None)
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


def _check_range(name: str, value: float, low: float, high: float | None) -> None:
    """Raise ValueError unless ``low <= value <= high``; NaN fails as well."""
    if not (value >= low and (high is None or value <= high)):
        bounds = f"at least {low}" if high is None else f"between {low} and {high}"
        raise ValueError(f"{name} must be {bounds}, not {value!r}")


def _is_loopback(host: str) -> bool:
    """Whether an address or the name ``localhost`` stays on this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
