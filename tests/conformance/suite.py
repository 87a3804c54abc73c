"""Scrapy's suite for HTTP download handlers on ``TMDBDownloadHandler``: a module of Scrapy's tests, not of ours.

``tests.conformance`` puts a copy among the tests of Scrapy's sdist, where ``tests`` is Scrapy's. Each class of
Scrapy's module for its own httpx handler becomes one of the same name for ours, so that the results can be laid
side by side, test by test.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from scrapy.utils.test import get_crawler

from tests import test_downloader_handler_httpx as of_httpx
from tmdbfusion_scrapy.crawling.handler import TMDBDownloadHandler
from tmdbfusion_scrapy.crawling.session import session_of
from tmdbfusion_scrapy.credentials import Credentials

if TYPE_CHECKING:
    from collections.abc import Mapping

    from scrapy import Request
    from scrapy.crawler import Crawler
    from scrapy.http import Response

pytestmark = pytest.mark.only_asyncio


class SilentCredentials(Credentials):
    """Send nothing: the suite's servers echo a request, where a token would be a header too many."""

    headers: Mapping[str, str] = {}
    query: Mapping[str, str] = {}


class EveryHostHandler(TMDBDownloadHandler):
    """Takes each request for one of TMDB's."""

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        silent = SilentCredentials("not-sent-at-all", is_v3_key=False)
        self._channel = replace(session_of(crawler).api, credentials=silent)

    async def download_request(self, request: Request) -> Response:
        return await self._download(request, self._channel)


class EveryHost:
    """What Scrapy's own test classes for a handler say of it."""

    handler_supports_bindaddress_meta = False
    handler_supports_idna_rejected_hostnames = True
    handler_supports_tls_in_tls = sys.version_info >= (3, 11)
    # As llhttp, which reads the responses.
    handler_bad_header_handling = "fail"

    download_handler_cls = EveryHostHandler
    settings_dict = {  # noqa: RUF012 - an attribute in Scrapy's classes, too
        "DOWNLOAD_HANDLERS": dict.fromkeys(("http", "https"), f"{__name__}.EveryHostHandler")
    }


def settings_of_tmdb(given: Mapping[str, Any]) -> dict[str, Any]:
    """Ours for what the suite sets. TLS is checked for TMDB whatever Scrapy's setting says, hence its own."""
    return {
        **given,
        "TMDB_ACCESS_TOKEN": "not-sent-at-all",
        "TMDB_REQUESTS_PER_SECOND": 0,
        "TMDB_VERIFY_TLS": given.get("DOWNLOAD_VERIFY_CERTIFICATES", False),
    }


@pytest.fixture(autouse=True)
def _settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give each crawler of the suite our settings as well."""

    def with_ours(spidercls: Any = None, settings_dict: Any = None, **arguments: Any) -> Any:
        return get_crawler(spidercls, settings_of_tmdb(settings_dict or {}), **arguments)

    for module in {suite.__module__ for cls in of_scrapy.values() for suite in cls.__mro__}:
        if module.startswith("tests."):
            monkeypatch.setattr(f"{module}.get_crawler", with_ours, raising=False)


of_scrapy = {
    name: cls
    for name, cls in vars(of_httpx).items()
    if isinstance(cls, type) and name.startswith("Test") and cls.__module__ == of_httpx.__name__
}

for name, cls in of_scrapy.items():
    # What its httpx handler of an older Scrapy lacks as a whole (proxies), ours may have.
    if any(mark.name == "skip" for mark in vars(cls).get("pytestmark", ())):
        del cls.pytestmark
    globals()[name] = type(name, (EveryHost, cls), {"__module__": __name__})
