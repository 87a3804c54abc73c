"""Conditional requests: a record that is stored is sent again only if it has changed (``TMDB_CONDITIONAL``).

An ETag is of one URL. What is stored of it is therefore ``<call> <ETag>``: the call is a digest of all that the
record depends on, so that another list of appended parts, or another language, is never answered by a 304.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator  # noqa: TC003 - scrapy-poet reads the annotations of callbacks
from hashlib import sha1
from typing import TYPE_CHECKING, Any
from weakref import ref

import msgspec
from scrapy.http import Response  # noqa: TC002 - likewise

from tmdbfusion_scrapy import stats as names
from tmdbfusion_scrapy.api import OPERATIONS
from tmdbfusion_scrapy.crawling.calls import CONDITION_KEY, call_of, shows_secret
from tmdbfusion_scrapy.crawling.responses import TMDBResponse
from tmdbfusion_scrapy.items import UnchangedRecord
from tmdbfusion_scrapy.settings import once_a_crawl, settings_of

if TYPE_CHECKING:
    from scrapy import Request
    from scrapy.crawler import Crawler
    from scrapy.http import Headers

    from tmdbfusion_scrapy.api import Call

logger = logging.getLogger(__name__)

MOST_IGNORED = 20
"""Unchanged records sent in full, and none with 304, after which a crawl no longer asks."""


class Conditions:
    """The conditional requests of a crawl, and what came of them. See :func:`conditions_of`.

    Attributes:
        asks: True if the crawl makes conditional requests; not any more once TMDB turned out to ignore them.
    """

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = ref(crawler)
        settings = settings_of(crawler.settings)
        self._api_url = settings.api_url
        self.asks = settings.conditional
        self._ignored = 0
        self._heeded = False

    @property
    def _stats(self) -> Any:
        """The stats of the crawl; they hold its crawler."""
        crawler = self._crawler()
        assert crawler is not None  # noqa: S101 - it is running
        return crawler.stats

    def conditional(self, request: Request, record_id: int, etag: str | None) -> Request:
        """Return a request for the details of a record, conditional if the record was fetched that way last.

        Args:
            request: The request.
            record_id: TMDB's id of the record.
            etag: Value of the column ``etag`` for the record; ``None`` for a record that is not stored.
        """
        if etag is None or not self.asks:
            return request
        digest, _, sent = etag.partition(" ")
        if sent and digest == _digest(request, call_of(request, self._api_url)):
            request.headers["If-None-Match"] = sent
            request.meta[CONDITION_KEY] = [record_id, etag]
            self._stats.inc_value(names.CONDITIONAL_REQUESTS)
        return request

    def not_modified(self, request: Request, response: Response) -> TMDBResponse | None:
        """Return what tells of a record that has not changed; ``None`` for any other answer.

        The response has a callback of its own, which yields an ``UnchangedRecord``: neither the spider's callback
        nor its errback sees it.
        """
        if CONDITION_KEY not in request.meta:
            return None
        record_id, etag = request.meta[CONDITION_KEY]
        if response.status != 304:
            self._note_answer(etag, response)
            return None
        operation_id = call_of(request, self._api_url).operation_id
        if operation_id is None:
            return None
        self._heeded = True
        self._stats.inc_value(names.CONDITIONAL_NOT_MODIFIED)
        told = request.replace(
            callback=_tell,
            errback=None,
            cb_kwargs={"item": UnchangedRecord(OPERATIONS[operation_id].kind, record_id, etag)},
            # HttpErrorMiddleware takes what is no 2xx for an error.
            meta={**request.meta, "handle_httpstatus_list": [304]},
        )
        return response.replace(cls=TMDBResponse, request=told)

    def _note_answer(self, etag: str, response: Response) -> None:
        """Count a record that was sent though it is the one that is stored."""
        sent = response.headers.get("ETag")
        if sent is None or response.status != 200 or "cached" in response.flags:
            return
        if _strong(sent.decode("latin-1")) != _strong(etag.partition(" ")[2]):
            return
        self._stats.inc_value(names.CONDITIONAL_IGNORED)
        self._ignored += 1
        if self.asks and not self._heeded and self._ignored == MOST_IGNORED:
            self.asks = False
            logger.info(
                "TMDB sent %d unchanged records in full, so it does not heed If-None-Match: it is no longer asked "
                "that way in this crawl. TMDB_CONDITIONAL is of no use now",
                MOST_IGNORED,
                extra={"spider": getattr(self._crawler(), "spider", None)},
            )


@once_a_crawl
def conditions_of(crawler: Crawler) -> Conditions:
    """Return the conditional requests of a crawl, made at the first use."""
    return Conditions(crawler)


def stored_etag(request: Request, call: Call[Any], headers: Headers) -> str | None:
    """Return what is stored of the ETag of an answer to a call's only request; ``None`` where none can be used."""
    etag = headers.get("ETag")
    if etag is None or b"***" in etag:
        # One that had a secret in it is no use.
        return None
    digest = _digest(request, call)
    return f"{digest} {etag.decode('latin-1')}" if digest is not None else None


def _digest(request: Request, call: Call[Any]) -> str | None:
    """Return a digest of all that a record depends on; ``None`` for one of one user, or with a secret."""
    if call.method != "GET" or call.secrets or shows_secret(request.url):
        return None
    query = sorted(call.query.items())
    told = [call.path, query, call.appends, call.languages, call.has_all_seasons]
    return sha1(msgspec.json.encode(told), usedforsecurity=False).hexdigest()[:12]


def _strong(etag: str) -> str:
    """Return an ETag for comparing; a server that compresses an answer may call its ETag weak."""
    return etag.removeprefix("W/")


def _tell(response: Response, item: UnchangedRecord) -> Iterator[UnchangedRecord]:  # noqa: ARG001 - a callback
    """Yield that a record has not changed."""
    yield item
