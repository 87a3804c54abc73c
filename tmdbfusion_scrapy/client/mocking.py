"""Tools that mock or record HTTP in tests: they take httpx's own transports, which the clients do not use."""

from __future__ import annotations

import sys
from types import FunctionType
from typing import TYPE_CHECKING, Final

from tmdbfusion_scrapy.base_urls import is_loopback_url
from tmdbfusion_scrapy.exceptions import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Sequence

_TOOLS: Final = {"respx": "respx", "pytest_httpx": "pytest-httpx", "vcr": "vcrpy", "pook": "pook"}
"""Their names by those of their modules."""

_TAKEN: Final = {
    "httpx": ("Client", "AsyncClient", "HTTPTransport", "AsyncHTTPTransport"),
    "httpcore": ("ConnectionPool", "AsyncConnectionPool"),
}
"""Classes of which a tool takes a method while it is at work."""


def check_unmocked(base_urls: Sequence[str], transport: type[object]) -> None:
    """Refuse a call that a tool is to answer which does not see it: it would go to TMDB, with the token.

    A server on this machine, such as the sandbox, may be called beside such a tool.

    Args:
        base_urls: What the client calls.
        transport: The transport of httpx that the tools see, for the message.

    Raises:
        ConfigurationError: A tool is at work.
    """
    loaded = [module for module in _TOOLS if module in sys.modules]
    if not loaded or all(is_loopback_url(url) for url in base_urls):
        return
    tool = _tool_at_work()
    if tool is not None:
        raise ConfigurationError(
            f"{tool} is at work and does not see this client, whose call would go to TMDB, with your token: give "
            f"the client transport=httpx.{transport.__name__}(), which {tool} sees, or "
            f"transport=httpx.MockTransport(...)"
        )


def _tool_at_work() -> str | None:
    """The name of a tool that has taken one of httpx's methods."""
    owners = [
        getattr(sys.modules[library], name)
        for library, names in _TAKEN.items()
        if library in sys.modules
        for name in names
    ]
    for owner in owners:
        for member in vars(owner).values():
            if isinstance(member, FunctionType):
                # Not __module__: functools.wraps copies that of the method that was taken.
                module = str(member.__globals__.get("__name__", "")).partition(".")[0]
                if module in _TOOLS:
                    return _TOOLS[module]
    return None
