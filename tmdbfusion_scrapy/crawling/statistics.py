"""Scrapy's statistics at less cost: the same names and the same numbers."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from scrapy.downloadermiddlewares.stats import DownloaderStats, get_status_size
from scrapy.statscollectors import MemoryStatsCollector

if TYPE_CHECKING:
    from scrapy import Request, Spider
    from scrapy.crawler import Crawler
    from scrapy.http import Headers, Response

_status_size = lru_cache(get_status_size)


class SparingStatsCollector(MemoryStatsCollector):
    """Scrapy's collector, without a search for a wrapper at each use of each of its attributes.

    Scrapy's wraps its methods, so that they warn of a ``spider`` argument, and finds the wrapped ones anew for
    every number that is counted, some fifteen for a request. Here they are found once. What has no such search
    in another version of Scrapy, is left as it is.
    """

    __getattribute__ = object.__getattribute__

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        for name in dir(MemoryStatsCollector):
            if not name.startswith("_"):
                method: Any = MemoryStatsCollector.__getattribute__(self, name)
                if f"_cached_{name}" in vars(self):
                    setattr(self, name, method)


class SparingDownloaderStats(DownloaderStats):
    """Scrapy's middleware, without writing out each request and response to learn how long they are."""

    def process_request(self, request: Request, spider: Spider | None = None) -> Request | Response | None:
        """Count a request and its bytes."""
        if spider is not None:
            # It warns of that.
            return super().process_request(request, spider)
        size = _request_size(request)
        if size is None:
            return super().process_request(request)
        self.stats.inc_value("downloader/request_count")
        self.stats.inc_value(f"downloader/request_method_count/{request.method}")
        self.stats.inc_value("downloader/request_bytes", size)
        return None

    def process_response(
        self, request: Request, response: Response, spider: Spider | None = None
    ) -> Request | Response:
        """Count a response and its bytes."""
        if spider is not None:
            return super().process_response(request, response, spider)
        self.stats.inc_value("downloader/response_count")
        self.stats.inc_value(f"downloader/response_status_count/{response.status}")
        headers = response.headers
        # Its last line break is counted for each name, where one has no value as well.
        size = _size_of(headers) + 2 * (len(headers) - 1)
        size += len(response.body) + _status_size(response.status) + 4
        self.stats.inc_value("downloader/response_bytes", size)
        return response


def _size_of(headers: Headers) -> int:
    """Bytes of all headers, without line breaks."""
    size = 0
    for name, values in dict.items(headers):
        for value in values:
            size += len(name) + 2 + len(value)
    return size


_USUAL_URL = re.compile(r"[a-z]+://([\w.-]+)(?::\d+)?(/(?!/)[^#;]*)(?<!\?)", re.ASCII)
"""A URL of which path and query are sent as they stand."""


def _request_size(request: Request) -> int | None:
    """Bytes of a request as Scrapy would write it; ``None`` where its URL has to be taken apart for that."""
    url = _USUAL_URL.fullmatch(request.url)
    if url is None:
        return None
    host, path = url.groups()
    size = len(f"{request.method} {path} HTTP/1.1\r\nHost: {host}\r\n\r\n") + len(request.body)
    headers = request.headers
    if headers:
        lines = sum(map(len, dict.values(headers)))
        size += _size_of(headers) + 2 * max(lines - 1, 0) + 2
    return size
