"""Time series of a run: samples of its status, few enough to be kept in the database."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tmdbfusion_scrapy.monitoring.status import Snapshot

MOST_SAMPLES = 300
"""Most samples of a run."""

MOST_OF_EARLIER = MOST_SAMPLES // 2
"""Most samples that earlier processes of a run keep of them when another one begins."""

FIRST_INTERVAL = 0.5
"""Seconds between two samples, until they are thinned out for the first time."""

_MOST_FIELDS = 100


@dataclass(frozen=True, slots=True)
class Sample:
    """Status of a process of a run at one moment, named as the columns of ``tmdb_run_samples``.

    Args:
        process: Number of the process in its run, from 0.
        number: Number of the sample in its process, from 0.
        at: When it was taken, in UTC.
        elapsed: Seconds since the process began to crawl. All counts are since then.
        responses: Responses by HTTP status, as text.
        failures: Calls and records that failed for good, by name of the error.
        drift: Values of the wrong type, by ``Model.field``.
        latency_p50: Median of the seconds to an answer, of the last answers; ``None`` before the first. The others
            are further percentiles.
        memory: Bytes that the process has; ``None`` where the system does not tell.

    All others are as in :class:`~tmdbfusion_scrapy.monitoring.status.Snapshot`.
    """

    process: int
    number: int
    at: datetime
    elapsed: float
    wanted: int | None = None
    done: int = 0
    stored: int = 0
    unchanged: int = 0
    gone: int = 0
    failed: int = 0
    requests: int = 0
    bytes: int = 0
    retries: int = 0
    rate_limited: int = 0
    pauses: int = 0
    responses: Mapping[str, int] = field(default_factory=dict)
    failures: Mapping[str, int] = field(default_factory=dict)
    drift: Mapping[str, int] = field(default_factory=dict)
    rate_limit: float = 0.0
    rate_now: float = 0.0
    paused_for: float = 0.0
    connections_active: int = 0
    connections_open: int = 0
    connections_most: int | None = None
    waiting: int = 0
    retries_waiting: int = 0
    latency_p50: float | None = None
    latency_p95: float | None = None
    latency_p99: float | None = None
    memory: int | None = None
    limited_by: str | None = None

    @classmethod
    def of(cls, snapshot: Snapshot, process: int, number: int, drift: Mapping[str, int]) -> Sample:
        """Return the sample of a snapshot.

        Args:
            snapshot: The status.
            process: Number of the process.
            number: Number of the sample.
            drift: Values of the wrong type by now, by ``Model.field``; the most frequent are kept.
        """
        same = {name: getattr(snapshot, name) for name in _NAMES if hasattr(snapshot, name)}
        latency, connections = snapshot.latency, snapshot.connections
        return cls(
            **{
                **same,
                "process": process,
                "number": number,
                "at": datetime.fromtimestamp(snapshot.time, timezone.utc),
                "responses": {str(status): count for status, count in snapshot.responses.items()},
                "failures": dict(snapshot.failures),
                "drift": dict(Counter(drift).most_common(_MOST_FIELDS)),
                "connections_active": connections.active,
                "connections_open": connections.open,
                "connections_most": connections.most,
                "latency_p50": None if latency is None else latency.p50,
                "latency_p95": None if latency is None else latency.p95,
                "latency_p99": None if latency is None else latency.p99,
            }
        )

    def plus(self, earlier: Sample) -> Sample:
        """Return the sample with the counts of an earlier process added."""
        counts: dict[str, Any] = {name: getattr(self, name) + getattr(earlier, name) for name in COUNTS}
        for name in COUNTS_BY_NAME:
            counts[name] = dict(Counter(getattr(self, name)) + Counter(getattr(earlier, name)))
        wanted = None if self.wanted is None else self.wanted + earlier.done
        return replace(self, elapsed=self.elapsed + earlier.elapsed, wanted=wanted, **counts)


_NAMES = tuple(each.name for each in fields(Sample))
COUNTS = (
    "done",
    "stored",
    "unchanged",
    "gone",
    "failed",
    "requests",
    "bytes",
    "retries",
    "rate_limited",
    "pauses",
)
"""Fields of a sample that count."""
COUNTS_BY_NAME = ("responses", "failures", "drift")
"""Fields of a sample that count by name."""


class Series:
    """Samples of one process, taken less often the longer it lasts.

    Where there is no more room every second one is dropped, and from then on the interval is twice as long.

    Args:
        most: Most samples, an even number.
        interval: Seconds between two samples at first.
    """

    def __init__(self, most: int = MOST_SAMPLES, interval: float = FIRST_INTERVAL) -> None:
        self._samples: list[Sample] = []
        self._most = most
        self.interval = interval

    @property
    def samples(self) -> Sequence[Sample]:
        """The samples, the oldest first."""
        return self._samples

    def add(self, sample: Sample) -> None:
        """Add a sample."""
        while len(self._samples) >= self._most:
            self._samples = self._samples[::2]
            self.interval *= 2
        self._samples.append(sample)

    def leave_room(self, earlier: int) -> None:
        """Leave room for the samples of earlier processes of the run."""
        # An even number: what is left and what comes next are at the same distance then.
        self._most = max((self._most - earlier) // 2 * 2, 2)
        last = self._samples[-1]
        while len(self._samples) >= self._most:
            self._samples = self._samples[::2]
            self.interval *= 2
        if self._samples[-1] is not last:
            self._samples.append(last)


def thinned(samples: Iterable[Sample], most: int = MOST_OF_EARLIER) -> list[Sample]:
    """Return fewer samples of ended processes, which add up to the same.

    Args:
        samples: By process and number.
        most: Most samples.
    """
    kept = list(samples)
    while len(kept) > most:
        ends = {(sample.process, sample.number) for sample in last_of_each(kept)}
        fewer = [
            sample
            for place, sample in enumerate(kept)
            if place % 2 == 0 or (sample.process, sample.number) in ends
        ]
        if len(fewer) == len(kept):
            # There is nothing but ends: the next process takes over what the oldest one counted.
            oldest = kept[0]
            rest = kept[1:]
            heir = rest[0].process
            fewer = [sample.plus(oldest) if sample.process == heir else sample for sample in rest]
        kept = fewer
    return kept


def last_of_each(samples: Iterable[Sample]) -> list[Sample]:
    """Return the last sample of each process: together they have the counts of the run."""
    return list({sample.process: sample for sample in samples}.values())


def joined(samples: Iterable[Sample]) -> list[Sample]:
    """Return the samples of a run's processes as one series: the counts of each go on from the one before.

    Args:
        samples: By process and number.
    """
    found: list[Sample] = []
    before: Sample | None = None
    for sample in samples:
        if found and found[-1].process != sample.process:
            before = found[-1]
        found.append(sample if before is None else sample.plus(before))
    return found
