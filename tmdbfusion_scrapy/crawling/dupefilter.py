"""Duplicates: what tells TMDB requests apart, and which were seen, in less than a byte for each of TMDB's ids."""

from __future__ import annotations

import re
from hashlib import sha1
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from scrapy.dupefilters import BaseDupeFilter, RFPDupeFilter
from scrapy.settings import SETTINGS_PRIORITIES
from scrapy.utils.job import job_dir
from scrapy.utils.misc import build_from_crawler, load_object
from scrapy.utils.request import RequestFingerprinter, RequestFingerprinterProtocol

from tmdbfusion_scrapy.crawling.calls import unseen_in_url
from tmdbfusion_scrapy.settings import previous, settings_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from scrapy import Request, Spider
    from scrapy.crawler import Crawler
    from twisted.internet.defer import Deferred
    from typing_extensions import Self

SEEN_FILE = "tmdb_requests.seen"
"""In the job directory: a line for each request, all but its number in hexadecimal form, and the number or 0."""

_NUMBER = re.compile(r"(?<=/)[1-9][0-9]{0,11}(?=/|$)")
"""A number that is written in one way only."""

_LINE = re.compile(rb"([0-9a-f]{40}) ([0-9]+)\n")

_BITS = 256
"""Numbers that share an integer, as ids lie close together. One alone takes no more room than a fingerprint."""


class TMDBRequestFingerprinter:
    """Tells TMDB requests apart by method, URL, body and labels of secrets, the query's parameters in any order.

    All other requests get the fingerprinter that was there before. Scrapy's own parses and escapes each URL anew
    as well; the URLs of an API that come from the catalogue are escaped alike to begin with.
    """

    def __init__(self, crawler: Crawler) -> None:
        self._settings = settings_of(crawler.settings)
        before = crawler.settings.get(previous("REQUEST_FINGERPRINTER_CLASS"), RequestFingerprinter)
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
        return self._digest(request, *_path_and_query(url))

    def numbered(self, request: Request) -> tuple[bytes, int] | None:
        """Return a digest of all but the first number of a request's path, and that number, 0 for none.

        ``None`` for a request that is not TMDB's.
        """
        base, url = self._settings.api_url, request.url
        if not self._settings.is_tmdb(url):
            return None
        path, query = _path_and_query(url)
        found = _NUMBER.search(path, len(base)) if url.startswith(base) else None
        if found is None:
            return self.fingerprint(request), 0
        # Nowhere else in a URL is there a line break.
        rest = f"{path[: found.start()]}\n{path[found.end() :]}"
        return self._digest(request, rest, query), int(found.group())

    def _digest(self, request: Request, path: str, query: str) -> bytes:
        parts = [request.method, path, query, *unseen_in_url(request, self._settings.api_url)]
        told = b"\n".join([*(part.encode() for part in parts), request.body])
        return sha1(told, usedforsecurity=False).digest()


class TMDBDupeFilter(BaseDupeFilter):
    """Filter of duplicates with a bit for a TMDB request that has a number in its path.

    A million fingerprints take some 150 MB. The requests of a crawl differ mostly in an id, so here the rest of
    them is kept once, and the ids as bits. With ``JOBDIR`` the next run knows what was seen.

    Requests of other hosts go to the filter that was there before (``others``, by default Scrapy's), which logs as
    well; so do all of them with a ``REQUEST_FINGERPRINTER_CLASS`` of your own.
    """

    def __init__(
        self,
        path: str | None = None,
        debug: bool = False,
        *,
        fingerprinter: RequestFingerprinterProtocol | None = None,
        others: BaseDupeFilter | None = None,
    ) -> None:
        self._others = others or RFPDupeFilter(path, debug, fingerprinter=fingerprinter)
        # The base class, which filters nothing, does not log either.
        logs = type(self._others).log is not BaseDupeFilter.log
        self._logging = self._others if logs else RFPDupeFilter(None, debug, fingerprinter=fingerprinter)
        self._numbered: Callable[[Request], tuple[bytes, int] | None] | None = None
        self._seen: dict[bytes, dict[int, int]] = {}
        self._seen_without_number: set[bytes] = set()
        self._seen_file: BinaryIO | None = None
        if isinstance(fingerprinter, TMDBRequestFingerprinter):
            self._numbered = fingerprinter.numbered
            if path:
                self._seen_file = self._resume(Path(path, SEEN_FILE))

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Make the filter of a crawl."""
        settings = crawler.settings
        before = settings.get(previous("DUPEFILTER_CLASS"), RFPDupeFilter)
        others = build_from_crawler(load_object(before), crawler)
        fingerprinter = crawler.request_fingerprinter
        is_chosen = (settings.getpriority("REQUEST_FINGERPRINTER_CLASS") or 0) > SETTINGS_PRIORITIES["addon"]
        if not (is_chosen or isinstance(fingerprinter, TMDBRequestFingerprinter)):
            # An add-on after ours has put another one there, which knows nothing of sessions.
            fingerprinter = TMDBRequestFingerprinter(crawler)
        debug = settings.getbool("DUPEFILTER_DEBUG")
        return cls(job_dir(settings), debug, fingerprinter=fingerprinter, others=others)

    def open(self) -> Deferred[None] | None:
        """Open the filter of other requests."""
        return self._others.open()

    def request_seen(self, request: Request) -> bool:
        """Return whether a request was seen before; from now on it was."""
        numbered = self._numbered(request) if self._numbered is not None else None
        if numbered is None:
            return self._others.request_seen(request)
        group, number = numbered
        if not self._add(group, number):
            return True
        if self._seen_file is not None:
            self._seen_file.write(b"%b %d\n" % (group.hex().encode(), number))
        return False

    def log(self, request: Request, spider: Spider) -> None:
        """Log that a request was left out."""
        self._logging.log(request, spider)

    def close(self, reason: str) -> Deferred[None] | None:
        """Close the files."""
        if self._seen_file is not None:
            self._seen_file.close()
        return self._others.close(reason)

    def _resume(self, path: Path) -> BinaryIO:
        """Take in what an earlier run of the job has seen, and return the file for what this one sees."""
        # Without a buffer: what was seen stays known after kill -9.
        file = path.open("ab", buffering=0)
        line = b"\n"
        with path.open("rb") as lines:
            for line in lines:
                # A crash may have cut one short.
                if found := _LINE.fullmatch(line):
                    self._add(bytes.fromhex(found[1].decode()), int(found[2]))
        if not line.endswith(b"\n"):
            file.write(b"\n")
        return file

    def _add(self, group: bytes, number: int) -> bool:
        """Note a request and return whether it is new."""
        if not number:
            is_new = group not in self._seen_without_number
            self._seen_without_number.add(group)
            return is_new
        masks = self._seen.setdefault(group, {})
        index, bit = divmod(number, _BITS)
        mask = masks.get(index, 0)
        masks[index] = mask | 1 << bit
        return masks[index] != mask


def _path_and_query(url: str) -> tuple[str, str]:
    """Return the path, with all before it, and the query in a fixed order."""
    path, _, query = url.partition("#")[0].partition("?")
    return path, "&".join(sorted(query.split("&"))) if "&" in query else query
