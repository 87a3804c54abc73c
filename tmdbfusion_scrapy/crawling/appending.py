"""Records with appended parts in a crawl: what several requests brought becomes one response.

See :mod:`tmdbfusion_scrapy.api.appending`. A request that is not the last one is followed by another, which has
what came so far in its meta: a job directory keeps it, and only the response with the whole record is seen.
"""

from __future__ import annotations

import logging
import re
from collections import Counter
from typing import TYPE_CHECKING, Any, Literal, TypedDict
from urllib.parse import quote, unquote

from tmdbfusion_scrapy.api.appending import (
    MAX_APPENDS,
    finish,
    has_session,
    listed_seasons,
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
    SEASONS_KEY,
)
from tmdbfusion_scrapy.crawling.responses import TMDBResponse
from tmdbfusion_scrapy.crawling.vault import SECRETS_KEY
from tmdbfusion_scrapy.models import decode
from tmdbfusion_scrapy.models.fields import SLASHED_KEYS
from tmdbfusion_scrapy.models.season_texts import add_answer, texts_to_ask

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from scrapy import Request
    from scrapy.crawler import Crawler
    from scrapy.http import Response

    from tmdbfusion_scrapy.models import Record

logger = logging.getLogger(__name__)

_PARTS = re.compile(r"(?<=[?&]append_to_response=)[^&#]*")
_LANGUAGE = re.compile(r"(?<=[?&]language=)[^&#]*")

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
        parts: All parts that are asked for, with the seasons that the first answer listed.
        body: What the answers hold together.
        portions: The parts to ask for in the requests after this one.
        step: What this request is for: more parts, parts that had been left out, or texts in another language.
        language: Language of the texts.
    """

    url: str
    priority: int
    dont_filter: bool
    dont_cache: bool
    parts: list[str]
    body: bytes
    portions: list[list[str]]
    step: Literal["more", "again", "texts"]
    language: str


def has_appends(request: Request) -> bool:
    """Return whether a request asks for appended parts."""
    # Both, for a spider may pass on the meta of another call.
    return APPENDS_KEY in request.meta and _PARTS.search(request.url) is not None


def is_asking_again(request: Request) -> bool:
    """Return whether a request is for parts that had been left out."""
    return PROGRESS_KEY in request.meta and request.meta[PROGRESS_KEY]["step"] == "again"


def can_do_without(request: Request) -> bool:
    """Return whether a record may come without what a request was to add to it.

    All seasons of a series are not all of them without one that is listed.
    """
    if not is_asking_again(request):
        return False
    left = [part for portion in request.meta[PROGRESS_KEY]["portions"] for part in portion]
    is_season = any(part.startswith("season/") for part in (*_asked_for(request), *left))
    return not (is_season and SEASONS_KEY in request.meta)


def lacks_parts(request: Request, record: Record, model: Any) -> bool:
    """Return whether an answer has not all that it was asked for, and may have it later.

    Args:
        request: A request for appended parts.
        record: What its answer was decoded into.
        model: The record class.
    """
    return bool(_parts_to_ask_again(request, record, model, _asked_for(request)))


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
    progress: Progress | None = request.meta.get(PROGRESS_KEY)
    if progress is None:
        progress = _begin(request, response.body, record)
        following = _following(request, progress, record, model, may_ask)
        if following is None:
            return _whole(request, response, record)
        return following
    if progress["step"] == "texts":
        body = add_answer(progress["body"], progress["language"], response.body)
    else:
        body = merge_bodies((progress["body"], response.body))
    progress = Progress({**progress, "body": body})
    if not progress["portions"]:
        record = decode(body, model)
    following = _following(request, progress, record, model, may_ask)
    if following is not None:
        return following
    first = _first_request(request, progress)
    return _whole(
        request, response.replace(cls=TMDBResponse, url=first.url, body=body, request=first), record
    )


def go_on_without(request: Request, model: Any) -> Request | TMDBResponse:
    """Return what :func:`go_on` does after a request for parts that had been left out, which failed."""
    progress: Progress = request.meta[PROGRESS_KEY]
    progress = Progress({**progress, "portions": []})
    record = decode(progress["body"], model)
    following = _following(request, progress, record, model, lambda _: False)
    if following is not None:
        return following
    first = _first_request(request, progress)
    response = TMDBResponse(
        first.url,
        headers={"Content-Type": "application/json;charset=utf-8"},
        body=progress["body"],
        request=first,
    )
    return _whole(request, response, record)


def _begin(request: Request, body: bytes, record: Record) -> Progress:
    """What the first answer to a call brings, and what is to be asked for after it."""
    parts = list(request.meta[APPENDS_KEY])
    # Which seasons there are stands in each answer.
    portions = [list(portion) for portion in split_parts(parts)[1:] if may_exist(portion, record)]
    if request.meta.get(SEASONS_KEY):
        listed = listed_seasons(record, parts)
        left = [part for part in parts[MAX_APPENDS:] if may_exist([part], record)]
        portions = [list(portion) for portion in split_parts([*left, *listed])]
        parts += listed
    return Progress(
        url=request.url,
        priority=request.priority,
        dont_filter=request.dont_filter,
        dont_cache=bool(request.meta.get("dont_cache")),
        parts=parts,
        body=body,
        portions=portions,
        step="more",
        language="",
    )


def _following(
    request: Request, progress: Progress, record: Record, model: Any, may_ask: Callable[[str], bool]
) -> Request | None:
    """The next request for a record, ``None`` where it is whole."""
    portions, step, language = progress["portions"], progress["step"], progress["language"]
    if not portions and step == "more":
        step = "again"
        missing = _parts_to_ask_again(request, record, model, progress["parts"])
        portions = [list(portion) for portion in split_parts([part for part in missing if may_ask(part)])]
    if not portions and (texts := texts_to_ask(record, request.meta.get(LANGUAGES_KEY, ()))):
        step = "texts"
        language, wanted = texts
        portions = [list(portion) for portion in split_parts(wanted)]
    if not portions:
        return None
    now, *later = portions
    left = Progress({**progress, "portions": later, "step": step, "language": language})
    return _next_request(request, left, now)


def _whole(request: Request, response: Response, record: Record) -> TMDBResponse:
    """The response with the whole record."""
    finish(record, all_parts(request), request.meta.get(LANGUAGES_KEY, ()))
    whole = response if isinstance(response, TMDBResponse) else response.replace(cls=TMDBResponse)
    whole.record = record
    return whole


def all_parts(request: Request) -> list[str]:
    """Return all parts that a record is asked for with, as far as is known at a request."""
    progress: Progress | None = request.meta.get(PROGRESS_KEY)
    parts: list[str] = progress["parts"] if progress else request.meta[APPENDS_KEY]
    return parts


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
        came = {(operation, part_label(part)) for part in all_parts(request) if part not in missing}
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


def _asked_for(request: Request) -> list[str]:
    """The parts in a request's URL."""
    found = _PARTS.search(request.url)
    return unquote(found[0]).split(",") if found else []


def _next_request(request: Request, progress: Progress, parts: Sequence[str]) -> Request:
    """The request for some parts, with what came so far."""
    meta = {
        name: value
        for name, value in request.meta.items()
        if name not in ("retry_times", "dont_cache", RETRY_DELAY_KEY, CONDITION_KEY)
    }
    if progress["dont_cache"] or progress["step"] == "again":
        # If all parts had been left out, it is the same request, and the cache has the answer without them.
        meta["dont_cache"] = True
    wanted = ",".join(quote(part, safe="/") for part in parts)
    url = _PARTS.sub(lambda _: wanted, progress["url"], count=1)
    if progress["step"] == "texts":
        url = _LANGUAGE.sub(progress["language"], url, count=1)
    following: Request = request.replace(
        url=url,
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
