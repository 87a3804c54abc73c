"""A fork, after which what holds locks, threads or sockets of the parent process begins anew in the child."""

from __future__ import annotations

import os
from itertools import count
from typing import Protocol
from weakref import WeakValueDictionary


class Renewable(Protocol):
    """Object that belongs to one process."""

    def begin_anew(self) -> None:
        """Leave to the parent what is the parent's; called in a child process, where no other thread runs."""


def renew_in_children(renewable: Renewable) -> None:
    """Have an object begin anew in each child process, for as long as it lives; the first of them first."""
    _living[next(_numbers)] = renewable


def leave_to_parent(value: object) -> None:
    """Keep an object of the parent from being finalized in this child process."""
    _of_parent.append(value)


_numbers = count()
_living: WeakValueDictionary[int, Renewable] = WeakValueDictionary()
_of_parent: list[object] = []


def _begin_anew() -> None:
    for renewable in list(_living.values()):
        renewable.begin_anew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_anew)
