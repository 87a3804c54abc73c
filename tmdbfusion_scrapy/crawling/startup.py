"""Bad settings and arguments end a crawl with their message alone."""

from __future__ import annotations

import asyncio
import logging
import warnings
from contextlib import contextmanager
from functools import cache, partial
from typing import TYPE_CHECKING
from weakref import ref

from scrapy.utils.log import get_scrapy_root_handler
from twisted.logger import globalLogBeginner

from tmdbfusion_scrapy.exceptions import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

logger = logging.getLogger("tmdbfusion_scrapy")


@contextmanager
def plain_messages() -> Iterator[None]:
    """Let a :class:`ConfigurationError` that ends the crawl be logged as its message, without a traceback.

    The error is raised on all the same, so that a program that runs the crawl can catch it, and ``scrapy crawl``
    ends with status 1.
    """
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
