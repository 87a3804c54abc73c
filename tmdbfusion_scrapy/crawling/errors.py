"""Failures of a download: TMDB's normalized error and Scrapy's exception in one.

Scrapy's own components tell failures apart by ``scrapy.exceptions`` (``HttpCacheMiddleware`` answers some of them
from the cache), errbacks of ours by :mod:`tmdbfusion_scrapy.exceptions`. So each is both.
"""

from __future__ import annotations

import socket

from scrapy.exceptions import (
    CannotResolveHostError,
    DownloadCancelledError,
    DownloadConnectionRefusedError,
    DownloadFailedError,
    DownloadTimeoutError,
    ResponseDataLossError,
    UnsupportedURLSchemeError,
)

from tmdbfusion_scrapy import exceptions
from tmdbfusion_scrapy.exceptions import (
    ResponseError,
    ServerError,
    TMDBError,
    ValidationError,
    is_certificate_error,
)
from tmdbfusion_scrapy.hidden import chain_of
from tmdbfusion_scrapy.http import httpx


class TimeoutServerError(ServerError, DownloadTimeoutError):
    """No answer in time."""


class ConnectionServerError(ServerError, DownloadConnectionRefusedError):
    """No connection."""


class ResolutionServerError(ServerError, CannotResolveHostError):
    """The host has no address."""


class DownloadServerError(ServerError, DownloadFailedError):
    """The exchange broke off."""


class DataLossServerError(ServerError, ResponseDataLossError):
    """The body broke off."""


class TooLargeResponseError(ResponseError, DownloadCancelledError):
    """The body is larger than ``DOWNLOAD_MAXSIZE``."""

    default_retryable = False


class UnsupportedURLValidationError(ValidationError, UnsupportedURLSchemeError):
    """The URL cannot be requested."""


def download_error(exception: httpx.HTTPError, *, method: str, path: str, in_body: bool = False) -> TMDBError:
    """Return the error for an exception of the transport, which is kept as its cause.

    Args:
        exception: What the transport raised.
        method: HTTP method of the request.
        path: Path of the request, without a secret.
        in_body: Whether the head of the response had been there.
    """
    message = f"{type(exception).__name__}: {exception}" if str(exception) else type(exception).__name__
    retryable = False if is_certificate_error(exception) else None
    error = _class_of(exception, in_body=in_body)(message, method=method, path=path, retryable=retryable)
    error.__cause__ = exception
    return error


def error_name(error: TMDBError) -> str:
    """Return the name of an error's class in :mod:`tmdbfusion_scrapy.exceptions`, as stats and stores have it."""
    return next(cls.__name__ for cls in type(error).__mro__ if cls.__module__ == exceptions.__name__)


def _class_of(exception: httpx.HTTPError, *, in_body: bool) -> type[TMDBError]:
    """The class for an exception of the transport."""
    if isinstance(exception, httpx.DecodingError):
        return ResponseError
    if isinstance(exception, httpx.TimeoutException):
        return TimeoutServerError
    if isinstance(exception, httpx.UnsupportedProtocol):
        return UnsupportedURLValidationError
    if isinstance(exception, httpx.ConnectError):
        unresolved = any(isinstance(cause, socket.gaierror) for cause in chain_of(exception))
        return ResolutionServerError if unresolved else ConnectionServerError
    # As BodyReader, which leaves what broke off otherwise no choice.
    lost = in_body and isinstance(exception, httpx.RemoteProtocolError)
    return DataLossServerError if lost else DownloadServerError
