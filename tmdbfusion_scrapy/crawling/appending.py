"""Records with appended parts in a crawl: what several requests brought becomes one response.

See :mod:`tmdbfusion_scrapy.api.appending`. A request that is not the last one is followed by another, which has
what came so far in its meta: a job directory keeps it, and only the response with the whole record is seen.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, TypedDict
from urllib.parse import quote

from tmdbfusion_scrapy.api.appending import finish, merge_bodies, parts_to_ask_again, split_parts
from tmdbfusion_scrapy.crawling.requests import (
    APPENDS_KEY,
    LANGUAGES_KEY,
    PROGRESS_KEY,
    RETRY_DELAY_KEY,
)
from tmdbfusion_scrapy.crawling.responses import TMDBResponse
from tmdbfusion_scrapy.models import decode
from tmdbfusion_scrapy.models.fields import SLASHED_KEYS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scrapy import Request
    from scrapy.http import Response

    from tmdbfusion_scrapy.models import Record

_PARTS = re.compile(r"(?<=[?&]append_to_response=)[^&#]*")

# Set by the HTTP cache for the answer that it has of another URL.
_CONDITIONAL_HEADERS = ("If-None-Match", "If-Modified-Since")


class Progress(TypedDict):
    """What came of a record so far.

    Attributes:
        url: URL of the first request, which is the call's.
        priority: Its priority.
        dont_filter: Its ``dont_filter``.
        body: What the answers hold together.
        portions: The parts to ask for in the requests after this one.
        again: Whether this request is for parts that had been left out.
    """

    url: str
    priority: int
    dont_filter: bool
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


def go_on(request: Request, response: Response, record: Record, model: Any) -> Request | TMDBResponse:
    """Return the next request for a record with appended parts, or the response with all of it.

    Args:
        request: The request of the answer.
        response: A good answer.
        record: What it was decoded into.
        model: The record class.
    """
    parts = request.meta[APPENDS_KEY]
    progress: Progress | None = request.meta.get(PROGRESS_KEY)
    if progress is None:
        body, again = response.body, False
        portions = [list(portion) for portion in split_parts(parts)[1:]]
    else:
        body, again = merge_bodies((progress["body"], response.body)), progress["again"]
        portions = progress["portions"]
        if not portions:
            record = decode(body, model)
    if not portions and not again:
        again = True
        portions = [list(portion) for portion in split_parts(parts_to_ask_again(record, model, parts))]
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
    # The HTTP cache would take it for the answer to this request.
    request.meta["dont_cache"] = True
    return whole


def part_label(part: str) -> str:
    """Return what stats call a part: all seasons are ``season``."""
    return SLASHED_KEYS.get(part) or part.partition("/")[0]


def _next_request(request: Request, body: bytes, portions: Sequence[list[str]], *, again: bool) -> Request:
    """The request for the first of the portions."""
    known: Progress | None = request.meta.get(PROGRESS_KEY)
    url = known["url"] if known else request.url
    progress = Progress(
        url=url,
        priority=known["priority"] if known else request.priority,
        dont_filter=known["dont_filter"] if known else request.dont_filter,
        body=body,
        portions=list(portions[1:]),
        again=again,
    )
    meta = {
        name: value for name, value in request.meta.items() if name not in ("retry_times", RETRY_DELAY_KEY)
    }
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
    first: Request = request.replace(
        url=progress["url"], priority=progress["priority"], dont_filter=progress["dont_filter"], meta=meta
    )
    return first
