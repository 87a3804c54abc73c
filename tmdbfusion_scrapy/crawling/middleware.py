"""The downloader middlewares: one routes TMDB requests, one makes a record, a retry or an error of each answer."""

from __future__ import annotations

import asyncio
import logging
from functools import cached_property
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from scrapy import Request, Spider, signals
from scrapy.downloadermiddlewares.retry import get_retry_request
from scrapy.exceptions import DownloadCancelledError, IgnoreRequest, StopDownload

from tmdbfusion_scrapy import exceptions
from tmdbfusion_scrapy import stats as names
from tmdbfusion_scrapy.crawling import calls
from tmdbfusion_scrapy.crawling.errors import error_name, plain_messages
from tmdbfusion_scrapy.crawling.handler import check_handlers
from tmdbfusion_scrapy.crawling.responses import RecordReader, TMDBResponse, of_our_class
from tmdbfusion_scrapy.crawling.scheduling import AHEAD_KEY, LazyStartMiddleware, RetryQueue
from tmdbfusion_scrapy.exceptions import TMDBError
from tmdbfusion_scrapy.rate_limit import RateLimiterClosed
from tmdbfusion_scrapy.retrying import RetryPolicy, may_send_again
from tmdbfusion_scrapy.settings import IMAGES_SLOT, SLOT, settings_of
from tmdbfusion_scrapy.transport import ACCEPT_ENCODING

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from scrapy.crawler import Crawler
    from scrapy.http import Response
    from typing_extensions import Self

logger = logging.getLogger(__name__)

_DEFAULTS = {
    "download_slot": SLOT,
    "dont_obey_robotstxt": True,
    "dont_merge_cookies": True,
    # TMDB does not redirect: who does stands in between, and what is there is no TMDB data.
    "dont_redirect": True,
}
_HEADERS = {b"Accept": b"application/json", b"Accept-Encoding": ACCEPT_ENCODING}


class TMDBMiddleware:
    """Puts TMDB requests into the slot ``tmdb``, notes their calls, and gives them an API's headers.

    It stands before the middlewares for robots.txt, default headers and cookies, none of which is meant for an
    API. What it sets, a request may set itself.
    """

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler
        self._settings = settings_of(crawler.settings)
        self._is_zyte_transparent = crawler.settings.getbool("ZYTE_API_TRANSPARENT_MODE")
        self._warned_of_key = False
        self._told_speed = False

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        # The settings are complete now.
        with plain_messages():
            check_handlers(crawler.settings)
        middleware = cls(crawler)
        crawler.signals.connect(middleware._tell_speed, signals.spider_opened)
        return middleware

    def _tell_speed(self, spider: Spider | None) -> None:
        """Say how fast TMDB is asked, and what to set where that is slow: as soon as TMDB is sure to be asked."""
        from tmdbfusion_scrapy.crawling.addon import Addon
        from tmdbfusion_scrapy.crawling.spider import TMDBSpider

        self._told_speed = isinstance(spider, TMDBSpider | None)
        addon = self._crawler.get_addon(Addon)
        if self._told_speed and addon is not None and addon.speed is not None:
            level = logging.WARNING if addon.speed.is_slow else logging.INFO
            extra = {"spider": self._crawler.spider}
            logger.log(level, "TMDB is asked %s", addon.speed.words, extra=extra)

    @cached_property
    def _start(self) -> LazyStartMiddleware | None:
        # It is made after this one.
        return self._crawler.get_spider_middleware(LazyStartMiddleware)

    def process_request(self, request: Request) -> Awaitable[None] | None:
        meta = request.meta
        is_tmdb = self._settings.is_tmdb(request.url)
        if self._is_zyte_transparent and (is_tmdb or meta.get("download_slot") == IMAGES_SLOT):
            meta.setdefault(calls.AUTOMAP_KEY, False)
        if not is_tmdb:
            return None
        if AHEAD_KEY in meta and self._start is not None:
            # A signal tells of it, too, at ten times the cost.
            self._start.take(request)
        calls.note_call(request, self._settings.api_url)
        if calls.RUN_KEY in meta:
            is_obsolete = getattr(self._crawler.spider, "is_obsolete", None)
            if is_obsolete is not None and is_obsolete(request):
                # An earlier process left it in a scheduler of the user's own. Nothing failed.
                request.errback = None
                raise IgnoreRequest("the run asks for it anew")
        if not self._told_speed:
            self._tell_speed(None)
        for key, value in _DEFAULTS.items():
            meta.setdefault(key, value)
        for name, text in _HEADERS.items():
            request.headers.setdefault(name, text)
        if not self._warned_of_key and calls.shows_secret(request.url):
            self._warned_of_key = True
            logger.warning(
                "A request has an api_key or a session_id in its URL, where logs, caches and job directories keep "
                "it: leave it out and set TMDB_API_KEY or TMDB_SESSION_ID, which are added when the request is "
                "sent.",
                extra={"spider": self._crawler.spider},
            )
        # A retry that did not come through the scheduler (engine.download_async) waits here.
        delay = meta.pop(calls.RETRY_DELAY_KEY, None)
        return asyncio.sleep(delay) if delay else None


BAD_TOKEN_REASON = "tmdb_bad_token"  # noqa: S105 - a reason for closing, not a secret
"""Why a spider is closed whose token TMDB does not accept."""

_taken_back: WeakSet[Request] = WeakSet()


class TMDBRetryMiddleware:
    """Decodes good answers and tries failed calls again, for TMDB requests only.

    A callback sees only good TMDB data, an errback only a ``TMDBError``. Scrapy's ``RETRY_*`` settings and the
    meta keys ``dont_retry``, ``max_retry_times`` and ``priority_adjust`` keep their meaning. A retry waits:
    for ``Retry-After``, else for a time drawn from 0 to 1, 2, 4... seconds, at most ``TMDB_RETRY_MAX_DELAY``.
    A call with ``handle_httpstatus_list`` or ``handle_httpstatus_all`` gets these responses as they are, after
    the retries.

    An answer that the token is not accepted closes the spider with the reason ``tmdb_bad_token``.
    """

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler
        self._settings = settings = settings_of(crawler.settings)
        self._enabled = crawler.settings.getbool("RETRY_ENABLED")
        self._priority_adjust = crawler.settings.getint("RETRY_PRIORITY_ADJUST")
        self._policy = RetryPolicy(times=settings.retry_times, max_delay=settings.retry_max_delay)
        self._stats = crawler.stats
        self._reader = RecordReader(crawler)
        self._closing: asyncio.Task[None] | None = None
        self._answered = 0
        self._unanswered = 0

    @property
    def found_no_one(self) -> bool:
        """True if calls failed, and TMDB answered none."""
        return self._unanswered > 0 and self._answered == 0

    @property
    def found_few(self) -> bool:
        """True if more calls failed that may work later than were answered."""
        return self._unanswered > self._answered

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        return cls(crawler)

    def process_response(self, request: Request, response: Response) -> Request | Response:
        """Return the response with its record, or a retry, or raise the ``TMDBError`` of a call that failed."""
        if not self._settings.is_tmdb(request.url):
            return response
        if isinstance(response, TMDBResponse) and response.record is not None:
            # Made by process_exception below.
            return response
        if "download_stopped" in response.flags:
            return of_our_class(response)
        try:
            answer = self._reader.read(request, response)
        except TMDBError as bad:
            # Without the frames, which have the body.
            error = bad.with_traceback(None)
            error.status_code = response.status
        else:
            self._answered += 1
            return answer
        is_handled = self._is_handled(request, response)
        if not is_handled:
            self._note(error)
        retry = self._retry(request, error)
        if retry is not None and "cached" in response.flags:
            # What the HTTP cache has will not get better.
            retry.meta["dont_cache"] = True
        found = retry or self._reader.read_without(request, error)
        if found is None and is_handled:
            self._answered += 1
            # Scrapy's own RetryMiddleware is to let it pass, too.
            request.meta["dont_retry"] = True
            return of_our_class(response)
        if found is None:
            raise self._given_up(error)
        return found

    def process_exception(self, request: Request, exception: Exception) -> Request | Response | None:
        """Return a retry for a failed download, or raise its ``TMDBError``; an error that is not TMDB's passes."""
        if not self._settings.is_tmdb(request.url) or isinstance(exception, StopDownload):
            return None
        if isinstance(exception, RateLimiterClosed):
            if request in _taken_back:
                # It did not go to the scheduler but came again, for a callback awaits its response.
                return None
            # The spider is being closed. With JOBDIR the next run sends it.
            again = request.replace(dont_filter=True)
            _taken_back.add(again)
            return again
        if isinstance(exception, IgnoreRequest):
            return self._reader.read_without(request)
        if isinstance(exception, TMDBError):
            error = exception
        elif isinstance(exception, DownloadCancelledError):
            error = exceptions.ResponseError(str(exception), retryable=False)
            error.__cause__ = exception
        else:
            return None
        call = calls.call_of(request, self._settings.api_url)
        error.method, error.path = call.method, call.path
        self._note(error)
        found = self._retry(request, error) or self._reader.read_without(request, error)
        if found is None:
            raise self._given_up(error)
        return found

    def _is_handled(self, request: Request, response: Response) -> bool:
        listed = request.meta.get("handle_httpstatus_list")
        if listed is None:
            listed = getattr(self._crawler.spider, "handle_httpstatus_list", None)
        is_asked_for = request.meta.get("handle_httpstatus_all") or response.status in (listed or ())
        return bool(is_asked_for) and not 200 <= response.status < 300

    def _note(self, error: TMDBError) -> None:
        """Count an error, and close the spider, once, if no other call will work either."""
        self._stats.inc_value(f"{names.ERROR_COUNT}/{error_name(error)}")
        codes = (None, *exceptions.BAD_TOKEN_CODES)
        is_of_token = isinstance(error, exceptions.AuthenticationError) and error.tmdb_code in codes
        if not is_of_token or self._closing is not None:
            return
        logger.error(
            "TMDB does not accept the token: %s. Check TMDB_ACCESS_TOKEN or TMDB_API_KEY. "
            "The spider is closed; what was stored stays.",
            error.message,
            extra={"spider": self._crawler.spider},
        )
        # Not awaited: closing waits for the requests in flight, of which this is one.
        closing = self._crawler.engine.close_spider_async(reason=BAD_TOKEN_REASON)
        self._closing = asyncio.ensure_future(closing)

    def _retry(self, request: Request, error: TMDBError) -> Request | None:
        """Return the retry of a call, ``None`` where it is of no use or none is left."""
        meta, status, codes = request.meta, error.status_code, self._settings.retry_http_codes
        is_worth_it = error.retryable if codes is None or status is None or status < 300 else status in codes
        if not self._enabled or meta.get("dont_retry") or not is_worth_it or not may_send_again(error):
            return None
        delay = self._policy.backoff(meta.get("retry_times", 0) + 1, error.retry_after)
        if delay is None:
            return None
        spider: Any = self._crawler.spider
        retry = get_retry_request(
            request,
            spider=spider,
            reason=error_name(error) if status is None else f"{status} {error_name(error)}",
            max_retry_times=meta.get("max_retry_times", self._settings.retry_times),
            priority_adjust=meta.get("priority_adjust", self._priority_adjust),
        )
        if retry is not None:
            retry.meta[calls.RETRY_DELAY_KEY] = delay
            queue = self._crawler.get_item_pipeline(RetryQueue)
            if queue is not None:
                queue.expect()
            self._stats.inc_value(names.RETRY_COUNT)
        return retry

    def _given_up(self, error: TMDBError) -> TMDBError:
        """Count an error that goes to the errback, and return it."""
        self._stats.inc_value(names.RETRY_GIVEN_UP)
        self._stats.inc_value(f"{names.FAILED_COUNT}/{error_name(error)}")
        # What TMDB does not have, refuses or has merged is an answer. Who refuses all is no one that can be asked.
        is_merged = isinstance(error, exceptions.ResponseError) and error.is_other_record
        if (error.retryable and not is_merged) or isinstance(error, exceptions.PermissionDeniedError):
            self._unanswered += 1
        else:
            self._answered += 1
        if error.status_code is None:
            # What Scrapy logs names the class alone; this names the host that does not answer, say. Of what is not
            # tried again, such as a bad certificate, Scrapy logs nothing.
            lasting = isinstance(error, exceptions.ServerError) and not error.retryable
            level = logging.ERROR if lasting else logging.INFO
            logger.log(level, "%s", error, extra={"spider": self._crawler.spider})
        return error
