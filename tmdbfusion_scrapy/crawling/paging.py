"""All pages of a list: the first tells how many there are, then the others are asked for at once."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from scrapy import Request
from scrapy.utils.defer import ensure_awaitable
from scrapy.utils.misc import arg_to_iter
from scrapy.utils.request import request_from_dict
from twisted.python.failure import Failure

from tmdbfusion_scrapy.api import OPERATIONS
from tmdbfusion_scrapy.crawling.calls import call_of, has_call, with_call
from tmdbfusion_scrapy.exceptions import ConfigurationError, ResponseError
from tmdbfusion_scrapy.models.paging import LAST_PAGE, Paged
from tmdbfusion_scrapy.settings import settings_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Mapping

    from scrapy import Spider

    from tmdbfusion_scrapy.api import Call
    from tmdbfusion_scrapy.crawling.responses import TMDBResponse

logger = logging.getLogger(__name__)

PAGING_KEY = "tmdb_paging"
"""Meta key of a first page: the request as the spider made it, by which the other pages are asked for."""


def first_page(
    request: Any, pages: Any, *, spider: Spider, callback: Callable[..., AsyncIterator[Any]]
) -> Request:
    """Return the request for the first page of a call as the spider made it, of which most ``pages`` are read.

    The callback passes the response on to :func:`parse_first_page`.

    Raises:
        TypeError: It is no request for a page of a list.
        ConfigurationError: ``pages`` is no whole number from 1.
    """
    is_call = isinstance(request, Request) and has_call(request)
    call = call_of(request, _api_url(spider)) if is_call else None
    endpoint = OPERATIONS.get(call.operation_id or "") if call is not None else None
    if call is None or endpoint is None:
        raise TypeError(
            f"paginate() takes a method of self.tmdb and its arguments, such as self.tmdb.discover.movie, "
            f"and this made {request!r}"
        )
    endpoint.require_pages()
    if pages is not None and (isinstance(pages, bool) or not isinstance(pages, int) or pages < 1):
        raise ConfigurationError(f"pages is {pages!r}: use a whole number from 1")
    request.meta.pop(PAGING_KEY, None)
    try:
        kept: Any = request.to_dict(spider=spider)
    except ValueError:
        # A callback that is no method of the spider. As with any request, only a job directory minds.
        kept = request
    meta = {**request.meta, PAGING_KEY: {"request": kept, "pages": pages}}
    return _page_request(request, call, int(call.page or 1), spider, callback=callback, meta=meta)


async def parse_first_page(
    response: TMDBResponse, cb_kwargs: Mapping[str, Any], *, spider: Spider
) -> AsyncIterator[Any]:
    """Ask for the other pages, and yield what the callback of the spider makes of this one."""
    kept = response.meta[PAGING_KEY]
    request = kept["request"]
    if not isinstance(request, Request):
        request = request_from_dict(request, spider=spider)
    # Before the callback, lest an error in it cost more than its page. Another status or a part of a body, which
    # the request may have asked for, has no record.
    if isinstance(response.record, Paged):
        if response.record.lacks_count:
            async for result in _results(_report(response, request, spider)):
                yield result
        for other in _other_pages(response.record, request, kept["pages"], spider):
            yield other
    callback = request.callback or spider.parse
    async for result in _results(callback(response, **cb_kwargs)):
        yield result


def _other_pages(page: Paged[Any], request: Request, pages: int | None, spider: Spider) -> Iterator[Request]:
    """Yield the requests for all pages after the first, the early ones first."""
    call = call_of(request, _api_url(spider))
    number = int(call.page or 1)
    last = page.last_page if pages is None else min(page.last_page, number + pages - 1)
    if last == LAST_PAGE and page.is_cut:
        logger.warning("%s", page.cut_notice, extra={"spider": spider})
    for other in range(number + 1, last + 1):
        yield _page_request(request, call, other, spider)


def _report(response: TMDBResponse, request: Request, spider: Spider) -> Any:
    """Tell the errback of a page that does not say how many there are: the list would seem to end there."""
    assert response.request is not None  # noqa: S101 - the engine sets it
    error = ResponseError(
        "the page does not say how many there are",
        status_code=response.status,
        method=response.request.method,
        path=call_of(response.request, _api_url(spider)).path,
    )
    logger.warning("%s", error, extra={"spider": spider})
    if request.errback is None:
        return None
    failure = Failure(error)  # type: ignore[no-untyped-call]
    failure.request = response.request  # type: ignore[attr-defined]
    return request.errback(failure)


def _page_request(request: Request, call: Call[Any], number: int, spider: Spider, **changed: Any) -> Request:
    """Return the request for a page: the further behind, the later."""
    priority = request.priority - number
    return with_call(request, call.with_page(number), _api_url(spider), priority=priority, **changed)


def _api_url(spider: Spider) -> str:
    return settings_of(spider.crawler.settings).api_url


async def _results(output: Any) -> AsyncIterator[Any]:
    """Yield the results of a callback or errback of any kind that Scrapy takes."""
    output = await ensure_awaitable(output)
    if hasattr(output, "__aiter__"):
        async for result in output:
            yield result
    else:
        for result in arg_to_iter(output):
            yield result
