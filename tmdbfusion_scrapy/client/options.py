"""Arguments of the clients, checked once for both."""

from __future__ import annotations

import base64
import math
import ssl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypedDict

from tmdbfusion_scrapy.api.parameters import check_secret
from tmdbfusion_scrapy.base_urls import (
    API_URL,
    IPFamily,
    check_ip_family,
    check_no_clear_token,
    check_proxy,
    check_url,
    check_urls,
)
from tmdbfusion_scrapy.client.exchange import Exchange, check_event_hooks
from tmdbfusion_scrapy.credentials import Credentials, hidden, proxy_secrets
from tmdbfusion_scrapy.exceptions import ConfigurationError, ValidationError
from tmdbfusion_scrapy.http import described, httpx, library_of
from tmdbfusion_scrapy.rate_limit import DEFAULT_REQUESTS_PER_SECOND, RateLimit, SharedLimit
from tmdbfusion_scrapy.retrying import RetryPolicy
from tmdbfusion_scrapy.settings import check_language, check_languages, check_region
from tmdbfusion_scrapy.transport import DEFAULT_LIMITS
from tmdbfusion_scrapy.transport.dialing import check_certificate_variables

DEFAULT_MAX_RESPONSE_SIZE: Final = 64 * 1024 * 1024
"""Bytes; the largest answer known of TMDB, a series with twenty seasons, has a few."""

_ABOVE_ZERO: Final = math.ulp(0.0)
_FROM_ZERO: Final = "a number from 0, or None for no limit"


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
        total_timeout: Seconds for all of a request that has its turn, from connecting to the last byte of its
            answer. By default ten times the longest of ``timeout``, so 300; ``None`` for no limit.
        max_response_size: Most bytes of an answer, before and after it is unpacked; 64 MiB by default, ``None``
            for no limit. What is larger is not read to its end, and a ``ResponseError`` that is not tried again.
        max_connections: Most open connections; 100 by default, ``None`` for no limit.
        max_keepalive_connections: Most idle connections that are kept; 20 by default, ``None`` for no limit.
        keepalive_expiry: Seconds that an idle connection is kept; 30 by default.
        requests_per_second: Most requests a second, retries included; 35 by default, ``None`` or 0 for no
            limit. All clients and crawls of a process that use one host share the limit, the lowest that is set.
        rate_limit_key: Name of a rate limit that is shared with other processes and machines behind the same
            address, such as that address (``"203.0.113.7"``); needs ``rate_limit_store``.
        rate_limit_store: URL of the database that holds it: PostgreSQL
            (``"postgresql://user:password@host/database"``), or a file for the processes of one machine
            (``"sqlite:////var/tmp/tmdb-rate.db"``).
        retries: Retries after the first attempt, 2 by default, or a ``RetryPolicy``.
        base_url: Base URL of the API, TMDB's by default, or several, best first (``["https://api.themoviedb.org/3",
            "https://api.tmdb.org/3"]``): where the first one's host cannot be reached, the next one is called.
        proxy: URL of an HTTP proxy, or an ``httpx.Proxy``; not with a ``base_url`` in plain http, whose token it
            would read. Those of the environment are not used.
        ip_family: ``"ipv4"`` or ``"ipv6"`` connects to addresses of that kind only; ``"auto"``, the default, to
            whichever answers first.
        verify: ``True``, an ``ssl.SSLContext``, or ``False`` to take any certificate.
        event_hooks: Functions to call with each request and each response, as httpx has them:
            ``{"request": [f], "response": [g]}``; coroutine functions for ``AsyncTMDBClient``.
    """

    api_key: str | None
    language: str | None
    region: str | None
    languages: Sequence[str] | None
    session_id: str | None
    guest_session_id: str | None
    timeout: float | httpx.Timeout | None
    total_timeout: float | None
    max_response_size: int | None
    max_connections: int | None
    max_keepalive_connections: int | None
    keepalive_expiry: float | None
    requests_per_second: float | None
    rate_limit_key: str | None
    rate_limit_store: str | None
    retries: int | RetryPolicy
    base_url: str | Sequence[str] | None
    proxy: str | httpx.Proxy | None
    ip_family: IPFamily
    verify: bool | ssl.SSLContext
    event_hooks: Mapping[str, Sequence[Callable[..., Any]]] | None


@dataclass(frozen=True, slots=True)
class ClientOptions:
    """The arguments of a client, checked."""

    credentials: Credentials
    defaults: Mapping[str, Any] = field(repr=False)
    exchange: Exchange
    limits: httpx.Limits
    rate_limit: RateLimit
    shared_limit: SharedLimit | None
    retry: RetryPolicy
    base_urls: tuple[str, ...]
    proxy: httpx.Proxy | None
    ip_family: IPFamily
    verify: bool | ssl.SSLContext
    event_hooks: dict[str, list[Callable[..., Any]]]

    @classmethod
    def from_arguments(
        cls,
        token: str | None,
        arguments: ClientArguments,
        *,
        transport: httpx.BaseTransport | httpx.AsyncBaseTransport | None = None,
        is_blocking: bool = True,
    ) -> ClientOptions:
        """Check the arguments."""
        unknown = set(arguments) - set(_DEFAULTS)
        if unknown:
            raise TypeError(f"unexpected keyword argument {min(unknown)!r}")
        given = {**_DEFAULTS, **arguments}
        for name, value in (*given.items(), ("transport", transport)):
            if library_of(value) not in (None, httpx):
                raise ConfigurationError(
                    f"{name} is {described(value)}: this client stands on httpx, use what has that name there"
                )
        if transport is not None:
            _check_transport(
                transport, httpx.BaseTransport if is_blocking else httpx.AsyncBaseTransport, given
            )
        elif given["verify"] is True:
            check_certificate_variables()
        if not isinstance(given["verify"], bool | ssl.SSLContext):
            raise ConfigurationError(f"verify is {given['verify']!r}: use True, False or an ssl.SSLContext")
        if token is not None and given["api_key"] is not None:
            raise ConfigurationError("token and api_key are both given: give one of them")
        base_urls = _base_urls(given["base_url"])
        proxy = _proxy(given["proxy"])
        if proxy is not None:
            check_no_clear_token("proxy", "base_url", base_urls)
        credentials = Credentials.resolve(token, given["api_key"])
        key, store = given["rate_limit_key"], given["rate_limit_store"]
        shared_limit = None
        if key is not None or store is not None:
            from tmdbfusion_scrapy.rate_store import check_shared_limit

            shared_limit = check_shared_limit(("rate_limit_key", "rate_limit_store"), key, store)
        timeout, retries = _timeout(given["timeout"]), given["retries"]
        return cls(
            credentials=credentials,
            defaults=_defaults(given),
            exchange=Exchange(
                base_urls[0],
                timeout,
                credentials,
                whole_urls=transport is not None,
                proxy_secrets=_proxy_secrets(given["proxy"]),
                total_timeout=_total_timeout(arguments, timeout),
                max_response_size=_whole_number("max_response_size", given, 1),
            ),
            limits=httpx.Limits(
                max_connections=_whole_number("max_connections", given, 1),
                max_keepalive_connections=_whole_number("max_keepalive_connections", given, 0),
                keepalive_expiry=_number("keepalive_expiry", given["keepalive_expiry"], 0, _FROM_ZERO),
            ),
            rate_limit=RateLimit(
                _number("requests_per_second", given["requests_per_second"], 0, _FROM_ZERO) or 0.0
            ),
            shared_limit=shared_limit,
            retry=retries if isinstance(retries, RetryPolicy) else RetryPolicy(times=retries),
            base_urls=base_urls,
            proxy=proxy,
            ip_family=check_ip_family("ip_family", given["ip_family"]),
            verify=given["verify"],
            event_hooks=check_event_hooks(given["event_hooks"]),
        )


_TRANSPORT_DEFAULTS: Final[Mapping[str, Any]] = {
    "max_keepalive_connections": DEFAULT_LIMITS.max_keepalive_connections,
    "keepalive_expiry": DEFAULT_LIMITS.keepalive_expiry,
    "proxy": None,
    "ip_family": "auto",
    "verify": True,
}
"""Arguments of our own transport alone, with their defaults."""

_DEFAULTS: Final[Mapping[str, Any]] = {
    **dict.fromkeys(ClientArguments.__annotations__),
    **_TRANSPORT_DEFAULTS,
    "timeout": 30.0,
    "max_response_size": DEFAULT_MAX_RESPONSE_SIZE,
    "max_connections": DEFAULT_LIMITS.max_connections,
    "requests_per_second": DEFAULT_REQUESTS_PER_SECOND,
    "retries": 2,
}
"""All arguments, with their defaults."""


def _check_transport(transport: object, kind: type[Any], given: Mapping[str, Any]) -> None:
    """Refuse a transport that is none, and what it would be given in vain."""
    if not isinstance(transport, kind):
        raise ConfigurationError(
            f"transport is {described(transport)}: this client needs an httpx.{kind.__name__}, so give one"
        )
    ignored = [name for name, default in _TRANSPORT_DEFAULTS.items() if given[name] != default]
    if ignored:
        raise ConfigurationError(
            f"transport and {', '.join(ignored)} are both given: a transport of your own has its own settings, "
            f"so leave {', '.join(ignored)} out"
        )


def _defaults(given: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the arguments of calls that do not give them."""
    language = check_language("language", given["language"])
    languages = check_languages("languages", given["languages"])
    try:
        sessions = {
            name: hidden(check_secret(name, given[name]))
            for name in ("session_id", "guest_session_id")
            if given[name] is not None
        }
    except ValidationError as error:
        raise ConfigurationError(error.message) from None
    if language and languages:
        raise ConfigurationError(
            "language and languages are both given: the first of languages is the language, so leave language out"
        )
    return {
        "language": languages[0] if languages else language,
        "languages": languages or None,
        "region": check_region("region", given["region"]),
        **sessions,
    }


def _base_urls(value: Any) -> tuple[str, ...]:
    """One base URL, or several, best first; ``None`` for TMDB's."""
    if value is None:
        return (API_URL,)
    if isinstance(value, str) or not isinstance(value, Sequence):
        return (check_url("base_url", str(value), carries_token=True),)
    urls = check_urls("base_url", value, carries_token=True)
    if not urls:
        raise ConfigurationError(f"base_url is {value!r}: it needs one URL at least, such as {API_URL}")
    return urls


def _timeout(value: Any) -> httpx.Timeout:
    """Time-outs; a number is for each of the four."""
    if isinstance(value, httpx.Timeout):
        return value
    return httpx.Timeout(_number("timeout", value, _ABOVE_ZERO, "seconds above 0, an httpx.Timeout, or None"))


def _total_timeout(arguments: ClientArguments, timeout: httpx.Timeout) -> float | None:
    """Seconds for all of an exchange."""
    if "total_timeout" in arguments:
        use = "seconds above 0, or None for no limit"
        return _number("total_timeout", arguments["total_timeout"], _ABOVE_ZERO, use)
    longest = max((seconds for seconds in timeout.as_dict().values() if seconds is not None), default=None)
    return None if longest is None else 10 * longest


def _whole_number(name: str, given: Mapping[str, Any], least: int) -> int | None:
    """Return a whole number; ``None`` for no limit."""
    _number(name, value := given[name], least, use := f"a whole number from {least}, or None for no limit")
    if value is not None and not isinstance(value, int):
        raise ConfigurationError(f"{name} is {value!r}: use {use}")
    return value


def _number(name: str, value: Any, least: float, use: str) -> float | None:
    """Return a number of at least so much; ``None`` for no limit."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value < math.inf:
        raise ConfigurationError(f"{name} is {value!r}: use {use}")
    return float(value)


def _proxy(value: Any) -> httpx.Proxy | None:
    """A proxy for all requests."""
    if isinstance(value, httpx.Proxy):
        return value
    url = check_proxy("proxy", value)
    return None if url is None else httpx.Proxy(url)


def _proxy_secrets(value: Any) -> tuple[str, ...]:
    """Return the texts of a proxy that nothing may show."""
    if isinstance(value, httpx.Proxy):
        user, password = value.raw_auth or (b"", b"")
        found = proxy_secrets(None, value.headers.get("Proxy-Authorization", "").encode())
        return (*found, *proxy_secrets(None, b"Basic " + base64.b64encode(user + b":" + password)))
    return proxy_secrets(None if value is None else str(value))
