"""Long work in a thread, done so that the event loop gets its turns."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

T = TypeVar("T")

_SIZE = 256

MOST_KEYS = 500
"""Keys in one IN of a statement; older SQLite takes 999 parameters at most."""

_LONGEST = 0.002
_PAUSE = 0.00005
"""Seconds of work, and of the pause after it.

A thread that computes is asked for the GIL only every 5 ms (``sys.getswitchinterval``), and the event loop needs
it again after each of its system calls. A sleep of 0 seconds is over before a thread that waits for the GIL has
woken up.
"""


class _Turn(threading.local):
    """Moment at which the thread had its last pause."""

    ended = 0.0


_turn = _Turn()


def give_way() -> None:
    """Let another thread run where this one has run for long; to be called often."""
    if time.perf_counter() - _turn.ended > _LONGEST:
        time.sleep(_PAUSE)
        _turn.ended = time.perf_counter()


def in_slices(values: Sequence[T], size: int = _SIZE) -> Iterator[Sequence[T]]:
    """Yield parts of a sequence, and give way before each."""
    for start in range(0, len(values), size):
        give_way()
        yield values[start : start + size]
