"""A TMDB-compatible server on loopback, for trying, testing and load.

Start it with ``python -m tmdbfusion_scrapy.sandbox``, with the pytest fixture ``tmdb_sandbox``, or with one of the
classes below. They are loaded on first use, because pytest imports this package in every run.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tmdbfusion_scrapy.sandbox.addon import SandboxWithoutToken
    from tmdbfusion_scrapy.sandbox.http import RecordedRequest
    from tmdbfusion_scrapy.sandbox.options import SandboxOptions
    from tmdbfusion_scrapy.sandbox.server import Sandbox, SandboxProcess, ThreadedSandbox
    from tmdbfusion_scrapy.sandbox.service import ConnectionCounts

__all__ = [
    "ConnectionCounts", "RecordedRequest", "Sandbox", "SandboxOptions", "SandboxProcess", "SandboxWithoutToken",
    "ThreadedSandbox",
]  # fmt: skip
_HOME_OF = {
    "ConnectionCounts": "service", "RecordedRequest": "http", "SandboxOptions": "options",
    "SandboxWithoutToken": "addon",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOME_OF.get(name, 'server')}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
