"""A fork, after which what holds locks, threads or sockets of the parent process begins anew in the child."""

from __future__ import annotations

import os
from typing import Protocol
from weakref import WeakSet


class Renewable(Protocol):
    """Object that belongs to one process."""

    def begin_anew(self) -> None:
        """Leave to the parent what is the parent's; called in a child process, where no other thread runs."""
        ...


def renewed_after_fork(renewable: Renewable) -> None:
    """Have an object begin anew in each child process, for as long as it lives."""
    _living.add(renewable)


def leave_to_parent(value: object) -> None:
    """Keep an object of the parent from being finalized in this child process."""
    _of_parent.append(value)


_living: WeakSet[Renewable] = WeakSet()
_of_parent: list[object] = []


def _after_fork() -> None:
    for renewable in list(_living):
        renewable.begin_anew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
