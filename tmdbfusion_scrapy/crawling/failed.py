"""From an error and its request to the item that keeps it."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlencode, urlsplit

from tmdbfusion_scrapy.api.call import Secret
from tmdbfusion_scrapy.api.parameters import SECRET_PARAMETERS
from tmdbfusion_scrapy.crawling.errors import error_name
from tmdbfusion_scrapy.crawling.requests import endpoint_of
from tmdbfusion_scrapy.items import FailedCall

if TYPE_CHECKING:
    from scrapy import Request

    from tmdbfusion_scrapy.exceptions import TMDBError

_NOT_SHOWN = SECRET_PARAMETERS | {"api_key"}
"""Query parameters that a URL of the user's own may have."""


def public_path(url: str, api_url: str, *, with_query: bool) -> str:
    """Return the part of a URL below the API's base, without secrets."""
    parts = urlsplit(url)
    query = [(name, value) for name, value in parse_qsl(parts.query) if name not in _NOT_SHOWN]
    path = parts.path.removeprefix(urlsplit(api_url).path)
    return f"{path}?{urlencode(query, safe=',/')}" if with_query and query else path


def call_of(request: Request, api_url: str) -> tuple[str | None, str | None, str]:
    """Return kind, id and path of a call as a :class:`FailedCall` has them."""
    endpoint = endpoint_of(request)
    path = public_path(request.url, api_url, with_query=False)
    values = endpoint.path_values(path) if endpoint is not None and Secret.MASK not in path else {}
    return (
        (endpoint.kind or endpoint.namespace) if endpoint is not None else None,
        next(iter(values.values()), None),
        path if values else public_path(request.url, api_url, with_query=True),
    )


def failed_call(error: TMDBError, request: Request, api_url: str) -> FailedCall:
    """Return the item that tells of a call that failed for good."""
    kind, key, path = call_of(request, api_url)
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
