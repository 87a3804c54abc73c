"""Scrapy's suite for HTTP download handlers on ``TMDBDownloadHandler``: a module of Scrapy's tests, not of ours.

``tests.conformance.sdist`` puts it among the tests of Scrapy's sdist, where the imports below are found. Each class
of Scrapy's module for its own httpx handler becomes one for ours of the same name, so that results can be laid side
by side, test by test.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from scrapy.utils.test import get_crawler
from tests import test_downloader_handler_httpx as of_httpx

from tmdbfusion_scrapy.crawling.handler import TMDBDownloadHandler
from tmdbfusion_scrapy.crawling.session import session_of
from tmdbfusion_scrapy.credentials import Credentials

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scrapy import Request
    from scrapy.crawler import Crawler

pytestmark = pytest.mark.only_asyncio


class NothingToSend(Credentials):
    """The suite's servers echo what they get: a token would be a header too many."""

    headers: dict[str, str] = {}
    query: dict[str, str] = {}


class EveryHostHandler(TMDBDownloadHandler):
    """Takes each request for one of TMDB's."""

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        session_of(crawler).credentials = NothingToSend("not-sent", is_v3_key=False)

    def is_ours(self, request: Request) -> bool:
        return True
