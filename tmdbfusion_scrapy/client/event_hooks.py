"""Event hooks of the clients: what they are called with, and what comes of it.

As httpx's (https://www.python-httpx.org/advanced/event-hooks/), but that no token, key or session is to be seen.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import msgspec

from tmdbfusion_scrapy.api.call import Secret, values_in
from tmdbfusion_scrapy.exceptions import ConfigurationError
from tmdbfusion_scrapy.http import httpx
from tmdbfusion_scrapy.transport.answer import BodyTooLarge, read_body

if TYPE_CHECKING:
    from tmdbfusion_scrapy.api import Call
    from tmdbfusion_scrapy.client.exchange import Exchange
    from tmdbfusion_scrapy.client.sending import Answered

_EVENTS = ("request", "response")

_MADE = re.compile(rb'("(?:guest_)?session_id"|"request_token")(\s*:\s*)"[^"]*"')
"""Sessions and tokens that TMDB makes."""

_OF_THE_BODY_AS_SENT = (b"content-encoding", b"content-length", b"transfer-encoding")


def check_event_hooks(value: Any) -> dict[str, list[Callable[..., Any]]]:
    """Return the hooks by their events, in lists of their own."""
    given = {} if value is None else value
    if isinstance(given, Mapping) and not set(given) - set(_EVENTS):
        lists = {event: given.get(event) or () for event in _EVENTS}
        if all(isinstance(each, list | tuple) and all(map(callable, each)) for each in lists.values()):
            return {event: list(each) for event, each in lists.items()}
    raise ConfigurationError(
        f"event_hooks is {value!r}: use lists of functions, such as {{'request': [f], 'response': [g]}}"
    )


def shown_request(exchange: Exchange, call: Call[Any]) -> httpx.Request:
    """Return the request for a call as hooks see it, without credentials and without the secrets of the call."""
    headers = [(name, _masked(exchange, name, value)) for name, value in exchange.headers_of(call)]
    body = b""
    if call.body is not None:
        secrets = dict.fromkeys(values_in("body", call.secrets), Secret.MASK)
        body = msgspec.json.encode({**call.body, **secrets})
    request = httpx.Request(
        call.method,
        call.url(exchange.base_url),
        headers=headers,
        # Not ``content``: its length is not that of the real one.
        stream=httpx.ByteStream(body),
        extensions={"timeout": exchange.timeout.as_dict()},
    )
    request.read()
    return request


def sent_headers(exchange: Exchange, shown: httpx.Request) -> list[tuple[bytes, bytes]]:
    """Return the headers as the hooks have left them, with the credentials in their place."""
    real = {(name.lower(), _masked(exchange, name, value)): value for name, value in exchange.headers}
    return [(name, real.get((name.lower(), value), value)) for name, value in shown.headers.raw]


def shown_response(
    exchange: Exchange, call: Call[Any], shown: httpx.Request, answer: Answered
) -> httpx.Response:
    """Return an answer as hooks see it: read and unpacked, and without the secrets in it."""
    credentials, secrets = exchange.credentials, exchange.secrets_of(call)
    try:
        body = read_body(answer.body, answer.encoding, max_size=exchange.max_response_size)
    except (BodyTooLarge, httpx.DecodingError):
        body = answer.body
    response = httpx.Response(
        answer.status,
        headers=[
            (name, credentials.redact_body(value, secrets))
            for name, value in answer.headers.raw
            if name.lower() not in _OF_THE_BODY_AS_SENT
        ],
        content=_MADE.sub(rb'\1\2"***"', credentials.redact_body(body, secrets)),
        request=shown,
        extensions=dict(answer.extensions),
    )
    response.elapsed = timedelta(seconds=time.monotonic() - answer.sent_at)
    return response


def _masked(exchange: Exchange, name: bytes, value: bytes) -> bytes:
    """Return a header without the token."""
    if name.lower() != b"authorization":
        return value
    return exchange.credentials.redact_body(value)
