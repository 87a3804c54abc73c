"""The base class of spiders that crawl TMDB, TMDB's API in it, and lists of which all pages are asked for."""

from __future__ import annotations

import inspect
import logging
from collections.abc import AsyncIterator  # noqa: TC003 - scrapy-poet reads the annotations of callbacks
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypedDict

from scrapy import Request, Spider
from scrapy.settings import SETTINGS_PRIORITIES, BaseSettings
from scrapy.utils.defer import ensure_awaitable
from scrapy.utils.misc import arg_to_iter
from scrapy.utils.request import request_from_dict
from twisted.python.failure import Failure
from typing_extensions import Unpack, override

from tmdbfusion_scrapy.api import API, Call, Crawling, Endpoint
from tmdbfusion_scrapy.api.endpoint import BoundEndpoint
from tmdbfusion_scrapy.api.plain import hide_sessions, plain_call
from tmdbfusion_scrapy.crawling import calls
from tmdbfusion_scrapy.crawling.addon import Addon
from tmdbfusion_scrapy.crawling.responses import TMDBResponse  # noqa: TC001 - likewise
from tmdbfusion_scrapy.credentials import with_hidden
from tmdbfusion_scrapy.exceptions import ConfigurationError, ResponseError, TMDBError
from tmdbfusion_scrapy.models.paging import LAST_PAGE, Paged
from tmdbfusion_scrapy.settings import TMDBSettings, settings_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tmdbfusion_scrapy.items import FailedCall

logger = logging.getLogger(__name__)

PAGING_KEY = "tmdb_paging"
"""Meta key of a first page: the request as the spider made it, by which the other pages are asked for."""


async def _results(output: Any) -> AsyncIterator[Any]:
    """Yield the results of a callback or errback of any kind that Scrapy takes."""
    output = await ensure_awaitable(output)
    if hasattr(output, "__aiter__"):
        async for result in output:
            yield result
    else:
        for result in arg_to_iter(output):
            yield result


class RequestArguments(TypedDict, total=False):
    """The arguments of ``scrapy.Request`` that a call takes besides its own."""

    callback: Callable[..., Any] | None
    errback: Callable[..., Any] | None
    priority: int
    meta: Mapping[str, Any] | None
    cb_kwargs: Mapping[str, Any] | None
    headers: Mapping[str, str] | None
    flags: list[str] | None
    dont_filter: bool


REQUEST_ARGUMENTS = frozenset(RequestArguments.__annotations__)
"""Their names."""


class TMDBSpider(Spider):
    """A spider with TMDB's API at hand.

    ::

        class MySpider(TMDBSpider):
            name = "my"

            async def start(self):
                yield self.tmdb.movies.details(550, callback=self.parse_movie)

            def parse_movie(self, response):
                yield response.record

    The add-on is installed with it. A callback gets a :class:`~tmdbfusion_scrapy.crawling.responses.TMDBResponse`
    with the decoded record; a call that failed for good goes to its errback, by default :meth:`record_failure`.
    """

    @classmethod
    def update_settings(cls, settings: BaseSettings) -> None:
        """Install the add-on, if the project has not."""
        super().update_settings(settings)
        settings.setdefault_in_component_priority_dict("ADDONS", Addon, 500)
        # Scrapy 2.19 updates a Crawler that is given to a runner with the runner's settings, ADDONS included,
        # unless the crawler's are of higher priority.
        priority = max(settings.getpriority("ADDONS") or 0, SETTINGS_PRIORITIES["spider"])
        settings.set("ADDONS", settings.getdict("ADDONS"), priority=priority)

    @cached_property
    def tmdb(self) -> SpiderAPI:
        """TMDB's API: each call returns a ``scrapy.Request``.

        A call takes the endpoint's arguments and those of :class:`RequestArguments`. ``TMDB_LANGUAGE``,
        ``TMDB_LANGUAGES``, ``TMDB_REGION``, ``TMDB_SESSION_ID`` and ``TMDB_GUEST_SESSION_ID`` stand for the
        arguments that are named so and that it does not give. A session id, password or token that a call is given
        stays in this process: the request has a label of it.

        Raises:
            RuntimeError: The crawl has not begun: use it in ``start()`` and in callbacks, not in ``__init__``.
        """
        if not self.crawler.settings.frozen:
            raise RuntimeError("the settings are not complete yet: use self.tmdb in start() and in callbacks")
        return SpiderAPI(self)

    def tmdb_request(self, endpoint: Endpoint[..., Any], *args: Any, **kwargs: Any) -> Request:
        """Return the request for an endpoint of the catalogue; see :attr:`tmdb` for the arguments."""
        args, kwargs = endpoint.hide(args, kwargs)
        arguments = {name: kwargs.pop(name) for name in REQUEST_ARGUMENTS & kwargs.keys()}
        return self._request_for(endpoint.call(self._call_defaults, *args, **kwargs), arguments)

    def _request_for(self, call: Call[Any], arguments: Mapping[str, Any]) -> Request:
        if call.secrets:
            call = calls.call_secrets_of(self.crawler).take(call)
        request = calls.build_request(call, self._api_url, {"errback": self.record_failure, **arguments})
        if self.crawler.settings.getbool("ZYTE_API_TRANSPARENT_MODE"):
            request.meta.setdefault(calls.AUTOMAP_KEY, False)
        return request

    def paginate(
        self, method: Callable[..., Request], /, *args: Any, pages: int | None = None, **kwargs: Any
    ) -> Request:
        """Return the request for the first page of a list; when it has come, all others are asked for at once.

        ::

            async def start(self):
                yield self.paginate(self.tmdb.discover.movie, with_genres=18, callback=self.parse_page)

            def parse_page(self, response):
                yield from response.record.results

        The callback gets each page, the first one too. ``errback``, ``cb_kwargs``, ``meta``, ``headers`` and
        ``flags`` go with each of them, and the priority falls by the number of the page. A page that fails goes to
        the errback, and costs no other one unless it is the first; so does a first page that does not say how many
        there are. Lists move while they are read: an item may stand on two pages.

        Args:
            method: A method of :attr:`tmdb` that has pages.
            args: Arguments of the method.
            pages: Most pages; ``None`` for all that TMDB serves, which is 500. If it has more, a WARNING says so.
            kwargs: Arguments of the method. ``page`` is the page to begin with.

        Raises:
            TypeError: The method has no pages, or does not take the arguments.
            ValidationError: TMDB would refuse a value.
            ConfigurationError: ``pages`` is no whole number from 1.
        """
        if not callable(method):
            raise TypeError(
                f"paginate() takes a method and its arguments, such as "
                f"paginate(self.tmdb.discover.movie, year=1999), not a {type(method).__name__}"
            )
        # Under its own name, which a traceback may show.
        kwargs = with_hidden(kwargs)
        request: Any = method(*args, **kwargs)
        is_call = isinstance(request, Request) and calls.has_call(request)
        call = calls.call_of(request, self._api_url) if is_call else None
        endpoint = calls.endpoint_of(call) if call is not None else None
        if call is None or endpoint is None:
            raise TypeError(
                f"paginate() takes a method of self.tmdb and its arguments, such as self.tmdb.discover.movie, "
                f"and this made {request!r}"
            )
        endpoint.require_pages()
        most: Any = pages
        if most is not None and (isinstance(most, bool) or not isinstance(most, int) or most < 1):
            raise ConfigurationError(f"pages is {pages!r}: use a whole number from 1")
        request.meta.pop(PAGING_KEY, None)
        try:
            kept: Any = request.to_dict(spider=self)
        except ValueError:
            # A callback that is no method of the spider. As with any request, only a job directory minds.
            kept = request
        meta = {**request.meta, PAGING_KEY: {"request": kept, "pages": pages}}
        number = int(call.page or 1)
        return self._page_request(request, call, number, callback=self._parse_first_page, meta=meta)

    async def _parse_first_page(self, response: TMDBResponse, **cb_kwargs: Any) -> AsyncIterator[Any]:
        """Ask for the other pages, and yield what the user's callback makes of this one."""
        kept, page = response.meta[PAGING_KEY], response.record
        request = kept["request"]
        if not isinstance(request, Request):
            request = request_from_dict(request, spider=self)
        # Before the callback, lest an error in it cost more than its page. Another status or a part of a body,
        # which the request may have asked for, has no record.
        if isinstance(page, Paged):
            if page.lacks_count:
                async for result in _results(self._report_uncounted(response, request)):
                    yield result
            call = calls.call_of(request, self._api_url)
            number = int(call.page or 1)
            most = kept["pages"]
            last = page.last_page if most is None else min(page.last_page, number + most - 1)
            if last == LAST_PAGE and page.is_cut:
                logger.warning("%s", page.cut_notice, extra={"spider": self})
            for other in range(number + 1, last + 1):
                yield self._page_request(request, call, other)
        async for result in _results((request.callback or self.parse)(response, **cb_kwargs)):
            yield result

    def _page_request(self, request: Request, call: Call[Any], number: int, **changed: Any) -> Request:
        """Return the request for a page: the further behind, the later."""
        priority = request.priority - number
        return calls.with_call(request, call.with_page(number), self._api_url, priority=priority, **changed)

    def _report_uncounted(self, response: TMDBResponse, request: Request) -> Any:
        """Tell the errback of a page that does not say how many there are: the list would seem to end there."""
        made: Any = response.request
        path = calls.call_of(made, self._api_url).path
        problem = "the page does not say how many there are"
        error = ResponseError(problem, status_code=response.status, method=made.method, path=path)
        logger.warning("%s", error, extra={"spider": self})
        if request.errback is None:
            return None
        failure = Failure(error)  # type: ignore[no-untyped-call]
        failure.request = made  # type: ignore[attr-defined]
        return request.errback(failure)

    @cached_property
    def _tmdb_settings(self) -> TMDBSettings:
        return settings_of(self.crawler.settings)

    @property
    def _api_url(self) -> str:
        return self._tmdb_settings.api_url

    @cached_property
    def _call_defaults(self) -> Mapping[str, Any]:
        names = ("language", "languages", "region", "session_id", "guest_session_id")
        found: Mapping[str, Any]
        found = with_hidden({name: getattr(self._tmdb_settings, name) or None for name in names})
        return found

    def record_failure(self, failure: Failure) -> Iterator[FailedCall]:
        """Yield the item that puts a call that failed for good on record."""
        error = failure.value
        if not isinstance(error, TMDBError):
            failure.raiseException()
        yield calls.failed_call(error, failure.request, self._api_url)  # type: ignore[attr-defined]


class SpiderAPI(API[Crawling]):
    """TMDB's API, ``TMDBSpider.tmdb``: each call is a ``scrapy.Request``."""

    def __init__(self, spider: TMDBSpider) -> None:
        super().__init__(spider.tmdb_request)
        self._spider = spider

    def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        json: Mapping[str, Any] | None = None,
        **arguments: Unpack[RequestArguments],
    ) -> Request:
        """Return the request for what the catalogue does not know; ``response.record`` is plain JSON.

        ``TMDB_LANGUAGE`` and ``TMDB_REGION`` go along with it. Arguments and errors are those of
        :meth:`~tmdbfusion_scrapy.client.TMDBClient.request`, and the arguments of ``scrapy.Request``, such as
        ``callback``; of an unknown one there is a ``TypeError``.
        """
        params, json = with_hidden(params), with_hidden(json)
        defaults = self._spider._call_defaults  # noqa: SLF001 - its own API
        path = hide_sessions(path, defaults)
        unknown = arguments.keys() - REQUEST_ARGUMENTS
        if unknown:
            raise TypeError(f"request() got an unexpected keyword argument {min(unknown)!r}")
        call = plain_call(defaults, method, path, params, json)
        return self._spider._request_for(call, arguments)  # noqa: SLF001

    @override
    def _bind(self, endpoint: Endpoint[..., Any]) -> BoundEndpoint:
        return BoundEndpoint(endpoint, self._execute_call, "tmdb", _request_signature(endpoint))


def _request_signature(endpoint: Endpoint[..., Any]) -> inspect.Signature:
    signature = endpoint.call_signature
    added = [
        parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)
        for name, parameter in inspect.signature(Request, eval_str=False).parameters.items()
        if name in REQUEST_ARGUMENTS
    ]
    return signature.replace(parameters=[*signature.parameters.values(), *added], return_annotation=Request)
