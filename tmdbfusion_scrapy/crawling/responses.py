"""Responses of a crawl: an answer becomes a response with its record, or the request for the rest of it.

An ETag is of one URL. What is stored of it is therefore ``<call> <ETag>``: the call is a digest of all that the
record depends on, so that another list of appended parts, or another language, is never answered by a 304.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator  # noqa: TC003 - scrapy-poet reads the annotations of callbacks
from functools import partial
from hashlib import sha1
from typing import TYPE_CHECKING, Any, Generic, cast
from weakref import ref

import msgspec
from pydispatch.dispatcher import getAllReceivers
from scrapy.http import JsonResponse, Response
from scrapy.utils.misc import load_object
from typing_extensions import TypeVar

from tmdbfusion_scrapy import stats as names
from tmdbfusion_scrapy.api.appending import Assembly, may_exist
from tmdbfusion_scrapy.api.call import judge
from tmdbfusion_scrapy.crawling import calls
from tmdbfusion_scrapy.crawling.calls import call_of, endpoint_of
from tmdbfusion_scrapy.crawling.session import credentials_of
from tmdbfusion_scrapy.exceptions import TMDBError
from tmdbfusion_scrapy.items import UnchangedRecord
from tmdbfusion_scrapy.models import Record
from tmdbfusion_scrapy.models.fields import SLASHED_KEYS
from tmdbfusion_scrapy.models.record import DEFAULT_LANGUAGE, Decoded, note_language
from tmdbfusion_scrapy.settings import once_a_crawl, previous, settings_of
from tmdbfusion_scrapy.stores import RECORD_CAME

if TYPE_CHECKING:
    from scrapy import Request
    from scrapy.crawler import Crawler
    from scrapy.settings import BaseSettings

    from tmdbfusion_scrapy.api import Call

logger = logging.getLogger(__name__)

M = TypeVar("M", default=Any)


class TMDBResponse(JsonResponse, Generic[M]):
    """A ``JsonResponse`` with the decoded record.

    A callback can name the record for type checkers, as they cannot tell it from the request::

        def parse_movie(self, response: TMDBResponse[MovieDetails]): ...

    Attributes:
        record: The record of the endpoint that was called (``MovieDetails`` and so on), plain JSON for a URL
            outside the catalogue. ``None`` until the response has passed ``TMDBRetryMiddleware``, and for a
            status that the request handles itself (``handle_httpstatus_list``).
    """

    __slots__ = ("record",)

    record: M

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.record = cast("M", None)


MOST_IGNORED = 20
"""Unchanged records sent in full, and none with 304, after which a crawl no longer asks."""


class Conditions:
    """Conditional requests of a crawl, which ``asks`` until TMDB turns out to ignore them."""

    def __init__(self, crawler: Crawler) -> None:
        # The stats hold their crawler, too.
        self._crawler: Any = ref(crawler)
        settings = settings_of(crawler.settings)
        self._api_url = settings.api_url
        self.asks = settings.conditional
        self._ignored = 0
        self._heeded = False

    def conditional(self, request: Request, record_id: int, etag: str | None) -> Request:
        """Return a request for details, conditional if its record is stored with an ``etag`` of the same call."""
        if etag is None or not self.asks:
            return request
        digest, _, sent = etag.partition(" ")
        if sent and digest == _digest(request, call_of(request, self._api_url)):
            request.headers["If-None-Match"] = sent
            request.meta[calls.CONDITION_KEY] = [record_id, etag]
            self._crawler().stats.inc_value(names.CONDITIONAL_REQUESTS)
        return request

    def not_modified(self, request: Request, response: Response) -> TMDBResponse | None:
        """Return a response that tells a callback of its own that nothing changed; ``None`` for any other."""
        if calls.CONDITION_KEY not in request.meta:
            return None
        record_id, etag = request.meta[calls.CONDITION_KEY]
        if response.status != 304:
            self._note_answer(etag, response)
            return None
        endpoint = endpoint_of(call_of(request, self._api_url))
        if endpoint is None:
            return None
        self._heeded = True
        self._crawler().stats.inc_value(names.CONDITIONAL_NOT_MODIFIED)
        told = request.replace(
            callback=_tell,
            errback=None,
            cb_kwargs={"item": UnchangedRecord(endpoint.kind, record_id, etag)},
            # HttpErrorMiddleware takes what is no 2xx for an error.
            meta={**request.meta, "handle_httpstatus_list": [304]},
        )
        return response.replace(cls=TMDBResponse, request=told)

    def _note_answer(self, etag: str, response: Response) -> None:
        """Count a record that was sent though it is the one that is stored."""
        sent = (response.headers.get("ETag") or b"").decode("latin-1")
        # A server that compresses an answer may call its ETag weak.
        is_same = sent.removeprefix("W/") == etag.partition(" ")[2].removeprefix("W/")
        if not sent or not is_same or response.status != 200 or "cached" in response.flags:
            return
        crawler = self._crawler()
        crawler.stats.inc_value(names.CONDITIONAL_IGNORED)
        self._ignored += 1
        if self.asks and not self._heeded and self._ignored == MOST_IGNORED:
            self.asks = False
            logger.info(
                "TMDB sent %d unchanged records in full, so it does not heed If-None-Match: it is no longer asked "
                "that way in this crawl. TMDB_CONDITIONAL is of no use now",
                MOST_IGNORED,
                extra={"spider": crawler.spider},
            )


@once_a_crawl
def conditions_of(crawler: Crawler) -> Conditions:
    """Return the conditional requests of a crawl, made at the first use."""
    return Conditions(crawler)


def _digest(request: Request, call: Call[Any]) -> str | None:
    """Return a digest of all that a record depends on; ``None`` for one of one user, or with a secret."""
    if call.method != "GET" or call.secrets or calls.shows_secret(request.url):
        return None
    query = sorted(call.query.items())
    told = [call.path, query, call.appends, call.languages, call.has_all_seasons]
    return sha1(msgspec.json.encode(told), usedforsecurity=False).hexdigest()[:12]


def _tell(response: Response, item: UnchangedRecord) -> Iterator[UnchangedRecord]:  # noqa: ARG001 - a callback
    yield item


MOST_ABSENCES = 20
"""Records in a row without a part, after which it is no longer asked for again."""


class RecordReader:
    """Makes records of the answers of a crawl, and counts what is odd with them.

    What came so far of a record that takes several requests is in the meta of the next one, so that a job
    directory keeps it; only the response with the whole record is seen.
    """

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler
        self._credentials = credentials_of(crawler.settings)
        self._secrets = calls.call_secrets_of(crawler)
        self._conditions = conditions_of(crawler)
        self._api_url = settings_of(crawler.settings).api_url
        self._stats = crawler.stats
        # The HTTP cache is to answer everything, and it is not asked for parts that had been left out.
        offline = ("HTTPCACHE_ENABLED", "HTTPCACHE_IGNORE_MISSING")
        self._is_offline = all(crawler.settings.getbool(name) for name in offline)
        self._came: set[tuple[str | None, str]] = set()
        self._absences: Counter[tuple[str | None, str]] = Counter()

    def read(self, request: Request, response: Response) -> TMDBResponse | Request:
        """Return the response with the record of the call, or the request for the rest; else raise its error."""
        not_modified = self._conditions.not_modified(request, response)
        if not_modified is not None:
            return not_modified
        call = call_of(request, self._api_url)
        headers = {}
        if response.status >= 300:
            # An error is made from them.
            found = {name: response.headers.get(name) for name in ("retry-after", "location")}
            headers = {name: value.decode("latin-1") for name, value in found.items() if value is not None}
        secrets = self._secrets.values_of(request)
        record = judge(call, response.status, headers, response.body, self._credentials, secrets)
        assembly = assembly_of(request, call) if isinstance(record, Record) else None
        endpoint, etag = endpoint_of(call), response.headers.get("ETag")
        is_first = assembly is None or assembly.step == "first"
        # A record that could not be read as a whole may be read better by a later version.
        is_kept = is_first and endpoint is not None and endpoint.is_details and not record.drift
        # An ETag that had a secret in it is no use.
        if is_kept and etag is not None and b"***" not in etag and (digest := _digest(request, call)):
            record._etag = f"{digest} {etag.decode('latin-1')}"  # noqa: SLF001
        if assembly is not None:
            return self._follow(request, assembly.take(record, partial(self._may_ask, call)), response)
        return self._whole(request, response, call, record)

    def read_without(self, request: Request, error: TMDBError | None = None) -> TMDBResponse | Request | None:
        """Return the record without the parts that a failed request was to add to it, if it can do without."""
        assembly = assembly_of(request, call_of(request, self._api_url))
        without = assembly.go_without(error) if assembly is not None else None
        return self._follow(request, without) if without is not None else None

    def _follow(
        self, request: Request, assembly: Assembly[Any], response: Response | None = None
    ) -> TMDBResponse | Request:
        """Return the next request for a record, or the response with all of it."""
        if assembly.record is None:
            if assembly.step == "again":
                self._stats.inc_value(names.APPENDED_AGAIN)
            return self._next_request(request, assembly)
        first, body, kept = request, assembly.body, request.meta.get(calls.PROGRESS_KEY)
        if kept is not None:
            # As the spider made it.
            gone = {calls.PROGRESS_KEY} if kept["dont_cache"] else {calls.PROGRESS_KEY, "dont_cache"}
            meta = {name: value for name, value in request.meta.items() if name not in gone}
            meta[calls.CALL_KEY] = {**meta[calls.CALL_KEY], "url": kept["url"]}
            changed = {name: kept[name] for name in ("url", "priority", "dont_filter")}
            first = request.replace(**changed, meta=meta)
        if response is None:
            headers = {"Content-Type": "application/json;charset=utf-8"}
            response = TMDBResponse(first.url, headers=headers, body=body, request=first)
        elif first is not request:
            response = response.replace(cls=TMDBResponse, url=first.url, body=body, request=first)
        self._note_absences(assembly, assembly.record)
        return self._whole(request, response, assembly.call, assembly.record)

    def _next_request(self, request: Request, assembly: Assembly[Any]) -> Request:
        gone = ("retry_times", "dont_cache", calls.RETRY_DELAY_KEY, calls.CONDITION_KEY)
        meta = {name: value for name, value in request.meta.items() if name not in gone}
        first = request.meta.get(calls.PROGRESS_KEY) or {
            "url": request.url,
            "priority": request.priority,
            "dont_filter": request.dont_filter,
            "dont_cache": bool(request.meta.get("dont_cache")),
        }
        if first["dont_cache"] or assembly.step == "again":
            # If all parts had been left out, it is the same request, and the cache has the answer without them.
            meta["dont_cache"] = True
        meta[calls.PROGRESS_KEY] = {**first, **assembly.to_json()}
        # What came is kept in memory until the rest is there.
        changed = {"priority": first["priority"] + 1, "dont_filter": True, "meta": meta}
        following = calls.with_call(request, assembly.next_call, self._api_url, **changed)
        # Of the answer to another URL that the HTTP cache or the database has.
        for name in ("If-None-Match", "If-Modified-Since"):
            following.headers.pop(name, None)
        return calls.keep_call(following, assembly.call)

    def _may_ask(self, call: Call[Any], part: str) -> bool:
        key = call.operation_id, _label(part)
        return not self._is_offline and (key in self._came or self._absences[key] < MOST_ABSENCES)

    def _whole(self, request: Request, response: Response, call: Call[Any], record: Any) -> TMDBResponse:
        """Give a response its record; count what is odd with it, and note which language it is in."""
        whole = of_our_class(response)
        whole.record = record
        if is_heard(self._crawler, RECORD_CAME):
            call_info = partial(calls.kind_id_and_path, request, self._api_url)
            self._crawler.signals.send_catch_log(RECORD_CAME, call=call_info)
        endpoint = endpoint_of(call)
        if endpoint is not None and "language" in endpoint.parameters and isinstance(record, Record):
            note_language(record, call.query.get("language") or DEFAULT_LANGUAGE)
        for field in record.drift if isinstance(record, Decoded) else ():
            self._stats.inc_value(f"{names.DRIFT_COUNT}/{field}")
        if endpoint is not None and endpoint.is_details:
            self._stats.inc_value(f"{names.ITEM_COUNT}/{endpoint.kind}")
        # A season that the series does not have is not missing.
        missing = [part for part in getattr(record, "missing_parts", ()) if may_exist([part], record)]
        for label in sorted({_label(part) for part in missing}):
            self._stats.inc_value(f"{names.APPENDED_MISSING}/{label}")
        if missing:
            extra = {"spider": self._crawler.spider}
            logger.info("TMDB left out %s of %s", ", ".join(missing), call.path, extra=extra)
        return whole

    def _note_absences(self, assembly: Assembly[Any], record: Record) -> None:
        """Note which parts came: one that TMDB never sends would cost each record another request."""
        operation, missing = assembly.call.operation_id, set(record.missing_parts)
        self._came |= {(operation, _label(part)) for part in assembly.parts if part not in missing}
        absent = {(operation, _label(part)) for part in assembly.parts_to_ask_again(record, missing)}
        for key in sorted(absent - self._came):
            label = key[1]
            self._absences[key] += 1
            if self._absences[key] == MOST_ABSENCES:
                logger.warning(
                    "TMDB left %s out of %d records of %s in a row, also when it was asked for again. In this "
                    "crawl it is not asked for again any more: leave it out of append_to_response, unless it is "
                    "to come later.",
                    label,
                    MOST_ABSENCES,
                    operation,
                    extra={"spider": self._crawler.spider},
                )


def assembly_of(request: Request, call: Call[Any]) -> Assembly[Any] | None:
    """Return how far the record of a request has come; ``None`` for a call without appended parts."""
    if not call.appends:
        return None
    kept = request.meta.get(calls.PROGRESS_KEY)
    return Assembly.begin(call) if kept is None else Assembly.from_json(call, kept)


def of_our_class(response: Response) -> TMDBResponse:
    """Return a response as ours; one from the HTTP cache, or made by HttpCompressionMiddleware, is Scrapy's."""
    return response if isinstance(response, TMDBResponse) else response.replace(cls=TMDBResponse)


def _label(part: str) -> str:
    """Return the word for a part in stats: all seasons are ``season``."""
    return SLASHED_KEYS.get(part) or part.partition("/")[0]


_BROKEN = frozenset({"dataloss", "download_stopped", "partial"})
"""Flags of a response that is not whole."""


class TMDBCachePolicy:
    """Keeps what is no good answer of TMDB out of the HTTP cache; all else is up to the policy that was there.

    The cache stores an answer before anything judges it, and TMDB lets a 401 be cached for 300 seconds and a 404
    for hours. A good answer is a 2xx that is whole, is what was asked for, and lacks no part that may come yet.
    """

    def __init__(self, settings: BaseSettings) -> None:
        before = settings.get(previous("HTTPCACHE_POLICY"), "scrapy.extensions.httpcache.DummyPolicy")
        self._policy: Any = load_object(before)(settings)
        self._settings = settings_of(settings)

    def should_cache_request(self, request: Request) -> bool:
        return bool(self._policy.should_cache_request(request))

    def should_cache_response(self, response: Response, request: Request) -> bool:
        may = not self._settings.is_tmdb(request.url) or self._is_good(request, response)
        return may and bool(self._policy.should_cache_response(response, request))

    def is_cached_response_fresh(self, cachedresponse: Response, request: Request) -> bool:
        may = not self._is_bad(cachedresponse, request)
        return may and bool(self._policy.is_cached_response_fresh(cachedresponse, request))

    def is_cached_response_valid(
        self, cachedresponse: Response, response: Response, request: Request
    ) -> bool:
        # A 304 may be about what the database has.
        is_other = request.headers.get("If-None-Match") != cachedresponse.headers.get("ETag")
        if self._is_bad(cachedresponse, request) or (response.status == 304 and is_other):
            return False
        return bool(self._policy.is_cached_response_valid(cachedresponse, response, request))

    def _is_bad(self, cachedresponse: Response, request: Request) -> bool:
        """Return whether the cache has what it would not keep: without the add-on it may."""
        return not 200 <= cachedresponse.status < 300 and self._settings.is_tmdb(request.url)

    def _is_good(self, request: Request, response: Response) -> bool:
        if not 200 <= response.status < 300 or _BROKEN.intersection(response.flags):
            return False
        call = call_of(request, self._settings.api_url)
        try:
            record = judge(call, response.status, {}, response.body)
        except TMDBError:
            return False
        assembly = assembly_of(request, call)
        return assembly is None or not assembly.parts_to_ask_again(record, assembly.portions[0])


def is_heard(crawler: Crawler, signal: object) -> bool:
    """Return whether a signal has a handler; sending one that most crawls have none for costs more."""
    return next(iter(getAllReceivers(crawler, signal)), None) is not None
