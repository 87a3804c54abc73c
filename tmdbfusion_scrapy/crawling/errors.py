"""Errors as Scrapy takes them: of a download, and of settings, which end a crawl with their message alone.

Scrapy's own components tell failures apart by ``scrapy.exceptions``, errbacks of ours by
:mod:`tmdbfusion_scrapy.exceptions`. So each is both.
"""

from __future__ import annotations

import asyncio
import logging
import warnings
from contextlib import contextmanager
from functools import cache, partial
from typing import TYPE_CHECKING, Any
from weakref import ref

import scrapy.exceptions
from scrapy.utils.log import get_scrapy_root_handler
from twisted.logger import globalLogBeginner

from tmdbfusion_scrapy import exceptions
from tmdbfusion_scrapy.exceptions import ConfigurationError, FailureKind, ServerError, TMDBError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tmdbfusion_scrapy.http import httpx


class TimeoutServerError(ServerError, scrapy.exceptions.DownloadTimeoutError):
    """No answer in time."""


class ConnectionServerError(ServerError, scrapy.exceptions.DownloadConnectionRefusedError):
    """No connection."""


class ResolutionServerError(ServerError, scrapy.exceptions.CannotResolveHostError):
    """The host has no address."""


class DownloadServerError(ServerError, scrapy.exceptions.DownloadFailedError):
    """The exchange broke off."""


class DataLossServerError(ServerError, scrapy.exceptions.ResponseDataLossError):
    """The body broke off."""


class TooLargeResponseError(exceptions.ResponseError, scrapy.exceptions.DownloadCancelledError):
    """The body is larger than ``DOWNLOAD_MAXSIZE``."""

    default_retryable = False


class UnsupportedURLValidationError(exceptions.ValidationError, scrapy.exceptions.UnsupportedURLSchemeError):
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
    """Return the error for an exception of the transport; ``in_body`` if the head of the response had come."""
    kind = exceptions.failure_of(exception).kind
    cls = DataLossServerError if in_body and kind == "protocol" else _SCRAPYS.get(kind)
    return exceptions.error_from_exception(exception, method=method, path=path, cls=cls)


def error_name(error: TMDBError) -> str:
    """Return the name of an error's class in :mod:`tmdbfusion_scrapy.exceptions`, as stats and stores have it."""
    return next(cls.__name__ for cls in type(error).__mro__ if cls.__module__ == exceptions.__name__)


logger = logging.getLogger("tmdbfusion_scrapy")


@contextmanager
def plain_messages() -> Iterator[None]:
    """Let a :class:`ConfigurationError` that ends the crawl be logged as its message, and be raised on."""
    try:
        yield
    except ConfigurationError as error:
        try:
            task = asyncio.current_task()
        except RuntimeError:
            task = None
        if task is not None:
            task.add_done_callback(partial(_log_message, ref(error)))
        elif get_scrapy_root_handler() is not None:
            # Scrapy's CrawlerProcess, before it runs a loop: Twisted logs what nobody caught.
            logging.getLogger("twisted").addFilter(_shorten_once)
            _begin_twisted_logging()
        raise


def _log_message(error: ref[ConfigurationError], task: asyncio.Task[Any]) -> None:
    """Log the error that the task of a crawl has ended with; asyncio would log it with its traceback."""
    if not task.cancelled() and (ended_with := task.exception()) is not None and ended_with is error():
        logger.error("%s", ended_with)


def _shorten_once(record: logging.LogRecord) -> bool:
    """Filter Twisted's records of one error that nobody caught: its message is left of them."""
    if record.getMessage().strip() == "Unhandled error in Deferred:":
        return False
    error = record.exc_info[1] if record.exc_info else None
    if isinstance(error, ConfigurationError):
        logging.getLogger("twisted").removeFilter(_shorten_once)
        record.name, record.msg, record.args = logger.name, "%s", (str(error),)
        record.exc_info = record.exc_text = None
    return True


@cache
def _begin_twisted_logging() -> None:
    """Keep Twisted from writing what nobody caught to standard error, too, as it does until logging has begun."""
    show = warnings.showwarning
    globalLogBeginner.beginLoggingTo([], discardBuffer=True, redirectStandardIO=False)
    # Twisted takes warnings over when logging begins.
    warnings.showwarning = show
