"""Patience with a database that is locked or away for a moment."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeVar

from tmdbfusion_scrapy.exceptions import ConfigurationError
from tmdbfusion_scrapy.storage.faults import may_pass, reason_of

if TYPE_CHECKING:
    from collections.abc import Callable

    T = TypeVar("T")

_FIRST_WAIT = 0.1
_LONGEST_WAIT = 5.0
"""Seconds between two tries."""


def patiently(action: Callable[[], T], seconds: float, on_wait: Callable[[str], None]) -> T:
    """Return what an action returns; try it again while the database is locked or away. Blocks.

    Args:
        action: Asks or writes, as a whole: it is done from its beginning each time.
        seconds: How long it is tried again, from the first failure on: waiting for another crawl is none.
        on_wait: Called with the reason, once, when it has to be tried again.

    Raises:
        Exception: What the action raised, where that does not pass or did not pass in time.
    """
    deadline = None
    wait = _FIRST_WAIT
    while True:
        try:
            return action()
        except Exception as error:
            # Opening says so of a database that cannot be reached.
            fault = error.__cause__ if isinstance(error, ConfigurationError) else error
            if not isinstance(fault, Exception) or not may_pass(fault):
                raise
            if deadline is None:
                deadline = time.monotonic() + seconds
                on_wait(reason_of(fault))
            elif time.monotonic() > deadline:
                raise
        time.sleep(wait)
        wait = min(wait * 2, _LONGEST_WAIT)
