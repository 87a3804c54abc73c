"""HTTP/2 is an extra."""

from __future__ import annotations

import importlib.util
import logging

from tmdbfusion_scrapy.exceptions import ConfigurationError


def prepare_http2(name: str) -> None:
    """Say how to get HTTP/2 where it is missing, and keep it from logging secrets.

    The package hpack logs each header and path at DEBUG, a v3 key in the query string as well.

    Args:
        name: The setting or argument that asks for it.

    Raises:
        ConfigurationError: The package h2 is not installed.
    """
    if importlib.util.find_spec("h2") is None:
        raise ConfigurationError(
            f"{name}=True needs the package h2: pip install 'tmdbfusion-scrapy[http2]', or leave {name} off"
        )
    logging.getLogger("hpack").setLevel(logging.INFO)
