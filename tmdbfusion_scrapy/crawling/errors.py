"""Failures of a download: TMDB's normalized error and Scrapy's exception in one.

Scrapy's own components tell failures apart by ``scrapy.exceptions`` (``HttpCacheMiddleware`` answers some of them
from the cache), errbacks of ours by :mod:`tmdbfusion_scrapy.exceptions`. So each is both.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

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
    error_from_exception,
    failure_of,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tmdbfusion_scrapy.exceptions import FailureKind
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


_SCRAPYS: Mapping[FailureKind, type[TMDBError]] = {
    "url": UnsupportedURLValidationError,
    "address": ResolutionServerError,
    "connection": ConnectionServerError,
    "time": TimeoutServerError,
    "exchange": DownloadServerError,
    "protocol": DownloadServerError,
}
"""The classes by the kind of :class:`~tmdbfusion_scrapy.exceptions.Failure`; Scrapy has none for the others."""


def download_error(
    exception: httpx.HTTPError | httpx.InvalidURL, *, method: str, path: str, in_body: bool = False
) -> TMDBError:
    """Return the error for an exception of the transport; ``in_body`` if the head of the response had come.

    The path is to be without a secret.
    """
    kind = failure_of(exception).kind
    cls = DataLossServerError if in_body and kind == "protocol" else _SCRAPYS.get(kind)
    return error_from_exception(exception, method=method, path=path, cls=cls)


def error_name(error: TMDBError) -> str:
    """Return the name of an error's class in :mod:`tmdbfusion_scrapy.exceptions`, as stats and stores have it."""
    return next(cls.__name__ for cls in type(error).__mro__ if cls.__module__ == exceptions.__name__)
