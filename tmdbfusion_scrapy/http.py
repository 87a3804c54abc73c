"""Names of httpx: the one module that imports it, and that knows httpx2.

httpx2 (https://pypi.org/project/httpx2/) has httpx's interface under classes of its own. It is not imported here:
who hands over an object of it has done so.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import httpx

if TYPE_CHECKING:
    from types import ModuleType

__all__ = ["check_request", "described", "httpx", "library_of"]


def library_of(value: object) -> ModuleType | None:
    """Return ``httpx`` or ``httpx2``, the one that an object or its base class is of; ``None`` for neither."""
    for kind in type(value).__mro__:
        name = kind.__module__.partition(".")[0]
        if name in ("httpx", "httpx2"):
            return sys.modules[name]
    return None


def described(value: object) -> str:
    """Return words for an object of the wrong kind: ``a str``, ``an httpx2 Timeout``, ``Client`` for the class."""
    if isinstance(value, type):
        return value.__name__
    library = library_of(value)
    return f"a {type(value).__name__}" if library in (None, httpx) else f"an httpx2 {type(value).__name__}"


def check_request(request: Any) -> None:
    """Refuse what is no request of httpx.

    Raises:
        TypeError: It is none.
    """
    if not isinstance(request, httpx.Request):
        raise TypeError(f"a request must be an httpx.Request, not {described(request)}")
