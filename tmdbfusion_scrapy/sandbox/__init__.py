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

_HOME_OF = {
    "ConnectionCounts": "responder", "RecordedRequest": "http", "Sandbox": "server", "SandboxOptions": "options",
    "SandboxProcess": "server", "SandboxWithoutToken": "addon", "ThreadedSandbox": "server",
}  # fmt: skip

__all__ = [
    "ConnectionCounts", "RecordedRequest", "Sandbox", "SandboxOptions", "SandboxProcess", "SandboxWithoutToken",
    "ThreadedSandbox",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    try:
        home = _HOME_OF[name]
    except KeyError:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None
    value = getattr(import_module(f"{__name__}.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
