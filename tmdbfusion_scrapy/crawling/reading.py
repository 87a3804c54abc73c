"""From a good answer to the response that a callback gets, with its record."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, Any

from tmdbfusion_scrapy import stats as names
from tmdbfusion_scrapy.api.appending import may_exist
from tmdbfusion_scrapy.crawling.appending import (
    Absences,
    can_do_without,
    go_on,
    go_on_without,
    has_appends,
    is_asking_again,
    part_label,
)
from tmdbfusion_scrapy.crawling.conditional import stored_etag
from tmdbfusion_scrapy.crawling.failed import call_of, public_path
from tmdbfusion_scrapy.crawling.requests import (
    endpoint_of,
    ids_asked_for,
    language_asked_for,
    page_asked_for,
)
from tmdbfusion_scrapy.crawling.responses import TMDBResponse
from tmdbfusion_scrapy.exceptions import AuthenticationError
from tmdbfusion_scrapy.models import Record, decode
from tmdbfusion_scrapy.models.answers import check_answer
from tmdbfusion_scrapy.models.languages import note_language
from tmdbfusion_scrapy.models.record import Decoded
from tmdbfusion_scrapy.settings import TMDBSettings
from tmdbfusion_scrapy.stores import RECORD_CAME

if TYPE_CHECKING:
    from scrapy import Request
    from scrapy.crawler import Crawler
    from scrapy.http import Response

    from tmdbfusion_scrapy.api import Endpoint
    from tmdbfusion_scrapy.exceptions import TMDBError

logger = logging.getLogger(__name__)


class RecordReader:
    """Decodes the answers of a crawl, and counts what is odd with them.

    Args:
        crawler: The crawl.
    """

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler
        self._settings = TMDBSettings.from_settings(crawler.settings)
        self._stats = crawler.stats
        # The HTTP cache is to answer everything, and it is not asked for parts that had been left out.
        self._is_offline = crawler.settings.getbool("HTTPCACHE_ENABLED") and crawler.settings.getbool(
            "HTTPCACHE_IGNORE_MISSING"
        )
        self._absences = Absences(crawler)

    def read(self, request: Request, response: Response) -> TMDBResponse | Request:
        """Decode the body into the record of the endpoint, or return the request for the rest of it.

        Raises:
            ResponseError: The body is not the endpoint's record.
        """
        endpoint = endpoint_of(request)
        model: Any = endpoint.model if endpoint is not None else Any
        record = decode(response.body, model)
        check_answer(record, page_asked_for(request), ids_asked_for(request, self._settings.api_url))
        if endpoint is not None and endpoint.kind and endpoint.is_details and not record.drift:
            # One that could not be read as a whole may be read better by a later version.
            record._etag = stored_etag(request, response.headers, self._settings.api_url)  # noqa: SLF001
        if isinstance(record, Record) and has_appends(request):
            result = go_on(
                request, response, record, model, may_ask=lambda part: self._may_ask(request, part)
            )
            if isinstance(result, TMDBResponse):
                self._count(request, endpoint, result.record)
            elif is_asking_again(result):
                self._stats.inc_value(names.APPENDED_AGAIN)
            return result
        self._count(request, endpoint, record)
        ours = of_our_class(response)
        ours.record = record
        return ours

    def _may_ask(self, request: Request, part: str) -> bool:
        """Whether to ask again for a part that was left out."""
        return not self._is_offline and self._absences.may_come(request, part)

    def read_without(self, request: Request, error: TMDBError | None = None) -> TMDBResponse | Request | None:
        """The record without the parts that a failed request was to add to it, if it can do without."""
        if not can_do_without(request) or isinstance(error, AuthenticationError):
            return None
        endpoint = endpoint_of(request)
        assert endpoint is not None  # noqa: S101 - only calls of the catalogue ask again
        result = go_on_without(request, endpoint.model)
        if isinstance(result, TMDBResponse):
            self._count(request, endpoint, result.record)
        return result

    def _count(self, request: Request, endpoint: Endpoint[..., Any] | None, record: Any) -> None:
        """Count what a callback is to get, and what is odd with it; note which language it is in."""
        call = partial(call_of, request, self._settings.api_url)
        self._crawler.signals.send_catch_log(RECORD_CAME, call=call)
        language = language_asked_for(request)
        if language is not None and isinstance(record, Record):
            note_language(record, language)
        if isinstance(record, Decoded):
            for field in record.drift:
                self._stats.inc_value(f"{names.DRIFT_COUNT}/{field}")
        if endpoint is not None and endpoint.is_details:
            self._stats.inc_value(f"{names.ITEM_COUNT}/{endpoint.kind}")
        # A season that the series does not have is not missing.
        missing = [part for part in getattr(record, "missing_parts", ()) if may_exist([part], record)]
        if missing:
            for label in sorted({part_label(part) for part in missing}):
                self._stats.inc_value(f"{names.APPENDED_MISSING}/{label}")
            logger.info(
                "TMDB left out %s of %s",
                ", ".join(missing),
                public_path(request.url, self._settings.api_url, with_query=False),
                extra={"spider": self._crawler.spider},
            )
        if isinstance(record, Record) and has_appends(request) and endpoint is not None:
            self._absences.note(request, record, endpoint.model)


def of_our_class(response: Response) -> TMDBResponse:
    """A response from the HTTP cache, or one that HttpCompressionMiddleware made anew, has Scrapy's class."""
    return response if isinstance(response, TMDBResponse) else response.replace(cls=TMDBResponse)
