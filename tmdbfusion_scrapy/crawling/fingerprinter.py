"""Fingerprints of TMDB requests, at a tenth of the cost of canonicalizing their URLs."""

from __future__ import annotations

import re
from hashlib import sha1
from typing import TYPE_CHECKING

from scrapy.utils.misc import build_from_crawler, load_object
from scrapy.utils.request import RequestFingerprinter

from tmdbfusion_scrapy.crawling.calls import unseen_in_url
from tmdbfusion_scrapy.settings import settings_of

if TYPE_CHECKING:
    from scrapy import Request
    from scrapy.crawler import Crawler
    from scrapy.utils.request import RequestFingerprinterProtocol
    from typing_extensions import Self

FINGERPRINTER_SETTING = "TMDB_FALLBACK_FINGERPRINTER"
"""Set by the add-on: the ``REQUEST_FINGERPRINTER_CLASS`` that was there before."""


class TMDBRequestFingerprinter:
    """Tells TMDB requests apart by method, URL and body, the query's parameters in any order.

    Calls of two sessions are told apart by the labels of their secrets, which stand for the secrets in a request.

    All other requests get the fingerprinter that was there before. Scrapy's own parses and escapes each URL anew
    as well; the URLs of an API that come from the catalogue are escaped alike to begin with.
    """

    def __init__(self, crawler: Crawler) -> None:
        self._settings = settings_of(crawler.settings)
        before = crawler.settings.get(FINGERPRINTER_SETTING, RequestFingerprinter)
        self._others: RequestFingerprinterProtocol = build_from_crawler(load_object(before), crawler)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Make the fingerprinter of a crawl."""
        return cls(crawler)

    def fingerprint(self, request: Request) -> bytes:
        """Return 20 bytes, the same for requests that ask for the same."""
        url = request.url
        if not self._settings.is_tmdb(url):
            return self._others.fingerprint(request)
        return sha1(self._told(request, *_split(url)), usedforsecurity=False).digest()

    def numbered(self, request: Request) -> tuple[bytes, int] | None:
        """Return what tells a request apart in two: 20 bytes, and the first number of its path, 0 for none.

        Two requests are equal in both if their fingerprints are. ``None`` for a request that is not TMDB's.
        """
        base = self._settings.api_url
        url = request.url
        if not self._settings.is_tmdb(url):
            return None
        path, query = _split(url)
        found = _NUMBER.search(path, len(base)) if url.startswith(base) else None
        if found is None:
            return self.fingerprint(request), 0
        # Nowhere else in a URL is there a line break.
        told = self._told(request, f"{path[: found.start()]}\n{path[found.end() :]}", query)
        return sha1(told, usedforsecurity=False).digest(), int(found.group())

    def _told(self, request: Request, path: str, query: str) -> bytes:
        """All that tells a request apart."""
        parts = [request.method, path, query, *unseen_in_url(request, self._settings.api_url)]
        return b"\n".join([*(part.encode() for part in parts), request.body])


_NUMBER = re.compile(r"(?<=/)[1-9][0-9]{0,11}(?=/|$)")
"""A number that is written in one way only."""


def _split(url: str) -> tuple[str, str]:
    """The path, with all before it, and the query in a fixed order."""
    path, _, query = url.partition("#")[0].partition("?")
    return path, "&".join(sorted(query.split("&"))) if "&" in query else query
