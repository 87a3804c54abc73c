"""HTTP/2 is an extra."""

from __future__ import annotations

import importlib.util

from tmdbfusion_scrapy.exceptions import ConfigurationError


def require_h2(name: str) -> None:
    """Say how to get HTTP/2 where it is missing.

    Args:
        name: The setting or argument that asks for it.

    Raises:
        ConfigurationError: The package h2 is not installed.
    """
    if importlib.util.find_spec("h2") is None:
        raise ConfigurationError(
            f"{name}=True needs the package h2: pip install 'tmdbfusion-scrapy[http2]', or leave {name} off"
        )
