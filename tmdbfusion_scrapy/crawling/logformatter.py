"""Log lines of each request and item, made only where someone hears them."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from scrapy.logformatter import LogFormatter, LogFormatterResult

if TYPE_CHECKING:
    from scrapy import Request, Spider
    from scrapy.http import Response
    from twisted.python.failure import Failure


class SparingLogFormatter(LogFormatter):
    """Scrapy's log formatter without the cost of lines that nobody hears.

    Scrapy makes a log record for each response and each item at DEBUG even where ``LOG_LEVEL`` is higher, because
    its root logger takes all and its handlers choose. What is shown is the same.
    """

    def crawled(  # type: ignore[override]
        self, request: Request, response: Response, spider: Spider
    ) -> LogFormatterResult | None:
        """Return the line for a response, or ``None`` where no handler takes DEBUG."""
        return super().crawled(request, response, spider) if _debug_is_heard() else None

    def scraped(  # type: ignore[override]
        self, item: Any, response: Response | Failure | None, spider: Spider
    ) -> LogFormatterResult | None:
        """Return the line for an item, or ``None`` where no handler takes DEBUG."""
        return super().scraped(item, response, spider) if _debug_is_heard() else None


_HEARERS = [
    logging.getLogger(name) for name in ("scrapy.core.engine", "scrapy.core.scraper", "scrapy.core", "scrapy")
]
_HEARERS.append(logging.root)


def _debug_is_heard() -> bool:
    """Whether any handler takes the DEBUG lines of Scrapy's core."""
    return any(handler.level <= logging.DEBUG for logger in _HEARERS for handler in logger.handlers)
