"""Records with appended parts in a crawl: what several requests brought becomes one response.

See :mod:`tmdbfusion_scrapy.api.appending`. A request that is not the last one is followed by another, which has
what came so far in its meta: a job directory keeps it, and only the response with the whole record is seen.
"""

from __future__ import annotations

import logging
import re
from collections import Counter
from typing import TYPE_CHECKING, Any, TypedDict
from urllib.parse import quote, unquote

from tmdbfusion_scrapy.api.appending import (
    finish,
    has_session,
    may_exist,
    merge_bodies,
    parts_to_ask_again,
    split_parts,
)
from tmdbfusion_scrapy.crawling.requests import (
    APPENDS_KEY,
    CONDITION_KEY,
    LANGUAGES_KEY,
    OPERATION_KEY,
    PROGRESS_KEY,
    RETRY_DELAY_KEY,
)
from tmdbfusion_scrapy.crawling.responses import TMDBResponse
from tmdbfusion_scrapy.crawling.vault import SECRETS_KEY
from tmdbfusion_scrapy.models import decode
from tmdbfusion_scrapy.models.fields import SLASHED_KEYS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from scrapy import Request
    from scrapy.crawler import Crawler
    from scrapy.http import Response

    from tmdbfusion_scrapy.models import Record

logger = logging.getLogger(__name__)

_PARTS = re.compile(r"(?<=[?&]append_to_response=)[^&#]*")

# Of the answer to another URL that the HTTP cache or the database has.
_CONDITIONAL_HEADERS = ("If-None-Match", "If-Modified-Since")

MOST_ABSENCES = 20
"""Records in a row without a part, after which it is no longer asked for again."""


class Progress(TypedDict):
    """What came of a record so far.

    Attributes:
        url: URL of the first request, which is the call's.
        priority: Its priority.
        dont_filter: Its ``dont_filter``.
        dont_cache: Its ``dont_cache``; that of a request for parts that had been left out is true.
        body: What the answers hold together.
        portions: The parts to ask for in the requests after this one.
        again: Whether this request is for parts that had been left out.
    """

    url: str
    priority: int
    dont_filter: bool
    dont_cache: bool
    body: bytes
    portions: list[list[str]]
    again: bool


def has_appends(request: Request) -> bool:
    """Return whether a request asks for appended parts."""
    # Both, for a spider may pass on the meta of another call.
    return APPENDS_KEY in request.meta and _PARTS.search(request.url) is not None


def is_asking_again(request: Request) -> bool:
    """Return whether a request is for parts that had been left out."""
    return PROGRESS_KEY in request.meta and bool(request.meta[PROGRESS_KEY]["again"])


def lacks_parts(request: Request, record: Record, model: Any) -> bool:
    """Return whether an answer has not all that it was asked for, and may have it later.

    Args:
        request: A request for appended parts.
        record: What its answer was decoded into.
        model: The record class.
    """
    found = _PARTS.search(request.url)
    parts = unquote(found[0]).split(",") if found else ()
    return bool(_parts_to_ask_again(request, record, model, parts))


def go_on(
    request: Request, response: Response, record: Record, model: Any, *, may_ask: Callable[[str], bool]
) -> Request | TMDBResponse:
    """Return the next request for a record with appended parts, or the response with all of it.

    Args:
        request: The request of the answer.
        response: A good answer.
        record: What it was decoded into.
        model: The record class.
        may_ask: Says whether to ask again for a part that was left out.

    Raises:
        ResponseError: The answer is not of the same record as those before.
    """
    parts = request.meta[APPENDS_KEY]
    progress: Progress | None = request.meta.get(PROGRESS_KEY)
    if progress is None:
        body, again = response.body, False
        # Which seasons there are stands in each answer.
        portions = [list(portion) for portion in split_parts(parts)[1:] if may_exist(portion, record)]
    else:
        body, again = merge_bodies((progress["body"], response.body)), progress["again"]
        portions = progress["portions"]
        if not portions:
            record = decode(body, model)
    if not portions and not again:
        again = True
        wanted = [part for part in _parts_to_ask_again(request, record, model, parts) if may_ask(part)]
        portions = [list(portion) for portion in split_parts(wanted)]
    if portions:
        return _next_request(request, body, portions, again=again)
    finish(record, parts, request.meta.get(LANGUAGES_KEY, ()))
    if progress is None:
        whole = response if isinstance(response, TMDBResponse) else response.replace(cls=TMDBResponse)
    else:
        first = _first_request(request, progress)
        whole = response.replace(cls=TMDBResponse, url=first.url, body=body, request=first)
    whole.record = record
    return whole


def take_without(request: Request, model: Any) -> TMDBResponse:
    """Return the response with what came before a request for parts that had been left out, which failed."""
    progress: Progress = request.meta[PROGRESS_KEY]
    record = decode(progress["body"], model)
    finish(record, request.meta[APPENDS_KEY], request.meta.get(LANGUAGES_KEY, ()))
    first = _first_request(request, progress)
    whole = TMDBResponse(
        first.url,
        headers={"Content-Type": "application/json;charset=utf-8"},
        body=progress["body"],
        request=first,
    )
    whole.record = record
    return whole


class Absences:
    """How often which part stayed away in a crawl, though it was asked for again.

    A part that TMDB never sends would cost each record another request. Operations are told apart.
    """

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler
        self._came: set[tuple[str, str]] = set()
        self._counts: Counter[tuple[str, str]] = Counter()

    def may_come(self, request: Request, part: str) -> bool:
        """Return whether it is worth asking for a part again."""
        return self._counts[request.meta[OPERATION_KEY], part_label(part)] < MOST_ABSENCES

    def note(self, request: Request, record: Record, model: Any) -> None:
        """Note what came with a record, and tell of parts that are not asked for again from now on."""
        operation = request.meta[OPERATION_KEY]
        missing = set(record.missing_parts)
        came = {(operation, part_label(part)) for part in request.meta[APPENDS_KEY] if part not in missing}
        self._came |= came
        for key in came:
            self._counts.pop(key, None)
        absent = _parts_to_ask_again(request, record, model, missing)
        for key in sorted({(operation, part_label(part)) for part in absent} - self._came):
            self._counts[key] += 1
            if self._counts[key] == MOST_ABSENCES:
                self._warn(*key)

    def _warn(self, operation: str, label: str) -> None:
        """Name a part that never came, and what to do."""
        logger.warning(
            "TMDB left %s out of %d records of %s in a row, also when it was asked for again. In this crawl it is "
            "not asked for again any more: leave it out of append_to_response, unless it is to come later.",
            label,
            MOST_ABSENCES,
            operation,
            extra={"spider": self._crawler.spider},
        )


def part_label(part: str) -> str:
    """Return what stats call a part: all seasons are ``season``."""
    return SLASHED_KEYS.get(part) or part.partition("/")[0]


def _parts_to_ask_again(
    request: Request, record: Record, model: Any, parts: Iterable[str]
) -> tuple[str, ...]:
    """The missing parts of a record that another request may bring."""
    session = has_session(key for key, *_ in request.meta.get(SECRETS_KEY) or ())
    return parts_to_ask_again(record, model, parts, has_session=session)


def _next_request(request: Request, body: bytes, portions: Sequence[list[str]], *, again: bool) -> Request:
    """The request for the first of the portions."""
    known: Progress | None = request.meta.get(PROGRESS_KEY)
    url = known["url"] if known else request.url
    progress = Progress(
        url=url,
        priority=known["priority"] if known else request.priority,
        dont_filter=known["dont_filter"] if known else request.dont_filter,
        dont_cache=known["dont_cache"] if known else bool(request.meta.get("dont_cache")),
        body=body,
        portions=list(portions[1:]),
        again=again,
    )
    meta = {
        name: value
        for name, value in request.meta.items()
        if name not in ("retry_times", RETRY_DELAY_KEY, CONDITION_KEY)
    }
    if again:
        # If all parts had been left out, it is the same request, and the cache has the answer without them.
        meta["dont_cache"] = True
    wanted = ",".join(quote(part, safe="/") for part in portions[0])
    following: Request = request.replace(
        url=_PARTS.sub(lambda _: wanted, url, count=1),
        # What came is kept in memory until the rest is there.
        priority=progress["priority"] + 1,
        dont_filter=True,
        meta={**meta, PROGRESS_KEY: progress},
    )
    for name in _CONDITIONAL_HEADERS:
        following.headers.pop(name, None)
    return following


def _first_request(request: Request, progress: Progress) -> Request:
    """The request as the spider made it, from the last one that was sent for it."""
    meta = {name: value for name, value in request.meta.items() if name != PROGRESS_KEY}
    if not progress["dont_cache"]:
        meta.pop("dont_cache", None)
    first: Request = request.replace(
        url=progress["url"], priority=progress["priority"], dont_filter=progress["dont_filter"], meta=meta
    )
    return first
