"""The certificates that a server's is checked against: where the environment says they are."""

from __future__ import annotations

import os
import ssl
from pathlib import Path

from tmdbfusion_scrapy.exceptions import ConfigurationError

_FIX = "set it to the path of the certificates, or unset it"


def check_certificate_variables() -> None:
    """Refuse ``SSL_CERT_FILE`` and ``SSL_CERT_DIR`` where they name nothing that can be used.

    A variable that is empty counts as one that is not set.

    Raises:
        ConfigurationError: One cannot be used; the message names it.
    """
    file = os.environ.get("SSL_CERT_FILE")
    if file:
        if not Path(file).is_file():
            raise ConfigurationError(
                f"the environment variable SSL_CERT_FILE is {file!r}: no such file; {_FIX}"
            )
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=file)
        except OSError as error:
            # ssl.SSLError is one.
            raise ConfigurationError(
                f"the environment variable SSL_CERT_FILE is {file!r}, which holds no certificates in "
                f"PEM form that can be read ({error.strerror or error}); {_FIX}"
            ) from None
    folder = os.environ.get("SSL_CERT_DIR")
    if folder and not any(Path(part).is_dir() for part in folder.split(os.pathsep)):
        raise ConfigurationError(
            f"the environment variable SSL_CERT_DIR is {folder!r}: no such folder; {_FIX}"
        )
