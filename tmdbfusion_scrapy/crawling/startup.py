"""Bad settings and arguments end a crawl with their message alone."""

from __future__ import annotations

import asyncio
import logging
import warnings
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING
from weakref import finalize, ref

from scrapy.utils.log import get_scrapy_root_handler
from twisted.logger import globalLogBeginner

from tmdbfusion_scrapy.exceptions import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator


class _MessageAlone(logging.Filter):
    """Takes the traceback, and Twisted's heading, off what is logged of one error that nobody caught."""

    def __init__(self, error: ConfigurationError) -> None:
        super().__init__()
        self._error = ref(error)

    def filter(self, record: logging.LogRecord) -> bool:
        if record.name == "twisted" and record.getMessage().strip() == "Unhandled error in Deferred:":
            return False
        error = record.exc_info[1] if record.exc_info else None
        if error is not None and error is self._error():
            record.name = "tmdbfusion_scrapy"
            record.msg = "%s"
            record.args = (str(error),)
            record.exc_info = record.exc_text = None
        return True


@contextmanager
def plain_messages() -> Iterator[None]:
    """Let a :class:`ConfigurationError` that ends the crawl be logged as its message, without a traceback.

    The error is raised on all the same, so that a program that runs the crawl can catch it, and ``scrapy crawl``
    ends with status 1. Who logs it if nobody does is asyncio, or Twisted for ``CrawlerProcess``: their logger has
    a filter as long as there is the error.
    """
    try:
        yield
    except ConfigurationError as error:
        in_task = _is_in_task()
        logger = logging.getLogger("asyncio" if in_task else "twisted")
        message_alone = _MessageAlone(error)
        logger.addFilter(message_alone)
        # What is logged at the end of the process still needs it.
        finalize(error, logger.removeFilter, message_alone).atexit = False
        if not in_task and get_scrapy_root_handler() is not None:
            _begin_twisted_logging()
        raise


def _is_in_task() -> bool:
    """Return whether an asyncio task runs this."""
    try:
        return asyncio.current_task() is not None
    except RuntimeError:
        return False


@cache
def _begin_twisted_logging() -> None:
    """Keep Twisted from writing what nobody caught to standard error, too, as it does until logging has begun."""
    show = warnings.showwarning
    globalLogBeginner.beginLoggingTo([], discardBuffer=True, redirectStandardIO=False)
    # Twisted takes warnings over when logging begins.
    warnings.showwarning = show
