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


class Renewal:
    """Objects that begin anew in each child process, for as long as they live.

    One for each module, made when it is imported: so what a module stands on has begun anew before it does.
    """

    def __init__(self) -> None:
        self._living: WeakSet[Renewable] = WeakSet()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._begin_anew)

    def add(self, renewable: Renewable) -> None:
        """Have an object begin anew, too."""
        self._living.add(renewable)

    def _begin_anew(self) -> None:
        for renewable in list(self._living):
            renewable.begin_anew()


def leave_to_parent(value: object) -> None:
    """Keep an object of the parent from being finalized in this child process."""
    _of_parent.append(value)


_of_parent: list[object] = []
