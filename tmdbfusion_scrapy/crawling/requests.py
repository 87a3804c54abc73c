"""Calls of the catalogue as Scrapy requests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from scrapy import Request

from tmdbfusion_scrapy.settings import SLOT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tmdbfusion_scrapy.api import Call

OPERATION_KEY = "tmdb_operation"
"""Meta key: TMDB's operationId, by which the response is decoded."""

RETRY_DELAY_KEY = "tmdb_retry_delay"
"""Meta key: seconds that a retry waits before it is scheduled."""

REQUEST_ARGUMENTS = frozenset(
    {"callback", "errback", "priority", "meta", "cb_kwargs", "headers", "flags", "dont_filter"}
)
"""Arguments of ``scrapy.Request`` that a call in a spider takes besides the endpoint's own."""


def build_request(call: Call[Any], base_url: str, arguments: Mapping[str, Any]) -> Request:
    """Return the request for a call. It holds no secret, and a job directory can keep it.

    Args:
        call: The call.
        base_url: Base URL of the API.
        arguments: Of :data:`REQUEST_ARGUMENTS`.
    """
    meta = {"download_slot": SLOT, "allow_offsite": True, **(arguments.get("meta") or {})}
    if call.operation_id is not None:
        meta[OPERATION_KEY] = call.operation_id
    headers = dict(arguments.get("headers") or {})
    body = b""
    if call.body is not None:
        headers.setdefault("Content-Type", "application/json;charset=utf-8")
        body = msgspec.json.encode(call.body)
    given = {name: value for name, value in arguments.items() if name not in ("meta", "headers")}
    return Request(call.url(base_url), method=call.method, meta=meta, headers=headers, body=body, **given)
