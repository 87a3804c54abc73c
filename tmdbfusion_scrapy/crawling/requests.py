"""Calls of the catalogue as Scrapy requests."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec
from scrapy import Request

from tmdbfusion_scrapy.api import OPERATIONS
from tmdbfusion_scrapy.api.appending import split_parts
from tmdbfusion_scrapy.api.call import JSON_TYPE
from tmdbfusion_scrapy.crawling.vault import SECRETS_KEY
from tmdbfusion_scrapy.models.sessions import GuestSession, RequestToken, Session
from tmdbfusion_scrapy.settings import SLOT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tmdbfusion_scrapy.api import Call, Endpoint
    from tmdbfusion_scrapy.crawling.vault import Mark

OPERATION_KEY = "tmdb_operation"
"""Meta key: TMDB's operationId, by which the response is decoded."""

RETRY_DELAY_KEY = "tmdb_retry_delay"
"""Meta key: seconds that a retry waits before it is scheduled."""

APPENDS_KEY = "tmdb_appends"
"""Meta key: all parts of ``append_to_response``; the URL has those of one request."""

LANGUAGES_KEY = "tmdb_languages"
"""Meta key: the languages that the texts are taken from, best first."""

PROGRESS_KEY = "tmdb_progress"
"""Meta key: what came of a record so far that takes several requests."""

CONDITION_KEY = "tmdb_condition"
"""Meta key: the record's id, and what is stored of the ETag that the request has in ``If-None-Match``."""

AUTOMAP_KEY = "zyte_api_automap"
"""Meta key of scrapy-zyte-api: ``False`` keeps its transparent mode away from a request."""

REQUEST_ARGUMENTS = frozenset(
    {"callback", "errback", "priority", "meta", "cb_kwargs", "headers", "flags", "dont_filter"}
)
"""Arguments of ``scrapy.Request`` that a call in a spider takes besides the endpoint's own."""


_PAGE = re.compile(r"(?<=[?&]page=)[0-9]+")

_SECRET_ANSWERS = (GuestSession, RequestToken, Session)


def build_request(
    call: Call[Any], base_url: str, arguments: Mapping[str, Any], secrets: Sequence[Mark] = ()
) -> Request:
    """Return the request for a call. It holds no secret, and a job directory can keep it.

    Args:
        call: The call.
        base_url: Base URL of the API.
        arguments: Of :data:`REQUEST_ARGUMENTS`.
        secrets: Marks of the call's secrets.
    """
    meta = {"download_slot": SLOT, "allow_offsite": True, **(arguments.get("meta") or {})}
    if call.operation_id is not None:
        meta[OPERATION_KEY] = call.operation_id
    # Meta of another call's response may have been passed on.
    for key in (SECRETS_KEY, APPENDS_KEY, LANGUAGES_KEY, PROGRESS_KEY, CONDITION_KEY):
        meta.pop(key, None)
    if call.appends:
        meta[APPENDS_KEY] = list(call.appends)
        call = call.with_appends(split_parts(call.appends)[0])
    if call.languages:
        meta[LANGUAGES_KEY] = list(call.languages)
    if secrets:
        meta[SECRETS_KEY] = list(secrets)
    if secrets or call.method != "GET" or call.model in _SECRET_ANSWERS:
        # What is one user's, or tells of a change that was made, is no answer to a later call.
        meta["dont_cache"] = True
    headers = dict(arguments.get("headers") or {})
    body = b""
    if call.body is not None:
        headers.setdefault("Content-Type", JSON_TYPE)
        body = msgspec.json.encode(call.body)
    given = {name: value for name, value in arguments.items() if name not in ("meta", "headers")}
    return Request(call.url(base_url), method=call.method, meta=meta, headers=headers, body=body, **given)


def endpoint_of(request: Request) -> Endpoint[..., Any] | None:
    """Return the endpoint that a request calls, ``None`` outside the catalogue."""
    return OPERATIONS.get(request.meta.get(OPERATION_KEY, ""))


def page_asked_for(request: Request) -> str | None:
    """Return the number of the page in a request's URL, ``None`` where there is none."""
    match = _PAGE.search(request.url)
    return match[0] if match else None


def with_page(request: Request, number: int) -> str:
    """Return the URL of a request with another page."""
    url, count = _PAGE.subn(str(number), request.url)
    return url if count else f"{url}{'&' if '?' in url else '?'}page={number}"
