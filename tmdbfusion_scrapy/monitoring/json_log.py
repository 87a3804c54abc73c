"""Log lines as JSON objects: a formatter for any handler, and the extension that gives it to Scrapy's own."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import msgspec
from scrapy import Request, signals
from scrapy.http import Response
from scrapy.settings import SETTINGS_PRIORITIES
from scrapy.utils.log import get_scrapy_root_handler

from tmdbfusion_scrapy.exceptions import ConfigurationError
from tmdbfusion_scrapy.settings import read_boolean

if TYPE_CHECKING:
    from scrapy.crawler import Crawler
    from scrapy.settings import BaseSettings
    from typing_extensions import Self

logger = logging.getLogger(__name__)

_OF_EVERY_RECORD = frozenset(vars(logging.makeLogRecord({}))) | {
    "message",
    "asctime",
    "taskName",
    "spider",
    "crawler",
}
"""Attributes that are no fields of the user's."""


class JSONFormatter(logging.Formatter):
    """Formatter that makes one line with one JSON object of a log record.

    Fields: ``time`` (ISO 8601, UTC), ``level``, ``logger``, ``message``; where there is one, ``spider``; of a line
    about a request ``method``, ``url``, ``operation`` (TMDB's operationId), ``retries``, and ``status`` of its
    response; ``exception`` and ``stack`` with a traceback; what was given as ``extra``, if it is text or a number.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        fields = _fields(vars(record), record.getMessage())
        if record.exc_info:
            fields["exception"] = self.formatException(record.exc_info)
        elif record.exc_text:
            fields["exception"] = record.exc_text
        if record.stack_info:
            fields["stack"] = self.formatStack(record.stack_info)
        return _line(fields)


class JSONFormat(str):
    """``LOG_FORMAT`` of which ``logging.Formatter`` makes JSON.

    Scrapy logs before a crawl has extensions, and takes a format for its handler, no formatter. A traceback would
    come behind such a line, hence the extension below.
    """

    __slots__ = ()

    def __mod__(self, values: Any) -> str:
        return _line(_fields(values, values["message"]))


def install_early(settings: BaseSettings) -> None:
    """Make JSON of what Scrapy logs before a crawl has its extensions, if ``TMDB_LOG_JSON`` is true."""
    try:
        if not read_boolean(settings, "TMDB_LOG_JSON"):
            return
    except ConfigurationError:
        # Told when the crawl begins, as all such.
        return
    # Colours are written around the format, as text.
    for name, value in (("LOG_FORMAT", JSONFormat("%(message)s")), ("LOG_COLOR", False)):
        priority = max(settings.getpriority(name) or 0, SETTINGS_PRIORITIES["addon"])
        settings.set(name, value, priority=priority)


class JSONLog:
    """Extension of ``TMDB_LOG_JSON``: gives Scrapy's log handler a :class:`JSONFormatter` while the crawl runs.

    A process has one such handler. Scrapy makes a new one for each crawl that starts, by that crawl's settings, so
    the lines of all crawls are as the last one that started wants them.
    """

    def __init__(self, crawler: Crawler) -> None:
        self._ours = JSONFormatter()
        self._changed: list[tuple[logging.Handler, logging.Formatter | None]] = []
        self._install()
        if not self._changed:
            logger.warning(
                "TMDB_LOG_JSON is set, and Scrapy has no log handler in this process, which has its own: give "
                "that one the formatter tmdbfusion_scrapy.monitoring.json_log.JSONFormatter()",
                extra={"crawler": crawler},
            )
            return
        # Scrapy makes a new handler when all extensions are there.
        crawler.signals.connect(self._install, signals.spider_opened)
        crawler.signals.connect(self._restore, signals.engine_stopped)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Make the extension of a crawl."""
        return cls(crawler)

    def _install(self) -> None:
        """Give Scrapy's handler our formatter."""
        handler = get_scrapy_root_handler()
        if handler is not None and handler.formatter is not self._ours:
            self._changed.append((handler, handler.formatter))
            handler.setFormatter(self._ours)

    def _restore(self) -> None:
        """Give each handler its formatter back, unless somebody has changed it since."""
        for handler, before in self._changed:
            if handler.formatter is self._ours:
                handler.setFormatter(before)


def _fields(values: Mapping[str, Any], message: str) -> dict[str, Any]:
    """Return the fields of a record, given as its attributes."""
    moment = datetime.fromtimestamp(values["created"], timezone.utc)
    fields: dict[str, Any] = {
        "time": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "level": values["levelname"],
        "logger": values["name"],
        "message": message,
    }
    spider = values.get("spider") or getattr(values.get("crawler"), "spider", None)
    name = spider if isinstance(spider, str) else getattr(spider, "name", None)
    if name is not None:
        fields["spider"] = name
    arguments = values["args"]
    if isinstance(arguments, Mapping):
        fields.update(_fields_of_request(arguments))
    for key, value in values.items():
        if key not in _OF_EVERY_RECORD and isinstance(value, str | int | float):
            fields.setdefault(key, value)
    return fields


def _fields_of_request(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the arguments of a line of Scrapy's tell of a request."""
    fields: dict[str, Any] = {}
    request, response = arguments.get("request"), arguments.get("response")
    status = arguments.get("status")
    if isinstance(response, Response):
        request = request or response.request
        status = response.status
    if isinstance(request, Request):
        fields["method"] = request.method
        fields["url"] = request.url
        call = request.meta.get("tmdb_call")
        if isinstance(call, Mapping) and call.get("operation"):
            fields["operation"] = call["operation"]
        if "retry_times" in request.meta:
            fields["retries"] = request.meta["retry_times"]
    if isinstance(status, int):
        fields["status"] = status
    return fields


def _line(fields: dict[str, Any]) -> str:
    """Return fields as one line of JSON."""
    try:
        return msgspec.json.encode(fields).decode()
    except UnicodeEncodeError:
        # Half a character, as in the name of a file that is not UTF-8.
        return json.dumps(fields)
