"""Bad settings and arguments end a crawl with their message alone."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING

from scrapy.utils.log import get_scrapy_root_handler
from twisted.logger import globalLogBeginner

from tmdbfusion_scrapy.exceptions import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator


class _MessageAlone(logging.Filter):
    """Takes the traceback, and Twisted's heading, off what is logged of a ConfigurationError nobody caught."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.name == "twisted" and record.getMessage().strip() == "Unhandled error in Deferred:":
            return False
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, ConfigurationError):
            record.name = "tmdbfusion_scrapy"
            record.msg = "%s"
            record.args = (str(error),)
            record.exc_info = record.exc_text = None
        return True


_filter = _MessageAlone()


@contextmanager
def plain_messages() -> Iterator[None]:
    """Let a :class:`ConfigurationError` that ends the crawl be logged as its message, without a traceback.

    The error is raised on all the same, so that a program that runs the crawl can catch it, and ``scrapy crawl``
    ends with status 1. Who logs it if nobody does is asyncio, or Twisted for ``CrawlerProcess``.
    """
    try:
        yield
    except ConfigurationError:
        for name in ("asyncio", "twisted"):
            logging.getLogger(name).addFilter(_filter)
        if get_scrapy_root_handler() is not None:
            _begin_twisted_logging()
        raise


@cache
def _begin_twisted_logging() -> None:
    """Keep Twisted from writing what nobody caught to standard error, too, as it does until logging has begun."""
    globalLogBeginner.beginLoggingTo([], discardBuffer=True, redirectStandardIO=False)
