"""Calls of the catalogue as Scrapy requests."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

import msgspec
from scrapy import Request

from tmdbfusion_scrapy.api import OPERATIONS
from tmdbfusion_scrapy.api.appending import split_parts
from tmdbfusion_scrapy.api.call import JSON_TYPE
from tmdbfusion_scrapy.api.catalogue import find_endpoint
from tmdbfusion_scrapy.api.values import check_appends
from tmdbfusion_scrapy.crawling.vault import SECRETS_KEY
from tmdbfusion_scrapy.models.languages import DEFAULT_LANGUAGE
from tmdbfusion_scrapy.models.sessions import GuestSession, RequestToken, Session
from tmdbfusion_scrapy.settings import SLOT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tmdbfusion_scrapy.api import Call, Endpoint
    from tmdbfusion_scrapy.crawling.vault import Mark
    from tmdbfusion_scrapy.models.answers import Asked

OPERATION_KEY = "tmdb_operation"
"""Meta key: TMDB's operationId, by which the response is decoded."""

NO_OPERATION = ""
"""Stands for it where the answer is to be plain JSON, whatever the URL."""

RETRY_DELAY_KEY = "tmdb_retry_delay"
"""Meta key: seconds that a retry waits before it is scheduled."""

APPENDS_KEY = "tmdb_appends"
"""Meta key: all parts of ``append_to_response``; the URL has those of one request."""

SEASONS_KEY = "tmdb_seasons"
"""Meta key: whether the seasons that a series lists are all asked for, those among the parts or not."""

LANGUAGES_KEY = "tmdb_languages"
"""Meta key: the languages that the texts are taken from, best first."""

PROGRESS_KEY = "tmdb_progress"
"""Meta key: what came of a record so far that takes several requests."""

RUN_KEY = "tmdb_run"
"""Meta key: which process asks for it as a part of its run in the database."""

CONDITION_KEY = "tmdb_condition"
"""Meta key: the record's id, and what is stored of the ETag that the request has in ``If-None-Match``."""

AUTOMAP_KEY = "zyte_api_automap"
"""Meta key of scrapy-zyte-api: ``False`` keeps its transparent mode away from a request."""

REQUEST_ARGUMENTS = frozenset(
    {"callback", "errback", "priority", "meta", "cb_kwargs", "headers", "flags", "dont_filter"}
)
"""Arguments of ``scrapy.Request`` that a call in a spider takes besides the endpoint's own."""


_PAGE = re.compile(r"(?<=[?&]page=)[0-9]+")
_LANGUAGE = re.compile(r"(?<=[?&]language=)[^&#]*")

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
    for key in (SECRETS_KEY, APPENDS_KEY, SEASONS_KEY, LANGUAGES_KEY, PROGRESS_KEY, CONDITION_KEY, RUN_KEY):
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


def name_operation(request: Request, api_url: str) -> None:
    """Put into the meta of a request which operation its URL calls, so that its answer becomes a record.

    A call of the catalogue says it itself, and so does one that is to be plain JSON. Meta of another call's
    response may have been passed on.
    """
    meta = request.meta
    said = meta.get(OPERATION_KEY)
    path = path_of(request, api_url)
    endpoint = endpoint_of(request)
    if said == NO_OPERATION or (endpoint is not None and endpoint.takes(request.method, path)):
        return
    if said is not None:
        for key in (OPERATION_KEY, APPENDS_KEY, LANGUAGES_KEY, PROGRESS_KEY, CONDITION_KEY):
            meta.pop(key, None)
    endpoint = find_endpoint(request.method, path)
    if endpoint is None:
        return
    meta[OPERATION_KEY] = endpoint.operation_id
    appends = dict(parse_qsl(urlsplit(request.url).query)).get("append_to_response")
    if appends and "append_to_response" in endpoint.parameters:
        meta[APPENDS_KEY] = list(check_appends("append_to_response", appends))


def endpoint_of(request: Request) -> Endpoint[..., Any] | None:
    """Return the endpoint that a request calls, ``None`` outside the catalogue."""
    return OPERATIONS.get(request.meta.get(OPERATION_KEY, ""))


def path_of(request: Request, api_url: str) -> str:
    """Return the path of a request below the base URL, without a slash at its end."""
    return urlsplit(request.url).path.removeprefix(urlsplit(api_url).path).rstrip("/")


def ids_asked_for(request: Request, api_url: str) -> tuple[Asked, ...]:
    """Return the ids and numbers in a request's path that its answer must repeat."""
    endpoint = endpoint_of(request)
    return endpoint.asked(path_of(request, api_url)) if endpoint is not None else ()


def language_asked_for(request: Request) -> str | None:
    """Return the language of a call, TMDB's default where it names none; ``None`` for one that has no language.

    Of a record that takes several requests it is that of the first.
    """
    endpoint = endpoint_of(request)
    if endpoint is None or "language" not in endpoint.parameters:
        return None
    progress = request.meta.get(PROGRESS_KEY)
    match = _LANGUAGE.search(progress["url"] if progress else request.url)
    return match[0] if match and match[0] else DEFAULT_LANGUAGE


def page_asked_for(request: Request) -> str | None:
    """Return the number of the page in a request's URL, ``None`` where there is none."""
    match = _PAGE.search(request.url)
    return match[0] if match else None


def with_page(request: Request, number: int) -> str:
    """Return the URL of a request with another page."""
    url, count = _PAGE.subn(str(number), request.url)
    return url if count else f"{url}{'&' if '?' in url else '?'}page={number}"
