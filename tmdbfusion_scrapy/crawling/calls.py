"""A call in a Scrapy request: as JSON in its meta, which a job directory keeps; its secrets stay in memory."""

from __future__ import annotations

import datetime
import secrets
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode, urlsplit
from weakref import WeakKeyDictionary

import msgspec
from scrapy import Request

from tmdbfusion_scrapy import api
from tmdbfusion_scrapy.api.appending import MAX_APPENDS, split_parts
from tmdbfusion_scrapy.api.call import JSON_TYPE, Call, Secret
from tmdbfusion_scrapy.api.catalogue import call_from_json, call_from_url
from tmdbfusion_scrapy.api.parameters import SECRET_PARAMETERS
from tmdbfusion_scrapy.crawling.errors import error_name
from tmdbfusion_scrapy.credentials import hidden, proxy_secrets
from tmdbfusion_scrapy.exceptions import TMDBError, ValidationError
from tmdbfusion_scrapy.items import FailedCall
from tmdbfusion_scrapy.models.account import GuestSession, RequestToken, Session
from tmdbfusion_scrapy.settings import SLOT, TMDBSettings, once_a_crawl, settings_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from scrapy.crawler import Crawler

    from tmdbfusion_scrapy.api import Endpoint

CALL_KEY = "tmdb_call"
"""Meta key: the call as of :meth:`Call.to_json`, and the ``url`` that the request has for it."""
PROGRESS_KEY = "tmdb_progress"
"""Meta key: what came so far of a record that takes several requests, and how the first of them was made."""
RETRY_DELAY_KEY = "tmdb_retry_delay"
"""Meta key: seconds that a retry waits before it is scheduled."""
RUN_KEY = "tmdb_run"
"""Meta key: which process asks for it as a part of its run in the database."""
CONDITION_KEY = "tmdb_condition"
"""Meta key: the record's id, and what is stored of the ETag that the request has in ``If-None-Match``."""
AUTOMAP_KEY = "zyte_api_automap"
"""Meta key of scrapy-zyte-api: ``False`` keeps its transparent mode away from a request."""

_made: WeakKeyDictionary[Request, tuple[dict[str, Any], Call[Any]]] = WeakKeyDictionary()
"""The calls of requests that were made in this process, with what was kept of them in the meta."""

_SECRET_ANSWERS = (GuestSession, RequestToken, Session)

_NOT_SHOWN = SECRET_PARAMETERS | {"api_key"}
"""Query parameters that a URL of the user's own may have."""

_SETTINGS = {"session_id": "TMDB_SESSION_ID", "guest_session_id": "TMDB_GUEST_SESSION_ID"}
"""Settings of the secrets that every run of a crawl knows; their names are the labels."""


def build_request(call: Call[Any], base_url: str, arguments: Mapping[str, Any]) -> Request:
    """Return the request for a call with labels in place of its secrets, so that a job directory can keep it."""
    given = arguments.get("meta") or {}
    # Meta of another call's response may have been passed on.
    kept = {key: value for key, value in given.items() if key not in (PROGRESS_KEY, CONDITION_KEY, RUN_KEY)}
    meta = {"download_slot": SLOT, "allow_offsite": True, **kept}
    if call.secrets or call.method != "GET" or call.model in _SECRET_ANSWERS:
        # What is one user's, or tells of a change that was made, is no answer to a later call.
        meta["dont_cache"] = True
    changed: dict[str, Any] = {"method": call.method, "meta": meta}
    if call.body is not None:
        changed["headers"] = {"Content-Type": JSON_TYPE, **dict(arguments.get("headers") or {})}
        changed["body"] = msgspec.json.encode(call.body)
    return keep_call(Request(_url_of(call, base_url), **{**arguments, **changed}), call)


def keep_call(request: Request, call: Call[Any]) -> Request:
    """Put a call into the meta of its request, and return the request."""
    kept = request.meta[CALL_KEY] = {**call.to_json(), "url": request.url}
    if call.body is None and not call.secrets:
        _made[request] = {**kept}, call
    return request


def has_call(request: Request) -> bool:
    """Return whether the meta of a request has the call that its URL makes."""
    kept = request.meta.get(CALL_KEY)
    return kept is not None and kept.get("url") == request.url and kept["method"] == request.method


def call_of(request: Request, api_url: str) -> Call[Any]:
    """Return the call of a request of which the URL is TMDB's, by its meta.

    The URL goes before, which the request may have been given since, or its meta be of another one. What no URL
    shows is kept where the path is the same.
    """
    kept = request.meta.get(CALL_KEY)
    known = _made.get(request)
    if known is not None and known[0] == kept and has_call(request):
        return known[1]
    call = call_from_json(kept) if kept is not None else None
    if call is not None and has_call(request):
        return call
    told = call_from_url(request.method, request.url, api_url)
    if call is None or (call.method, call.path) != (told.method, told.path):
        return told
    if PROGRESS_KEY in request.meta:
        # The URL has a portion of the parts, and maybe another language.
        return call
    if call.operation_id is None:
        query = dict(parse_qsl(urlsplit(request.url).query, keep_blank_values=True))
        return replace(call, query=query)
    if told.appends == call.appends[:MAX_APPENDS]:
        told = replace(told, appends=call.appends, has_all_seasons=call.has_all_seasons)
    languages = call.languages if told.query.get("language") in call.languages[:1] else ()
    return replace(told, secrets=call.secrets, languages=languages)


def note_call(request: Request, api_url: str) -> None:
    """See to it that the meta of a request has its call."""
    if has_call(request):
        return
    call, kept = call_of(request, api_url), request.meta.get(CALL_KEY)
    other = call_from_json(kept) if kept is not None else call
    if other is None or (other.method, other.path) != (call.method, call.path):
        for key in (PROGRESS_KEY, CONDITION_KEY):
            request.meta.pop(key, None)
    keep_call(request, call)


def endpoint_of(call: Call[Any]) -> Endpoint[..., Any] | None:
    """Return the endpoint of a call, ``None`` for one outside the catalogue."""
    return api.OPERATIONS.get(call.operation_id or "")


def with_call(request: Request, call: Call[Any], api_url: str, **changed: Any) -> Request:
    """Return a request for another call; ``changed`` are arguments of ``Request.replace``."""
    return keep_call(request.replace(url=_url_of(call, api_url), **changed), call)


def unseen_in_url(request: Request, api_url: str) -> list[str]:
    """Return what a URL does not show of its call: later languages, parts of later requests, labels of secrets."""
    kept = request.meta.get(CALL_KEY)
    if kept is None:
        return []
    if not has_call(request):
        kept = call_of(request, api_url).to_json()
    unseen = [":".join(mark) for mark in kept.get("secrets", ())]
    if languages := kept.get("languages"):
        unseen.append(",".join(languages))
    if "has_all_seasons" in kept:
        unseen.append("seasons")
    if len(appends := kept.get("appends", ())) > MAX_APPENDS:
        unseen.append(",".join(appends))
    return unseen


def _url_of(call: Call[Any], base_url: str) -> str:
    if len(call.appends) > MAX_APPENDS:
        call = call.with_appends(split_parts(call.appends)[0])
    return call.url(base_url)


def shows_secret(url: str) -> bool:
    """Return whether a URL has a key or a session id in it."""
    return "api_key=" in url or "session_id=" in url


def kind_id_and_path(request: Request, api_url: str) -> tuple[str | None, str | None, str]:
    """Return kind, id and path of a call as a :class:`FailedCall` has them: nothing of them is secret."""
    call = call_of(request, api_url)
    endpoint, path = endpoint_of(call), call.path
    is_named = bool(call.values) and Secret.MASK not in path
    shown = {} if is_named else {name: value for name, value in call.query.items() if name not in _NOT_SHOWN}
    if not is_named and call.appends:
        shown["append_to_response"] = ",".join(call.appends[:MAX_APPENDS])
    return (
        (endpoint.kind or endpoint.namespace) if endpoint is not None else None,
        next(iter(call.values.values())) if is_named else None,
        f"{path}?{urlencode(shown, safe=',/')}" if shown else path,
    )


def failed_call(error: TMDBError, request: Request, api_url: str) -> FailedCall:
    """Return the item that tells of a call that failed for good."""
    kind, key, path = kind_id_and_path(request, api_url)
    return FailedCall(
        kind=kind,
        id=key,
        path=path,
        error=error_name(error),
        status_code=error.status_code,
        tmdb_code=error.tmdb_code,
        message=error.message,
        attempts=request.meta.get("retry_times", 0) + 1,
        retryable=error.retryable,
        tried_at=datetime.datetime.now(datetime.timezone.utc),
    )


class CallSecrets:
    """Keeps the secrets that calls bring, under labels drawn at random, of which no other process makes anything.

    A session of the settings has the setting's name for its label, so that a job's next run knows it.
    """

    def __init__(self, settings: TMDBSettings) -> None:
        self._of_proxy = proxy_secrets(settings.proxy)
        self._values: dict[str, str] = {}
        self._labels: dict[tuple[str, str], str] = {}
        for key, name in _SETTINGS.items():
            value = getattr(settings, key)
            if value is not None:
                self._values[name] = hidden(value)
                self._labels[key, hidden(value)] = name

    def take(self, call: Call[Any]) -> Call[Any]:
        """Return a call with labels in place of its secrets, which are taken in; equal ones have equal labels."""
        taken = []
        for one in call.secrets:
            label = self._labels.setdefault((one.key, hidden(one.value)), secrets.token_hex(8))
            self._values[label] = hidden(one.value)
            taken.append(Secret(one.key, one.place, "", label))
        return replace(call, secrets=tuple(taken))

    def secrets_of(self, request: Request) -> tuple[Secret, ...]:
        """Return the secrets of a request; ``ValidationError`` for one that only another process knew."""
        marks = request.meta[CALL_KEY].get("secrets", ()) if has_call(request) else ()
        for key, _, label in marks:
            if label not in self._values:
                setting = _SETTINGS.get(key)
                fix = f"set {setting}, which every run can read" if setting else "make the call anew"
                raise ValidationError(
                    f"the {key} of this call is not known here: secrets are not kept in a job directory or a "
                    f"queue, so one that was given to a call is gone with its run; {fix}"
                )
        return tuple(Secret(key, place, self._values[label], label) for key, place, label in marks)

    def values_of(self, request: Request) -> list[str]:
        """Return the values of a request's secrets, of those that are known, and those of its proxy."""
        marks = request.meta.get(CALL_KEY, {}).get("secrets", ())
        values = [self._values[label] for _, _, label in marks if label in self._values]
        if b"Proxy-Authorization" in request.headers:
            values += proxy_secrets(None, request.headers[b"Proxy-Authorization"])
        return [*values, *self._of_proxy]


@once_a_crawl
def call_secrets_of(crawler: Crawler) -> CallSecrets:
    """Return the secrets of the calls of a crawl, made at the first use."""
    return CallSecrets(settings_of(crawler.settings))
