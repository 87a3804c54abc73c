"""Jobs: a shard of a run's frontier as it is sent to a worker, and how one that a worker holds comes along."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import msgspec

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from tmdbfusion_scrapy.stores import Run

PARTS_OF_TIMEOUT = 3
"""A job is tried in two workers within its time-out; between the two it waits for another one to take it."""


_SHOWN_IDS = 5


@dataclass(frozen=True)
class Job:
    """The part of a run that a worker takes at once.

    Args:
        run: Key of the run in ``tmdb_runs``.
        spider: Name of the spider.
        first: First position in the frontier of the run.
        last: Last position.
        ids: How many ids stood between them when it was planned.
        append: Parts that are asked for with each record.
        arguments: Arguments of the spider that are not the source's.
    """

    run: int
    spider: str
    first: int
    last: int
    ids: int
    append: tuple[str, ...] = ()
    arguments: Mapping[str, str] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """The same text for the same job, so that it is not in the queue twice."""
        return f"{self.run}:{self.first}-{self.last}"

    def to_bytes(self) -> bytes:
        """Return the job as it stands in the queue."""
        return msgspec.json.encode(asdict(self))

    @classmethod
    def from_bytes(cls, payload: bytes) -> Job:
        """Return the job of a payload."""
        return msgspec.convert(msgspec.json.decode(payload), cls)


def entrypoint_of(spider: str, run: int) -> str:
    """Return the name under which PgQueuer keeps the jobs of a run, so that a run can be paused or cancelled."""
    return f"{spider}/{run}"


class LostIdsError(Exception):
    """Records of a job did not come: neither are they stored, nor is there a failure on record."""

    def __init__(self, left: Sequence[int], ids: int, seconds: float) -> None:
        shown = ", ".join(map(str, left[:_SHOWN_IDS]))
        rest = ", ..." if len(left) > _SHOWN_IDS else ""
        super().__init__(f"{len(left)} of {ids} records did not come within {seconds:g} s: {shown}{rest}")


class HeldJob:
    """A job that a worker holds, and how it comes along.

    Args:
        job: The job.
        taken: It as PgQueuer gave it.
        run: Its run.
        left: The ids that are to be fetched.
        now: The time, of ``time.monotonic()``.

    Attributes:
        lease: Text that the requests of the job bear: without effect once the worker lost it.
        ids: The ids that this worker looks after.
        left: Those that have not come yet.
        unsent: Requests of it that have not come to their turn.
    """

    def __init__(self, job: Job, taken: Any, run: Run, left: Collection[int], now: float) -> None:
        self.job = job
        self.taken = taken
        self.run = run
        self.lease = uuid4().hex
        self.ids = frozenset(left)
        self.left = set(left)
        self.unsent = 0
        self._moved_at = now

    @property
    def id(self) -> int:
        """PgQueuer's key of the job."""
        return int(self.taken.id)

    @property
    def was_tried(self) -> bool:
        """True where a worker had the job before, and nothing of it came."""
        return bool(self.taken.attempts)

    def note_left(self, left: Collection[int], now: float) -> int:
        """Note the ids that have not come yet; return how many have come since this was last noted."""
        came = len(self.left) - len(left)
        if came > 0:
            self._moved_at = now
        self.left = set(left)
        return came

    def note_sent(self, now: float, *, is_first: bool) -> None:
        """Note that a request of it came to its turn, for the first time or again."""
        self.unsent -= is_first and self.unsent > 0
        self._moved_at = now

    def wait_until(self, moment: float) -> None:
        """Begin the time-out at a moment: before it nothing could come."""
        self._moved_at = max(self._moved_at, moment)

    def has_stalled(self, now: float, timeout: float) -> bool:
        """Return whether nothing came for a third of the time-out."""
        return now - self._moved_at > timeout / PARTS_OF_TIMEOUT


class Stalls:
    """Stalls of a worker: of which its jobs are to blame, and of which it is itself.

    Args:
        timeout: Seconds of ``TMDB_JOB_TIMEOUT``.
    """

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout
        self._in_a_row = 0
        self._rests_until = 0.0

    def note_progress(self) -> None:
        """Note that something came."""
        self._in_a_row = 0
        self._rests_until = 0.0

    def note_stall(self, now: float) -> None:
        """Note that jobs stalled: for another third of the time-out they are left to other workers."""
        self._in_a_row += 1
        self._rests_until = now + self._timeout / PARTS_OF_TIMEOUT

    def rests(self, now: float) -> bool:
        """Return whether the worker is to take no job now."""
        return now < self._rests_until

    @property
    def is_stuck(self) -> bool:
        """True where jobs stalled twice, and nothing came in between."""
        return self._in_a_row > 1
