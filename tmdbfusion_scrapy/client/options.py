"""What a client is made with, checked once for both."""

from __future__ import annotations

import math
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypedDict

import httpx

from tmdbfusion_scrapy.api.parameters import check_languages, check_secret
from tmdbfusion_scrapy.base_urls import API_URL, check_proxy, check_url
from tmdbfusion_scrapy.client.exchange import Exchange
from tmdbfusion_scrapy.credentials import Credentials
from tmdbfusion_scrapy.exceptions import ConfigurationError, ValidationError
from tmdbfusion_scrapy.http2 import prepare_http2
from tmdbfusion_scrapy.pacing import DEFAULT_REQUESTS_PER_SECOND, PaceOptions
from tmdbfusion_scrapy.retrying import RetryPolicy
from tmdbfusion_scrapy.settings import check_language, check_region


class ClientArguments(TypedDict, total=False):
    """The keyword arguments that both clients take.

    Attributes:
        api_key: A v3 API key, instead of the token.
        language: ``language`` of calls that give none, such as ``fr-CA``.
        region: ``region`` of calls that give none, an ISO 3166-1 code.
        languages: Languages that the texts of details are taken from, best first (``["fr-CA", "fr", "en"]``); the
            first one is the ``language`` of all other calls.
        session_id: Session of a user, for the calls that act for one and give none.
        guest_session_id: Session of a guest, likewise.
        timeout: Seconds for each of connect, read, write and the wait for a connection; 30 by default. An
            ``httpx.Timeout`` sets them one by one; ``None`` turns all of them off.
        max_connections: Most open connections; 100 by default, ``None`` for no limit.
        max_keepalive_connections: Most idle connections that are kept; 20 by default, ``None`` for no limit.
        keepalive_expiry: Seconds that an idle connection is kept; 30 by default.
        requests_per_second: Most requests a second, retries included; 35 by default, ``None`` or 0 for no
            limit.
        retries: Retries after the first attempt, 2 by default, or a ``RetryPolicy``.
        base_url: Base URL of the API.
        http2: Use HTTP/2 (extra ``http2``).
        proxy: URL of an HTTP proxy, or an ``httpx.Proxy``.
        verify: ``True``, an ``ssl.SSLContext``, or ``False`` to take any certificate.
    """

    api_key: str | None
    language: str | None
    region: str | None
    languages: Sequence[str] | None
    session_id: str | None
    guest_session_id: str | None
    timeout: float | httpx.Timeout | None
    max_connections: int | None
    max_keepalive_connections: int | None
    keepalive_expiry: float | None
    requests_per_second: float | None
    retries: int | RetryPolicy
    base_url: str
    http2: bool
    proxy: str | httpx.Proxy | None
    verify: bool | ssl.SSLContext


@dataclass(frozen=True, slots=True)
class ClientOptions:
    """The arguments of a client, checked."""

    credentials: Credentials
    defaults: Mapping[str, Any]
    exchange: Exchange
    limits: httpx.Limits
    pace: PaceOptions
    retry: RetryPolicy
    http2: bool
    proxy: httpx.Proxy | None
    verify: bool | ssl.SSLContext

    @classmethod
    def from_arguments(
        cls, token: str | None, arguments: ClientArguments, *, whole_urls: bool = False
    ) -> ClientOptions:
        """Check the arguments; ``whole_urls`` as of :class:`~tmdbfusion_scrapy.client.exchange.Exchange`.

        Raises:
            ConfigurationError: There is no token, or an argument cannot be used; the message names it.
            TypeError: An argument is unknown.
        """
        given: dict[str, Any] = dict(arguments)
        unknown = set(given) - set(ClientArguments.__annotations__)
        if unknown:
            raise TypeError(f"unexpected keyword argument {min(unknown)!r}")
        if given.get("http2"):
            prepare_http2("http2")
        base_url = check_url("base_url", str(given.get("base_url", API_URL)), carries_token=True)
        credentials = Credentials.resolve(token, given.get("api_key"))
        return cls(
            credentials=credentials,
            defaults=_defaults(given),
            exchange=Exchange(base_url, _timeout(given.get("timeout", 30.0)), credentials, whole_urls),
            limits=httpx.Limits(
                max_connections=_limit("max_connections", given.get("max_connections", 100), least=1),
                max_keepalive_connections=_limit(
                    "max_keepalive_connections", given.get("max_keepalive_connections", 20), least=0
                ),
                keepalive_expiry=_number("keepalive_expiry", given.get("keepalive_expiry", 30.0)),
            ),
            pace=PaceOptions(
                rate=_number(
                    "requests_per_second", given.get("requests_per_second", DEFAULT_REQUESTS_PER_SECOND)
                )
                or 0.0
            ),
            retry=_retry(given.get("retries", 2)),
            http2=bool(given.get("http2", False)),
            proxy=_proxy(given.get("proxy")),
            verify=_verify(given.get("verify", True)),
        )


def _defaults(given: Mapping[str, Any]) -> Mapping[str, Any]:
    """What calls get that do not give it."""
    language = check_language("language", given.get("language"))
    try:
        languages = check_languages("languages", given.get("languages"))
        sessions = {
            name: check_secret(name, given[name])
            for name in ("session_id", "guest_session_id")
            if given.get(name) is not None
        }
    except ValidationError as error:
        raise ConfigurationError(error.message) from None
    if language and languages:
        raise ConfigurationError(
            "language and languages are both given: the first of languages is the language"
        )
    return {
        "language": languages[0] if languages else language,
        "languages": languages or None,
        "region": check_region("region", given.get("region")),
        **sessions,
    }


def _timeout(value: Any) -> httpx.Timeout:
    """Time-outs; a number is for each of the four."""
    if isinstance(value, httpx.Timeout):
        return value
    if value is not None and not (_is_number(value) and value > 0):
        raise ConfigurationError(f"timeout is {value!r}: use seconds above 0, an httpx.Timeout, or None")
    return httpx.Timeout(value)


def _limit(name: str, value: Any, *, least: int) -> int | None:
    """A number of connections."""
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < least):
        raise ConfigurationError(
            f"{name} is {value!r}: use a whole number from {least}, or None for no limit"
        )
    return value


def _number(name: str, value: Any) -> float | None:
    """Seconds or a rate; ``None`` for no limit."""
    if value is not None and not (_is_number(value) and value >= 0):
        raise ConfigurationError(f"{name} is {value!r}: use a number from 0, or None for no limit")
    return None if value is None else float(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _retry(value: Any) -> RetryPolicy:
    """How to retry; a number is the retries after the first attempt."""
    return value if isinstance(value, RetryPolicy) else RetryPolicy(times=value)


def _proxy(value: Any) -> httpx.Proxy | None:
    """A proxy for all requests."""
    if isinstance(value, httpx.Proxy):
        return value
    url = check_proxy("proxy", value)
    return None if url is None else httpx.Proxy(url)


def _verify(value: Any) -> bool | ssl.SSLContext:
    """Whose certificates are taken."""
    if not isinstance(value, bool | ssl.SSLContext):
        raise ConfigurationError(f"verify is {value!r}: use True, False or an ssl.SSLContext")
    return value
