"""TLS as Scrapy's settings want it."""

from __future__ import annotations

import logging
import os
import ssl
from pathlib import Path
from typing import TYPE_CHECKING

from tmdbfusion_scrapy.http import httpx

if TYPE_CHECKING:
    from scrapy.settings import BaseSettings

logger = logging.getLogger(__name__)

_VERSIONS = {
    "TLSv1.0": ssl.TLSVersion.TLSv1,
    "TLSv1.1": ssl.TLSVersion.TLSv1_1,
    "TLSv1.2": ssl.TLSVersion.TLSv1_2,
    "TLSv1.3": ssl.TLSVersion.TLSv1_3,
}


def tls_context(settings: BaseSettings, *, verify: bool) -> ssl.SSLContext:
    """Return the TLS context of a crawl.

    ``DOWNLOAD_TLS_MIN_VERSION``, ``DOWNLOAD_TLS_MAX_VERSION`` (since Scrapy 2.17) and
    ``DOWNLOADER_CLIENT_TLS_CIPHERS`` hold, and the environment variable ``SSLKEYLOGFILE``
    (https://docs.scrapy.org/en/latest/topics/settings.html).

    Args:
        settings: Of the crawl.
        verify: Whether the server's certificate is checked; Scrapy's own setting for this counts for others.

    Raises:
        ValueError: A TLS version is not one.
        ssl.SSLError: The ciphers are none that OpenSSL knows.
    """
    context = httpx.create_ssl_context(verify=verify)
    lowest = _version(settings, "DOWNLOAD_TLS_MIN_VERSION")
    if lowest is not None:
        context.minimum_version = lowest
    highest = _version(settings, "DOWNLOAD_TLS_MAX_VERSION")
    if highest is not None:
        context.maximum_version = highest
    ciphers = settings.get("DOWNLOADER_CLIENT_TLS_CIPHERS")
    # Scrapy's default leaves the choice to OpenSSL; Python's own, which it would replace, is the stricter one.
    if ciphers and ciphers != "DEFAULT":
        context.set_ciphers(ciphers)
    _log_keys(context)
    return context


def _version(settings: BaseSettings, name: str) -> ssl.TLSVersion | None:
    """The TLS version that a setting names."""
    value = settings.get(name)
    if value is None:
        return None
    if value not in _VERSIONS:
        raise ValueError(f"Unknown {name} value: {value}")
    return _VERSIONS[value]


def _log_keys(context: ssl.SSLContext) -> None:
    """Write the session keys where the environment asks for it, for Wireshark; Python does so if it verifies."""
    path = os.environ.get("SSLKEYLOGFILE")
    if not path or context.keylog_filename == path:
        return
    try:
        with Path(path).open("ab"):
            context.keylog_filename = path
    except OSError as error:
        logger.warning("Cannot write TLS session keys to %s: %s", path, error)
